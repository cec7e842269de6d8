# Everything runs in .venv, which is built from scripts/requirements.lock alone; `make demo` needs less, and has its own.
# Any Python from 3.11 on will do: make PYTHON=python3.12 demo

PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
LOCKED := .venv/locked
READY := .venv/ready
LOCK := scripts/requirements.lock
DEMO := .venv-demo
DEMO_LOCK := scripts/demo.lock
RESOLVER := .venv-lock
RESOLVER_LOCK := scripts/resolver.lock
BENCH := .venv-bench
BENCH_LOCK := scripts/bench.lock
WHEEL := .venv-wheel
LOWEST := .venv-lowest
LOWEST_LOCK := scripts/lowest.lock
# They test the project's own tools, which come in one version alone, and what the locked rich draws.
OF_TOOLS := generation lint_spec package path reference
DRAWN := tests/project/test_documentation.py::test_what_is_shown_of_the_terminal_comes_out
INSTALL_WHEEL := -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
# The resolver has an environment of its own: what a lock breaks has to be mended without that lock. Where its own lock is
# broken, it comes from pyproject.toml.
COMPILE = $(RESOLVER)/$(notdir $(BIN))/python -m uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock" --quiet
CODE := overlay scripts tests

.PHONY: help demo test test-wheel test-lowest coverage soak fuzz generate check-generated capture lint lint-spec format types lock doctor \
	bench bench-check docs package check-release ci clean
.DEFAULT_GOAL := help

help:  ## List the targets.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /	/' | expand -t 20

demo: $(DEMO)/ready  ## Read the calls of a sandbox organisation, end to end.
	@$(DEMO)/$(notdir $(BIN))/python scripts/demo.py

test: $(READY)  ## Run every test.
	@$(BIN)/python -m pytest --numprocesses auto

test-wheel: $(WHEEL)/locked package  ## Run the tests against the wheel, installed with pip as a user would.
	@$(WHEEL)/$(notdir $(BIN))/python $(INSTALL_WHEEL)
	@$(WHEEL)/$(notdir $(BIN))/python -m pytest --numprocesses auto --installed

test-lowest: $(LOWEST)/locked package  ## Run the client's tests with the lowest supported dependencies, on Python 3.11.
	@$(LOWEST)/$(notdir $(BIN))/python $(INSTALL_WHEEL)
	@$(LOWEST)/$(notdir $(BIN))/python -m pytest --numprocesses auto --installed \
		$(OF_TOOLS:%=--ignore=tests/project/test_%.py) --deselect $(DRAWN)

coverage: $(READY)  ## Run every test and report the lines and branches of overlay/ that are not covered.
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest --numprocesses auto --cov=$(CURDIR)/overlay --cov-report=term-missing:skip-covered

soak: $(READY)  ## Repeat first use by threads 2,000 times, and simulate 20,000 histories with faults, sync and async.
	@$(BIN)/python tests/first_use.py 0 1999
	@STEPS=500 $(BIN)/python -m pytest --quiet --timeout 3600 tests/client/test_secrets_everywhere.py
	@$(BIN)/python tests/simulation.py 0 9999 & one=$$!; \
		$(BIN)/python tests/simulation.py 10000 19999 && wait $$one

fuzz: $(READY)  ## Send 100,000 odd responses and pass as many odd arguments: only a VoxCallsError may be raised.
	@$(BIN)/python tests/fuzz.py 0 49999 & one=$$!; \
		$(BIN)/python tests/fuzz.py 50000 99999 && wait $$one

generate: $(READY)  ## Regenerate generated/ from openapi/calls.yaml.
	@$(BIN)/python scripts/generate.py

check-generated: $(READY)  ## Check that generated/ is what openapi/calls.yaml generates.
	@$(BIN)/python scripts/generate.py --check

capture: $(READY)  ## Run the examples and write their output into README.md and docs/.
	@$(BIN)/python scripts/capture.py

lint: $(READY)  ## Check style and format, and the workflows.
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(wildcard .github/workflows/*.y*ml)
	@$(BIN)/zizmor --offline --quiet .github

lint-spec: $(READY)  ## Check the contract as OpenAPI; with Node.js, lint it too.
	@$(BIN)/python scripts/lint_spec.py

format: $(READY)  ## Format, and fix what ruff can fix.
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

types: $(READY)  ## Check types strictly, and the public ones with three checkers.
	@$(BIN)/mypy $(CODE)
	@$(BIN)/basedpyright --pythonpath $(BIN)/python
	@PATH="$(CURDIR)/$(BIN):$$PATH" basedpyright --verifytypes vox_calls --ignoreexternal > .venv/types.txt \
		|| { grep -v '^   vox_calls' .venv/types.txt; exit 1; }
	@$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python --summary=none

lock: $(RESOLVER)/locked  ## Resolve the dependencies of pyproject.toml again; review the difference before you commit it.
	@$(COMPILE) pyproject.toml --upgrade --all-extras --group dev --output-file $(LOCK)
	@$(COMPILE) pyproject.toml --upgrade --extra cli --extra sandbox --group build --constraint $(LOCK) --output-file $(DEMO_LOCK)
	@$(COMPILE) pyproject.toml --upgrade --extra cli --extra sandbox --group bench --output-file $(BENCH_LOCK)
	@$(COMPILE) pyproject.toml --upgrade --all-extras --group tests --resolution lowest-direct --output-file $(LOWEST_LOCK)
	@$(COMPILE) --upgrade --group lock --constraint $(LOCK) --output-file $(RESOLVER_LOCK)

doctor: $(READY)  ## Compare the contract with the server (VOX_API_KEY) and the vendor's document (DOCUMENT).
	@$(BIN)/vox-calls doctor $(if $(DOCUMENT),--document "$(DOCUMENT)")

bench: $(BENCH)/ready  ## Benchmark this client beside others; WRITE=1 writes the table into docs/performance.md.
	@$(BENCH)/$(notdir $(BIN))/python scripts/bench $(if $(WRITE),--write)

bench-check: $(BENCH)/ready  ## Benchmark, and fail for what misses its target.
	@$(BENCH)/$(notdir $(BIN))/python scripts/bench --check

docs: $(READY)  ## Generate the API reference from the docstrings, in reference/.
	@$(BIN)/python scripts/reference.py reference

package: $(READY)  ## Build dist/, and check that it is complete and works on its own.
	@$(BIN)/python scripts/check_package.py dist

check-release: $(READY)  ## Check a tag (TAG) against the version, the changelog and the change of the contract.
	@$(BIN)/python scripts/check_release.py "$(TAG)"

ci: lint lint-spec types check-generated package demo test  ## Run every check.

clean:  ## Remove what was built and installed.
	rm -rf .venv $(DEMO) $(RESOLVER) $(BENCH) $(WHEEL) $(LOWEST) dist reference .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis \
		tests/*/node_modules tests/typescript/build

ENVIRONMENT := scripts/make_environment.py scripts/check_environment.py
EDITABLE := -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

$(LOCKED): $(LOCK) $(ENVIRONMENT)
	@$(PYTHON) scripts/make_environment.py .venv $(LOCK)
	@touch $@

$(READY): $(LOCKED) pyproject.toml
	@$(BIN)/python $(EDITABLE)
	@touch $@

$(DEMO)/locked: $(DEMO_LOCK) $(ENVIRONMENT)
	@$(PYTHON) scripts/make_environment.py $(DEMO) $(DEMO_LOCK)
	@touch $@

$(DEMO)/ready: $(DEMO)/locked pyproject.toml
	@$(DEMO)/$(notdir $(BIN))/python $(EDITABLE)
	@touch $@

$(RESOLVER)/locked: $(wildcard $(RESOLVER_LOCK)) $(ENVIRONMENT)
	@$(PYTHON) scripts/make_environment.py $(RESOLVER) $(RESOLVER_LOCK) lock
	@touch $@

$(BENCH)/locked: $(BENCH_LOCK) $(ENVIRONMENT)
	@$(PYTHON) scripts/make_environment.py $(BENCH) $(BENCH_LOCK)
	@touch $@

$(BENCH)/ready: $(BENCH)/locked pyproject.toml
	@$(BENCH)/$(notdir $(BIN))/python $(EDITABLE)
	@touch $@

$(WHEEL)/locked: $(LOCK) $(ENVIRONMENT)
	@$(PYTHON) scripts/make_environment.py $(WHEEL) $(LOCK)
	@touch $@

$(LOWEST)/locked: $(LOWEST_LOCK) $(ENVIRONMENT)
	@$(PYTHON) scripts/make_environment.py $(LOWEST) $(LOWEST_LOCK)
	@touch $@
