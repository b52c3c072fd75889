# SPDX-License-Identifier: Apache-2.0
NEEDS_host/plot/test_pane := host/plot reports host/journal drivers/base
