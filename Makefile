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
# The resolver has an environment of its own: what a lock breaks has to be mended without that lock.
COMPILE = $(RESOLVER)/$(notdir $(BIN))/python -m uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock" --quiet
CODE := overlay scripts tests

.PHONY: help demo test test-wheel test-lowest coverage soak generate check-generated capture lint lint-spec format types lock doctor \
	bench bench-check docs package check-release ci clean
.DEFAULT_GOAL := help

help:  ## What can be made.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /	/' | expand -t 20

demo: $(DEMO)/ready  ## See an organisation's calls come out of a sandbox, end to end.
	@$(DEMO)/$(notdir $(BIN))/python scripts/demo.py

test: $(READY)  ## Run every test.
	@$(BIN)/python -m pytest --numprocesses auto

test-wheel: $(WHEEL)/locked package  ## Run every test against the wheel, installed as a user's pip does it.
	@$(WHEEL)/$(notdir $(BIN))/python $(INSTALL_WHEEL)
	@$(WHEEL)/$(notdir $(BIN))/python -m pytest --numprocesses auto --installed

test-lowest: $(LOWEST)/locked package  ## The same with the lowest dependencies that are allowed, on Python 3.11, but for the tests of tools.
	@$(LOWEST)/$(notdir $(BIN))/python $(INSTALL_WHEEL)
	@$(LOWEST)/$(notdir $(BIN))/python -m pytest --numprocesses auto --installed \
		$(OF_TOOLS:%=--ignore=tests/project/test_%.py) --deselect $(DRAWN)

coverage: $(READY)  ## Run every test, and name the lines and branches of overlay/ that none of them takes.
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest --numprocesses auto --cov=$(CURDIR)/overlay --cov-report=term-missing:skip-covered

soak: $(READY)  ## 2,000 first uses by eight threads, and 20,000 simulated histories, faults and all, by both clients.
	@$(BIN)/python tests/first_use.py 0 1999
	@STEPS=500 $(BIN)/python -m pytest --quiet --timeout 3600 tests/client/test_secrets_everywhere.py
	@$(BIN)/python tests/simulation.py 0 9999 & one=$$!; \
		$(BIN)/python tests/simulation.py 10000 19999 && wait $$one

generate: $(READY)  ## Write generated/ anew from openapi/calls.yaml.
	@$(BIN)/python scripts/generate.py

check-generated: $(READY)  ## Prove that generated/ is exactly what openapi/calls.yaml gives.
	@$(BIN)/python scripts/generate.py --check

capture: $(READY)  ## Run the first example and the commands, and write what they show into README.md and docs/.
	@$(BIN)/python scripts/capture.py

lint: $(READY)  ## Check style and format, and the workflows.
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(wildcard .github/workflows/*.y*ml)
	@$(BIN)/zizmor --offline --quiet .github

lint-spec: $(READY)  ## Check the contract as OpenAPI; with Node.js, lint it too.
	@$(BIN)/python scripts/lint_spec.py

format: $(READY)  ## Format, and mend what can be mended.
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

types: $(READY)  ## Check types, strictly; those that users see by three checkers, none left untold.
	@$(BIN)/mypy $(CODE)
	@$(BIN)/basedpyright --pythonpath $(BIN)/python
	@PATH="$(CURDIR)/$(BIN):$$PATH" basedpyright --verifytypes vox_calls --ignoreexternal > .venv/types.txt \
		|| { grep -v '^   vox_calls' .venv/types.txt; exit 1; }
	@$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python --summary=none

lock: $(RESOLVER)/locked  ## Resolve the dependencies of pyproject.toml anew; review the difference before you keep it.
	@$(COMPILE) pyproject.toml --upgrade --all-extras --group dev --output-file $(LOCK)
	@$(COMPILE) pyproject.toml --upgrade --extra cli --extra sandbox --group build --constraint $(LOCK) --output-file $(DEMO_LOCK)
	@$(COMPILE) pyproject.toml --upgrade --extra cli --extra sandbox --group bench --output-file $(BENCH_LOCK)
	@$(COMPILE) pyproject.toml --upgrade --all-extras --group tests --resolution lowest-direct --output-file $(LOWEST_LOCK)
	@$(COMPILE) --upgrade --group lock --constraint $(LOCK) --output-file $(RESOLVER_LOCK)

doctor: $(READY)  ## Ask the server (VOX_API_KEY), and the vendor's document (DOCUMENT), what differs from the contract.
	@$(BIN)/vox-calls doctor $(if $(DOCUMENT),--document "$(DOCUMENT)")

bench: $(BENCH)/ready  ## Measure this client beside others, in a few minutes; WRITE=1 writes the table into docs/performance.md.
	@$(BENCH)/$(notdir $(BIN))/python scripts/bench $(if $(WRITE),--write)

bench-check: $(BENCH)/ready  ## Measure, and name what is worse than its target.
	@$(BENCH)/$(notdir $(BIN))/python scripts/bench --check

docs: $(READY)  ## Write the reference of the public names, from their docstrings, into reference/.
	@$(BIN)/python scripts/reference.py reference

package: $(READY)  ## Build what is published into dist/, and see that it is whole and works alone.
	@$(BIN)/python scripts/check_package.py dist

check-release: $(READY)  ## See that a tag (TAG) fits the version, the changelog and the change of the contract.
	@$(BIN)/python scripts/check_release.py "$(TAG)"

ci: lint lint-spec types check-generated package demo test  ## Everything that has to hold.

clean:  ## Remove what was built and installed here.
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

$(RESOLVER)/locked: $(RESOLVER_LOCK) $(ENVIRONMENT)
	@$(PYTHON) scripts/make_environment.py $(RESOLVER) $(RESOLVER_LOCK)
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
