# SPDX-License-Identifier: Apache-2.0
"""Debian's cron on a machine of its own: a name space of mounts in which /etc, /run and the spool
are folders of the test, so that neither sees the real ones. Needs root."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from harness import read_status, wait_until

MOUNTS = """\
set -e
mount --make-rprivate /
mount --bind {etc} /etc
mount --bind {run} /run
mount --bind {spool} /var/spool/cron/crontabs
exec "$@"
"""


class Node:
    """The folders, and how a program becomes one that sees them."""

    def __init__(self, folder, zone="Etc/UTC"):
        self.folder = Path(folder)
        self.etc, self.run, self.spool = (self.folder / name for name in ("etc", "run", "spool"))
        ignore = shutil.ignore_patterns("cron*")
        with contextlib.suppress(shutil.Error):  # what another test took away meanwhile
            shutil.copytree("/etc", self.etc, symlinks=True, ignore=ignore)
        (self.etc / "localtime").unlink(missing_ok=True)
        (self.etc / "localtime").symlink_to(f"/usr/share/zoneinfo/{zone}")
        for path in (self.etc / "cron.d", self.run, self.spool):
            path.mkdir()
            path.chmod(0o755)
        shutil.chown(self.spool, "root", "crontab")
        self.spool.chmod(0o1730)
        self.crontab = self.etc / "cron.d" / "cronjob"
        # Where the real spool was never used its folder has to be there, to be covered.
        Path("/var/spool/cron/crontabs").mkdir(parents=True, exist_ok=True)

    def becomes(self):
        """The words before a program's."""
        script = MOUNTS.format(**{name: shlex.quote(str(getattr(self, name))) for name in
                                  ("etc", "run", "spool")})
        return ["unshare", "--mount", "sh", "-c", script, "sh"]

    def call(self, *words, **more):
        return subprocess.run(
            [*self.becomes(), *map(str, words)], capture_output=True, text=True, timeout=30, **more
        )


class Cron:
    """The daemon; with a clock (shifted.py), by that."""

    def __init__(self, node, clock=None):
        self.node = node
        self.clock = clock
        self.process = None

    def start(self):
        environment = dict(os.environ, **(self.clock.environment if self.clock else {}))
        environment.pop("TZ", None)
        self.process = subprocess.Popen(
            [*self.node.becomes(), "cron", "-f"], env=environment, start_new_session=True
        )
        wait_until(self.listens, 10, "cron takes signals")
        return self

    def listens(self):
        status = read_status(self.process.pid)
        return status["Name"].strip() == "cron" and int(status["SigCgt"], 16) & 1

    def look_at_the_clock(self):
        """It sleeps by the time that it knew; any signal that it catches makes it look."""
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None
