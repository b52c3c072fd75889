# SPDX-License-Identifier: Apache-2.0
NEEDS_host/safety/test_plan := drivers/base host/safety/plan.c
