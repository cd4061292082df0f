# SPDX-License-Identifier: Apache-2.0
"""What all end-to-end tests share."""

import pytest
from harness import Server


@pytest.fixture(scope="module")
def server():
    """A standalone server for the tests of one module, on its own data and port."""
    with Server() as started:
        yield started.start()


@pytest.fixture
def own_server():
    """A standalone server for one test that disturbs it."""
    with Server() as started:
        yield started.start()
