# Each target does its own set-up: Python 3.11 to 3.13, make and a package index are all it needs.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
  then command -v "$$python"; break; fi; done)
BIN := .venv/bin
READY := .venv/.ready

# pip and some libraries fail without a home directory.
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/build/home
endif

help: ## show the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST))

$(READY): pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "newfound needs Python 3.11, 3.12 or 3.13 with its venv module:" \
	  "install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(READY) ## walk through the story of the sample data
	rm -rf build/demo
	$(BIN)/newfound demo build/demo

test: $(READY) ## run the tests
	$(BIN)/python -m pytest -n 2

lint: $(READY) ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY) ## run the benchmarks
	$(BIN)/python benchmarks/run.py

campaign: $(READY) ## run the long fault and accuracy campaigns
	$(BIN)/python -m pytest -m campaign --timeout 0

clean: ## remove everything that can be made again
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info core/*.egg-info
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: help demo test lint bench campaign clean
