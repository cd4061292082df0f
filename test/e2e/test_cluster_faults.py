# SPDX-License-Identifier: Apache-2.0
"""Parts of a cluster are killed, frozen and lose what they had. No tick runs twice, none vanishes,
and what need not be late is on time."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from cluster import PatientClient, Watch, watching
from harness import wait_until

pytestmark = pytest.mark.cluster

# Seconds in which whatever a fault took away must be there again.
SESSION = 6  # ZooKeeper's
LEASE = 8  # of a worker in the store
RESUMED = LEASE + 5


def nothing_lost(report, worst=1.0):
    """No tick was later than so many seconds, and none was missed."""
    assert not report.missed and not report.other and report.worst < worst, report


# ---- roles ------------------------------------------------------------------------------------


def test_the_leading_manager_is_killed(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        leader = cluster.leader()
        leader.kill()
        other = wait_until(cluster.leader, RESUMED, "another manager leads")
        assert other is not leader
        cluster.api.add("@manual", "true")  # changes go on
    nothing_lost(watch.report)


def test_the_leading_manager_freezes_and_wakes_up(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        leader = cluster.leader()
        leader.freeze()
        wait_until(lambda: cluster.leader() not in (None, leader), RESUMED, "another leads")
        job = cluster.api.add("@manual", "echo done")
        leader.thaw()
        wait_until(lambda: not leader.leads(), 10, "it knows that it does not lead")
        assert cluster.api.wait_run(cluster.api.run(job))["status"] == "succeeded"
    nothing_lost(watch.report)


def test_without_any_manager_ticks_are_on_time(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        for manager in cluster.managers:
            manager.kill()
        time.sleep(SESSION + 2)
        watch.wait_on_time()
        answer = PatientClient(cluster.balancer.url, 0)
        answer.session.headers.update(cluster.api.session.headers)
        body = {"schedule": "@manual", "executable": "true", "type": "command"}
        refused = answer.request("POST", "/jobs", body)
        assert refused.status_code == 503 and "Retry-After" in refused.headers, refused.text
    nothing_lost(watch.report)


def test_a_worker_process_is_killed_and_comes_back(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        worker = cluster.worker_of(watch.jobs["long"])
        worker.kill()
        worker.start()
        watch.wait_on_time()
    assert not watch.report.other, watch.report


def test_a_node_is_lost_and_its_jobs_move(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        worker = cluster.worker_of(watch.jobs["any-0"])
        job = cluster.api.add(
            "@manual",
            "if [ $CRONJOB_ATTEMPT = 1 ]; then sleep 60; fi; echo on $CRONJOB_WORKER",
            on_worker_loss="rerun",
        )
        run = cluster.api.run(job)
        path = f"/runs/{run['id']}"
        wait_until(lambda: cluster.api.get(path)["status"] == "running", 15, "it runs")
        holder = cluster.find(cluster.api.get(path)["worker"])
        holder.kill_node()
        started = time.monotonic()
        first, second = cluster.api.wait_runs(job, 2, limit=RESUMED + 2)[:2]
        assert (first["status"], second["status"]) == ("lost", "succeeded")
        assert second["worker"] != holder.name
        print(f"run again {time.monotonic() - started:.1f} s after the loss")
        if worker is holder:
            wait_until(lambda: cluster.worker_of(watch.jobs["any-0"]) is not worker, RESUMED)
        watch.wait_on_time()


def test_a_guardian_is_killed(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        worker = cluster.worker_of(watch.jobs["long"])
        guardian = worker.guardian()
        assert guardian
        worker.kill_guardian()
        wait_until(lambda: worker.guardian() not in (None, guardian), 15, "there is another")
        watch.wait_on_time()


def test_a_worker_freezes_and_wakes_up_when_its_jobs_are_elsewhere(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        worker = cluster.worker_of(watch.jobs["any-0"])
        worker.freeze()
        wait_until(
            lambda: cluster.worker_of(watch.jobs["any-0"]) is not worker,
            RESUMED + 5,
            "the job is elsewhere",
        )
        time.sleep(2)
        worker.thaw()
        time.sleep(3)


def test_an_api_server_is_killed_under_load(cluster, watch_folder):
    """Who asks again with the same key, fails never and makes no job twice."""
    names = [f"load-{uuid.uuid4().hex[:12]}" for _ in range(200)]
    statuses = []

    def make(name):
        client = PatientClient(cluster.balancer.url)
        client.session.headers.update(cluster.api.session.headers)
        body = {"schedule": "@manual", "executable": "true", "type": "command", "name": name}
        answer = client.request("POST", "/jobs", body)
        statuses.append(answer.status_code)
        return answer.json()["id"], client.repeated

    def look(_):
        answer = requests.get(cluster.balancer.url + "/healthz", timeout=10)
        return answer.status_code

    with watching(cluster, watch_folder, jobs=2) as watch:
        with ThreadPoolExecutor(8) as pool:
            made = [pool.submit(make, name) for name in names]
            looked = [pool.submit(look, number) for number in range(200)]
            for api in cluster.apis:
                time.sleep(0.7)
                api.kill()
                time.sleep(1.5)
                api.start()
                wait_until(lambda: cluster.api.get("/summary"), 10)
            ids = [future.result()[0] for future in made]
            repeated = sum(future.result()[1] for future in made)
            assert {future.result() for future in looked} == {200}
    print(f"{repeated} requests were repeated by the client")
    assert statuses == [201] * len(names) and len(set(ids)) == len(names)
    found = cluster.api.get("/jobs?q=load-")
    assert sorted(job["name"] for job in found if job["name"] in names) == sorted(names)
    nothing_lost(watch.report)


def test_an_api_server_freezes(cluster, watch_folder):
    with watching(cluster, watch_folder, jobs=2) as watch:
        cluster.apis[0].freeze()
        time.sleep(2)  # so long HAProxy may take to notice
        started = time.monotonic()
        for _ in range(30):
            cluster.api.get("/summary")
        assert time.monotonic() - started < 5
    nothing_lost(watch.report)


def test_jobs_that_move_do_not_overlap(cluster, watch_folder):
    """What forbids to run twice at once, forbids it also to two workers."""
    watch = Watch(cluster, watch_folder)
    for number in range(6):
        watch.add(f"long-{number}", "sleep 2.5")
    watch.wait_on_time()
    for name in ("worker-1", "worker-2"):
        for draining in (True, False):
            cluster.api.request("PATCH", f"/workers/{name}", {"draining": draining}, expect=200)
            watch.wait_on_time()
    print(watch.settle())
    assert watch.report.contradictions == [], watch.report.complaint()


# ---- ZooKeeper: without it nothing is late ------------------------------------------------------


def test_zookeepers_leader_is_killed(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        cluster.zookeeper.leader().kill()
        time.sleep(5)
        cluster.api.add("@manual", "true")
    nothing_lost(watch.report)


def test_zookeeper_has_no_quorum(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        for node in cluster.zookeeper.nodes[:2]:
            node.kill()
        time.sleep(SESSION + 3)
        watch.wait_on_time()
    nothing_lost(watch.report)


def test_zookeeper_freezes_whole(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        for node in cluster.zookeeper.nodes:
            node.freeze()
        time.sleep(SESSION + 3)
        watch.wait_on_time()
    nothing_lost(watch.report)


def test_zookeeper_loses_all_it_had(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        cluster.zookeeper.wipe()
        wait_until(cluster.leader, 20, "a manager leads")
        cluster.wait_whole()
        watch.wait_on_time()
        job = cluster.api.add("@manual", "true")
        assert cluster.api.wait_run(cluster.api.run(job))["status"] == "succeeded"
    nothing_lost(watch.report)


# ---- the database: nothing starts without it, and nothing is lost -------------------------------


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_the_first_database_node_is_away(cluster, watch_folder, how):
    """The one that all roles prefer."""
    with watching(cluster, watch_folder) as watch:
        getattr(cluster.database.nodes[0], how)()
        time.sleep(6)
        watch.wait_on_time()
    nothing_lost(watch.report, worst=5.0)


def test_the_database_has_no_quorum(cluster, watch_folder):
    with watching(cluster, watch_folder, jobs=3) as watch:
        run = cluster.api.run(cluster.api.add("@manual", "sleep 4"))
        wait_until(lambda: cluster.api.get(f"/runs/{run['id']}")["status"] == "running", 15)
        for node in cluster.database.nodes[:2]:
            node.kill()
        time.sleep(6)
    assert cluster.api.wait_run(run)["status"] == "succeeded"
    assert watch.report.missed or watch.report.late, watch.report


def test_all_database_nodes_are_killed_at_once(cluster, watch_folder):
    with watching(cluster, watch_folder, jobs=3) as watch:
        jobs = [cluster.api.add("@manual", "true") for _ in range(10)]
        cluster.database.kill()
        cluster.database.start()
        for job in jobs:
            cluster.api.get(f"/jobs/{job['id']}")
        watch.wait_on_time()


# ---- everything ----------------------------------------------------------------------------------


def test_everything_is_killed_at_once(cluster, watch_folder):
    with watching(cluster, watch_folder, jobs=3) as watch:
        for process in cluster.processes:
            process.kill()
        cluster.heal()
        watch.wait_on_time(60)
