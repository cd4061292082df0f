# SPDX-License-Identifier: Apache-2.0
"""What all end-to-end tests share."""

import pytest
from harness import Server
from servers.process import temporary_folder


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


@pytest.fixture(scope="session")
def running_cluster():
    """One cluster for all tests that need one; it takes seconds to start."""
    from cluster import Cluster  # needs packages that other tests do without

    with temporary_folder() as directory:
        cluster = Cluster(directory)
        try:
            yield cluster.start()
        finally:
            cluster.close()


@pytest.fixture
def cluster(running_cluster):
    """It, whatever the test before did to it."""
    try:
        running_cluster.heal()
    except AssertionError:  # what the test before did must not be the fault of this one
        running_cluster.renew()
    return running_cluster


@pytest.fixture
def watch_folder():
    """Where jobs of the cluster write down that they ran."""
    with temporary_folder() as directory:
        yield directory
