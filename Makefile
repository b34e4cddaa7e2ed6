# Needs Python 3.11 or newer with pip, and make. Everything else is installed below .venv and
# node_modules from hash-locked lists; a second run finds it there.
#
#   make demo [ONCE=1] [LAN=1]   a campus to try, on an embedded PostgreSQL
#   make test [ARGS=...]         all tests, browser tests included (ARGS go to pytest)
#   make check                   style, types, one-way streets, migrations
#   make bench [ONLY=part]       figures beside their baselines, also in bench.json
#   make lock                    resolve requirements/*.in anew
#   make messages                collect texts for translation (needs gettext)
#   make clean                   remove what make built; the demo's data stays in var/

SHELL := /bin/sh
.DEFAULT_GOAL := build
.PHONY: build demo test check bench lock messages clean

# Each worker has a PostgreSQL and a Chromium of its own; a third of the tests' time is waiting.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n + 1 : 4)))
VENV := .venv
BIN := $(VENV)/bin
PYTHON_STAMP := $(VENV)/.installed
NODE_STAMP := node_modules/.installed
PORTAL_STAMP := build/.portal
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard ecard/locale/*/LC_MESSAGES/*.po))
PORTAL_SOURCES := $(shell find ecard/portal/js -name '*.js' 2>/dev/null)

export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

# Trust what the machine trusts, a company's own proxy included.
SYSTEM_CERTIFICATES := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt))
ifneq ($(SYSTEM_CERTIFICATES),)
export UV_SYSTEM_CERTS := 1
export NODE_EXTRA_CA_CERTS ?= $(SYSTEM_CERTIFICATES)
endif

# Caches need a home that can be written.
ifneq ($(shell [ -n "$$HOME" ] && [ -d "$$HOME" ] && [ -w "$$HOME" ] && echo yes),yes)
export HOME := $(CURDIR)/build/home
$(shell mkdir -p "$(CURDIR)/build/home")
endif

# The machine's own Node from 18 on, else the wheel's.
WITH_NODE := if ! { command -v npm && node -e 'process.exit(+(parseInt(process.versions.node) < 18))'; } \
	>/dev/null 2>&1; then PATH="$(CURDIR)/$(BIN):$$PATH"; export PATH; fi;

build: $(PYTHON_STAMP) $(PORTAL_STAMP) $(CATALOGUES)

demo: build
	@$(BIN)/python -m ecard.demo $(if $(filter 1,$(ONCE)),--once) $(if $(filter 1,$(LAN)),--lan)

test: build
	@$(BIN)/python -m tests.support.chromium
	$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),-n $(WORKERS) --no-loadscope-reorder)

check: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m ecard.embedded run --settings ecard.settings.test -- \
		$(BIN)/python manage.py makemigrations --check --dry-run

bench: build
	$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

# Python

# Kept once made, whatever changes: a running demo stands on it.
$(BIN)/python:
	@for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3 python; do \
		if $$candidate -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			found=$$candidate; break; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "No Python 3.11 or newer was found. Install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$found ..."; \
	rm -rf $(VENV) && { $$found -m venv $(VENV) >/dev/null 2>&1 || \
		{ rm -rf $(VENV); $$found -m venv --without-pip $(VENV); }; }

$(BIN)/uv: requirements/uv.txt | $(BIN)/python
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then installer="$(BIN)/python -m pip"; else \
		installer="$$($(BIN)/python -c 'import sys; print(sys._base_executable)') -m pip --python $(BIN)/python"; \
	fi; \
	$$installer install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

$(PYTHON_STAMP): $(BIN)/uv requirements/dev.txt requirements/uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements/dev.txt requirements/uv.txt
	@touch $@

# Resolved for every platform and Python from 3.11 on; no address and no path is written down.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --override requirements/overrides.txt

lock: $(BIN)/uv
	$(COMPILE) requirements/dev.in -o requirements/dev.txt
	$(COMPILE) requirements/base.in -c requirements/dev.txt -o requirements/base.txt
	$(COMPILE) requirements/sdk.in -c requirements/dev.txt -o requirements/sdk.txt
	$(COMPILE) requirements/uv.in -o requirements/uv.txt

# The cardholder's page

$(NODE_STAMP): package.json package-lock.json .npmrc $(PYTHON_STAMP)
	@$(WITH_NODE) npm ci --silent
	@touch $@

$(PORTAL_STAMP): $(NODE_STAMP) esbuild.config.mjs $(PORTAL_SOURCES)
	@$(WITH_NODE) npm run --silent build
	@touch $@

# Translations

%.mo: %.po $(PYTHON_STAMP)
	@$(BIN)/pybabel --quiet compile --input-file=$< --output-file=$@ --locale=$(word 3,$(subst /, ,$<))

messages: $(PYTHON_STAMP)
	@command -v xgettext >/dev/null || { echo "Collecting texts needs gettext: apt-get install gettext" >&2; exit 1; }
	DJANGO_SETTINGS_MODULE=ecard.settings.test $(BIN)/python manage.py makemessages --locale zh_Hans \
		--no-wrap --add-location file --ignore '.venv/*' --ignore 'node_modules/*' --ignore 'build/*' \
		--ignore 'var/*' --ignore 'tests/*' --ignore 'devices/*' --ignore 'firmware_sim/*'

clean:
	rm -rf $(VENV) node_modules build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache bench.json
	find ecard devices firmware_sim tests -name __pycache__ -prune -exec rm -rf {} +
	rm -f $(CATALOGUES)
