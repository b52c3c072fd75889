# SPDX-License-Identifier: Apache-2.0
NEEDS_drivers/base/test_clock := drivers/base/clock.c drivers/base/err.c
