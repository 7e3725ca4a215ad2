# Needs make, a Python 3 and a package index; everything else comes into .venv/ (and uv, where there is none, into .uv/).
.DEFAULT_GOAL := help
.PHONY: help run test lint setup

PYTHON := .venv/bin/python

help:  ## Show what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1   \2/p' Makefile

run: setup  ## Run the whole pipeline on the built-in glyphs
	$(PYTHON) -m pipeline.cli run --preset glyphs

test: lint  ## Lint, types, all tests
	$(PYTHON) -m pytest

lint: setup  ## Lint and types only
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

setup:  ## Install what uv.lock says into .venv
	@sh .bootstrap/install.sh
