# SPDX-License-Identifier: Apache-2.0
"""Who can write into the database or into ZooKeeper has nothing executed that no manager signed,
and is nobody whom no manager signed."""

import contextlib
import hashlib
import os
import re
import subprocess

import pymysql
import pytest
from harness import Client, binary, wait_until
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
    assert sign(cluster).stdout == "all is signed\n"


def with_token(cluster, secret):
    """Somebody at each API server."""
    clients = [Client(server.url) for server in cluster.apis]
    for client in clients:
        client.session.headers["Authorization"] = f"Bearer {secret}"
    return clients


def wait_status(clients, status, path="/jobs"):
    """Within the five seconds after which nobody is let in by what was revoked."""
    for client in clients:
        wait_until(lambda c=client: c.request("GET", path).status_code == status, 5, status)


def wait_unsigned(cluster, kind, count):
    """API servers have seen so many users or tokens that no manager signed."""
    for server in cluster.apis:
        client = Client(server.url)
        pattern = re.compile(f'^cronjob_unsigned{{kind="{kind}"}} {count}$', re.MULTILINE)

        def seen(client=client, pattern=pattern):
            client.session.headers["Authorization"] = "Bearer dcj_nobody"
            assert client.request("GET", "/jobs").status_code == 401
            return pattern.search(client.request("GET", "/metrics").text)

        wait_until(seen, 10, f"{count} of kind {kind}")


def lines_of(signed):
    return {line.split()[0]: line for line in signed.stdout.splitlines()}


def can_log_in(cluster, user):
    body = {"user": user, "password": "correct horse", "token": True}
    clients = [Client(server.url) for server in cluster.apis]
    return [client.request("POST", "/login", body).status_code for client in clients]


def test_nobody_becomes_a_user_or_a_token_by_the_database(cluster, watch_folder):
    carl = {"name": "carl", "role": "viewer", "password": "correct horse"}
    cluster.api.request("POST", "/users", carl, expect=201)
    secret = "dcj_" + "x" * 43
    evil = {"schedule": "@manual", "executable": f"touch {watch_folder}/evil", "type": "command"}
    with database(cluster) as cursor:
        cursor.execute(
            "INSERT INTO users (name, role, privileged, disabled, accounts, password, created_at,"
            " seal) SELECT 'evil', 3, 1, 0, accounts, password, created_at, seal FROM users"
            " WHERE name = 'carl'"
        )
        cursor.execute(
            "INSERT INTO tokens (id, name, account, admin, hash, created_at, session, scope)"
            " VALUES ('evil0001', 'evil', 'root', 1, %s, 0, 0, 3)",
            (hashlib.sha256(secret.encode()).digest(),),
        )
    wait_unsigned(cluster, "user", 1)
    wait_unsigned(cluster, "token", 1)
    clients = with_token(cluster, secret)
    for client in clients:
        client.request("GET", "/jobs", expect=401)
        client.request("POST", "/jobs", {**evil, "run_as": "root"}, expect=401)
    assert can_log_in(cluster, "evil") == [401, 401]
    assert can_log_in(cluster, "carl") == [200, 200]
    assert "evil" not in {user["name"] for user in cluster.api.get("/users")}
    assert "evil0001" not in {token["id"] for token in cluster.api.get("/tokens")}
    listed = lines_of(sign(cluster))
    assert " none " in listed["token:evil0001"] and "with every right" in listed["token:evil0001"]
    assert " does not fit " in listed["user:evil"] and "every account" in listed["user:evil"]

    signed = sign(cluster, "--all")  # a person who does not look
    assert signed.returncode == 1 and " does not fit " in lines_of(signed)["user:evil"]
    wait_status(clients, 200, "/users")
    assert can_log_in(cluster, "evil") == [401, 401]
    assert sign(cluster, "user:evil").returncode == 0
    wait_unsigned(cluster, "user", 0)
    assert can_log_in(cluster, "evil") == [200, 200]
    cluster.api.request("DELETE", "/tokens/evil0001", expect=204)
    for name in ("evil", "carl"):
        cluster.api.request("DELETE", f"/users/{name}", expect=204)
    assert not (watch_folder / "evil").exists()


def test_a_role_is_not_changed_in_the_database(cluster):
    dora = {"name": "dora", "role": "viewer", "password": "correct horse"}
    cluster.api.request("POST", "/users", dora, expect=201)
    token = {"name": "doras", "account": "dora", "scope": "admin"}
    made = cluster.api.request("POST", "/tokens", token, expect=201).json()
    clients = with_token(cluster, made["token"])
    wait_status(clients, 200)
    for client in clients:
        client.request("GET", "/users", expect=403)
    with database(cluster) as cursor:
        assert cursor.execute("UPDATE users SET role = 3, privileged = 1 WHERE name = 'dora'")
        wait_status(clients, 401)
        for client in clients:
            client.request("GET", "/users", expect=401)
        assert can_log_in(cluster, "dora") == [401, 401]
        patch = cluster.api.request("PATCH", "/users/dora", {"disabled": False})
        assert patch.status_code == 404 and "no manager signed the user dora" in patch.text
        password = {"password": "another horse"}
        cluster.api.request("PUT", "/users/dora/password", password, expect=404)
        assert " does not fit " in lines_of(sign(cluster))["user:dora"]

        assert cursor.execute("UPDATE users SET role = 0, privileged = 0 WHERE name = 'dora'")
        wait_status(clients, 200)
        assert cursor.execute("UPDATE tokens SET admin = 1 WHERE id = %s", (made["id"],))
        wait_status(clients, 401)
        assert cursor.execute("UPDATE tokens SET admin = 0 WHERE id = %s", (made["id"],))
        wait_status(clients, 200)

        assert cursor.execute("UPDATE users SET seal = NULL WHERE name = 'dora'")  # from before
        wait_status(clients, 401)
    signed = sign(cluster, "--all")
    assert signed.returncode == 0 and " made now " in lines_of(signed)["user:dora"]
    wait_status(clients, 200)
    for client in clients:
        client.request("GET", "/users", expect=403)
    cluster.api.request("PATCH", "/users/dora", {"role": "admin"}, expect=200)
    wait_status(clients, 200, "/users")
    assert can_log_in(cluster, "dora") == [200, 200]
    cluster.api.request("DELETE", "/users/dora", expect=204)
    assert sign(cluster).stdout == "all is signed\n"


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
