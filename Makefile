# `make` lists the tasks. They need make and Python 3.11 with venv; the tasks of the image also need an engine. Nothing is
# installed outside this folder.

PYTHON ?= python3
VENV ?= .venv
DIR ?= examples/hello
PORT ?= 8000
ARGS ?=

PIP = bin/python -m pip --quiet --disable-pip-version-check
LOCKED = install --require-hashes --requirement
EDITABLE = install --no-deps --no-build-isolation --editable
# uv needs seconds where pip needs a minute. It reads none of pip's files: where the index is named there, pip installs.
define install_locked
	$(1)/$(PIP) $(LOCKED) locks/installer.txt
	$(1)/bin/uv pip install --quiet --python $(1)/bin/python $(if $(PIP_INDEX_URL),--default-index '$(PIP_INDEX_URL)') --require-hashes $(2) \
	  || { echo "uv could not install: pip does" >&2; $(1)/$(PIP) install --require-hashes $(2); }
endef
# The locks are for every platform, and for this Python and newer ones. There is no uv.lock: it would contain the address
# of the index that it was made with.
LOCK = pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet
PROJECT_SIDE = appliance/__init__.py appliance/conventions.py appliance/masking.py appliance/ownership.py appliance/package_names.py appliance/plural.py appliance/protocol appliance/server appliance/worker
# pytest keeps the test modules that it has compiled: with them, each of its processes collects the tests in half the time.
unexport PYTHONDONTWRITEBYTECODE
# `make quick`: the tests of single modules, without the few that start other Pythons again and again.
QUICK = $(addprefix tests/,assistants config dependencies desk discovery identity logs protocol remedies server standin supervisor telemetry watch worker) \
  $(addprefix --ignore=tests/worker/snapshot/test_,imported_ahead.py newer_pythons.py random_saves.py)
YAMLLINT = {extends: default, rules: {line-length: {max: 120}, document-start: disable}}

.DEFAULT_GOAL := help
.PHONY: help check lint types quick test pages browser pictures soak fuzz mutants bench docs workflows lock release serve image up down clean
.DELETE_ON_ERROR:

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: lint types ## lint, types, layers

lint: $(VENV)/made
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile .devcontainer/Dockerfile appliance/templates/devcontainer/Dockerfile
	$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml .devcontainer/docker-compose.yml appliance/templates/devcontainer/docker-compose.yml
	$(VENV)/bin/yamllint --strict -d '$(YAMLLINT)' docker-compose.yml .devcontainer appliance/templates

types: $(VENV)/made
	$(VENV)/bin/mypy --python-version 3.10 $(PROJECT_SIDE)  # it runs on the project's Python

quick: $(VENV)/made ## run the tests of single modules, in under a minute (ARGS=... for pytest)
	$(VENV)/bin/python -m pytest -q -rfE -n auto --dist worksteal $(QUICK) $(ARGS)

test: $(VENV)/made ## run the tests; the image's only if an engine answers (ARGS=... for pytest; APPLIANCE_TESTS_FORM=whole: every test)
	$(VENV)/bin/python -m pytest -n auto --dist worksteal $(ARGS)

pages: $(VENV)/made ## write the pages that are made from the code: settings, events, commands, packages, modules
	$(VENV)/bin/python -m tools.pages

browser: $(VENV)/browser ## install what the tests in tests/browser need: playwright, axe-core, the Nu HTML checker; needs npm

pictures: $(VENV)/browser ## photograph the pages of a running appliance, for docs/pages.md and docs/desk.md
	$(VENV)/bin/python -m tools.pictures
	$(VENV)/bin/python -m tools.desk_pictures

fuzz: $(VENV)/made ## look for bytes that the server reads wrongly, for ten minutes (ARGS="--seconds 60")
	-$(VENV)/$(PIP) $(LOCKED) locks/fuzz.txt  # has wheels for few platforms
	$(VENV)/bin/python -m tests.fuzz $(or $(ARGS),--seconds 600)

mutants: $(VENV)/made ## look for changes of the code that no test notices (ARGS="appliance/server/pool/thread_pool.py")
	$(VENV)/$(PIP) $(LOCKED) locks/mutants.txt
	$(VENV)/bin/python -m tools.mutants $(ARGS)

bench: $(VENV)/made $(VENV)/browser ## measure the appliance and other servers in one run; needs wrk, chromium, npm (ARGS=--help)
	$(VENV)/bin/python -m benchmarks.request
	$(VENV)/bin/python -m benchmarks.log
	$(VENV)/bin/python -m benchmarks.queries
	$(VENV)/bin/python -m benchmarks.throughput $(ARGS)
	$(VENV)/bin/python -m benchmarks.reload
	$(VENV)/bin/python -m benchmarks.pages
	$(VENV)/bin/python -m benchmarks.pins

soak: $(VENV)/made ## ten minutes of load by clients that leave, stall, reset and send bad framing, and saves at random (ARGS="--seconds 60 --seed 1")
	$(VENV)/bin/python -m tests.soak.load $(ARGS)
	$(VENV)/bin/python -m tests.soak.edits $(EDITS)
	$(VENV)/bin/python -m tests.soak.crowd $(CROWD)
	$(VENV)/bin/python -m tests.soak.mutated_saves $(or $(MUTATED),--seconds 600)
	$(VENV)/bin/python -m tests.fuzz $(or $(FUZZ),--seconds 600)
	APPLIANCE_TESTS_FORM=thorough $(VENV)/bin/python -m pytest -n auto --dist worksteal --timeout 1800 -m "not docker" $$(grep -rlE 'THOROUGH|hypothesis' tests --include='test_*.py')

docs: $(VENV)/made ## build the documentation's site into .site/html; a warning is an error
	$(VENV)/bin/python -m tools.site

workflows: $(VENV)/made ## lint .github
	$(VENV)/bin/actionlint
	$(VENV)/bin/zizmor --offline --quiet .github
	$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))

lock: $(VENV)/made ## resolve every dependency again, and write versions and hashes into locks/
	$(VENV)/bin/uv $(LOCK) --upgrade pyproject.toml $(foreach group,dev docs image release workflows,--group $(group)) --output-file locks/develop.txt
	$(VENV)/bin/uv $(LOCK) --constraint locks/develop.txt pyproject.toml --output-file locks/appliance.txt
	$(foreach group,build installer debugger fuzz mutants browser,$(VENV)/bin/uv $(LOCK) --constraint locks/develop.txt --group $(group) --output-file locks/$(group).txt &&) true

release: $(VENV)/made ## write a new version everywhere: make release VERSION=0.3.0
	$(VENV)/bin/python -m tools.release prepare '$(VERSION)'

serve: $(VENV)-serve/made ## serve examples/hello, or DIR=../mine, without Docker (PORT=8000)
	@exec $(VENV)-serve/bin/python -I -m appliance serve --project '$(DIR)' --port '$(PORT)'

image: ## build the image wsgi-appliance
	docker build --tag wsgi-appliance --build-arg 'APPLIANCE_FOLDER=$(CURDIR)' .

up: ## serve with Docker: docker compose up (PROJECT_DIR=../mine, PUBLISH_PORT=8001)
	docker compose up --build

down: ## stop it and remove its container
	docker compose down

clean: ## remove the environments and caches that were made here
	rm -rf $(VENV) $(VENV)-serve .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .mutants .bench .site build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- environments: made again when the files that they are made from have changed -------------------------------------

$(VENV)/made: pyproject.toml locks/develop.txt locks/installer.txt
	@$(python_is_fit)
	$(PYTHON) -m venv $(VENV)
	$(call install_locked,$(VENV),--requirement locks/develop.txt)
	$(VENV)/$(PIP) $(EDITABLE) .
	@touch $@

$(VENV)/browser: $(VENV)/made locks/browser.txt locks/npm/package-lock.json
	$(VENV)/$(PIP) $(LOCKED) locks/browser.txt
	rm -rf $@ && mkdir $@
	cp locks/npm/package.json locks/npm/package-lock.json $@
	npm ci --prefix $@ --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(VENV)-serve/made: pyproject.toml locks/appliance.txt locks/build.txt locks/installer.txt
	@$(python_is_fit)
	$(PYTHON) -m venv $(VENV)-serve
	$(call install_locked,$(VENV)-serve,--requirement locks/appliance.txt --requirement locks/build.txt)
	$(VENV)-serve/$(PIP) $(EDITABLE) .
	@touch $@

# Debian and Ubuntu ship venv and ensurepip apart from Python.
define python_is_fit
command -v '$(PYTHON)' >/dev/null || { \
  echo "Found no program '$(PYTHON)'; expected Python 3.11 or newer. Install it (Debian, Ubuntu: apt install python3 python3-venv), or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }; \
'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "Found $$('$(PYTHON)' --version); expected Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }; \
'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || { \
  echo "Found $$('$(PYTHON)' --version) without venv; expected the module venv. Install it (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
endef
