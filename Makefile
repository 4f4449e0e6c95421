# A dozen words; `make help` lists them. Everything runs from .venv, which `make setup` makes.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
LOCAL_PORT ?= 4566
export LOCAL_PORT
export PATH := $(BIN):$(CURDIR)/.venv/sam/bin:$(PATH)

.PHONY: help setup demo up down test check lint types validate lock clean

help: ## List these words
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

setup: .venv/.ready ## Install everything into .venv (the other words do it by themselves)

.venv/.ready: requirements/uv.txt requirements/dev.txt requirements/sam.txt requirements/emulator.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.13 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@for tool in sam emulator; do \
	  test -x .venv/$$tool/bin/python || $(PYTHON) -m venv --without-pip .venv/$$tool; \
	  $(BIN)/uv pip install --quiet --python .venv/$$tool/bin/python --require-hashes -r requirements/$$tool.txt; \
	done
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

lock: setup ## Resolve the dependencies anew, with hashes
	@uv pip compile --quiet --no-header --no-emit-index-url --generate-hashes --python-version 3.11 --universal --upgrade layers/core/requirements.in -o layers/core/requirements.txt
	@for set in uv dev sam emulator; do uv pip compile --quiet --no-header --no-emit-index-url --generate-hashes --python-version 3.11 --upgrade requirements/$$set.in -o requirements/$$set.txt; done

clean: ## Remove what was built and installed here
	@rm -rf .venv .aws-sam .local
