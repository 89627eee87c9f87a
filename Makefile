# The commands of this project; each sets up what it needs, once.

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
.PHONY: help run reset test test-all test-postgres check format coverage answers screenshot bench \
  lock

help: ## List these commands.
	@sed -n 's/^\([a-z-]*\):.*## /\1  /p' $(MAKEFILE_LIST) | while read -r name what; do \
	  printf '  make %-14s %s\n' "$$name" "$$what"; \
	done

run: $(SERVICE) ## Serve the demo on http://127.0.0.1:8000.
	@case "$$WEB_CONCURRENCY" in *[!0-9]*) \
	  echo "WEB_CONCURRENCY must be a number of processes, 1 or more, not '$$WEB_CONCURRENCY'." >&2; exit 1;; \
	esac; exec $(BIN)/gunicorn

reset: $(SERVICE) ## Replace all data with the demo data.
	@$(BIN)/flask --app app reset

test: $(TOOLS) ## Run the tests, but for the long ones.
	@$(PYTEST)

test-all: $(TOOLS) ## Run all tests; it names missing programs, and skips the tests that need them.
	@$(PYTEST) -m 'long or not long'

test-postgres: $(TOOLS) ## Run the tests of storage, sandboxes and races on a PostgreSQL server.
	@tests/with_postgresql $(PYTEST) -m 'database and not long'

check: $(TOOLS) ## Run the linter, the formatter's check and the type checker.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .

format: $(TOOLS) ## Format the code, and mend what the linter can.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

coverage: $(TOOLS) ## Run all tests, and show which lines and branches they miss.
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -n 2 -m 'long or not long'
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

answers: $(TOOLS) ## Compare what the server answers with the record in tests/data/.
	@PYTHONPATH=.:tests $(BIN)/python tests/answers.py compare

screenshot: $(TOOLS) ## Make the picture of the README anew; needs /usr/bin/chromium.
	@PYTHONPATH=.:tests $(BIN)/python tests/page/screenshot.py

bench: $(TOOLS) ## Measure the speed; needs wrk, npm, the network, and half an hour.
	@$(BIN)/python -m bench $(BENCH)

lock: $(TOOLS) ## Lock all packages of the requirements; UPGRADE=--upgrade takes newer ones.
	@$(LOCK) requirements.txt --output-file requirements.lock
	@$(LOCK) requirements-dev.txt --constraints requirements.lock --output-file requirements-dev.lock

$(SERVICE): requirements.lock
	@reason=; \
	for python in $(PYTHONS); do \
	  version=$$($$python -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null); \
	  case $$version in \
	    "") ;; \
	    2.*|3.?.*|3.10.*) reason=$${reason:-Python $$version is too old};; \
	    *) echo "Setting up $(VENV) with Python $$version; this takes a moment, but only the first time."; \
	      $$python -m venv $(VENV) && $(PIP) -r requirements.lock && touch $@; \
	      exit;; \
	  esac; \
	done; \
	echo "$${reason:-No Python was found ($(PYTHONS))}. Install Python 3.11 or later, or name" \
	  "one: make run PYTHON=/path/to/python3.11" >&2; \
	exit 1

$(TOOLS): $(SERVICE) requirements-dev.lock
	@echo "Installing what the tests and checks need; this takes a moment, but only the first time."
	@$(PIP) -r requirements-dev.lock && touch $@
