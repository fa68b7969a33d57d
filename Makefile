# Two commands: `make demo` builds everything and runs the main job, `make test` runs all the tests.

CARGO ?= cargo
MATTERS = retirement payroll enterprise-startup policy-redemption
# One selection of packages, so that what they depend on is compiled once.
PACKAGES = --locked --workspace --exclude hostile
ONETHING = $(or $(CARGO_TARGET_DIR),target)/debug/onething

# What is built beside the commands: for `make test`, the tests.
test: TARGETS = --tests

.PHONY: demo test lint bench setup build bundles

demo: bundles
	$(ONETHING) demo

test: bundles
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    scripts/with-postgres $(CARGO) nextest run $(PACKAGES); \
	else \
	    scripts/with-postgres $(CARGO) test $(PACKAGES); \
	fi
	$(ONETHING) replay

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

bench: bundles
	$(CARGO) bench --locked --package onething-tests

# The product's own command builds the bundles and their function apps; cargo knows what has changed.
bundles: build
	$(ONETHING) bundle build --spin $(MATTERS:%=functions/%)
	$(ONETHING) --bundles bundles/test bundle build --spin tests/hostile tests/simple

build: setup
	$(CARGO) build $(PACKAGES) --bins $(TARGETS)

setup:
	@scripts/setup
