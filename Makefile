# Every target does all of its own set-up in .venv. `make` alone prints this list.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
PACKAGE := exporter/docker_storage_exporter
# Tests run in so many processes, a file in one of them; 0 runs them here, one after another.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); echo $$((n < 4 ? n : 4)))
PYTHONS := 3.10 3.11 3.12 3.13 3.14
REQUIREMENTS := --universal --python-version 3.10 --no-emit-package pywin32 --constraint constraints.txt \
	--generate-hashes --no-header --no-annotate

.PHONY: help run demo test test-engines coverage check lint types rooms pins format golden docs dashboards chart dashboard-pictures \
	fuzz-bolt image-requirements bench bench-walk bench-beside bench-containerd bench-queries clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run ## start the exporter: on this host's Docker, or on a made-up one where there is none
	@$(BIN)/docker-storage-exporter; code=$$?; \
	case "$$code $$(id -u)" in \
	"3 "*) echo "nothing to measure here: starting the demo" >&2; exec $(BIN)/docker-storage-exporter demo;; \
	"4 0") exit 4;; \
	"4 "*) echo "rights are missing: try sudo make run" >&2; exit 4;; \
	*) exit $$code;; \
	esac

demo: .venv/run ## start the exporter on a made-up data root that grows while you watch
	@exec $(BIN)/docker-storage-exporter demo

test: .venv/dev ## run all tests; with REQUIRE_TOOLS=1 a test without its tool fails instead of being skipped
	@$(BIN)/pytest --ignore=tests/engines --numprocesses=$(WORKERS) --dist=loadfile $(PYTEST_ARGS)

test-engines: .venv/dev ## test against the Docker and containerd of today on each of their stores, as root
	@tests/engines/tree && $(BIN)/pytest $(PYTEST_ARGS) tests/engines

# Tests of what surrounds the package are left out: they cover nothing more, and need twice the time.
coverage: .venv/dev ## run the package's own tests under coverage, branches included; fails below the least of pyproject.toml
	@data=$$(mktemp -d) && chmod 1777 $$data && export COVERAGE_FILE=$$data/data && trap 'rm -rf $$data' EXIT && \
	$(BIN)/coverage run -m pytest --quiet --numprocesses=$(WORKERS) --dist=loadfile -m 'not engine and not uncovered' \
	$(patsubst %,--ignore=tests/%,bench dashboards deploy engine engines helm) $(PYTEST_ARGS) && \
	$(BIN)/coverage combine --quiet 2>/dev/null && $(BIN)/coverage report

check: lint types rooms pins ## everything but the tests: style, types, rooms, pins

lint: .venv/dev ## look for mistakes and style
	@$(BIN)/ruff check exporter dashboards deploy helm tests docs
	@$(BIN)/ruff format --check exporter dashboards deploy helm tests docs

types: .venv/dev ## check the types
	@$(BIN)/mypy

rooms: .venv/dev ## check that rooms import only from rooms before them
	@PYTHONPATH=exporter $(BIN)/lint-imports

pins: .venv/dev ## check that what constraints.txt pins can be installed on every Python from 3.10 on
	@for python in $(PYTHONS); do \
	$(BIN)/uv pip compile --quiet --python-version $$python --group dev --constraint constraints.txt \
	--output-file .venv/pins-$$python.txt pyproject.toml || exit 1; done

format: .venv/dev ## format the code
	@$(BIN)/ruff check --fix-only -q exporter dashboards deploy helm tests docs
	@$(BIN)/ruff format -q exporter dashboards deploy helm tests docs

golden: .venv/dev ## rewrite the golden pages, to be looked at with git diff
	@UPDATE_GOLDEN=1 $(BIN)/pytest -q $$(grep -rlw golden tests --include='test_*.py')

docs: .venv/run ## rewrite the generated references and the figures of scaling
	@$(BIN)/python docs/generate.py
	@PYTHONPATH=. $(BIN)/python docs/scaling.py

dashboards: .venv/dev ## rewrite the dashboards' JSON and the rules' YAML from their sources, and the chart's schema
	@$(BIN)/python -m dashboards
	@PYTHONPATH=. $(BIN)/python helm/generate.py

chart: .venv/dev ## rewrite the chart's schema and README from their sources
	@PYTHONPATH=. $(BIN)/python helm/generate.py

image-requirements: .venv/dev ## pin again what the image installs, from constraints.txt, with hashes
	@$(BIN)/uv pip compile --quiet $(REQUIREMENTS) pyproject.toml --output-file deploy/image/requirements.txt
	@echo setuptools | $(BIN)/uv pip compile --quiet $(REQUIREMENTS) - --output-file deploy/image/build.txt

dashboard-pictures: .venv/pictures/installed ## draw docs/images from a Prometheus that scrapes the demo; takes a few minutes
	@for tool in node chromium prometheus; do command -v $$tool >/dev/null || $(call fail,$$tool is not installed); done
	@PYTHONPATH=.:tests $(BIN)/python tests/dashboards/draw.py

fuzz-bolt: .venv/dev ## read broken databases, a million readings; takes some minutes
	@PYTHONPATH=tests $(BIN)/python tests/bolt/fuzz.py 333334

bench: .venv/run ## measure scrapes, memory and idle CPU with thousands of objects; writes docs/benchmarks.md
	@$(BIN)/python tests/bench/bench_scrape.py $(BENCH_ARGS)

bench-walk: .venv/run ## time the walker against du and its other peers; writes docs/benchmark-walk.md
	@$(BIN)/python tests/bench/bench_walk.py $(BENCH_ARGS)

bench-beside: .venv/dev ## time scrapes beside walks, and the walker beside the engine; writes docs/benchmark-beside.md
	@$(BIN)/python tests/bench/bench_beside.py

bench-containerd: .venv/dev ## time listing ten thousand snapshots, as root; writes docs/benchmark-containerd.md
	@tests/engines/tree && PYTHONPATH=.:tests $(BIN)/python tests/bench/bench_containerd.py $(BENCH_ARGS)

bench-queries: .venv/dev ## time rules and panels over 200 hosts with 100 volumes each; writes docs/benchmark-queries.md
	@PYTHONPATH=.:tests $(BIN)/python tests/bench/bench_queries.py

clean: ## remove what was made here
	rm -rf .venv build dist exporter/*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find exporter -name '*.so' -exec rm -f {} +

# The two stages of the environment: what running needs, and what developing needs on top of it.
.venv/run: pyproject.toml $(PACKAGE)/__init__.py $(wildcard setup.py $(PACKAGE)/sizer/*.[ch])
	@command -v $(PYTHON) >/dev/null || \
	$(call fail,$(PYTHON) is not installed; install it or name another: make PYTHON=python3 $(MAKECMDGOALS))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	$(call fail,$(PYTHON) is not Python 3.10 or newer; install one or name it: make PYTHON=python3.12 $(MAKECMDGOALS))
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	$(call fail,$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv)
	@{ mkdir -p .venv && touch .venv exporter; } 2>/dev/null || \
	$(call fail,cannot write to $(CURDIR); use a checkout of your own or remove a .venv that another user made)
	@echo "setting up .venv" >&2
	@[ "$$(cat .venv/python 2>/dev/null)" = "$(PYTHON)" ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || \
	$(PYTHON) -m venv --clear .venv || $(call fail,$(PYTHON) cannot make a virtual environment)
	@echo "$(PYTHON)" >.venv/python
	@$(call pip,--editable .)
	@touch $@

.venv/dev: .venv/run constraints.txt
	@$(call pip,--upgrade 'pip>=25.1')
	@$(call pip,--group dev --constraint constraints.txt)
	@touch $@

# Grafana's components, which only pictures need: hundreds of megabytes.
.venv/pictures/installed: tests/dashboards/pictures/package-lock.json | .venv/dev
	@command -v npm >/dev/null || $(call fail,npm is not installed)
	@mkdir -p $(@D) && cp $(<D)/package.json $(<D)/package-lock.json $(@D)
	@npm ci --prefix $(@D) --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

# The command line names another Python than the one in .venv: .venv is recreated.
ifeq ($(origin PYTHON),command line)
ifneq ($(PYTHON),$(shell cat .venv/python 2>/dev/null))
.PHONY: .venv/run
endif
endif

# One line instead of pip's many, which stay in a file.
define pip
$(BIN)/python -m pip install --disable-pip-version-check --no-input $(PIP_ARGS) $(1) >.venv/pip.log 2>&1 || \
$(call fail,pip: $$(sed -n 's/^ *ERROR: //p' .venv/pip.log | head -n 1) (is there a network? more in .venv/pip.log))
endef

define fail
{ echo "error: $(1)" >&2; exit 2; }
endef
