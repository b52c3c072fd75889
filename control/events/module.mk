# SPDX-License-Identifier: Apache-2.0
# These stand on a store, an inventory and a procedure room of their own (fake_rooms.h), which they move as they like.
NEEDS_control/events/test_events := control/events/events.c control/events/messages.c drivers/base
NEEDS_control/events/test_derive := control/events drivers/base
NEEDS_control/events/test_event_mutants := control/events/messages.c drivers/base
