# SPDX-License-Identifier: Apache-2.0
"""`cronjob migrate`: a server moves from its file to MariaDB, and no tick is lost on the way."""

import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from checker import Watched, check, read_truth, witness
from harness import FINAL, Server, binary, instant, wait_until
from servers.mariadb import MariaDB
from servers.process import temporary_folder

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


def migrate(source, target, *more, code=0):
    command = [binary(), "migrate", "--from", source, "--to", target, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
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


def test_a_copy_equals_its_source(database):
    url = database.url(*ACCOUNT, database="cronjob_copied")
    database.query("CREATE DATABASE cronjob_copied", None)
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        server.start()
        strange = "printf '%s' \"ä\\n'\\\"\"; exit 3"
        job = server.add("@manual", strange, name="odd", labels={"a": "b"}, env={"X": "'\"\\"})
        server.wait_run(server.run(job))
        before = (server.get(f"/jobs/{job['id']}"), server.runs())
        server.stop()
        source, copy = f"sqlite:{server.data}/cronjob.db", f"sqlite:{folder}/copy.db"
        migrate(source, url)
        assert "it has jobs already" in migrate(source, url, code=1)
        assert "1 rows, 0 of them new" in migrate(source, url, "--resume")
        migrate(url, copy)
        server.arguments += ["--store", copy]
        server.start()
        assert (server.get(f"/jobs/{job['id']}"), server.runs()) == before


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
