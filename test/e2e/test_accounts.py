# SPDX-License-Identifier: Apache-2.0
"""Who may do what: accounts of the machine, tokens, and what a browser could be led to send."""

import json
import os
import pwd
import subprocess

import pytest
from harness import Server, binary, free_port, wait_until
from servers.certificate import Certificate
from servers.process import temporary_folder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several accounts")
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server():
    with Server() as started:
        yield started.start()


class Person:
    """Somebody at the machine, who asks with curl."""

    def __init__(self, server, name):
        self.server = server
        self.name = name

    def ask(self, method, path, body=None, *options):
        command = ["curl", "-sS", "-m", "20", "-X", method, "-w", "\n%{http_code}", *options]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        entry = pwd.getpwnam(self.name)
        done = subprocess.run(
            [*command, self.server.url + path],
            user=entry.pw_uid,
            group=entry.pw_gid,
            extra_groups=[],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=True,
        )
        text, _, status = done.stdout.rpartition(b"\n")
        return int(status), text.decode()

    def add(self, schedule, executable, **fields):
        body = {"schedule": schedule, "executable": executable, "type": "command"}
        status, text = self.ask("POST", "/jobs", {**body, "working_directory": "/", **fields})
        assert status == 201, text
        return json.loads(text)


@pytest.fixture
def alice(server):
    return Person(server, "nobody")


@pytest.fixture
def bob(server):
    return Person(server, "daemon")


# ---- accounts of the machine ------------------------------------------------------------------


@needs_root
def test_jobs_run_as_who_made_them(server, alice):
    job = alice.add("@manual", "id -un; id -gn; id -Gn; echo $HOME $USER; cat /proc/self/status")
    assert job["owner"] == job["run_as"] == "nobody"
    status, text = alice.ask("POST", f"/jobs/{job['id']}/runs")
    assert status == 202, text
    run = server.wait_run(json.loads(text))
    assert run["status"] == "succeeded"
    status, output = alice.ask("GET", f"/runs/{run['id']}/output")
    lines = output.splitlines()
    assert lines[:3] == ["nobody", "nogroup", "nogroup"]
    assert lines[3] == f"{pwd.getpwnam('nobody').pw_dir} nobody"
    facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert set(facts["Uid"].split()) == {"65534"} and set(facts["Gid"].split()) == {"65534"}
    assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0


@needs_root
def test_what_is_anothers_looks_like_what_is_not_there(server, alice, bob):
    job = alice.add("@manual", "echo secret", name="of-alice")
    _, text = alice.ask("POST", f"/jobs/{job['id']}/runs")
    run = server.wait_run(json.loads(text))
    patch = ("-H", "Content-Type: application/merge-patch+json")
    calls = [
        ("GET", "/jobs/{job}", None),
        ("PUT", "/jobs/{job}", {"executable": "x", "schedule": "@manual", "type": "command"}),
        ("DELETE", "/jobs/{job}", None),
        ("DELETE", "/jobs/{job}?purge=true", None),
        ("POST", "/jobs/{job}/runs", None),
        ("GET", "/jobs/{job}/runs", None),
        ("GET", "/runs/{run}", None),
        ("GET", "/runs/{run}/output", None),
        ("POST", "/runs/{run}/kill", None),
    ]
    missing_run = run["id"].replace(f"{job['id']}-", "999999-", 1)
    for method, path, body in calls:
        foreign = bob.ask(method, path.format(job=job["id"], run=run["id"]), body)
        missing = bob.ask(method, path.format(job="999999", run=missing_run), body)
        for there, not_there in ((job["id"], "999999"), (run["id"], missing_run)):
            foreign = (foreign[0], foreign[1].replace(there, not_there))
        assert foreign == missing and foreign[0] == 404, (method, path)
    assert bob.ask("GET", f"/jobs/{job['name']}")[0] == 404
    body = json.dumps({"executable": "x"})
    assert bob.ask("PATCH", f"/jobs/{job['id']}", None, *patch, "-d", body)[0] == 404
    assert server.get(f"/jobs/{job['id']}")["executable"] == "echo secret"


@needs_root
def test_lists_show_ones_own(server, alice, bob):
    mine = alice.add("@manual", "true")
    theirs = bob.add("@manual", "true")
    for person, own, foreign in ((alice, mine, theirs), (bob, theirs, mine)):
        _, text = person.ask("GET", "/jobs")
        ids = {job["id"] for job in json.loads(text)}
        assert own["id"] in ids and foreign["id"] not in ids
        person.ask("POST", f"/jobs/{own['id']}/runs")
        _, text = person.ask("GET", "/runs")
        assert {run["job"] for run in json.loads(text)} <= ids
    assert {mine["id"], theirs["id"]} <= {job["id"] for job in server.get("/jobs")}


@needs_root
@pytest.mark.parametrize("account", ["root", "daemon"])
def test_nobody_runs_as_somebody_else(server, alice, account):
    body = {"executable": "id", "schedule": "@manual", "type": "command", "run_as": account}
    assert alice.ask("POST", "/jobs", body)[0] == 403
    job = alice.add("@manual", "id")
    patch = ("-H", "Content-Type: application/merge-patch+json")
    change = json.dumps({"run_as": account})
    assert alice.ask("PATCH", f"/jobs/{job['id']}", None, *patch, "-d", change)[0] == 403
    assert alice.ask("PUT", f"/jobs/{job['id']}", body)[0] == 403
    assert server.get(f"/jobs/{job['id']}")["run_as"] == "nobody"


@needs_root
def test_owner_is_not_a_wish(server, alice):
    body = {"executable": "id", "schedule": "@manual", "type": "command", "owner": "root"}
    status, text = alice.ask("POST", "/jobs", body)
    assert status == 422 or json.loads(text)["owner"] == "nobody"


@needs_root
def test_administration_is_for_administrators(server, alice):
    name = server.get("/workers")[0]["name"]
    assert alice.ask("POST", "/tokens", {"name": "x", "account": "root", "admin": True})[0] == 403
    assert alice.ask("GET", "/tokens")[0] == 403
    patch = ("-H", "Content-Type: application/merge-patch+json", "-d", '{"draining":true}')
    assert alice.ask("PATCH", f"/workers/{name}", None, *patch)[0] == 403
    assert server.get(f"/workers/{name}")["state"] != "draining"


@needs_root
def test_root_may_run_a_job_as_anybody(server):
    run, output = server.execute("id -un", run_as="daemon", working_directory="/")
    assert (run["status"], output) == ("succeeded", b"daemon\n")


def test_an_account_that_does_not_exist_is_refused(server):
    body = {"executable": "id", "schedule": "@manual", "type": "command", "run_as": "no-such"}
    answer = server.request("POST", "/jobs", body, expect=422)
    assert answer.json()["errors"][0]["field"] == "run_as"


@needs_root
def test_what_the_server_keeps_is_for_its_account_alone(server):
    entry = pwd.getpwnam("nobody")
    looks = "find {0} ! -path {0} 2>/dev/null | head -1; cat {0}/cronjob.db 2>/dev/null | head -c 1"
    done = subprocess.run(
        ["sh", "-c", looks.format(server.data)],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    assert done.stdout == b""
    for path in server.data.rglob("*"):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o077 == 0 or path.is_dir(), path


@needs_root
def test_a_server_that_is_not_root_runs_as_itself_only():
    with Server(user=pwd.getpwnam("nobody").pw_uid) as server:
        server.directory.chmod(0o755)
        server.start()
        run, output = server.execute("id -un", run_as="nobody", working_directory="/")
        assert (run["status"], output) == ("succeeded", b"nobody\n")
        Person(server, "nobody").add("@manual", "true")
        body = {"executable": "id", "schedule": "@manual", "type": "command", "run_as": "daemon"}
        answer = server.request("POST", "/jobs", body, expect=422)
        assert answer.json()["errors"][0]["field"] == "run_as"


# ---- what a node allows -----------------------------------------------------------------------


@needs_root
def test_a_node_has_the_last_word_on_accounts():
    with Server(arguments=["--run-as", "daemon", "--run-as", "nobody"]) as server:
        server.start()
        run, output = server.execute("id -un", run_as="daemon", working_directory="/")
        assert (run["status"], output) == ("succeeded", b"daemon\n")
        run, output = server.execute("id -un", run_as="root", working_directory="/")
        assert (run["status"], output) == ("failed", b"")
        assert run["reason"].endswith("runs nothing as account 'root' (run-as)")


@needs_root
@pytest.mark.parametrize("arguments, expected", [((), b"1"), (("--new-privileges",), b"0")])
def test_runs_gain_no_privileges_unless_the_node_says_so(arguments, expected):
    look = "sed -n 's/NoNewPrivs:.//p' /proc/self/status"
    with Server(arguments=arguments) as server:
        server.start()
        run, output = server.execute(look, run_as="daemon", working_directory="/")
        assert (run["status"], output.strip()) == ("succeeded", expected)


@needs_root
@pytest.mark.parametrize("role", ["api", "manager"])
def test_a_role_that_needs_no_privilege_refuses_root(role, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef\n")
    secret.chmod(0o600)
    store = f"mysql://u@127.0.0.1:{free_port()}/d"
    command = [binary(), role, "--store", store, "--cluster-secret", secret]
    if role == "manager":
        command += ["--coordination", f"zookeeper://127.0.0.1:{free_port()}/c"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "does not run as root" in done.stderr and "allow-root = yes" in done.stderr


# ---- browsers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers, status",
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_a_foreign_page_gets_nothing(server, headers, status):
    answer = server.request("GET", "/jobs", headers=headers, expect=status)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_servers_own_page_may_ask(server):
    server.request("GET", "/jobs", headers={"Origin": server.url}, expect=200)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x"])
def test_a_form_makes_no_job(server, kind):
    body = '{"executable":"id","schedule":"@manual","type":"command"}'
    answer = server.session.post(f"{server.url}/jobs", data=body, headers={"Content-Type": kind})
    assert answer.status_code == 415


# ---- tokens -----------------------------------------------------------------------------------


def test_a_token_from_its_making_to_its_end(server):
    account = pwd.getpwuid(os.geteuid()).pw_name
    body = {"name": "robot", "account": account, "admin": False}
    made = server.request("POST", "/tokens", body, expect=201).json()
    secret = {"Authorization": f"Bearer {made['token']}"}
    assert made["token"].startswith("dcj_")
    server.request("GET", "/jobs", headers=secret, expect=200)
    server.request("GET", "/tokens", headers=secret, expect=403)
    listed = server.request("GET", "/tokens", expect=200).text
    assert made["id"] in listed and made["token"] not in listed
    server.request("DELETE", f"/tokens/{made['id']}", expect=204)
    wait_until(
        lambda: server.request("GET", "/jobs", headers=secret).status_code == 401, 5, "it is over"
    )


@pytest.mark.parametrize("value", ["Bearer dcj_wrong", "Bearer ", "Basic cm9vdDo=", "nonsense"])
def test_a_wrong_token_is_no_token(server, value):
    answer = server.request("GET", "/jobs", headers={"Authorization": value}, expect=401)
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_secrets_are_not_in_files(server):
    made = server.request("POST", "/tokens", {"name": "unseen"}, expect=201).json()
    secret = made["token"].encode()
    for path in [*server.data.rglob("*"), server.log]:
        if path.is_file():
            assert secret not in path.read_bytes(), path


def test_beyond_loopback_a_token_must_exist():
    port = free_port()
    with Server(listen=f"0.0.0.0:{port}") as server:
        server.port, server.url = port, f"http://127.0.0.1:{port}"
        server.spawn()
        assert server.process.wait(10) == 1
        assert "allow-plaintext" in server.tail_of_log()
        server.arguments = ["--allow-plaintext"]
        server.spawn()
        assert server.process.wait(10) == 1
        assert "token" in server.tail_of_log()
        server.listen = f"127.0.0.1:{port}"
        server.start()
        server.request("POST", "/tokens", {"name": "first"}, expect=201)
        assert server.stop() == 0
        server.listen = f"0.0.0.0:{port}"
        server.start()


# ---- the Unix socket ---------------------------------------------------------------------------


@pytest.fixture
def beside(tmp_path):
    """A server by HTTPS that also has a Unix socket; it, and the socket."""
    with temporary_folder() as folder:
        certificate, path = Certificate(tmp_path), folder / "cronjob.sock"
        arguments = ["--socket", path, "--tls-certificate", certificate.chain]
        with Server(arguments=[*arguments, "--tls-key", certificate.key]) as made:
            made.url = made.url.replace("http:", "https:")
            made.session.verify = str(certificate.chain)
            yield made.start(), path


@needs_root
def test_the_unix_socket_knows_who_asks(beside):
    server, path = beside
    hidden = server.add("@manual", "true")
    person, server.url = Person(server, "nobody"), "http://localhost"
    by_socket = ("--unix-socket", path)
    status, text = person.ask("GET", "/summary", None, *by_socket)
    assert (status, json.loads(text)["account"]) == (200, "nobody")
    assert person.ask("GET", f"/jobs/{hidden['id']}", None, *by_socket)[0] == 404
    assert person.ask("GET", "/jobs", None, *by_socket, "-H", "Host: evil.example")[0] == 403


def test_the_client_asks_by_the_unix_socket(beside):
    server, path = beside
    command = [binary(), "add", "--server", f"unix:{path}", "@manual", "--", "echo", "near"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    variables = dict(os.environ, CRONJOB_SERVER=f"unix:{path}")
    command = [binary(), "run", made.stdout.strip(), "--wait"]
    ran = subprocess.run(command, env=variables, capture_output=True, timeout=20, check=True)
    assert ran.stdout == b"near\n"
    assert server.stop() == 0
    assert not path.exists()
    gone = subprocess.run(command, env=variables, capture_output=True, timeout=20, check=False)
    assert gone.returncode == 3 and f"unix:{path}".encode() in gone.stderr, gone


def test_a_killed_servers_socket_is_taken_over(beside):
    server, path = beside
    server.kill()
    assert path.exists()
    server.start()
    command = [binary(), "status", "--server", f"unix:{path}"]
    assert subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0


def test_two_servers_cannot_share_a_directory(server):
    command = [binary(), "standalone", "--data", server.data, "--listen"]
    done = subprocess.run(
        [*command, f"127.0.0.1:{free_port()}"], capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 1
    assert str(server.data) in done.stderr.decode()


def test_a_port_that_is_taken_is_the_reason():
    with Server() as first, Server(listen=None) as second:
        first.start()
        second.listen = first.listen
        second.spawn()
        assert second.process.wait(10) == 1
        assert str(first.port) in second.tail_of_log()
