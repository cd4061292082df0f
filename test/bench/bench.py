#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what is promised of the whole system, and writes doc/benchmarks.md.

`bench.py BUILD [quick] [FIGURE...]`: BUILD is a release build with the tests. Each figure is taken
several times beside a yardstick of the machine, measured in the same run; the median counts, and
the spread is shown. `quick` takes each figure once and smaller, and writes no document.
"""

import argparse
import os
import platform
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "e2e"))

import bench_files  # noqa: E402
import harness  # noqa: E402
from harness import Server, instant, read_status, resident_bytes, wait_until  # noqa: E402

DOCUMENT = ROOT / "doc" / "benchmarks.md"
MIB = 1024 * 1024
YEARLY = "0 0 1 1 *"
POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"executable":"true","schedule":"@manual","type":"command"}'
"""


class Figure:
    """One line of the table: what was measured, several times, and what is wanted of it."""

    def __init__(self, name, unit, goal, at_least=None, at_most=None):
        self.name, self.unit, self.goal = name, unit, goal
        self.at_least, self.at_most = at_least, at_most
        self.values, self.notes = [], []

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def note(self):
        """What was beside the measurement that is nearest to the median."""
        distances = [abs(value - self.median) for value in self.values]
        return self.notes[distances.index(min(distances))]

    @property
    def verdict(self):
        if self.at_least is None and self.at_most is None:
            return ""
        low = self.at_least is None or self.median >= self.at_least
        high = self.at_most is None or self.median <= self.at_most
        return "yes" if low and high else "**no**"

    def row(self):
        spread = f"{number(min(self.values))} to {number(max(self.values))}"
        value = f"{number(self.median)} {self.unit}".strip()
        return [self.name, value, spread, self.goal, self.verdict, self.note]


def number(value):
    if value >= 1e6:
        return f"{value / 1e6:.2f} M"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Bench:
    def __init__(self, build, quick):
        self.build = build
        self.quick = quick
        self.figures = {}
        self.scratch = Path(tempfile.mkdtemp(prefix="bench-", dir=build))

    def program(self, name):
        return str(self.build / "test" / "bench" / name)

    def add(self, name, value, unit, goal="", note="", **limits):
        """One more measurement of a figure."""
        figure = self.figures.setdefault(name, Figure(name, unit, goal, **limits))
        figure.values.append(value)
        figure.notes.append(note)
        print(f"  {name}: {number(value)} {unit}", flush=True)

    def times(self, several):
        return range(1 if self.quick else several)

    def server(self, **more):
        return Server(directory=tempfile.mkdtemp(dir=self.scratch), **more)

    def bare(self, count, command):
        """Seconds that a plain loop takes to execute a command so many times."""
        done = subprocess.run(
            [self.program("bare_loop"), str(count), command], capture_output=True, check=True
        )
        return float(done.stdout)

    # schedules

    def schedule(self):
        """From one tick to the next, on one core."""
        for _ in self.times(3):
            text = subprocess.check_output([self.program("bench_schedule")], text=True)
            rates = {line.split()[0]: float(line.split()[1]) for line in text.splitlines()}
            yardstick = rates["yardstick.timegm_gmtime"]
            for zone, name, goal in (("UTC", "utc", 5e6), ("Europe/Berlin", "berlin", 1e6)):
                rate = rates[f"schedule.next.{name}"]
                ratio = f"{rate / yardstick:.1f} times a timegm() with a gmtime_r()"
                self.add(
                    f"next tick of `*/5 * * * *`, {zone}",
                    rate,
                    "/s",
                    f">= {goal / 1e6:.0f} M/s",
                    at_least=goal,
                    note=ratio,
                )

    # who asks

    def identity(self):
        """What it costs a request to be known, with a thousand users and tokens."""
        goals = {
            "permission": ("a token and its rights are looked up and compared with a role", 5),
            "peer": ("the kernel is asked whose a connection is", 50),
        }
        for _ in self.times(3):
            text = subprocess.check_output([self.program("bench_identity")], text=True)
            spans = {line.split()[0]: float(line.split()[1]) for line in text.splitlines()}
            for name, (label, goal) in goals.items():
                self.add(label, spans[name], "us", f"<= {goal} us", at_most=goal)

    # a million jobs

    def million(self):
        """A million jobs on schedule in one process."""
        count = 100_000 if self.quick else 1_000_000
        label = f"{count:,} scheduled jobs"
        with self.server() as server:
            server.start()
            model = server.add(YEARLY, "true")
            server.stop()
            clone(server, model, count - 1)
            beats = add_beats(server, count)
            server.start(120)
            for _ in self.times(3):
                wait_until(lambda: self.loaded(server, count), 120, "all jobs are on the agenda")
                assert server.stop() == 0
                stopped, began = time.time(), time.monotonic()
                server.start(120)
                wait_until(lambda since=stopped: ran_since(server, since) == beats, 120)
                self.add(
                    f"{label}: back on schedule after a restart",
                    time.monotonic() - began,
                    "s",
                    "<= 10 s",
                    at_most=10,
                    note=f"until {len(beats)} jobs of every second, spread evenly, have run",
                )
            for beat in beats:
                server.change({"id": beat}, enabled=False)
            wait_until(lambda: self.loaded(server, count - len(beats)), 120, "they rest")
            self.at_rest(server, label)

    def loaded(self, server, count):
        return server.get("/workers")[0]["jobs"] >= count

    def at_rest(self, server, label):
        pids = [server.process.pid, server.guardian()]
        for _ in self.times(3):
            before = cpu_seconds(pids)
            span = 10 if self.quick else 20
            time.sleep(span)
            used = (cpu_seconds(pids) - before) / span * 100
            self.add(f"{label}: CPU when nothing is due", used, "% of a core", "< 2 %", at_most=2)
            resident = sum(resident_bytes(pid) for pid in pids) / MIB
            self.add(f"{label}: memory", resident, "MiB", "<= 400 MB", at_most=400e6 / MIB)

    # ten thousand at once

    def burst(self):
        """Ten thousand jobs due in one second, against a loop that does nothing but start them."""
        count = 2000 if self.quick else 10_000
        for _ in self.times(3):
            truth = self.scratch / "truth"
            truth.unlink(missing_ok=True)
            command = f"echo $CRONJOB_RUN_ID >>{truth}"
            before = self.bare(count, command)
            truth.unlink()
            seconds, cpu, runs = self.one_burst(count, command)
            lines = truth.read_text().split()
            assert len(runs) == count and {run["status"] for run in runs} == {"succeeded"}
            assert len(lines) == len(set(lines)) == count, "lost, or twice"
            bare = (before + self.bare(count, command)) / 2
            self.add(
                f"{count:,} jobs due in one second: all started",
                seconds / bare,
                "times the bare loop",
                "<= 1.3",
                at_most=1.3,
                note=f"{seconds:.1f} s; bare, one after the other: {bare:.1f} s;"
                f" {cpu / count * 1e6:.0f} µs of CPU a run in server and guardian",
            )

    def one_burst(self, count, command):
        with self.server() as server:
            server.start()
            model = server.add("@at 2200-01-01T00:00:00Z", command)
            server.stop()
            at = int(time.time()) + 6 + count // 2000
            clone(server, model, count - 1, schedule=f"@at {rfc3339(at)}")
            server.start(60)
            assert time.time() < at - 1, "the server took too long to start"
            pids = [server.process.pid, server.guardian()]
            before = cpu_seconds(pids)
            wait_until(lambda: finished_runs(server) >= count, 300, "all have run")
            cpu = cpu_seconds(pids) - before
            runs = [run for run in server.runs() if run["status"] != "missed"]
            return max(instant(run["started_at"]) for run in runs) - at, cpu, runs

    # lateness

    def lateness(self):
        """One job a second on a machine that has nothing else to do."""
        span = 15 if self.quick else 60
        for _ in self.times(3):
            truth = self.scratch / "stamps"
            truth.unlink(missing_ok=True)
            command = f"exec {self.program('stamp')} {truth}"
            bare = self.bare_latency(command, truth)
            with self.server() as server:
                server.start()
                job = server.add("* * * * * *", command)
                runs = server.wait_runs(job, span + 2, span + 30, "succeeded")[1 : span + 1]
            ticks = [instant(run["scheduled_at"]) for run in runs]
            told = [instant(run["started_at"]) - tick for run, tick in zip(runs, ticks)]
            stamps = [float(line) for line in truth.read_text().split()][1 : span + 1]
            seen = [stamp - tick for stamp, tick in zip(stamps, ticks)]
            for name, values in (("as recorded", told), ("as the process sees it", seen)):
                note = f"a bare start takes {bare * 1000:.2f} ms" if values is seen else ""
                for part, most in ((50, 2), (99, 20)):
                    self.add(
                        f"lateness of a job a second, {name}: p{part}",
                        quantile(values, part) * 1000,
                        "ms",
                        f"<= {most} ms",
                        at_most=most,
                        note=note,
                    )

    def bare_latency(self, command, truth):
        """The median time from before posix_spawn() to the first thing the program does, for starts
        that are as rare as those of the job."""
        done = subprocess.run(
            [self.program("bare_loop"), "10", command, "1000"], capture_output=True, check=True
        )
        stamps = [float(line) for line in truth.read_text().split()]
        starts = [float(line) for line in done.stdout.split()]
        truth.unlink()
        return statistics.median(stamp - start for start, stamp in zip(starts, stamps))

    # requests

    def requests(self):
        """How many requests a second, with wrk on the same machine."""
        for _ in self.times(3):
            with self.server() as server:
                server.start()
                job = server.add(YEARLY, "true", name="one", description="of some length " * 4)
                health, get = self.in_turns(server, "/healthz", f"/jobs/{job['id']}")
                one, _ = self.post(server, 1)
                many, made = self.post(server, 64)
                known = int(query(server, "SELECT count(*) FROM jobs")[0][0])
                assert known >= made, "a job that was answered is not there"
            self.add("GET /healthz, 64 clients", health, "/s", note="a constant")
            self.add(
                "GET /jobs/{id}, 64 clients, of GET /healthz",
                get / health * 100,
                "%",
                ">= 60 %",
                at_least=60,
                note=f"{get:,.0f}/s",
            )
            self.add("POST /jobs, durable, one client", one, "/s")
            wanted = min(20, get / 2 / one)
            self.add(
                "POST /jobs, durable, 64 clients, of what is wanted",
                many / one / wanted * 100,
                "%",
                ">= 100 %",
                at_least=100,
                note=f"{many:,.0f}/s, {many / one:.1f} times one client's; wanted: 20 times,"
                f" or half the rate of GET ({get / 2:,.0f}/s) where that is less",
            )

    def in_turns(self, server, *paths):
        """The rates of several requests, taken in turns so that what disturbs one disturbs all."""
        rates = [[self.wrk(server, path, 64, span=2) for path in paths] for _ in self.times(6)]
        return [statistics.median(column) for column in zip(*rates)]

    def wrk(self, server, path, clients, *options, span=5):
        span = 2 if self.quick else span
        command = ["wrk", "-t1", f"-c{clients}", f"-d{span}s", *options, server.url + path]
        text = subprocess.check_output(command, text=True)
        assert "Non-2xx" not in text and "Socket errors" not in text, text
        return float(re.search(r"Requests/sec:\s+([0-9.]+)", text)[1])

    def post(self, server, clients):
        script = self.scratch / "post.lua"
        script.write_text(POST)
        before = int(query(server, "SELECT count(*) FROM jobs")[0][0])
        rate = self.wrk(server, "/jobs", clients, "-s", str(script))
        return rate, before

    # a long list

    def listing(self):
        """All of 100,000 jobs in one answer."""
        count = 20_000 if self.quick else 100_000
        with self.server() as server:
            server.start()
            model = server.add(YEARLY, "echo hello", description="what this job is for " * 4)
            server.stop()
            clone(server, model, count - 1)
            server.start(60)
            wait_until(lambda: self.loaded(server, count), 60, "all jobs are on the agenda")
            pid = server.process.pid
            for _ in self.times(5):
                before = resident_bytes(pid)
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak
                began = time.monotonic()
                size = fetch(server.port, "/jobs")
                seconds = time.monotonic() - began
                peak = int(read_status(pid)["VmHWM"].split()[0]) * 1024
                yardstick = loopback_rate()
                self.add(
                    f"GET /jobs of {count:,} jobs",
                    size / 1e6 / seconds,
                    "MB/s",
                    ">= 50 MB/s",
                    at_least=50,
                    note=f"{size / 1e6:.0f} MB; a bare socket: {yardstick / 1e6:,.0f} MB/s",
                )
                self.add(
                    f"GET /jobs of {count:,} jobs: memory grows by",
                    max(0, peak - before) / MIB,
                    "MiB",
                    "< 20 MB",
                    at_most=20e6 / MIB,
                )

    # small things

    def outputs(self):
        """the end of a long output"""
        for _ in self.times(5):
            with self.server() as server:
                server.start()
                brief = self.deliver(server, "echo short")
                long = self.deliver(server, "seq -f 'line %.0f' 300000")
                first = self.timed_output(server, long, "?tail=100")
                again = [self.timed_output(server, long, "?tail=100") for _ in range(20)]
                plain = [self.timed_output(server, brief) for _ in range(20)]
            self.add(
                "the end of an output of 300,000 lines, opened the first time",
                first * 1000,
                "ms",
                "< 1 s",
                f"again: {statistics.median(again) * 1000:.1f} ms;"
                f" a short output: {statistics.median(plain) * 1000:.1f} ms",
                at_most=1000,
            )

    def deliver(self, server, command):
        """A run whose output has left the worker."""
        run = server.wait_run(server.run(server.add("@manual", command)))
        files = server.data / "outputs"
        wait_until(lambda: not list(files.glob(f"*/{run['id']}")), 20, "the output is delivered")
        return run

    def timed_output(self, server, run, query=""):
        began = time.monotonic()
        assert server.output(run, query)
        return time.monotonic() - began

    def small(self):
        """What an idle server costs, and how soon it answers."""
        for _ in self.times(10):
            with self.server() as server:
                began = time.monotonic()
                server.spawn()
                while not connects(server.port):
                    time.sleep(0.0005)
                server.session.get(f"{server.url}/healthz").raise_for_status()
                took = (time.monotonic() - began) * 1000
                bare = self.bare(20, "true") / 20 * 1000
                self.add(
                    "from exec to the first answer",
                    took,
                    "ms",
                    "<= 150 ms",
                    at_most=150,
                    note=f"a bare `sh -c true`: {bare:.1f} ms",
                )
                server.wait_ready()
                wait_until(server.guardian, 10)
                parts = [resident_bytes(server.process.pid), resident_bytes(server.guardian())]
                self.add(
                    "memory of an idle server and its guardian",
                    sum(parts) / MIB,
                    "MiB",
                    "<= 15 MB",
                    at_most=15e6 / MIB,
                    note=" + ".join(f"{part / MIB:.1f}" for part in parts),
                )
        stripped = self.scratch / "stripped"
        subprocess.run(["strip", "-o", stripped, harness.binary()], check=True)
        size = stripped.stat().st_size / MIB
        self.add("the stripped binary", size, "MiB", "<= 2 MB", at_most=2e6 / MIB)

    # scripts

    def files(self):
        """Scripts out of an object store and out of a copy, and on their way in."""
        bench_files.measure(self)

    # the machine

    def machine(self):
        """How fast the machine is, and how much that varies."""
        for _ in self.times(5):
            rate = 300 / self.bare(300, "true")
            self.add("the machine: `sh -c true`, one after the other", rate, "/s")
            self.add("the machine: appends of 4 KiB made durable", sync_rate(self.scratch), "/s")


FIGURES = ["machine", "schedule", "identity", "small", "requests", "listing", "outputs", "files"]
FIGURES += ["lateness", "burst", "million"]


# ---- tools ------------------------------------------------------------------------------------


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * part // 100)]


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def query(server, text):
    with sqlite3.connect(f"file:{server.data}/cronjob.db?mode=ro", uri=True) as store:
        return store.execute(text).fetchall()


def finished_runs(server):
    return int(query(server, "SELECT count(*) FROM runs WHERE status >= 2")[0][0])


def ran_since(server, since):
    """The jobs that have succeeded for a tick after an instant."""
    rows = query(
        server,
        f"SELECT DISTINCT job FROM runs WHERE scheduled_at > {int(since * 1e6)} AND status = 2",
    )
    return {job for (job,) in rows}


def add_beats(server, count):
    """Makes every so many-th of the jobs in the store of a server that is down one of every
    second; answers their ids."""
    every = "* * * * * *"
    ids = set(range(count // 20, count + 1, count // 20))
    listed = ",".join(map(str, ids))
    with sqlite3.connect(server.data / "cronjob.db") as store:
        store.execute(f"UPDATE jobs SET schedule = ? WHERE id IN ({listed})", (every,))
        store.execute(
            f"UPDATE documents SET document = replace(document, ?, ?) WHERE job IN ({listed})",
            (YEARLY, every),
        )
    store.close()
    return ids


def clone(server, model, count, schedule=None):
    """Copies a job in the store of a server that is down: the quickest way to many jobs."""
    with sqlite3.connect(server.data / "cronjob.db") as store:
        names = [row[1] for row in store.execute("PRAGMA table_info(jobs)")]
        rest = ", ".join(name for name in names if name != "id")
        numbers = f"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {count})"
        base = int(model["id"])
        if schedule:
            old = model["schedule"]
            store.execute("UPDATE jobs SET schedule = ?", (schedule,))
            change = "UPDATE documents SET document = replace(document, ?, ?)"
            store.execute(change, (old, schedule))
        store.execute(
            f"INSERT INTO jobs (id, {rest}) {numbers} SELECT {base} + x, {rest} FROM n, jobs"
            f" WHERE jobs.id = {base}"
        )
        store.execute(
            f"INSERT INTO documents {numbers} SELECT {base} + x, document, search"
            f" FROM n, documents WHERE documents.job = {base}"
        )
    store.close()


def connects(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def drain(connection):
    room, total = bytearray(256 * 1024), 0
    while count := connection.recv_into(room):
        total += count
    return total


def fetch(port, path):
    """Bytes of an answer, read as fast as it comes."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        return drain(connection)


def loopback_rate():
    """Bytes a second through a bare loopback connection, read in the same way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as reader:
            writer, _ = listener.accept()
            block, count = bytes(64 * 1024), 1000

            def write():
                with writer:
                    for _ in range(count):
                        writer.sendall(block)

            thread = threading.Thread(target=write)
            began = time.monotonic()
            thread.start()
            total = drain(reader)
            thread.join()
            return total / (time.monotonic() - began)


def sync_rate(folder):
    path = folder / "synced"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    began, count = time.monotonic(), 200
    for _ in range(count):
        os.write(fd, bytes(4096))
        os.fdatasync(fd)
    rate = count / (time.monotonic() - began)
    os.close(fd)
    path.unlink()
    return rate


# ---- the table --------------------------------------------------------------------------------

HEADS = ["figure", "median", "min to max", "goal", "met", "beside it"]
TEXT = """<!-- SPDX-License-Identifier: Apache-2.0 -->
# Benchmarks

Written by `script/bench`, {date}, version {version}, on {processor}
({cores} cores, {memory:.0f} GiB, Linux {kernel}), where {load:.1f} processes of others wanted to
run when it began. Each figure is the median of several measurements, with the smallest and the
largest beside it: the first two lines show how much the machine itself varied. The load generators
(wrk, a reader of sockets) share the cores with the server, and where it says "of" or "times", both
sides were measured in the same run: these ratios are what can be compared with another machine.

{table}

How the figures are taken: see `test/bench/bench.py`, one function a group. Many jobs are made by
copying one job's rows in the store of a server that is down. Lateness "as the process sees it" is
the time of day that a small program reads first thing, minus the tick; it contains the start of a
shell and of the program, whose cost is shown beside it.
"""


def table(figures):
    rows = [HEADS, *(figure.row() for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def processor():
    text = Path("/proc/cpuinfo").read_text()
    found = re.search(r"model name\s*:\s*(.*)", text)
    return found[1] if found else platform.machine()


def document(figures, load):
    version = subprocess.check_output([harness.binary(), "--version"], text=True).split()[-1]
    return TEXT.format(
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        version=version,
        processor=processor(),
        cores=os.cpu_count(),
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30,
        kernel=platform.release().split("-")[0],
        load=load,
        table=table(figures),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("what", nargs="*", metavar="quick|FIGURE", help=", ".join(FIGURES))
    options = parser.parse_args()
    unknown = set(options.what) - {"quick", *FIGURES}
    if unknown:
        parser.error(f"there is no figure {' '.join(unknown)}")
    wanted = [name for name in options.what if name != "quick"] or FIGURES
    os.environ["CRONJOB_BINARY"] = str((options.build / "cronjob").resolve())
    load = os.getloadavg()[0]
    bench = Bench(options.build.resolve(), "quick" in options.what)
    try:
        for name in wanted:
            print(f"== {name}: {getattr(bench, name).__doc__}", flush=True)
            getattr(bench, name)()
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)
    figures = list(bench.figures.values())
    print("\n" + table(figures))
    if wanted == FIGURES and not bench.quick:
        DOCUMENT.write_text(document(figures, load))
    return any(figure.verdict == "**no**" for figure in figures)


if __name__ == "__main__":
    sys.exit(main())
