# Tollway's project commands. `make help` lists them.

PYTHON ?=
export PYTHON
BIN := .venv/bin
STATE ?= .tollway

.DEFAULT_GOAL := help
.PHONY: help up down agent test soak bench lock docs clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

up: ## Set up what is missing, start Tollway with a demo fleet, print a curl line that works
	@scripts/environment run
	@$(BIN)/tollway up $(FLEET) --state $(STATE)

down: ## Stop what `make up` started
	@scripts/environment run
	@$(BIN)/tollway down --state $(STATE)

agent: ## Run an agent that a mail has turned, in a sandbox, and show what it could not do (TIER=vm)
	@scripts/environment test
	@PATH=$(CURDIR)/$(BIN):$$PATH docs/examples/agent/run $(or $(TIER),ns)

test: ## Set up what is missing, then lint, types, room contracts and all tests
	@scripts/test

soak: ## Fuzz the parsers and mutate what decides (SECONDS_EACH=60 MUTANTS=200)
	@scripts/soak

bench: ## Measure what the gateway costs: idle machine, one stack after another
	@scripts/environment test
	@if [ -f bench/run.py ]; then $(BIN)/python -m bench.run $(BENCH); \
	else echo "make bench: there is no bench/run.py." >&2; exit 1; fi
	@$(BIN)/python -m bench.sandbox
	@$(BIN)/python -m bench.sandbox --tier vm
	@$(BIN)/python -m bench.lock
	@$(BIN)/python -m bench.index
	@$(BIN)/python -m bench.feel
	@$(BIN)/python -m bench.console
	@$(BIN)/python -m bench.console_pages

lock: ## Write locks/ anew from pyproject.toml (make lock UPGRADE=1: newest versions)
	@scripts/environment test
	@scripts/lock $(if $(UPGRADE),--upgrade)

docs: ## Write the generated reference anew
	@scripts/environment test
	@$(BIN)/python scripts/reference.py
	@$(BIN)/python scripts/catalogue_reference.py
	@$(BIN)/python scripts/dialects_reference.py
	@$(BIN)/python scripts/dashboard.py
	@$(BIN)/python scripts/examples.py

clean: ## Remove the environment and every cache; the ledger in .tollway stays
	@rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	@find src -name "*.so" -delete; rm -f src/tollway.compiled
	@find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
