# SPDX-License-Identifier: Apache-2.0
"""`cronjob doctor` names the piece that is broken, and says what to mend."""

import os
import re
import subprocess

import pytest
from harness import binary, free_port
from servers.process import temporary_folder
from servers.s3 import BUCKET, Swift
from shifted import Clock, build_library

HOUR = 3600


@pytest.fixture(scope="module")
def s3():
    with temporary_folder() as directory:
        started = Swift(directory / "s3")
        try:
            yield started.start()
        finally:
            started.kill()


def doctor(**environment):
    """What it says of the objects, and its remedy. There is no server to ask for the rest."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("CRONJOB_")}
    done = subprocess.run(
        [binary(), "doctor", "--server", f"http://127.0.0.1:{free_port()}"],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )
    found = re.search(r"^(ok|FAIL) +objects +(.*)\n(?: +-> (.*)\n)?", done.stdout, re.MULTILINE)
    return found.groups() if found else None


def ask(s3, url=None, **environment):
    return doctor(CRONJOB_OBJECTS=url or s3.url(), **{**s3.credentials(), **environment})


def test_a_bucket_is_tried(s3):
    assert ask(s3) == ("ok", f"s3://{BUCKET} keeps, gives and removes", None)
    assert b"<Key>doctor/" not in s3.ask("GET", f"/{BUCKET}")


def test_a_server_that_is_down(s3):
    mark, said, remedy = ask(s3, s3.url(address=f"127.0.0.1:{free_port()}"))
    assert mark == "FAIL"
    assert "does not answer" in said
    assert "start it" in remedy


def test_a_wrong_secret(s3):
    mark, said, remedy = ask(s3, CRONJOB_OBJECTS_SECRET="hunter2")
    assert mark == "FAIL"
    assert "refuses the key or its secret" in said
    assert "hunter2" not in said
    assert "objects-credentials" in remedy


def test_a_bucket_that_is_not_there(s3):
    mark, said, remedy = ask(s3, s3.url(bucket="nowhere"))
    assert mark == "FAIL"
    assert "there is no bucket 'nowhere'" in said
    assert "make the bucket" in remedy


@pytest.mark.parametrize(("offset", "word"), [(-HOUR, "behind"), (HOUR, "ahead")])
def test_a_clock_that_is_refused(s3, tmp_path, offset, word):
    clock = Clock(tmp_path / "clock", build_library(tmp_path))
    clock.step(offset)
    mark, said, remedy = ask(s3, **clock.environment)
    assert mark == "FAIL"
    assert re.search(rf"whose clock is (1h|59m\d+s|1h\d+s) {word}", said)
    assert "clock" in remedy


def test_credentials_that_others_can_read(s3, tmp_path):
    file = tmp_path / "credentials"
    file.write_text("key = a\nsecret = hunter2\n")
    file.chmod(0o644)
    mark, said, remedy = doctor(CRONJOB_OBJECTS=s3.url(), CRONJOB_OBJECTS_CREDENTIALS=str(file))
    assert mark == "FAIL"
    assert "can be read or changed by others" in said
    assert "hunter2" not in said
    assert "objects-credentials" in remedy or "chmod" in said


def test_no_credentials(s3):
    mark, said, remedy = doctor(CRONJOB_OBJECTS=s3.url())
    assert mark == "FAIL"
    assert "no key and no secret" in said
    assert "objects-credentials" in remedy


def test_a_directory_is_tried(tmp_path):
    mark, said, remedy = doctor(CRONJOB_OBJECTS=f"file:{tmp_path}")
    assert (mark, said, remedy) == ("ok", f"file://{tmp_path} keeps, gives and removes", None)
    assert not (tmp_path / "doctor").exists()


def test_a_directory_that_is_not_there_is_not_made(tmp_path):
    mark, said, remedy = doctor(CRONJOB_OBJECTS=f"file:{tmp_path}/none")
    assert mark == "FAIL"
    assert f"{tmp_path}/none: No such file" in said
    assert "mount it, or make it" in remedy
    assert not (tmp_path / "none").exists()


def test_a_directory_that_cannot_be_written(tmp_path):
    """/proc takes no file, of root neither."""
    mark, said, remedy = doctor(CRONJOB_OBJECTS="file:/proc")
    assert mark == "FAIL"
    assert "/proc" in said
    assert "mount it for writing" in remedy


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_directory_of_another_account_is_only_looked_at(tmp_path):
    os.chown(tmp_path, 65534, -1)
    mark, said, _ = doctor(CRONJOB_OBJECTS=f"file:{tmp_path}")
    assert (mark, "another account's" in said) == ("ok", True)
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_without_a_place_for_objects():
    mark, said, remedy = doctor(CRONJOB_COORDINATION=f"zookeeper://127.0.0.1:{free_port()}/x")
    assert mark == "FAIL"
    assert "there is no place" in said
    assert "objects = s3://" in remedy


def test_one_machine_needs_no_word_of_it():
    assert doctor() is None
