# SPDX-License-Identifier: Apache-2.0
"""The roles of a cluster: `cronjob api`, `cronjob manager` and `cronjob worker`."""

import os
import re
import signal

import requests
from harness import binary, end_guardian_of, guardian_of
from servers.process import Process

LEADS = re.compile(r"^cronjob_leader 1$", re.M)


class Role(Process):
    """Secrets are in its environment, as command lines are seen by everybody."""

    kind = ""

    def __init__(self, name, directory, port, **how):
        super().__init__(name, directory, **how)
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        self.ca = None  # the file of who vouches for it, by HTTPS
        self.arguments = []
        self.before = []  # words of a program that becomes it

    def command(self):
        return [*self.before, binary(), self.kind, "--listen", self.address, *self.arguments]

    def get(self, path):
        """The answer, or None when there is none."""
        try:
            return requests.get(self.url + path, timeout=2, verify=self.ca)
        except requests.RequestException:
            return None

    def use_tls(self, certificate):
        self.ca = certificate.chain
        self.url = f"https://{self.address}"
        self.arguments += ["--tls-certificate", certificate.chain, "--tls-key", certificate.key]
        self.arguments += ["--tls-ca", certificate.chain]

    def ready(self):
        answer = self.get("/readyz")
        return answer is not None and answer.status_code == 200

    def metrics(self):
        answer = self.get("/metrics")
        return answer.text if answer is not None and answer.status_code == 200 else ""


class Api(Role):
    kind = "api"


class Manager(Role):
    kind = "manager"

    def command(self):
        return [*super().command(), "--name", self.name]

    def leads(self):
        return LEADS.search(self.metrics()) is not None


class Worker(Role):
    kind = "worker"

    def __init__(self, name, directory, port, **how):
        super().__init__(name, directory, port, **how)
        self.data = self.directory / "data"

    def command(self):
        return [*super().command(), "--name", self.name, "--data", self.data]

    def prepare(self):
        self.data.mkdir(mode=0o700, exist_ok=True)

    def guardian(self):
        """The pid of its guardian, which outlives it, or None."""
        return guardian_of(self.data)

    def kill_guardian(self):
        os.kill(self.guardian(), signal.SIGKILL)

    def end_guardian(self):
        end_guardian_of(self.data, self.user)

    def kill_node(self):
        """As if its machine had lost power: with its guardian, and so with its runs."""
        self.send(signal.SIGSTOP)  # so that it starts no other guardian
        self.end_guardian()
        self.kill()
