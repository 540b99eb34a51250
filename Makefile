PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help run test faults cluster-test bench audit lint format docker-test clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## /\1\t/p' $(MAKEFILE_LIST)

run: $(VENV)/run ## start the service on port 5003, with a stand-in user-service where none is named
	@$(BIN)/python -m tests.demo

test: $(VENV)/test ## run the test suite; set TEST_DATABASE_URL for its MySQL half
	@$(BIN)/python -m pytest

faults: $(VENV)/test ## try every fault many times, and print what was found; needs TEST_DATABASE_URL
	@FAULTS=many $(BIN)/python -m pytest tests/faults

cluster-test: $(VENV)/test ## try a Galera cluster, whose three nodes CLUSTER_URLS names
	@FAULTS=many $(BIN)/python -m pytest tests/faults/cluster.py

bench: $(VENV)/test ## measure the service beside a floor; needs wrk and TEST_DATABASE_URL
	@$(BIN)/python -m tests.benchmark

audit: $(VENV)/test ## ask PyPI for known vulnerabilities of what the service runs on
	@$(BIN)/pip-audit --requirement requirements.txt

lint: $(VENV)/test ## check the code's style
	@$(BIN)/ruff check && $(BIN)/ruff format --check

format: $(VENV)/test ## mend the code's style
	@$(BIN)/ruff check --fix && $(BIN)/ruff format

docker-test: $(VENV)/test ## build and try the containers; needs a Docker engine
	@$(BIN)/python -m pytest tests/docker_compose.py

clean: ## remove the virtual environment and the caches; the data stay
	rm -rf $(VENV) .hypothesis .pytest_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run: requirements.txt | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/test: tests/requirements.txt requirements.txt | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@
