# SPDX-License-Identifier: Apache-2.0
"""Accounts for a history: what should have run, what the store says ran, and what did run.

Three witnesses that share no code with each other: the ticks of test/oracle, the runs that the API
shows, and a file to which each run's own process appended a line. check() answers every
contradiction between them as a sentence that begins with its class:

vanished       a tick that no run accounts for
double_cover   a tick that two records account for
phantom_row    a record of something that was no tick
wrong_count    a missed stretch that stands for another number of ticks than it says
unfinished     a run that is not final
wrong_attempt  attempts with a gap, or a further one although the one before succeeded
twice          one attempt of one tick that started twice
phantom_start  a start without a record, or whose record says that nothing started
wrong_worker   a start by another worker than the record's
wrong_outcome  a run recorded as succeeded that did not come to its end
early          a start before its tick
overlap        two runs of a job at once where the job forbids it
"""

import bisect
import collections
from dataclasses import dataclass

from harness import FINAL, instant, schedule_oracle

EARLY = 0.05  # seconds that a start may precede its tick, by the clock of who is started
EXECUTED = {"succeeded", "failed", "timed_out", "killed", "lost"}
AGAIN = {"failed", "timed_out", "lost"}  # after these there may be another attempt
BY_TICK = {"schedule", "catch_up", "retry", "reboot"}


@dataclass
class Watched:
    """A job and the stretch of time in which each of its ticks must be accounted for."""

    job: dict
    since: float  # after it ticks count
    until: float  # and up to this instant

    def ticks(self):
        return set(
            schedule_oracle.ticks(
                self.job["schedule"],
                self.job["time_zone"],
                int(self.since) + 1,
                int(self.until) + 1,
                int(self.job["id"]),
                int(instant(self.job["starts_at"] or self.job["created_at"])),
            )
        )


# The ground truth. A run's process appends lines of one write each: ID ATTEMPT PHASE SECONDS WORKER
COMMAND = (
    'echo "$CRONJOB_RUN_ID $CRONJOB_ATTEMPT {phase} $(date +%s.%N) $CRONJOB_WORKER" >>{path}'
)


def witness(path, middle="", lock=None):
    """A command line that reports its start and its end, and an overlap when it finds the lock
    taken."""
    lines = [COMMAND.format(phase="start", path=path)]
    if lock:
        report = COMMAND.format(phase="overlap", path=path)
        lines += [f"exec 9>>{lock}", f"flock -n 9 || {report}"]
    lines += [middle] if middle else []
    return "; ".join([*lines, COMMAND.format(phase="end", path=path)])


@dataclass(frozen=True)
class Line:
    run: str
    attempt: int
    phase: str
    at: float
    worker: str = ""


def read_truth(path):
    if not path.exists():
        return []
    lines = [line.split() for line in path.read_text().splitlines()]
    return [Line(run, int(count), phase, float(at), *who) for run, count, phase, at, *who in lines]


def stretch(run):
    """The first and the last instant that a run stands for."""
    return instant(run["scheduled_at"]), instant(run.get("until", run["scheduled_at"]))


def check_cover(watched, runs):
    """Every tick has exactly one record, and every record is of a tick."""
    ticks = sorted(watched.ticks())
    known = set(ticks)
    covers = collections.Counter()
    name = f"job {watched.job['id']}"
    for run in runs:
        first, last = stretch(run)
        if run["trigger"] not in BY_TICK or run["attempt"] > 1:
            continue
        covered = ticks[bisect.bisect_left(ticks, first) : bisect.bisect_right(ticks, last)]
        covers.update(covered)
        if first not in known and watched.since < first <= watched.until:
            yield f"phantom_row: {name}: {run['id']} is of no tick"
        inside = watched.since < first and last <= watched.until
        if inside and run.get("count", 1) != len(covered):
            yield f"wrong_count: {name}: {run['id']} says {run.get('count', 1)}, is {len(covered)}"
    for tick in ticks:
        if covers[tick] != 1:
            kind = "double_cover" if covers[tick] else "vanished"
            yield f"{kind}: {name}: tick {tick} has {covers[tick]} records"


def check_attempts(runs):
    """Attempts are counted from one, and there is a next one only after a failure."""
    by_tick = collections.defaultdict(list)
    for run in runs:
        by_tick[run["job"], run["scheduled_at"]].append(run)
    for attempts in by_tick.values():
        attempts.sort(key=lambda run: run["attempt"])
        numbers = [run["attempt"] for run in attempts]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"wrong_attempt: {attempts[0]['id']}: there are {numbers}"
        for run, following in zip(attempts, attempts[1:]):
            if run["status"] not in AGAIN:
                yield f"wrong_attempt: {following['id']} after one that {run['status']}"


def check_final(runs):
    for run in runs:
        if run["status"] not in FINAL:
            yield f"unfinished: {run['id']} is {run['status']}"


def check_truth(runs, truth):
    """Starts and records say the same."""
    rows = {run["id"]: run for run in runs}
    phases = collections.defaultdict(collections.Counter)
    for line in truth:
        phases[line.run][line.phase] += 1
    for run, counted in phases.items():
        if counted["start"] > 1 or counted["end"] > 1:
            yield f"twice: {run} has {dict(counted)}"
        if counted["overlap"]:
            yield f"overlap: {run} found another run of its job"
        if run not in rows:
            yield f"phantom_start: {run} has no record"
        elif rows[run]["status"] not in EXECUTED:
            yield f"phantom_start: {run} started and is {rows[run]['status']}"
    for run in runs:
        counted = phases[run["id"]]
        if run["status"] == "succeeded" and not (counted["start"] and counted["end"]):
            yield f"wrong_outcome: {run['id']} succeeded with {dict(counted)}"


def check_workers(runs, truth):
    """What ran is recorded of who ran it."""
    workers = {run["id"]: run.get("worker") for run in runs}
    for line in truth:
        if line.worker and line.run in workers and line.worker != workers[line.run]:
            yield f"wrong_worker: {line.run} ran on {line.worker}, says {workers[line.run]}"


def check_not_early(runs, truth):
    ticks = {run["id"]: instant(run["scheduled_at"]) for run in runs}
    for line in truth:
        if line.run in ticks and line.at < ticks[line.run] - EARLY:
            yield f"early: {line.run} started at {line.at}"


def check(watched_jobs, runs, truth, same_clock=True):
    """All contradictions, as sentences. Without `same_clock` the processes had another one than the
    server, and when they started says nothing."""
    runs_of = collections.defaultdict(list)
    for run in runs:
        runs_of[run["job"]].append(run)
    found = []
    for watched in watched_jobs:
        found += check_cover(watched, runs_of[watched.job["id"]])
    found += check_attempts(runs)
    found += check_final(runs)
    found += check_truth(runs, truth)
    found += check_workers(runs, truth)
    if same_clock:
        found += check_not_early(runs, truth)
    return found
