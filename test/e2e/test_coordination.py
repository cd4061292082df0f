# SPDX-License-Identifier: Apache-2.0
"""Coordination goes on when ZooKeeper's servers do not: test/contract/coordination_faults.c."""

import contextlib
import os
import subprocess
import threading
from pathlib import Path

import pytest
from harness import ROOT
from servers.process import temporary_folder
from servers.zookeeper import ZooKeeper

pytestmark = pytest.mark.cluster

PROGRAM = "test/contract/coordination_faults"
LIMIT = 90  # seconds, for one answer of the program


def program():
    """It, of the build under test if that has it, else that of script/test, else the newest. With
    the address sanitizer it would report what ZooKeeper's library loses with a connection."""
    under_test = Path(os.environ.get("CRONJOB_BINARY", "")).parent / PROGRAM
    usual = ROOT / "build" / "test-gcc" / PROGRAM
    built = sorted((ROOT / "build").glob(f"*/{PROGRAM}"), key=lambda path: -path.stat().st_mtime)
    for path in [under_test, usual, *built]:
        if os.access(path, os.X_OK):
            return path.resolve()
    pytest.skip("coordination_faults is not built")


class Processes:
    """The program that was agreed with, line by line."""

    def __init__(self, addresses, log):
        self.log = log
        known = log.with_suffix(".leaks")
        known.write_text("leak:zoo_amulti\n")  # of the C client, when an answer is lost
        self.child = subprocess.Popen(
            [program()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("wb"),
            env=dict(
                os.environ,
                CRONJOB_TEST_ZOOKEEPER=addresses,
                LSAN_OPTIONS=f"suppressions={known}:print_suppressions=0",
            ),
            text=True,
        )

    def hear(self, word):
        timer = threading.Timer(LIMIT, self.child.kill)
        timer.start()
        lines = []
        for line in self.child.stdout:
            lines.append(line)
            if line.strip() == word:
                break
        timer.cancel()
        assert lines and lines[-1].strip() == word, "".join(lines) + self.log.read_text()

    def ask(self, word):
        self.child.stdin.write(f"{word}\n")
        self.child.stdin.flush()
        self.hear("done")

    def end(self):
        self.child.stdin.close()
        assert self.child.wait(LIMIT) == 0, self.log.read_text()


@pytest.fixture(scope="module")
def ensemble():
    with temporary_folder() as directory:
        servers = ZooKeeper(directory)
        try:
            yield servers.start()
        finally:
            servers.kill()


@pytest.fixture
def processes(ensemble, tmp_path):
    ensemble.start()
    agreed = Processes(ensemble.addresses, tmp_path / "log")
    try:
        agreed.hear("ready")
        yield agreed
        agreed.end()
    finally:
        with contextlib.suppress(ProcessLookupError):
            agreed.child.kill()
        agreed.child.wait()


def test_the_leading_server_is_killed(ensemble, processes):
    ensemble.leader().kill()
    processes.ask("recover")


def test_all_servers_are_killed_and_come_back(ensemble, processes):
    ensemble.kill()
    processes.ask("lapse")
    ensemble.start()
    processes.ask("recover")


def test_all_servers_freeze_and_thaw(ensemble, processes):
    for node in ensemble.nodes:
        node.freeze()
    processes.ask("lapse")
    for node in ensemble.nodes:
        node.thaw()
    processes.ask("recover")


def test_all_servers_lose_all_they_had(ensemble, processes):
    ensemble.wipe()
    processes.ask("lost")
    ensemble.kill()
    processes.ask("lapse")
    ensemble.start()
    processes.ask("recover")
