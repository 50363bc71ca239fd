# What is done here every day. `make help` lists it.

.DEFAULT_GOAL := help
# Request traces for the hit ratios; see bench/README.md.
TRACES ?= ../shared/traces
# The server of `make test-valkey`.
VALKEY ?= valkey-server
BENCHES = engine disk races http redis scan data acg acg-load

.PHONY: help run test test-valkey check mutants fuzz soak soak-cluster bench bench-quick instructions

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build, then serve on http://127.0.0.1:8321
	cargo run --release --package spence-cli -- serve

test: ## Run every test
	cargo test --workspace
	cargo test --package spence --features shuttle --test schedules
	cargo test --package spence --features loom --lib flight_model
	cargo xtask examples
	cargo xtask fuzz 2

test-valkey: ## The tests of the shared tier on Valkey, `VALKEY=path` if it is not on the path
	SPENCE_REDIS_SERVER=$(VALKEY) cargo test --package spence --test it -- \
		cluster:: explain:: fleets:: gathered:: history:: leases:: startup::

mutants: ## Take away each line that keeps a promise and see its test turn red
	cargo xtask mutants

fuzz: ## Feed each reader of foreign bytes with what a fuzzer makes up, for a minute
	cargo xtask fuzz 60

soak: ## All that CI samples, at length: about an hour, then a summary
	cargo xtask soak

soak-cluster: ## Nodes on a real Redis and a cluster for 15 minutes, while things happen to them; then a check
	SPENCE_SOAK=1 cargo test --package spence --test it history:: -- --nocapture

bench-quick: ## Measure against peers, a first impression in five minutes
	cargo build --release --manifest-path bench/Cargo.toml --bins
	@for bench in $(BENCHES); do SPENCE_TRACES=$(TRACES) bench/target/release/$$bench --quick || exit 1; done

bench: ## Measure against peers, thoroughly
	cargo build --release --manifest-path bench/Cargo.toml --bins
	@for bench in $(BENCHES); do SPENCE_TRACES=$(TRACES) bench/target/release/$$bench || exit 1; done

# Valgrind does not take the start of rustix's own system calls.
instructions: ## Count the machine instructions of each path; none may have grown
	RUSTFLAGS="--cfg rustix_use_libc" cargo build --release --manifest-path bench/Cargo.toml --target-dir bench/target/counted --bin instructions
	bench/target/counted/release/instructions

check: ## Formatting, lints, house rules, licences, documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo clippy --package spence --features shuttle --test schedules -- --deny warnings
	cargo clippy --package spence --features loom --lib --tests -- --deny warnings
	cargo xtask tidy
	cargo xtask licences
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --quiet
