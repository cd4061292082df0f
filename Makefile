# SPDX-License-Identifier: Apache-2.0
# A doorbell: the work is in script/.
.PHONY: bootstrap build server test lint bench
bootstrap build server test lint bench: ; @script/$@
