# The whole workflow. `make run` and `make test` set up what they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --disable-pip-version-check --editable
NOTICE := "Setting up $(VENV): the first build of llama-cpp-python takes some minutes on two cores; pip says so as it goes."

.PHONY: help run test lint bench fuzz clean
help:  ## what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	@echo $(NOTICE)
	$(INSTALL) .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo $(NOTICE)
	$(INSTALL) '.[finetune,dev]'
	@touch $@ $(VENV)/.run

run: $(VENV)/.run  ## set up, build the demo world, answer three questions in the terminal
	$(BIN)/copilot ask "Which three warehouses have the most H100s free?"
	$(BIN)/copilot ask "How many orders are late in each region?"
	$(BIN)/copilot ask "What if Memphis closes and GPU demand in Europe goes up 20%?"

test: $(VENV)/.dev  ## set up and run every test
	$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## format, style and types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

bench: $(VENV)/.dev  ## measure, as ratios in one run
	$(BIN)/python -m tests.benchmarks

fuzz: $(VENV)/.dev  ## 10,000 spoilt programs and 1,000 spoilt questions, and what must be so after each
	$(BIN)/python -m tests.fuzz

clean:  ## remove the environment
	rm -rf $(VENV)
