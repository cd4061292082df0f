# SPDX-License-Identifier: Apache-2.0
"""Who can write into the database or into ZooKeeper has nothing executed that no manager signed."""

import contextlib
import os
import subprocess

import pymysql
import pytest
from harness import binary, wait_until
from servers.mariadb import DATABASE
from servers.zookeeper import JARS, JAVA

pytestmark = pytest.mark.cluster


@contextlib.contextmanager
def database(cluster):
    """As somebody who has taken over the manager's account."""
    connection = pymysql.connect(
        host="127.0.0.1",
        port=cluster.database.nodes[0].port,
        user="cronjob_manager",
        password=cluster.settings.password("manager"),
        database=DATABASE,
        connect_timeout=10,
        autocommit=True,
    )
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def forge(cluster, job, what, by):
    with database(cluster) as cursor:
        changed = cursor.execute(
            "UPDATE documents SET document = replace(document, %s, %s) WHERE job = %s",
            (what, by, job["id"]),
        )
    assert changed == 1


def refused(cluster, job, reason):
    run = cluster.api.wait_run(cluster.api.run(job))
    assert (run["status"], run["reason"]) == ("failed", reason)
    assert cluster.api.output(run) == b""


def create_node(cluster, path):
    """In ZooKeeper, by its own client."""
    jars = f"{JARS}:/usr/share/java/commons-cli.jar"
    server = cluster.zookeeper.nodes[0].address
    command = [*JAVA, "-cp", jars, "org.apache.zookeeper.ZooKeeperMain", "-server", server]
    done = subprocess.run(
        [*command, "create", path], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Created" in done.stdout + done.stderr, done.stderr


def sign(cluster, *arguments):
    manager = cluster.managers[0]
    return subprocess.run(
        [binary(), "sign", *arguments],
        env={**os.environ, **cluster.environment(manager)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_forged_document_is_refused_and_cannot_be_made_good_by_a_change(cluster):
    job = cluster.api.add("@manual", "echo well")
    run = cluster.api.wait_run(cluster.api.run(job))
    assert (run["status"], cluster.api.output(run)) == ("succeeded", b"well\n")
    forge(cluster, job, "echo well", "echo evil")
    assert cluster.api.get(f"/jobs/{job['id']}")["executable"] == "echo evil"
    refused(cluster, job, "the job has a signature that does not fit")
    answer = cluster.api.request("PATCH", f"/jobs/{job['id']}", {"timeout": 9})
    assert answer.status_code == 409 and "no manager signed" in answer.json()["detail"]
    forge(cluster, job, "echo evil", "echo well")
    assert cluster.api.wait_run(cluster.api.run(job))["status"] == "succeeded"
    cluster.api.change(job, timeout=9)
    assert cluster.api.wait_run(cluster.api.run(job))["status"] == "succeeded"


def test_a_forged_tick_is_refused_as_well(cluster):
    job = cluster.api.add("* * * * * *", "echo well")
    cluster.api.wait_runs(job, 1, status="succeeded")
    forge(cluster, job, "echo well", "echo evil")
    failed = cluster.api.wait_runs(job, 2, status="failed")
    assert {run["reason"] for run in failed} == {"the job has a signature that does not fit"}
    cluster.api.remove(job)


def test_what_is_given_with_a_run_is_signed(cluster):
    job = cluster.api.add("@manual", 'echo "$1"')
    run = cluster.api.wait_run(cluster.api.run(job, {"env": {"A": "b"}, "args": ["given"]}))
    assert run["status"] == "succeeded"
    again = cluster.api.wait_run(cluster.api.run(job, {"exact": run["id"]}))
    assert again["status"] == "succeeded"
    with database(cluster) as cursor:
        assert cursor.execute(
            "UPDATE runs SET request = replace(request, 'given', 'taken') WHERE job = %s",
            (job["id"],),
        )
    answer = cluster.api.request("POST", f"/jobs/{job['id']}/runs", {"exact": run["id"]})
    assert answer.status_code == 422 and "no manager signed" in answer.text


def test_a_forged_job_with_a_forged_task_executes_nothing(cluster, watch_folder):
    """Rows of a job that nobody made, and the node in ZooKeeper that has a worker load it."""
    model = cluster.api.add("@manual", f"touch {watch_folder}/evil")
    worker = cluster.workers[0].name
    with database(cluster) as cursor:
        cursor.execute("SHOW COLUMNS FROM jobs")
        columns = [row[0] for row in cursor.fetchall() if row[0] not in ("id", "worker", "name")]
        names = ", ".join(f"`{column}`" for column in columns if column != "unique_name")
        cursor.execute(
            f"INSERT INTO jobs (worker, name, {names}) SELECT %s, '', {names} FROM jobs"
            " WHERE id = %s",
            (worker, model["id"]),
        )
        forged = cursor.lastrowid
        cursor.execute(
            "INSERT INTO documents (job, document, search)"
            " SELECT %s, document, search FROM documents WHERE job = %s",
            (forged, model["id"]),
        )
        cursor.execute("SELECT unix_timestamp() * 1000000")
        tick = int(cursor.fetchone()[0]) + 77
        cursor.execute("SHOW COLUMNS FROM runs")
        given = {"scheduled_at": tick, "job": forged, "attempt": 1, "target": 0, "trigger": 1,
                 "status": 0, "exit_code": -1, "signal": 0, "output_bytes": 0,
                 "output_truncated": 0, "cpu": 0, "max_rss": 0, "revision": 0, "worker": worker,
                 "reason": "", "request": "", "count": 1, "until": tick}
        cursor.execute(
            f"INSERT INTO runs ({', '.join(f'`{name}`' for name in given)})"
            f" VALUES ({', '.join(['%s'] * len(given))})",
            list(given.values()),
        )
    run = f"{forged}-{tick // 1000000}.{tick % 1000000:06}-1"
    create_node(cluster, f"/cronjob/tasks/{worker}/runs/run-{run}")
    found = cluster.api.wait_run({"id": run})
    assert found["status"] == "failed"
    assert found["reason"] == "the job has a signature that does not fit"
    assert not (watch_folder / "evil").exists()
    cluster.api.remove({"id": str(forged)})
    cluster.api.remove(model)


def test_an_administrator_signs_what_is_from_before(cluster):
    job = cluster.api.add("@manual", "echo well")
    other = cluster.api.add("@manual", "echo other")
    forge(cluster, other, "echo other", "echo evil")
    with database(cluster) as cursor:
        cursor.execute(
            "UPDATE documents SET document = substring_index(document, '\n', 1) WHERE job = %s",
            (job["id"],),
        )
    refused(cluster, job, "the job was not signed by a manager")
    listed = sign(cluster)
    assert listed.returncode == 1
    lines = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert " none " in lines[job["id"]] and "echo well" in lines[job["id"]]
    assert " does not fit " in lines[other["id"]] and "echo evil" in lines[other["id"]]
    signed = sign(cluster, "--all")
    assert signed.returncode == 1, signed.stderr  # the other one is left
    lines = {line.split()[0]: line for line in signed.stdout.splitlines()}
    assert " made now " in lines[job["id"]] and " does not fit " in lines[other["id"]]
    run = cluster.api.wait_run(cluster.api.run(job))
    assert (run["status"], cluster.api.output(run)) == ("succeeded", b"well\n")
    refused(cluster, other, "the job has a signature that does not fit")
    assert sign(cluster, other["id"]).returncode == 0
    assert cluster.api.wait_run(cluster.api.run(other))["status"] == "succeeded"
    assert sign(cluster).stdout == "every job is signed\n"


def test_a_worker_that_is_told_so_executes_what_is_from_before(cluster):
    worker = cluster.workers[1]
    job = cluster.api.add("@manual", "echo old", placement={"labels": {"name": worker.name}})
    with database(cluster) as cursor:
        cursor.execute(
            "UPDATE documents SET document = substring_index(document, '\n', 1) WHERE job = %s",
            (job["id"],),
        )
    refused(cluster, job, "the job was not signed by a manager")
    worker.arguments.append("--unsigned-jobs")
    try:
        worker.stop()
        cluster.heal()
        run = cluster.api.wait_run(cluster.api.run(job))
        assert run["status"] == "succeeded"
    finally:
        worker.arguments.remove("--unsigned-jobs")
        worker.stop()
        cluster.heal()
    cluster.api.remove(job)
    wait_until(cluster.is_whole, 20, "it is as before")
