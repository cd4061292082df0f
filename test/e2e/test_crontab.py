# SPDX-License-Identifier: Apache-2.0
"""`scheduler = crontab` with Debian's real cron daemon. A preloaded library shifts the clock of
server and cron alike, so that nobody waits for a minute to pass."""

import json
import os
import shutil
import subprocess
import time

import pytest
from checker import Watched, check, read_truth, witness
from harness import FINAL, Server, binary, instant, wait_until
from servers.cron import Cron, Node
from shifted import Clock, build_library



def may_have_mounts_of_its_own():
    command = ["unshare", "--mount", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has a crontab of the system"),
    pytest.mark.skipif(not may_have_mounts_of_its_own(), reason="/etc here is everybody's"),
    pytest.mark.skipif(not shutil.which("cron", path="/usr/sbin:/usr/bin"), reason="needs cron"),
]

MINUTE = 60
HEAD = 4  # lines of the file before the first job's
STRANGER = 65534


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build_library(tmp_path_factory.mktemp("clock"))


@pytest.fixture
def clock(tmp_path, library):
    return Clock(tmp_path / "clock", library)


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path / "node")


@pytest.fixture
def server(node, clock):
    with made(node, clock, "--scheduler", "crontab") as server:
        yield server


@pytest.fixture
def cron(node, clock):
    cron = Cron(node, clock)
    try:
        yield cron.start()
    finally:
        cron.kill()


def made(node, clock, *arguments):
    server = Server(environment=clock.environment, arguments=arguments)
    server.before = node.becomes()
    return server


def lines(node):
    """Those of the jobs; None when there is no file."""
    try:
        return node.crontab.read_text().splitlines()[HEAD:]
    except FileNotFoundError:
        return None


def wait_lines(node, count):
    return wait_until(
        lambda: lines(node) is not None and len(lines(node)) == count,
        20,
        f"{count} lines in the crontab",
    )


def to_next_minute(clock, cron=None):
    """The clock is set to shortly before the next minute begins; answers when that is."""
    tick = (int(clock.now()) // MINUTE + 1) * MINUTE
    clock.step(tick - 0.7 - clock.now())
    if cron:
        cron.look_at_the_clock()
    return tick


def wait_tick(server, job, tick, limit=30):
    def found():
        for run in server.get(f"/jobs/{job['id']}/runs?limit=20"):
            if instant(run["scheduled_at"]) == tick and run["status"] in FINAL:
                return run
        return None

    return wait_until(found, limit, f"job {job['id']} has run for {tick}")


def fires(server, answer="taken"):
    for line in server.request("GET", "/metrics").text.splitlines():
        if line.startswith(f'cronjob_fires_total{{answer="{answer}"}}'):
            return int(line.split()[-1])
    return 0


def cron_state(server):
    [worker] = server.get("/workers")
    assert worker["backend"] == "crontab"
    return worker["cron"]["state"]


def fire(job, data, **more):
    command = [binary(), "fire", str(job["id"]), "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, **more)


def doctor(server):
    done = subprocess.run(
        [binary(), "doctor", "--server", server.url], capture_output=True, text=True, timeout=60
    )
    return "\n".join(line for line in done.stdout.splitlines() if "cron " in line)


# ---- which jobs it has ------------------------------------------------------------------------


def test_the_file_has_what_a_plain_line_can_say(server, node):
    server.start()
    plain = server.add("*/5 1-3 * * MON", "echo '%' \"$(touch /evil)\"\nroot", description="%\n* * * * * root id")
    other = server.add("*/30 * * * * *", "true")
    server.add("0 0 * * *", "true", time_zone="Asia/Tokyo")
    server.add("H * * * *", "true")
    server.add("0 9 * * *", "true", enabled=False)
    daily = server.add("@daily", "true")
    wait_lines(node, 2)
    assert lines(node) == [
        f"*/5 1-3 * * 1 root {binary()} fire {plain['id']} --data {server.data}",
        f"0 0 * * * root {binary()} fire {daily['id']} --data {server.data}",
    ]
    status = node.crontab.stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o644, 0, 0)
    assert node.crontab.read_text().endswith("\n")
    assert [path.name for path in node.crontab.parent.iterdir()] == ["cronjob"]
    wait_until(
        lambda: server.get(f"/jobs/{plain['id']}")["scheduler"] == "crontab", 10, "it says so"
    )
    assert server.get(f"/jobs/{other['id']}")["scheduler"] == "timer"
    assert [job["scheduler"] for job in server.get("/jobs")] == [
        "crontab", "timer", "timer", "timer", None, "crontab",
    ]
    server.change(plain, schedule="* * * * * *")
    server.remove(daily)
    wait_lines(node, 0)


def test_leaving_the_mode_cleans_up(server, node):
    server.start()
    server.add("* * * * *", "true")
    wait_lines(node, 1)
    server.stop()
    assert len(lines(node)) == 1  # it stays over a restart
    server.arguments = ["--scheduler", "timer"]
    server.start()
    assert lines(node) is None
    wait_until(lambda: server.get("/workers")[0]["backend"] == "timer", 10, "it says so")
    wait_until(lambda: server.get("/jobs")[0]["scheduler"] == "timer", 10, "it says so")


def test_what_it_should_not_have_goes_at_the_start(server, node):
    node.crontab.write_text("* * * * * root touch /evil\n")
    server.start()
    wait_until(lambda: "evil" not in node.crontab.read_text(), 20, "it is gone")
    assert lines(node) == []


@pytest.mark.parametrize("arguments, reason", [
    (["--crontab-file", "/etc/cron.d/cron.job"], "'cron.job' is not a name that cron reads"),
    (["--crontab-file", "cronjob"], "'cronjob' is not an absolute path"),
    (["--crontab-command", "crontab"], "'crontab' is not an absolute path, like /usr/bin/crontab"),
    (["--scheduler", "cron"], "'cron' is not timer or crontab"),
])  # fmt: skip
def test_bad_settings_are_refused(tmp_path, arguments, reason):
    command = [binary(), "standalone", "--data", tmp_path / "data", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert reason in done.stderr


def test_an_account_that_cannot_write_the_file_does_not_start(tmp_path):
    tmp_path.chmod(0o777)
    with Server(arguments=["--scheduler", "crontab"], user=STRANGER) as server:
        server.directory.chmod(0o755)
        server.spawn()
        assert server.process.wait(20) == 1
        assert "only root can write /etc/cron.d/cronjob" in server.log.read_text()


# ---- once a tick ------------------------------------------------------------------------------


def test_cron_calls_and_the_tick_runs_once(server, node, clock, cron):
    server.start()
    job = server.add("* * * * *", "true")
    wait_lines(node, 1)
    for _ in range(2):
        tick = to_next_minute(clock, cron)
        run = wait_tick(server, job, tick)
        assert run["trigger"] == "schedule"
        assert instant(run["started_at"]) - tick < 3.5  # it was cron's call, not the net below
    assert fires(server) == 2
    assert cron_state(server) == "calls"
    wait_until(lambda: "ok    cron" in doctor(server), 20, "the doctor says so")
    assert len(server.runs(job)) == 2


def test_once_a_tick_whatever_restarts(server, node, clock, cron, tmp_path):
    server.start()
    truth = tmp_path / "truth"
    job = server.add("* * * * *", witness(truth), catch_up="all")
    wait_lines(node, 1)
    first = instant(job["created_at"])

    def next_tick():
        tick = to_next_minute(clock, cron if cron.process else None)
        wait_tick(server, job, tick)

    next_tick()
    cron.kill()  # cron, and it misses a tick
    next_tick()
    cron.start()
    next_tick()
    tick = to_next_minute(clock, cron)  # the worker, just when cron calls it
    server.kill()
    server.start()
    wait_tick(server, job, tick)
    tick = to_next_minute(clock, cron)  # the guardian
    server.kill_guardian()
    wait_tick(server, job, tick)
    server.stop()  # the worker, for some minutes that cron calls in vain
    to_next_minute(clock, cron)
    time.sleep(2.5)
    clock.step(3 * MINUTE)
    server.start()
    next_tick()
    stepped = clock.now()
    clock.step(-5 * MINUTE)  # the clock
    for _ in range(3):
        cron.look_at_the_clock()
        to_next_minute(clock, cron)
        time.sleep(2.5)
    clock.step(5 * MINUTE)
    next_tick()
    clock.step(20 * MINUTE)
    next_tick()
    server.change(job, enabled=False)
    until = clock.now() - 1
    wait_until(lambda: all(run["status"] in FINAL for run in server.runs(job)), 20, "all ended")
    assert stepped < until
    watched = [Watched(job, first, until)]
    assert check(watched, server.runs(job), read_truth(truth), same_clock=False) == []
    assert fires(server) > 0


# ---- others ------------------------------------------------------------------------------------


def test_a_stranger_cannot_fire(server, node, clock):
    server.start()
    job = server.add("* * * * *", "true")
    wait_lines(node, 1)
    done = fire(job, server.data, user=STRANGER, group=STRANGER, extra_groups=[])
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "cronjob: fire: only root and the worker's account may call it"
    ]
    assert fire(job, server.data).returncode == 0  # root may; nothing is due
    assert fire({"id": 999}, server.data).returncode == 1
    assert fire({"id": "1;ls"}, server.data).returncode == 2
    assert server.runs(job) == []
    assert fires(server, "not-due") == 1


def test_a_worker_that_is_away_is_told_of(server, node):
    server.start()
    job = server.add("0 0 1 1 *", "true")
    wait_lines(node, 1)
    for end in (server.kill, server.stop):
        end()
        done = fire(job, server.data)
        assert done.returncode == 3
        assert len(done.stderr.splitlines()) == 1
        assert "it is away and will make up for the tick" in done.stderr
        server.start()


def test_the_file_is_put_right(server, node, tmp_path):
    """After each change of the jobs, and at a start; each minute as well (test/unit/worker)."""
    server.start()
    server.add("0 0 1 1 *", "true")
    wait_lines(node, 1)
    good = node.crontab.read_text()
    target = tmp_path / "target"
    target.write_text("precious\n")

    def edit():
        node.crontab.write_text(good + "* * * * * root touch /evil\n")

    def link():
        node.crontab.unlink()
        node.crontab.symlink_to(target)

    for count, harm in enumerate([edit, node.crontab.unlink, link], start=2):
        harm()
        server.add("0 0 1 1 *", "true")
        wait_lines(node, count)
        assert node.crontab.read_text().startswith(good)
        assert not node.crontab.is_symlink()
        harm()
        server.stop()
        server.start()
        wait_lines(node, count)
        assert not node.crontab.is_symlink()
    assert target.read_text() == "precious\n"
    assert "evil" not in node.crontab.read_text()


def test_cron_that_does_not_run_is_said(server, node, clock):
    server.start()
    job = server.add("* * * * *", "true")
    wait_lines(node, 1)
    assert "is to call for the first" in doctor(server)
    server.stop()
    server.start()  # the file is an old one: cron has had time to read it
    wait_until(lambda: server.log.read_text().count("crontab is kept") == 2, 10, "it is kept")
    tick = to_next_minute(clock)
    run = wait_tick(server, job, tick)
    assert 3 < instant(run["started_at"]) - tick < 5
    wait_until(lambda: cron_state(server) == "silent", 10, "it is noticed")
    wait_until(lambda: "does not call" in doctor(server), 20, "the doctor says so")
    tick = to_next_minute(clock)
    assert instant(wait_tick(server, job, tick)["started_at"]) - tick < 0.5  # no wait any more
    log = server.log.read_text()
    assert log.count("cron did not call for a tick") == 1


def test_a_file_that_cannot_be_written_is_said(server, node, clock):
    server.start()
    wait_lines(node, 0)
    node.crontab.unlink()
    node.crontab.mkdir()
    job = server.add("* * * * *", "true")
    wait_until(lambda: cron_state(server) == "unwritten", 10, "it is noticed")
    wait_until(lambda: "cannot be written" in doctor(server), 20, "the doctor says so")
    tick = to_next_minute(clock)
    assert instant(wait_tick(server, job, tick)["started_at"]) - tick < 0.5
    assert server.get(f"/jobs/{job['id']}")["worker"]
    wait_until(lambda: server.get(f"/jobs/{job['id']}")["scheduler"] == "timer", 10, "it says so")


# ---- crontab(1) --------------------------------------------------------------------------------


def test_the_crontab_of_the_account(node, clock, cron):
    node.call("crontab", "-", input="# mine\n0 0 1 1 * true\n")
    with made(node, clock, "--scheduler", "crontab", "--crontab-command", "/usr/bin/crontab") as own:
        own.start()
        job = own.add("* * * * *", "true")
        wait_until(lambda: "fire" in node.call("crontab", "-l").stdout, 20, "it is installed")
        assert node.call("crontab", "-l").stdout.splitlines() == [
            "# mine",
            "0 0 1 1 * true",
            f"# BEGIN cronjob {own.data}: kept by its worker, which undoes changes",
            f"* * * * * {binary()} fire {job['id']} --data {own.data} 2>/dev/null",
            f"# END cronjob {own.data}",
        ]
        assert not node.crontab.exists()
        run = wait_tick(own, job, to_next_minute(clock, cron))
        assert run["trigger"] == "schedule"
        assert fires(own) == 1
        own.stop()
        own.arguments = ["--scheduler", "crontab"]  # another place
        own.start()
        wait_lines(node, 1)
        assert node.call("crontab", "-l").stdout == "# mine\n0 0 1 1 * true\n"


# ---- cron as an oracle -------------------------------------------------------------------------

SCHEDULES = [
    "* * * * *", "*/15 * * * *", "30 2 * * *", "15 2,3 * * *", "0 3 * * *", "5 * * * *",
    "*/20 2 * * *", "45 1 * * *", "0 1-3 28 * 1", "10 3 */2 * 0",
]  # fmt: skip

STAMP = """#!/bin/sh
export LD_PRELOAD={library} SHIFTED_CLOCK={clock} ASAN_OPTIONS=verify_asan_link_order=0
exec date +%s.%N >>{folder}/$1
"""


def instants(path):
    try:
        return [float(line) for line in path.read_text().split()]
    except FileNotFoundError:
        return []


@pytest.mark.minutes
@pytest.mark.parametrize("begin, end", [
    ("2027-03-28T00:40:00Z", "2027-03-28T01:25:00Z"),  # in Berlin 02:00 becomes 03:00
    ("2026-10-25T00:40:00Z", "2026-10-25T01:20:00Z"),  # 03:00 becomes 02:00
])  # fmt: skip
def test_jobs_start_when_plain_cron_lines_do(tmp_path, library, begin, end):
    """Over a change of local time, minute by minute, the worst that cron has to offer."""
    clock = Clock(tmp_path / "clock", library)
    node = Node(tmp_path / "node", "Europe/Berlin")
    folder = tmp_path / "stamps"
    folder.mkdir()
    stamp = tmp_path / "stamp"
    stamp.write_text(STAMP.format(library=library, clock=clock.path, folder=folder))
    stamp.chmod(0o755)
    plain = [f"{text} root {stamp} {at}\n" for at, text in enumerate(SCHEDULES)]
    (node.etc / "cron.d" / "plain").write_text("".join(plain))
    clock.set(begin)
    cron = Cron(node, clock)
    with made(node, clock, "--scheduler", "crontab") as server:
        try:
            server.start()
            jobs = [server.add(text, "true", concurrency="allow") for text in SCHEDULES]
            wait_lines(node, len(SCHEDULES))
            cron.start()
            tick = 0
            while tick < instant(end):
                tick = to_next_minute(clock, cron)
                wait_tick(server, jobs[0], tick, 60)
                wait_until(
                    lambda: len(instants(folder / "0")) > 0
                    and instants(folder / "0")[-1] > tick,  # noqa: B023
                    60,
                    "cron has called",
                )
            server.stop()
            server.start()
            for at, job in enumerate(jobs):
                ours = {instant(run["scheduled_at"]) for run in server.runs(job)}
                theirs = {int(time) // MINUTE * MINUTE for time in instants(folder / str(at))}
                assert sorted(ours) == sorted(theirs), SCHEDULES[at]
        finally:
            cron.kill()


def test_calls_are_as_punctual_as_cron(server, node, clock, cron, library, tmp_path, record_property):
    """What our way costs on top of cron's own lateness."""
    folder = tmp_path / "stamps"
    folder.mkdir()
    stamp = tmp_path / "stamp"
    stamp.write_text(STAMP.format(library=library, clock=clock.path, folder=folder))
    stamp.chmod(0o755)
    server.start()
    job = server.add("* * * * *", f"{stamp} ours")
    wait_lines(node, 1)
    (node.etc / "cron.d" / "plain").write_text(f"* * * * * root {stamp} theirs\n")
    differences = []
    for count in range(1, 6):
        wait_tick(server, job, to_next_minute(clock, cron))
        wait_until(lambda: len(instants(folder / "theirs")) >= count, 20, "cron")  # noqa: B023
        differences.append(instants(folder / "ours")[-1] - instants(folder / "theirs")[-1])
    record_property("seconds later than cron", json.dumps(differences))
    assert sorted(differences)[2] < 0.25
