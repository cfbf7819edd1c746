# The whole workflow. `make run` and `make test` set up what they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --disable-pip-version-check --editable
NOTICE := "Setting up $(VENV): the first build of llama-cpp-python takes some minutes on two cores; pip says so as it goes."

# GCC 12 tells too little of what `_tile_loadconfig` reads, and drops the set-up of AMX's tiles: where a processor has
# them, llama.cpp would end the process at its first read.
export CXXFLAGS += -U__AMX_INT8__

.PHONY: help run test lint browser screenshots bench compare fuzz clinics clean
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

run: $(VENV)/.run  ## set up and open the chat in a browser; ARGS="--port 8600" and the like go to copilot ui
	$(BIN)/copilot ui $(ARGS)

test: $(VENV)/.dev  ## set up and run every test (the browser tour where there is a browser: make browser)
	$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## format, style and types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

browser:  ## install what the browser tests and the screenshots need (Debian; as root)
	command -v chromedriver || (apt-get update -q && apt-get install -yq --no-install-recommends chromium chromium-driver)

screenshots: $(VENV)/.dev browser  ## every page and state, wide and narrow, light and dark, into docs/screenshots
	$(BIN)/python -m tests.browser.screenshots

bench: $(VENV)/.dev  ## measure everything, as ratios in one run and one table (runs/bench.md)
	$(BIN)/pip install --disable-pip-version-check --quiet --editable '.[bench]'
	$(BIN)/python -m tests.benchmarks

compare: $(VENV)/.dev  ## the fine-tuned model against larger ones that are prompted; ARGS="--limit 40" and the like
	$(BIN)/finetune compare $(ARGS)

fuzz: $(VENV)/.dev  ## 10,000 spoilt programs and 1,000 spoilt questions, and what must be so after each
	$(BIN)/python -m tests.fuzz

# Your own app: a model for tests/clinics.py. Each step is made once; a training that was stopped goes on.
CLINICS := runs/clinics
FINETUNE := PYTHONPATH=. $(BIN)/python -m tests.measured $(BIN)/finetune
CLINICS_APP := --app tests.clinics:app --database-url sqlite:///$(CLINICS)/clinics.db
CLINICS_QUESTIONS := fixtures/questions/clinics.jsonl
CLINICS_DEV := fixtures/questions/clinics_dev.jsonl

$(CLINICS)/clinics.db: tests/clinics.py | $(VENV)/.dev
	@mkdir -p $(CLINICS)
	$(BIN)/python -m tests.clinics $@

$(CLINICS)/train.jsonl: $(CLINICS)/clinics.db $(wildcard tests/clinics_voices/*.jsonl)
	$(FINETUNE) synthesize $@ $(CLINICS_APP) --voices tests/clinics_voices --fills 6 --composed 900 --avoid $(CLINICS_QUESTIONS) --avoid $(CLINICS_DEV)
	@rm -rf $(CLINICS)/run

$(CLINICS)/adapter.gguf: $(CLINICS)/train.jsonl
	$(FINETUNE) train $< --out $(CLINICS)/run --resume --start copilot/model/adapters/fulfilment.gguf --lr 5e-4 --epochs 2 --micro-tokens 400
	$(FINETUNE) export $(CLINICS)/run --out $@ --data $<

clinics: $(CLINICS)/adapter.gguf  ## a model for another app, tests/clinics.py: made, trained, asked 100 questions
	$(FINETUNE) evaluate $(CLINICS_QUESTIONS) $(CLINICS_APP) --model $<

clean:  ## remove the environment
	rm -rf $(VENV)
