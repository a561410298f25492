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
with_rocksdb = ROCKSDB_LIB_DIR=$$(tools/build-rocksdb) && export ROCKSDB_LIB_DIR ROCKSDB_STATIC=1

demo: setup
	@if [ -x "$(target)/release/ledgerd" ]; then \
		echo "Building what has changed since last time: seconds if nothing has."; \
	else \
		echo "First run: on two cores about 4 minutes for RocksDB, where this machine has not built it yet,"; \
		echo "and 2 to 3 minutes for the rest. Later runs take seconds."; \
	fi
	@$(with_rocksdb) && cargo build --locked --release -p ledgerd -p ledgerctl -p ledger-verify
	@tools/demo "$(target)/release"

# The binaries first, because the tests of the whole run them; the documentation's examples before the
# rest, so that the summary at the end is that of real tests.
test: setup
	@tools/setup python
	@$(with_rocksdb) && AGENT_LEDGER_PYTHON=$$(tools/python-env) && export AGENT_LEDGER_PYTHON && \
		cargo build --locked --workspace --bins && \
		cargo test --locked --workspace --doc && \
		cargo test --locked --workspace --lib --bins --tests --examples

lint: setup
	@grep -lE '^#!.*bash' .ci/run tools/* | xargs -n 1 bash -n
	cargo fmt --all --check
	@$(with_rocksdb) && set -x && \
		cargo clippy --locked --workspace --all-targets -- -D warnings && \
		RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

bench: setup
	@$(with_rocksdb) && cargo build --locked --release --workspace --bins && \
		cargo run --locked --release -p ledger-benches

build: setup
	@$(with_rocksdb) && cargo build --locked --workspace

setup:
	@tools/setup build

env:
	@$(with_rocksdb) && printf 'export ROCKSDB_LIB_DIR=%q ROCKSDB_STATIC=1\n' "$$ROCKSDB_LIB_DIR"

# RocksDB's library and the Python environment stay: other clones use them too.
clean:
	cargo clean
