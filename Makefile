# The front door. Everything is built by meson and ninja; this file says with which options and in which order.
#   make run     installs what is missing, builds, tells the main story once, serves on http://localhost:8080
#   make test    installs what is missing, builds with sanitizers, runs every test
PORT ?= 8080
DESTDIR ?=
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
FUZZ_AT_ONCE ?= 1
N ?= 50
# Progress for eyes, silence for logs.
NINJA = ninja $$([ -t 1 ] || echo --quiet)
NODE_DATA = data/fhir data/places data/swagger-ui data/ucum web
NODE_TESTS = tests/clients tests/tools
# Published examples to judge, where a checkout has them beside it; the tests that need them skip elsewhere.
export LAZARET_FHIR_DATA ?= $(wildcard $(abspath ../shared/data/fhir-r4))
export LAZARET_UCUM_DATA ?= $(wildcard $(abspath ../shared/data/ucum))

TEST_OPTIONS = -Dtests=true -Dfaults=true -Db_sanitize=address,undefined -Db_lundef=false -Ddebug=true -Doptimization=1
RELEASE_OPTIONS = -Dbuildtype=release -Dprefix=$(PREFIX)

.DEFAULT_GOAL = help
# The steps are in an order; ninja runs what can run at once.
.NOTPARALLEL:
.PHONY: help build run test check soak bench fuzz conformance coverage install clean need-run need-test need-bench data

help: ## this text
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1	\2/p' Makefile | while IFS='	' read -r t s; do printf '  %-11s %s\n' "$$t" "$$s"; done

run: build ## build, show the main job once, keep serving on http://localhost:PORT (PORT=8080) until Ctrl-C
	@PORT='$(PORT)' exec tools/story

build: need-run data ## the programs in build/, optimised
	@tools/configure build $(RELEASE_OPTIONS)
	@$(NINJA) -C build

test: build-test ## every test, under AddressSanitizer and UBSan; three readers are fuzzed meanwhile, for FUZZ_SECONDS (60) each
	@tools/fuzz --build json fhir fhirpath
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' BUILD=build-test tests/run

check: build-test ## quick: the tree's own rules and the unit tests
	@BUILD=build-test tests/run --suite tree --suite unit

soak: build-test ## N (50) kills under load, 200 N jobs, and every point at which memory, files or commits can fail
	@N='$(N)' BUILD=build-test tests/run --soak

.PHONY: build-test
build-test: need-test data
	@tools/npm-data $(NODE_TESTS)
	@tools/configure build-test $(TEST_OPTIONS)
	@$(NINJA) -C build-test

bench: need-bench data ## measure the release build, each figure beside its floor (BENCH='--help' lists them; BENCH='--quick --store postgres')
	@tools/configure build-bench $(RELEASE_OPTIONS) -Dbench=true
	@$(NINJA) -C build-bench
	@BUILD=build-bench bench/run $(BENCH)

fuzz: need-test data ## every fuzz target for FUZZ_SECONDS (60) from its corpus, FUZZ_AT_ONCE (1) at a time
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_AT_ONCE='$(FUZZ_AT_ONCE)' tools/fuzz

conformance: build ## our verdicts on published examples beside those of other validators, where they can be had; differences explained
	@BUILD=build tests/conformance/run

# The scenarios are those whose counterparts no unit test has: identity providers, browsers, tokens in hardware's place. A server
# writes its counts when it ends; one that is killed, and a model's sandbox, do not.
COVERAGE_SCENARIOS = programs root signin staff
coverage: need-test data ## which lines and branches of src/ the unit and fault tests and some scenarios reach
	@tools/npm-data $(NODE_TESTS)
	@tools/configure build-coverage -Dtests=true -Dfaults=true -Db_coverage=true -Dbuildtype=debug \
		-Dc_args=-fprofile-update=atomic -Dwerror=false
	@$(NINJA) -C build-coverage
	@find build-coverage -name '*.gcda' -delete
	@BUILD=build-coverage tests/run --suite unit --suite fault
	@for s in $(COVERAGE_SCENARIOS); do echo "$$s"; BUILD=build-coverage tests/scenario/$$s.mjs >build-coverage/$$s.log || exit 1; done
	@tools/coverage build-coverage

install: build ## below DESTDIR and PREFIX (/usr/local)
	@DESTDIR='$(DESTDIR)' meson install -C build --no-rebuild --quiet

clean: ## remove what was built; the data of `make run` stays
	rm -rf build build-*

need-run need-test need-bench:
	@tools/need $(@:need-%=%)

data:
	@tools/npm-data $(NODE_DATA)
