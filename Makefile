PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL_LOCKED = echo 'Installing $<' && $(PIP_INSTALL) --require-hashes -r $<
# Universal: one lock for every platform and for Python 3.11 and newer.
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes \
	--python-version 3.11 --custom-compile-command 'make lock'
WITHOUT_PROCESSES = $(addprefix tests/,api checker conditions database keys user_service)

.DELETE_ON_ERROR: # so that a failed `python -m venv` is tried again by the next make
.PHONY: help install run check test test-all faults cluster-test bench instructions audit lint format lock docker-test clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.service ## install the service and what it needs in .venv

run: $(VENV)/.service ## start the service on port 5003, or PORT=..., with a stand-in for user-service if none is set
	@$(BIN)/python -m demo $(PORT)

check: $(VENV)/.tests ## run the tests that start no process, in seconds: for while you edit
	@$(BIN)/python -m pytest --quiet -m "not slow" $(WITHOUT_PROCESSES) --ignore tests/api/test_races.py

test: $(VENV)/.tests ## run the tests but the slow ones; set TEST_DATABASE_URL to test on MySQL, too
	@$(BIN)/python -m pytest -m "not slow"

test-all: $(VENV)/.tests ## run all tests; with TEST_DATABASE_URL, on MySQL, too
	@$(BIN)/python -m pytest

faults: $(VENV)/.tests ## repeat each fault many times and print what happened; needs TEST_DATABASE_URL
	@FAULTS=many $(BIN)/python -m pytest tests/faults

cluster-test: $(VENV)/.tests ## test on a cluster of any kind; set CLUSTER_URLS to the URLs of its three nodes
	@FAULTS=many $(BIN)/python -m pytest tests/clusters

bench: $(VENV)/.tests ## measure speed; needs wrk and TEST_DATABASE_URL
	@$(BIN)/python -m tests.benchmark

instructions: $(VENV)/.tests ## count the processor's instructions for each request; needs valgrind and TEST_DATABASE_URL
	@$(BIN)/python -m tests.benchmark.instructions

audit: $(VENV)/.tests ## look for known vulnerabilities in the packages that the service needs
	@$(BIN)/pip-audit --disable-pip --require-hashes --requirement requirements.txt

lint: $(VENV)/.tests ## check style and types
	@$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy

format: $(VENV)/.tests ## fix the style
	@$(BIN)/ruff check --fix && $(BIN)/ruff format

lock: $(BIN)/python ## update both requirements.txt after a change of requirements.in
	@$(PIP_INSTALL) uv==0.13.9
	@$(COMPILE) --output-file requirements.txt requirements.in
	@$(COMPILE) --output-file tests/requirements.txt tests/requirements.in

docker-test: $(VENV)/.tests ## build the containers and test them; needs Docker
	@$(BIN)/python -m pytest tests/docker

clean: ## delete .venv and all caches, but no data
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.service: requirements.txt | $(BIN)/python
	@$(INSTALL_LOCKED)
	@touch $@

# These hold the service's packages too, so that one installation serves both.
$(VENV)/.tests: tests/requirements.txt | $(BIN)/python
	@$(INSTALL_LOCKED)
	@touch $@ $(VENV)/.service
