# Every target does all of its own set-up in .venv. `make` alone prints this list.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
PACKAGE := exporter/docker_storage_exporter

.PHONY: help run demo test check lint types rooms format golden bench dashboards dashboard-pictures bench-queries clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run ## start the exporter: on this host's Docker, or on a made-up one where there is none
	@$(BIN)/docker-storage-exporter; code=$$?; \
	case $$code in \
	3) echo "nothing to measure here: starting the demo" >&2; exec $(BIN)/docker-storage-exporter demo;; \
	4) echo "rights are missing: try sudo make run" >&2; exit 4;; \
	*) exit $$code;; \
	esac

demo: .venv/run ## start the exporter on a made-up data root that grows while you watch
	@exec $(BIN)/docker-storage-exporter demo

test: .venv/dev ## run all tests; with REQUIRE_TOOLS=1 a test without its tool fails instead of being skipped
	@$(BIN)/pytest $(PYTEST_ARGS)

check: lint types rooms ## everything but the tests: style, types, rooms

lint: .venv/dev ## look for mistakes and style
	@$(BIN)/ruff check exporter dashboards tests
	@$(BIN)/ruff format --check exporter dashboards tests

types: .venv/dev ## check the types
	@$(BIN)/mypy

rooms: .venv/dev ## check that rooms import only from rooms before them
	@PYTHONPATH=exporter $(BIN)/lint-imports

format: .venv/dev ## format the code
	@$(BIN)/ruff check --fix-only -q exporter dashboards tests
	@$(BIN)/ruff format -q exporter dashboards tests

golden: .venv/dev ## write the golden pages anew, to be looked at with git diff
	@UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/collector

dashboards: .venv/dev ## write the dashboards' JSON and the rules' YAML anew from their sources
	@$(BIN)/python -m dashboards

dashboard-pictures: .venv/dev ## draw docs/images from a Prometheus that scrapes the demo; takes a few minutes
	@PYTHONPATH=.:tests $(BIN)/python tests/dashboards/draw.py

bench-queries: .venv/dev ## time rules and panels over 200 hosts with 100 volumes each; writes docs/benchmark-queries.md
	@PYTHONPATH=.:tests $(BIN)/python tests/bench/bench_queries.py

bench: .venv/dev ## measure scrapes, memory and idle CPU with thousands of objects; writes docs/benchmarks.md
	@$(BIN)/python tests/bench/bench_scrape.py

clean: ## remove what was made here
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The two stages of the environment: what running needs, and what developing needs on top of it.
.venv/run: pyproject.toml $(PACKAGE)/__init__.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	{ echo "error: $(PYTHON) is not Python 3.10 or newer; install it, or name one: make PYTHON=python3.12 …" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	{ echo "error: this Python has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable . $(PIP_ARGS)
	@touch $@

.venv/dev: .venv/run constraints.txt
	@$(BIN)/python -m pip install --quiet --group dev --constraint constraints.txt
	@touch $@
