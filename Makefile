# The commands of this project; each sets up what it needs, once.

VENV := .venv
READY := $(VENV)/ready
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python

.PHONY: run test test-postgres check bench

run: $(READY)
	@exec $(VENV)/bin/gunicorn

test: $(READY)
	@$(VENV)/bin/pytest

test-postgres: $(READY)
	@tests/with_postgresql $(VENV)/bin/pytest --ignore tests/test_sqlite.py

check: $(READY)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy .

bench: $(READY)
	@$(VENV)/bin/python -m bench $(BENCH)

$(READY): requirements.txt
	@for python in $(PYTHONS); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up $(VENV) with $$python; this takes a moment, once."; \
	    $$python -m venv $(VENV) || exit 1; \
	    $(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt || exit 1; \
	    touch $@; \
	    exit 0; \
	  fi; \
	done; \
	echo "Python 3.11 or later is needed, and there is none on the PATH; make PYTHON=… names one." >&2; \
	exit 1
