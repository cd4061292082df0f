# SPDX-License-Identifier: Apache-2.0
"""MariaDB: one server alone, or a Galera cluster.

Root of the database is the account that starts it, by the server's socket only. When that is root
of the machine the servers run as `mysql`: as root a node cannot receive a copy by rsync.

A cluster has the settings of deploy/galera.cnf but for addresses, folders and sizes. A node that
comes back before the others have given its former self up takes the majority down for some seconds:
it waits for that.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess

import pymysql
from harness import ROOT, wait_until
from servers.process import Process, reserve_port

DATABASE = "cronjob"
CONFIG = """\
datadir={directory}/data
socket={socket}
pid-file={directory}/server.pid
port={port}
bind-address=127.0.0.1
skip-name-resolve
skip-log-bin
innodb_flush_log_at_trx_commit=1
innodb_flush_method=O_DIRECT
innodb_buffer_pool_size=64M
innodb_log_file_size=64M
aria_pagecache_buffer_size=1M
key_buffer_size=1M
performance_schema=OFF
max_connections=300
"""
GALERA_CONFIG = """\
wsrep_cluster_address=gcomm://{peers}
wsrep_node_name={name}
wsrep_node_address=127.0.0.1:{group_port}
wsrep_sst_receive_address=127.0.0.1:{copy_port}
wsrep_provider_options="{options}"
"""
OPTIONS = re.compile(r'^wsrep_provider_options="(.*)"$', re.M)
POSITION = re.compile(rb"Recovered position: ?(\S+)")


def account():
    """Who the servers run as, None for the caller."""
    return "mysql" if os.getuid() == 0 else None


def quoted(value):
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


class MariaDBNode(Process):
    def __init__(self, name, directory, port, **how):
        super().__init__(name, directory, user=account(), **how)
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.socket = self.directory / "socket"
        self.data = self.directory / "data"
        self.more = ""  # lines of settings

    def command(self):
        return ["mariadbd", f"--defaults-file={self.directory}/my.cnf"]

    def config(self):
        settings = {"directory": self.directory, "socket": self.socket, "port": self.port}
        return "[mysqld]\n" + CONFIG.format(**settings)

    def prepare(self):
        self.write("my.cnf", self.config() + self.more)

    def install(self):
        """Makes an empty database, if there is none yet."""
        if self.data.exists():
            return
        fresh = self.directory / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        command = ["mariadb-install-db", "--no-defaults", f"--datadir={fresh}", "--skip-test-db"]
        command += ["--auth-root-authentication-method=socket"]
        command += [f"--auth-root-socket-user={pwd.getpwuid(os.getuid()).pw_name}"]
        command += [f"--user={self.user}"] if self.user else []
        with (self.directory / "install.log").open("wb") as log:
            said = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            subprocess.run(command, env=self.variables, check=True, **said)
        fresh.rename(self.data)

    def connect(self, database=None, limit=10):
        """A connection as root of the database."""
        return pymysql.connect(
            unix_socket=str(self.socket),
            user=pwd.getpwuid(os.getuid()).pw_name,
            database=database,
            autocommit=True,
            connect_timeout=limit,
            read_timeout=limit,
            write_timeout=limit,
        )

    def query(self, statement, database=None, limit=10):
        """All rows."""
        connection = self.connect(database, limit)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def ready(self):
        try:
            return self.query("SELECT 1", limit=2) == ((1,),)
        except pymysql.MySQLError:
            return False

    def kill(self):
        """With it what it started to give or take a copy."""
        pid = self.pid
        if pid is not None:
            os.killpg(pid, signal.SIGKILL)
            assert self.wait_end(pid, 20), f"{self.name} outlives SIGKILL"


class Database:
    """What clients see of one or more nodes."""

    nodes = ()

    def serving(self):
        """A node that serves."""
        return next(node for node in self.nodes if node.pid is not None and node.ready())

    def query(self, statement, database=DATABASE, limit=10):
        return self.serving().query(statement, database, limit)

    def add_account(self, user, password):
        """An account for tests, which may do all to the databases whose name begins with ours."""
        for statement in (
            f"CREATE DATABASE IF NOT EXISTS {DATABASE}",
            f"CREATE OR REPLACE USER {quoted(user)}@'%' IDENTIFIED BY {quoted(password)}",
            f"GRANT ALL ON `{DATABASE}%`.* TO {quoted(user)}@'%'",
        ):
            self.query(statement, None)

    @property
    def addresses(self):
        return ",".join(node.address for node in self.nodes)

    def url(self, user, password, database=DATABASE):
        return f"mysql://{user}:{password}@{self.addresses}/{database}"

    def stop(self):
        for node in self.nodes:
            node.stop()

    def kill(self):
        for node in self.nodes:
            node.kill()

    def restart(self):
        self.stop()
        return self.start()


class MariaDB(Database):
    """One server alone."""

    def __init__(self, directory, port=None, **how):
        self.nodes = [MariaDBNode("mariadb", directory / "mariadb", port or reserve_port(), **how)]

    def start(self):
        self.nodes[0].install()
        self.nodes[0].start()
        return self


class GaleraNode(MariaDBNode):
    start_limit = 90  # a full copy on a busy machine

    def __init__(self, number, directory, ports, **how):
        super().__init__(f"galera-{number}", directory, ports[0], **how)
        self.group_port, self.increment_port, self.copy_port = ports[1:]
        self.peers = []  # this one too

    def config(self):
        """What comes later in the file counts."""
        where = f"127.0.0.1:{self.increment_port}"
        text = (ROOT / "deploy" / "galera.cnf").read_text()
        options = {
            "gmcast.listen_addr": f"tcp://127.0.0.1:{self.group_port}",
            "ist.recv_addr": where,
            "ist.recv_bind": where,
            "gcache.size": "32M",
            "base_dir": self.data,
        }
        more = ";".join(f"{key}={value}" for key, value in options.items())
        return f"{text}\n{super().config()}" + GALERA_CONFIG.format(
            peers=",".join(f"127.0.0.1:{peer.group_port}" for peer in self.peers),
            name=self.name,
            group_port=self.group_port,
            copy_port=self.copy_port,
            options=f"{OPTIONS.search(text).group(1)};{more}",
        )

    def ready(self):
        """Whether it has all that the primary component has, and serves."""
        query = "SHOW STATUS WHERE Variable_name IN ('wsrep_cluster_status', 'wsrep_ready'"
        try:
            status = dict(self.query(query + ", 'wsrep_local_state_comment')", limit=2))
        except pymysql.MySQLError:
            return False
        return status == {
            "wsrep_cluster_status": "Primary",
            "wsrep_local_state_comment": "Synced",
            "wsrep_ready": "ON",
        }

    @property
    def state_file(self):
        return self.data / "grastate.dat"

    def position(self):
        """UUID:NUMBER of the last transaction it has. It must not run."""
        log = self.directory / "recover.log"
        log.unlink(missing_ok=True)
        with log.open("wb") as out:
            self.own(log)
            self.popen([*self.command(), "--wsrep-recover"], out).wait(60)
        found = POSITION.findall(log.read_bytes())
        assert found, f"{self.name} has no position:\n{log.read_text(errors='replace')[-2000:]}"
        return found[-1].decode()

    def given_up(self):
        """Whether the others go on without it, as far as they serve."""
        others = [peer for peer in self.peers if peer is not self and peer.pid is not None]
        for peer in others:
            if peer.ready():
                size = peer.query("SHOW STATUS LIKE 'wsrep_cluster_size'")[0][1]
                return int(size) <= len(others)
        return True

    def spawn(self, *more):
        """Joins the others. It says from where on it lacks transactions: after a crash the file
        that should tell it does not, and the node would be given a full copy."""
        wait_until(self.given_up, 20, f"the others have given {self.name} up")
        if self.state_file.exists():
            self.prepare()
            more = (f"--wsrep-start-position={self.position()}", *more)
        else:
            self.data.mkdir(exist_ok=True)
            self.own(self.data)
        return super().spawn(*more)

    def bootstrap(self):
        """Starts a cluster that the others join."""
        if self.state_file.exists():
            text = self.state_file.read_text()
            self.state_file.write_text(text.replace("bootstrap: 0", "bootstrap: 1"))
        else:
            self.install()
        return self.spawn("--wsrep-new-cluster").wait_ready()


class Galera(Database):
    ports_of_node = 4

    def __init__(self, directory, nodes=3, ports=None, **how):
        ports = ports or [reserve_port() for _ in range(nodes * self.ports_of_node)]
        self.nodes = [
            GaleraNode(i + 1, directory / f"galera-{i + 1}", ports[4 * i : 4 * i + 4], **how)
            for i in range(nodes)
        ]
        for node in self.nodes:
            node.peers = self.nodes

    def first(self):
        """Who has the most, and so is to begin when none runs."""
        known = [node for node in self.nodes if node.state_file.exists()]
        for node in known:
            node.prepare()
        if len(known) < 2:
            return (known or self.nodes)[0]
        return max(known, key=lambda node: int(node.position().rpartition(":")[2]))

    def has_primary(self):
        return any(node.pid is not None and node.ready() for node in self.nodes)

    def start(self):
        """One after another: two that join at once take longer."""
        running = [node for node in self.nodes if node.pid is not None]
        if not running:
            self.first().bootstrap()
        elif len(running) < len(self.nodes) and not self.regains(10):
            running[0].query("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'")
        for node in self.nodes:
            node.start()
        return self

    def regains(self, limit):
        """Whether those that run are a primary component, or become one without being told to."""
        try:
            return wait_until(self.has_primary, limit, "there is a primary component")
        except AssertionError:
            return False
