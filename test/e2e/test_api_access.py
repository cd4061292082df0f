# SPDX-License-Identifier: Apache-2.0
"""Who may ask for what: the account behind a connection, tokens, foreign pages, strange paths."""

import itertools
import os
import pwd
import subprocess

import pytest
import requests
from harness import Server

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another account")
BEAT = {"executable": "id -un", "schedule": "@manual", "type": "command"}


@pytest.fixture(scope="module")
def account():
    return pwd.getpwnam("nobody")


def curl_as(account, *arguments):
    """Status and body of a request from another account's process."""
    done = subprocess.run(
        ["curl", "-sS", "-m", "20", "-w", "\n%{http_code}", *arguments],
        user=account.pw_uid,
        group=account.pw_gid,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


JSON = ("-H", "Content-Type: application/json")


@needs_root
def test_an_account_sees_and_runs_what_is_its_own(server, account):
    secret = server.add("@manual", "echo secret", name="secret")
    run = server.wait_run(server.run(secret))
    foreign = [
        ("GET", f"/jobs/{secret['id']}"),
        ("GET", "/jobs/secret"),
        ("PATCH", f"/jobs/{secret['id']}"),
        ("PUT", f"/jobs/{secret['id']}"),
        ("DELETE", f"/jobs/{secret['id']}"),
        ("GET", f"/jobs/{secret['id']}/runs"),
        ("POST", f"/jobs/{secret['id']}/runs"),
        ("GET", f"/runs/{run['id']}"),
        ("GET", f"/runs/{run['id']}/output"),
        ("POST", f"/runs/{run['id']}/kill"),
    ]
    for method, path in foreign:
        missing = path.replace(secret["id"], "999999", 1).replace("secret", "nothing")
        body = () if method in ("GET", "DELETE") or "kill" in path else (*JSON, "-d", "{}")
        answers = [
            curl_as(account, "-X", method, *body, server.url + target) for target in (path, missing)
        ]
        assert answers[0][0] == 404, path
        assert answers[0] == answers[1], "foreign and missing look alike"
    status, body = curl_as(account, server.url + "/jobs")
    assert (status, body) == (200, "[]")
    status, _ = curl_as(
        account,
        *JSON,
        "-d",
        '{"executable":"id","schedule":"@manual","type":"command","run_as":"root"}',
        server.url + "/jobs",
    )
    assert status == 403
    status, body = curl_as(
        account, *JSON, "-d", '{"executable":"id -un","schedule":"@manual","type":"command"}',
        server.url + "/jobs",
    )
    assert status == 201
    job = requests.get(server.url + "/jobs?owner=nobody", timeout=10).json()[0]
    assert job["run_as"] == "nobody"
    assert server.output(server.wait_run(server.run(job))) == b"nobody\n"


@needs_root
def test_a_daemon_that_is_not_root_runs_as_itself(account):
    with Server(user=account.pw_uid) as server:
        server.start()
        job = server.add("@manual", "id -un")
        assert job["run_as"] == "nobody"
        assert server.output(server.wait_run(server.run(job))) == b"nobody\n"
        answer = server.request("POST", "/jobs", dict(BEAT, run_as="root"), expect=422).json()
        assert answer["errors"][0]["field"] == "run_as"
        assert "not root" in answer["errors"][0]["message"]


def test_tokens_are_shown_once_and_expire(server):
    made = server.request("POST", "/tokens", {"name": "ci", "admin": True}, expect=201).json()
    secret = made["token"]
    assert secret.startswith("dcj_") and len(secret) == 47
    header = {"Authorization": f"Bearer {secret}"}
    assert server.get("/summary", headers=header)["admin"] is True
    assert secret not in server.request("GET", "/tokens", expect=200).text
    assert secret not in server.log.read_text()
    for path in server.data.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
    server.request("DELETE", f"/tokens/{made['id']}", expect=204)
    answer = server.request("GET", "/jobs", expect=401, headers=header)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_foreign_pages_are_refused(server, headers):
    server.request("GET", "/jobs", expect=403, headers=headers)
    answer = server.request("POST", "/jobs", BEAT, expect=403, headers=headers)
    assert "Access-Control-Allow-Origin" not in answer.headers


def spellings(path):
    """Other ways to write a path, none of which may reach what it stands for."""
    yield path + "/"
    yield "/" + path
    yield "/." + path
    yield "/x/.." + path
    yield path + ";x=1"
    yield path + "%00"
    for i, letter in enumerate(path):
        if letter.isalpha():
            yield path[:i] + letter.upper() + path[i + 1 :]
            yield path[:i] + f"%{ord(letter):02x}" + path[i + 1 :]
        elif letter == "/" and i:
            yield path[:i] + "%2f" + path[i + 1 :]
            yield path[:i] + "//" + path[i + 1 :]


def test_there_is_one_spelling_of_each_path(server):
    paths = ["/jobs", "/runs", "/tokens", "/workers", "/summary", "/events", "/jobs/1/runs"]
    with requests.Session() as session:
        for path in itertools.chain.from_iterable(map(spellings, paths)):
            request = session.prepare_request(requests.Request("GET", server.url))
            request.url = server.url + path
            status = session.send(request, timeout=10).status_code
            assert status in (400, 401, 404), (path, status)
