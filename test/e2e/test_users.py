# SPDX-License-Identifier: Apache-2.0
"""Users, roles, passwords and sessions, by the client and over HTTP."""

import json
import os
import signal
import subprocess

import pytest
import requests
from harness import (
    QUIET,
    TALKING,
    Server,
    binary,
    ends_within,
    listen_to,
    wait_cut_off,
    wait_until,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as others")


@pytest.fixture(scope="module")
def server():
    with Server() as started:
        yield started.start()


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def run(server, home):
    """(exit code, stdout, stderr) of a command of somebody with a home of their own."""

    def call(*arguments, stdin="", **environment):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
        done = subprocess.run(
            [binary(), *map(str, arguments)],
            input=stdin.encode(),
            env={**kept, "CRONJOB_SERVER": server.url, "HOME": str(home), **environment},
            capture_output=True,
            timeout=60,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return call


@pytest.fixture
def ok(run):
    def call(*arguments, **more):
        code, out, err = run(*arguments, **more)
        assert (code, err) == (0, ""), (out, err)
        return out

    return call


def test_a_user_is_made_and_signs_in(ok, run, server, home):
    password = ok("user", "add", "ann", "--role", "operator").strip()
    assert len(password) == 20
    row = [line.split() for line in ok("user", "list").splitlines() if line.startswith("ann ")][0]
    assert row[1:3] == ["operator", "ann"]
    assert password not in ok("user", "list", "--json")
    for path in server.data.rglob("*"):
        if path.is_file():
            assert password.encode() not in path.read_bytes(), path
    said = ok("login", "ann", stdin=password + "\n")
    assert said.startswith("ann is signed in to ") and " as operator until " in said
    [kept] = (home / ".config" / "cronjob" / "sessions").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(ok("status", "--json"))["account"] == "ann"
    code, _, err = run("add", "@daily", "--", "true")
    assert code == 1 and "operator" in err and "editor" in err
    ok("logout")
    assert json.loads(ok("status", "--json"))["account"] != "ann"
    assert run("logout")[0] == 1
    ok("user", "remove", "ann")


def test_wrong_passwords_are_told_alike(ok, run):
    ok("user", "add", "eve", "--password-file", "-", stdin="correct horse\n")
    ok("user", "add", "locked", "--no-password")
    answers = {run("login", name, stdin="guess\n")[2] for name in ("eve", "nobody-here", "locked")}
    assert answers == {"cronjob: the user or the password is wrong\n"}
    wait_until(
        lambda: "too many attempts" in run("login", "eve", stdin="guess\n")[2], what="it gets slow"
    )
    wait_until(lambda: run("login", "eve", stdin="correct horse\n")[0] == 0, what="the wait ends")
    ok("logout")
    for name in ("eve", "locked"):
        ok("user", "remove", name)


def test_a_session_ends_with_its_password(ok, run):
    ok("user", "add", "ann", "--password-file", "-", stdin="correct horse\n")
    ok("login", "ann", stdin="correct horse\n")
    ok("user", "password", "ann", stdin="battery staple\n", CRONJOB_TOKEN="", HOME="/nonexistent")
    code, _, err = run("list")
    assert code == 1 and "cronjob login" in err
    ok("login", "ann", stdin="battery staple\n")
    ok("logout")
    ok("user", "remove", "ann")


def test_rights_are_changed_by_the_client(ok, run):
    ok("user", "add", "ann", "--role", "viewer", "--no-password")
    ok("user", "change", "ann", "--role", "editor", "--account", "nobody", "--account", "daemon")
    user = json.loads(ok("user", "change", "ann", "--privileged", "--disable", "--json"))
    assert user["accounts"] == ["nobody", "daemon"]
    assert user["role"] == "editor" and user["privileged"] and user["disabled"]
    code, _, err = run("user", "change", "ann", "--role", "boss")
    assert code == 1 and "role" in err and "viewer" in err
    code, _, err = run("user", "add", "ann")
    assert code == 1 and "already" in err
    ok("user", "remove", "ann")
    assert run("user", "remove", "ann")[0] == 1


@needs_root
def test_a_users_jobs_run_as_its_accounts(ok, server):
    ok("user", "add", "ann", "--account", "nobody", "--no-password")
    token = ok("token", "create", "t", "--account", "ann").strip()
    ann = {"Authorization": f"Bearer {token}"}
    body = {"executable": "id -un", "schedule": "@manual", "type": "command"}
    job = server.request("POST", "/jobs", body, expect=201, headers=ann).json()
    assert (job["owner"], job["run_as"]) == ("ann", "nobody")
    run = server.request("POST", f"/jobs/{job['id']}/runs", {}, expect=202, headers=ann).json()
    assert server.output(server.wait_run(run)) == b"nobody\n"
    server.request("POST", "/jobs", {**body, "run_as": "root"}, expect=403, headers=ann)
    ok("user", "remove", "ann")
    server.request("GET", "/jobs", expect=401, headers=ann)


@needs_root
def test_a_user_says_what_an_account_of_the_machine_may(ok, server):
    def status(path):
        done = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", server.url + path],
            user="nobody",
            cwd="/",
            capture_output=True,
            timeout=30,
            check=True,
        )
        return int(done.stdout)

    job = server.add("@manual", "true")
    assert status(f"/jobs/{job['id']}") == 404
    ok("user", "add", "nobody", "--role", "viewer", "--no-password")
    assert status(f"/jobs/{job['id']}") == 200
    ok("user", "change", "nobody", "--disable")
    assert status(f"/jobs/{job['id']}") == 401
    ok("user", "remove", "nobody")
    assert status(f"/jobs/{job['id']}") == 404


def test_a_browser_session_changes_nothing_by_itself(ok, server):
    ok("user", "add", "ann", "--role", "admin", "--password-file", "-", stdin="correct horse\n")
    with requests.Session() as browser:
        answer = browser.post(
            server.url + "/login", json={"user": "ann", "password": "correct horse"}, timeout=30
        )
        assert answer.status_code == 200 and "token" not in answer.json()
        assert browser.get(server.url + "/summary", timeout=10).json()["account"] == "ann"
        form = {"Content-Type": "application/json"}
        user = {"name": "x", "role": "viewer", "accounts": []}
        assert browser.post(server.url + "/users", json=user, timeout=10).status_code == 403
        meant = {**form, "X-Cronjob-CSRF": "1"}
        answer = browser.post(server.url + "/users", json=user, headers=meant, timeout=10)
        assert answer.status_code == 201
        answer = browser.post(server.url + "/logout", headers=meant, timeout=10)
        assert answer.status_code == 204 and not browser.cookies
    for name in ("ann", "x"):
        ok("user", "remove", name)


def test_a_password_is_enough_to_listen_for_others(ok, run, tmp_path):
    with Server(arguments=["--allow-plaintext"]) as other:
        other.start()
        environment = {"CRONJOB_SERVER": other.url}
        password = ok("user", "add", "ann", "--role", "admin", **environment).strip()
        other.stop()
        other.listen = f"0.0.0.0:{other.port}"
        other.start()
        assert "admin" in ok("login", "ann", stdin=password + "\n", **environment)


def test_what_was_done_is_told(ok, run, server):
    job = ok("add", "--name", "told", "@daily", "--", "true").strip()
    ok("edit", job, "--schedule", "@hourly")
    rows = [line.split() for line in ok("audit", "--limit", "2").splitlines()]
    assert rows[0][:5] == ["AT", "WHO", "FROM", "ACTION", "SUBJECT"]
    assert [row[3:6] for row in rows[1:]] == [["job.change", job, "done"], ["job.create", job, "done"]]
    record = json.loads(ok("audit", "--action", "job.change", "--limit", "1", "--json"))[0]
    assert record["before"] == {"schedule": "@daily"} and record["after"] == {"schedule": "@hourly"}
    ok("user", "add", "ann", "--role", "operator", "--password-file", "-", stdin="correct horse\n")
    ok("login", "ann", stdin="correct horse\n")
    assert run("audit")[0] == 1
    ok("logout")
    refused = wait_until(lambda: json.loads(ok("audit", "--who", "ann", "--action", "refused", "--json")))
    assert refused[0]["subject"] == "GET /audit" and "operator" in refused[0]["outcome"]
    ok("user", "remove", "ann")
    ok("remove", "--purge", job)


# ---- what was opened before -------------------------------------------------------------------

@pytest.fixture
def runs(server):
    """One that says something all the time, and one that only begins."""
    jobs = [server.add("@manual", command) for command in (TALKING, QUIET)]
    started = [server.run(job) for job in jobs]
    yield started
    for job, run in zip(jobs, started):
        server.request("POST", f"/runs/{run['id']}/kill", expect=202)
        server.wait_run(run)
        server.remove(job, purge=True)


def make_reader(ok, name):
    """A user who may see everything: the secret and the id of a token."""
    ok("user", "add", name, "--role", "viewer", "--no-password")
    made = json.loads(ok("token", "create", "of-" + name, "--account", name, "--json"))
    return made["token"], made["id"]


TAKEN_AWAY = {
    "token": lambda ok, name, token: ok("token", "revoke", token),
    "user-disabled": lambda ok, name, token: ok("user", "change", name, "--disable"),
    "user-removed": lambda ok, name, token: ok("user", "remove", name),
}


@pytest.mark.parametrize("what", TAKEN_AWAY)
def test_who_listens_is_cut_off_when_the_right_to_is_gone(ok, server, runs, what):
    secret, token = make_reader(ok, "ann")
    other, _ = make_reader(ok, "bob")
    streams, others = (listen_to(server, *runs, each) for each in (secret, other))
    TAKEN_AWAY[what](ok, "ann", token)
    wait_cut_off(streams)
    assert b"talking" in streams[0].taken and streams[1].taken == b"quiet\n"
    assert all(stream.goes_on() for stream in others)
    ok("user", "remove", "bob")
    wait_cut_off(others)
    if what != "user-removed":
        ok("user", "remove", "ann")


def test_a_session_that_ends_is_cut_off(ok, server, runs):
    ok("user", "add", "ann", "--role", "viewer", "--password-file", "-", stdin="correct horse\n")
    body = {"user": "ann", "password": "correct horse", "token": True}
    secret = server.request("POST", "/login", body, expect=200).json()["token"]
    streams = listen_to(server, *runs, secret)
    ok("user", "password", "ann", stdin="battery staple\n")
    wait_cut_off(streams)
    ok("user", "remove", "ann")


@pytest.mark.parametrize("arguments", [[], ["--tail", "1"]], ids=["whole", "tail"])
def test_the_client_that_follows_says_that_it_was_cut_off(ok, server, runs, tmp_path, arguments):
    secret, token = make_reader(ok, "ann")
    environment = dict(os.environ, CRONJOB_SERVER=server.url, CRONJOB_TOKEN=secret)
    written = tmp_path / "written"
    with written.open("wb") as output:
        follower = subprocess.Popen(
            [binary(), "output", runs[1]["id"], "-f", *arguments],
            env=environment,
            stdout=output,
            stderr=subprocess.PIPE,
        )
    try:
        wait_until(lambda: written.read_bytes() == b"quiet\n", 20, "it follows")
        ok("token", "revoke", token)
        assert ends_within(follower.pid, 5)
    finally:
        follower.send_signal(signal.SIGKILL)
    said = follower.stderr.read().decode()
    assert follower.wait() == 1 and "token is not valid" in said, said
    assert written.read_bytes() == b"quiet\n"
    ok("user", "remove", "ann")
