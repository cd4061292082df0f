# SPDX-License-Identifier: Apache-2.0
"""ZooKeeper: one server or an ensemble.

The settings are those of deploy/zoo.cfg but for addresses and folders. slf4j-simple is there as
without a binding ZooKeeper logs nothing. A server is ready when `srvr` tells its mode: `ruok` is
answered without a quorum too.
"""

import re
import shutil
import socket

from harness import ROOT
from servers.process import Process, reserve_port

JARS = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"
JAVA = ["java", "-Xms32m", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
# What differs from deploy/zoo.cfg.
OWN = re.compile(r"^(#|dataDir=|clientPort=|standaloneEnabled=|server\.)")
CONFIG = """\
dataDir={directory}/data
clientPort={port}
clientPortAddress=127.0.0.1
"""


def ask(port, word):
    """The answer to one of the four-letter words; "" when there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.settimeout(2)
            connection.sendall(word.encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    except OSError:
        return ""


class ZooKeeperNode(Process):
    def __init__(self, number, directory, ports, **how):
        super().__init__(f"zookeeper-{number}", directory, **how)
        self.number = number
        self.port, self.peer_port, self.election_port = ports
        self.address = f"127.0.0.1:{self.port}"
        self.peers = []  # of an ensemble, this one too

    def command(self):
        return [*JAVA, "-cp", JARS, MAIN, self.directory / "zoo.cfg"]

    def prepare(self):
        lines = (ROOT / "deploy" / "zoo.cfg").read_text().splitlines()
        text = "".join(f"{line}\n" for line in lines if line and not OWN.match(line))
        text += CONFIG.format(directory=self.directory, port=self.port)
        if len(self.peers) > 1:
            text += "standaloneEnabled=false\n"
            for peer in self.peers:
                where = f"127.0.0.1:{peer.peer_port}:{peer.election_port}"
                text += f"server.{peer.number}={where}\n"
        self.write("zoo.cfg", text)
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        (data / "myid").write_text(f"{self.number}\n")

    def mode(self):
        """leader, follower, standalone; None while it does not serve."""
        for line in ask(self.port, "srvr").splitlines():
            if line.startswith("Mode: "):
                return line[6:]
        return None

    def ready(self):
        return self.mode() is not None

    def wipe(self):
        """Forgets all it had. It must not run."""
        assert self.pid is None
        shutil.rmtree(self.directory / "data", ignore_errors=True)


class ZooKeeper:
    """An ensemble; of one server that is alone."""

    ports_of_node = 3

    def __init__(self, directory, nodes=3, ports=None, **how):
        ports = ports or [reserve_port() for _ in range(nodes * self.ports_of_node)]
        self.nodes = [
            ZooKeeperNode(i + 1, directory / f"zookeeper-{i + 1}", ports[3 * i : 3 * i + 3], **how)
            for i in range(nodes)
        ]
        for node in self.nodes:
            node.peers = self.nodes

    @property
    def addresses(self):
        return ",".join(node.address for node in self.nodes)

    def url(self, path="/cronjob"):
        return f"zookeeper://{self.addresses}{path}"

    def start(self, limit=30):
        for node in self.nodes:
            if node.pid is None:
                node.spawn()
        for node in self.nodes:
            node.wait_ready(limit)
        return self

    def stop(self):
        for node in self.nodes:
            node.stop()

    def kill(self):
        for node in self.nodes:
            node.kill()

    def restart(self):
        self.stop()
        return self.start()

    def wipe(self):
        """All of them lose all they had."""
        self.kill()
        for node in self.nodes:
            node.wipe()
        return self.start()

    def leader(self):
        """The node that leads, or None at the moment."""
        return next((node for node in self.nodes if node.mode() == "leader"), None)
