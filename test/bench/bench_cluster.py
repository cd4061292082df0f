#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what is promised of a cluster, and writes doc/benchmarks-cluster.md.

`bench_cluster.py BUILD [quick] [FIGURE...]`. Every server is real and on this machine: three
ZooKeeper, three MariaDB nodes with Galera, HAProxy, two API servers, two managers, three workers,
with the settings that are in deploy/. `quick` takes each figure once and smaller, and writes no
document.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from bench import POST, ROOT, Bench, processor, table  # noqa: E402
from checker import read_truth  # noqa: E402
from cluster import Cluster, Watch  # noqa: E402
from harness import wait_until  # noqa: E402
from servers.process import temporary_folder  # noqa: E402

DOCUMENT = ROOT / "doc" / "benchmarks-cluster.md"
SESSION = 6.0  # seconds: the session timeout of managers and workers


class ClusterBench(Bench):
    def __init__(self, build, quick, cluster):
        super().__init__(build, quick)
        self.cluster = cluster
        self.api = cluster.api

    # what a fault costs

    def faults(self):
        """How late ticks are when a part is killed or frozen."""
        for _ in self.times(3):
            self.worker_killed()
            self.disturb("the leading manager killed", self.kill_leader, 10, at_most=1.0)
            self.disturb("all of ZooKeeper killed", self.kill_zookeeper, 10, at_most=1.0)
            self.disturb("one database node killed", self.kill_database, 12, at_most=3.0)
            self.disturb("one database node frozen", self.freeze_database, 12, at_most=3.0)

    def watched(self, folder):
        watch = Watch(self.cluster, folder)
        for number in range(6):
            watch.add(f"any-{number}")
        watch.wait_on_time()
        return watch

    def worker_killed(self):
        with temporary_folder() as folder:
            watch = self.watched(folder)
            job = watch.jobs["any-0"]
            worker = self.cluster.worker_of(job)
            killed = time.time()
            worker.kill()
            wait_until(lambda: self.ran_elsewhere(watch, job, worker, killed), 60, "it runs elsewhere")
            took = min(line.at for line in self.elsewhere(watch, job, worker, killed)) - killed
            self.cluster.heal()
            self.settle(watch)
        self.add(
            "a worker killed: its job runs elsewhere after",
            took,
            "s",
            f"<= {SESSION + 1:.0f} s",
            at_most=SESSION + 1,
            note=f"the session timeout is {SESSION:.0f} s",
        )

    @staticmethod
    def elsewhere(watch, job, worker, since):
        return [
            line
            for line in read_truth(watch.truth)
            if line.run.startswith(f"{job['id']}-") and line.worker != worker.name and line.at > since
        ]

    def ran_elsewhere(self, watch, job, worker, since):
        return bool(self.elsewhere(watch, job, worker, since))

    def settle(self, watch):
        watch.wait_on_time()
        report = watch.settle()
        assert not report.contradictions, report.contradictions[:20]
        return report

    def disturb(self, name, deed, seconds, at_most):
        with temporary_folder() as folder:
            watch = self.watched(folder)
            deed()
            time.sleep(seconds)
            self.cluster.heal()
            report = self.settle(watch)
        self.add(
            f"{name}: the latest tick",
            report.worst,
            "s late",
            f"<= {at_most:.0f} s",
            at_most=at_most,
            note=f"{report.on_time} ticks within a second, {report.late} later,"
            f" {sum(report.missed.values())} missed",
        )

    def kill_leader(self):
        self.cluster.leader().kill()

    def kill_zookeeper(self):
        for node in self.cluster.zookeeper.nodes:
            node.kill()

    def kill_database(self):
        self.cluster.database.nodes[0].kill()

    def freeze_database(self):
        self.cluster.database.nodes[0].freeze()

    # many at once

    def creates(self):
        """Jobs created through HAProxy by 32 clients."""
        token = self.api.session.headers["Authorization"]
        script = self.scratch / "post.lua"
        script.write_text(POST + f'wrk.headers["Authorization"] = "{token}"\n')
        for _ in self.times(3):
            rate = self.wrk(self.cluster.balancer, "/jobs", 32, "-s", str(script))
            self.add(
                "POST /jobs through HAProxy, 32 clients", rate, "/s", ">= 1,000 /s", at_least=1000
            )
        self.cluster.database.query("DELETE FROM jobs")
        self.cluster.database.query("DELETE FROM documents")

    def burst(self):
        """Claims and results of many jobs that are due at one instant."""
        count = 2000 if self.quick else 10_000
        ask = self.cluster.database.query
        for number in self.times(5):
            name = f"cronjob_bench_{number}"
            ask(f"CREATE DATABASE {name}", None)
            self.cluster.database.add_account("cronjob_bench", "for-bench")
            url = self.cluster.database.url("cronjob_bench", "for-bench", database=name)
            told = subprocess.check_output([self.program("bench_claims"), url, str(count)], text=True)
            ask(f"DROP DATABASE {name}", None)
            claims, results, bare = map(float, told.split())
            self.add(
                f"{count:,} due at one instant: claims, read back, and results",
                (claims + results) / (2 * bare),
                "times bare inserts of as many rows",
                "<= 2",
                at_most=2,
                note=f"{claims:.2f} s and {results:.2f} s; {count:,} bare inserts, 1,000 a"
                f" statement: {bare:.2f} s",
            )

    # a worker with very many tasks

    def reassign(self):
        """All the jobs of a dead worker move to another."""
        count = 10_000 if self.quick else 100_000
        first, second, third = self.cluster.workers
        for _ in self.times(2):
            third.stop()
            second.stop()
            model = self.api.add("0 0 1 1 *", "true")
            self.clone(model, count - 1)
            self.reload()
            wait_until(lambda: self.tasks_of(first) >= count, 120, "the first has all")
            second.spawn()
            second.wait_ready()
            self.api.request("PATCH", f"/workers/{second.name}", {"draining": True})
            heard = self.departures(first)
            first.kill()
            wait_until(lambda: self.departures(first) > heard, 30, "the first is given up")
            began = time.monotonic()
            wait_until(lambda: self.tasks_of(second) >= count, 120, "the second has all")
            self.add(
                f"{count:,} jobs of a dead worker: on another's schedule after",
                time.monotonic() - began,
                "s",
                "<= 10 s",
                at_most=10,
                note="from the instant the leader hears that it is gone",
            )
            self.api.request("PATCH", f"/workers/{second.name}", {"draining": False})
            self.clear()

    # tools

    def clone(self, model, count):
        """Copies a job in the database: the quickest way to many jobs."""
        ask = self.cluster.database.query
        names = [row[0] for row in ask("SHOW COLUMNS FROM jobs")]
        rest = ", ".join(f"`{name}`" for name in names if name != "id")
        base = int(model["id"])
        ask(
            f"INSERT INTO jobs (id, {rest}) SELECT {base} + seq, {rest}"
            f" FROM seq_1_to_{count}, jobs WHERE jobs.id = {base}"
        )
        ask(
            f"INSERT INTO documents SELECT {base} + seq, document, search"
            f" FROM seq_1_to_{count}, documents WHERE documents.job = {base}"
        )

    def tasks_of(self, worker):
        return self.api.get(f"/workers/{worker.name}")["jobs"]

    def departures(self, worker):
        """How often the managers have heard that it went."""
        text = "".join(manager.log.read_text() for manager in self.cluster.managers)
        return text.count(f'event="worker left" worker={worker.name}\n')

    def reload(self):
        """Another leader goes through all jobs of the store."""
        leader = self.cluster.leader()
        leader.stop()
        wait_until(self.cluster.leader, 30, "another leads")
        leader.spawn()
        leader.wait_ready()

    def clear(self):
        for table_name in ("jobs", "documents", "runs"):
            self.cluster.database.query(f"DELETE FROM {table_name}")
        self.reload()
        self.cluster.heal()


FIGURES = ["creates", "faults", "burst", "reassign"]
TEXT = """<!-- SPDX-License-Identifier: Apache-2.0 -->
# Benchmarks of a cluster

Written by `script/bench cluster`, {date}, on {processor} ({cores} cores), where {load:.1f} processes
of others wanted to run when it began. Three ZooKeeper, three MariaDB nodes with Galera, HAProxy, two
API servers, two managers and three workers, all on this one machine, with the settings of `deploy/`.
Each figure is the median of several measurements, with the smallest and the largest beside it.

{table}

How the figures are taken: see `test/bench/bench_cluster.py`, one function a group. A tick's lateness
is what the job's own process writes down as its first act, minus the tick.
"""


def write_document(figures, load):
    DOCUMENT.write_text(
        TEXT.format(
            date=time.strftime("%Y-%m-%d", time.gmtime()),
            processor=processor(),
            cores=os.cpu_count(),
            load=load,
            table=table(figures),
        )
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
    with temporary_folder() as directory:
        cluster = Cluster(directory)
        try:
            measured = ClusterBench(options.build.resolve(), "quick" in options.what, cluster.start())
            for name in wanted:
                print(f"== {name}: {getattr(measured, name).__doc__}", flush=True)
                getattr(measured, name)()
        finally:
            cluster.close()
    shutil.rmtree(measured.scratch, ignore_errors=True)
    figures = list(measured.figures.values())
    print("\n" + table(figures))
    if wanted == FIGURES and not measured.quick:
        write_document(figures, load)
    return any(figure.verdict == "**no**" for figure in figures)


if __name__ == "__main__":
    sys.exit(main())
