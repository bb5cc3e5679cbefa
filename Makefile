# `make quickstart` and `make test` work in a fresh clone: each first makes
# the virtual environment `.venv` from setup.cfg. PYTHON picks the interpreter.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: quickstart test test-all test-lowest test-consumers lint format docs \
	results-cpu clean

# Where TensorFlow Datasets keeps MNIST and CIFAR-10, for results-cpu.
DATA_DIR ?= $(HOME)/tensorflow_datasets

$(BIN)/.installed: setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@

quickstart: $(BIN)/.installed
	$(BIN)/python -m trainers.quickstart --run_dir=runs/quickstart

test: $(BIN)/.installed
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal -m "not slow"

# Also the slow tests, and every objective x parameterization x network: hours.
test-all: $(BIN)/.installed
	FRED_TF_ALL_CELLS=1 $(BIN)/python -m pytest --numprocesses=auto \
		--dist=worksteal

# `make test` at the lowest versions that setup.cfg allows, in a virtual
# environment of its own.
test-lowest: .venv-lowest/.installed
	.venv-lowest/bin/python -m pytest --numprocesses=auto \
		--dist=worksteal -m "not slow"

.venv-lowest/.installed: setup.cfg pyproject.toml constraints/lowest.txt
	test -x .venv-lowest/bin/python || $(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --upgrade pip
	.venv-lowest/bin/python -m pip install --quiet --editable ".[test]" \
		--constraint constraints/lowest.txt
	touch $@

# What is skipped where PyTorch, JAX and `datasets` are missing: gigabytes.
test-consumers: $(BIN)/.consumers-installed
	$(BIN)/python -m pytest -m "not slow" tests/export/readme_test.py \
		tests/trainers/elsewhere tests/benchmarks/gpu_norm_test.py

$(BIN)/.consumers-installed: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[consumers]"
	touch $@

# Rows of RESULTS.md that need no accelerator, more than a day on two cores, and
# no repeats; stopped, it continues.
results-cpu: $(BIN)/.installed
	$(BIN)/python -m trainers.results --data_dir=$(DATA_DIR)

lint: $(BIN)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(BIN)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The site, in build/site; what it warns of is an error.
docs: $(BIN)/.docs-installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

$(BIN)/.docs-installed: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) .venv-lowest build *.egg-info
