# make setup   install what is missing          make test    all that CI runs
# make build   the daemon, optimised            make crash   kill -9 under load, two hundred times; of a pair, a hundred
# make run     build, and serve with config/    make bench   beside redis-server; writes docs/benchmarks/

SHELL := /bin/bash
export PATH := $(HOME)/.cargo/bin:$(PATH)
PIKA := target/release/pika
# Options for the program that a target runs: make run ARGS="--port 7000", make bench ARGS=--quick
ARGS :=

# RocksDB compiled once per machine. Without these variables cargo compiles it itself, which takes much longer.
with_rocksdb = library=$$(tools/build-rocksdb) && ROCKSDB_LIB_DIR=$$library ROCKSDB_STATIC=1

.PHONY: setup build run test lint unit server-tests crash-short crash simulate conformance differential clients fuzz bench bench-pressure bench-big crash-pair migration-short migration bench-replication

setup:
	@tools/setup

build: setup
	$(with_rocksdb) cargo build --release --locked

run: build
	$(PIKA) config $(ARGS)

# One after the other even with -j: cargo and the timing of the tests want the machine for themselves.
test: setup
	$(MAKE) lint
	$(MAKE) unit
	$(MAKE) server-tests
	$(MAKE) crash-short
	$(MAKE) migration-short
	$(MAKE) conformance
	$(MAKE) differential
	$(MAKE) clients

lint: setup
	cargo fmt --all --check
	$(with_rocksdb) cargo clippy --workspace --exclude pika-fuzz --all-targets --locked -- -D warnings
	$(with_rocksdb) RUSTDOCFLAGS="-D warnings" cargo doc --workspace --exclude pika-fuzz --no-deps --locked

# nextest gives each test a process of its own, but does not know doc tests.
unit: setup
	if cargo nextest --version >/dev/null 2>&1; then \
	  $(with_rocksdb) cargo nextest run --workspace --exclude pika-fuzz --locked --no-tests pass && \
	  $(with_rocksdb) cargo test --doc --workspace --exclude pika-fuzz --locked; \
	else \
	  $(with_rocksdb) cargo test --workspace --exclude pika-fuzz --locked; \
	fi

# The daemon from outside: processes, files, sockets.
server-tests: build
	tests/server/run.py --server $(PIKA) $(ARGS)

# The harness first shows on redis-server that it sees a loss.
crash-short: build
	tests/crash/run.py --self-test --rounds 2
	tests/crash/run.py --server $(PIKA) --rounds 4
	tests/crash/pair.py --server $(PIKA) --self-test
	tests/crash/pair.py --server $(PIKA) --rounds 6

crash: build
	tests/crash/run.py --server $(PIKA) --rounds 200 $(ARGS)

# A master or its slave is killed under load, and what WAIT acknowledged must be on both; VERIFY after each.
crash-pair: build
	tests/crash/pair.py --server $(PIKA) --rounds 100 $(ARGS)

# From Redis to Pika and on to another Redis under live writes; the three are compared key by key.
migration-short: build
	tests/migration/run.py --server $(PIKA) --quick

migration: build
	tests/migration/run.py --server $(PIKA) $(ARGS)

# The suite brings files of old Redis versions along; a unit test reads them.
conformance: build
	tests/conformance/run.py --server $(PIKA) $(ARGS)
	assets=$$(tests/conformance/suite.py)/tests/assets && $(with_rocksdb) PIKA_RDB_ASSETS=$$assets \
	  cargo test -q --workspace --exclude pika-fuzz --lib --locked old_files_of_redis_suite_are_read -- --ignored

# The same random commands to Pika and to redis-server. Longer: make differential ARGS="--commands 1000000 --seed 7"
differential: build
	tests/differential/run.py --self-test
	tests/differential/run.py --server $(PIKA) --families all --commands 100000 $(ARGS)

# Client libraries, installed under ~/.cache/pika/clients at the first run.
clients: build
	tests/clients/run.py --server $(PIKA) $(ARGS)

bench: build
	benches/server.py --server $(PIKA) $(ARGS)

# Restart, memory, hot reads beside floods. Less: make bench-pressure ARGS="--scale 0.1"
bench-pressure: build
	benches/under_pressure.py --server $(PIKA) $(ARGS)

# One collection of ten million elements of each type. Less: make bench-big ARGS="--elements 1000000"
bench-big: build
	benches/big_collections.py --server $(PIKA) $(ARGS)

# Full synchronisation, the slave's speed, the price of a slave; writes docs/benchmarks/replication.md.
bench-replication: build
	benches/replication.py --server $(PIKA) $(ARGS)

# Ten thousand seeds of the simulated replication; a failing one is named.
simulate: setup
	cargo test -p pika-core --release --lib simulation -- --ignored --nocapture

# The core under a fuzzer, in process. Ten minutes for the parser and a whole connection, two more for the rest; the
# corpus grows in target/fuzz. Longer: make fuzz SECONDS=36000. Its build needs no RocksDB.
SECONDS := 600
fuzz: setup
	tests/fuzz/run.py --seconds $(SECONDS) $(ARGS)
