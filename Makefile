# ARGS are handed on: make run ARGS=--debug, make test ARGS="-k purge -x"
ARGS ?=
UV ?= uv
PYTHON ?=
export PYTHON

ROOMS := $(wildcard app.py config.py server.py units.py crypto embedded front imaging models migrations services storage web benchmarks tests)
TOOLS := curl:curl exiftool:libimage-exiftool-perl faketime:faketime chromium:chromium pgbouncer:pgbouncer psql:postgresql-client nginx:nginx caddy:caddy openssl:openssl wget:wget node:nodejs
LOCK := pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

.PHONY: help run test faults attack check key lock audit release deploy-test fuzz corpus bench clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):  *## \(.*\)/make \1\t\2/p' Makefile

run:  ## serve on BIND, with a PostgreSQL of its own unless DATABASE_URL names one
	@.ci/venv run && exec .venv/bin/python app.py $(ARGS)

test:  ## the tests, and how much of the code they reach
	@.ci/tools $(TOOLS) && .ci/venv dev && exec .venv/bin/python -m pytest --cov $(ARGS)

faults:  ## the proofs of tests/faults in their long form, and the figures of docs/reliability.md
	@.ci/tools $(TOOLS) && .ci/venv dev && FAULTS=full exec .venv/bin/python -m pytest tests/faults $(ARGS)

attack:  ## every attack on a server of its own for a minute each, and the table of docs/reliability.md; ARGS="--seconds 10"
	@.ci/venv dev && exec .venv/bin/python -m tests.attack $(ARGS)

check:  ## lint, format, types, the workflows of .github, and whether the pinned PostgreSQL is behind
	@.ci/venv dev
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy --strict $(ROOMS)
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/zizmor --offline --quiet --no-progress .github
	.venv/bin/python .ci/postgres

key:  ## a new server key for SECRET_KEYS; the newest goes first
	@.ci/venv run && .venv/bin/python -c "from crypto import generate_server_key as key; print(key())"

lock:  ## pin anew what pyproject.toml asks for, with hashes; ARGS=--upgrade for newer versions
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or make lock UV=/path/to/uv" >&2; exit 1; }
	$(UV) $(LOCK) $(ARGS) pyproject.toml -o requirements.txt
	$(UV) $(LOCK) $(ARGS) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	@! grep -nE '://|file:|^ *-(i|f|-[a-z-]*(index|links))' requirements.txt requirements-dev.txt

audit:  ## compare the pinned packages with the known vulnerabilities
	@.ci/venv dev && exec .ci/audit $(ARGS)

release:  ## the source archive, the image and an SBOM of this commit into dist/, built twice and compared
	@.ci/venv dev && exec .ci/release

fuzz:  ## hostile images for five minutes: what they cost, and whether they are refused or open; ARGS=SECONDS
	@.ci/venv dev && exec .venv/bin/python -m tests.imaging.fuzz $(ARGS)

corpus:  ## a folder of real files through an upload: refused, other pixels, left personal; FOLDER=…
	@test -d "$(FOLDER)" || { echo "make corpus needs a folder of pictures: make corpus FOLDER=/path/to/it" >&2; exit 1; }
	@.ci/tools exiftool:libimage-exiftool-perl chromium:chromium && .ci/venv dev && exec .venv/bin/python -m tests.imaging.real "$(FOLDER)"

deploy-test:  ## the proxies, the systemd unit and the compose file of deploy/, as far as this machine has what they need
	@.ci/venv dev && exec deploy/test

bench:  ## what the speed figures in the docs come from
	@.ci/venv dev && exec .venv/bin/python -m benchmarks.run $(ARGS)

clean:  ## remove what make and the tests built; the data folder stays
	rm -rf .venv dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
