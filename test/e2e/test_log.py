# SPDX-License-Identifier: Apache-2.0
"""The log of a server and its guardian."""

import json

from harness import Server


def test_the_guardian_logs_as_its_server_does():
    with Server(arguments=["--log-format", "json"]) as server:
        server.start()
        server.execute("true")
        lines = [json.loads(line) for line in server.tail_of_log().splitlines()]
    events = {line["event"]: line for line in lines}
    assert {"cronjob started", "guardian started"} <= set(events)
    assert all(line["time"].endswith("Z") for line in lines)
