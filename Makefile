# Everything a developer runs. Each target sets up what it needs: a fresh clone needs only python3 with venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
NODE_STAMP := benchmarks/node/node_modules/.installed
CLIENT := libs/client-typescript
CLIENT_STAMP := $(CLIENT)/node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo dev docs reference test test-long lint bench bench-queue chaos screenshots lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(STAMP) $(CLIENT_STAMP) ## Create the virtual environment with locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Tuco Jobs needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "python3 has no venv module. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing locked dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $(STAMP)

demo: $(STAMP) ## Check leads, send a campaign, sync three CRMs on embedded servers; break things meanwhile
	@$(BIN)/tuco-jobs demo $(ARGS)

dev: $(STAMP) ## Run the whole system on this machine until Ctrl-C
	@$(BIN)/tuco-jobs dev $(ARGS)

docs: $(STAMP) ## Build the docs as a site, dist/docs/index.html; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build $(ARGS)
	@echo "The docs are in dist/docs/index.html."

reference: $(STAMP) $(CLIENT_STAMP) ## Write anew what is made from the code: docs/reference, the TypeScript client's types
	@$(BIN)/python -m services.gateway.reference
	@$(BIN)/python -m libs.cli.settings_page
	@$(BIN)/python -m tests.unit.deploy.metrics_reference
	@$(BIN)/python -m tests.integration.sync.fault_table
	@if test -e $(CLIENT_STAMP); then \
	$(BIN)/python -m services.gateway.reference --openapi > $(CLIENT)/node_modules/openapi.json && npm run --silent --prefix $(CLIENT) types -- node_modules/openapi.json; \
	else echo "The TypeScript client's packages are not installed, so its types were left as they are."; fi
	@echo "Left out: docs/reference/chaos.md, which make chaos and then python -m tests.chaos.publish .tuco/chaos write."

test: $(STAMP) $(CLIENT_STAMP) ## Run all tests
	@$(BIN)/python -m pytest -m "not alone" --numprocesses 2 --dist worksteal $(ARGS) || [ $$? -eq 5 ]
	@$(BIN)/python -m pytest -m alone $(ARGS) || [ $$? -eq 5 ]

test-long: $(STAMP) $(CLIENT_STAMP) ## Run what make test leaves out: images, a real Prometheus, a backup set back, a campaign
	@$(BIN)/python -m pytest tests/unit tests/integration tests/end_to_end -m chaos $(ARGS) || [ $$? -eq 5 ]

lint: $(STAMP) ## Check style, types and the import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(BENCH_STAMP) $(NODE_STAMP) ## Measure everything beside its peers; QUICK=1 to see that it runs, OUT=folder for the files
	@$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(OUT),--out $(OUT)) $(ARGS)

bench-queue: $(BENCH_STAMP) $(NODE_STAMP) ## Compare the queue with BullMQ, Dramatiq, Celery and RQ; JSON=FILE keeps the numbers
	@$(BIN)/python -m benchmarks.queue $(if $(JSON),--json $(JSON)) $(ARGS)

$(BENCH_STAMP): $(STAMP) benchmarks/requirements.lock
	@echo "Installing the queues to compare with into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	@touch $(BENCH_STAMP)

$(NODE_STAMP): benchmarks/node/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix benchmarks/node --no-audit --no-fund --silent && touch $(NODE_STAMP) || echo "npm could not install BullMQ."; \
	else echo "npm is not installed, so neither is BullMQ."; fi

LONG_SEARCHES := tests/integration/broker/test_state_machine.py tests/integration/sync/test_interleavings.py

# The packages' own install scripts are not run: none of them needs one.
$(CLIENT_STAMP): $(CLIENT)/package-lock.json
	@if command -v npm >/dev/null; then \
	npm ci --prefix $(CLIENT) --ignore-scripts --no-audit --no-fund --silent && touch $(CLIENT_STAMP) || echo "npm could not install the TypeScript client's packages; its tests are skipped."; \
	else echo "npm is not installed, so the TypeScript client is neither built nor tested; all else works without it."; fi

chaos: $(STAMP) ## Let faults loose on the whole system, and count what they cost; writes OUT (.tuco/chaos)
	@CHAOS_TABLES=$(or $(OUT),.tuco/chaos) $(BIN)/python -m pytest tests/chaos -m "chaos or not chaos" --numprocesses 4 --dist worksteal $(ARGS)
	$(if $(ARGS),,@TEST_EFFORT=6 $(BIN)/python -m pytest --timeout 1800 $(LONG_SEARCHES))

screenshots: $(STAMP) ## Take a picture of each page of the dashboard into OUT=folder; needs Chromium
	@$(BIN)/python -m tests.end_to_end.dashboard.screenshots $(or $(OUT),screenshots)

lock: ## Write the lock files anew from pyproject.toml
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra dev --no-emit-package tuco-jobs -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra bench --no-emit-package tuco-jobs -c requirements.lock -o benchmarks/requirements.lock pyproject.toml

clean: ## Remove what was installed, built and cached, and the embedded servers' data
	@rm -rf $(VENV) dist $(CLIENT)/dist $(CLIENT)/node_modules benchmarks/node/node_modules
	@rm -rf .tuco .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
