# Project commands. Each installs its dependencies on first use.

VENV := .venv
BIN := $(VENV)/bin
SERVICE := $(VENV)/service-is-ready
TOOLS := $(VENV)/tools-are-ready
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --custom-compile-command 'make lock' $(UPGRADE)
PYTEST := $(BIN)/pytest -n 2  # processes

.DEFAULT_GOAL := help
.PHONY: help run reset test test-all test-postgres check format coverage screenshot bench lock

help: ## List the commands.
	@sed -n 's/^\([a-z-]*\):.*## /\1  /p' $(MAKEFILE_LIST) | while read -r name what; do \
	  printf '  make %-14s %s\n' "$$name" "$$what"; \
	done

run: $(SERVICE) ## Start the server at http://127.0.0.1:8000.
	@case "$$WEB_CONCURRENCY" in *[!0-9]*) \
	  echo "WEB_CONCURRENCY must be a number of processes, 1 or more, not '$$WEB_CONCURRENCY'." >&2; exit 1;; \
	esac; exec $(BIN)/gunicorn

reset: $(SERVICE) ## Reset all data to the demo data.
	@$(BIN)/flask --app app reset

test: $(TOOLS) ## Run the tests, except the slow ones.
	@$(PYTEST)

test-all: $(TOOLS) ## Run all tests; tests whose programs are missing are listed and skipped.
	@$(PYTEST) -m 'long or not long'

test-postgres: $(TOOLS) ## Run the database tests on a temporary PostgreSQL server.
	@tests/with_postgresql $(PYTEST) -m 'database and not long and not alone'
	@tests/with_postgresql $(BIN)/pytest -m alone

check: $(TOOLS) ## Check lint, formatting and types.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .

format: $(TOOLS) ## Format the code and apply lint fixes.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

coverage: $(TOOLS) ## Run all tests and report line and branch coverage.
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -n 2 -m 'long or not long'
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

screenshot: $(TOOLS) ## Regenerate docs/page.png (needs /usr/bin/chromium).
	@PYTHONPATH=.:tests $(BIN)/python tests/page/screenshot.py

bench: $(TOOLS) ## Run the benchmarks (needs wrk, npm and the network; 20 minutes).
	@$(BIN)/python -m bench $(BENCH)

lock: $(TOOLS) ## Lock all requirements; UPGRADE=--upgrade updates them.
	@$(LOCK) requirements.txt --output-file requirements.lock
	@$(LOCK) requirements-dev.txt --constraints requirements.lock --output-file requirements-dev.lock

$(SERVICE): requirements.lock
	@reason=; \
	for python in $(PYTHONS); do \
	  version=$$($$python -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null); \
	  case $$version in \
	    "") ;; \
	    2.*|3.?.*|3.10.*) reason=$${reason:-Python $$version is too old};; \
	    *) echo "Creating $(VENV) with Python $$version (first run only) …"; \
	      $$python -m venv $(VENV) && $(PIP) -r requirements.lock && touch $@; \
	      exit;; \
	  esac; \
	done; \
	echo "$${reason:-No Python was found ($(PYTHONS))}. Install Python 3.11 or later, or choose" \
	  "one: make run PYTHON=/path/to/python3.11" >&2; \
	exit 1

$(TOOLS): $(SERVICE) requirements-dev.lock
	@echo "Installing the development tools (first run only) …"
	@$(PIP) -r requirements-dev.lock && touch $@
