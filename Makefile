# The commands of this project; each sets up what it needs, once.

VENV := .venv
BIN := $(VENV)/bin
SERVICE := $(VENV)/service-is-ready
TOOLS := $(VENV)/tools-are-ready
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/pytest -n 2  # processes

.DEFAULT_GOAL := help
.PHONY: help run reset test test-all test-postgres check format coverage answers screenshot bench

help: ## List these commands.
	@sed -n 's/^\([a-z-]*\):.*## /\1  /p' $(MAKEFILE_LIST) | while read -r name what; do \
	  printf '  make %-14s %s\n' "$$name" "$$what"; \
	done

run: $(SERVICE) ## Serve the demo on http://127.0.0.1:8000.
	@case "$$WEB_CONCURRENCY" in *[!0-9]*) \
	  echo "WEB_CONCURRENCY is '$$WEB_CONCURRENCY', but it has to be a number of processes." >&2; exit 1;; \
	esac; exec $(BIN)/gunicorn

reset: $(SERVICE) ## Replace all data with the demo data.
	@$(BIN)/flask --app app reset

test: $(TOOLS) ## Run the tests, but for the long ones.
	@$(PYTEST)

test-all: $(TOOLS) ## Run all tests; some need node, npm, the network, nginx and /usr/bin/chromium.
	@$(PYTEST) -m 'long or not long'

test-postgres: $(TOOLS) ## Run the tests on a PostgreSQL server of their own.
	@tests/with_postgresql $(PYTEST) --ignore tests/test_sqlite.py

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

$(SERVICE): requirements.txt
	@for python in $(PYTHONS); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up $(VENV) with $$python; this takes a moment, but only the first time."; \
	    $$python -m venv $(VENV) && $(PIP) -r requirements.txt && touch $@; \
	    exit; \
	  fi; \
	done; \
	echo "Python 3.11 or later is needed, and there is none on the PATH; make PYTHON=… names one." >&2; \
	exit 1

$(TOOLS): $(SERVICE) requirements-dev.txt
	@echo "Installing what the tests and checks need; this takes a moment, but only the first time."
	@$(PIP) -r requirements-dev.txt && touch $@
