# SPDX-License-Identifier: Apache-2.0
"""What scripts cost: out of a real S3 server, out of a worker's copy, and on their way in.

Part of bench.py. What is compared is taken in turns, so that what disturbs one disturbs both.
"""

import base64
import hashlib
import hmac
import http.client
import os
import statistics
import time
from pathlib import Path

from harness import read_status, wait_until
from servers.process import temporary_folder
from servers.s3 import BUCKET, KEY, REGION, Swift

MIB = 1024 * 1024
CHUNK = 256 * 1024  # ports/objects.h: what is read or written at once


def measure(bench):
    cold(bench)
    warm(bench)
    upload(bench)


# ---- cold -------------------------------------------------------------------------------------


def cold(bench):
    """From a request to run to the first thing the script does, with no copy here, against reading
    the same object into a file and executing that."""
    with temporary_folder() as folder:
        swift = Swift(folder / "s3")
        try:
            swift.start()
            environment = swift.credentials()
            with bench.server(arguments=["--objects", swift.url()], environment=environment) as server:
                cold_on(bench, server.start(), swift)
        finally:
            swift.kill()


def cold_on(bench, server, swift):
    truth = bench.scratch / "truth"
    for _ in bench.times(5):
        job = add_script(server, f"#!{bench.program('stamp')} {truth}\n", MIB)
        ours, bare = [], []
        for _ in bench.times(11):
            forget_copies(server)
            ours.append(until_stamp(truth, lambda: server.run(job)) * 1000)
            bare.append(until_stamp(truth, lambda: get_and_spawn(bench, swift, job)) * 1000)
            settle(server, job)
        took, yardstick = statistics.median(ours), statistics.median(bare)
        bench.add(
            "cold start of a script of 1 MiB, out of S3",
            took / yardstick,
            "times a signed GET and a spawn",
            "<= 1.5",
            at_most=1.5,
            note=f"{took:.1f} ms from the request to run on; bare {yardstick:.1f} ms",
        )


def until_stamp(truth, begin):
    """Seconds until the program that was begun has written the time."""
    truth.unlink(missing_ok=True)
    began = time.time()
    begin()
    wait_until(lambda: truth.exists() and truth.stat().st_size, 30, "it has begun")
    return float(truth.read_text()) - began


def get_and_spawn(bench, swift, job):
    path = bench.scratch / "got"
    path.write_bytes(signed_get(swift, f"/{BUCKET}/executables/{job['sha256']}"))
    path.chmod(0o755)
    os.waitpid(os.posix_spawn(path, [str(path)], os.environ), 0)


def signed_get(swift, path):
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    empty = hashlib.sha256().hexdigest()
    names = "host;x-amz-content-sha256;x-amz-date"
    lines = f"host:{swift.address}\nx-amz-content-sha256:{empty}\nx-amz-date:{now}\n"
    canonical = f"GET\n{path}\n\n{lines}\n{names}\n{empty}".encode()
    key = f"AWS4{swift.secret}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{scope},SignedHeaders={names},Signature={signature}"
    )
    headers = {"x-amz-content-sha256": empty, "x-amz-date": now, "Authorization": authorization}
    connection = http.client.HTTPConnection(swift.address)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status == 200 and len(data) == MIB, answer.status
    return data


def forget_copies(server):
    for path in server.data.glob("cache/??/*"):
        path.unlink()


# ---- warm -------------------------------------------------------------------------------------


def warm(bench):
    """What a run of a script costs whose copy is here, against one of a command."""
    rounds, count = (2, 50) if bench.quick else (8, 200)
    with bench.server() as server:
        server.start()
        script = add_script(server, "#!/bin/sh\nexit 0\n", MIB)
        command = server.add("@manual", "exit 0", concurrency="allow")
        for job in (script, command):
            cost_of(server, job, 10)
        for _ in bench.times(5):
            costs = [[cost_of(server, job, count) for job in (script, command)] for _ in range(rounds)]
            ours, plain = (statistics.median(column) for column in zip(*costs))
            bench.add(
                "a run of a script of 1 MiB, its copy being here",
                ours / plain * 100,
                "% of a command's CPU",
                "<= 105 %",
                at_most=105,
                note=f"{ours * 1e6:.0f} µs of CPU in server, guardian and shell; a command {plain * 1e6:.0f} µs",
            )


def cost_of(server, job, count):
    """Seconds of CPU that a run costs in all processes."""
    pids = [server.process.pid, server.guardian()]
    before = cpu_of_all(pids)
    for _ in range(count):
        server.run(job)
    settle(server, job)
    return (cpu_of_all(pids) - before) / count


def cpu_of_all(pids):
    """Nanoseconds' precision for those that live, ticks for their children that have ended."""
    seconds = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            seconds += int((task / "schedstat").read_text().split()[0]) / 1e9
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return seconds


def settle(server, job):
    def ended():
        runs = server.get(f"/jobs/{job['id']}/runs?limit=1000")
        assert not {run["status"] for run in runs} - {"queued", "running", "succeeded"}, runs
        return all(run["status"] == "succeeded" for run in runs)

    wait_until(ended, 60, "all have ended")


# ---- on its way in ----------------------------------------------------------------------------


def upload(bench):
    """How much the memory of a server grows by a file that is sent to it."""
    for size in (8 * MIB, 64 * MIB - MIB):
        for _ in bench.times(5):
            with bench.server() as server:
                server.start()
                add_script(server, "#!/bin/sh\n", MIB)  # code and threads are there from now on
                pid = server.process.pid
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak
                before = peak_of(pid)
                began = time.monotonic()
                add_script(server, "#!/bin/sh\n", size)
                took = time.monotonic() - began
                bench.add(
                    f"upload of {size // MIB} MiB: memory grows by",
                    max(0, peak_of(pid) - before) / CHUNK,
                    "chunks of 256 KiB",
                    "<= 2",
                    at_most=2,
                    note=f"{size / MIB / took:.0f} MiB/s",
                )


def peak_of(pid):
    return int(read_status(pid)["VmHWM"].split()[0]) * 1024


# ---- tools ------------------------------------------------------------------------------------


def add_script(server, head, size):
    """A job with a script of this size and of bytes that no other has."""
    rest = b"#" + base64.b64encode(os.urandom(size * 3 // 4 + 3))
    content = (head.encode() + rest)[:size]
    text = base64.b64encode(content).decode()
    return server.add("@manual", text, type="script", concurrency="allow")
