#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real cluster on this machine, for trying out: script/cluster COMMAND.

up [--port N]      start what does not run, and wait until it is ready
down               stop all of it; what it keeps stays
status             what runs: exit code 0 when everything is ready
kill NAME...       end a part of it at once (SIGKILL)
freeze NAME...     stop a part of it in its tracks (SIGSTOP)
thaw NAME...       let it go on (SIGCONT)
start NAME...      start a part of it again
logs NAME [-f]     what it said; with -f, also what it will say

Three ZooKeeper servers, three MariaDB nodes with Galera, an S3 server, HAProxy at 127.0.0.1:30000,
two API servers, two managers and three workers, in build/cluster or $CRONJOB_CLUSTER_DIR.
"""

import argparse
import hashlib
import os
import pwd
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test" / "e2e"))

from servers.system import System  # noqa: E402

PORT = 30000
MODES = {"ready": "ready", "running": "not ready", "frozen": "frozen", "stopped": "stopped"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def is_open(path):
    """Whether every account may go there."""
    return all(not p.exists() or p.stat().st_mode & 0o001 for p in (path, *path.parents))


def folder():
    """Root's cluster runs partly as other accounts, which must get to their files."""
    told = os.environ.get("CRONJOB_CLUSTER_DIR")
    if told:
        return Path(told).resolve()
    chosen = ROOT / "build" / "cluster"
    if os.getuid() == 0 and not is_open(chosen):
        digest = hashlib.sha256(str(chosen).encode()).hexdigest()[:8]
        chosen = Path(f"/var/tmp/cronjob-cluster-{digest}")
    return chosen


def open_system():
    directory = folder()
    directory.mkdir(parents=True, exist_ok=True)
    if directory.stat().st_uid != os.getuid():
        raise SystemExit(f"cluster: {directory} belongs to another account")
    return System(directory, choose_port=lambda: PORT, tied=False)


def note(process):
    """What there is to say about it beyond its state."""
    if hasattr(process, "mode"):
        return process.mode() or ""
    if hasattr(process, "leads"):
        return "leads" if process.leads() else ""
    return ""


def show(system):
    rows = [("NAME", "PID", "ADDRESS", "STATE")]
    states = [process.state() for process in system.processes]
    for process, state in zip(system.processes, states):
        more = note(process) if state == "ready" else ""
        text = MODES[state] + (f", {more}" if more else "")
        rows.append((process.name, str(process.pid or "-"), process.address, text))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return all(state == "ready" for state in states)


def up(system, port):
    if port and port != system.balancer.port:
        system.balancer.stop()
        system.settings.values["port"] = port
        system.settings.save()
        system = open_system()
    for process in system.processes:
        process.thaw()
    system.start(say)
    show(system)
    account = system.balancer.user or pwd.getpwuid(os.getuid()).pw_name
    say(f"HAProxy at {system.balancer.url}; without a token everybody on this machine who asks")
    say(f"there counts as the account {account}.")
    return 0


def start(system, names):
    for process in named(system, names):
        if process in system.roles:
            process.environment = system.environment(process)
        process.start()
    return 0


def named(system, names):
    try:
        return [system.find(name) for name in names]
    except KeyError as error:
        known = ", ".join(process.name for process in system.processes)
        raise SystemExit(f"cluster: there is no {error.args[0]}; there are {known}") from None


def logs(system, name, follow):
    log = named(system, [name])[0].log
    os.execvp("tail", ["tail", "-n", "200", *(["-F"] if follow else []), str(log)])


def arguments():
    parser = argparse.ArgumentParser(
        prog="script/cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up").add_argument("--port", type=int, help=f"of HAProxy ({PORT})")
    for name in ("down", "status"):
        commands.add_parser(name)
    for name in ("kill", "freeze", "thaw", "start"):
        commands.add_parser(name).add_argument("name", nargs="+")
    one = commands.add_parser("logs")
    one.add_argument("name")
    one.add_argument("-f", action="store_true", dest="follow")
    return parser.parse_args()


def main():
    options = arguments()
    system = open_system()
    if options.command == "up":
        return up(system, options.port)
    if options.command == "down":
        system.stop()
        return 0
    if options.command == "status":
        return 0 if show(system) else 1
    if options.command == "start":
        return start(system, options.name)
    if options.command == "logs":
        return logs(system, options.name, options.follow)
    for process in named(system, options.name):
        getattr(process, options.command)()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AssertionError as error:
        sys.exit(f"cluster: {error}")
