# SPDX-License-Identifier: Apache-2.0
"""What becomes of a run: by itself, by a kill, a timeout, a retry, and its job's changes."""

import datetime
import os
import pwd
import subprocess
import time
from pathlib import Path

import pytest
from harness import FINAL, Server, binary, instant, is_alive, wait_until

OF_THE_C_LIBRARY = 3 << 31  # signals 32 and 33: glibc's posix_spawn has them ignored


@pytest.fixture(scope="module")
def server():
    with Server() as started:
        yield started.start()


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


def soon(seconds):
    """A whole second from now, as `@at` takes it, and as a number."""
    at = int(time.time()) + seconds
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    ), at


# ---- one run ----------------------------------------------------------------------------------


@pytest.mark.smoke
def test_a_run_tells_how_it_went(server):
    run, output = server.execute("echo out; echo err >&2; exit 3")
    assert (run["status"], run["exit_code"], run["signal"]) == ("failed", 3, None)
    assert (run["trigger"], run["attempt"]) == ("manual", 1)
    assert output == b"out\nerr\n"
    assert run["output_bytes"] == 8 and run["output_truncated"] is False
    assert instant(run["scheduled_at"]) <= instant(run["started_at"]) <= instant(run["finished_at"])
    assert run["cpu_seconds"] >= 0 and run["max_rss"] > 0


def test_a_signal_is_told(server):
    run, _ = server.execute("kill -SEGV $$")
    assert (run["status"], run["exit_code"], run["signal"]) == ("failed", None, 11)


def test_run_and_wait_passes_the_exit_code_on(server):
    job = server.add("@manual", "echo heard; exit 5", name="five")
    assert "heard" in cli(server, "run", job["name"], "--wait", expect=5)
    assert server.runs(job)[0]["exit_code"] == 5


def test_arguments_environment_and_input_reach_the_run(server):
    job = server.add(
        "@manual",
        'cat; echo "$1,$2,$GREETING,$NAME"',
        args=["a b", "$(c)"],
        env={"GREETING": "hello", "NAME": "x"},
        stdin="first\nsecond\n",
    )
    run = server.wait_run(server.run(job))
    assert server.output(run) == b"first\nsecond\na b,$(c),hello,x\n"
    run = server.wait_run(server.run(job, {"args": ["one", "two"], "env": {"NAME": "y"}}))
    assert server.output(run) == b"first\nsecond\none,two,hello,y\n"


def test_the_environment_is_crons_and_nothing_more(server):
    account = pwd.getpwuid(os.geteuid())
    run, output = server.execute("env -0", name="environment")
    pairs = dict(item.split("=", 1) for item in output.decode().split("\0") if item)
    pairs.pop("_", None)  # these two come from the shell itself
    assert pairs.pop("PWD", account.pw_dir) == account.pw_dir
    assert pairs.pop("CRONJOB_WORKER")
    assert pairs == {
        "HOME": account.pw_dir,
        "LOGNAME": account.pw_name,
        "USER": account.pw_name,
        "SHELL": "/bin/sh",
        "PATH": "/usr/bin:/bin",
        "CRONJOB_JOB_ID": run["job"],
        "CRONJOB_JOB_NAME": "environment",
        "CRONJOB_RUN_ID": run["id"],
        "CRONJOB_SCHEDULED_AT": run["scheduled_at"],
        "CRONJOB_ATTEMPT": "1",
    }


def test_a_run_inherits_three_descriptors_and_nothing_else(server):
    _, output = server.execute("ls /proc/self/fd; umask; ulimit -c; cat /proc/self/status")
    lines = output.decode().split("\n")
    assert lines[:4] == ["0", "1", "2", "3"]  # the fourth is the folder that ls reads
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert int(status["SigBlk"], 16) == 0
    assert int(status["SigIgn"], 16) & ~OF_THE_C_LIBRARY == 0
    assert lines[4] == "0022"


@pytest.mark.parametrize("command", ["/no/such/program", "exit 127"])
def test_what_cannot_be_executed_fails_as_in_a_shell(server, command):
    run, _ = server.execute(command)
    assert (run["status"], run["exit_code"]) == ("failed", 127)


def test_a_missing_working_directory_is_the_reason(server):
    run, _ = server.execute("echo here", working_directory="/no/such/folder")
    assert run["status"] == "failed" and "/no/such/folder" in run["reason"]


# ---- output -----------------------------------------------------------------------------------


def test_long_output_keeps_its_head_and_its_tail(server):
    run, output = server.execute(
        "echo HEAD; yes line | head -c 3000000; echo TAIL", limits={"output": 64 * 1024}
    )
    assert run["status"] == "succeeded"
    assert run["output_truncated"] is True and run["output_bytes"] == 3_000_010
    assert output.startswith(b"HEAD\nline\n") and output.endswith(b"TAIL\n")
    assert len(output) < 70 * 1024


def test_binary_output_is_kept_byte_for_byte(server):
    program = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)"
    run, output = server.execute(f'/usr/bin/python3 -c "{program}"')
    assert output == bytes(range(256)) * 100
    assert run["output_bytes"] == 25_600


def test_output_can_be_read_in_parts(server):
    run, output = server.execute("seq 1 300000")
    assert len(output) == run["output_bytes"] == sum(len(str(n)) + 1 for n in range(1, 300001))
    assert server.output(run, "?tail=3") == b"299998\n299999\n300000\n"
    path = f"/runs/{run['id']}/output"
    part = server.request("GET", path, expect=206, headers={"Range": "bytes=2-7"})
    assert part.content == output[2:8]
    assert part.headers["Content-Range"] == f"bytes 2-7/{len(output)}"


def test_follow_shows_the_output_as_it_grows_and_ends_with_the_run(server):
    job = server.add("@manual", "for i in 1 2 3; do echo $i; sleep 0.4; done")
    run = server.run(job)
    path = f"{server.url}/runs/{run['id']}/output?follow=true"
    with server.session.get(path, stream=True, timeout=20) as answer:
        seen = [(line, time.monotonic()) for line in answer.iter_lines(chunk_size=1)]
    assert [line for line, _ in seen] == [b"1", b"2", b"3"]
    assert seen[2][1] - seen[0][1] > 0.5
    assert server.get(f"/runs/{run['id']}")["status"] == "succeeded"


# ---- ends by force ----------------------------------------------------------------------------

# A tree that is hard to kill: all ignore TERM, one has left the session, one has been orphaned too.
STUBBORN = """
trap '' TERM
setsid sh -c 'trap "" TERM; echo $$ >>{pids}; sleep 300' &
(setsid sh -c 'trap "" TERM; echo $$ >>{pids}; sleep 300' &) &
echo $$ >>{pids}
wait; sleep 300; sleep 300
"""


def wait_for_pids(path, count):
    def all_there():
        found = path.read_text().split() if path.exists() else []
        return [int(pid) for pid in found] if len(found) == count else None

    return wait_until(all_there, 10, f"{count} processes")


def test_a_kill_ends_the_whole_tree(server, tmp_path):
    pids = tmp_path / "pids"
    job = server.add("@manual", STUBBORN.format(pids=pids), kill_grace="1s")
    run = server.run(job)
    processes = wait_for_pids(pids, 3)
    began = time.monotonic()
    server.request("POST", f"/runs/{run['id']}/kill", expect=202)
    run = server.wait_run(run)
    assert run["status"] == "killed" and run["signal"] == 9
    assert 0.9 < time.monotonic() - began < 5
    assert not any(is_alive(pid) for pid in processes)


def test_a_kill_is_gentle_first(server):
    command = "exec 2>/dev/null; trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    job = server.add("@manual", command)
    run = server.run(job)
    wait_until(lambda: server.output(run) == b"up\n", 10, "it is up")
    server.request("POST", f"/runs/{run['id']}/kill", expect=202)
    run = server.wait_run(run)
    assert run["status"] == "killed"
    assert server.output(run) == b"up\nbye\n"


def test_a_timeout_ends_the_whole_tree(server, tmp_path):
    pids = tmp_path / "pids"
    job = server.add("@manual", STUBBORN.format(pids=pids), timeout="1s", kill_grace="1s")
    run = server.run(job)
    processes = wait_for_pids(pids, 3)
    run = server.wait_run(run)
    assert run["status"] == "timed_out"
    took = instant(run["finished_at"]) - instant(run["started_at"])
    assert 1.9 < took < 6
    assert not any(is_alive(pid) for pid in processes)


def test_what_a_run_leaves_in_the_background_is_ended(server, tmp_path):
    pids = tmp_path / "pids"
    command = f"setsid sleep 300 & echo $! >>{pids}; echo started"
    run, output = server.execute(command, kill_grace="1s")
    assert (run["status"], output) == ("succeeded", b"started\n")
    assert not any(is_alive(pid) for pid in wait_for_pids(pids, 1))


def test_a_run_after_a_kill_is_not_killed(server):
    first = server.run(server.add("@manual", "trap '' TERM; sleep 60", kill_grace="0s"))
    wait_until(lambda: server.get(f"/runs/{first['id']}")["status"] == "running", 10)
    server.request("POST", f"/runs/{first['id']}/kill", expect=202)
    assert server.wait_run(first)["status"] == "killed"
    for _ in range(3):
        assert server.execute("echo alive")[1] == b"alive\n"


def test_a_run_that_has_ended_cannot_be_killed(server):
    run, _ = server.execute("true")
    answer = server.request("POST", f"/runs/{run['id']}/kill")
    assert answer.status_code in (202, 409)
    assert server.get(f"/runs/{run['id']}")["status"] == "succeeded"


# ---- retries ----------------------------------------------------------------------------------


def test_retries_wait_longer_each_time(server):
    job = server.add(
        "@manual",
        "test $CRONJOB_ATTEMPT -eq 3",
        retries={"limit": 3, "delay": "1s", "backoff": 2, "max_delay": "1h"},
    )
    server.run(job)
    wait_until(lambda: server.runs(job)[-1]["status"] == "succeeded", 20, "the third attempt")
    runs = server.runs(job)
    assert [run["attempt"] for run in runs] == [1, 2, 3]
    assert [run["status"] for run in runs] == ["failed", "failed", "succeeded"]
    assert [run["trigger"] for run in runs] == ["manual", "retry", "retry"]
    assert len({run["scheduled_at"] for run in runs}) == 1
    waits = [
        instant(after["started_at"]) - instant(before["finished_at"])
        for before, after in zip(runs, runs[1:])
    ]
    assert 0.95 < waits[0] < 1.9 and 1.95 < waits[1] < 3.9


def test_retries_end_at_their_limit(server):
    job = server.add("@manual", "false", retries={"limit": 1, "delay": "1s", "backoff": 1})
    server.run(job)
    assert [run["attempt"] for run in server.wait_runs(job, 2)] == [1, 2]
    assert server.get(f"/jobs/{job['id']}")["status"] == "error"


# ---- schedules --------------------------------------------------------------------------------


def test_a_job_of_one_time_runs_on_time_and_is_finished(server):
    text, at = soon(2)
    job = server.add(f"@at {text}", "true")
    assert job["status"] == "scheduled" and instant(job["next_run"]) == at
    run = server.wait_runs(job, 1)[0]
    assert instant(run["scheduled_at"]) == at
    assert at <= instant(run["started_at"]) < at + 1
    done = wait_until(
        lambda: (found := server.get(f"/jobs/{job['id']}"))["status"] == "finished" and found,
        10,
        "the job is finished",
    )
    assert done["next_run"] is None


def test_a_one_time_job_that_fails_is_in_error(server):
    job = server.add(f"@at {soon(1)[0]}", "false")
    server.wait_runs(job, 1)
    wait_until(lambda: server.get(f"/jobs/{job['id']}")["status"] == "error", 10, "it is in error")


def test_a_job_in_error_recovers(server, tmp_path):
    flag = tmp_path / "flag"
    job = server.add("* * * * * *", f"test -e {flag}")
    path = f"/jobs/{job['id']}"
    wait_until(lambda: server.get(path)["status"] == "error", 10, "it is in error")
    flag.touch()
    wait_until(lambda: server.get(path)["status"] == "scheduled", 10, "it has recovered")
    server.remove(job)


def test_every_keeps_its_distance_from_the_anchor(server):
    text, at = soon(2)
    job = server.add("@every 2s", "true", starts_at=text)
    runs = server.wait_runs(job, 2)
    assert [instant(run["scheduled_at"]) - at for run in runs][:2] == [2, 4]
    server.remove(job)


def test_a_paused_job_rests_and_a_resumed_one_goes_on(server):
    job = server.add("* * * * * *", "true")
    server.wait_runs(job, 1, status="succeeded")
    paused = server.change(job, enabled=False)
    assert paused["next_run"] is None
    pause = time.time()
    time.sleep(2.5)
    resume = time.time()
    server.change(job, enabled=True)
    wait_until(
        lambda: any(instant(run["scheduled_at"]) > resume for run in server.runs(job)),
        10,
        "it goes on",
    )
    ticks = [instant(run["scheduled_at"]) for run in server.runs(job)]
    assert not [tick for tick in ticks if pause + 0.3 < tick <= resume]
    server.remove(job)


def test_an_edit_while_it_runs_counts_for_the_next_run(server):
    job = server.add("@manual", "sleep 1; echo old")
    before = server.run(job)
    wait_until(lambda: server.get(f"/runs/{before['id']}")["status"] == "running", 10)
    server.change(job, executable="echo new")
    assert server.output(server.wait_run(before)) == b"old\n"
    assert server.output(server.wait_run(server.run(job))) == b"new\n"


def test_a_removed_job_starts_nothing_more_and_its_run_goes_on(server):
    job = server.add("* * * * * *", "sleep 2; echo through")
    run = wait_until(
        lambda: [run for run in server.runs(job) if run["status"] == "running"], 10, "it runs"
    )[0]
    removed = server.remove(job).json()
    assert removed["status"] == "finished"
    at = time.time()
    assert server.output(server.wait_run(run)) == b"through\n"
    time.sleep(1.2)
    started = [run for run in server.runs(job) if run["started_at"]]
    assert not [run for run in started if instant(run["started_at"]) > at + 0.25]
    assert server.get(f"/jobs/{job['id']}")["status"] == "finished"


def test_a_purged_job_is_gone_with_its_runs(server):
    job = server.add("@manual", "echo kept")
    run = server.wait_run(server.run(job))
    server.remove(job, purge=True)
    for path in (f"/jobs/{job['id']}", f"/runs/{run['id']}", f"/runs/{run['id']}/output"):
        server.request("GET", path, expect=404)


# ---- concurrency ------------------------------------------------------------------------------


def overlapping(server, **policy):
    job = server.add("* * * * * *", "sleep 1.5", kill_grace="1s", **policy)
    server.wait_runs(job, 3)
    server.change(job, enabled=False)
    wait_until(lambda: all(run["status"] in FINAL for run in server.runs(job)), 20, "all ended")
    return server.runs(job)


@pytest.mark.parametrize(
    "policy, status, reason",
    [("forbid", "skipped", "active"), ("replace", "killed", "newer")],
)
def test_runs_that_would_overlap(server, policy, status, reason):
    ended = [run for run in overlapping(server, concurrency=policy) if run["status"] == status]
    assert ended
    assert policy != "forbid" or all(reason in run["reason"] for run in ended)


def test_runs_that_may_overlap_all_succeed(server):
    runs = overlapping(server, concurrency="allow")
    assert {run["status"] for run in runs} == {"succeeded"}
    spans = [(instant(run["started_at"]), instant(run["finished_at"])) for run in runs]
    assert any(after[0] < before[1] for before, after in zip(spans, spans[1:]))


def test_queued_runs_go_one_after_the_other(server):
    runs = [run for run in overlapping(server, concurrency="queue") if run["started_at"]]
    spans = [(instant(run["started_at"]), instant(run["finished_at"])) for run in runs]
    assert all(after[0] >= before[1] for before, after in zip(spans, spans[1:]))


# ---- starts of the machine --------------------------------------------------------------------


def boot_again(server):
    """A stop and a start with the boot of the machine in between: what the server remembers of the
    boot that it started in is made younger."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert server.stop() == 0
    (server.data / "boot").write_text(f"{boot_id} {time.time_ns() // 1000}\n")
    server.start()


def test_reboot_is_once_a_boot_and_not_once_a_start():
    with Server() as server:
        server.start()
        job = server.add("@reboot", "echo booted")
        assert server.stop() == 0
        server.start()
        # A job on demand that has run says that the job before it has been considered.
        server.execute("true")
        assert server.runs(job) == [], "the machine was booted before the job existed"
        boot_again(server)
        server.wait_runs(job, 1)
        for _ in range(2):
            assert server.stop() == 0
            server.start()
            server.execute("true")
        assert [run["trigger"] for run in server.runs(job)] == ["reboot"]
        assert server.get(f"/jobs/{job['id']}")["status"] == "scheduled"


@pytest.mark.parametrize("how", ["pause", "remove"])
def test_what_is_taken_back_just_before_its_tick_does_not_start(server, tmp_path, how):
    truth = tmp_path / "truth"
    job = server.add("* * * * * *", f"date +%s.%N >>{truth}")
    wait_until(truth.exists, what="a first run")
    wait_until(lambda: 0.86 < time.time() % 1 < 0.9, what="a moment before a tick")
    if how == "pause":
        server.change(job, enabled=False)
    else:
        server.remove(job)
    answered = time.time()
    wait_until(lambda: time.time() > answered + 2, what="two ticks more")
    assert max(float(line) for line in truth.read_text().split()) < answered + 0.05
    assert {run["status"] for run in server.runs(job)} <= {"succeeded", "skipped"}


def test_a_run_goes_on_under_another_name_of_its_worker(tmp_path):
    with Server(tmp_path, arguments=["--name", "before"]).start() as server:
        job = server.add("@manual", "sleep 2; echo done")
        run = server.run(job)
        wait_until(lambda: server.get(f"/runs/{run['id']}")["status"] == "running", what="it runs")
        server.stop()
        server.arguments = ["--name", "after"]
        server.start()
        assert server.wait_run(run)["status"] == "succeeded"
        assert server.output(run) == b"done\n"
