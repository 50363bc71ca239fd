# What is done here every day. `make help` lists it.

.DEFAULT_GOAL := help
.PHONY: help run test check mutants

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build, then serve on http://127.0.0.1:8321
	cargo run --release --package spence-cli -- serve

test: ## Run every test
	cargo test --workspace
	cargo test --package spence --features shuttle --test schedules

mutants: ## Take away each line that keeps a promise and see its test turn red
	cargo xtask mutants

check: ## Formatting, lints, house rules, licences, documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cargo clippy --package spence --features shuttle --test schedules -- --deny warnings
	cargo xtask tidy
	cargo xtask licences
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --quiet
