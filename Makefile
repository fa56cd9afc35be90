# entrepot: see `make help`. Every .c file is found by its folder: adding one needs no change here.
#
#   core/<layer>/*.c    the gateway; core/worker/*.c (with core/base, core/record) the worker
#   sdk/lib/*.c         helpers for plugins
#   plugins/<kind>/<name>/*.c   one shared object each
#   tests/unit/check_*.c        one Check program each
#   tests/tools/*.c             one program each: receiver, load generator ...
#   tests/plugins/*.c           one plugin each, good and hostile, for tests

BUILD ?= build
CORPUS ?= $(wildcard ../shared/corpus)
V ?= 0

CC = gcc
CXX = g++
WARN = -Wall -Wextra -Wshadow -Wconversion -Werror
OPT = -O2 -g
SANITIZE =
PACKAGES = libevent libevent_pthreads libevent_openssl openssl libconfig libcurl libxml-2.0 libseccomp lmdb libxxhash simdjson
CPPFLAGS = -D_GNU_SOURCE -Isdk/include -I$(BUILD)/include -Icore $(shell pkg-config --cflags $(PACKAGES)) $(DEFINES)
CFLAGS = -std=gnu17 $(OPT) $(WARN) $(SANITIZE) -fstack-protector-strong -pthread
# The vptr check looks into memory by system calls that a worker's sandbox refuses, and takes that for a finding.
CXXFLAGS = -std=c++17 $(OPT) -Wall -Wextra -Wshadow -Werror $(SANITIZE) -fno-sanitize=vptr -pthread
LDFLAGS = $(SANITIZE) -pthread -Wl,-z,relro,-z,now

GATEWAY_LIBS = $(shell pkg-config --libs libevent libevent_pthreads libevent_openssl openssl libconfig libcurl lmdb libxxhash) -lhttp_parser
WORKER_LIBS = $(shell pkg-config --libs libxml-2.0 libseccomp openssl libxxhash simdjson) -ldl

RECORDS = order payment statement settlement shipment tracking_event inventory_position stock_movement return \
	insurance_policy insurance_claim
SCHEMA = sdk/schema/released.lock sdk/schema/errors.def sdk/schema/quality.def $(RECORDS:%=sdk/schema/%.def)
GENERATED = $(BUILD)/include/entrepot/records.h $(BUILD)/include/record/tables.inc $(BUILD)/include/record/codes.inc

object = $(patsubst %,$(BUILD)/obj/%.o,$(1))
COMMON = $(call object,$(wildcard core/base/*.c core/record/*.c))
WORKER = $(call object,$(wildcard core/worker/*.c core/worker/*.cc))
LAYERS = conf journal index supervise intake pipeline courier courier/transports ledger admin command
GATEWAY = $(call object,$(foreach layer,$(LAYERS),$(wildcard core/$(layer)/*.c)))
SDK = $(call object,$(wildcard sdk/lib/*.c))
PLUGIN_DIRS = $(patsubst %/,%,$(wildcard plugins/*/*/))
PLUGINS = $(foreach dir,$(PLUGIN_DIRS),$(if $(wildcard $(dir)/*.c),$(BUILD)/plugins/$(notdir $(dir)).so))
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/check_*.c))
TEST_PLUGINS = $(patsubst tests/plugins/%.c,$(BUILD)/tests/plugins/%.so,$(wildcard tests/plugins/*.c))
TOOLS = $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(wildcard tests/tools/*.c))

.PHONY: all help demo test lint format check-asan check-crash check-abuse bench bench-compare bench-worker bench-sources bench-journal bench-parse clean new-plugin install-build install-test install-lint
.DELETE_ON_ERROR:

all: $(BUILD)/entrepot $(BUILD)/entrepot-worker $(PLUGINS) $(BUILD)/libentrepot-sdk.a ## build everything

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Generated from the unified format ----------------------------------------------------------------------------

$(BUILD)/include/entrepot/records.h: sdk/schema/generate.awk $(SCHEMA)
	@mkdir -p $(@D)
	awk -v out=header -f sdk/schema/generate.awk $(SCHEMA) >$@

$(BUILD)/include/record/tables.inc: sdk/schema/generate.awk $(SCHEMA)
	@mkdir -p $(@D)
	awk -v out=tables -f sdk/schema/generate.awk $(SCHEMA) >$@

.PHONY: release-schema
release-schema: $(GENERATED) ## lock the numbers, names and types that a release declares
	awk -v out=lock -f sdk/schema/generate.awk $(SCHEMA) >$(BUILD)/released.lock
	mv $(BUILD)/released.lock sdk/schema/released.lock

ISO = /usr/share/iso-codes/json
$(BUILD)/include/record/codes.inc: sdk/schema/codes.awk $(ISO)/iso_4217.json $(ISO)/iso_3166-1.json
	@mkdir -p $(@D)
	awk -f sdk/schema/codes.awk $(ISO)/iso_4217.json $(ISO)/iso_3166-1.json >$@

# Objects ------------------------------------------------------------------------------------------------------

$(BUILD)/obj/%.c.o: %.c Makefile | $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(PIC) -MMD -MP -c $< -o $@

$(BUILD)/obj/%.cc.o: %.cc Makefile | $(GENERATED)
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@

$(SDK): PIC = -fPIC -fvisibility=hidden
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

$(BUILD)/libcommon.a: $(COMMON)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/libworker.a: $(filter-out %/worker/main.c.o,$(WORKER))
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/libgateway.a: $(GATEWAY)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/libentrepot-sdk.a: $(SDK)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/entrepot: $(call object,core/main.c) $(BUILD)/libgateway.a $(BUILD)/libcommon.a $(BUILD)/libentrepot-sdk.a
	$(CC) $(LDFLAGS) -rdynamic $^ $(GATEWAY_LIBS) -o $@

$(BUILD)/entrepot-worker: $(call object,core/worker/main.c) $(BUILD)/libworker.a $(BUILD)/libcommon.a $(BUILD)/libentrepot-sdk.a
	$(CXX) $(LDFLAGS) $^ $(WORKER_LIBS) -o $@

# A plugin: its folder's .c files and the SDK's archive. Nothing else may be linked.
PLUGIN_CC = $(CC) -std=gnu17 $(OPT) $(WARN) $(SANITIZE) -fPIC -fvisibility=hidden -shared -Wl,-z,defs -Wl,-z,relro,-z,now \
	-Isdk/include -I$(BUILD)/include
define plugin_rule
$(BUILD)/plugins/$(notdir $(1)).so: $(wildcard $(1)/*.c) $(wildcard $(1)/*.h) $(wildcard sdk/include/entrepot/*.h) $(BUILD)/libentrepot-sdk.a Makefile | $(GENERATED)
	@mkdir -p $$(@D)
	$(PLUGIN_CC) $$(filter %.c,$$^) $(BUILD)/libentrepot-sdk.a -lm -o $$@
endef
$(foreach dir,$(PLUGIN_DIRS),$(eval $(call plugin_rule,$(dir))))

# Tests --------------------------------------------------------------------------------------------------------

# What several tests need: a disk that loses what was not synced.
$(BUILD)/obj/tests/%: CPPFLAGS += -Itests
$(BUILD)/libsupport.a: $(call object,$(wildcard tests/support/*.c))
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.c.o $(BUILD)/libsupport.a $(BUILD)/libgateway.a $(BUILD)/libworker.a $(BUILD)/libcommon.a $(BUILD)/libentrepot-sdk.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) $^ $(shell pkg-config --libs check) $(GATEWAY_LIBS) $(WORKER_LIBS) -o $@

$(BUILD)/tests/plugins/%.so: tests/plugins/%.c $(wildcard sdk/include/entrepot/*.h) $(BUILD)/libentrepot-sdk.a Makefile | $(GENERATED)
	@mkdir -p $(@D)
	$(PLUGIN_CC) $< $(BUILD)/libentrepot-sdk.a -lm -o $@

# These start workers.
$(BUILD)/tests/check_supervise $(BUILD)/tests/check_sandbox: | $(BUILD)/entrepot-worker $(TEST_PLUGINS)

# The same programs built for tests: layers of the sandbox can be left out. What differs comes before the archives, whose
# members of the same names are then not taken.
TEST_BUILT = $(BUILD)/abuse/obj/core/worker/sandbox.c.o $(BUILD)/abuse/obj/core/supervise/channel.c.o
-include $(TEST_BUILT:.o=.d)
$(BUILD)/abuse/obj/%.c.o: %.c Makefile | $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -DENTREPOT_TEST_BUILD $(CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/abuse/entrepot: $(call object,core/main.c) $(TEST_BUILT) $(BUILD)/libgateway.a $(BUILD)/libcommon.a $(BUILD)/libentrepot-sdk.a
	$(CC) $(LDFLAGS) -rdynamic $(filter-out %/sandbox.c.o,$^) $(GATEWAY_LIBS) -o $@
$(BUILD)/abuse/entrepot-worker: $(call object,core/worker/main.c) $(TEST_BUILT) $(BUILD)/libworker.a $(BUILD)/libcommon.a $(BUILD)/libentrepot-sdk.a
	$(CXX) $(LDFLAGS) $(filter-out %/channel.c.o,$^) $(WORKER_LIBS) -o $@

$(BUILD)/tools/%: $(BUILD)/obj/tests/tools/%.c.o $(BUILD)/libgateway.a $(BUILD)/libcommon.a $(BUILD)/libentrepot-sdk.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ $(GATEWAY_LIBS) -lm -o $@

# Beside the services it measures the libraries bare, one of which is C++.
$(BUILD)/tools/bench_parse: $(call object,tests/tools/bench_parse.c tests/tools/bench_parse_bare.cc) $(BUILD)/libworker.a \
		$(BUILD)/libcommon.a $(BUILD)/libentrepot-sdk.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) $^ $(WORKER_LIBS) -o $@

.SECONDARY: $(call object,$(wildcard tests/unit/*.c tests/tools/*.c tests/support/*.c))

install-build:
	@.ci/packages build
install-test:
	@.ci/packages build test
install-lint:
	@.ci/packages build test lint

demo: install-build ## install what is missing, build, run the gateway on real-looking messages, show what came out
	@$(MAKE) --no-print-directory -s all tools
	@tests/demo/run $(BUILD)

.PHONY: tools
tools: $(TOOLS)

test: install-test ## build and run every test
	@$(MAKE) --no-print-directory all $(UNIT) $(TOOLS) $(TEST_PLUGINS)
	@CORPUS='$(CORPUS)' tests/run $(BUILD)

lint: install-lint ## include direction, banned functions, formatting, clang-tidy, cppcheck
	@$(MAKE) --no-print-directory $(GENERATED)
	@tests/lint/run $(BUILD)

check-asan: install-test ## build with AddressSanitizer and UndefinedBehaviorSanitizer, run every test
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan OPT='-O1 -g' \
		SANITIZE='-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined -Wno-format-truncation' test

format: ## format the C sources in place
	@clang-format -i $$(git ls-files '*.c' '*.h')

check-crash: $(BUILD)/tests/check_journal_crash ## the journal stopped at every operation, power cuts, failing disk; SEED= ROUNDS=
	@$<

check-abuse: $(BUILD)/entrepot $(BUILD)/entrepot-worker $(BUILD)/abuse/entrepot $(BUILD)/abuse/entrepot-worker $(TEST_PLUGINS) ## hostile plugins against the gateway, layer by layer
	@python3 tests/abuse/run.py $(BUILD)

bench: install-test ## figures: rates and latencies beside a bare durable loop; DURATION= (seconds) ROUNDS=
	@$(MAKE) --no-print-directory -s all tools
	@DURATION='$(DURATION)' ROUNDS='$(ROUNDS)' tests/bench/run $(BUILD)

bench-compare: install-test ## the same for the revision BASE= and this tree, in turns
	@$(MAKE) --no-print-directory -s all tools
	@mkdir -p $(BUILD)/base && git archive '$(BASE)' | tar -x -C $(BUILD)/base
	@$(MAKE) --no-print-directory -s -C $(BUILD)/base BUILD=build all
	@DURATION='$(DURATION)' ROUNDS='$(ROUNDS)' tests/bench/run --base $(BUILD)/base/build $(BUILD)

.PHONY: check-kill
check-kill: all tools ## the real programs under load, killed at random times, until it adds up; SEED= ROUNDS=
	@python3 tests/campaign/kill.py $(BUILD) '$(or $(ROUNDS),100)' '$(or $(SEED),1)'

bench-journal: $(BUILD)/tools/bench_journal ## figures: the journal beside a bare loop of pwrite + fdatasync
	@mkdir -p $(BUILD)/bench-journal
	@$(BUILD)/tools/bench_journal $(BUILD)/bench-journal
	@rm -rf $(BUILD)/bench-journal

bench-parse: $(BUILD)/tools/bench_parse ## figures: JSON and XML as plugins read them, beside the libraries bare
	@$(BUILD)/tools/bench_parse

bench-worker: $(BUILD)/tools/bench_worker $(BUILD)/entrepot-worker $(BUILD)/tests/plugins/bounce.so ## figures: messages handed to a worker, beside a bare socketpair
	@$(BUILD)/tools/bench_worker $(BUILD)/tests/plugins/bounce.so

bench-sources: $(BUILD)/entrepot $(BUILD)/entrepot-worker $(BUILD)/tests/plugins/neighbour.so ## figures: 1,000 sources of which 20 are active, beside 20
	@python3 tests/abuse/sources.py $(BUILD)

new-plugin: ## make new-plugin KIND=bank NAME=acme: a folder that builds, normalizes its sample and passes
	@sdk/template/new-plugin '$(KIND)' '$(NAME)'

clean: ## remove what was built
	rm -rf $(BUILD)
