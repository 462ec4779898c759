# make course   from data to attribution: makes the embedded corpus, runs every notebook, writes the site of what ran
# make test     the test suite
# make lab      the notebooks in JupyterLab; on a remote machine: make lab IP=0.0.0.0 PORT=8888, or ssh -L (see README)
# make site     the same site from the committed results, without running a notebook, in build/site/html
# make lint     ruff and mypy
# make test-notebooks   every notebook on the embedded default, on published corpora, and with a GPU profile's stand-in
# make test-browser     recorder, reward lab and notebooks in a real Chromium (Debian's packages chromium, chromium-driver)
# make rehearse the way of a GPU profile with random weights at real size: make rehearse PROFILE=gpu-24gb (half an hour and 20 GB of disk on a CPU)
# make gpu      what wants a card, measured on this machine's, for 45 minutes at most; give it again to go on
# make compat   seam, conformance and reward tests with the oldest and newest supported trl and transformers
# make hashes   writes constraints-hashed.txt anew, after a change of constraints.txt
# make clean    removes what the others made, .venv included
#
# Each sets up .venv by itself, and repeats cheaply. Another interpreter: make test PYTHON=/path/to/python3.11

PYTHON ?= $(firstword $(shell command -v python3.11) python3)
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Jupyter refuses to run as root, as in a container, unless it is told that this is meant.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
IP ?= 127.0.0.1
PORT ?= 8888
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

.PHONY: course site test test-notebooks test-browser lab lint compat clean setup hashes rehearse gpu
.DEFAULT_GOAL := course

setup: $(STAMP)

$(STAMP): pyproject.toml data_scripts/corpora/pyproject.toml notebooks/pyproject.toml constraints.txt constraints-hashed.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 5) and "emolab needs Python 3.11.5 or newer: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (the first time takes some minutes)"
	@$(PIP) install --require-hashes --no-deps -r constraints-hashed.txt
	@$(PIP) install -c constraints.txt torch
	@$(PIP) install --no-deps --no-build-isolation -e . -e data_scripts/corpora -e notebooks
	@touch $@

# After a change of constraints.txt: the hashes of every file that the index holds of each pin. PyTorch's wheels for one
# processor or another lie on several indexes, so torch, and what its GPU wheels bring, are installed without hashes.
hashes: $(STAMP)
	@$(PIP) install uv
	@grep -v '^torch==' constraints.txt | $(BIN)/uv pip compile --quiet --no-deps --generate-hashes --no-annotate \
		--custom-compile-command 'make hashes' - -o constraints-hashed.txt

course: $(STAMP)
	@$(BIN)/emolab course run

test: $(STAMP)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

test-notebooks: $(STAMP)
	@$(BIN)/python -m pytest -m slow tests/course/test_three_settings.py

test-browser: $(STAMP)
	@$(PIP) install -c constraints.txt -e '.[browser]'
	@$(BIN)/python -m pytest -m browser tests/browser

lab: $(STAMP)
	@$(BIN)/jupyter lab --notebook-dir=notebooks --ip=$(IP) --port=$(PORT) $(AS_ROOT)

site: $(STAMP)
	@$(BIN)/emolab course site

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

PROFILE ?= gpu-24gb
rehearse: $(STAMP)
	@$(BIN)/emolab rehearse $(PROFILE) --out benchmarks/results/rehearse/$(PROFILE).json
	@$(BIN)/python -m benchmarks.gpu.page

gpu: $(STAMP)
	@$(BIN)/emolab bench gpu

compat: $(STAMP)
	@$(BIN)/python tests/compat/matrix.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
