# SPDX-License-Identifier: Apache-2.0
"""The clock of the machine is set forward and back, and the hour changes: no tick is executed twice
and none vanishes. A preloaded library shifts CLOCK_REALTIME of server and guardian; what they
execute sees the true time."""

import datetime
import time

import pytest
from checker import Watched, check, read_truth, witness
from harness import FINAL, Server, instant, wait_until
from shifted import Clock, build_library

HOUR = 3600


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build_library(tmp_path_factory.mktemp("clock"))


@pytest.fixture
def clock(tmp_path, library):
    return Clock(tmp_path / "clock", library)


@pytest.fixture
def server(clock):
    with Server(environment=clock.environment) as made:
        yield made


def rfc3339(seconds):
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def goes_on(server, clock, job):
    """Waits for a run whose tick is after now."""
    now = clock.now()

    def ran():
        page = server.get(f"/jobs/{job['id']}/runs?limit=20")
        return any(
            run["status"] == "succeeded" and now < instant(run["scheduled_at"]) < now + 20
            for run in page
        )

    wait_until(ran, 20, f"job {job['id']} goes on after {rfc3339(now)}")


def settle(server, clock, job):
    server.change(job, enabled=False)
    until = clock.now() - 2
    wait_until(lambda: all(run["status"] in FINAL for run in server.runs(job)), 20, "all ended")
    return until


@pytest.mark.parametrize("catch_up", ["last", "none", "all"])
def test_a_clock_set_forward(server, clock, tmp_path, catch_up):
    server.start()
    truth = tmp_path / "truth"
    job = server.add(
        "* * * * * *", witness(truth), catch_up=catch_up, catch_up_window="5s", time_zone="UTC"
    )
    goes_on(server, clock, job)
    for seconds in (HOUR, 25 * HOUR):
        clock.step(seconds)
        goes_on(server, clock, job)
    until = settle(server, clock, job)
    runs = server.runs(job)
    watched = [Watched(job, instant(job["created_at"]), until)]
    assert check(watched, runs, read_truth(truth), same_clock=False) == []
    missed = sum(run.get("count", 1) for run in runs if run["status"] == "missed")
    assert abs(missed - 26 * HOUR) < 60


def test_a_clock_set_back_by_an_hour(server, clock, tmp_path):
    server.start()
    truth = tmp_path / "truth"
    job = server.add("* * * * * *", witness(truth), time_zone="UTC")
    goes_on(server, clock, job)
    stepped = clock.now()
    clock.step(-HOUR)
    back = clock.now()
    for _ in range(3):
        goes_on(server, clock, job)
    until = settle(server, clock, job)
    watched = [
        Watched(job, instant(job["created_at"]), stepped - 2),
        Watched(job, back + 3, until),
    ]
    assert check(watched, server.runs(job), read_truth(truth), same_clock=False) == []


def test_ticks_that_come_again_are_not_executed_again(server, clock, tmp_path):
    server.start()
    truth = tmp_path / "truth"
    job = server.add("* * * * * *", witness(truth), time_zone="UTC")
    server.wait_runs(job, 12, status="succeeded")
    clock.step(-8)
    wait_until(lambda: clock.now() > instant(server.runs(job)[-1]["scheduled_at"]), 20)
    goes_on(server, clock, job)
    until = settle(server, clock, job)
    watched = [Watched(job, instant(job["created_at"]), until)]
    assert check(watched, server.runs(job), read_truth(truth), same_clock=False) == []


def ticks_of(server, job, count):
    return [run["scheduled_at"] for run in server.wait_runs(job, count)]


def test_the_hour_that_does_not_exist(server, clock):
    """In Berlin 2026-03-29 02:00 is 03:00 (01:00 UTC)."""
    clock.set("2026-03-29T00:59:55Z")
    server.start()
    zone = {"time_zone": "Europe/Berlin"}
    fixed = server.add("30 2 * * *", "true", **zone)
    wild = server.add("*/20 * * * *", "true", **zone)
    assert fixed["next_run"] == wild["next_run"] == "2026-03-29T01:00:00Z"
    assert ticks_of(server, fixed, 1) == ["2026-03-29T01:00:00Z"]
    assert ticks_of(server, wild, 1) == ["2026-03-29T01:00:00Z"]
    assert server.get(f"/jobs/{fixed['id']}")["next_run"] == "2026-03-30T00:30:00Z"
    clock.set("2026-03-29T01:19:57Z")
    assert ticks_of(server, wild, 2)[1] == "2026-03-29T01:20:00Z"
    assert ticks_of(server, fixed, 1) == ["2026-03-29T01:00:00Z"]


def test_the_hour_that_comes_twice(server, clock):
    """In Berlin 2026-10-25 03:00 is 02:00 (01:00 UTC)."""
    clock.set("2026-10-25T00:29:55Z")
    server.start()
    zone = {"time_zone": "Europe/Berlin"}
    fixed = server.add("30 2 * * *", "true", **zone)
    wild = server.add("*/30 * * * *", "true", **zone)
    assert ticks_of(server, fixed, 1) == ["2026-10-25T00:30:00Z"]
    assert server.get(f"/jobs/{fixed['id']}")["next_run"] == "2026-10-26T01:30:00Z"
    clock.set("2026-10-25T00:59:57Z")
    ticks_of(server, wild, 2)
    clock.set("2026-10-25T01:29:57Z")
    assert ticks_of(server, wild, 3) == [
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:00:00Z",
        "2026-10-25T01:30:00Z",
    ]
    assert ticks_of(server, fixed, 1) == ["2026-10-25T00:30:00Z"]
