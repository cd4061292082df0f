# SPDX-License-Identifier: Apache-2.0
"""The real servers that a cluster stands on, each in the foreground in a folder of its own, on free
ports of 127.0.0.1, disturbed and ended by its own pid."""
