# SPDX-License-Identifier: Apache-2.0
"""Stores of older programs, as these left them: today's opens them and nothing is lost. One of a
newer program is left alone."""

import os
import pwd
import re
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from harness import Server, binary

STORES = sorted((Path(__file__).parent / "stores").glob("version-*.sql"))
MADE_AT = re.compile(r"\b17955\d{11}\b")  # microseconds
TOKEN = "dcj_UP12Vr0wGOIrcXFsCl33UaXk_OwQdmqqXUHemjLqH1U"


def account():
    return pwd.getpwuid(os.geteuid()).pw_name


def version_of(dump):
    return int(dump.stem.rpartition("-")[2])


def load(dump, path):
    """The store, as if it had been left a minute ago; answers by how much its instants moved."""
    text = dump.read_text()
    newest = max(map(int, MADE_AT.findall(text)))
    moved = int((time.time() - 60) * 1e6) - newest
    text = MADE_AT.sub(lambda at: str(int(at.group()) + moved), text).replace("root", account())
    path.touch(0o600)
    with sqlite3.connect(path) as store:
        store.executescript(text)
    store.close()


def ask(path, statement):
    store = sqlite3.connect(path)
    try:
        with store:
            return store.execute(statement).fetchall()
    finally:
        store.close()


def migrate(source, target):
    command = [binary(), "migrate", "--from", f"sqlite:{source}", "--to", f"sqlite:{target}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(params=STORES, ids=lambda dump: dump.stem)
def dump(request):
    return request.param


@pytest.fixture
def server():
    with Server(arguments=["--name", "node"]) as made:
        yield made


@pytest.fixture
def store(server):
    return server.data / "cronjob.db"


def expect_all(server):
    """What was in each of the dumps."""
    jobs = {job["name"]: job for job in server.get("/jobs")}
    assert {name: job["id"] for name, job in jobs.items()} == {
        "nightly": "1", "failing": "2", "gone": "3",
    }  # fmt: skip
    assert {name: job["status"] for name, job in jobs.items()} == {
        "nightly": "scheduled", "failing": "error", "gone": "finished",
    }  # fmt: skip
    nightly = jobs["nightly"]
    assert (nightly["schedule"], nightly["time_zone"]) == ("45 2 * * *", "Europe/Berlin")
    assert (nightly["labels"], nightly["env"]) == ({"team": "a"}, {"X": "'\"\\ä"})
    assert (nightly["owner"], nightly["run_as"], nightly["revision"]) == (account(), account(), 2)
    runs = server.runs(nightly)
    assert [run["status"] for run in runs[:3]] == ["succeeded"] * 3
    assert [server.output(run) for run in runs[:3]] == ["kept\n'\"\\ä\n".encode()] * 3
    [failed] = server.runs(jobs["failing"])
    assert (failed["status"], failed["exit_code"], failed["worker"]) == ("failed", 3, "node")
    assert server.output(failed) == b"failed\n"
    ann = server.get("/summary", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (ann["account"], ann["admin"]) == ("ann", False)
    assert {token["name"] for token in server.get("/tokens")} == {"ci", "all"}
    assert [user["role"] for user in server.get("/users") if user["name"] == "ann"] == ["operator"]
    return nightly, runs


def use(server, job, runs):
    """It is worked with: what the job was then, what it is now, new ones."""
    for body in ({"exact": runs[0]["id"]}, {}):
        run = server.wait_run(server.run(job, body))
        assert (run["status"], server.output(run)) == ("succeeded", server.output(runs[0]))
    assert server.add("@daily", "true")["id"] == "4"
    assert server.get("/audit?limit=1")[0]["action"] == "job.create"


def test_an_older_store_is_opened_with_all_it_has(server, store, dump):
    load(dump, store)
    server.start()
    job, runs = expect_all(server)
    server.stop()
    server.start()
    assert expect_all(server) == (server.get(f"/jobs/{job['id']}"), runs)
    use(server, job, runs)


def test_the_version_before_this_one_is_among_them(server, store):
    server.start().stop()
    [(newest,)] = ask(store, "SELECT max(version) FROM schema")
    assert max(map(version_of, STORES)) == newest - 1, "keep a dump of what is released"


def test_an_older_store_is_copied_with_all_it_has(server, store, dump, tmp_path):
    load(dump, tmp_path / "old.db")
    done = migrate(tmp_path / "old.db", store)
    assert done.returncode == 0, done.stderr
    server.start()
    use(server, *expect_all(server))


def test_a_newer_store_is_left_alone(server, store, tmp_path):
    server.start()
    job = server.add("@daily", "true", name="from-the-future")
    server.stop()
    [(newest,)] = ask(store, "SELECT max(version) FROM schema")
    ask(store, f"INSERT INTO schema VALUES ({newest + 1}, 0)")
    before = store.read_bytes()
    said = f"tables of version {newest + 1}, this program knows {newest}: use a newer program"
    server.spawn()
    assert server.process.wait(20) == 1
    assert said in server.log.read_text()
    for source, target in ((store, tmp_path / "copy.db"), (tmp_path / "other.db", store)):
        (tmp_path / "other.db").touch(0o600)
        done = migrate(source, target)
        assert done.returncode == 1 and said in done.stderr, done.stderr
    assert store.read_bytes() == before
    ask(store, f"DELETE FROM schema WHERE version = {newest + 1}")
    assert server.start().get(f"/jobs/{job['id']}")["name"] == "from-the-future"
