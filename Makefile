# Each target sets up what it needs: Python 3.11 or newer is enough to begin with.
#   make demo                 a shop's life in front of your eyes (ARGS=--full, ARGS=--bootstrap-servers=host:9092)
#   make test                 all tests (ARGS="-k consent")
#   make lint                 ruff, mypy --strict, import-linter
#   make bench BENCH=name     one benchmark, without BENCH all
#   make lock                 the lock files anew from pyproject.toml, with uv

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench lock kafka
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/.ready

help:
	@sed -n '2,6s/^# *//p' Makefile

demo: $(READY) kafka
	@$(BIN)/tajo demo $(ARGS)

test: $(READY) kafka
	@$(BIN)/python -m pytest $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY) kafka
	@$(BIN)/python -m benchmarks $(BENCH)

UV_COMPILE := uv pip compile pyproject.toml --generate-hashes --universal --no-header --no-emit-index-url

lock:
	$(UV_COMPILE) --group dev -o requirements.lock
	$(UV_COMPILE) -c requirements.lock -o requirements-run.lock

# Says where Java and the jars are; fetches the jars only when the list of them has changed.
kafka: $(READY)
	@scripts/setup.sh kafka

$(READY): requirements.lock requirements-demo.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh python
	@touch $@
