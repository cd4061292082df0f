# SPDX-License-Identifier: Apache-2.0
"""Scripts and binaries: what is executed, what is refused, and what stands in the way."""

import base64
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from harness import Server, binary, instant, is_alive, wait_until

TRUE = Path(shutil.which("true")).read_bytes()


def add_file(server, content, schedule="@manual", type="script", **fields):
    if isinstance(content, str):
        content = content.encode()
    return server.add(schedule, base64.b64encode(content).decode(), type=type, **fields)


def execute(server, content, **fields):
    """Runs a file once; the final run and its output."""
    job = add_file(server, content, **fields)
    run = server.wait_run(server.run(job))
    return run, server.output(run)


def cached(server, content):
    """Where the worker's copy is, or would be."""
    digest = hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
    return server.data / "cache" / digest[:2] / digest


def copies(server):
    return sorted(path.name for path in server.data.glob("cache/[0-9a-f][0-9a-f]/*"))


def downloads(server):
    return server.log.read_text().count('event="file was downloaded"')


# ---- what is executed -------------------------------------------------------------------------


@pytest.mark.smoke
def test_a_script_gets_arguments_and_environment(server):
    content = '#!/bin/sh -e\necho "$0,$1,$#,$GREETING"\n'
    run, output = execute(server, content, args=["a b", "c"], env={"GREETING": "hello"})
    assert (run["status"], run["reason"]) == ("succeeded", None)
    assert output == b"/dev/fd/3,a b,2,hello\n"
    assert run["sha256"] == hashlib.sha256(content.encode()).hexdigest()


def test_python_and_awk_and_env(server):
    script = "#!/usr/bin/env python3\nimport os, sys\nprint(sys.argv[1], os.environ['X'])\n"
    assert execute(server, script, args=["one"], env={"X": "two"})[1] == b"one two\n"
    assert execute(server, "#!/usr/bin/awk -f\nBEGIN { print 6 * 7 }\n")[1] == b"42\n"
    split = "#!/usr/bin/env -S python3 -u\nprint(__file__)\n"
    assert execute(server, split)[1] == b"/dev/fd/3\n"


def test_a_binary_is_executed_as_its_file(server):
    program = Path(shutil.which("cat")).read_bytes()
    run, output = execute(
        server, program, type="binary", filename="kitty", args=["/proc/self/cmdline"]
    )
    assert run["status"] == "succeeded", run["reason"]
    assert output == b"kitty\0/proc/self/cmdline\0"


def test_input_and_working_directory(server, tmp_path):
    run, output = execute(
        server, "#!/bin/sh\npwd\ncat\n", stdin="text\n", working_directory=str(tmp_path)
    )
    assert output == f"{tmp_path}\ntext\n".encode()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs jobs as others")
def test_another_account_executes_what_it_cannot_reach(server):
    run, output = execute(server, "#!/bin/sh\nid -un\n", run_as="nobody")
    assert (run["status"], output) == ("succeeded", b"nobody\n"), run["reason"]
    program = Path(shutil.which("id")).read_bytes()
    run, output = execute(server, program, type="binary", args=["-un"], run_as="nobody")
    assert (run["status"], output) == ("succeeded", b"nobody\n"), run["reason"]
    assert stat.S_IMODE((server.data / "cache").stat().st_mode) == 0o700


# ---- what is refused --------------------------------------------------------------------------


def foreign():
    """A program for a machine that this one is not."""
    content = bytearray(TRUE)
    content[18:20] = (0x7FFF).to_bytes(2, "little")
    return bytes(content)


@pytest.mark.parametrize(
    "content, type, reason",
    [
        ("echo hello\n", "script", "a script begins with #! and the path of its interpreter"),
        ("#!/nowhere/sh\n", "script", "the script's interpreter /nowhere/sh: No such file"),
        ("#!sh\n", "script", "#! is not followed by the absolute path of an interpreter"),
        ("#!/bin/sh\r\necho\r\n", "script", "carriage return"),
        (TRUE, "script", "this is a program: use type binary"),
        ("#!/bin/sh\n", "binary", "this is a script: use type script"),
        ("hello", "binary", "this is no program"),
        (foreign(), "binary", "the program is for another machine (32767)"),
        (TRUE[:40], "binary", "the program ends in its head"),
    ],
)
def test_what_cannot_be_executed_says_why(server, content, type, reason):
    body = {
        "schedule": "@manual",
        "type": type,
        "executable": base64.b64encode(
            content.encode() if isinstance(content, str) else content
        ).decode(),
    }
    answer = server.request("POST", "/jobs", body)
    if answer.status_code == 422:  # known when it was uploaded
        assert reason in answer.text
        return
    assert answer.status_code == 201, answer.text
    run = server.wait_run(server.run(answer.json()))
    assert (run["status"], run["started_at"]) == ("failed", None)
    assert reason in run["reason"]


# ---- the copies -------------------------------------------------------------------------------


def test_two_jobs_with_one_file_download_it_once(own_server):
    first, second = (add_file(own_server, "#!/bin/sh\necho one\n") for _ in range(2))
    for job in (first, second, first):
        assert own_server.wait_run(own_server.run(job))["status"] == "succeeded"
    assert downloads(own_server) == 1
    assert len(copies(own_server)) == 1


def test_copies_survive_a_restart(own_server):
    job = add_file(own_server, "#!/bin/sh\necho one\n")
    own_server.wait_run(own_server.run(job))
    own_server.stop()
    shutil.move(own_server.data / "objects" / "executables", own_server.directory / "away")
    own_server.start()
    assert own_server.wait_run(own_server.run(job))["status"] == "succeeded"
    assert downloads(own_server) == 1


def test_a_damaged_copy_is_fetched_again(own_server):
    content = "#!/bin/sh\necho right\n"
    job = add_file(own_server, content)
    own_server.wait_run(own_server.run(job))
    path = cached(own_server, content)
    path.chmod(0o755)
    path.write_text("#!/bin/sh\necho wrong\n")
    run = own_server.wait_run(own_server.run(job))
    assert own_server.output(run) == b"right\n"
    assert path.read_text() == content
    path.unlink()
    os.symlink("/etc/passwd", path)
    assert own_server.output(own_server.wait_run(own_server.run(job))) == b"right\n"
    assert not path.is_symlink()


def test_links_among_the_copies_and_objects_lead_nowhere(own_server, tmp_path):
    content = "#!/bin/sh\necho right\n"
    job = add_file(own_server, content)
    digest = job["sha256"]
    own_server.stop()
    shutil.rmtree(own_server.data / "cache")
    (own_server.data / "cache").mkdir(mode=0o700)
    (own_server.data / "cache" / digest[:2]).symlink_to(tmp_path)
    own_server.start()
    assert own_server.output(own_server.wait_run(own_server.run(job))) == b"right\n"
    assert list(tmp_path.iterdir()) == []
    assert cached(own_server, content).read_text() == content
    own_server.stop()
    shutil.rmtree(own_server.data / "cache")
    stored = own_server.data / "objects" / "executables" / digest
    stored.unlink()
    outside = tmp_path / "outside"
    outside.write_text(content)  # the very bytes, but not ours
    stored.symlink_to(outside)
    own_server.start()
    run = own_server.wait_run(own_server.run(job), 60)
    assert (run["status"], run["started_at"]) == ("failed", None), run


@pytest.mark.parametrize("name", ["../passwd", "..", ".", "/etc/passwd", "a/b", "a\nb"])
def test_a_name_that_is_a_path_is_refused(server, name):
    body = {
        "schedule": "@manual",
        "type": "script",
        "executable": base64.b64encode(b"#!/bin/sh\n").decode(),
        "filename": name,
    }
    answer = server.request("POST", "/jobs", body, expect=422)
    assert answer.json()["errors"][0]["field"] == "filename"
    assert "is not the name of a file" in answer.text


@pytest.mark.parametrize("way", ["rename over", "write over"])
def test_a_copy_that_is_replaced_before_the_start_is_not_executed(own_server, tmp_path, way):
    """Between the check, 200 ms before the tick, and the tick."""
    content = "#!/bin/sh\necho right\n"
    wrong = "#!/bin/sh\necho wrong\n"
    job = add_file(own_server, content, schedule="* * * * * *")
    own_server.wait_runs(job, 1)
    path = cached(own_server, content)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        if way == "rename over":
            other = path.with_name("x" + path.name)
            other.write_text(wrong)
            other.chmod(0o555)
            other.rename(path)
        elif path.exists():
            path.chmod(0o755)
            path.write_text(wrong)
            path.chmod(0o555)
        time.sleep(0.05)
    own_server.change(job, enabled=False)
    runs = wait_until(
        lambda: all(run["finished_at"] for run in own_server.runs(job)) and own_server.runs(job)
    )
    assert any(run["status"] == "succeeded" for run in runs)
    for run in runs:
        assert own_server.output(run) in (b"right\n", b""), run
        if run["status"] == "failed":
            assert "was changed after its bytes were checked" in run["reason"]


def test_a_small_cache_gives_up_what_is_used_least():
    with Server(arguments=["--cache-limit", "100KiB"]) as server:
        server.start()
        long = add_file(server, "#!/bin/sh\nsleep 30\n" + "#" * 50_000)
        going = server.run(long)
        wait_until(lambda: server.get(f"/runs/{going['id']}")["status"] == "running")
        for number in range(6):
            run, output = execute(server, f"#!/bin/sh\necho {number}\n" + "#" * 30_000)
            assert output == f"{number}\n".encode()
        wait_until(lambda: sum(p.stat().st_size for p in server.data.glob("cache/??/*")) <= 102400)
        digest = server.get(f"/jobs/{long['id']}")["sha256"]
        assert digest in copies(server), "what runs is not given up"
        assert server.get(f"/runs/{going['id']}")["status"] == "running"
        server.request("POST", f"/runs/{going['id']}/kill", expect=202)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_full_disk_is_told():
    with Server() as server:
        cache = server.data / "cache"
        cache.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(cache)]
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("nothing can be mounted here")
        try:
            server.start()
            small = ["#!/bin/sh\necho small\n" + c * 120_000 for c in "#+"]
            job = add_file(server, small[0])
            assert server.wait_run(server.run(job))["status"] == "succeeded"
            other = add_file(server, small[1].replace("small\n+", "small\n#"))
            assert server.wait_run(server.run(other))["status"] == "succeeded"
            third = add_file(server, "#!/bin/sh\necho third\n#" + "x" * 150_000)
            assert server.wait_run(server.run(third))["status"] == "succeeded"
            huge = add_file(server, "#!/bin/sh\n#" + "x" * 500_000, catch_up="none")
            run = server.wait_run(server.run(huge), 60)
            assert run["status"] == "missed"
            assert "No space left on device" in run["reason"]
        finally:
            server.end()
            subprocess.run(["umount", "-l", str(cache)], check=True)


# ---- the object store is away -----------------------------------------------------------------


def test_a_run_waits_for_its_file(own_server):
    objects = own_server.data / "objects"
    job = add_file(own_server, "#!/bin/sh\necho late\n")
    executables, away = objects / "executables", own_server.directory / "away"
    shutil.rmtree(own_server.data / "cache")
    own_server.stop()
    shutil.move(executables, away)
    executables.write_text("in the way")  # not a folder
    executables.unlink()
    os.symlink("/nonexistent", executables)
    own_server.start()
    other = own_server.add("@manual", "echo command")
    run = own_server.run(job)
    assert own_server.output(own_server.wait_run(own_server.run(other))) == b"command\n"
    executables.unlink()
    shutil.move(away, executables)
    run = own_server.wait_run(run)
    assert run["status"] in ("succeeded", "failed"), run
    if run["status"] == "failed":
        assert "the object store has no file" in run["reason"]


def test_a_file_that_is_nowhere_fails_its_run(own_server):
    content = "#!/bin/sh\n"
    job = add_file(own_server, content)
    own_server.wait_run(own_server.run(job))
    own_server.stop()
    for path in own_server.data.glob("objects/executables/*"):
        path.unlink()
    shutil.rmtree(own_server.data / "cache")
    own_server.start()
    run = own_server.wait_run(own_server.run(job))
    assert run["status"] == "failed"
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert run["reason"] == f"the object store has no file {digest}"


# ---- what dies --------------------------------------------------------------------------------


def test_a_script_outlives_its_server(own_server, tmp_path):
    go = tmp_path / "go"
    content = f"#!/bin/sh\necho begins\nwhile [ ! -e {go} ]; do sleep 0.05; done\necho ends\n"
    job = add_file(own_server, content)
    run = own_server.run(job)
    wait_until(lambda: own_server.output(run) == b"begins\n")
    own_server.kill()
    shutil.rmtree(own_server.data / "cache")  # nothing of it is needed any more
    own_server.start()
    go.touch()
    run = own_server.wait_run(run)
    assert run["status"] == "succeeded"
    assert own_server.output(run) == b"begins\nends\n"


def test_a_script_ends_with_its_guardian(own_server, tmp_path):
    started = tmp_path / "pids"
    content = f"#!/bin/sh\necho $$ >> {started}\nsleep 100\n"
    job = add_file(own_server, content, on_worker_loss="rerun")
    own_server.run(job)
    wait_until(started.exists)
    wait_until(lambda: started.read_text().endswith("\n"))
    first = int(started.read_text())
    own_server.kill_guardian()
    runs = own_server.wait_runs(job, 1, status="lost")
    assert runs[0]["reason"] == "the guardian died"
    wait_until(lambda: not is_alive(first))
    wait_until(lambda: len(started.read_text().split()) == 2)  # a new attempt
    for run in own_server.runs(job):
        if not run["finished_at"]:
            own_server.request("POST", f"/runs/{run['id']}/kill", expect=202)


# ---- once more, exactly -----------------------------------------------------------------------


def cli(server, *arguments, expect=0):
    done = subprocess.run(
        [binary(), *arguments],
        env=dict(os.environ, CRONJOB_SERVER=server.url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == expect, done.stderr.decode()
    return done.stdout.decode()


def test_a_run_is_repeated_exactly(server):
    job = add_file(
        server, '#!/bin/sh\necho "old $1 $A"\n', name="exactly", args=["x"], env={"A": "1"}
    )
    first = server.wait_run(server.run(job, {"args": ["y"]}))
    assert server.output(first) == b"old y 1\n"
    new = base64.b64encode(b'#!/bin/sh\necho "new $1 $A"\n').decode()
    server.change(job, executable=new, args=["z"], env={"A": "2"})
    assert server.output(server.wait_run(server.run(job))) == b"new z 2\n"
    again = server.wait_run(server.run(job, {"exact": first["id"]}))
    assert server.output(again) == b"old y 1\n"
    assert again["sha256"] == first["sha256"]
    assert cli(server, "run", "exactly", "--exact", first["id"], "--wait") == "old y 1\n"


def test_it_is_shown_since_when_a_job_has_its_bytes(server):
    job = add_file(server, "#!/bin/sh\necho one\n", name="shown")
    new = base64.b64encode(b"#!/bin/sh\necho two\n").decode()
    changed = server.change(job, executable=new)["executable_changed_at"]
    assert changed > job["executable_changed_at"]
    server.change(job, description="the same bytes")
    shown = dict(line.split(None, 1) for line in cli(server, "show", "shown").splitlines())
    assert shown["executable_changed_at"] == changed


def test_a_command_is_repeated_exactly(server):
    job = server.add("@manual", "echo old $A", env={"A": "1"})
    first = server.wait_run(server.run(job, {"env": {"A": "2"}}))
    server.change(job, executable="echo new $A")
    again = server.wait_run(server.run(job, {"exact": first["id"]}))
    assert server.output(again) == b"old 2\n"


def test_what_cannot_be_repeated_says_why(server):
    job = server.add("@manual", "true")
    other = server.add("@manual", "true")
    run = server.wait_run(server.run(job))
    for body, message in (
        ({"exact": "x"}, "is not a run's id"),
        ({"exact": run["id"], "args": []}, "leave them out"),
    ):
        answer = server.request("POST", f"/jobs/{job['id']}/runs", body, expect=422)
        assert message in answer.text
    answer = server.request("POST", f"/jobs/{other['id']}/runs", {"exact": run["id"]}, expect=422)
    assert f"job {other['id']} has no run {run['id']}" in answer.text


def test_a_schedule_starts_on_time(server):
    job = add_file(server, "#!/bin/sh\ntrue\n", schedule="* * * * * *")
    runs = server.wait_runs(job, 3)
    server.change(job, enabled=False)
    assert all(run["status"] == "succeeded" for run in runs)
    late = [instant(run["started_at"]) - instant(run["scheduled_at"]) for run in runs]
    assert max(late) < 0.5, late


def test_signals_reach_the_whole_tree(server):
    job = add_file(server, "#!/bin/sh\nsleep 100 &\nwait\n", kill_grace="1s")
    run = server.run(job)
    wait_until(lambda: server.get(f"/runs/{run['id']}")["status"] == "running")
    server.request("POST", f"/runs/{run['id']}/kill", expect=202)
    run = server.wait_run(run)
    assert (run["status"], run["signal"]) == ("killed", signal.SIGTERM)
