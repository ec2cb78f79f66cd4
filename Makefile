# Everything that CI runs, by name. `make demo` and `make test` need Python 3.11 and nothing else.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help setup demo test soak check format docs bench bench-detect bench-hostile clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(VENV)/ready  ## make a virtual environment with all that development needs

$(VENV)/ready: pyproject.toml constraints.txt $(wildcard src/stopper/*/*.c)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,demo]'
	@touch $@

demo: $(VENV)/ready  ## run an agent in a bottle against a mock provider; no key, under a minute
	@$(BIN)/python examples/demo.py

test: $(VENV)/ready  ## run the tests
	$(BIN)/python -m pytest -q -n 2

soak: $(VENV)/ready  ## run the long forms too, and look for new examples
	$(BIN)/python -m pytest -q -m 'not clients' --hypothesis-profile=search

check: $(VENV)/ready  ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/ready  ## let the formatter decide
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

docs: $(VENV)/ready  ## write the reference from the tables that the product runs on
	@$(BIN)/python docs/generate.py

bench: $(VENV)/ready  ## measure against references in the same run; prints ratios
	@$(BIN)/python -m bench

bench-detect: $(VENV)/ready  ## measure recall and false alarms of detection on every third labelled sample
	@$(BIN)/python -m bench.detect_quality --step 3

bench-hostile: $(VENV)/ready  ## time detection on a megabyte of every twentieth hostile kind
	@$(BIN)/python -m bench.detect_hostile --step 20

clean:  ## remove what was built
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
