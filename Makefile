# make demo     the walk-through on the Iris example, ending in its table
# make test     all tests, on every supported Python that is there
# make lint     formatting, style, types, the arrows between rooms
# make panel    the side panel's page, which flor ui and the editors show; needs Node
# make vscode   the extension for VS Code, editors/vscode/dist/flor.vsix; needs Node
# make pycharm  the plugin for PyCharm, editors/pycharm/build/distributions/*.zip; needs Gradle 9 and the network
# make bench    what Flor costs, beside plain Python and other tools, in about an hour; LONG=1: with a run of 500 M values
# make figures  the figures of the last make bench into docs/performance.md
# make oracle   is every value of a script recorded as it was? make oracle SCRIPT=train.py ARGS="--epochs 2"; alone: its own
# make cpython  CPython's own tests by plain Python and under capture, on every supported Python, in an hour or two

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PANEL := flor_lsp/panel/panel.js
VSCODE := editors/vscode/dist/extension.js

# What is compiled once is compiled for all of the processes that the targets start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint panel vscode test-vscode-latest pycharm bench figures oracle cpython clean

$(INSTALLED): pyproject.toml setup.py $(wildcard flor/*/*.[ch])
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -qq --upgrade pip
	$(BIN)/pip install -qq --editable '.[dev]'
	touch $@

demo: $(INSTALLED)
	@examples/iris/demo.sh $(CURDIR)/$(BIN)

test: lint $(VSCODE)
	$(BIN)/python tests/pythons.py
	$(BIN)/pytest -n 2 tests

cpython: $(INSTALLED)
	$(BIN)/python tests/pythons.py -m tests.cpython; others=$$?; $(BIN)/python -m tests.cpython && exit $$others

panel: $(PANEL)

$(PANEL): editors/panel/package-lock.json editors/panel/build.mjs $(wildcard editors/panel/src/*)
	cd editors/panel && npm ci --silent && npm run --silent build
	rm -rf flor_lsp/panel && cp -r editors/panel/dist flor_lsp/panel
	touch $@

$(VSCODE): editors/vscode/package-lock.json editors/vscode/build.mjs editors/vscode/README.md $(wildcard editors/vscode/src/* editors/vscode/media/*) $(PANEL)
	cd editors/vscode && npm ci --silent && npm run --silent build
	touch $@

vscode: $(VSCODE)
	cd editors/vscode && npm run --silent package

test-vscode-latest: $(INSTALLED) vscode
	cd editors/vscode && npm run test:latest

pycharm:
	cd editors/pycharm && gradle --quiet buildPlugin

lint: $(INSTALLED) $(PANEL) $(VSCODE)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/clang-format --dry-run --Werror flor/*/*.[ch]
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd editors/panel && npm run --silent check
	cd editors/vscode && npm run --silent check

SCRIPT ?= $(wildcard tests/oracle/scripts/[a-z]*.py)

oracle: $(INSTALLED)
	$(BIN)/python -m tests.oracle $(SCRIPT) $(if $(ARGS),-- $(ARGS))

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks $(if $(LONG),--values 500000000)

figures: $(INSTALLED)
	$(BIN)/pip install -qq --editable '.[bench]'
	$(BIN)/python -m benchmarks.report

clean:
	rm -rf $(VENV) build demo *.egg-info flor/*/*.so flor_lsp/panel editors/*/dist editors/*/node_modules editors/pycharm/build
