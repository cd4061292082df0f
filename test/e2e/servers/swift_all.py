#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""All servers of one Swift in one process: `swift_all.py FOLDER`, which has their settings.

As swift.test.functional does it: each is a WSGI application on a socket of its own, in one loop.
"""

import logging
import signal
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

import eventlet  # noqa: E402
import eventlet.wsgi  # noqa: E402
from swift.common import utils  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402

PARTS = ("account", "container", "object", "proxy")


def log_to_stderr(_conf, _name, _to_console, _route, _format, logger, _adapted):
    """For Swift's log_custom_handlers: without a syslog its messages would be lost."""
    if not any(isinstance(handler, logging.StreamHandler) for handler in logger.handlers):
        logger.addHandler(logging.StreamHandler())


class NoCache:
    """In the place of a memcached that never has anything."""

    def get(self, *_words, **_more):
        return None

    set = delete = incr = decr = get


def no_cache(_global, **_settings):
    """The filter that gives it to the others."""

    def wrap(application):
        def call(environment, start_response):
            environment["swift.cache"] = NoCache()
            return application(environment, start_response)

        return call

    return wrap


def make_ring(folder, part, port):
    """Where everything is: here."""
    path = folder / f"{part}.ring.gz"
    if path.exists():
        return
    builder = RingBuilder(2, 1, 1)
    here = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1", "weight": 1}
    builder.add_dev({**here, "replication_ip": here["ip"], "replication_port": port})
    builder.rebalance()
    builder.get_ring().save(str(path))


def serve(folder, part):
    from swift.common.wsgi import SwiftHttpProtocol, loadapp

    conf = utils.readconf(str(folder / f"{part}.conf"), "pipeline:main")
    if part != "proxy":
        make_ring(folder, part, int(conf["bind_port"]))
    application = loadapp(str(folder / f"{part}.conf"), global_conf={"log_name": part})
    listener = eventlet.listen((conf["bind_ip"], int(conf["bind_port"])))
    return eventlet.spawn(
        eventlet.wsgi.server,
        listener,
        application,
        utils.NullLogger(),
        protocol=SwiftHttpProtocol,
        log_output=False,
    )


def main():
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    eventlet.patcher.monkey_patch()
    utils.set_swift_dir(str(folder))
    threads = [serve(folder, part) for part in PARTS]
    threads[-1].wait()


if __name__ == "__main__":
    main()
