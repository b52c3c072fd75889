# SPDX-License-Identifier: Apache-2.0
NEEDS_host/stack/test_pin := drivers/base host/stack/pin.c
NEEDS_host/stack/test_sse := drivers/base host/stack/sse.c
NEEDS_host/stack/fuzz_sse := drivers/base host/stack/sse.c host/stack/events.c host/journal/json.c host/journal/text.c
