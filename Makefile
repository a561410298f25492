# The doors of the project; CI goes through the same ones (.ci/run).
#
#   make demo    build, start a real daemon, run agents through it, verify everything offline
#   make test    every test
#   make lint    formatting, clippy, documentation
#   make bench   measurements
#
# A fresh Debian or Ubuntu with Rust needs nothing else: `setup` installs what is missing.
# Outside make: eval "$(make -s env)", then cargo as usual.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: demo test lint bench build setup env clean

target := $(or $(CARGO_TARGET_DIR),target)

# Names the static library to librocksdb-sys, building it first where this machine has none yet.
with_rocksdb = tools/setup build && ROCKSDB_LIB_DIR=$$(tools/build-rocksdb) && export ROCKSDB_LIB_DIR ROCKSDB_STATIC=1

# Names the interpreter that the tests' Python client runs on, installing its packages once.
with_python = tools/setup python && AGENT_LEDGER_PYTHON=$$(tools/python-env) && export AGENT_LEDGER_PYTHON

demo:
	@if [ -x "$(target)/release/ledgerd" ]; then \
		echo "Building what has changed since last time: seconds if nothing has."; \
	else \
		echo "First run: on two cores about 4 minutes for RocksDB, where this machine has not built it yet,"; \
		echo "and 3 to 8 minutes for the rest. Later runs take seconds."; \
	fi
	@$(with_rocksdb) && cargo build --locked --release -p ledgerd -p ledgerctl -p ledger-verify
	@tools/demo "$(target)/release"

# The binaries first, because the tests of the whole run them. Then the core without conditions, as the
# verifier is built by itself: the workspace's own run has them. The documentation's examples before the
# rest, so that the summary at the end is that of real tests. Random input is the same each time, so that
# a change fails for what it changes; with another PROPTEST_RNG_SEED, or under cargo alone, it is not.
test: export PROPTEST_RNG_SEED ?= 1
test:
	@$(with_rocksdb) && $(with_python) && \
		cargo build --locked --workspace --bins && \
		cargo test --locked -p ledger-core --test conditions && \
		cargo test --locked --workspace --doc && \
		cargo test --locked --workspace --lib --bins --tests --examples

lint:
	@grep -lE '^#!.*bash' .ci/run tools/* | xargs -n 1 bash -n
	cargo fmt --all --check
	@$(with_rocksdb) && set -x && \
		cargo clippy --locked --workspace --all-targets -- -D warnings && \
		RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

bench:
	@cargo bench --locked -p ledger-core --features cedar --bench gate
	@$(with_rocksdb) && cargo build --locked --release --workspace --bins && \
		cargo run --locked --release -p ledger-benches

build:
	@$(with_rocksdb) && cargo build --locked --workspace

setup:
	@tools/setup build python

env:
	@$(with_rocksdb) && printf 'export ROCKSDB_LIB_DIR=%q ROCKSDB_STATIC=1\n' "$$ROCKSDB_LIB_DIR"
	@$(with_python) && printf 'export AGENT_LEDGER_PYTHON=%q\n' "$$AGENT_LEDGER_PYTHON"

# RocksDB's library and the Python environment stay: other clones use them too.
clean:
	cargo clean
