# What a person does with this tree. `make help` lists it.
#
# One profile for everything, one target folder for all checkouts of a user, one compiled
# RocksDB for both: scripts/cargo sees to it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help packages build test lint fmt doc demo man install bench benchdocs encoders

export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dtrvault/target
CARGO := scripts/cargo

PREFIX ?= /usr/local
PEERS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dtrvault/peers/bin
# What `make bench` measured, and where it puts data and repositories: up to 25 GB, on the disk that is measured.
BENCH_JSON ?= $(CARGO_TARGET_DIR)/bench.json
export BENCH_DIR ?= $(CARGO_TARGET_DIR)/bench
BINARY := $(CARGO_TARGET_DIR)/release/dtrvault
# What tests put in the place of DTR's image.
STAND_IN := $(CARGO_TARGET_DIR)/release/dtr

help: ## list these targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

packages: ## install what is missing to build and test (Debian, by apt)
	@scripts/install-packages

build: packages ## build the binary
	$(CARGO) build --release --locked -p dtrvault
	@echo "$(BINARY)"

test: packages ## run every test, end-to-end ones included
	$(CARGO) build --release --locked -p dtrvault -p dtrvault-dtr-stand-in
	DTRVAULT_TEST_BINARY="$(BINARY)" DTRVAULT_TEST_STAND_IN="$(STAND_IN)" $(CARGO) test --release --locked --workspace

lint: ## formatting, clippy, docs
	$(CARGO) fmt --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --release --locked -p gzip-replay --all-targets --features real-encoders -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --release --locked --workspace --no-deps

fmt: ## format the code
	$(CARGO) fmt

doc: ## write the code's documentation
	$(CARGO) doc --release --locked --workspace --no-deps
	@echo "$(CARGO_TARGET_DIR)/doc/dtrvault_ops/index.html"

demo: build ## back up, change, check and restore a real registry, before your eyes
	@scripts/demo "$(BINARY)"

bench: build ## measure beside restic, rustic, borg, bupstash; BENCH=layers,tags BENCH_SCALE=small choose
	@scripts/bench-peers
	$(CARGO) build --release --locked -p dtrvault-benches -p dtrvault-dtr-stand-in --bins
	DTRVAULT_TEST_BINARY="$(BINARY)" DTRVAULT_TEST_STAND_IN="$(STAND_IN)" "$(CARGO_TARGET_DIR)/release/dtrvault-bench" run "$(BINARY)" "$(PEERS)" "$(BENCH_JSON)"

benchdocs: ## put what `make bench` measured into docs/performance.md
	"$(CARGO_TARGET_DIR)/release/dtrvault-bench" render "$(BENCH_JSON)" docs

encoders: packages ## hold gzip-replay against the real encoders (five minutes, 400 MB of packages)
	@scripts/encoders
	$(CARGO) test --release --locked -p gzip-replay --features real-encoders

man: build ## write the man pages to the folder man/ of the target folder
	"$(BINARY)" man "$(CARGO_TARGET_DIR)/man"

install: man ## install binary, man pages and completions below PREFIX (/usr/local)
	install -D -m 0755 "$(BINARY)" "$(DESTDIR)$(PREFIX)/bin/dtrvault"
	install -d "$(DESTDIR)$(PREFIX)/share/man/man1"
	install -m 0644 "$(CARGO_TARGET_DIR)"/man/*.1 "$(DESTDIR)$(PREFIX)/share/man/man1/"
	install -d "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" "$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	"$(BINARY)" completions bash > "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/dtrvault"
	"$(BINARY)" completions zsh > "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_dtrvault"
	"$(BINARY)" completions fish > "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/dtrvault.fish"
