# SPDX-License-Identifier: Apache-2.0
"""A real server for end-to-end tests: started, asked, disturbed and ended by its own pid."""

import contextlib
import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "oracle"))

import schedule_oracle  # noqa: E402, F401: for who needs it, by its path

FINAL = {"succeeded", "failed", "timed_out", "killed", "lost", "skipped", "missed"}
REQUEST_LIMIT = 30  # seconds


def binary():
    """The program under test: $CRONJOB_BINARY, else the newest build there is."""
    candidates = [os.environ.get("CRONJOB_BINARY")]
    candidates += [ROOT / "build" / name / "cronjob" for name in ("release", "dev")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return str(Path(candidate).resolve())
    raise RuntimeError("no binary: set CRONJOB_BINARY or run script/build")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, limit=30, what="condition"):
    """What the condition answers as soon as that is true; an AssertionError at the limit."""
    end = time.monotonic() + limit
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {limit} s: {what}"
        time.sleep(0.02)


def instant(text):
    """RFC 3339 in UTC to seconds since the epoch, exact to the microsecond."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# ---- processes --------------------------------------------------------------------------------


def read_status(pid):
    """The lines of /proc/PID/status as a dict; {} when there is no such process."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def is_alive(pid):
    return read_status(pid).get("State", "Z")[0] not in "ZX"


def ends_within(pid, limit):
    end = time.monotonic() + limit
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(pid)


def resident_bytes(pid):
    return int(read_status(pid)["VmRSS"].split()[0]) * 1024


def all_pids():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def descendants(pid):
    """All below a process; those that left for another parent are not seen."""
    parents = {other: int(read_status(other).get("PPid", 0)) for other in all_pids()}
    found, front = [], [pid]
    while front:
        front = [child for child, parent in parents.items() if parent in front]
        found += front
    return found


def guardian_of(data):
    """The pid of the guardian of this data directory, or None."""
    for pid in all_pids():
        words = command_line(pid)
        if words[1:2] == ["guardian"] and str(data) in words and is_alive(pid):
            return pid
    return None


def end_guardian_of(data, user=None):
    """Asks it to end; when it has runs or results left, by force. Its successor, which is asked to
    end in turn, clears away what it leaves behind."""
    pid = guardian_of(data)
    if not pid:
        return
    os.kill(pid, signal.SIGTERM)
    if ends_within(pid, 2):
        return
    os.kill(pid, signal.SIGKILL)
    assert ends_within(pid, 10)
    ready, told = os.pipe()
    command = [binary(), "guardian", "--data", data, "--ready-fd", str(told)]
    with subprocess.Popen(command, user=user, pass_fds=[told]) as next_one:
        os.close(told)
        os.read(ready, 1)  # or the end, when it could not start
        os.close(ready)
        next_one.terminate()
        next_one.wait(10)


# ---- the client and the server ----------------------------------------------------------------


class Client:
    """Requests to the API at a URL."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False  # no proxies, and no authorities but the test's

    def request(self, method, path, body=None, expect=None, **more):
        if body is not None:
            more["data"] = json.dumps(body)
            more.setdefault("headers", {}).setdefault("Content-Type", "application/json")
        more.setdefault("timeout", REQUEST_LIMIT)
        answer = self.session.request(method, self.url + path, **more)
        if expect is not None:
            assert answer.status_code == expect, f"{method} {path}: {answer.text}"
        return answer

    def get(self, path, expect=200, **more):
        return self.request("GET", path, expect=expect, **more).json()

    def add(self, schedule, executable, **fields):
        """Makes a job of type command and answers it."""
        body = {"schedule": schedule, "executable": executable, "type": "command", **fields}
        return self.request("POST", "/jobs", body, expect=201).json()

    def change(self, job, **fields):
        headers = {"Content-Type": "application/merge-patch+json"}
        return self.request(
            "PATCH", f"/jobs/{job['id']}", fields, expect=200, headers=headers
        ).json()

    def remove(self, job, purge=False):
        query, expect = ("?purge=true", 204) if purge else ("", 200)
        return self.request("DELETE", f"/jobs/{job['id']}{query}", expect=expect)

    def run(self, job, body=None):
        """Runs a job now and answers the run as it was accepted."""
        return self.request("POST", f"/jobs/{job['id']}/runs", body, expect=202).json()

    def runs(self, job=None):
        """All runs of a job, or of all jobs, oldest first."""
        path = f"/jobs/{job['id']}/runs" if job else "/runs"
        found, before = [], ""
        while True:
            page = self.get(f"{path}?limit=1000{before}")
            found += page
            if len(page) < 1000:
                return found[::-1]
            before = f"&before={page[-1]['id']}"

    def wait_run(self, run, limit=30):
        """The run when it is final."""
        path = f"/runs/{run['id']}"

        def final():
            found = self.get(path)
            return found if found["status"] in FINAL else None

        return wait_until(final, limit, f"run {run['id']} is final")

    def wait_runs(self, job, count, limit=30, status=None):
        """The job's final runs when there are at least so many."""

        def enough():
            found = [run for run in self.runs(job) if run["status"] in FINAL]
            found = [run for run in found if status is None or run["status"] == status]
            return found if len(found) >= count else None

        return wait_until(enough, limit, f"{count} runs of job {job['id']}")

    def output(self, run, query=""):
        return self.request("GET", f"/runs/{run['id']}/output{query}", expect=200).content

    def execute(self, command, limit=30, **fields):
        """Runs a command once; the final run and its output."""
        job = self.add("@manual", command, **fields)
        run = self.wait_run(self.run(job), limit)
        return run, self.output(run)


class Listener:
    """A stream of the API that is read on a thread of its own until the server ends it."""

    def __init__(self, client, path, headers):
        self.answer = client.request("GET", path, headers=headers, stream=True, expect=200)
        self.taken = b""
        self.ended_at = None  # monotonic
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        # The exceptions are those of a stream that was cut.
        with contextlib.suppress(requests.RequestException):
            for piece in self.answer.iter_content(None):
                self.taken += piece
        self.ended_at = time.monotonic()

    def hears(self, text):
        wait_until(lambda: text in self.taken, 20, f"the stream has {text}")

    def goes_on(self):
        return self.ended_at is None


def wait_cut_off(listeners, limit=5):
    """So long a stream goes on at most after the answer that took its listener's rights away."""
    began = time.monotonic()
    wait_until(lambda: not any(one.goes_on() for one in listeners), limit, "the streams have ended")
    assert all(one.ended_at < began + limit for one in listeners)


TALKING = "while echo talking; do sleep 0.1; done"
QUIET = "echo quiet; sleep 1000"


def listen_to(client, talking, quiet, secret):
    """Who listens with a token to two runs, of these commands, and to the events; both have begun."""
    headers = {"Authorization": f"Bearer {secret}"}
    listeners = [
        Listener(client, f"/runs/{run['id']}/output?follow=true", headers) for run in (talking, quiet)
    ]
    for listener, word in zip(listeners, (b"talking", b"quiet")):
        listener.hears(word)
    return [*listeners, Listener(client, "/events", headers)]


class Server(Client):
    """`cronjob standalone` on its own data directory and port, which it keeps over restarts."""

    def __init__(self, directory=None, arguments=(), environment=None, listen=None, user=None):
        self.directory = Path(directory or tempfile.mkdtemp(prefix="cronjob-"))
        self.data = self.directory / "data"
        self.data.mkdir(exist_ok=True)
        self.arguments = list(arguments)
        self.environment = dict(os.environ, **(environment or {}))
        self.user = user
        self.port = free_port()
        self.listen = listen or f"127.0.0.1:{self.port}"
        super().__init__(f"http://127.0.0.1:{self.port}")
        self.process = None
        self.before = []  # words of a program that becomes the server
        self.log = self.directory / "server.log"
        if user is not None:
            for path in (self.directory, self.data):
                os.chown(path, user, -1)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind or "PYTEST_CURRENT_TEST" in os.environ:  # pytest shows it when the test fails
            sys.stderr.write(self.tail_of_log())
        self.dispose()

    def tail_of_log(self):
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-60:]) + "\n"

    # life

    def spawn(self):
        command = [*self.before, binary(), "standalone", "--data", self.data, "--listen", self.listen]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command + self.arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user,
                start_new_session=True,
            )

    def start(self, limit=20):
        self.spawn()
        self.wait_ready(limit)
        return self

    def answers(self, path="/healthz"):
        try:
            return self.session.get(self.url + path, timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def wait_ready(self, limit=20):
        def ready():
            assert self.process.poll() is None, f"the server ended:\n{self.tail_of_log()}"
            return self.answers("/readyz")

        wait_until(ready, limit, "the server is ready")

    def stop(self, limit=30):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(limit)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def guardian(self):
        return guardian_of(self.data)

    def kill_guardian(self):
        pid = self.guardian()
        if pid:
            os.kill(pid, signal.SIGKILL)
        return pid

    def end_guardian(self):
        end_guardian_of(self.data, self.user)

    def end(self):
        """Ends server, guardian and runs, whatever state they are in."""
        if self.process and self.process.poll() is None:
            try:
                self.resume()
                self.stop(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self.end_guardian()

    def dispose(self):
        """Ends everything and removes all files."""
        self.end()
        self.session.close()
        shutil.rmtree(self.directory, ignore_errors=True)
