# Omega's front door. Every target ends with status 0 or says what is wrong; CMake does the work.
#
#   make run          build, then the tour: `omega quickstart` on a fresh directory
#   make test         build, then every test; ends with a line "N passed, N failed"
#   make help         the rest

JOBS         ?= $(shell nproc)
PREFIX       ?= /usr/local
FUZZ_SECONDS ?= 60
# Narrow a test run: make test ARGS='-L core', make bench ONLY=scan
ARGS         ?=
ONLY         ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: run test bench bench-recall crash soak fuzz asan tsan gcc clang test-arm test-clients \
        format lint coverage install dist clean help

# $(call build,PRESET,TARGETS): configure once, then build; ninja reruns CMake when files come.
build = @mkdir -p build; test -f build/$(1)/build.ninja || \
            cmake --preset $(1) > build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }; \
        cmake --build build/$(1) -j $(JOBS) --target $(2)

run:
	@tools/setup
	$(call build,release,omega)
	@rm -rf build/quickstart
	@build/release/omega quickstart --data build/quickstart

test:
	@tools/setup
	$(call build,test,all)
	@JOBS=$(JOBS) tools/ctest build/test $(ARGS)

# The same tests under a sanitizer, or with warnings as errors on each compiler.
asan tsan gcc:
	@tools/setup
	$(call build,$@,all)
	@JOBS=$(JOBS) tools/ctest build/$@ $(ARGS)

clang:
	@tools/setup fuzz
	$(call build,$@,all)
	@JOBS=$(JOBS) tools/ctest build/$@ $(ARGS)

test-arm:
	@tools/setup arm
	@tools/arm_sysroot build/arm-sysroot
	$(call build,arm,all)
	@JOBS=$(JOBS) tools/ctest build/arm $(ARGS)

# Tests with clients that need npm, pip or a browser; none of these is in Debian's packages.
test-clients:
	@if [ -x tests/clients/run ]; then tools/setup && tests/clients/run; \
	 else echo "no client tests in this version: it has no network surface and no bindings"; fi

# One JSON line for each case on standard output; progress goes to standard error.
bench:
	@tools/setup >&2
	$(call build,release,benches) >&2
	@tools/bench build/release $(ONLY)

bench-recall:
	@tools/setup >&2
	$(call build,release,benches) >&2
	@tools/bench build/release recall

# Campaigns: kill -9 while writing; hours of mixed load.
crash soak:
	@test -f tests/campaign/$@.c || { echo "no campaign tests/campaign/$@.c here"; exit 1; }
	@tools/setup
	$(call build,release,$@_campaign)
	build/release/$@_campaign $(ARGS)

fuzz:
	@tools/setup fuzz
	$(call build,fuzz,fuzzers)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz build/fuzz $(ONLY)

coverage:
	@tools/setup coverage
	$(call build,coverage,all)
	@find build/coverage -name '*.gcda' -delete
	@JOBS=$(JOBS) tools/ctest build/coverage $(ARGS)
	@tools/coverage build/coverage

format:
	@tools/setup lint
	@tools/sources | xargs clang-format -i
	@tools/sources | xargs tools/wrap.py

lint:
	@tools/setup lint
	$(call build,test,all)
	@tools/sources | xargs clang-format --dry-run -Werror
	@tools/sources '*.c' | xargs -P $(JOBS) -n 4 clang-tidy --quiet -p build/test

install:
	@tools/setup
	$(call build,release,all)
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig

dist:
	@tools/dist dist

clean:
	@rm -rf build dist

help:
	@echo "make run           build and take the tour (omega quickstart)"
	@echo "make test          every test; ARGS='-L core' or ARGS='-R name' narrows it"
	@echo "make asan tsan     the same under the sanitizers"
	@echo "make gcc clang     the same with warnings as errors"
	@echo "make test-arm      the unit tests for aarch64, under qemu-user"
	@echo "make test-clients  tests with foreign clients"
	@echo "make bench         measurements as JSON lines; ONLY=name for one; bench-recall for quality"
	@echo "make crash soak    campaigns: kill -9 while writing; long mixed load"
	@echo "make fuzz          libFuzzer, FUZZ_SECONDS=$(FUZZ_SECONDS) for each target"
	@echo "make coverage      line coverage of src/, at least 85 %"
	@echo "make format lint   layout; analyser"
	@echo "make install       PREFIX=$(PREFIX) DESTDIR="
	@echo "make dist clean    the source archive; start over"
