# ARGS are passed on: make run ARGS=--debug, make test ARGS="-k purge -x"
ARGS ?=
UV ?= uv
PYTHON ?=
export PYTHON

ROOMS := $(wildcard addresses.py app.py commands.py config.py connections.py database.py environment.py http_server.py logs.py metrics.py origin.py server.py stores.py supervisor.py units.py worker.py crypto embedded front imaging models migrations services storage web benchmarks tests)
PAGES := web/pages/static
TOOLS := cc:gcc curl:curl exiftool:libimage-exiftool-perl faketime:faketime chromium:chromium chromium-headless-shell:chromium-headless-shell pgbouncer:pgbouncer psql:postgresql-client nginx:nginx caddy:caddy openssl:openssl wget:wget node:nodejs promtool:prometheus
ENGINES := firefox-esr:firefox-esr WebKitWebDriver:webkit2gtk-driver Xvfb:xvfb java:default-jre-headless
SWIFT = $(foreach kind,proxy account container object,swift-$(kind)-server:swift-$(kind)) swift-object-expirer:swift-object-expirer \
        swift-ring-builder:swift
# Debian's PostgreSQL, which is of another major version than the embedded one.
OTHER_POSTGRES = $(or $(firstword $(wildcard /usr/lib/postgresql/*/bin/postgres)),postgres):postgresql
# With PYTHONDONTWRITEBYTECODE, each server that a test starts would compile all its modules again.
PYTEST := env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pytest
LOCK := pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

.PHONY: help run test quick browsers cluster faults attack soak check key lock audit release deploy-test fuzz corpus bench clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):  *## \(.*\)/make \1\t\2/p' Makefile

run:  ## serve on BIND, with a PostgreSQL of its own unless DATABASE_URL names one
	@scripts/venv run && exec .venv/bin/python app.py $(ARGS)

test:  ## all tests, in four processes; ARGS=--cov tells too how much of the code they reach
	@scripts/tools $(TOOLS) && scripts/venv dev && exec $(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

quick:  ## the tests that need no browser and no other program and are fast, in less than a minute
	@scripts/venv dev && exec $(PYTEST) --quick -n 3 --dist loadfile $(ARGS)

browsers:  ## the main journey in Firefox and WebKitGTK, and every page before an HTML checker
	@scripts/tools $(TOOLS) $(ENGINES) && scripts/venv dev && exec $(PYTEST) tests/engines/journey.py tests/engines/markup.py $(ARGS)

faults:  ## the proofs of tests/faults in their long form, and the figures of docs/reliability.md
	@scripts/tools $(TOOLS) && scripts/venv dev && export FAULTS=full && exec $(PYTEST) tests/faults $(ARGS)

cluster:  ## databases, object stores and Valkey fail while clients use Mayfly, for two hours; ARGS="failover --times 1", "together --times 1", shards or stores
	@scripts/tools curl:curl faketime:faketime ip:iproute2 unshare:util-linux $(if $(filter-out stores,$(firstword $(ARGS))),,$(SWIFT)) $(if $(filter-out shards,$(firstword $(ARGS))),,$(OTHER_POSTGRES)) && scripts/venv dev && exec .venv/bin/python -m tests.cluster $(ARGS)

attack:  ## every attack on a server of its own for a minute each, and the table of docs/reliability.md; ARGS="--seconds 10"
	@scripts/venv dev && exec .venv/bin/python -m tests.attack $(ARGS)

soak:  ## an hour of steady load, and whether memory, disk or files grow in its second half; goes on after a stop; ARGS="--minutes 10"
	@scripts/venv dev && exec .venv/bin/python -m tests.soak $(ARGS)

check:  ## lint, format, types, spelling, what .github and deploy hold, and whether the pinned PostgreSQL is behind
	@scripts/venv dev
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy --strict $(ROOMS)
	.venv/bin/oxlint --deny-warnings --quiet $(PAGES)
	.venv/bin/oxfmt --check $(PAGES)
	.venv/bin/codespell
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/wish.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml deploy/pinned.yml deploy/pinned-scale.yml
	@sed 's/ !reset / /' docker-compose.scale.yml | .venv/bin/check-jsonschema --builtin-schema vendor.compose-spec --default-filetype yaml -
	.venv/bin/kubernetes-validate --strict --quiet deploy/kubernetes/*.yml
	.venv/bin/zizmor --offline --quiet --no-progress .github
	.venv/bin/python scripts/postgres

key:  ## print a new server key for SECRET_KEYS, where the newest key is the first
	@scripts/venv run && .venv/bin/python -c "from crypto import generate_server_key as key; print(key())"

lock:  ## pin anew what pyproject.toml asks for, with hashes; ARGS=--upgrade for newer versions
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or make lock UV=/path/to/uv" >&2; exit 1; }
	$(UV) $(LOCK) $(ARGS) pyproject.toml -o requirements.txt
	$(UV) $(LOCK) $(ARGS) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	printf '%s\n' bepasty gunicorn | $(UV) $(LOCK) $(ARGS) --python-version 3.11 - -o benchmarks/peer.txt
	@! grep -nE '://|file:|^ *-(i|f|-[a-z-]*(index|links))' requirements.txt requirements-dev.txt benchmarks/peer.txt

audit:  ## compare the pinned packages with the known vulnerabilities
	@scripts/venv dev && exec scripts/audit $(ARGS)

release:  ## the source archive, the image and an SBOM of this commit into dist/, built twice and compared
	@scripts/venv dev && exec scripts/release

fuzz:  ## hostile images for five minutes: what they cost, and whether they are refused or open; ARGS=SECONDS
	@scripts/venv dev && exec .venv/bin/python -m tests.imaging.fuzz $(ARGS)

corpus:  ## a folder of real files through an upload: refused, other pixels, left personal; FOLDER=…
	@test -d "$(FOLDER)" || { echo "make corpus needs a folder of pictures: make corpus FOLDER=/path/to/it" >&2; exit 1; }
	@scripts/tools exiftool:libimage-exiftool-perl chromium:chromium && scripts/venv dev && exec .venv/bin/python -m tests.imaging.real "$(FOLDER)"

deploy-test:  ## the proxies, the systemd unit and the compose file of deploy/, as far as this machine has what they need
	@scripts/venv dev && exec deploy/test

bench:  ## what the speed figures in the docs come from
	@scripts/venv dev && exec .venv/bin/python -m benchmarks.run $(ARGS)

clean:  ## remove what make and the tests built; the data folder stays
	rm -rf .venv dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
