# SPDX-License-Identifier: Apache-2.0
"""The network between a worker or a manager and the others is cut, one way or both, stands still,
delivers late or breaks connections. No tick runs twice, and none vanishes."""

import time

import pytest
from cluster import watching
from harness import FINAL, wait_until
from servers.proxy import BOTH, TO_CLIENT, TO_SERVER

pytestmark = pytest.mark.cluster

WORKER, MANAGER = "worker-3", "manager-2"
SESSION = 6  # seconds: ZooKeeper's
LEASE = 8  # of a worker in the store

WAYS = {"both ways": BOTH, "outward": [TO_SERVER], "inward": [TO_CLIENT]}


def cut(cluster, client, kinds, ways=BOTH):
    links = cluster.links(client, *kinds)
    assert links, client
    for link in links:
        link.cut(ways)


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_without_zookeeper_goes_on(cluster, watch_folder, way):
    """Longer than its session lasts. Its own ticks are on time; the others' jobs do not care."""
    with watching(cluster, watch_folder, jobs=3, each_worker=True) as watch:
        cut(cluster, WORKER, ["zookeeper"], WAYS[way])
        time.sleep(SESSION + 3)
        watch.wait_on_time()
    report = watch.report
    assert not report.missed and not report.other and report.worst < 2, report


@pytest.mark.parametrize("way", ["both ways", "inward"])
def test_a_worker_without_the_store_starts_nothing(cluster, watch_folder, way):
    with watching(cluster, watch_folder, jobs=3, each_worker=True) as watch:
        cut(cluster, WORKER, ["galera"], WAYS[way])
        time.sleep(SESSION + 2)
    assert watch.report.missed or watch.report.late, watch.report


def test_a_worker_without_both_loses_its_jobs(cluster, watch_folder):
    with watching(cluster, watch_folder, each_worker=True) as watch:
        cut(cluster, WORKER, ["zookeeper", "galera"])
        wait_until(
            lambda: all(
                cluster.worker_of(watch.jobs[f"any-{number}"]).name != WORKER
                for number in range(5)
            ),
            LEASE + 5,
            "its jobs are elsewhere",
        )
        since = time.time()
        wait_until(lambda: watch.is_on_time(watch.jobs["any-0"], since), 10, "on time there")


def test_connections_break_again_and_again(cluster, watch_folder):
    with watching(cluster, watch_folder, each_worker=True) as watch:
        for number in range(12):
            links = cluster.links(WORKER, "galera", "zookeeper")
            for link in links if number % 3 == 0 else cluster.links(WORKER, "galera"):
                link.reset()
            time.sleep(0.37)
    assert not watch.report.missed, watch.report


def test_what_was_said_arrives_late(cluster, watch_folder):
    """A claim that arrives when its time has passed must not start a second run elsewhere."""
    with watching(cluster, watch_folder, each_worker=True):
        for seconds in (1.5, 6):
            for link in cluster.links(WORKER, "galera"):
                link.hold([TO_SERVER])
            time.sleep(seconds)
            for link in cluster.links(WORKER, "galera"):
                link.open()
            time.sleep(2)


def test_answers_arrive_late(cluster, watch_folder):
    """The store did it, and the worker hears of it only when it no longer counts."""
    with watching(cluster, watch_folder, each_worker=True):
        for seconds in (1.5, 6):
            for link in cluster.links(WORKER, "galera"):
                link.hold([TO_CLIENT])
            time.sleep(seconds)
            for link in cluster.links(WORKER, "galera"):
                link.open()
            time.sleep(2)


def ended(runs, job=None):
    return [run for run in runs if run["status"] in FINAL and (not job or run["job"] == job["id"])]


def slow_down(cluster, delay):
    for link in cluster.links(WORKER, "galera", "zookeeper"):
        link.open(delay=delay)


def test_a_distant_store(cluster, watch_folder):
    """20 ms there and back, as between two countries: no tick of a job a second is missed."""
    with watching(cluster, watch_folder, jobs=3, each_worker=True) as watch:
        slow_down(cluster, 0.01)
        time.sleep(6)
    assert not watch.report.missed, watch.report


def test_a_store_at_the_other_end_of_the_world(cluster, watch_folder):
    """A trip takes 200 ms and a claim several, so of a job a second the newest tick is run. One
    that is due less often loses none."""
    with watching(cluster, watch_folder, jobs=3, each_worker=True) as watch:
        seldom = watch.add("seldom", "", WORKER, schedule="*/8 * * * * *")
        slow_down(cluster, 0.1)
        wait_until(lambda: len(ended(cluster.api.runs(seldom))) >= 2, 40, "two of its ticks")
    report = watch.report
    assert set(report.missed) <= {"superseded by a newer tick"}, report
    assert {run["status"] for run in ended(report.history, seldom)} == {"succeeded"}, report


@pytest.mark.parametrize("kinds", [["zookeeper"], ["galera"], ["zookeeper", "galera"]])
def test_a_manager_is_cut_off_while_it_leads(cluster, watch_folder, kinds):
    with watching(cluster, watch_folder, jobs=3) as watch:
        manager = cluster.find(MANAGER)
        if not manager.leads():
            cluster.leader().restart()
            wait_until(manager.leads, SESSION + 10, "the other one leads")
        cut(cluster, MANAGER, kinds)
        if "zookeeper" in kinds:
            wait_until(lambda: not manager.leads(), SESSION + 5, "it lets go")
            wait_until(cluster.leader, SESSION + 5, "the other one leads")
            cluster.api.add("@manual", "true")
        else:
            time.sleep(SESSION)
    report = watch.report
    assert not report.missed and not report.other and report.worst < 1, report


def test_a_worker_cannot_be_reached(cluster, watch_folder):
    """Its runs go on; only what it alone can tell is not there for the moment."""
    with watching(cluster, watch_folder, jobs=3, each_worker=True) as watch:
        cluster.proxy.links[f"peers>{WORKER}"].refuse()
        time.sleep(5)
        started = time.monotonic()
        cluster.api.get("/summary")
        assert time.monotonic() - started < 5
    assert not watch.report.missed and not watch.report.other, watch.report
