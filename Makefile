# make demo   install, then the whole product once, into demo/
# make test   install with what the tests need, then lint, types, layers and tests
# make slow   the long tests as well
# Everything lives in .venv; uv is used if it is there, else venv and pip.

PYTHON ?= python3
GROUPS ?= 60
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)

# uv does not read pip's configuration, so pip's extra places for wheels are handed on to it.
FIND_LINKS = $(shell $(PYTHON) -m pip config list 2>/dev/null | sed -n "s/.*find-links='\(.*\)'/\1/p" | head -1 | tr -s '\\n ' ',,' )

ifneq ($(UV),)
INSTALL = UV_FIND_LINKS="$(FIND_LINKS)" uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable
MAKE_VENV = uv venv --quiet --python $(PYTHON) .venv
else
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
MAKE_VENV = $(PYTHON) -m venv .venv
endif

.PHONY: demo test slow lint clean

demo: .venv/installed
	$(BIN)/fourfold demo demo --groups $(GROUPS)

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto -m "not slow"

slow: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/bin/python:
	$(MAKE_VENV)

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) .
	touch $@

.venv/installed-dev: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) '.[dev]'
	touch $@ .venv/installed

clean:
	rm -rf .venv demo build *.egg-info
