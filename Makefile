# SPDX-License-Identifier: Apache-2.0
# Plumbline. One makefile, no recursion for building; a folder may add what is its own in a module.mk. `make help` lists the targets.
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build
SAN ?=
VERSION := 0.1.0

# A variable that is made when it is first asked for, and then stands: $(call once,NAME,VALUE). Not at the start, as `make deps` may have to install pkg-config.
once = $(eval $(1) := $(2))$($(1))

PKGS := libmodbus lua5.4 yaml-0.1 libmd libusb-1.0 libftdi1 libgpiod json-c sqlite3 libcrypt
# rackd's own besides (its HTTP side; libcivetweb has no .pc file); plumb's client loads libcurl when a stack is named by URL.
WEB_PKGS := openssl libcurl
WEB_PKG_LIBS = $(call once,WEB_PKG_LIBS,$(shell pkg-config --libs $(WEB_PKGS)))
WEB_LIBS = -lcivetweb $(WEB_PKG_LIBS)
# Both majors of libgpiod are supported; a 2.x elsewhere: PKG_CONFIG_PATH=/opt/gpiod2/lib/pkgconfig make BUILD=build/gpiod2 (tools/gpiod2.sh makes one)
GPIOD_MAJOR = $(call once,GPIOD_MAJOR,$(firstword $(subst ., ,$(shell pkg-config --modversion libgpiod 2>/dev/null))))
WARN := -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wno-format-nonliteral -Wstrict-prototypes -Wmissing-prototypes -Wvla
ifeq ($(DEVELOPER),1)
WARN += -Werror
endif
OPT ?= -O2 -g
CFLAGS ?=
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
PKG_LIBS = $(call once,PKG_LIBS,$(shell pkg-config --libs $(PKGS)))
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -I. -I$(BUILD)/gen -DPL_VERSION='"$(VERSION)"' -DPL_GPIOD_MAJOR=$(GPIOD_MAJOR) $(OPT) $(WARN) -fno-strict-aliasing -pthread -include drivers/base/banned.h \
             $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# Rooms: every C file under them belongs to the product, but test_*, fuzz_*, bench_* and main.c stand alone.
ROOMS := drivers fixtures/faults fixtures/twin control bringup host reports
C_ALL := $(sort $(shell find $(ROOMS) tests -name '*.c' 2>/dev/null))
C_TEST := $(filter $(foreach f,$(C_ALL),$(if $(filter test_%,$(notdir $(f))),$(f))),$(C_ALL))
C_FUZZ := $(foreach f,$(C_ALL),$(if $(filter fuzz_%,$(notdir $(f))),$(f)))
C_BENCH := $(foreach f,$(C_ALL),$(if $(filter bench_%,$(notdir $(f))),$(f)))
C_MAIN := host/cli/main.c control/web/main.c
# HTTP in front of the control stack: of rackd and its tests only.
C_WEB := $(filter control/web/%,$(C_ALL))
# A libusb look-alike over USB/IP, for tests (its header says why): never part of the product.
C_SHIM := $(filter fixtures/twin/usb/shim/%,$(C_ALL))
C_LIB := $(filter-out $(C_TEST) $(C_FUZZ) $(C_BENCH) $(C_MAIN) $(C_SHIM) $(C_WEB) tests/%,$(C_ALL))
C_WEB_LIB := $(filter-out $(C_TEST) $(C_FUZZ) $(C_BENCH) $(C_MAIN),$(C_WEB))
HEADERS := $(sort $(shell find $(ROOMS) -name '*.h'))
# With SHARE=OTHER_BUILD what does not name libgpiod or its adapter is taken from there, as it is the same for both of its majors.
SHARE ?=
C_OWN := $(if $(SHARE),$(sort $(shell grep -rlE 'gpio(d|chip)' --include='*.c' drivers)),%)
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter $(C_OWN),$(1))) $(patsubst %.c,$(SHARE)/obj/%.o,$(filter-out $(C_OWN),$(1)))
# Stacks that lie (control/stack/mutant.h): the same programs, with what can lie built once more. For tests only, never installed.
C_LYING := $(sort $(shell grep -rlE 'PL_LIES|PL_MUTANT' --include='*.c' control))
lying = $(patsubst %.c,$(BUILD)/mutants/obj/%.o,$(filter $(C_LYING),$(1))) $(call obj,$(filter-out $(C_LYING),$(1)))
REGISTRY := $(BUILD)/gen/registry.o $(BUILD)/gen/registry_control.o
LIB_OBJS := $(call obj,$(C_LIB)) $(REGISTRY)

all: $(BUILD)/plumb $(BUILD)/rackd ## build the programs (build/plumb, build/rackd)

-include $(shell find $(ROOMS) tests -name module.mk 2>/dev/null | sort)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# The tables of drivers, adapters and twins are made from the tree, in a fixed order, so that nothing can be forgotten by a linker.
$(BUILD)/gen/registry.c: tools/registry.sh $(C_LIB)
	@mkdir -p $(@D)
	$(Q)sh tools/registry.sh hardware $(C_LIB) > $@
$(BUILD)/gen/registry_control.c: tools/registry.sh $(C_LIB)
	@mkdir -p $(@D)
	$(Q)sh tools/registry.sh control $(C_LIB) > $@
$(REGISTRY): %.o: %.c
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/plumb: $(call obj,host/cli/main.c) $(LIB_OBJS)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lm -o $@
$(BUILD)/rackd: $(call obj,control/web/main.c $(C_WEB_LIB)) $(LIB_OBJS)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) $(WEB_LIBS) -lm -o $@

$(BUILD)/mutants/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -DPL_MUTANTS -MMD -MP -c $< -o $@
$(BUILD)/mutants/plumb: $(call lying,host/cli/main.c $(C_LIB)) $(REGISTRY)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lm -o $@
$(BUILD)/mutants/rackd: $(call lying,control/web/main.c $(C_WEB_LIB) $(C_LIB)) $(REGISTRY)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(PKG_LIBS) $(WEB_LIBS) -lm -o $@

# A test links with the whole product, unless NEEDS_<its path without .c> (in a module.mk) names the folders or files that it needs.
TESTS := $(patsubst %.c,$(BUILD)/%,$(C_TEST))
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(C_FUZZ))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(C_BENCH))
needs = $(if $(NEEDS_$(1)),$(call obj,$(filter $(foreach n,$(NEEDS_$(1)),$(n) $(n)/%),$(C_LIB))),$(LIB_OBJS))
with-web = $(if $(filter control/web/%,$(1)),$(call obj,$(C_WEB_LIB)))
web-libs = $(if $(filter control/web/%,$(1)),$(WEB_LIBS))
with-shim = $(if $(filter %_usbip,$(1)),$(call obj,$(C_SHIM)))
define link-program
$(BUILD)/$(1): $(call obj,$(1).c) $(call with-shim,$(1)) $(call with-web,$(1)) $(call needs,$(1))
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $(2) $$^ $$(PKG_LIBS) $(3) $$(call web-libs,$(1)) -lm -o $$@
endef
$(foreach t,$(C_TEST:.c=),$(eval $(call link-program,$(t),,-lcmocka)))
$(foreach t,$(C_BENCH:.c=),$(eval $(call link-program,$(t),,)))
$(foreach t,$(C_FUZZ:.c=),$(eval $(call link-program,$(t),-fsanitize=fuzzer,)))
usbip-shim: $(BUILD)/usbip/libusb-1.0.so.0
$(BUILD)/usbip/libusb-1.0.so.0: $(C_SHIM) fixtures/twin/usb/shim/shim.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize%,$(ALL_CFLAGS)) -fPIC -shared -Wl,-soname,libusb-1.0.so.0 $(C_SHIM) -o $@
tests-built: $(TESTS) all $(BUILD)/mutants/plumb $(BUILD)/mutants/rackd usbip-shim vm-built

-include $(shell find $(BUILD)/obj $(BUILD)/mutants $(BUILD)/gen -name '*.d' 2>/dev/null)

Q ?= @
T ?=

run: deps-build
	@[ -x $(BUILD)/plumb ] || echo "Building $(BUILD)/plumb"
	@$(MAKE) --no-print-directory -s -j2 all
	@$(BUILD)/plumb run sequences/hot-swap.lua --rig fixtures/rigs/demo-rack.yaml --out runs/hot-swap
run: ## install what is missing, build, run the hot-swap acceptance on the virtual demo rack

deps-build:
	@tools/deps.sh build

check: deps ## install what is missing, build with warnings as errors, run every test (T=name for some)
	@python3 tools/check.py $(T)

deps: ## install the packages that the build and the tests need (apt)
	@tools/deps.sh all

asan: deps ## run the unit and cross tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory BUILD=build/asan SAN=address,undefined OPT='-O1 -g1' DEVELOPER=1 tests-built
	@python3 tools/run_tests.py --build build/asan $(T)

tsan: deps ## run the threaded tests under ThreadSanitizer
	@$(MAKE) --no-print-directory BUILD=build/tsan SAN=thread OPT='-O1 -g1' DEVELOPER=1 $$(python3 tools/run_tests.py --threaded --list | sed 's|^|build/tsan/|')
	@python3 tools/run_tests.py --build build/tsan --threaded $(T)

fuzz: deps ## run every fuzz target for FUZZ_SECONDS (60) each
	@tools/fuzz.sh $(or $(FUZZ_SECONDS),60)

vm-built: all $(addprefix $(BUILD)/,tests/conform_rig drivers/bus/bench_i2c_dev fixtures/twin/wire/bench_rtu)
vmcheck: deps vm-built ## conformance and sequences on real kernel drivers: the twin's USB adapters in a QEMU guest
	@python3 fixtures/vm/vmcheck.py --build $(BUILD)

bench: deps all $(BENCHES) ## measure the figures: a table, and build/bench.json
	@python3 tools/bench.py --build $(BUILD)

tidy: ## clang-tidy and cppcheck over the product
	@tools/tidy.sh

cover: ## line coverage of the tests (build/cover/index.html)
	@tools/cover.sh

hdr-check: ## each public header compiles alone
	@for h in $(HEADERS); do $(CC) $(ALL_CFLAGS) -Werror -fsyntax-only -x c $$h || exit 1; done

docs: export PLUMB := $(abspath $(BUILD)/plumb)
docs: all ## rebuild what the docs take from the program's own tables
	@tools/docs.sh $(BUILD)/plumb
	@python3 tests/test_faults.py --table > $(BUILD)/faults.md && mv $(BUILD)/faults.md docs/faults.md
	@$(BUILD)/plumb coverage sequences/*.lua --out $(BUILD)/coverage > /dev/null
	@python3 tests/test_coverage.py --table $(BUILD)/coverage > $(BUILD)/coverage.md && mv $(BUILD)/coverage.md docs/coverage.md

new-driver: ## make a folder for a new device driver (NAME=fan-emc2305)
	@tools/new_driver.sh $(NAME)

install: all ## install to PREFIX (/usr/local), and udev rules to UDEVDIR (/lib/udev)
	install -Dm755 $(BUILD)/plumb $(DESTDIR)$(or $(PREFIX),/usr/local)/bin/plumb
	install -Dm755 $(BUILD)/rackd $(DESTDIR)$(or $(PREFIX),/usr/local)/bin/rackd
	install -Dm644 docs/plumb.1 $(DESTDIR)$(or $(PREFIX),/usr/local)/share/man/man1/plumb.1
	install -Dm644 docs/rackd.1 $(DESTDIR)$(or $(PREFIX),/usr/local)/share/man/man1/rackd.1
	install -Dm644 tools/udev/70-plumbline.rules $(DESTDIR)$(or $(UDEVDIR),/lib/udev)/rules.d/70-plumbline.rules
	install -Dm644 docs/rackd.service $(DESTDIR)$(or $(PREFIX),/usr/local)/share/plumbline/rackd.service
	for f in sequences/*.lua sequences/stack/*.lua; do install -Dm644 $$f $(DESTDIR)$(or $(PREFIX),/usr/local)/share/plumbline/$$f; done
	for f in fixtures/rigs/*.yaml fixtures/parts/*.yaml drivers/maps/*.yaml; do install -Dm644 $$f $(DESTDIR)$(or $(PREFIX),/usr/local)/share/plumbline/$$f; done

clean: ## remove what was built
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: all run deps-build check deps asan tsan fuzz vmcheck bench tidy cover hdr-check docs new-driver install clean help tests-built usbip-shim vm-built
