# SPDX-License-Identifier: Apache-2.0
"""Objects in a real S3 server that is not well, or is badly reached: objects_faults.c calls it
through a link. What is stored is whole or not there, and what is read is whole or an error."""

import base64
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from harness import ROOT, Server, wait_until
from servers.process import temporary_folder
from servers.proxy import TO_CLIENT, TO_SERVER, Proxy
from servers.s3 import BUCKET, KEY, Swift

pytestmark = pytest.mark.s3

PROGRAM = "test/contract/objects_faults"
LIMIT = 60  # seconds, for one call
MEBIBYTE = 1 << 20


def program():
    """It, of the build under test if that has it, else the newest."""
    under_test = Path(os.environ.get("CRONJOB_BINARY", "")).parent / PROGRAM
    built = sorted((ROOT / "build").glob(f"*/{PROGRAM}"), key=lambda path: -path.stat().st_mtime)
    for path in [under_test, *built]:
        if os.access(path, os.X_OK):
            return path.resolve()
    pytest.skip("objects_faults is not built")


class Objects:
    """Who calls, by the link."""

    def __init__(self, server, link, directory):
        self.server = server
        self.link = link
        self.directory = directory
        self.environment = dict(
            os.environ,
            CRONJOB_TEST_S3=server.url(address=link.address),
            CRONJOB_TEST_S3_KEY=KEY,
            CRONJOB_TEST_S3_SECRET=server.secret,
        )

    def call(self, *words):
        """The code and the message."""
        done = subprocess.run(
            [str(word) for word in (program(), *words)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stderr
        code, _, message = done.stdout.strip().partition(" ")
        return code, message

    def put(self, key, data, patience=0):
        path = self.directory / "put"
        path.write_bytes(data)
        return self.call("put", key, path, patience)

    def get(self, key, patience=0):
        """The code, the message, the bytes."""
        path = self.directory / "got"
        return (*self.call("get", key, path, patience), path.read_bytes())

    def meanwhile(self, function, *words):
        """A call that goes on while the test does something; join() gives its answer."""
        answer = []
        thread = threading.Thread(target=lambda: answer.append(function(*words)))
        thread.start()

        def join():
            thread.join(LIMIT)
            return answer[0]

        return join


@pytest.fixture(scope="module")
def server():
    with temporary_folder() as directory:
        started = Swift(directory / "s3")
        try:
            yield started.start()
        finally:
            started.kill()


@pytest.fixture
def objects(server, tmp_path):
    server.start()
    with Proxy() as proxy:
        yield Objects(server, proxy.link("s3", server.address), tmp_path)


def test_the_server_is_down(objects):
    objects.link.refuse()
    start = time.monotonic()
    code, message = objects.put("down", b"x")
    assert time.monotonic() - start < 30
    assert code in ("RC_UNAVAILABLE", "RC_UNKNOWN") and "does not answer" in message, message
    code, message, _ = objects.get("down", 1)
    assert code == "RC_UNAVAILABLE" and "does not answer" in message, message


def test_the_server_comes_back_in_time(objects):
    objects.link.refuse()
    join = objects.meanwhile(objects.put, "back", b"text")
    time.sleep(1.5)
    objects.link.accept()
    assert join() == ("RC_OK", "")
    assert objects.get("back") == ("RC_OK", "", b"text")


def test_the_server_is_killed_while_a_large_file_is_put(objects):
    data = os.urandom(40 * MEBIBYTE)
    join = objects.meanwhile(objects.put, "killed", data)
    wait_until(lambda: objects.link.passed > 10 * MEBIBYTE, 20, "parts are under way")
    objects.server.kill()
    objects.server.start()
    assert join() == ("RC_OK", "")
    assert objects.get("killed") == ("RC_OK", "", data)


def test_the_server_is_slow(objects):
    data = os.urandom(300000)
    objects.link.open(delay=0.3)
    assert objects.put("slow", data) == ("RC_OK", "")
    assert objects.get("slow") == ("RC_OK", "", data)


def test_the_server_says_nothing(objects):
    objects.link.hold()
    start = time.monotonic()
    code, message = objects.put("silent", b"x", 5)
    assert 9 < time.monotonic() - start < 30
    assert code == "RC_UNKNOWN" and "does not answer" in message, message


def test_a_download_that_breaks_off_goes_on(objects):
    data = os.urandom(5 * MEBIBYTE)
    assert objects.put("broken", data) == ("RC_OK", "")
    objects.link.break_after(MEBIBYTE, [TO_CLIENT])
    assert objects.get("broken") == ("RC_OK", "", data)


def test_a_download_that_always_breaks_off_fails(objects):
    data = os.urandom(MEBIBYTE)
    assert objects.put("cut", data) == ("RC_OK", "")
    objects.link.break_after(100, [TO_CLIENT])
    code, _, got = objects.get("cut", 2)
    assert code == "RC_UNAVAILABLE" and got != data


def test_a_download_does_not_go_on_with_another_object(objects):
    """The first megabytes are of one, and the rest must not be of another."""
    assert objects.put("changed", b"a" * 5 * MEBIBYTE) == ("RC_OK", "")
    objects.link.open([TO_CLIENT], delay=0.05)
    join = objects.meanwhile(objects.get, "changed")
    wait_until(lambda: objects.link.passed > 6 * MEBIBYTE, 20, "some of it is there")
    objects.server.ask("PUT", f"/{BUCKET}/changed", b"b" * 5 * MEBIBYTE)
    objects.link.open()
    objects.link.reset()
    code, message, got = join()
    assert code == "RC_UNAVAILABLE" and "changed while it was read" in message, (code, message)
    assert b"b" not in got


@pytest.mark.parametrize("size", [MEBIBYTE, 20 * MEBIBYTE])
def test_an_upload_that_is_damaged_is_refused(objects, size):
    data = os.urandom(size)
    objects.link.damage_every(300000, [TO_SERVER])
    code, message = objects.put("damaged", data, 1)
    assert code == "RC_IO" and "other bytes than were sent" in message, (code, message)
    assert objects.call("stat", "damaged", "-")[0] == "RC_NOT_FOUND"
    objects.link.mend()
    assert objects.put("damaged", data) == ("RC_OK", "")
    assert objects.get("damaged") == ("RC_OK", "", data)
    assert objects.call("remove", "damaged", "-") == ("RC_OK", "")


def test_parts_of_an_upload_that_failed_are_taken_back(objects):
    objects.link.break_after(3 * MEBIBYTE, [TO_SERVER])
    code, _ = objects.put("parts", os.urandom(20 * MEBIBYTE), 1)
    assert code == "RC_UNAVAILABLE", code
    assert b"<UploadId>" not in objects.server.ask("GET", f"/{BUCKET}?uploads=")
    assert objects.call("stat", "parts", "-")[0] == "RC_NOT_FOUND"


def test_key_and_secret_come_by_a_file(objects, tmp_path):
    """And no log of the server holds the secret."""
    file = tmp_path / "credentials"
    file.write_text(f"key = {KEY}\nsecret = {objects.server.secret}\n")
    file.chmod(0o600)
    words = ["--objects", objects.server.url(), "--objects-credentials", file]
    with Server(arguments=[*words, "--log-level", "debug"]) as started:
        started.start()
        script = base64.b64encode(b"#!/bin/sh\necho out of a bucket\n").decode()
        job = started.add("@manual", script, type="script")
        assert job["executable"] == f"s3://{BUCKET}/executables/{job['sha256']}"
        assert objects.call("stat", f"executables/{job['sha256']}", "-")[0] == "RC_OK"
        assert objects.server.secret not in started.log.read_text()
