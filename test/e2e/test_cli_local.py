# SPDX-License-Identifier: Apache-2.0
"""The commands that need no server: help, next, check, completions, and what a wrong word does."""

import os
import re
import shutil
import subprocess

import pytest
from harness import ROOT, binary, free_port

QUIET = {name: value for name, value in os.environ.items() if not name.startswith("CRONJOB_")}


def run(*arguments, stdin="", env=None, cwd=None):
    """(exit code, stdout, stderr)"""
    done = subprocess.run(
        [binary(), *map(str, arguments)],
        input=stdin.encode(),
        env={**QUIET, **(env or {})},
        cwd=cwd,
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def commands():
    """The names that `cronjob --help` lists."""
    text = run("--help")[1]
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", text, re.MULTILINE)


# ---- help and usage ---------------------------------------------------------------------------


@pytest.mark.smoke
def test_help_is_an_answer():
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert {"standalone", "add", "list", "next", "token create"} <= set(commands())
    assert run("help")[1] == out
    assert run("-h")[1] == out


@pytest.mark.parametrize("name", commands())
def test_every_command_explains_itself(name):
    code, out, err = run(*name.split(), "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: cronjob {name}")
    assert run("help", *name.split())[1] == out


def test_version():
    code, out, err = run("--version")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"cronjob \d+\.\d+\.\d+\n", out)
    assert run("version")[1] == out


def test_nothing_to_do_is_wrong_usage():
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "Usage: cronjob" in err


@pytest.mark.parametrize(
    "arguments, part",
    [
        (["lst"], "did you mean 'list'?"),
        (["frobnicate"], "there is no command 'frobnicate'"),
        (["token"], "token create"),
        (["token", "frobnicate"], "token create"),
        (["next", "--cout", "3", "@daily"], "did you mean --count?"),
        (["next"], "operand is missing"),
        (["next", "--count", "0", "@daily"], "is not in 1-"),
        (["next", "--count"], "--count needs a value"),
        (["show"], "operand is missing"),
        (["show", "a", "b"], "one operand too many"),
        (["add", "@daily"], "the command is missing"),
        (["add", "--retries", "x", "@daily", "--", "date"], "'x' is not a number"),
        (["run", "a", "--env", "x"], "not of the form NAME=VALUE"),
        (["completions", "csh"], "bash, zsh and fish"),
        (["standalone", "--listen", "x"], "--listen: 'x' is not ADDRESS:PORT"),
        (["standalone", "--store", "postgres://u:hunter2@h/d"], "postgres: is not known"),
        (["standalone", "--store", "mysql://u:hunter2@h"], "a database is missing"),
        (["api", "--store", "mysql://u:hunter2@h/d"], "cluster-secret: needed"),
        (["worker", "--store", "mysql://u:hunter2@h/d"], "coordination: needed"),
        (["manager"], "store: the roles of a cluster share one"),
        (["migrate", "--from", "mysql://u:hunter2@h/d"], "--to URL is needed"),
    ],
)
def test_wrong_usage_is_2_and_says_why(arguments, part):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert part in err
    assert "hunter2" not in err


def test_an_unreachable_server_is_3():
    for arguments in (["list"], ["show", "1"], ["run", "1"], ["status"], ["export"]):
        code, out, err = run(*arguments, env={"CRONJOB_SERVER": f"http://127.0.0.1:{free_port()}"})
        assert (code, out) == (3, "")
        assert err.startswith("cronjob: cannot reach http://127.0.0.1:")
    assert run("--server", f"127.0.0.1:{free_port()}", "list")[0] == 3
    assert run("doctor", "--server", f"http://127.0.0.1:{free_port()}")[0] == 3


# ---- the configuration ------------------------------------------------------------------------


def test_a_wrong_configuration_names_file_and_line(tmp_path):
    path = tmp_path / "x.conf"
    path.write_text("# fine\nlisten = 127.0.0.1:0\nlisen = y\n")
    code, _, err = run("standalone", "--config", path)
    assert code == 2
    assert err == f"cronjob: {path}:3: unknown key 'lisen'; did you mean 'listen'?\n"
    code, _, err = run("standalone", env={"CRONJOB_CONFIG": str(tmp_path / "none.conf")})
    assert code == 1
    assert "none.conf cannot be opened: No such file" in err


# ---- next -------------------------------------------------------------------------------------


@pytest.mark.smoke
def test_next_prints_instants():
    fixed = ["--from", "2026-01-01T00:00:00Z", "--time-zone", "Europe/Berlin", "-n", "3"]
    code, out, err = run("next", *fixed, "0 2 * * MON")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "2026-01-05T01:00:00Z",
        "2026-01-12T01:00:00Z",
        "2026-01-19T01:00:00Z",
    ]


@pytest.mark.parametrize(
    "arguments, lines",
    [
        (["CRON_TZ=Asia/Tokyo 0 9 * * *"], ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]),
        (["0", "0", "1", "1", "*"], ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
        (["@every 90s"], ["2026-01-01T00:01:30Z", "2026-01-01T00:03:00Z"]),
        (["@at 2026-02-01T12:00:00+01:00"], ["2026-02-01T11:00:00Z"]),
        (["@at 2025-02-01T12:00:00Z"], []),
        (["*/20 * * * * *"], ["2026-01-01T00:00:20Z", "2026-01-01T00:00:40Z"]),
    ],
)
def test_next_knows_the_language(arguments, lines):
    fixed = ["--from=2026-01-01T00:00:00Z", "--time-zone=UTC", "--count=2"]
    assert run("next", *fixed, *arguments) == (0, "".join(line + "\n" for line in lines), "")


def test_next_draws_by_the_job():
    def drawn(identity):
        return run("next", "--from=2026-01-01T00:00:00Z", "-n1", "--id", identity, "H H * * *")[1]

    assert len({drawn(identity) for identity in range(20)}) > 10
    assert drawn(7) == drawn(7)


@pytest.mark.parametrize("schedule", ["@reboot", "@manual"])
def test_what_has_no_instants_says_so(schedule):
    code, out, err = run("next", schedule)
    assert (code, out) == (0, "")
    assert schedule in err


@pytest.mark.parametrize(
    "arguments, part",
    [
        (["75 * * * *"], "minute 75 is not in 0-59"),
        (["* * *"], "found 3"),
        (["0 0 30 2 *"], "never"),
        (["--time-zone", "Mars/Base", "@daily"], "Mars/Base"),
        (["CRON_TZ=Mars/Base @daily"], "Mars/Base"),
        (["--from", "yesterday", "@daily"], "--from"),
    ],
)
def test_a_bad_schedule_is_2_and_says_why(arguments, part):
    code, out, err = run("next", *arguments)
    assert (code, out) == (2, "")
    assert part in err


# ---- check ------------------------------------------------------------------------------------

GOOD = 'SHELL=/bin/sh\nMAILTO=""\n# c\n\n*/5 * * * * date +\\%F%in%\n@daily x\n@reboot y\n'


def test_a_good_crontab_is_silent(tmp_path):
    path = tmp_path / "tab"
    path.write_text(GOOD)
    assert run("check", path) == (0, "", "")
    assert run("check", "-", stdin=GOOD) == (0, "", "")


@pytest.mark.smoke
def test_bad_lines_are_reported_by_file_and_line(tmp_path):
    path = tmp_path / "tab"
    path.write_text(GOOD + "75 * * * * x\n* * * * *\n@fortnightly x\n* * * * * x")
    code, out, err = run("check", path)
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] == f"{path}:8: minute 75 is not in 0-59"
    assert lines[1] == f"{path}:9: no command after the schedule"
    assert lines[2].startswith(f"{path}:10: ")
    assert lines[3] == f"{path}:11: no newline at the end of the last line: cron ignores it"
    assert len(lines) == 4


def test_a_system_crontab_has_users():
    text = "17 * * * * root run-parts /etc/cron.hourly\n@daily nobody\n"
    code, out, _ = run("check", "--system", "-", stdin=text)
    assert (code, out) == (1, "-:2: no command after the user\n")
    if os.path.exists("/etc/crontab"):
        assert run("check", "/etc/crontab") == (0, "", "")


def test_check_needs_its_file(tmp_path):
    code, out, err = run("check", tmp_path / "none")
    assert (code, out) == (1, "")
    assert "none: No such file" in err


def test_import_can_be_tried_without_a_server():
    text = "CRON_TZ=Asia/Tokyo\nHOME=/srv\nA=b c\nRANDOM_DELAY=5\n0 2 * * * mail joe%Hello%Joe\n"
    code, out, err = run("import", "--dry-run", "--user", "joe", "-", stdin=text)
    assert (code, err) == (0, "")
    assert out == (
        '{"executable":"mail joe","schedule":"0 2 * * *","type":"command",'
        '"env":{"HOME":"/srv","A":"b c"},"stdin":"Hello\\nJoe\\n","working_directory":"/srv",'
        '"run_as":"joe","time_zone":"Asia/Tokyo","jitter":"5m"}\n'
    )


# ---- completions and pages --------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_name_everything(shell):
    code, out, err = run("completions", shell)
    assert (code, err) == (0, "")
    for name in commands():
        assert name.split()[0] in out
    for option in ("time-zone", "keep-runs-for", "dry-run", "help"):
        assert option in out
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=out.encode(), timeout=60).returncode == 0


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    "words, expected",
    [
        (["cronjob", "ne"], {"next"}),
        (["cronjob", "next", "--co"], {"--count"}),
        (["cronjob", "token", "re"], {"revoke"}),
        (["cronjob", "token", "create", "--ad"], {"--admin"}),
        (["cronjob", "standalone", "--log-"], {"--log-level", "--log-format"}),
    ],
)
def test_bash_completes(words, expected):
    script = run("completions", "bash")[1]
    script += f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _cronjob\n"
    script += 'printf "%s\\n" "${COMPREPLY[@]}"\n'
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=60)
    assert set(done.stdout.decode().split()) == expected, done.stderr.decode()


def test_the_manual_knows_all_commands_and_keys():
    manual = (ROOT / "doc" / "man" / "cronjob.1.scd").read_text()
    for name in commands():
        assert f"*{name}*" in manual, name
    keys = (ROOT / "doc" / "man" / "cronjob.conf.5.scd").read_text()
    for option in re.findall(r"--([a-z-]+)", run("standalone", "--help")[1]):
        assert option in ("config", "help") or f"*{option}*" in keys, option
