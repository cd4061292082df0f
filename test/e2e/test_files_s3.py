# SPDX-License-Identifier: Apache-2.0
"""Scripts out of a real S3 server that is badly reached, refuses, or is not there: a run waits, is
missed or fails and says why, and never executes half a file."""

import base64
import os
import shutil
import signal
import subprocess

import pytest
from harness import Server, binary, wait_until
from servers.process import temporary_folder
from servers.proxy import TO_CLIENT, Proxy
from servers.s3 import Swift
from shifted import Clock, build_library

pytestmark = pytest.mark.s3

MIB = 1 << 20
LAST = "\necho whole\n"


@pytest.fixture(scope="module")
def swift():
    with temporary_folder() as directory:
        started = Swift(directory / "s3")
        try:
            yield started.start()
        finally:
            started.kill()


@pytest.fixture
def link(swift):
    swift.start()
    with Proxy() as proxy:
        yield proxy.link("s3", swift.address)


@pytest.fixture
def server(swift, link):
    with served(swift, link) as made:
        yield made.start()


def served(swift, link, **more):
    """A server whose objects are behind the link."""
    environment = dict(swift.credentials(), **more)
    return Server(arguments=["--objects", swift.url(address=link.address)], environment=environment)


def script(size=0):
    """One that says at its end that it is whole."""
    return "#!/bin/sh\n#" + base64.b64encode(os.urandom(size * 3 // 4)).decode() + LAST


def add(server, text, **fields):
    content = base64.b64encode(text.encode()).decode()
    return server.add("@manual", content, type="script", **fields)


def restart_without_copies(server, meanwhile=lambda: None):
    """So that the next run needs the object store."""
    server.stop()
    shutil.rmtree(server.data / "cache")
    meanwhile()
    server.start()


def log_says(server, text, limit=40):
    wait_until(lambda: text in server.log.read_text(), limit, f"the log has: {text}")


def expect_whole(server, run, limit=60):
    run = server.wait_run(run, limit)
    assert (run["status"], server.output(run)) == ("succeeded", b"whole\n"), run


def waits(server, run):
    return server.get(f"/runs/{run['id']}")["status"] == "queued"


def reasons(server, job, run):
    """Why it waits, by all that tell."""
    found = [
        server.get(f"/runs/{run['id']}"),
        *(one for one in server.get(f"/jobs/{job['id']}/runs") if one["id"] == run["id"]),
        server.get(f"/jobs/{job['id']}")["last_run"],
    ]
    assert {one["status"] for one in found} == {"queued"}
    return {one["reason"] for one in found}


def says_by_client(server, *arguments):
    told = dict(os.environ, CRONJOB_SERVER=server.url)
    return subprocess.run(
        [binary(), *arguments], env=told, capture_output=True, check=True, timeout=30, text=True
    ).stdout


def copies(server):
    """What could be executed: a download that goes on, or is tried again, is none of it."""
    files = [path for path in server.data.glob("cache/**/*") if path.is_file()]
    return [path for path in files if path.parent.name != "unfinished"]


# ---- the way there ----------------------------------------------------------------------------


def test_a_truncated_download_goes_on_where_it_ended(server, link):
    job = add(server, script(3 * MIB))
    restart_without_copies(server, lambda: link.break_after(MIB, [TO_CLIENT]))
    expect_whole(server, server.run(job))


def test_a_download_that_always_ends_early_executes_nothing(server, link):
    job = add(server, script(MIB))
    restart_without_copies(server, lambda: link.break_after(20_000, [TO_CLIENT]))
    run = server.run(job)
    log_says(server, "file was not downloaded")
    assert waits(server, run)
    assert copies(server) == []
    link.mend()
    expect_whole(server, run)


def test_a_corrupted_download_is_thrown_away(server, link):
    job = add(server, script(MIB))
    restart_without_copies(server, lambda: link.damage_every(100_000, [TO_CLIENT]))
    run = server.wait_run(server.run(job), 60)
    assert (run["status"], run["started_at"]) == ("failed", None)
    assert f"the object store has other bytes for {job['sha256']}" in run["reason"]
    assert copies(server) == []
    link.mend()
    expect_whole(server, server.run(job))


def test_a_slow_object_store_delays_nothing_else(server, link):
    job = add(server, script(MIB))
    other = server.add("@manual", "echo command")
    restart_without_copies(server, lambda: link.open([TO_CLIENT], delay=0.3))
    slow = server.run(job)
    assert server.output(server.wait_run(server.run(other))) == b"command\n"
    wait_until(lambda: reasons(server, job, slow) == {"its file is being fetched"}, 10, "it is told")
    expect_whole(server, slow)


def all_say_that_it_cannot(server, job, run):
    """In the same words. Before, they may say that the file is being fetched."""
    told = reasons(server, job, run)
    return told if len(told) == 1 and "cannot be fetched: " in str(told) else None


def test_an_object_store_that_is_down_is_waited_for(server, swift, link):
    job = add(server, script())
    restart_without_copies(server, swift.kill)
    run = server.run(job)
    [reason] = wait_until(lambda: all_say_that_it_cannot(server, job, run), 30, "all tell why")
    assert "does not answer" in reason
    assert reason in says_by_client(server, "runs", job["id"])
    assert reason in says_by_client(server, "show", job["id"])
    swift.start()
    expect_whole(server, run)
    assert server.get(f"/runs/{run['id']}")["reason"] is None


def test_a_run_is_missed_when_the_object_store_stays_away(server, link):
    job = add(server, script(), catch_up="none")
    restart_without_copies(server, link.refuse)
    run = server.wait_run(server.run(job), 90)
    assert (run["status"], run["started_at"]) == ("missed", None)
    assert "its file was not there in time: " in run["reason"]
    assert "does not answer" in run["reason"]


def test_a_worker_that_is_killed_in_a_download_begins_again(server, link):
    job = add(server, script(20 * MIB))
    restart_without_copies(server, lambda: link.open([TO_CLIENT], delay=0.05))
    run = server.run(job)
    unfinished = server.data / "cache" / "unfinished" / job["sha256"]
    wait_until(lambda: unfinished.exists() and unfinished.stat().st_size > MIB, 30, "half a file")
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    assert unfinished.exists() and copies(server) == []
    link.mend()
    server.start()
    expect_whole(server, run)
    assert [path.name for path in copies(server)] == [job["sha256"]]
    assert not unfinished.exists()


# ---- what the object store refuses ------------------------------------------------------------


def test_a_wrong_secret_is_told(swift, link):
    with served(swift, link) as server:
        job = add(server.start(), script())
        server.environment["CRONJOB_OBJECTS_SECRET"] = "of-somebody-else"
        restart_without_copies(server)
        run = server.run(job)
        log_says(server, "refuses the key or its secret")
        assert "of-somebody-else" not in server.log.read_text()
        assert waits(server, run)
        body = {"schedule": "@manual", "type": "script", "executable": "IyEvYmluL3NoCg=="}
        answer = server.request("POST", "/jobs", body)
        assert answer.status_code >= 500, answer.text
        server.environment.update(swift.credentials())
        server.stop()
        server.start()
        expect_whole(server, run)


def test_a_clock_that_s3_refuses_is_told(swift, link, tmp_path):
    clock = Clock(tmp_path / "clock", build_library(tmp_path))
    with served(swift, link, **clock.environment) as server:
        job = add(server.start(), script(), catch_up_window="3h")
        restart_without_copies(server, lambda: clock.step(-3600))
        run = server.run(job)
        log_says(server, "whose clock is")
        assert waits(server, run)
        clock.step(3600)
        expect_whole(server, run)
