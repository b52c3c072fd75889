# SPDX-License-Identifier: Apache-2.0
# openssl.c says why: civetweb looks for a name that OpenSSL 3 lacks, and nothing that is linked here refers to it.
WEB_LIBS += -Wl,--export-dynamic-symbol=SSL_get_peer_certificate
# The page's files are taken in by the assembler, whose reads the compiler does not list.
$(BUILD)/obj/control/web/page.o: $(wildcard control/web/page/*)
# A stack that is not there: the gate is the test's own.
$(BUILD)/control/web/test_web: ALL_LDFLAGS += $(foreach f,gate_new gate_free gate_serve stream_open stream_next stream_close,-Wl,--wrap=pl_$(f))

rack: all ## the virtual demo rack and rackd, for a look at the page (http://127.0.0.1:8080/)
	@python3 tools/rack.py --build $(BUILD)
.PHONY: rack
