# The commands of Closebook. `make demo` and `make test` set up whatever they need first.
# A target whose line ends with a comment is shown by `make help`, in the order of this file.

PYTHON := .venv/bin/python
LOCAL = $(PYTHON) -m local $(if $(STACK),--root .local/$(STACK))

.DEFAULT_GOAL := help
.PHONY: help demo cluster soak-cluster test test-fast test-real soak mutants bench screenshots up down status clean pin-images lock lint lint-types lint-sql format docs gallery setup setup-dev setup-test

demo: setup  # start a whole local stack, fill a platform, close hours, days and months
	@$(PYTHON) -m local demo

test: setup-test $(if $(ONLY),,lint)  # run all linters and all tests, on real servers; ONLY=FILE runs one file
	@$(PYTHON) -m pytest $(or $(ONLY),--numprocesses 2 --no-loadscope-reorder)

test-fast: setup-dev  # run the tests that need no servers: half a minute
	@$(PYTHON) -m pytest --numprocesses 2 -m fast

test-real: setup-dev  # run the three closes on the data sets of ../shared/data
	@$(PYTHON) -m pytest tests/real

soak: setup-dev  # test 5,000 random orders of transactions around a period's end: half an hour
	@CLOSEBOOK_TEST_INTERLEAVINGS=5000 $(PYTHON) -m pytest tests/properties

mutants: setup-dev  # remove each guard in turn, in a copy of the tree, and check that a test fails
	@$(PYTHON) -m tests.mutants

bench: setup-dev  # measure on 5,000,000 transactions, into benchmarks/results/
	@$(PYTHON) -m benchmarks

cluster: setup-dev  # the demo as on several machines: RabbitMQ, a worker for closes, two for documents
	@$(PYTHON) -m local --root .local/cluster cluster

soak-cluster: setup-dev  # close hours, days and a month on a cluster whose parts are killed at random: an hour; SECONDS=N, SEED=N
	@$(PYTHON) -m local --root .local/soak soak --seconds $(or $(SECONDS),3600) --seed $(or $(SEED),1)

up: setup  # start the local stack again, with its data; STACK=cluster: that of make cluster, here and for the next three
	@$(LOCAL) up

down:  # stop the local stack, keep its data
	@[ ! -x $(PYTHON) ] || $(LOCAL) down

status:  # show what runs, where its logs are, and the log-ins
	@$(LOCAL) status

clean:  # stop the local stack and remove it, data and documents included
	@[ ! -x $(PYTHON) ] || $(LOCAL) clean

lint: setup-dev  # check format, rules, strict types, imports between packages, and SQL
	@.venv/bin/ruff format --check
	@.venv/bin/ruff check
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint-types lint-sql

lint-types:
	@.venv/bin/mypy
	@env PYTHONPATH=plugins .venv/bin/lint-imports --no-logo

lint-sql:
	@.venv/bin/sqlfluff lint sql

format: setup-dev  # format Python and SQL
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix
	@.venv/bin/sqlfluff fix sql

docs: setup-dev  # make docs/errors.md from the source
	@$(PYTHON) -m local.error_catalogue

gallery: setup-dev  # render sample statements in each brand of docs/brands, into .local/gallery
	@$(PYTHON) -m local.gallery

screenshots: setup-dev  # take the pictures of the README from the running demo
	@$(PYTHON) -m local.screenshots

pin-images: setup-dev  # write the digests of the images' tags into docker-compose.yml; HUB=URL asks a mirror
	@$(PYTHON) -m local.pin_images $(if $(HUB),--hub $(HUB))

lock: setup-dev  # resolve requirements*.in into requirements*.txt again, with the newest versions
	@.local/uv/bin/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 --no-header \
		requirements.in --output-file requirements.txt
	@.local/uv/bin/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 --no-header \
		--constraint requirements.txt requirements-dev.in --output-file requirements-dev.txt

setup:
	@local/setup.sh

setup-dev:
	@local/setup.sh --dev

setup-test:
	@local/setup.sh --test

help:  # show this list
	@awk -F '  # ' '/^[a-z-]+:.*  # / { split($$1, target, ":"); printf "make %-12s %s\n", target[1], $$2 }' \
		$(firstword $(MAKEFILE_LIST))
