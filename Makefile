# Needs make, a Python 3 and a package index. Everything else is installed into .venv/ (and uv into .uv/, if there is no uv).
.DEFAULT_GOAL := help
.PHONY: help run test lint drawing setup

PYTHON := .venv/bin/python

help:  ## List the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1   \2/p' Makefile

run: setup  ## Run the whole pipeline on the built-in glyphs
	$(PYTHON) -m pipeline.cli run --preset glyphs

test: lint  ## Check style and types, then run all tests
	$(PYTHON) -m pytest -n 2

lint: setup  ## Check style and types only
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

drawing: setup  ## Draw the diagrams of docs/architecture.md from the code
	$(PYTHON) -m pipeline.drawing

setup:  ## Install the versions of uv.lock into .venv
	@sh .bootstrap/install.sh
