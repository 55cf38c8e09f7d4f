# `make run` and `make test` set everything up themselves; see `make help`.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# the tests start thousands of processes: each would compile all of this again
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help run check test tests images beside campaign lint schemas setup setup-dev lock clean

REAL := integration or ordinary_user or second_kernel or compose or swarm or browser
PYTEST := .venv/bin/python -m pytest $(ARGS)
# where ARGS leave no test of a part, pytest says so by 5
OR_NONE := || { [ $$? = 5 ] && [ -n '$(ARGS)' ]; }

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|'

run: setup ## set up, run the quick profile, print the table and where the figure is
	@.venv/bin/python runner.py --yes --figure-is-enough

check: ## the loop while working: lint, and all tests that start no real parts (ARGS="-k word" narrows them)
	@$(MAKE) --no-print-directory -j 2 lint tests

# three on 2 cores: one runs while others wait for a server, a disk or a signal
tests: setup-dev
	@REQUIRE_SUITES= $(PYTEST) -n 3 --dist loadfile -m "not ($(REAL))" tests $(OR_NONE)

test: ## everything of `make check`, and one whole pass of each real part that this machine has
	@$(MAKE) --no-print-directory -j 4 lint tests images beside
	@REQUIRE_SUITES='$(filter-out browser, $(REQUIRE_SUITES))' $(PYTEST) -m "($(REAL)) and not (beside or campaign)" tests $(OR_NONE)

# a browser measures nothing; a second kernel's trial goes before all others, and has a CPU to itself
beside: setup-dev
	@REQUIRE_SUITES='$(filter second_kernel browser, $(REQUIRE_SUITES))' $(PYTEST) -m "beside and not campaign" tests $(OR_NONE)

# most of it is download; where it fails, the tests that need them say why
images: setup-dev
	@.venv/bin/python -m tests.integration.compose.images

campaign: setup-dev ## the long proofs: sabotage, bad days, kills (KILLS, LOCAL_KILLS, COMPOSE_KILLS, SWARM_KILLS, SWARM_LOSSES, SIGNALS, FILES, EVERY_NTH, SHARE, SEED, ARGS)
	@REQUIRE_SUITES= $(PYTEST) -n 3 --dist loadfile -m "campaign and not ($(REAL))" tests $(OR_NONE)
	@$(PYTEST) -m "campaign and ($(REAL))" tests $(OR_NONE)

lint: setup-dev ## ruff, mypy and the rooms of docs/architecture.md
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

schemas: setup ## schemas/, from the models in rig/config (editors check YAML with them)
	@.venv/bin/python -m rig.config.schemas

setup: ## .venv and .tools, as a run needs them
	@setup/packages.sh run
	@setup/tools.sh

setup-dev: ## .venv and .tools, as the tests need them
	@setup/packages.sh test
	@setup/tools.sh test

lock: ## lock the packages again (ARGS=--upgrade for newer ones)
	@setup/lock.sh $(ARGS)

clean: setup ## whatever an earlier run may have left behind
	@.venv/bin/python runner.py clean
