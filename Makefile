# `make` lists the tasks. They need Python 3.11 with venv, and make; the image's also an engine. Nothing is installed
# outside this folder.

PYTHON ?= python3
VENV ?= .venv
DIR ?= examples/hello
PORT ?= 8000
ARGS ?=

PIP = bin/python -m pip --quiet --disable-pip-version-check
LOCKED = install --require-hashes --requirement
EDITABLE = install --no-deps --no-build-isolation --editable
# As of when the locks are made: every platform, from this Python on.
LOCK = pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet
PROJECT_SIDE = appliance/__init__.py appliance/masking.py appliance/ownership.py appliance/protocol appliance/server appliance/worker
YAMLLINT = {extends: default, rules: {line-length: {max: 120}, document-start: disable}}

.DEFAULT_GOAL := help
.PHONY: help check test soak fuzz bench docs workflows lock release serve image up down clean
.DELETE_ON_ERROR:

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: $(VENV)/made ## lint, types, layers
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --python-version 3.10 $(PROJECT_SIDE)  # it runs on the project's Python
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile .devcontainer/Dockerfile appliance/templates/devcontainer/Dockerfile
	$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml .devcontainer/docker-compose.yml appliance/templates/devcontainer/docker-compose.yml
	$(VENV)/bin/yamllint --strict -d '$(YAMLLINT)' docker-compose.yml .devcontainer appliance/templates

test: $(VENV)/made ## run every test; those of the image where an engine answers (ARGS=... for pytest)
	$(VENV)/bin/python -m pytest -n auto --dist worksteal $(ARGS)

fuzz: $(VENV)/made ## look for bytes that the server reads wrong (ARGS="--seconds 60"; without ARGS ten minutes)
	-$(VENV)/$(PIP) $(LOCKED) locks/fuzz.txt  # has wheels for few platforms
	$(VENV)/bin/python -m tests.fuzz $(or $(ARGS),--seconds 600)

bench: $(VENV)/made ## measure ours and the peers in one run; needs wrk (ARGS=--help)
	$(VENV)/bin/python -m benchmarks.request
	$(VENV)/bin/python -m benchmarks.log
	$(VENV)/bin/python -m benchmarks.throughput $(ARGS)
	$(VENV)/bin/python -m benchmarks.reload

soak: $(VENV)/made ## ten minutes of load by clients that leave, stall, reset and lie (ARGS="--seconds 60 --seed 1")
	$(VENV)/bin/python -m tests.soak.load $(ARGS)
	$(VENV)/bin/python -m tests.soak.edits $(EDITS)
	$(VENV)/bin/python -m tests.soak.crowd $(CROWD)
	$(VENV)/bin/python -m tests.fuzz $(or $(FUZZ),--seconds 600)

docs: $(VENV)/made ## build the documentation's site into .site/html, with every warning an error
	$(VENV)/bin/python -m tools.site

workflows: $(VENV)/made ## lint .github
	$(VENV)/bin/actionlint
	$(VENV)/bin/zizmor --offline --quiet .github

lock: $(VENV)/made ## resolve every dependency again, and write versions and hashes into locks/
	$(VENV)/bin/uv $(LOCK) --upgrade pyproject.toml $(foreach group,dev docs image release workflows,--group $(group)) --output-file locks/develop.txt
	$(VENV)/bin/uv $(LOCK) --constraint locks/develop.txt pyproject.toml --output-file locks/appliance.txt
	$(foreach group,build debugger fuzz,$(VENV)/bin/uv $(LOCK) --constraint locks/develop.txt --group $(group) --output-file locks/$(group).txt &&) true

release: $(VENV)/made ## write a new version everywhere: make release VERSION=0.3.0
	$(VENV)/bin/python -m tools.release prepare '$(VERSION)'

serve: $(VENV)-serve/made ## serve examples/hello, or DIR=../mine, without Docker (PORT=8000)
	@exec $(VENV)-serve/bin/python -I -m appliance serve --project '$(DIR)' --port '$(PORT)'

image: ## build the image wsgi-appliance
	docker build --tag wsgi-appliance .

up: ## serve with Docker: docker compose up (PROJECT_DIR=../mine, PUBLISH_PORT=8001)
	docker compose up --build

down: ## stop it, and remove its container
	docker compose down

clean: ## remove what was made here: environments, caches
	rm -rf $(VENV) $(VENV)-serve .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .bench .site build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- environments: made anew when what they are made from has changed -------------------------------------------------

$(VENV)/made: pyproject.toml locks/develop.txt
	@$(python_is_fit)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/$(PIP) $(LOCKED) locks/develop.txt
	$(VENV)/$(PIP) $(EDITABLE) .
	@touch $@

$(VENV)-serve/made: pyproject.toml locks/appliance.txt locks/build.txt
	@$(python_is_fit)
	$(PYTHON) -m venv $(VENV)-serve
	$(VENV)-serve/$(PIP) $(LOCKED) locks/appliance.txt --requirement locks/build.txt
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
