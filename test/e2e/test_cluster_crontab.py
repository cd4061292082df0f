# SPDX-License-Identifier: Apache-2.0
"""A worker of a cluster whose node's cron, Debian's own, calls for its jobs: they run once a tick,
go to workers with a timer when it dies and come back, and its crontab has what it has. Minutes are
real here, as the database's clock cannot be shifted along."""

import contextlib
import os
import re
import shutil
import subprocess
import time

import pytest
from cluster import Watch
from harness import FINAL, instant, wait_until
from servers.cron import Cron, Node


def may_have_mounts_of_its_own():
    command = ["unshare", "--mount", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has a crontab of the system"),
    pytest.mark.skipif(not may_have_mounts_of_its_own(), reason="/etc here is everybody's"),
    pytest.mark.skipif(not shutil.which("cron", path="/usr/sbin:/usr/bin"), reason="needs cron"),
]

MINUTE = 60
MARGIN = 3  # seconds before a tick in which nothing is left to be done
ON_TIME = 1.0  # seconds, of a timer
BY_CRON = 3.5  # before the timer would do cron's work
MOVED = 30


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path / "node")


@pytest.fixture
def worker(cluster, node):
    """One that follows its node's cron; a worker with a timer before and after."""
    worker = cluster.workers[0]
    arguments = list(worker.arguments)

    def start_anew(before, arguments):
        worker.stop()
        worker.end_guardian()
        worker.before, worker.arguments = before, arguments
        worker.start()

    start_anew(node.becomes(), [*arguments, "--scheduler", "crontab"])
    cron = Cron(node)
    try:
        cron.start()
        yield worker
    finally:
        cron.kill()
        start_anew([], arguments)


@contextlib.contextmanager
def drained(cluster, workers):
    """What they have goes elsewhere; afterwards they take their share."""

    def drain(wanted):
        for worker in workers:
            body = {"draining": wanted}
            cluster.api.request("PATCH", f"/workers/{worker.name}", body, expect=200)

    drain(True)
    try:
        yield
    finally:
        drain(False)


def lines(node):
    """The jobs that cron calls for."""
    try:
        return sorted(re.findall(r" fire (\d+) ", node.crontab.read_text()))
    except FileNotFoundError:
        return None


def kept_by(cluster, worker, jobs):
    """Those of the jobs that the worker has."""
    return [job for job in jobs if cluster.api.get(f"/jobs/{job['id']}")["worker"] == worker.name]


def says_what_it_has(cluster, node, worker, jobs):
    """Those jobs, if it has any and its crontab has these and nothing else."""
    mine = kept_by(cluster, worker, jobs)
    return mine if lines(node) == sorted(job["id"] for job in mine) else None


def next_tick():
    tick = (int(time.time()) // MINUTE + 1) * MINUTE
    return tick if tick - time.time() > MARGIN else tick + MINUTE


def runs_of_tick(cluster, jobs, tick):
    """One final run of each job, when there is one."""
    limit = tick - time.time() + 30

    def found():
        runs = [run for job in jobs for run in cluster.api.get(f"/jobs/{job['id']}/runs?limit=5")]
        runs = [run for run in runs if instant(run["scheduled_at"]) == tick]
        return runs if len(runs) == len(jobs) and all(r["status"] in FINAL for r in runs) else None

    return wait_until(found, limit, "each job has run for the tick")


def expect_on_time(runs, by, limit):
    for run in runs:
        assert run["status"] == "succeeded" and run["worker"] in {one.name for one in by}, run
        assert instant(run["started_at"]) - instant(run["scheduled_at"]) < limit, run


def taken(worker):
    """Calls of cron that were taken."""
    found = re.search(r'^cronjob_fires_total\{answer="taken"\} (\d+)$', worker.metrics(), re.M)
    return int(found.group(1)) if found else 0


def test_jobs_go_from_cron_to_a_timer_and_back(cluster, watch_folder, node, worker):
    watch = Watch(cluster, watch_folder)
    others = [one for one in cluster.workers if one is not worker]

    def has(count):
        mine = says_what_it_has(cluster, node, worker, jobs)
        return mine is not None and len(mine) == count

    with drained(cluster, others):
        jobs = [watch.add(f"each-{number}", schedule="* * * * *") for number in range(4)]
        wait_until(lambda: has(4), MOVED, "it has all jobs, and their lines")
        runs = runs_of_tick(cluster, jobs, next_tick())
        expect_on_time(runs, [worker], BY_CRON)
        assert taken(worker) == 4
        worker.kill()
    wait_until(lambda: not kept_by(cluster, worker, jobs), MOVED, "they have moved")
    assert len(lines(node)) == 4  # cron goes on calling, in vain
    runs = runs_of_tick(cluster, jobs, next_tick())
    expect_on_time(runs, others, ON_TIME)

    worker.start()
    wait_until(lambda: has(1), MOVED, "it has its share, and no line of the others")
    [back] = says_what_it_has(cluster, node, worker, jobs)
    runs = runs_of_tick(cluster, jobs, next_tick())
    expect_on_time([run for run in runs if run["job"] == back["id"]], [worker], BY_CRON)
    expect_on_time([run for run in runs if run["job"] != back["id"]], others, ON_TIME)
    assert taken(worker) == 1
    assert cluster.api.get(f"/jobs/{back['id']}")["scheduler"] == "crontab"

    report = watch.settle()
    assert report.contradictions == [], report.complaint()
    assert not report.missed and not report.other, report
    wait_until(lambda: lines(node) == [], MOVED, "no job is left")
