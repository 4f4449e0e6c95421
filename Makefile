# A dozen words; `make help` lists them. Everything runs from .venv, which `make setup` makes.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
LOCAL_PORT ?= 4566
LOCAL_HOST ?= 127.0.0.1
export LOCAL_PORT LOCAL_HOST
export PATH := $(BIN):$(PATH)

PYTEST_ARGS ?= -n 2

.PHONY: test-faults test-sam-local bench help setup demo up down invoke test check lint types validate lock clean

help: ## List these words
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

setup: .venv/.ready ## Install everything into .venv (the other words do it by themselves)

.venv/.ready: requirements/uv.txt requirements/dev.txt requirements/sam.txt requirements/emulator.txt requirements/faults.txt requirements/simulator/package-lock.json pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.13 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@for tool in sam emulator faults; do \
	  test -x .venv/$$tool/bin/python || $(PYTHON) -m venv --without-pip .venv/$$tool; \
	  $(BIN)/uv pip install --quiet --python .venv/$$tool/bin/python --require-hashes -r requirements/$$tool.txt; \
	done
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@ln -sf ../sam/bin/sam $(BIN)/sam
	@if command -v npm >/dev/null; then \
	  mkdir -p .venv/simulator && cp requirements/simulator/package*.json .venv/simulator && \
	  npm ci --prefix .venv/simulator --ignore-scripts --no-audit --no-fund --silent; \
	else echo "Without npm, one test is skipped: tests/integration/test_policy_simulation.py"; fi
	@touch $@

demo: setup ## Run the main job on a local AWS of its own and show what came of it
	@python -m distributary_local demo

up: setup ## Start a local AWS with everything deployed, and leave it running (LOCAL_PORT)
	@python -m distributary_local up

down: setup ## Stop it
	@python -m distributary_local down

invoke: setup ## Run a function in Lambda's own image on an event (EVENT, FUNCTION); Docker
	@python -m distributary_local invoke "$(or $(EVENT),EVENT)" --function "$(or $(FUNCTION),DeliverToOwner)"

test: setup ## Run all tests (ENGINE=sdk: on boto3 throughout)
	@python -m pytest $(PYTEST_ARGS)

test-faults: setup ## Run the tests that inject AWS's faults
	@FAULTS=1 python -m pytest -n 0 tests/integration/test_faults_injected.py

test-sam-local: setup ## Run the tests in Lambda's own image; Docker
	@SAM_LOCAL=1 python -m pytest -n 0 tests/sam_local $(PYTEST_ARGS)

bench: setup .venv/bench/.ready ## Measure against the marks, in minutes (JSON=1, ONLY=warm, PROFILE=1, GROWTH=file)
	@python -m benchmarks $(if $(JSON),--json) $(if $(PROFILE),--profile) $(if $(GROWTH),--growth $(GROWTH)) $(foreach group,$(ONLY),--only $(group))

bench-record: setup .venv/bench/.ready ## Measure anew what docs/performance.md shows: ten minutes on a quiet machine
	@python -m benchmarks --json > .venv/bench/result.json || test $$? = 1 # a missed mark is recorded, too
	@python -m benchmarks --growth .venv/bench/growth.json
	@for kind in result growth; do cp .venv/bench/$$kind.json benchmarks/results/$${kind/result/bench}-$$(date -u +%F).json; done
	@python -m benchmarks.document

.venv/bench/.ready: requirements/bench.txt | .venv/.ready
	@test -x .venv/bench/bin/python || $(PYTHON) -m venv --without-pip .venv/bench
	@$(BIN)/uv pip install --quiet --python .venv/bench/bin/python --require-hashes -r requirements/bench.txt
	@touch $@

check: test lint types validate ## What CI runs

lint: setup ## Look at style and formatting
	@ruff check .
	@ruff format --check .

types: setup ## Check the types
	@mypy

validate: setup ## Validate the templates, with cfn-lint
	@for template in template.yaml accounts/*/template.yaml; do \
	  AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 sam validate --lint --template $$template; \
	done

lock: setup ## Resolve the dependencies anew, with hashes
	@uv pip compile --quiet --no-header --no-emit-index-url --generate-hashes --python-version 3.11 --universal --upgrade layers/core/requirements.in -o layers/core/requirements.txt
	@for set in uv dev sam emulator faults bench; do uv pip compile --quiet --no-header --no-emit-index-url --generate-hashes --python-version 3.11 --upgrade requirements/$$set.in -o requirements/$$set.txt; done
	@cd requirements/simulator && npm update --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund --silent # names no registry

clean: ## Remove what was built and installed here
	@rm -rf .venv .aws-sam .local
