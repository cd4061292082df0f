# SPDX-License-Identifier: Apache-2.0
"""The disk is full: the server says so, starts nothing, crashes never, and goes on when there is
room again, with every tick accounted for."""

import errno
import os
import subprocess
import time

import pytest
from checker import Watched, check, read_truth, witness
from harness import FINAL, Server, instant, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")

PROBLEM = "application/problem+json"


class Disk:
    """A tmpfs of some megabytes, filled to the last byte and emptied at will."""

    def __init__(self, path):
        self.path = path
        self.filler = path / "filler"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "cronjob-test", path], check=False
        )
        if mounted.returncode:
            pytest.skip("no disk can be mounted here")

    def fill(self):
        with self.filler.open("ab", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError as error:
                    assert error.errno == errno.ENOSPC

    def free(self):
        self.filler.unlink()

    def unmount(self):
        subprocess.run(["umount", self.path], check=True)


@pytest.fixture
def place():
    """A server that was not started yet, and its disk."""
    with Server() as server:
        disk = Disk(server.data)
        try:
            yield server, disk
        finally:
            server.end()
            disk.unmount()


def refused(server, disk):
    """The answer to a new job once there is no room for it."""

    def full():
        disk.fill()
        body = {"executable": "true", "schedule": "@manual", "type": "command"}
        answer = server.request("POST", "/jobs", {**body, "description": "x" * 4000})
        return None if answer.status_code == 201 else (answer,)

    return wait_until(full, 30, "a new job is refused")[0]


def test_a_full_disk_is_told_and_got_over(place):
    server, disk = place
    server.start()
    kept = server.add("@manual", "echo kept")
    answer = refused(server, disk)
    assert answer.status_code in (503, 507)
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json()["status"] == answer.status_code and answer.json()["detail"]
    server.request("GET", "/healthz", expect=200)
    assert server.get(f"/jobs/{kept['id']}")["executable"] == "echo kept"
    known = len(server.get("/jobs"))
    disk.free()
    server.add("@manual", "true")
    assert len(server.get("/jobs")) == known + 1
    run = server.wait_run(server.run(kept))
    assert (run["status"], server.output(run)) == ("succeeded", b"kept\n")


def starts(truth):
    return [line for line in read_truth(truth) if line.phase == "start"]


def wait_for_silence(disk, truth):
    """Fills the disk until nothing has started for some seconds."""
    silence = {"starts": -1, "since": time.monotonic()}

    def silent():
        disk.fill()
        count = len(starts(truth))
        if count != silence["starts"]:
            silence.update(starts=count, since=time.monotonic())
        return time.monotonic() - silence["since"] > 4

    wait_until(silent, 120, "nothing starts any more")


def test_a_full_disk_starts_nothing_and_loses_no_tick(place, tmp_path):
    server, disk = place
    server.start()
    truth = tmp_path / "truth"
    command = witness(truth) + "; head -c 3000 /dev/zero"
    jobs = [server.add("* * * * * *", command) for _ in range(6)]
    for job in jobs:
        server.wait_runs(job, 1, status="succeeded")
    wait_for_silence(disk, truth)
    assert server.process.poll() is None
    server.request("GET", "/healthz", expect=200)
    disk.free()
    freed = time.time()

    def all_go_on():
        ran = {line.run.split("-")[0] for line in starts(truth) if line.at > freed + 1}
        return ran == {job["id"] for job in jobs}

    wait_until(all_go_on, 15, "all jobs go on")
    for job in jobs:
        server.change(job, enabled=False)
    until = time.time() - 2
    wait_until(lambda: all(run["status"] in FINAL for run in server.runs()), 30, "all ended")
    watched = [Watched(job, instant(job["created_at"]), until) for job in jobs]
    runs = server.runs()
    assert check(watched, runs, read_truth(truth)) == []
    assert {run["status"] for run in runs} & {"missed", "skipped"}


def test_a_server_that_starts_on_a_full_disk(place):
    server, disk = place
    server.start()
    job = server.add("@manual", "echo again")
    assert server.stop() == 0
    server.end_guardian()
    disk.fill()
    server.spawn()
    # It starts, or it ends with the reason; it does not hang and it does not crash.
    answered = wait_until(
        lambda: server.process.poll() is not None or server.answers(), 20, "it decides"
    )
    assert answered
    if server.process.poll() is not None:
        assert server.process.returncode == 1
        assert "space" in server.tail_of_log() or "full" in server.tail_of_log()
        disk.free()
        server.start()
    else:
        disk.free()
        server.wait_ready()
    run = server.wait_run(server.run(job))
    assert (run["status"], server.output(run)) == ("succeeded", b"again\n")
