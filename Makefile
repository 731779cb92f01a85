# The commands of Closebook. `make demo` and `make test` set up whatever they need first.

PYTHON := .venv/bin/python

.PHONY: demo test test-fast test-real soak mutants bench screenshots up down status clean lock lint format docs setup setup-dev

demo: setup  # see it work: a whole stack, a filled platform, hours, days and a month closed
	@$(PYTHON) -m local demo

test: setup-dev $(if $(ONLY),,lint)  # all checks and tests, on real servers; ONLY=FILE runs one file
	@$(PYTHON) -m pytest $(or $(ONLY),--numprocesses 2 --no-loadscope-reorder)

test-fast: setup-dev  # the tests that need no servers: in half a minute
	@$(PYTHON) -m pytest --numprocesses 2 -m fast

test-real: setup-dev  # the three closes on the data sets of ../shared/data
	@$(PYTHON) -m pytest tests/real

soak: setup-dev  # 5,000 interleavings of transactions around a period's end: about half an hour
	@CLOSEBOOK_TEST_INTERLEAVINGS=5000 $(PYTHON) -m pytest tests/properties

mutants: setup-dev  # take each guard out in turn, in a copy of the tree: a test must fail
	@$(PYTHON) -m tests.mutants

bench: setup-dev  # the figures, into benchmarks/results/
	@$(PYTHON) -m benchmarks

up: setup  # start the stack again, with its data
	@$(PYTHON) -m local up

down:  # stop the stack, keep its data
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m local down

status:  # what runs, where, and the log-ins
	@$(PYTHON) -m local status

clean:  # stop the stack and remove it, data and documents included
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m local clean

lint: setup-dev  # formatting, ruff, strict types, SQL
	@.venv/bin/ruff format --check
	@.venv/bin/ruff check
	@.venv/bin/mypy
	@.venv/bin/sqlfluff lint sql

format: setup-dev  # bring Python and SQL into form
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix
	@.venv/bin/sqlfluff fix sql

docs: setup-dev  # make docs/errors.md from the source
	@$(PYTHON) -m local.error_catalogue

screenshots: setup-dev  # the pictures of the README, from the running demo
	@$(PYTHON) -m local.screenshots

lock: setup-dev  # resolve requirements*.in into requirements*.txt anew
	@.local/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header \
		requirements.in --output-file requirements.txt
	@.local/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header \
		--constraint requirements.txt requirements-dev.in --output-file requirements-dev.txt

setup:
	@local/setup.sh

setup-dev:
	@local/setup.sh --dev
