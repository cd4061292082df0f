# SPDX-License-Identifier: Apache-2.0
"""What runs wrote, wherever it is kept: in the store, among the objects, or still on the worker."""

import random
import shutil
import threading
import time
import zlib

import pytest
from harness import FINAL, Server, wait_until

LINES = 300_000
SHORT = 4096
HUNDRED = 100 * 1024 * 1024


def objects(server):
    """The outputs in the object store's directory."""
    return sorted(path for path in server.data.glob("objects/outputs/*/*") if path.is_file())


def local(server):
    """The files of outputs that are still on the worker."""
    return sorted(path.name for path in server.data.glob("outputs/*/*"))


def numbered(count):
    return b"".join(b"line %d\n" % number for number in range(1, count + 1))


def print_lines(count):
    return f"seq -f 'line %.0f' {count}"


def wait_delivered(server, run):
    wait_until(lambda: run["id"] not in local(server), 20, "the output has left the worker")


def execute(server, command, **fields):
    """A run whose output has left the worker."""
    run = server.wait_run(server.run(server.add("@manual", command, **fields)), 60)
    wait_delivered(server, run)
    return run


def part(server, run, first, last):
    answer = server.request(
        "GET", f"/runs/{run['id']}/output", headers={"Range": f"bytes={first}-{last}"}, expect=206
    )
    return answer.content


# ---- where it goes ----------------------------------------------------------------------------


@pytest.mark.smoke
def test_short_ones_go_into_the_store_and_long_ones_into_the_objects(server):
    before = len(objects(server))
    short = execute(server, f"head -c {SHORT} /dev/zero")
    assert len(objects(server)) == before
    long = execute(server, f"head -c {SHORT + 1} /dev/zero")
    assert len(objects(server)) == before + 1
    assert server.output(short) == bytes(SHORT)
    assert server.output(long) == bytes(SHORT + 1)
    none = execute(server, "true")
    assert server.output(none) == b""


def test_the_store_s_own_output_survives_the_worker_s_files(own_server):
    run = execute(own_server, "echo kept")
    own_server.end()
    shutil.rmtree(own_server.data / "outputs")
    own_server.start()
    assert own_server.output(run) == b"kept\n"


def test_a_long_output_reads_as_it_was_written(server):
    run, whole = execute(server, print_lines(LINES)), numbered(LINES)
    assert server.output(run) == whole
    assert objects(server)[-1].stat().st_size < len(whole) / 3  # compressed
    stretches = ((0, 1), (65535, 2), (65536, 65536), (len(whole) - 3, 3), (1234567, 99999))
    for first, length in stretches:
        assert part(server, run, first, first + length - 1) == whole[first : first + length]
    assert part(server, run, len(whole) - 10, len(whole) + 10) == whole[-10:]
    answer = server.request(
        "GET", f"/runs/{run['id']}/output", headers={"Range": f"bytes={len(whole)}-"}
    )
    assert answer.status_code == 416
    for lines in (0, 1, 2, 100, 10_000, LINES - 1, LINES, LINES + 5):
        expected = b"".join(whole.splitlines(True)[-lines:]) if lines else b""
        assert server.output(run, f"?tail={lines}") == expected
    assert server.output(run, "?follow=true&tail=3") == b"".join(whole.splitlines(True)[-3:])


def test_a_part_in_the_middle_of_a_hundred_megabytes(server):
    """Bytes that cannot be made smaller, so every one of them travels."""
    program = (
        "import random, sys; r = random.Random(7)\n"
        "for i in range(1600): sys.stdout.buffer.write(r.randbytes(65536))"
    )
    run = execute(server, f"python3 -c '{program}'", limits={"output": HUNDRED})
    assert (run["output_bytes"], run["output_truncated"]) == (HUNDRED, False)
    generator, expected, middle = random.Random(7), 0, b""
    for number in range(1600):
        piece = generator.randbytes(65536)
        expected = zlib.crc32(piece, expected)
        middle += piece if number in (799, 800) else b""
    first = 799 * 65536
    assert part(server, run, first + 1000, first + 2 * 65536 - 1001) == middle[1000:-1000]
    answer = server.request("GET", f"/runs/{run['id']}/output", stream=True, expect=200)
    checksum = 0
    for piece in answer.iter_content(65536):
        checksum = zlib.crc32(piece, checksum)
    assert checksum == expected


def test_what_was_left_out_is_told_in_the_object_too(server):
    run = execute(server, print_lines(50_000), limits={"output": 20_000})
    assert run["output_truncated"]
    output = server.output(run)
    whole = numbered(50_000)
    assert output.startswith(whole[:10_000]) and output.endswith(whole[-10_000:])
    assert b"bytes left out ...]\n" in output


# ---- while it moves ---------------------------------------------------------------------------


def test_who_follows_misses_nothing_and_gets_nothing_twice(server):
    command = "for i in $(seq 40); do seq -f \"$i %.0f\" 500; done; sleep 0.3; echo end"
    expected = b"".join(b"%d %d\n" % (i, j) for i in range(1, 41) for j in range(1, 501)) + b"end\n"
    run = server.run(server.add("@manual", command))
    got = {}

    def follow(name):
        got[name] = server.output(run, "?follow=true")

    followers = [threading.Thread(target=follow, args=(i,)) for i in range(3)]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join(60)
    assert [got[i] == expected for i in range(3)] == [True] * 3
    wait_delivered(server, run)
    assert server.output(run) == expected


def test_who_reads_all_the_time_never_meets_a_gap(server):
    """The size only grows, and what was read stays as it was."""
    job = server.add("@manual", print_lines(20_000))
    whole = numbered(20_000)
    for _ in range(10):
        run = server.run(job)
        size = 0
        while True:
            final = server.get(f"/runs/{run['id']}")["status"] in FINAL
            moved = final and run["id"] not in local(server)
            output = server.output(run)
            assert len(output) >= size and whole.startswith(output)
            size = len(output)
            assert not final or output == whole
            if moved:
                break


# ---- what stands in the way -------------------------------------------------------------------


def test_a_long_output_waits_on_the_worker_while_the_objects_are_away(own_server):
    server = own_server
    server.data.joinpath("objects").mkdir(exist_ok=True)
    server.data.joinpath("objects/outputs").write_text("in the way")
    run = server.wait_run(server.run(server.add("@manual", print_lines(LINES))))
    wait_until(lambda: "outputs were not stored" in server.log.read_text(), 20, "it was tried")
    assert run["id"] in local(server)
    assert server.output(run, "?tail=1") == b"line %d\n" % LINES
    short = execute(server, "echo short")  # is not held up
    assert server.output(short) == b"short\n"
    server.end()  # and it is found again
    server.start()
    assert server.output(run) == numbered(LINES)
    server.data.joinpath("objects/outputs").unlink()
    wait_delivered(server, run)
    assert len(objects(server)) == 1
    assert server.output(run) == numbered(LINES)


def test_a_server_killed_at_any_moment_loses_no_output(own_server):
    """Killed when a result is there, a little later each time: before the delivery, in the middle
    of it, after it."""
    server, runs = own_server, []
    job = server.add("@manual", print_lines(LINES))
    for pause in (0, 0.01, 0.02, 0.03, 0.05, 0.1):
        runs.append(server.wait_run(server.run(job)))
        time.sleep(pause)  # the moment is what is tried, nothing is waited for
        server.kill()
        server.start()
    for run in runs:
        wait_delivered(server, run)
        assert server.output(run) == numbered(LINES)
    assert len(objects(server)) == len(runs)
    assert not list(server.data.glob(".output-*"))


# ---- what goes --------------------------------------------------------------------------------


def test_an_output_goes_with_its_job(server):
    job = server.add("@manual", print_lines(10_000))
    other = execute(server, print_lines(10_000))
    run = server.wait_run(server.run(job))
    wait_delivered(server, run)
    path = server.data / "objects" / "outputs" / job["id"] / run["id"]
    assert path.exists()
    server.remove(job, purge=True)
    wait_until(lambda: not path.exists(), 10, "the object is gone")
    server.request("GET", f"/runs/{run['id']}/output", expect=404)
    assert server.output(other) == numbered(10_000)


def test_outputs_of_retired_runs_go():
    with Server(arguments=["--keep-runs", "3"]) as server:
        server.start()
        job = server.add("@manual", print_lines(1000), concurrency="allow")
        for _ in range(100):
            server.run(job)
        wait_until(lambda: len(server.runs(job)) == 3, 60, "old runs are retired")
        kept = {run["id"] for run in server.runs(job)}
        wait_until(
            lambda: {path.name for path in objects(server)} == kept and not local(server),
            20,
            "the outputs of retired runs are gone",
        )
        for run in server.runs(job):
            assert server.output(run) == numbered(1000)
