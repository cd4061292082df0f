# SPDX-License-Identifier: Apache-2.0
"""A whole cluster for tests: disturbed part by part, mended, and held to account.

Every run writes down itself that it ran (checker.py). After a disturbance a Watch tells of each
tick whether it was on time, late or missed and why; it must not be twice, and must not vanish.
"""

import collections
import contextlib
import os
import pwd
import re
import time
import uuid
from dataclasses import dataclass, field

import requests
from checker import Watched, check, read_truth, stretch, witness
from harness import FINAL, Client, instant, wait_until
from servers.proxy import Proxy
from servers.system import System

EVERY_SECOND = "* * * * * *"
ON_TIME = 1.0  # seconds
SETTLED = 2.0  # seconds before the end in which a tick may be on its way when its job is paused
AGAIN = {429, 502, 503, 504}
RUN_ID = re.compile(r"\b\d+-\d+-\d+\b")
SHOWN = ("id", "trigger", "status", "reason", "worker", "started_at", "finished_at")


class PatientClient(Client):
    """Asks again, for so many seconds, as long as it is told that it may."""

    def __init__(self, url, patience=30):
        super().__init__(url)
        self.patience = patience
        self.repeated = 0

    def request(self, method, path, body=None, expect=None, **more):
        end = time.monotonic() + self.patience
        if method == "POST" and path == "/jobs":
            more["headers"] = {**more.get("headers", {}), "Idempotency-Key": uuid.uuid4().hex}
        while True:
            try:
                answer = super().request(method, path, body, **more)
            except requests.ConnectionError:
                if time.monotonic() > end:
                    raise
            else:
                if answer.status_code not in AGAIN or time.monotonic() > end:
                    break
            self.repeated += 1
            time.sleep(0.1)
        if expect is not None:
            assert answer.status_code == expect, f"{method} {path}: {answer.text}"
        return answer


class Cluster(System):
    """Its workers have the label `name`. One worker and one manager reach all others, and are
    reached, through links."""

    linked = ("worker-3", "manager-2")

    def __init__(self, directory, **sizes):
        self.proxy = Proxy()
        super().__init__(directory, route=self.reach, **sizes)
        for role in (*self.managers, *self.workers):
            if role.name in self.linked:
                link = self.proxy.link(f"peers>{role.name}", role.address)
                role.arguments += ["--advertise", f"http://{link.address}"]
        for worker in self.workers:
            worker.arguments += ["--label", f"name={worker.name}"]
        self.api = PatientClient(self.balancer.url)

    def reach(self, client, server):
        if client not in self.linked:
            return server.address
        name = f"{client}>{server.name}"
        return (self.proxy.links.get(name) or self.proxy.link(name, server.address)).address

    def links(self, client, *kinds):
        """Between a role and the servers of these kinds (zookeeper, galera, s3)."""
        prefixes = tuple(f"{client}>{kind}" for kind in kinds)
        return [link for name, link in self.proxy.links.items() if name.startswith(prefixes)]

    def start(self, say=lambda text: None):
        super().start(say)
        wait_until(self.leader, 20, "a manager leads")
        self.use_token()
        self.wait_whole()
        return self

    def use_token(self):
        """Through HAProxy a client is known by a token only."""
        account = pwd.getpwuid(os.getuid()).pw_name
        token = PatientClient(self.apis[0].url).request(
            "POST", "/tokens", {"name": "tests", "account": account, "admin": True}, expect=201
        )
        self.api.session.headers["Authorization"] = f"Bearer {token.json()['token']}"

    def leader(self):
        """The manager that leads, or None."""
        return next((manager for manager in self.managers if manager.leads()), None)

    def standby(self):
        return next(manager for manager in self.managers if not manager.leads())

    def worker_of(self, job):
        """The worker that has the job on its schedule."""
        name = wait_until(lambda: self.api.get(f"/jobs/{job['id']}")["worker"], 20, "it has one")
        return self.find(name)

    def is_whole(self):
        workers = self.api.get("/workers")
        alive = {worker["name"] for worker in workers if worker["state"] == "alive"}
        return alive >= {worker.name for worker in self.workers} and self.leader()

    def wait_whole(self):
        wait_until(self.is_whole, 40, "all workers are there and a manager leads")

    def heal(self):
        """Whatever was done to it: everything runs, reaches everything and is ready."""
        self.proxy.mend()
        for process in self.processes:
            process.thaw()
        self.start_servers()
        self.start_roles()
        self.wait_whole()

    def renew(self):
        """As heal(), but with new processes for all roles."""
        for role in self.roles:
            role.kill()
        self.heal()

    def close(self):
        self.kill()
        self.proxy.close()


@dataclass
class Report:
    """What became of the ticks of a watch."""

    on_time: int = 0
    late: int = 0
    worst: float = 0.0  # lateness in seconds
    missed: collections.Counter = field(default_factory=collections.Counter)  # by reason
    skipped: collections.Counter = field(default_factory=collections.Counter)
    other: collections.Counter = field(default_factory=collections.Counter)  # no start is known
    workers: collections.Counter = field(default_factory=collections.Counter)  # starts of each
    contradictions: list = field(default_factory=list)
    history: list = field(default_factory=list)  # all runs

    def complaint(self):
        """The contradictions, with the records around the runs they name."""
        lines = self.contradictions[:40]
        for name in dict.fromkeys(RUN_ID.findall("\n".join(lines))):
            own = [run for run in self.history if run["job"] == name.split("-")[0]]
            at = next((i for i, run in enumerate(own) if run["id"] == name), 0)
            lines += [f"around {name}:"]
            near = own[max(at - 4, 0) : at + 4]
            lines += [" ".join(str(run[key]) for key in SHOWN) for run in near]
        return "\n".join(lines)

    def __str__(self):
        parts = [f"on time {self.on_time}", f"late {self.late} (worst {self.worst:.2f} s)"]
        for name in ("missed", "skipped", "other"):
            counts = getattr(self, name)
            if counts:
                parts.append(f"{name} {sum(counts.values())} {dict(counts)}")
        parts.append(f"by {dict(self.workers)}, contradictions {len(self.contradictions)}")
        return ", ".join(parts)


class Watch:
    """Jobs that are due every second, and what became of their ticks."""

    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.directory = directory
        self.truth = directory / f"truth-{uuid.uuid4().hex[:8]}"
        self.jobs = {}
        self.slow = set()  # those of which nobody waits for a run
        self.report = None

    def add(self, name, middle="", worker=None, slow=False, **fields):
        """A job; of that worker if it must be."""
        if slow:
            self.slow.add(name)
        if worker:
            fields["placement"] = {"labels": {"name": worker}}
        lock = self.truth.with_suffix(f".{name}")
        schedule = fields.pop("schedule", EVERY_SECOND)
        self.jobs[name] = self.cluster.api.add(
            schedule, witness(self.truth, middle, lock), description=name, **fields
        )
        return self.jobs[name]

    def runs(self):
        return [run for job in self.jobs.values() for run in self.cluster.api.runs(job)]

    def starts(self):
        """When each run started first, by its own word."""
        found = {}
        for line in read_truth(self.truth):
            if line.phase == "start":
                found.setdefault(line.run, line.at)
        return found

    def is_on_time(self, job, since):
        starts = self.starts()
        for run in reversed(self.cluster.api.get(f"/jobs/{job['id']}/runs?limit=20")):
            tick = instant(run["scheduled_at"])
            if tick > since and starts.get(run["id"], tick + 60) - tick < ON_TIME:
                return True
        return False

    def wait_on_time(self, limit=30):
        """Until each job has had a tick from now on at its time."""
        since = time.time()
        for name, job in self.jobs.items():
            if name in self.slow:
                continue
            wait_until(lambda: self.is_on_time(job, since), limit, f"job {name} is on time")

    def settle(self):
        """Ends the schedules, waits until nothing goes on, and says what happened."""
        for job in self.jobs.values():
            self.cluster.api.change(job, enabled=False)
        until = time.time() - SETTLED
        wait_until(
            lambda: all(run["status"] in FINAL for run in self.runs()), 60, "no run goes on"
        )
        self.report = self.account(until)
        for job in self.jobs.values():
            self.cluster.api.remove(job)
        return self.report

    def account(self, until):
        runs, starts, report = self.runs(), self.starts(), Report()
        truth = read_truth(self.truth)
        report.history = runs
        watched = [Watched(job, instant(job["created_at"]), until) for job in self.jobs.values()]
        report.workers.update(line.worker for line in truth if line.phase == "start")
        for one in watched:
            own = [run for run in runs if run["job"] == one.job["id"] and run["attempt"] == 1]
            for tick in one.ticks():
                self.count(report, tick, own, starts)
        report.contradictions = check(watched, runs, truth)
        return report

    @staticmethod
    def count(report, tick, runs, starts):
        for run in runs:
            first, last = stretch(run)
            if run["trigger"] == "manual" or not first <= tick <= last:
                continue
            if run["status"] in ("missed", "skipped"):
                getattr(report, run["status"])[run["reason"]] += 1
            elif run["id"] not in starts:
                report.other[f"{run['status']}: {run['reason']}"] += 1
            else:
                lateness = starts[run["id"]] - tick
                report.worst = max(report.worst, lateness)
                report.on_time += lateness < ON_TIME
                report.late += lateness >= ON_TIME
            return


@contextlib.contextmanager
def watching(cluster, directory, jobs=5, each_worker=False):
    """Some jobs that are due every second and on time, before and after what is done to the cluster
    in between. `each_worker`: one more for each worker, which no other may run."""
    watch = Watch(cluster, directory)
    for number in range(jobs):
        watch.add(f"any-{number}", "sleep 0.1")
    watch.add("long", "sleep 2.5", slow=True)
    if each_worker:
        for worker in cluster.workers:
            watch.add(worker.name, "sleep 0.1", worker.name)
    watch.wait_on_time()
    try:
        yield watch
    finally:
        cluster.heal()
    try:
        watch.wait_on_time()
    finally:
        print(watch.settle(), flush=True)
    assert watch.report.contradictions == [], watch.report.complaint()
