# What a person can do here. Each stage of `make test` is a target of its own, and what CI runs.

DATA ?= data
SPLIT_DATA ?= data-split
HYBRID_DATA ?= data-hybrid
PORT ?= 8080

export PATH := $(or $(TESSERA_CACHE),$(HOME)/.cache/tessera)/bin:$(PATH)
BINARY := $(or $(CARGO_TARGET_DIR),target)/debug/tessera
STAGE = @scripts/stage $@
# One more than there are cores: some tests wait most of the time.
TEST_THREADS = $(shell expr $$(nproc) + 1)
STAGES := setup-test fmt-check lint docs tidy contracts deny app unit doctest

VIEWER := apps/viewer
VIEWER_MODULES := $(VIEWER)/node_modules/.tessera-installed
BROWSER_MODULES := tests/browser/node_modules/.tessera-installed
EXAMPLE_MODULES := $(patsubst %/package.json,%/node_modules/.tessera-installed,$(wildcard examples/*/package.json))
VIEWER_PAGE := $(VIEWER)/dist/index.html
VIEWER_SOURCES = $(shell find $(VIEWER) \( -name node_modules -o -name dist -o -name generated \) -prune -o -type f -print) \
	$(wildcard contracts/*/v1/*.json)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help up up-split up-hybrid server release bench alerts test skew record fuzz soak soak-simulator $(STAGES) fmt setup freeze licences advisories clean-data

help: ## List what can be done.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

## Running

up: server ## Build and start everything with a demo tenant; DATA=data PORT=8080. Ctrl-C stops it.
	@exec $(BINARY) up --data "$(DATA)" --port "$(PORT)"

up-split: server ## As up, each module a process of its own on PostgreSQL, a Kafka broker and S3; SPLIT_DATA=data-split PORT=8080.
	@scripts/setup split
	@BINARY="$(BINARY)" DATA="$(SPLIT_DATA)" PORT="$(PORT)" exec scripts/split whole

up-hybrid: server ## As up, with billing and identity in one process and the rest in another; HYBRID_DATA=data-hybrid PORT=8080.
	@BINARY="$(BINARY)" DATA="$(HYBRID_DATA)" PORT="$(PORT)" exec scripts/split hybrid

server: setup $(VIEWER_PAGE) ## Build the viewer app and the tessera command, in the profile that the tests use.
	@cargo build --workspace --bin tessera

release: setup $(VIEWER_PAGE) ## Build the optimised tessera command, target/release/tessera.
	@cargo build --package tessera-server --release
	@cargo xtask licences target/release/licences

setup: ## Install what running needs (apt where it may, else it prints the command).
	@scripts/setup run

clean-data: ## Remove the folder DATA with everything in it, after asking.
	@if [ ! -d "$(DATA)" ]; then echo "There is no folder $(DATA)."; exit 0; fi; \
	if [ ! -d "$(DATA)/secrets" ]; then echo "$(DATA) is not a data folder of Tessera: it has no secrets/." >&2; exit 1; fi; \
	printf 'Remove %s, with its databases, films and keys? Type yes: ' "$$(cd "$(DATA)" && pwd)"; \
	read -r answer; [ "$$answer" = yes ] || { echo "Nothing was removed."; exit 1; }; rm -rf -- "$(DATA)"

bench: $(VIEWER_PAGE) ## Measure the release build beside its peers: prints a table, writes target/bench/summary.json; KEEP=--keep.
	@scripts/setup bench
	@cargo build --release --package tessera-server
	@cargo run --quiet --release --package tessera-bench --features peers -- $(KEEP)

## Checking: the stages of `make test`, in its order

test: ## Run everything that CI runs, and stop at the first failure.
	@begun=$$(date +%s); for stage in $(STAGES); do $(MAKE) --no-print-directory $$stage || exit; done; \
	echo "── everything passed in $$(($$(date +%s) - begun)) s"

setup-test: ## Install what the tests need besides.
	$(STAGE) scripts/setup test

fmt-check: ## Check that Rust is formatted; make fmt formats it.
	$(STAGE) cargo fmt --all --check

lint: ## Run clippy on the whole workspace; a warning fails.
	$(STAGE) cargo clippy --locked --workspace --all-targets -- -D warnings

docs: ## Build the Rust documentation; a warning fails.
	$(STAGE) env RUSTDOCFLAGS=-Dwarnings cargo doc --locked --workspace --no-deps

tidy: ## Check the layers between crates and the shape of files.
	$(STAGE) cargo xtask tidy

contracts: ## Compare the contracts with their frozen documents and their pages in docs.
	$(STAGE) sh -c 'cargo xtask contracts check && scripts/contract-pages --check'

deny: ## Check licences, banned crates and sources of dependencies (cargo deny check names duplicates too).
	$(STAGE) cargo deny --log-level error --workspace --locked check bans licenses sources

app: ## Lint, test and build the viewer app.
	$(STAGE) $(MAKE) --no-print-directory app-lint app-test $(VIEWER_PAGE)

unit: $(VIEWER_PAGE) $(BROWSER_MODULES) $(EXAMPLE_MODULES) ## Run all Rust tests, those with a browser and those of the README among them.
	$(STAGE) cargo nextest run --locked --workspace --test-threads $(TEST_THREADS)

doctest: ## Run the examples in the Rust documentation.
	$(STAGE) cargo test --locked --workspace --doc --quiet

soak-simulator: ## Run SEEDS=1..10000 of the simulator of billing, entitlement and events (docs/simulator.md).
	@cargo run --quiet --package tessera-simulator -- --seeds "$(or $(SEEDS),1..10000)"

soak: $(VIEWER_PAGE) $(if $(AT)$(SEED),,soak-simulator) ## Kill the server KILLS=1000 times while people buy, upload and watch; SEED=, AT="step point" replay (docs/faults.md).
	@KILLS="$(KILLS)" SEED="$(SEED)" cargo run --quiet --package tessera-tests --bin soak -- $(AT)

skew: $(VIEWER_PAGE) ## Run the last release and this tree together, module by module, under load; ONLY=entitlement one module, SECONDS=.
	@scripts/setup skew
	@cargo run --quiet --package tessera-tests --bin skew -- $(ONLY)

fuzz: ## Give CASES=1000000 changed files to every parser of the media formats; FROM= other seeds, TARGET= one parser.
	@cargo run --quiet --package tessera-fuzz -- run $(or $(CASES),1000000) --from $(or $(FROM),0) $(if $(TARGET),--target $(TARGET))

## Working

alerts: ## Cause every alert rule on a running server with a real Prometheus; takes some minutes.
	@scripts/setup test
	@cargo nextest run --locked --package tessera-tests --run-ignored all every_rule_fires

fmt: $(VIEWER_MODULES) ## Format Rust and TypeScript.
	@cargo fmt --all
	@npm --prefix $(VIEWER) run --silent format

freeze: ## Write the contracts' documents and pages anew; refuses what would break a caller.
	@cargo xtask contracts freeze
	@scripts/contract-pages

record: ## Record what the last release answers, for `make test` to replay.
	@scripts/setup skew
	@cargo run --quiet --package tessera-tests --bin record

licences: ## Write what others made that is in the binary, with their licences, to target/licences.
	@cargo xtask licences

advisories: ## Check dependencies against the RustSec database; needs the internet.
	@scripts/setup test
	@cargo deny --workspace check advisories

.PHONY: app-lint app-test
app-lint: $(VIEWER_MODULES)
	@npm --prefix $(VIEWER) run --silent lint
app-test: $(VIEWER_MODULES)
	@npm --prefix $(VIEWER) test --silent

# Both are files, so that nothing is installed or built again while its sources are the same. What the lock file names is
# installed; not by `npm ci`, which refuses a lock file made where packages for other systems could not be had.
%/node_modules/.tessera-installed: %/package.json %/package-lock.json
	@echo "Installing what $* needs of npm"
	@npm --prefix $* install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

$(VIEWER_PAGE): $(VIEWER_MODULES) $(VIEWER_SOURCES)
	@echo "Building the viewer app"
	@npm --prefix $(VIEWER) run --silent build
	@touch $@
