# SPDX-License-Identifier: Apache-2.0
"""A healthy cluster: what is asked through HAProxy is done by one worker, once, and any API server
tells of it."""

import time

import pymysql
import pytest
import requests
from cluster import EVERY_SECOND, PatientClient, watching
from harness import FINAL, wait_until
from servers.mariadb import DATABASE

pytestmark = pytest.mark.cluster


def test_all_parts_are_known(cluster):
    summary = cluster.api.get("/summary")
    assert summary["workers"]["alive"] == 3
    assert cluster.find(summary["leader"]) is cluster.leader()
    workers = {worker["name"]: worker for worker in cluster.api.get("/workers")}
    assert set(workers) >= {"worker-1", "worker-2", "worker-3"}
    assert workers["worker-1"]["labels"]["name"] == "worker-1"


def test_each_tick_runs_once_on_one_worker(cluster, watch_folder):
    with watching(cluster, watch_folder, jobs=8) as watch:
        time.sleep(5)
    report = watch.report
    assert len(report.workers) == 3, report
    assert not report.missed and not report.late and not report.other, report


def test_a_run_on_demand_and_its_output(cluster):
    for worker in cluster.workers:
        job = cluster.api.add(
            "@manual",
            "echo on $CRONJOB_WORKER; exit 3",
            placement={"labels": {"name": worker.name}},
        )
        run = cluster.api.wait_run(cluster.api.run(job))
        assert (run["status"], run["exit_code"], run["worker"]) == ("failed", 3, worker.name)
        for api in cluster.apis:
            client = PatientClient(api.url)
            assert client.output(run) == f"on {worker.name}\n".encode()


def test_a_retry_is_made_on_another_worker(cluster):
    job = cluster.api.add(
        "@manual",
        "test $CRONJOB_ATTEMPT = 2",
        retries={"limit": 1, "delay": "1s", "elsewhere": True},
    )
    cluster.api.run(job)
    first, second = cluster.api.wait_runs(job, 2)
    assert (first["status"], second["status"]) == ("failed", "succeeded")
    assert second["worker"] != first["worker"]


def test_a_long_run_is_killed_from_afar(cluster):
    job = cluster.api.add("@manual", "sleep 600", placement={"labels": {"name": "worker-2"}})
    run = cluster.api.run(job)
    path = f"/runs/{run['id']}"
    wait_until(lambda: cluster.api.get(path)["status"] == "running", 15, "it runs")
    cluster.api.request("POST", f"{path}/kill", expect=202)
    assert cluster.api.wait_run(run)["status"] == "killed"


def test_what_one_server_changed_the_other_knows(cluster):
    first, second = (PatientClient(api.url) for api in cluster.apis)
    for number in range(20):
        job = first.add("@manual", "true", description=f"number {number}")
        assert second.get(f"/jobs/{job['id']}")["description"] == f"number {number}"
        second.change(job, description="changed")
        assert first.get(f"/jobs/{job['id']}")["description"] == "changed"
        first.remove(job, purge=True)
        second.request("GET", f"/jobs/{job['id']}", expect=404)


def test_one_key_makes_one_job_on_whichever_server(cluster):
    body = {"schedule": "@manual", "executable": "true", "type": "command"}
    headers = {"Idempotency-Key": "test-cluster-basic", "Content-Type": "application/json"}
    made = [
        requests.post(f"{api.url}/jobs", json=body, headers=headers, timeout=20)
        for api in cluster.apis * 2
    ]
    assert [answer.status_code for answer in made] == [201] * 4
    assert len({answer.json()["id"] for answer in made}) == 1


def test_a_changed_job_leaves_its_old_schedule(cluster):
    api = cluster.api
    job = api.add(EVERY_SECOND, "true")
    api.wait_runs(job, 2)
    api.change(job, schedule="0 0 1 1 *")
    wait_until(lambda: all(run["status"] in FINAL for run in api.runs(job)), 10)
    known = {run["id"] for run in api.runs(job)}
    time.sleep(3)
    late = [run for run in api.runs(job) if run["id"] not in known]
    assert len(late) <= 1, late  # one may have been on its way
    api.remove(job)


def test_a_drained_worker_gives_its_jobs_away(cluster, watch_folder):
    with watching(cluster, watch_folder) as watch:
        worker = cluster.worker_of(watch.jobs["any-0"])
        path = f"/workers/{worker.name}"
        cluster.api.request("PATCH", path, {"draining": True}, expect=200)
        try:
            jobs = watch.jobs.values()
            wait_until(
                lambda: all(cluster.worker_of(job) is not worker for job in jobs),
                15,
                "its jobs are elsewhere",
            )
            watch.wait_on_time()
        finally:
            cluster.api.request("PATCH", path, {"draining": False}, expect=200)
    assert not watch.report.other, watch.report


def test_events_come_through_the_proxy(cluster):
    job = cluster.api.add("@manual", "true")
    headers = {"Accept": "text/event-stream"}
    url = cluster.api.url + "/events"
    with cluster.api.session.get(url, headers=headers, stream=True, timeout=20) as answer:
        lines = answer.iter_lines(chunk_size=1)
        run = cluster.api.run(job)
        seen = wait_until(lambda: run["id"].encode() in next(lines), 20, "an event of the run")
    assert seen
    cluster.api.wait_run(run)


@pytest.mark.parametrize(
    "kind, statement",
    [
        ("api", "DELETE FROM jobs"),
        ("api", "INSERT INTO tokens (id) VALUES ('x')"),
        ("api", "CREATE TABLE mine (id INT)"),
        ("worker", "SELECT * FROM tokens"),
        ("worker", "SELECT * FROM users"),
        ("worker", "DELETE FROM runs"),
        ("worker", "DELETE FROM jobs"),
        ("worker", "UPDATE documents SET document = ''"),
        ("worker", "UPDATE leader SET epoch = 0"),
        ("manager", "DELETE FROM mysql.user"),
        ("manager", "CREATE DATABASE another"),
    ],
)
def test_an_account_has_no_rights_beyond_its_role(cluster, kind, statement):
    connection = pymysql.connect(
        host="127.0.0.1",
        port=cluster.database.nodes[0].port,
        user=f"cronjob_{kind}",
        password=cluster.settings.password(kind),
        database=DATABASE,
        connect_timeout=10,
    )
    try:
        with pytest.raises(pymysql.MySQLError, match="denied"):
            connection.cursor().execute(statement)
    finally:
        connection.close()


def test_roles_refuse_who_does_not_know_the_secret(cluster):
    for role in (*cluster.managers, *cluster.workers):
        for path in ("/jobs", "/changes", "/events", "/runs"):
            for method in ("GET", "POST"):
                answer = PatientClient(role.url, 0).request(method, path, {})
                assert answer.status_code in (400, 401, 403, 404, 405), (role.name, method, path)
