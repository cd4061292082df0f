# SPDX-License-Identifier: Apache-2.0
"""The client's commands against a real server."""

import json
import os
import re
import subprocess

import pytest
from harness import Server, binary, wait_until


@pytest.fixture(scope="module")
def server():
    with Server() as started:
        yield started.start()


@pytest.fixture
def run(server):
    """(exit code, stdout, stderr) of a command."""

    def call(*arguments, stdin="", **environment):
        done = subprocess.run(
            [binary(), *map(str, arguments)],
            input=stdin.encode(),
            env={**os.environ, "CRONJOB_SERVER": server.url, **environment},
            capture_output=True,
            timeout=60,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return call


@pytest.fixture
def ok(run):
    """stdout of a command that must succeed without a complaint."""

    def call(*arguments, **more):
        code, out, err = run(*arguments, **more)
        assert (code, err) == (0, ""), (out, err)
        return out

    return call


@pytest.fixture
def add(ok):
    """Adds a job and answers its id; all are erased afterwards."""
    ids = []

    def call(*arguments):
        ids.append(ok("add", *arguments).strip())
        return ids[-1]

    yield call
    for job in ids:
        ok("remove", "--purge", job)


def shown(ok, job):
    return json.loads(ok("show", "--json", job))


# ---- add, show, list --------------------------------------------------------------------------


@pytest.mark.smoke
def test_add_prints_the_id_and_takes_every_field(add, ok):
    job = add(
        "--name=all", "--description=d", "--label=a=b", "--arg=1", "--arg=2", "--env=X=y z",
        "--stdin=in", "--working-directory=/tmp", "--time-zone=Asia/Tokyo", "--disabled",
        "--starts-at=2030-01-01T00:00:00Z", "--ends-at=2031-01-01T00:00:00Z", "--jitter=5m",
        "--concurrency=queue", "--catch-up=all", "--catch-up-window=2h", "--timeout=90s",
        "--kill-grace=3", "--retries=2", "--retry-delay=5s", "--retry-backoff=1.5",
        "--retry-max-delay=10m", "--retry-elsewhere", "--on-worker-loss=fail", "--memory=64MiB",
        "--cpu=0.5", "--tasks=10", "--output-limit=1MiB", "--nice=5", "0 2 * * *", "--", "date; id",
    )  # fmt: skip
    assert re.fullmatch(r"\d+", job)
    document = shown(ok, "all")
    expected = {
        "id": job, "executable": "date; id", "schedule": "0 2 * * *", "type": "command",
        "name": "all", "description": "d", "labels": {"a": "b"}, "args": ["1", "2"],
        "env": {"X": "y z"}, "stdin": "in", "working_directory": "/tmp", "time_zone": "Asia/Tokyo",
        "enabled": False, "starts_at": "2030-01-01T00:00:00Z", "ends_at": "2031-01-01T00:00:00Z",
        "jitter": "5m", "concurrency": "queue", "catch_up": "all", "catch_up_window": "2h",
        "timeout": "1m30s", "kill_grace": "3s", "on_worker_loss": "fail",
        "retries": {"limit": 2, "delay": "5s", "backoff": 1.5, "max_delay": "10m",
                    "elsewhere": True},
        "limits": {"memory": "64MiB", "cpu": 0.5, "tasks": 10, "output": "1MiB", "nice": 5},
    }  # fmt: skip
    assert {name: document[name] for name in expected} == expected
    text = ok("show", "all")
    assert "executable         date; id\n" in text
    assert "starts_at          2030-01-01T00:00:00Z\n" in text


def test_several_words_reach_the_shell_as_they_are(add, run):
    job = add("@manual", "--", "printf", "%s|", "a b", "it's", "$HOME", "")
    assert run("run", "--wait", job) == (0, "a b|it's|$HOME||", "")


def test_a_refusal_names_the_field(run):
    code, out, err = run("add", "--concurrency=x", "75 * * * *", "--", "date")
    assert (code, out) == (1, "")
    assert "cronjob: concurrency: 'x' is not one of" in err
    assert run("add", "75 * * * *", "--", "date")[2] == (
        "cronjob: schedule: minute 75 is not in 0-59\n"
    )


def test_list_is_a_table_or_json(add, ok):
    first = add("--name=one", "--label=set=list", "0 2 * * *", "--", "date\n\x1b[31m")
    second = add("--label=set=list", "--disabled", "@daily", "--", "id")
    lines = ok("list", "--label", "set:list").splitlines()
    assert lines[0].split() == "ID NAME STATUS SCHEDULE ZONE NEXT LAST COMMAND".split()
    assert lines[1].split()[:3] == [first, "one", "scheduled"]
    assert lines[1].endswith("date ?[31m")
    assert lines[2].split()[:2] == [second, "-"]
    assert " paused " in lines[2]
    documents = json.loads(ok("list", "--label", "set:list", "--json"))
    assert [document["id"] for document in documents] == [first, second]
    assert json.loads(ok("--json", "list", "--label", "set:list", "--limit=1"))[0]["id"] == first


def test_an_idempotency_key_adds_once(add, ok):
    job = add("--idempotency-key=k1", "@daily", "--", "x")
    assert ok("add", "--idempotency-key=k1", "@daily", "--", "x").strip() == job


# ---- edit, pause, resume, remove --------------------------------------------------------------


def test_edit_by_options_changes_those_fields_alone(add, ok):
    job = add("--label=a=1", "--label=b=2", "--timeout=5s", "@daily", "--", "x")
    before = shown(ok, job)
    ok("edit", job, "--label=c=3", "--label=b", "--retries=4", "--reset=timeout",
       "--schedule=@hourly", "--", "echo", "a b")  # fmt: skip
    after = shown(ok, job)
    assert after["labels"] == {"a": "1", "c": "3"}
    assert after["retries"] == {**before["retries"], "limit": 4}
    assert (after["timeout"], after["schedule"]) == (None, "@hourly")
    assert after["executable"] == "echo 'a b'"
    assert after["catch_up"] == before["catch_up"]


def test_edit_by_hand_replaces_the_job(add, ok, run, tmp_path):
    job = add("@daily", "--", "x")
    place = {"TMPDIR": str(tmp_path), "VISUAL": ""}
    ok("edit", job, EDITOR="sed -i s/@daily/@hourly/", **place)
    assert shown(ok, job)["schedule"] == "@hourly"
    assert run("edit", job, EDITOR="true", **place) == (0, "", "cronjob: nothing is changed\n")
    assert run("edit", job, EDITOR="false", **place)[0] == 1
    assert list(tmp_path.iterdir()) == []
    code, _, err = run("edit", job, EDITOR="sed -i s/@hourly/@bogus/", **place)
    assert code == 1
    assert "@bogus" in list(tmp_path.iterdir())[0].read_text()
    assert f"your text is kept in {tmp_path}" in err


def test_edit_by_hand_does_not_overwrite_others(add, ok, run, tmp_path):
    job = add("@daily", "--", "x")
    editor = f"sh -c '{binary()} edit {job} --description other; sed -i s/@daily/@hourly/ \"$0\"'"
    code, _, err = run("edit", job, EDITOR=editor, VISUAL="", TMPDIR=str(tmp_path))
    assert code == 1
    assert "your text is kept" in err
    assert (shown(ok, job)["schedule"], shown(ok, job)["description"]) == ("@daily", "other")


def test_pause_resume_remove(add, ok, run):
    job = add("--name=pausing", "@daily", "--", "x")
    ok("pause", "pausing")
    assert shown(ok, job)["enabled"] is False
    ok("resume", "pausing")
    assert shown(ok, job)["enabled"] is True
    ok("remove", "pausing")
    assert shown(ok, job)["status"] == "finished"
    code, _, err = run("remove", "nobody")
    assert code == 1
    assert err.startswith("cronjob: ")


# ---- runs -------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_run_waits_and_passes_on_the_exit_code(add, run):
    job = add("@manual", "--", 'echo "$1-$X"; echo error >&2; exit 3')
    code, out, err = run("run", "--wait", "--env=X=y", job, "--", "a b")
    assert (code, out) == (3, "a b-y\nerror\n")
    assert re.fullmatch(rf"cronjob: run {job}-\S+ failed with exit code 3\n", err)
    assert run("run", "--wait", add("@manual", "--", "true")) == (0, "", "")


def test_a_signal_is_128_and_its_number(add, run):
    assert run("run", "--wait", add("@manual", "--", "kill -9 $$"))[0] == 128 + 9
    code, out, err = run("run", "-w", add("--timeout=1s", "@manual", "--", "echo a; sleep 60"))
    assert (code, out) == (128 + 15, "a\n")
    assert "timed_out" in err


def test_a_run_that_is_not_executed_is_1(add, run):
    code, out, err = run("run", "--wait", add("--working-directory=/none", "@manual", "--", "id"))
    assert (code, out) == (1, "")
    assert "failed" in err


def test_json_of_a_run_is_its_document(add, ok, run):
    job = add("@manual", "--", "echo a; exit 2")
    code, out, _ = run("run", "--wait", "--json", job)
    document = json.loads(out)
    assert (code, document["status"], document["exit_code"]) == (2, "failed", 2)
    listed = json.loads(ok("runs", job, "--json"))
    assert [run["id"] for run in listed] == [document["id"]]
    assert ok("runs", job).splitlines()[1].split()[0] == document["id"]
    assert ok("runs", job, "--status=succeeded").count("\n") == 1


def test_output_follows_until_the_run_ends(add, ok, run, server):
    job = add("--kill-grace=1s", "@manual", "--", "echo one; echo two; exec sleep 60")
    started = ok("run", job).strip()
    wait_until(lambda: "two" in ok("output", started), 20, "the first lines")
    with subprocess.Popen(
        [binary(), "output", "-f", started],
        env={**os.environ, "CRONJOB_SERVER": server.url},
        stdout=subprocess.PIPE,
    ) as follower:
        assert follower.stdout.readline() == b"one\n"
        ok("kill", started)
        assert follower.stdout.read() == b"two\n"
        assert follower.wait(30) == 0
    assert ok("output", "--tail=1", started) == "two\n"
    assert ok("output", job) == "one\ntwo\n"
    assert run("output", "99999-1-1")[0] == 1


# ---- import and export ------------------------------------------------------------------------

CRONTAB = "A=1\n0 2 * * * cat%line one%line two\n@hourly echo \\%\n@hourly echo \\%\n"


def test_import_makes_jobs_once(ok, run):
    ids = ok("import", "-", stdin=CRONTAB).split()
    assert len(set(ids)) == 3
    assert ok("import", "-", stdin=CRONTAB).split() == ids
    first = shown(ok, ids[0])
    assert first["stdin"] == "line one\nline two\n"
    assert (first["executable"], first["env"]) == ("cat", {"A": "1"})
    assert run("run", "--wait", ids[0]) == (0, "line one\nline two\n", "")
    ok("remove", "--purge", *ids)


def test_a_bad_line_imports_nothing(ok, run, tmp_path):
    path = tmp_path / "tab"
    path.write_text(CRONTAB + "75 * * * * x\n")
    before = ok("list")
    code, out, err = run("import", path)
    assert (code, out) == (1, "")
    assert f"{path}:5: minute 75 is not in 0-59\n" in err
    assert ok("list") == before


def test_what_export_prints_import_takes(add, ok, tmp_path):
    job = add("--label=k=v", "--retries=2", "--time-zone=Asia/Tokyo", "0 2 * * *", "--", "a 'b'")
    gone = add("@daily", "--", "x")
    ok("remove", gone)
    lines = [json.loads(line) for line in ok("export").splitlines()]
    assert job in [line["id"] for line in lines]
    assert gone not in [line["id"] for line in lines]
    assert gone in ok("export", "--all")
    path = tmp_path / "jobs"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines if line["id"] == job))
    copy = ok("import", path).strip()
    decided = ("executable", "schedule", "time_zone", "labels", "retries", "catch_up", "limits")
    first, second = shown(ok, job), shown(ok, copy)
    assert copy != job
    assert [first[name] for name in decided] == [second[name] for name in decided]
    ok("remove", "--purge", copy)


# ---- workers, status, doctor, tokens ----------------------------------------------------------


def test_workers_can_be_drained(ok, run):
    name = json.loads(ok("workers", "--json"))[0]["name"]
    ok("drain", name)
    assert ok("workers").splitlines()[1].split()[:2] == [name, "draining"]
    ok("undrain", name)
    assert ok("workers").splitlines()[1].split()[:2] == [name, "alive"]
    assert run("drain", "nobody")[0] == 1


def test_a_worker_that_lives_is_not_removed(ok, run):
    name = json.loads(ok("workers", "--json"))[0]["name"]
    code, _, said = run("workers", "remove", name)
    assert code == 1 and "may live" in said
    assert run("workers", "remove", "nobody")[0] == 1


def test_status_says_who_leads(ok):
    assert "leader" in ok("status")
    assert "jobs" in json.loads(ok("status", "--json"))


def test_doctor_finds_a_healthy_system_healthy(ok, run, server, tmp_path):
    tmp_path.chmod(0o700)
    out = ok("doctor", CRONJOB_DATA=str(tmp_path))
    assert "FAIL" not in out
    for what in ("time zones", "data", "server", "readiness", "identity", "clock", "worker"):
        assert f"ok    {what} " in out
    tmp_path.chmod(0o755)
    code, out, _ = run("doctor", CRONJOB_DATA=str(tmp_path))
    assert code == 1
    assert f"-> chmod 700 {tmp_path}\n" in out
    code, out, _ = run("doctor", CRONJOB_DATA=str(tmp_path / "none"), CRONJOB_TOKEN="dcj_wrong")
    assert code == 1
    assert "FAIL  identity" in out


def test_tokens_open_the_door_until_they_are_revoked(ok, run, tmp_path):
    secret = ok("token", "create", "robot", "--admin", "--expires-in", "1h")
    path = tmp_path / "token"
    path.write_text(secret)
    assert secret.startswith("dcj_")
    ok("list", "--token-file", path)
    ok("list", CRONJOB_TOKEN=secret.strip())
    row = [line.split() for line in ok("token", "list").splitlines() if "robot" in line][0]
    assert secret.strip() not in ok("token", "list", "--json")
    ok("token", "revoke", row[0])
    code, out, err = run("list", "--token-file", path)
    assert (code, out) == (1, "")
    assert "token" in err


def test_a_full_disk_is_not_success(run, server):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [binary(), "list"],
            env={**os.environ, "CRONJOB_SERVER": server.url},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
