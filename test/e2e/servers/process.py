# SPDX-License-Identifier: Apache-2.0
"""A server process that this or an earlier program started, and the ports they listen on."""

import contextlib
import ctypes
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from harness import ends_within, read_status, wait_until

PR_SET_PDEATHSIG = 1
# Below the kernel's range for outgoing connections: nobody takes the port of a server that is away.
# Programs that run side by side as pytest-xdist's do have different ones.
PORTS = range(
    12000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")),
    29000,
    int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")),
)
LIBC = ctypes.CDLL(None)

given_ports = set()


def reserve_port():
    """A port that is free and that this program was not given before."""
    while True:
        port = random.choice(PORTS)
        if port in given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given_ports.add(port)
        return port


def accepts(port, host="127.0.0.1"):
    """Whether someone listens there."""
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def temporary_folder():
    """A folder that other accounts reach, as some servers run as another one."""
    directory = Path(tempfile.mkdtemp(prefix="cronjob-servers-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def started_at(pid):
    """What tells a process from a later one with its pid; None when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


class Process:
    """One server. Its folder keeps `log` and `pid`, so that a later program finds it again.

    A tied process dies with the program that started it. Subclasses say command(), address and
    ready(), and prepare() what they read at their start.
    """

    address = ""
    start_limit = 30  # seconds

    def __init__(self, name, directory, user=None, environment=None, tied=True):
        self.name = name
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.user = user
        self.environment = environment
        self.tied = tied
        self.log = self.directory / "log"
        self.pid_file = self.directory / "pid"
        self.child = None
        self.own(self.directory)

    def own(self, path):
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def write(self, name, text):
        """A file in its folder that it may read."""
        path = self.directory / name
        path.write_text(text)
        self.own(path)

    def command(self):
        raise NotImplementedError

    def prepare(self):
        pass

    def ready(self):
        raise NotImplementedError

    def tail(self, lines=40):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    # what it does

    @property
    def pid(self):
        """Its pid, or None while it does not run."""
        if self.child and self.child.poll() is not None:
            return None
        try:
            pid, start = self.pid_file.read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if started_at(pid) == start else None

    def state(self):
        pid = self.pid
        if pid is None:
            return "stopped"
        if read_status(pid).get("State", "Z")[0] in "Tt":
            return "frozen"
        return "ready" if self.ready() else "running"

    # life

    @property
    def variables(self):
        """Its environment: who calls may have a folder for temporary files that is not for all."""
        more = {"TMPDIR": str(self.directory)} if self.user else {}
        return {**os.environ, **more, **(self.environment or {})}

    def popen(self, command, log):
        """The process of a command, as the server's account."""
        group = pwd.getpwnam(self.user).pw_gid if self.user else None
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=self.directory,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=self.user,
            group=group,
            extra_groups=[] if self.user else None,
            start_new_session=True,
            preexec_fn=die_with_parent if self.tied else None,
        )

    def spawn(self, *more):
        """Starts it, with more arguments, and does not wait."""
        assert self.pid is None, f"{self.name} runs"
        self.prepare()
        with self.log.open("ab") as log:
            self.own(self.log)
            self.child = self.popen([*self.command(), *more], log)
        self.pid_file.write_text(f"{self.child.pid} {started_at(self.child.pid)}\n")
        return self

    def wait_ready(self, limit=None):
        def ready():
            assert self.pid is not None, f"{self.name} ended:\n{self.tail()}"
            return self.ready()

        try:
            wait_until(ready, limit or self.start_limit, f"{self.name} is ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None
        return self

    def start(self, limit=None):
        """Started, if it does not run, and ready."""
        if self.pid is None:
            self.spawn()
        return self.wait_ready(limit)

    def send(self, number):
        pid = self.pid
        if pid is not None:
            os.kill(pid, number)
        return pid

    def wait_end(self, pid, limit):
        if self.child and self.child.pid == pid:
            try:
                self.child.wait(limit)
            except subprocess.TimeoutExpired:
                return False
            return True
        return ends_within(pid, limit)

    def stop(self, limit=20):
        """Asked to end; by force at the limit."""
        pid = self.pid
        if pid is None:
            return
        self.thaw()
        self.send(signal.SIGTERM)
        if not self.wait_end(pid, limit):
            self.kill()

    def kill(self):
        pid = self.send(signal.SIGKILL)
        if pid is not None:
            assert self.wait_end(pid, 20), f"{self.name} outlives SIGKILL"

    def freeze(self):
        self.send(signal.SIGSTOP)

    def thaw(self):
        self.send(signal.SIGCONT)

    def restart(self):
        self.stop()
        return self.start()
