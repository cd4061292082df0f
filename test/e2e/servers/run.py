#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real servers for who cannot start them: `run.py SERVER... [--nodes N] [-- COMMAND...]`.

Starts the servers named (zookeeper, mariadb, galera, s3), each on free ports, and prints where they are
as KEY=VALUE lines, then `ready`. They stay until SIGTERM or SIGINT. With a COMMAND that is run
instead, with these in its environment; its exit code is passed on.

CRONJOB_TEST_ZOOKEEPER    HOST:PORT,... of all nodes
CRONJOB_TEST_MYSQL        mysql://USER:PASSWORD@HOST:PORT,.../cronjob of all nodes; the account may
                          also make other databases whose name begins with cronjob
CRONJOB_TEST_MYSQL_NODES  how many those are
CRONJOB_TEST_S3           s3://... as --objects takes it; _KEY and _SECRET are who may use it
CRONJOB_TEST_PIDS         NAME=PID,... of all, for who disturbs them
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.mariadb import Galera, MariaDB  # noqa: E402
from servers.process import temporary_folder  # noqa: E402
from servers.s3 import KEY, Swift  # noqa: E402
from servers.zookeeper import ZooKeeper  # noqa: E402

ACCOUNT = ("cronjob", "for-tests")


def arguments():
    words, command = sys.argv[1:], []
    if "--" in words:
        at = words.index("--")
        words, command = words[:at], words[at + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("server", nargs="+", choices=["zookeeper", "mariadb", "galera", "s3"])
    parser.add_argument("--nodes", type=int, default=3, help="of zookeeper and galera (3)")
    parser.add_argument("--dir", type=Path, help="a folder to keep; a temporary one by default")
    parser.add_argument("--env", type=Path, help="a file for the KEY=VALUE lines")
    return parser.parse_args(words), command


def start(kinds, nodes, directory):
    """The servers, and what tells where they are."""
    servers, told = [], {}
    if "zookeeper" in kinds:
        servers.append(ZooKeeper(directory, nodes).start())
        told["CRONJOB_TEST_ZOOKEEPER"] = servers[-1].addresses
    if "mariadb" in kinds or "galera" in kinds:
        database = Galera(directory, nodes) if "galera" in kinds else MariaDB(directory)
        servers.append(database.start())
        database.add_account(*ACCOUNT)
        told["CRONJOB_TEST_MYSQL"] = database.url(*ACCOUNT)
        told["CRONJOB_TEST_MYSQL_NODES"] = str(len(database.nodes))
    if "s3" in kinds:
        servers.append(Swift(directory / "s3").start())
        told["CRONJOB_TEST_S3"] = servers[-1].url()
        told["CRONJOB_TEST_S3_KEY"], told["CRONJOB_TEST_S3_SECRET"] = KEY, servers[-1].secret
    pids = [f"{node.name}={node.pid}" for server in servers for node in server.nodes]
    told["CRONJOB_TEST_PIDS"] = ",".join(pids)
    return servers, told


def told_to_end(number, _frame):
    raise SystemExit(128 + number)


def run(command, told):
    """The exit code of the command; a signal to end is passed on to it."""
    with subprocess.Popen(command, env=dict(os.environ, **told)) as child:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, _: child.send_signal(got))
        code = child.wait()
    return code if code >= 0 else 128 - code


def serve(options, command, directory):
    servers = []
    try:
        servers, told = start(options.server, options.nodes, directory)
        lines = "".join(f"{key}={value}\n" for key, value in told.items())
        if options.env:
            options.env.write_text(lines)
        if command:
            return run(command, told)
        print(lines + "ready", flush=True)
        while True:
            signal.pause()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        for server in servers:
            server.kill()


def main():
    options, command = arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told_to_end)
    if options.dir:
        return serve(options, command, options.dir.resolve())
    with temporary_folder() as directory:
        return serve(options, command, directory)


if __name__ == "__main__":
    sys.exit(main())
