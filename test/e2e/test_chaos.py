# SPDX-License-Identifier: Apache-2.0
"""Server and guardian are killed, stopped and paused at random: nothing runs twice, no tick
vanishes, and what the store says happened did happen. The seed is printed and taken from
$CRONJOB_SEED."""

import os
import random
import time

import pytest
from checker import Watched, check, read_truth, witness
from harness import FINAL, Server, instant, wait_until

DURATION = float(os.environ.get("CRONJOB_CHAOS_SECONDS", "25"))
EVERY_SECOND = "* * * * * *"

# Most have a tick every second; a lock sees runs that overlap.
JOBS = {
    "default": {"middle": ""},
    "short": {"middle": "sleep 0.3"},
    "long": {"middle": "sleep 2.5"},
    "none": {"middle": "sleep 0.2", "catch_up": "none"},
    "all": {"middle": "", "catch_up": "all"},
    "queue": {"middle": "sleep 0.4", "concurrency": "queue", "catch_up": "all"},
    "allow": {"middle": "sleep 1.5", "concurrency": "allow"},
    "replace": {"middle": "sleep 1.5", "concurrency": "replace", "kill_grace": "1s"},
    "timeout": {"middle": "sleep 5", "timeout": "1s", "kill_grace": "1s"},
    "retry": {
        "middle": "sleep 0.1; exit 3",
        "schedule": "*/4 * * * * *",
        "retries": {"limit": 1, "delay": "1s"},
    },
    "fail": {"middle": "sleep 0.5", "on_worker_loss": "fail"},
}


class Chaos:
    def __init__(self, server, seed):
        self.server = server
        self.random = random.Random(seed)
        self.said = []

    def say(self, text):
        self.said.append(text)
        print(f"{time.time():.3f} {text}", flush=True)

    def rest(self, longest):
        time.sleep(self.random.uniform(0, longest))

    def revive(self):
        self.rest(3)
        self.server.start()

    def kill_server(self):
        self.server.kill()
        self.revive()

    def kill_guardian(self):
        self.server.kill_guardian()

    def kill_both(self):
        order = [self.server.kill, self.server.kill_guardian]
        self.random.shuffle(order)
        for kill in order:
            kill()
        self.revive()

    def kill_twice(self):
        """The second time while it recovers from the first."""
        self.server.kill()
        self.server.spawn()
        self.rest(0.4)
        self.server.kill()
        self.revive()

    def stop_and_start(self):
        assert self.server.stop() == 0
        self.revive()

    def freeze(self):
        self.server.pause()
        self.rest(4)
        self.server.resume()

    def run(self, seconds):
        deeds = [
            self.kill_server,
            self.kill_guardian,
            self.kill_both,
            self.kill_twice,
            self.stop_and_start,
            self.freeze,
        ]
        self.random.shuffle(deeds)
        end, number = time.monotonic() + seconds, 0
        while number < len(deeds) or time.monotonic() < end:
            self.rest(3)
            deed = deeds[number % len(deeds)]
            self.say(deed.__name__)
            deed()
            number += 1


def add_jobs(server, directory):
    jobs = {}
    for name, policy in JOBS.items():
        fields = dict(policy)
        lock = None if fields.get("concurrency") == "allow" else directory / f"lock-{name}"
        command = witness(directory / "truth", fields.pop("middle"), lock)
        schedule = fields.pop("schedule", EVERY_SECOND)
        jobs[name] = server.add(schedule, command, name=name, **fields)
    return jobs


def settle(server, jobs):
    """Ends the jobs' schedules and waits until nothing goes on; the instant up to which their ticks
    must be accounted for."""
    for job in jobs.values():
        server.change(job, enabled=False)
    until = time.time()

    def quiet():
        return all(run["status"] in FINAL for run in server.runs())

    wait_until(quiet, 60, "no run goes on")
    return until


def show(server, sentences, chaos):
    text = "\n".join(sentences[:40])
    return f"{len(sentences)} contradictions after {chaos.said}:\n{text}\n{server.tail_of_log()}"


def test_nothing_twice_and_nothing_lost(tmp_path):
    seed = int(os.environ.get("CRONJOB_SEED") or random.randrange(10**6))
    print(f"CRONJOB_SEED={seed}")
    with Server() as server:
        server.start()
        jobs = add_jobs(server, tmp_path)
        chaos = Chaos(server, seed)
        chaos.run(DURATION)
        wait_until(lambda: server.wait_runs(jobs["default"], 1), 10)
        # In the last two seconds a tick may be on its way when its job is paused.
        until = settle(server, jobs) - 2
        runs = server.runs()
        watched = [Watched(job, instant(job["created_at"]), until) for job in jobs.values()]
        contradictions = check(watched, runs, read_truth(tmp_path / "truth"))
        assert not contradictions, show(server, contradictions, chaos)
        statuses = {run["status"] for run in runs}
        assert {"succeeded", "failed", "timed_out", "skipped", "missed"} <= statuses, statuses


@pytest.mark.smoke
def test_runs_go_on_while_the_server_is_killed():
    with Server() as server:
        server.start()
        job = server.add("@manual", "echo begin; sleep 2; echo end")
        run = server.run(job)
        wait_until(lambda: server.output(run) == b"begin\n", 10, "the run has begun")
        server.kill()
        server.start()
        run = server.wait_run(run)
        assert (run["status"], run["exit_code"]) == ("succeeded", 0)
        assert server.output(run) == b"begin\nend\n"


def test_runs_go_on_over_a_stop_and_start():
    with Server() as server:
        server.start()
        job = server.add("@manual", "echo begin; sleep 3; echo end")
        run = server.run(job)
        wait_until(lambda: server.output(run) == b"begin\n", 10, "the run has begun")
        assert server.stop() == 0
        server.start()
        run = server.wait_run(run)
        assert (run["status"], server.output(run)) == ("succeeded", b"begin\nend\n")


def test_a_run_that_ends_while_the_server_is_away_has_its_result():
    with Server() as server:
        server.start()
        run = server.run(server.add("@manual", "sleep 0.5; echo done; exit 7"))
        wait_until(lambda: server.get(f"/runs/{run['id']}")["status"] == "running", 10)
        server.kill()
        time.sleep(1)
        server.start()
        run = server.wait_run(run)
        assert (run["status"], run["exit_code"]) == ("failed", 7)
        assert server.output(run) == b"done\n"


def wait_for_file(path):
    wait_until(path.exists, 10, f"{path} is there")


@pytest.mark.parametrize("on_worker_loss, attempts", [("rerun", 2), ("fail", 1)])
def test_a_lost_run_is_treated_as_the_job_says(tmp_path, on_worker_loss, attempts):
    with Server() as server:
        server.start()
        marks = tmp_path / "marks"
        command = f"if [ -e {marks} ]; then echo again; else : >{marks}; sleep 60; fi"
        job = server.add("@manual", command, on_worker_loss=on_worker_loss)
        run = server.run(job)
        wait_for_file(marks)
        server.kill_guardian()
        lost = server.wait_run(run)
        assert lost["status"] == "lost" and lost["reason"]
        runs = server.wait_runs(job, attempts)
        assert len(runs) == attempts
        if attempts == 2:
            assert (runs[1]["status"], runs[1]["attempt"]) == ("succeeded", 2)
            assert server.output(runs[1]) == b"again\n"


def test_a_lost_runs_processes_are_gone_before_it_is_run_again(tmp_path):
    with Server() as server:
        server.start()
        lock, log = tmp_path / "lock", tmp_path / "log"
        command = (
            f"exec 9>>{lock}; flock -n 9 && echo alone >>{log} || echo crowd >>{log};"
            f" test $CRONJOB_ATTEMPT -gt 1 || sleep 60"
        )
        run = server.run(server.add("@manual", command))
        wait_for_file(log)
        server.kill()
        server.kill_guardian()
        server.start()
        assert server.wait_run(run)["status"] == "lost"
        wait_until(lambda: len(log.read_text().splitlines()) == 2, 20, "the second attempt")
        assert log.read_text() == "alone\nalone\n"


def test_a_frozen_server_starts_nothing_twice_and_catches_up(tmp_path):
    with Server() as server:
        server.start()
        truth = tmp_path / "truth"
        job = server.add(EVERY_SECOND, witness(truth))
        server.wait_runs(job, 2, status="succeeded")
        server.pause()
        time.sleep(10)
        server.resume()
        frozen_until = time.time()
        wait_until(
            lambda: any(
                instant(run["scheduled_at"]) > frozen_until + 1
                for run in server.wait_runs(job, 1, status="succeeded")
            ),
            20,
            "it goes on",
        )
        until = settle(server, {"job": job}) - 2
        runs = server.runs(job)
        watched = [Watched(job, instant(job["created_at"]), until)]
        assert check(watched, runs, read_truth(truth)) == []
        missed = [run for run in runs if run["status"] == "missed"]
        assert sum(run.get("count", 1) for run in missed) >= 3
