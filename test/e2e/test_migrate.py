# SPDX-License-Identifier: Apache-2.0
"""`cronjob migrate`: a server moves from its file to MariaDB, and no tick is lost on the way."""

import base64
import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from checker import Watched, check, read_truth, witness
from harness import FINAL, Server, binary, instant, wait_until
from servers.mariadb import MariaDB
from servers.process import temporary_folder
from servers.s3 import BUCKET, KEY, Swift

ACCOUNT = ("cronjob", "for-tests")


@pytest.fixture(scope="module")
def database():
    with temporary_folder() as directory:
        server = MariaDB(Path(directory)).start()
        try:
            server.add_account(*ACCOUNT)
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def s3():
    with temporary_folder() as directory:
        server = Swift(directory / "s3")
        try:
            yield server.start()
        finally:
            server.kill()


def migrate(source, target, *more, code=0, environment=None):
    command = [binary(), "migrate", "--from", source, "--to", target, *more]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == code, done.stderr
    assert ACCOUNT[1] not in done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_no_tick_is_lost_between_two_stores(database, tmp_path):
    url = database.url(*ACCOUNT, database="cronjob_moved")
    database.query("CREATE DATABASE cronjob_moved", None)
    with Server(arguments=["--name", "node"]) as server:
        server.start()
        jobs = [
            server.add("* * * * * *", witness(tmp_path / "truth"), name="quick"),
            server.add("* * * * * *", witness(tmp_path / "truth", "sleep 3"), name="long"),
            server.add("*/2 * * * * *", witness(tmp_path / "truth"), catch_up="all", name="all"),
        ]
        server.wait_runs(jobs[0], 3, status="succeeded")
        server.kill()  # its guardian and what it runs go on
        told = migrate(f"sqlite:{server.data}/cronjob.db", url)
        assert "jobs                  3 rows, 3 of them new" in told
        server.arguments += ["--store", url]
        server.start()
        moved = time.time()

        def ticks():
            return [instant(run["scheduled_at"]) for run in server.runs(jobs[0])]

        wait_until(lambda: max(ticks()) > moved + 2, 20, "new ticks")
        for job in jobs:
            server.change(job, enabled=False)
        until = time.time() - 2
        wait_until(lambda: all(run["status"] in FINAL for run in server.runs()), 30, "all ends")
        watched = [Watched(job, instant(job["created_at"]), until) for job in jobs]
        contradictions = check(watched, server.runs(), read_truth(tmp_path / "truth"))
        assert not contradictions, "\n".join(contradictions)
        assert server.add("@daily", "true")["id"] not in {job["id"] for job in jobs}


def people(path):
    """The rows of users and tokens, with their seals."""
    with contextlib.closing(sqlite3.connect(path)) as tables:
        return [
            tables.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()
            for name in ("users", "tokens")
        ]


def test_a_copy_equals_its_source(database):
    url = database.url(*ACCOUNT, database="cronjob_copied")
    database.query("CREATE DATABASE cronjob_copied", None)
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        server.start()
        strange = "printf '%s' \"ä\\n'\\\"\"; exit 3"
        job = server.add("@manual", strange, name="odd", labels={"a": "b"}, env={"X": "'\"\\"})
        server.wait_run(server.run(job))
        for name in ("anne", "bob"):
            server.request("POST", "/users", {"name": name, "role": "viewer"}, expect=201)
        server.request("POST", "/tokens", {"name": "ci", "account": "bob"}, expect=201)
        before = (server.get(f"/jobs/{job['id']}"), server.runs())
        server.stop()
        source, copy = f"sqlite:{server.data}/cronjob.db", f"sqlite:{folder}/copy.db"
        with contextlib.closing(sqlite3.connect(f"{server.data}/cronjob.db")) as tables:
            tables.execute("UPDATE users SET seal = 'of anne' WHERE name = 'anne'")
            tables.execute("UPDATE tokens SET seal = 'of a token'")
            tables.commit()
        migrate(source, url)
        assert "it has jobs already" in migrate(source, url, code=1)
        assert "1 rows, 0 of them new" in migrate(source, url, "--resume")
        migrate(url, copy)
        copied = people(f"{folder}/copy.db")
        assert copied == people(f"{server.data}/cronjob.db")
        assert [row[-1] for rows in copied for row in rows] == ["of anne", "", "of a token"]
        server.arguments += ["--store", copy]
        server.start()
        assert (server.get(f"/jobs/{job['id']}"), server.runs()) == before


def add_script(server, text, **fields):
    script = base64.b64encode(f"#!/bin/sh\n{text}\n".encode()).decode()
    return server.add("@manual", script, type="script", **fields)


def test_files_move_from_a_directory_into_a_bucket_and_back(s3, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.write_text(f"key = {KEY}\nsecret = {s3.secret}\n")
    credentials.chmod(0o600)
    with Server() as server:
        server.start()
        jobs = [add_script(server, f"echo {i}") for i in range(3)]
        server.stop()
        stores = [f"sqlite:{server.data}/cronjob.db", *(f"sqlite:{tmp_path}/{i}" for i in range(3))]
        before = ["--from-objects", f"file:{server.data}/objects"]
        into = ["--to-objects", s3.url(), "--to-objects-credentials", credentials]
        assert "3 files, 3 of them new" in migrate(stores[0], stores[1], *before, *into)
        assert "3 files, 0 of them new" in migrate(stores[0], stores[1], *before, *into, "--resume")

        def run_all(store, *more):
            shutil.rmtree(server.data / "cache", ignore_errors=True)
            server.arguments = ["--store", store, *more]
            server.start()
            outputs = [server.output(server.wait_run(server.run(job))) for job in jobs]
            assert outputs == [b"0\n", b"1\n", b"2\n"]

        run_all(stores[1], "--objects", s3.url(), "--objects-credentials", credentials)
        added = add_script(server, "echo 3")
        assert added["executable"].startswith(f"s3://{BUCKET}/")
        server.stop()
        back = ["--from-objects", s3.url(), "--to-objects", f"file:{tmp_path}/objects"]
        said = migrate(stores[1], stores[2], *back, environment=s3.credentials())
        assert "4 files, 4 of them new" in said
        run_all(stores[2], "--objects", f"file:{tmp_path}/objects")


def test_files_that_stay_are_spoken_of(tmp_path):
    with Server() as server:
        server.start()
        job = add_script(server, "echo here")
        server.stop()
        store = f"sqlite:{tmp_path}/copy.db"
        assert "objects: not copied" in migrate(f"sqlite:{server.data}/cronjob.db", store)
        server.arguments = ["--store", store]
        server.start()
        assert server.output(server.wait_run(server.run(job))) == b"here\n"


def test_files_that_cannot_be_copied_are_named(tmp_path):
    with Server() as server:
        server.start()
        job = add_script(server, "echo good")
        source, target = f"sqlite:{server.data}/cronjob.db", f"sqlite:{tmp_path}/copy.db"
        objects = server.data / "objects"
        server.stop()

        def refusal(*words, code=1):
            return migrate(source, target, *words, code=code)

        to = ["--to-objects", f"file:{tmp_path}/objects"]
        assert "go together" in refusal(*to, code=2)
        assert "--to-objects: ftp" in refusal("--to-objects", "ftp://x", code=2)
        said = refusal("--from-objects", f"file:{tmp_path}/none", *to)
        assert f"--from-objects: {tmp_path}/none: No such file" in said
        assert not (tmp_path / "none").exists()
        said = refusal("--from-objects", f"file:{objects}", "--to-objects", "s3://bucket")
        assert "--to-objects" in said and "objects-credentials" in said
        (objects / "executables" / job["sha256"]).write_text("#!/bin/sh\necho evil\n")
        said = refusal("--from-objects", f"file:{objects}", *to)
        assert f"executables/{job['sha256']}: its bytes are damaged" in said
        with Server(arguments=["--store", target]) as copy:
            assert copy.start().get("/jobs") == []


def test_mistakes_are_named(database):
    with Server() as server:
        server.start()
        source = f"sqlite:{server.data}/cronjob.db"
        assert "another cronjob process" in migrate(source, "sqlite:/dev/null/x", code=1)
        server.stop()
        assert "--to" in migrate(source, "sqlite:/nowhere/x.db", code=1)
        wrong = database.url("nobody", ACCOUNT[1])
        assert "refuses the account 'nobody'" in migrate(source, wrong, code=1)
        assert "--to: " in migrate(source, "mysql://x", code=2)
