# SPDX-License-Identifier: Apache-2.0
"""The history checker finds what is wrong: a history that is right, and each way to spoil it."""

import copy
from dataclasses import replace

import pytest
from checker import Line, Watched, check

FIRST = 1_780_000_000
JOB = {
    "id": "7",
    "schedule": "* * * * * *",
    "time_zone": "UTC",
    "starts_at": None,
    "created_at": "2026-01-01T00:00:00Z",
}


def rfc3339(seconds):
    minute, second = divmod(seconds - FIRST, 60)
    return f"2026-05-28T20:{26 + minute:02}:{40 + second:02}Z"


def run(tick, status="succeeded", attempt=1, **more):
    return {
        "id": f"7-{tick}-{attempt}",
        "job": "7",
        "scheduled_at": rfc3339(tick),
        "attempt": attempt,
        "trigger": "schedule" if attempt == 1 else "retry",
        "status": status,
        "worker": "worker-1",
        **more,
    }


def lines(tick, attempt=1):
    name = f"7-{tick}-{attempt}"
    return [Line(name, attempt, "start", tick + 0.01), Line(name, attempt, "end", tick + 0.02)]


RUNS = [
    run(FIRST + 1),
    run(FIRST + 2, "failed"),
    run(FIRST + 2, attempt=2),
    run(FIRST + 3, "missed", count=4, until=rfc3339(FIRST + 6)),
    run(FIRST + 7, "skipped"),
    run(FIRST + 8),
]
TRUTH = [
    *lines(FIRST + 1),
    *lines(FIRST + 2),
    *lines(FIRST + 2, 2),
    *lines(FIRST + 8),
]


def classes(runs, truth):
    found = check([Watched(JOB, FIRST, FIRST + 8)], runs, truth)
    return {sentence.split(":")[0] for sentence in found}


def test_a_right_history_is_right():
    assert classes(RUNS, TRUTH) == set()


def without(index):
    return RUNS[:index] + RUNS[index + 1 :], TRUTH


def changed(index, **fields):
    runs = copy.deepcopy(RUNS)
    runs[index].update(fields)
    return runs, TRUTH


def shifted(seconds):
    return RUNS, [Line(line.run, line.attempt, line.phase, line.at - seconds) for line in TRUTH]


@pytest.mark.parametrize(
    "kind, history",
    [
        ("vanished", without(4)),
        ("vanished", without(3)),
        ("double_cover", (RUNS + [run(FIRST + 5, "missed")], TRUTH)),
        ("phantom_row", changed(4, scheduled_at="2026-05-28T20:26:47.500000Z")),
        ("wrong_count", changed(3, count=5)),
        ("wrong_count", changed(3, until=rfc3339(FIRST + 5))),
        ("unfinished", changed(5, status="running")),
        ("wrong_attempt", without(1)),
        ("wrong_attempt", changed(1, status="succeeded")),
        ("twice", (RUNS, TRUTH + TRUTH[:1])),
        ("phantom_start", (RUNS, TRUTH + lines(FIRST + 7))),
        ("phantom_start", (RUNS, TRUTH + lines(FIRST + 9))),
        ("wrong_outcome", (RUNS, TRUTH[:-1])),
        ("wrong_outcome", (RUNS, TRUTH[:-2])),
        ("early", shifted(0.2)),
        ("wrong_worker", (RUNS, [replace(TRUTH[0], worker="worker-2"), *TRUTH[1:]])),
        ("overlap", (RUNS, TRUTH + [Line(f"7-{FIRST + 8}-1", 1, "overlap", FIRST + 8.01)])),
    ],
)
def test_each_contradiction_is_found(kind, history):
    assert kind in classes(*history)
