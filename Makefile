# Each target sets up what it needs: Python 3.11 or newer is enough to begin with.
#   make demo                 a shop's life in front of your eyes (ARGS=--full, ARGS=--bootstrap-servers=host:9092)
#   make test                 all tests (ARGS="-k consent")
#   make lint                 ruff, mypy --strict, import-linter, pip-audit
#   make bench BENCH=name     one benchmark, without BENCH all
#   make chaos                workers and brokers killed, frozen, cut off at random (ARGS="--minutes 5 --seed 7")
#   make fuzz                 a million inputs for the gateway, guided by coverage (ARGS="--inputs 50000")
#   make siege                Kafka still for a minute under load, the gateway killed meanwhile: nothing is lost
#   make soak                 half an hour under load: disk and memory bounded, nothing lost (ARGS="--minutes 6")
#   make lock                 the lock files anew from pyproject.toml, with uv

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench chaos fuzz siege soak lock kafka peers
.DELETE_ON_ERROR:

BIN := .venv/bin
READY := .venv/.ready

help:
	@sed -n '2,10s/^# *//p' Makefile

demo: $(READY) kafka
	@$(BIN)/tajo demo $(ARGS)

# Two at a time, each with a broker of its own: most of a test is waiting.
test: $(READY) kafka
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

chaos: $(READY) kafka
	@$(BIN)/python -m tests.chaos $(ARGS)

fuzz: $(READY)
	@$(BIN)/python -m tests.fuzz $(ARGS)

siege: $(READY) kafka
	@$(BIN)/python -m tests.gateway.siege $(ARGS)

soak: $(READY) kafka
	@$(BIN)/python -m tests.soak $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/audit.py

# Benchmarks that compare us with nobody else; the others need the peers.
PEERLESS := demo-path growth

bench: $(READY) kafka $(if $(filter $(PEERLESS),$(BENCH)),,peers)
	@$(BIN)/python -m benchmarks $(BENCH)

UV_COMPILE := uv pip compile --generate-hashes --universal --no-header --no-emit-index-url

lock:
	$(UV_COMPILE) pyproject.toml --group dev -o requirements.lock
	$(UV_COMPILE) pyproject.toml -c requirements.lock -o requirements-run.lock
	$(UV_COMPILE) --python-version 3.11 --group peers -o requirements-peers.lock

# What the benchmarks compare with: Kafka Streams' programs, and Python packages in an environment of their own.
peers: $(READY) kafka
	@scripts/setup.sh peers

# Says where Java and the jars are; fetches the jars only when the list of them has changed.
kafka: $(READY)
	@scripts/setup.sh kafka

$(READY): requirements.lock requirements-demo.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh python
	@touch $@
