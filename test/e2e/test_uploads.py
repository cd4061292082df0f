# SPDX-License-Identifier: Apache-2.0
"""Scripts and binaries: from a client into the object store, and what is refused on the way."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import select
import random
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from harness import Server, binary, read_status, wait_until

MIB = 1024 * 1024


def stored(server):
    """The names of the files in the object store's directory."""
    folder = server.data / "objects" / "executables"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def text_of(content):
    return base64.b64encode(content).decode()


def body_of(content, **fields):
    text = content if isinstance(content, str) else text_of(content)
    return {"type": "binary", "schedule": "@manual", "executable": text, **fields}


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


def some_bytes(size, seed=1):
    return random.Random(seed).randbytes(size)


def message_of(answer, field):
    return next(e["message"] for e in answer.json()["errors"] if e["field"] == field)


# ---- as in the description --------------------------------------------------------------------


def shell(command, directory):
    done = subprocess.run(
        ["sh", "-c", command], cwd=directory, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_of_the_description(server, tmp_path):
    script = b"#!/bin/sh\necho \"uploaded: $1\"\n"
    (tmp_path / "myScript.sh").write_bytes(script)
    answer = shell(
        """curl -s -d '{"type":"script","schedule":"*/10 * * * *","filename":"myScript.sh","executable":"'"""
        f"$(base64 -w0 myScript.sh)'\"}}' {server.url}/jobs",
        tmp_path,
    )
    job = server.get(f"/jobs/{json.loads(answer)['id']}")
    assert job["executable"].endswith("/executables/" + sha256_of(script))
    assert (job["filename"], job["sha256"]) == ("myScript.sh", sha256_of(script))
    assert job["executable_changed_at"] == job["created_at"]
    assert (server.data / "objects" / "executables" / sha256_of(script)).read_bytes() == script
    answer = server.request("GET", f"/jobs/{job['id']}/executable", expect=200)
    assert answer.content == script
    assert "myScript.sh" in answer.headers["Content-Disposition"]
    run = server.wait_run(server.run(job, {"args": ["yes"]}))
    assert (run["status"], server.output(run)) == ("succeeded", b"uploaded: yes\n")


# ---- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is an empty file"),
        ("aGVsbG8=\n", "has white space at character 9"),
        ("aGVs bG8=", "has white space at character 5"),
        ("aGVsbG8", "is truncated"),
        ("aGVsbG8==", "has bad padding"),
        ("aGVs=bG8", "has bad padding"),
        ("aGVs_G8=", "alphabet for URLs"),
        ("aGVs!G8=", "has '!' at character 5"),
        ("A" * 100_000 + "!" + "A" * 100_003, "has '!' at character 100001"),
        ("A" * 100_000 + "\n" + "A" * 100_003, "has white space at character 100001"),
    ],
)
def test_what_is_no_base64_is_refused_in_words(server, text, said):
    before = stored(server)
    answer = server.request("POST", "/jobs", body_of(text), expect=422)
    assert said in message_of(answer, "executable")
    assert stored(server) == before


def test_a_wrong_hash_is_refused_and_a_right_one_is_not(server):
    content = some_bytes(200_000, 3)
    answer = server.request("POST", "/jobs", body_of(content, sha256="0" * 64), expect=422)
    assert sha256_of(content) in message_of(answer, "sha256")
    assert sha256_of(content) not in stored(server)
    server.request("POST", "/jobs", body_of(content, sha256=sha256_of(content).upper()), expect=201)
    assert sha256_of(content) in stored(server)


def test_a_command_has_no_file(server):
    body = {"type": "command", "schedule": "@manual", "executable": "date", "filename": "x"}
    answer = server.request("POST", "/jobs", body, expect=422)
    assert "script and binary" in message_of(answer, "filename")
    job = server.add("@manual", "date")
    assert (job["filename"], job["sha256"]) == (None, None)
    server.request("GET", f"/jobs/{job['id']}/executable", expect=404)


def test_the_limit_is_named(server):
    content = bytes(64 * MIB + 1)
    answer = server.request("POST", "/jobs", body_of(content), timeout=120)
    assert answer.status_code == 413
    assert "67108864 bytes (upload-limit)" in answer.json()["detail"]
    assert server.get("/jobs?limit=1") is not None


def test_a_gigabyte_is_refused_before_it_is_sent(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        head = "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: {1024 * MIB}\r\n\r\n".encode())
        assert b" 413 " in client.recv(4096)


def test_a_gigabyte_that_does_not_say_so_is_refused_on_its_way(own_server):
    server = own_server
    before = peak_of(server)
    piece = b"%x\r\n" % MIB + b"A" * MIB + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        head = "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        begin = b'{"type":"binary","schedule":"@daily","executable":"'
        client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        client.sendall(b"%x\r\n" % len(begin) + begin + b"\r\n")
        sent = 0
        while sent < 1024 and not select.select([client], [], [], 0)[0]:
            try:
                client.sendall(piece)
            except ConnectionError:
                break
            sent += 1
        assert sent < 200, "MiB were taken"
        assert b" 413 " in client.recv(4096)
    assert peak_of(server) - before < 4 * MIB
    assert stored(server) == []
    wait_until(lambda: not list(server.data.glob("*upload*")), 10, "nothing of it is kept")


# ---- what it costs ----------------------------------------------------------------------------


def peak_of(server):
    return int(read_status(server.process.pid)["VmHWM"].split()[0]) * 1024


def test_a_large_upload_costs_no_memory(own_server):
    server = own_server
    content = some_bytes(64 * MIB)
    server.request("POST", "/jobs", body_of(some_bytes(1000)), expect=201)
    before = peak_of(server)
    answer = server.request("POST", "/jobs", body_of(content), timeout=120, expect=201)
    grown = peak_of(server) - before
    assert answer.json()["sha256"] == sha256_of(content)
    assert grown < 4 * MIB, f"{grown} bytes more"
    job = answer.json()["id"]
    with server.session.get(f"{server.url}/jobs/{job}/executable", stream=True) as got:
        digest = hashlib.sha256()
        for piece in got.iter_content(MIB):
            digest.update(piece)
    assert digest.hexdigest() == sha256_of(content)
    assert peak_of(server) - before < 8 * MIB


def test_jobs_with_one_file_share_one_object(server):
    content = some_bytes(100_000, 5)
    before = set(stored(server))
    jobs = [server.request("POST", "/jobs", body_of(content), expect=201).json() for _ in range(20)]
    assert {job["sha256"] for job in jobs} == {sha256_of(content)}
    assert set(stored(server)) - before <= {sha256_of(content)}


def test_the_same_request_makes_one_job(server):
    content = some_bytes(150_000, 6)
    headers = {"Idempotency-Key": "upload"}
    first = server.request("POST", "/jobs", body_of(content), headers=dict(headers), expect=201)
    again = server.request("POST", "/jobs", body_of(content), headers=dict(headers), expect=201)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    other = body_of(some_bytes(150_000, 7))
    server.request("POST", "/jobs", other, headers=dict(headers), expect=422)


def test_a_server_that_is_killed_leaves_nothing_of_an_upload(own_server):
    server = own_server
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        head = "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: {20 * MIB}\r\n\r\n".encode())
        client.sendall(b'{"type":"binary","schedule":"@daily","executable":"' + b"A" * 10 * MIB)
        folder = Path(f"/proc/{server.process.pid}/fd")

        def is_arriving():
            links = [os.readlink(path) for path in folder.iterdir() if os.path.islink(path)]
            return any("(deleted)" in link and str(server.data) in link for link in links)

        wait_until(is_arriving, 20, "the upload has a file")
        names = {path.name for path in server.data.iterdir()}
        server.kill()
    left = {path.name for path in server.data.iterdir()}
    assert left <= names | {"boot"}
    assert not [name for name in left if "upload" in name]
    assert stored(server) == []
    server.start()
    assert server.get("/jobs") == []


# ---- changes ----------------------------------------------------------------------------------


def test_it_is_known_since_when_a_job_has_its_bytes(server):
    job = server.request("POST", "/jobs", body_of(b"one", filename="f"), expect=201).json()
    same = server.change(job, description="x")
    assert same["executable_changed_at"] == job["executable_changed_at"]
    again = server.change(job, executable=text_of(b"one"))
    assert again["executable_changed_at"] == job["executable_changed_at"]
    other = server.change(job, executable=text_of(b"two"))
    assert other["executable_changed_at"] > job["executable_changed_at"]
    assert (other["filename"], other["sha256"]) == ("f", sha256_of(b"two"))
    back = server.request("PUT", f"/jobs/{job['id']}", other, expect=200).json()
    assert back["executable_changed_at"] == other["executable_changed_at"]


def test_a_file_without_a_job_is_collected():
    with Server(arguments=["--keep-files-for", "2s"]) as server:
        server.start()
        job = server.request("POST", "/jobs", body_of(b"needed"), expect=201).json()
        needless = server.request("POST", "/jobs", body_of(b"needless"), expect=201).json()
        server.remove(needless, purge=True)
        wait_until(lambda: stored(server) == [job["sha256"]], 20, "the other one is gone")
        assert server.request("GET", f"/jobs/{job['id']}/executable").content == b"needed"


# ---- other servers ----------------------------------------------------------------------------


class Files(http.server.BaseHTTPRequestHandler):
    """/file has a file, /to?URL redirects."""

    content = b"#!/bin/sh\necho fetched\n"

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.split("?", 1)[1])
            self.end_headers()
            return
        found = self.path.startswith("/file")
        self.send_response(200 if found else 404)
        self.end_headers()
        if found:
            self.wfile.write(self.content)

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def file_server(address="127.0.0.1"):
    files = http.server.ThreadingHTTPServer((address, 0), Files)
    files.asked = []
    thread = threading.Thread(target=files.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield files
    finally:
        files.shutdown()
        thread.join()
        files.server_close()


@pytest.fixture(scope="module")
def fetching():
    """A server that may fetch from one file server by its address and from another by name."""
    with file_server() as files, file_server("127.0.0.2") as others:
        port, other = files.server_address[1], others.server_address[1]
        arguments = ["--allowed-source", f"http://127.0.0.1:{port}/"]
        arguments += ["--allowed-source", f"http://localhost:{port}/"]
        with Server(arguments=arguments) as server:
            server.files = files
            server.source = f"http://127.0.0.1:{port}"
            server.by_name = f"http://localhost:{port}"
            server.other = f"http://127.0.0.2:{other}"
            server.others = others
            yield server.start()


def test_a_file_is_fetched_once_when_its_job_is_made(fetching):
    server, url = fetching, fetching.source + "/file"
    server.files.asked.clear()
    job = server.request("POST", "/jobs", body_of(url, type="script"), expect=201).json()
    assert (job["executable"], job["sha256"]) == (url, sha256_of(Files.content))
    assert server.files.asked == ["/file"]
    server.change(job, description="x")
    server.request("PUT", f"/jobs/{job['id']}", server.get(f"/jobs/{job['id']}"), expect=200)
    assert server.files.asked == ["/file"]
    got = server.request("GET", f"/jobs/{job['id']}/executable", expect=200)
    assert got.content == Files.content
    run = server.wait_run(server.run(job))
    assert (run["status"], server.output(run)) == ("succeeded", b"fetched\n")
    assert server.files.asked == ["/file"]


def test_a_fetched_file_has_the_hash_that_was_given(fetching):
    url = fetching.source + "/file"
    body = body_of(url, sha256=sha256_of(Files.content))
    fetching.request("POST", "/jobs", body, expect=201)
    answer = fetching.request("POST", "/jobs", body_of(url, sha256="1" * 64), expect=422)
    assert sha256_of(Files.content) in message_of(answer, "sha256")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("{source}/none", "status 404"),
        ("{source}/to?{source}/file", None),
        ("{source}/to?/file", None),
        ("{source}/to?{other}/file", "not on a server"),
        ("{source}/to?http://169.254.169.254/latest/meta-data/", "not on a server"),
        ("{source}/to?file:///etc/passwd", "neither http:// nor https://"),
        ("{source}/to?http://169.254.1.1/file", "not on a server"),
        ("{source}/to?http://[::1]/file", "not on a server"),
        ("{source}/to?http://[fe80::1]/file", "not on a server"),
        ("{source}/to?http://[::ffff:127.0.0.1]/file", "not on a server"),
        ("{source}/to?http://2130706433/file", "neither a name nor an address"),
        ("{source}/to?http://0177.0.0.1/file", "neither a name nor an address"),
        ("{source}/to?http://127.1/file", "neither a name nor an address"),
        ("{source}/to?//127.0.0.1/file", "neither http:// nor https://"),
        ("{source}/to?{source}/to?{other}/file", "not on a server"),
        ("{source}/to?{by_name}/file", "which is loopback"),
        ("{by_name}/file", "which is loopback"),
        ("{other}/file", "not on a server"),
        ("http://[::ffff:127.0.0.1]/file", "not on a server"),
        ("http://2130706433/file", "neither a name nor an address"),
        ("http://0x7f.0.0.1/file", "neither a name nor an address"),
        ("http://root@127.0.0.1/file", "a name or password"),
        ("gopher://127.0.0.1/file", None),
    ],
)
def test_only_what_is_allowed_is_fetched(fetching, path, said):
    names = {name: getattr(fetching, name) for name in ("source", "other", "by_name")}
    fetching.others.asked.clear()
    answer = fetching.request("POST", "/jobs", body_of(path.format(**names)))
    if said is None and not path.startswith("gopher"):
        assert answer.status_code == 201, answer.text
    else:
        assert answer.status_code == 422, answer.text
        assert (said or "has ':' at character 7") in message_of(answer, "executable")
    assert fetching.others.asked == []


def test_redirections_have_an_end(fetching):
    url = fetching.source + "/file"
    for _ in range(6):
        url = f"{fetching.source}/to?{url}"
    answer = fetching.request("POST", "/jobs", body_of(url), expect=422)
    assert "redirections" in message_of(answer, "executable")


def test_nothing_is_fetched_by_default(server):
    answer = server.request("POST", "/jobs", body_of("http://127.0.0.1:1/file"), expect=422)
    assert "allowed-source" in message_of(answer, "executable")


def test_a_source_that_is_none_is_a_wrong_setting(tmp_path):
    command = [binary(), "standalone", "--data", str(tmp_path), "--allowed-source", "ftp://x/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert "--allowed-source" in done.stderr


# ---- by the command line ----------------------------------------------------------------------


def cronjob(server, *words, given=None, code=0):
    command = [binary(), *[str(word) for word in words], "--server", server.url]
    if "--" in command[:-2]:  # options stand before it
        command = command[:-2]
        at = command.index("--")
        command[at:at] = ["--server", server.url]
    done = subprocess.run(command, input=given, capture_output=True, timeout=60)
    assert done.returncode == code, done.stderr.decode()
    return (done.stdout if code == 0 else done.stderr).decode()


def test_a_script_is_added_with_its_arguments(server, tmp_path):
    script = tmp_path / "backup it.sh"
    script.write_bytes(b'#!/bin/sh\nprintf "%s|" "$@"\n')
    job = cronjob(server, "add", "--script", script, "@manual", "--", "--full", "a b").strip()
    found = server.get(f"/jobs/{job}")
    assert (found["type"], found["filename"]) == ("script", "backup it.sh")
    assert (found["args"], found["sha256"]) == (["--full", "a b"], sha256_of(script.read_bytes()))
    assert cronjob(server, "run", job, "--wait") == "--full|a b|"
    shown = cronjob(server, "show", job)
    assert f"sha256             {found['sha256']}\n" in shown
    assert f"executable_changed_at {found['created_at']}\n" in shown
    assert "script: backup it.sh" in cronjob(server, "list")


def test_a_file_of_any_size_is_sent(server, tmp_path):
    for size in (1, 2, 3, 12287, 12288, 12289, 65536, 1_000_003):
        (tmp_path / "file").write_bytes(some_bytes(size, size))
        job = cronjob(server, "add", "--binary", tmp_path / "file", "@manual").strip()
        assert server.get(f"/jobs/{job}")["sha256"] == sha256_of(some_bytes(size, size))


def test_a_file_comes_from_standard_input(server):
    content = b"#!/bin/sh\necho piped\n" + b"# \n" * 50_000
    job = cronjob(server, "add", "--script", "-", "--name", "piped", "@manual", given=content)
    found = server.get(f"/jobs/{job.strip()}")
    assert (found["filename"], found["sha256"]) == (None, sha256_of(content))


def test_a_file_is_changed(server, tmp_path):
    (tmp_path / "one").write_bytes(b"#!/bin/sh\necho one\n")
    (tmp_path / "two").write_bytes(b'#!/bin/sh\necho "two $1"\n')
    job = cronjob(server, "add", "--script", tmp_path / "one", "@manual").strip()
    cronjob(server, "edit", job, "--script", tmp_path / "two", "--", "x")
    found = server.get(f"/jobs/{job}")
    assert (found["filename"], found["args"]) == ("two", ["x"])
    cronjob(server, "edit", job, "--description", "same file")
    assert server.get(f"/jobs/{job}")["sha256"] == found["sha256"]
    assert cronjob(server, "run", job, "--wait") == "two x\n"


def test_what_cannot_be_sent_is_said(server, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(bytes(65 * MIB))
    file = tmp_path / "empty"
    assert "is empty" in cronjob(server, "add", "--script", file, "@manual", code=1)
    assert "No such file" in cronjob(server, "add", "--script", "none", "@manual", code=1)
    assert "one of them" in cronjob(
        server, "add", "--script", "a", "--binary", "b", "@manual", code=2
    )
    said = cronjob(server, "add", "--binary", tmp_path / "large", "@manual", code=1)
    assert "67108864 bytes (upload-limit)" in said
    said = cronjob(server, "add", "--binary", file, "--arg", "a", "@manual", "--", "b", code=2)
    assert "--arg" in said


def test_an_export_is_taken_back_where_its_files_are(server, tmp_path):
    (tmp_path / "file").write_bytes(b"#!/bin/sh\necho exported\n")
    job = cronjob(server, "add", "--script", tmp_path / "file", "@manual").strip()
    line = json.dumps({**server.get(f"/jobs/{job}"), "description": "again"}).encode() + b"\n"
    copy = cronjob(server, "import", "-", given=line).strip()
    assert server.get(f"/jobs/{copy}")["sha256"] == server.get(f"/jobs/{job}")["sha256"]
    with Server() as other:
        other.start()
        said = cronjob(other, "import", "-", given=line, code=1)
        assert "is no executable of the object store" in said
