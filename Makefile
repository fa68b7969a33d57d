# Two commands: `make demo` builds everything and runs the main job, `make test` runs all the tests.

CARGO ?= cargo
MATTERS = retirement payroll enterprise-startup policy-redemption
ONETHING = $(CARGO) run --quiet --locked --package onething --

.PHONY: demo test lint bench setup bundles

demo: bundles
	$(ONETHING) demo

test: bundles
	$(CARGO) build --locked --workspace --exclude hostile
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    scripts/with-postgres $(CARGO) nextest run --locked --workspace --exclude hostile; \
	else \
	    scripts/with-postgres $(CARGO) test --locked --workspace --exclude hostile; \
	fi
	$(ONETHING) replay

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

bench: bundles
	$(CARGO) bench --locked --package onething-tests

# The product's own command builds the bundles; cargo knows what has changed.
bundles: setup
	$(ONETHING) bundle build $(MATTERS:%=functions/%)
	$(ONETHING) --bundles bundles/test bundle build tests/hostile tests/simple

setup:
	@scripts/setup
