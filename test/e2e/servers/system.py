# SPDX-License-Identifier: Apache-2.0
"""A whole cluster on one machine: ZooKeeper, Galera, S3, HAProxy and the roles, all real.

Ports and passwords are chosen once and kept in the folder, so that a later program finds the same
cluster again, running or not.
"""

import json
import os
import secrets
import subprocess

from harness import ROOT
from servers.balancers import HAProxy
from servers.mariadb import DATABASE, Galera
from servers.process import reserve_port
from servers.roles import Api, Manager, Worker
from servers.s3 import Swift
from servers.zookeeper import ZooKeeper

ACCOUNTS = ("manager", "api", "worker")


class Settings:
    """What was chosen once, in a file for its owner alone."""

    def __init__(self, path):
        self.path = path
        self.values = json.loads(path.read_text()) if path.exists() else {}

    def get(self, name, choose):
        if name not in self.values:
            self.values[name] = choose()
            self.save()
        return self.values[name]

    def save(self):
        fresh = self.path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.values, file, indent=1)
        fresh.replace(self.path)

    def ports(self, name, count):
        return self.get(name, lambda: [reserve_port() for _ in range(count)])

    def password(self, name):
        return self.get(name, lambda: secrets.token_hex(16))


def numbered(kind, count):
    return [f"{kind}-{number}" for number in range(1, count + 1)]


class System:
    """choose_port() is where HAProxy is when that is not yet known. route(client, server) is the
    address at which a role (by its name) reaches a node of the database or of ZooKeeper, or
    S3 (a Process): its own, unless a test stands between."""

    def __init__(
        self,
        directory,
        zookeepers=3,
        databases=3,
        apis=2,
        managers=2,
        workers=3,
        choose_port=reserve_port,
        tied=True,
        route=lambda client, server: server.address,
    ):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(directory / "settings.json")
        self.route = route
        ports = self.settings.ports
        self.zookeeper = ZooKeeper(
            directory, zookeepers, ports("zookeeper", 3 * zookeepers), tied=tied
        )
        self.database = Galera(directory, databases, ports("galera", 4 * databases), tied=tied)
        self.s3 = Swift(
            directory / "s3", ports("s3", Swift.ports_of), self.settings.password("s3-secret"), tied=tied
        )
        self.apis = self.make(Api, apis, tied)
        self.managers = self.make(Manager, managers, tied)
        self.workers = self.make(Worker, workers, tied)
        self.balancer = HAProxy(
            directory / "haproxy",
            [api.address for api in self.apis],
            self.settings.get("port", choose_port),
            tied=tied,
        )

    def make(self, role, count, tied):
        return [
            role(name, self.directory / name, self.settings.ports(name, 1)[0], tied=tied)
            for name in numbered(role.kind, count)
        ]

    @property
    def roles(self):
        return [*self.apis, *self.managers, *self.workers]

    @property
    def processes(self):
        return [
            *self.zookeeper.nodes,
            *self.database.nodes,
            self.s3,
            *self.roles,
            self.balancer,
        ]

    def find(self, name):
        """By its name; KeyError when there is none."""
        return {process.name: process for process in self.processes}[name]

    def environment(self, role):
        """What a role is told."""

        def addresses(servers):
            return ",".join(self.route(role.name, server) for server in servers)

        account = f"cronjob_{role.kind}:{self.settings.password(role.kind)}"
        told = {
            "CRONJOB_STORE": f"mysql://{account}@{addresses(self.database.nodes)}/{DATABASE}",
            "CRONJOB_CLUSTER_SECRET": str(self.secret()),
            "CRONJOB_OBJECTS": self.s3.url(address=self.route(role.name, self.s3)),
            **self.s3.credentials(),
        }
        if role.kind != "worker":
            told["CRONJOB_ALLOW_ROOT"] = "yes"
        if role.kind != "api":
            where = addresses(self.zookeeper.nodes)
            told["CRONJOB_COORDINATION"] = f"zookeeper://{where}/cronjob"
        return told

    def secret(self):
        """The file of what the roles know each other by."""
        path = self.directory / "cluster-secret"
        if not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(secrets.token_hex(32) + "\n")
        return path

    def add_accounts(self):
        names = {f"CRONJOB_{kind.upper()}_PASSWORD": kind for kind in ACCOUNTS}
        passwords = {name: self.settings.password(kind) for name, kind in names.items()}
        node = self.database.serving()
        subprocess.run(
            [ROOT / "deploy" / "mysql-accounts.sh", "--no-defaults", f"--socket={node.socket}"],
            env=dict(os.environ, **passwords),
            stdin=subprocess.DEVNULL,
            check=True,
        )

    # life; all of it may be said again

    def start_servers(self, say=lambda text: None):
        """What the roles stand on."""
        for node in self.zookeeper.nodes:
            if node.pid is None:
                node.spawn()
        if self.s3.pid is None:
            self.s3.spawn()
        if any(node.pid is None for node in self.database.nodes):
            say("Starting MariaDB (Galera), one node after another")
        self.database.start()
        if not self.settings.values.get("has_accounts"):
            self.add_accounts()
            self.settings.get("has_accounts", lambda: True)
        self.zookeeper.start()
        self.s3.start()
        return self

    def start_roles(self):
        """The managers first: the leading one makes the tables."""
        for roles in (self.managers, [*self.workers, *self.apis, self.balancer]):
            for role in roles:
                if role.pid is None:
                    if role is not self.balancer:
                        role.environment = self.environment(role)
                    role.spawn()
            for role in roles:
                role.wait_ready()
        return self

    def start(self, say=lambda text: None):
        self.start_servers(say)
        say("Starting managers, workers, API servers and HAProxy")
        return self.start_roles()

    def stop_roles(self):
        """With the runs that go on."""
        for process in (self.balancer, *self.apis, *self.workers, *self.managers):
            process.stop()
        for worker in self.workers:
            worker.end_guardian()

    def stop(self):
        self.stop_roles()
        self.zookeeper.stop()
        self.database.stop()
        self.s3.stop()

    def kill(self):
        """All at once, as far as it runs."""
        for process in self.processes:
            process.kill()
        for worker in self.workers:
            worker.end_guardian()
