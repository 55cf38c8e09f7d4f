# `make run` and `make test` set everything up themselves; see `make help`.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run check test campaign lint setup setup-dev lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|'

run: setup ## set up, run the quick profile, print the table and where the figure is
	@.venv/bin/python runner.py --yes --figure-is-enough

check: setup-dev lint ## the loop while working: lint, and all tests that start no real parts
	@.venv/bin/python -m pytest -n 2 $(ARGS) tests/unit tests/golden tests/pipeline

test: setup-dev lint ## set up, lint, run all tests (ARGS="-k word" narrows them)
	@.venv/bin/python -m pytest $(ARGS)

campaign: setup-dev ## the long proofs: sessions killed and signalled (KILLS=500, LOCAL_KILLS=30, COMPOSE_KILLS=10, SIGNALS=100, SEED=…, ARGS)
	@.venv/bin/python -m pytest -m campaign $(ARGS) tests/campaign

lint: setup-dev ## ruff, mypy and the rooms of docs/architecture.md
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

setup: ## .venv and .tools, as a run needs them
	@setup/packages.sh run
	@setup/tools.sh

setup-dev: ## .venv and .tools, as the tests need them
	@setup/packages.sh test
	@setup/tools.sh

lock: ## lock the packages again (ARGS=--upgrade for newer ones)
	@setup/lock.sh $(ARGS)

clean: setup ## whatever an earlier run may have left behind
	@.venv/bin/python runner.py clean
