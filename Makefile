# Gridwarden: one non-recursive Makefile.
#
#   make            build the daemon (build/release/gridwarden)
#   make demo       install what is missing, build, show the main job from alert to Teams card
#   make test       install what is missing, build, run everything
#   make check      floors and doors, formatting, a clang build, static analysis
#   make asan tsan  unit and contract tests under the sanitizers
#   make siege      kills, broken requests, slow connections, memory, the start: in full (twenty minutes)
#   make fuzz       hostile bytes for every parser, TIME=60 seconds each (tests/fuzz/README.md)
#   make bench      rates, latency and memory of the running daemon, beside an nginx
#   make bench-parse  what reading a delivery costs, in nanoseconds
#   make bench-rules  what deciding costs, by the number of rules
#   make install    DESTDIR= prefix=/usr sysconfdir=/etc

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VERSION      := 0.1.0
MODE         ?= release
CC           := gcc
PYTHON       := /usr/bin/python3
PKG_CONFIG   := pkg-config
prefix       ?= /usr
sysconfdir   ?= /etc
mandir       ?= $(prefix)/share/man
unitdir      ?= $(prefix)/lib/systemd/system

LIBS := libmicrohttpd gnutls libcurl libcjson libcrypto sqlite3 libfyaml libpcre2-8 libsystemd libisal glib-2.0

# ---- what each mode adds ----------------------------------------------------------------------
hardening    := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
                -fcf-protection
link_hard    := -pie -Wl,-z,relro,-z,now,-z,noexecstack
mode_release := $(hardening)
mode_test    := $(hardening) -DGRIDWARDEN_FAULTS
mode_clang   := $(hardening)
mode_asan    := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
                -fno-sanitize-recover=undefined -DGRIDWARDEN_FAULTS
mode_tsan    := -O1 -fno-omit-frame-pointer -fsanitize=thread -DGRIDWARDEN_FAULTS
mode_fuzz    := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
                -fno-sanitize-recover=undefined
ifeq ($(filter $(MODE),release test clang asan tsan fuzz),)
$(error MODE is one of: release test clang asan tsan fuzz)
endif
ifneq ($(filter clang fuzz,$(MODE)),)
CC := clang
endif
link_mode := $(if $(filter release test clang,$(MODE)),$(link_hard),$(mode_$(MODE)))

warnings := -std=c11 -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual \
            -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wnull-dereference
ifeq ($(CC),gcc)
warnings += -Wduplicated-cond -Wlogical-op
endif

B        := build/$(MODE)
JOBS     := -j$(shell nproc)
cflags    = $(warnings) $(mode_$(MODE)) -g -fPIE -pthread -D_GNU_SOURCE \
            -DGRIDWARDEN_VERSION='"$(VERSION)"' -Iinclude -I$(B)/gen \
            $(shell $(PKG_CONFIG) --cflags $(LIBS)) $(CFLAGS)
ldflags   = $(link_mode) -pthread $(LDFLAGS)
ldlibs    = $(shell $(PKG_CONFIG) --libs $(LIBS)) -lm

sources  := $(sort $(wildcard src/*/*.c))
library  := $(filter-out src/cmd/main.c,$(sources))
objects  := $(library:%.c=$(B)/%.o)
suites   := $(sort $(wildcard tests/unit/test_*.c) $(wildcard tests/contract/test_*.c))
programs := $(suites:tests/%.c=$(B)/tests/%)
fuzzers  := $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
depfiles  = $(objects:.o=.d) $(B)/src/cmd/main.d $(programs:%=%.d) $(B)/tests/main.d \
            $(fuzzers:%=%.d) $(B)/tests/fuzz/scripted_http.d

.PHONY: all programs run demo test check asan tsan siege fuzz fuzz-short fuzzers bench install deps \
        deps-check deps-fuzz clean format siege-scenarios unit contract golden scenario \
        emulator-test layers units bench-parse bench-rules

all: $(B)/gridwarden

# ---- the program ------------------------------------------------------------------------------
$(B)/gridwarden: $(B)/src/cmd/main.o $(B)/libgridwarden.a
	@echo "  LINK  $@"
	@$(CC) $(ldflags) -o $@ $^ $(ldlibs)

$(B)/libgridwarden.a: $(objects)
	@rm -f $@
	@ar crs $@ $^

$(B)/src/%.o: src/%.c Makefile | $(B)/gen/sqlite_schema.inc $(B)/gen/sqlite_2.inc $(B)/gen/sqlite_3.inc \
                               $(B)/gen/sqlite_4.inc $(B)/gen/alert_types.inc
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(cflags) -MMD -MP -c -o $@ $<

# The schema is kept as SQL and embedded as a C string.
$(B)/gen/sqlite_schema.inc: src/store/sqlite.sql
$(B)/gen/sqlite_2.inc: src/store/sqlite_2.sql
$(B)/gen/sqlite_3.inc: src/store/sqlite_3.sql
$(B)/gen/sqlite_4.inc: src/store/sqlite_4.sql
$(B)/gen/%.inc:
	@mkdir -p $(@D)
	@sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' $< > $@

# The catalogue of alerts is kept as lines and built in as a table.
$(B)/gen/alert_types.inc: src/core/alert_types.txt src/core/alert_types.awk
	@mkdir -p $(@D)
	@sed -e 's/\\/\\\\/g' $< | awk -f src/core/alert_types.awk > $@

# ---- tests ------------------------------------------------------------------------------------
$(B)/tests/main.o: tests/main.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(cflags) -Itests -MMD -MP -c -o $@ $<

$(B)/tests/%: tests/%.c $(B)/tests/main.o $(B)/libgridwarden.a Makefile
	@mkdir -p $(@D)
	@echo "  TEST  $<"
	@$(CC) $(cflags) -Itests -Isrc -MMD -MP -MF $@.d -o $@ $< $(B)/tests/main.o \
	    $(B)/libgridwarden.a $(ldflags) $(ldlibs) -lcmocka

# ---- fuzzing ----------------------------------------------------------------------------------
# A target is one file fuzz_*.c and one line in tests/fuzz/targets.
$(B)/tests/fuzz/scripted_http.o: tests/fuzz/scripted_http.c Makefile
	@mkdir -p $(@D)
	@$(CC) $(cflags) -MMD -MP -c -o $@ $<

$(B)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(B)/tests/fuzz/scripted_http.o \
                        $(B)/libgridwarden.a Makefile
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	@$(CC) $(cflags) -Itests/fuzz -Isrc/base -Isrc/core -Isrc/azure -Isrc/store -MMD -MP -MF $@.d -o $@ $< \
	    $(B)/tests/fuzz/scripted_http.o $(B)/libgridwarden.a $(ldflags) -fsanitize=fuzzer \
	    -Wl,--wrap=http_call $(wrap) $(ldlibs)
$(B)/tests/fuzz/fuzz_address: wrap := -Wl,--wrap=socket

fuzzers: $(fuzzers)

# TIME: seconds for each target; TARGETS="event yaml": only these.
TIME ?= 60
fuzz: deps-fuzz
	@$(MAKE) --no-print-directory $(JOBS) MODE=fuzz fuzzers
	@$(PYTHON) tests/fuzz/run.py fuzz $(TIME) $(TARGETS)

fuzz-short: deps-fuzz
	@$(MAKE) --no-print-directory $(JOBS) MODE=fuzz fuzzers
	@$(PYTHON) tests/fuzz/run.py short

-include $(wildcard $(depfiles))

programs: $(programs)

unit: $(filter $(B)/tests/unit/%,$(programs))
	@tests/run_suites.sh $^

contract: $(filter $(B)/tests/contract/%,$(programs)) all
	@tests/run_suites.sh $(filter $(B)/tests/contract/%,$^)

layers:
	@tests/check_layers.sh

units: all
	@tests/check_units.sh $(abspath $(B)/gridwarden)

pytest = GRIDWARDEN=$(abspath $(B)/gridwarden) PYTHONDONTWRITEBYTECODE=1 \
         $(PYTHON) -m pytest -p no:cacheprovider -q -rs

golden: all
	@$(pytest) tests/golden

scenario: all
	@$(pytest) -n 4 tests/scenario

emulator-test:
	@$(pytest) tests/emulator

test: deps
	@$(MAKE) --no-print-directory layers
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(MAKE) --no-print-directory $(JOBS) MODE=test all programs
	@$(MAKE) --no-print-directory MODE=test unit contract units golden emulator-test scenario
	@$(MAKE) --no-print-directory fuzz-short

asan tsan: deps
	@$(MAKE) --no-print-directory $(JOBS) MODE=$@ all programs
	@$(MAKE) --no-print-directory MODE=$@ unit contract

# The sizes of a siege: kills, mutations without TLS and with it, requests, connections, slow ones of
# each kind, events that are stored.  Its limits of time and memory are the promised ones, and it ends
# with a table of what was measured.
ROUNDS        ?= 1000
MUTATIONS     ?= 1000000
TLS_MUTATIONS ?= 20000
REQUESTS      ?= 1000000
CONNECTIONS   ?= 20000
SLOW          ?= 300
EVENTS        ?= 1000000

siege: deps
	@$(MAKE) --no-print-directory $(JOBS) MODE=test all build/test/tests/contract/test_listener_siege
	SIEGE_MUTATIONS=$(MUTATIONS) build/test/tests/contract/test_listener_siege
	@$(MAKE) --no-print-directory MODE=test siege-scenarios

siege-scenarios: all
	@SIEGE_FULL=1 SIEGE_ROUNDS=$(ROUNDS) SIEGE_MUTATIONS=$(TLS_MUTATIONS) \
	    SIEGE_REQUESTS=$(REQUESTS) SIEGE_CONNECTIONS=$(CONNECTIONS) SIEGE_SLOW=$(SLOW) \
	    SIEGE_EVENTS=$(EVENTS) SIEGE_WITHIN_MS=1000 $(pytest) -s tests/scenario/test_siege_*.py

check: deps-check layers
	@$(MAKE) --no-print-directory $(JOBS) MODE=clang all
	@tests/check_format.sh
	@tests/check_static.sh
	@echo "check: floors, doors, a clang build, formatting and static analysis are clean"

# ---- run, demo, bench -------------------------------------------------------------------------
demo: deps
	@$(MAKE) --no-print-directory $(JOBS) MODE=release all
	@GRIDWARDEN=build/release/gridwarden $(PYTHON) demo/demo.py $(if $(KEEP),--keep)

run: all
	$(B)/gridwarden serve --config config/gridwarden.yaml

bench:
	@tests/install_deps.sh build bench
	@$(MAKE) --no-print-directory $(JOBS) MODE=release all build/release/bench/load
	@GRIDWARDEN=build/release/gridwarden LOAD=build/release/bench/load \
	    $(PYTHON) tests/bench/bench.py

# The client of the benchmark has nothing of ours in it.
$(B)/bench/load: tests/bench/load.c Makefile
	@mkdir -p $(@D)
	@echo "  BENCH $<"
	@$(CC) $(warnings) -O2 -D_GNU_SOURCE -o $@ $< -lssl -lcrypto

# Programs that measure are no tests: no cmocka, one source file each.
$(B)/bench/%: tests/bench/%.c $(B)/libgridwarden.a Makefile
	@mkdir -p $(@D)
	@$(CC) $(cflags) -MMD -MP -MF $@.d -o $@ $< $(B)/libgridwarden.a $(ldflags) $(ldlibs)

-include $(wildcard $(B)/bench/*.d)

bench-parse bench-rules: bench-%: $(B)/bench/%
	@$<

# ---- what a fresh Debian 12 lacks ---------------------------------------------------------------
deps:
	@tests/install_deps.sh build

deps-fuzz:
	@tests/install_deps.sh build fuzz

deps-check:
	@tests/install_deps.sh build check

# ---- install ------------------------------------------------------------------------------------
install: all
	install -D -m 0755 $(B)/gridwarden $(DESTDIR)$(prefix)/bin/gridwarden
	install -D -m 0644 config/gridwarden.yaml $(DESTDIR)$(sysconfdir)/gridwarden/gridwarden.yaml
	install -d $(DESTDIR)$(sysconfdir)/gridwarden/rules.d $(DESTDIR)$(sysconfdir)/gridwarden/samples
	install -m 0644 config/rules.d/*.yaml $(DESTDIR)$(sysconfdir)/gridwarden/rules.d/
	install -m 0644 config/samples/*.json $(DESTDIR)$(sysconfdir)/gridwarden/samples/
	install -D -m 0644 systemd/gridwarden.service $(DESTDIR)$(unitdir)/gridwarden.service
	install -D -m 0644 systemd/gridwarden.socket $(DESTDIR)$(unitdir)/gridwarden.socket
	install -D -m 0644 systemd/gridwarden.sysusers $(DESTDIR)$(prefix)/lib/sysusers.d/gridwarden.conf
	install -D -m 0644 systemd/gridwarden.tmpfiles $(DESTDIR)$(prefix)/lib/tmpfiles.d/gridwarden.conf
	install -D -m 0644 docs/man/gridwarden.1 $(DESTDIR)$(mandir)/man1/gridwarden.1
	install -D -m 0644 docs/man/gridwarden.yaml.5 $(DESTDIR)$(mandir)/man5/gridwarden.yaml.5

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

clean:
	rm -rf build
