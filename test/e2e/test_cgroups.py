# SPDX-License-Identifier: Apache-2.0
"""The cgroups of runs, where the machine has them and we may use them."""

import re
from pathlib import Path

import pytest


def mount_point():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line:
            return Path(line.split()[4])
    pytest.skip("there are no cgroups of version 2")


def folder_of_runs(server):
    """The folder of cgroups that this server's guardian has made."""
    _, output = server.execute("cat /proc/self/cgroup")
    path = re.search(r"^0::(.*/cronjob-[0-9a-f]{16})/\d+$", output.decode(), re.MULTILINE)
    if not path:
        pytest.skip("runs have no cgroups here")
    return mount_point() / path.group(1).lstrip("/")


def tidy(folder):
    """Removes what is empty, as systemd does below a service that has ended."""
    for group in folder.iterdir():
        if group.is_dir():
            group.rmdir()


@pytest.mark.parametrize("whole", [False, True])
def test_runs_start_although_their_cgroups_were_tidied_away(own_server, whole):
    folder = folder_of_runs(own_server)
    tidy(folder)
    if whole:
        folder.rmdir()
    for _ in range(2):
        run, output = own_server.execute("cat /proc/self/cgroup")
        assert run["status"] == "succeeded", run["reason"]
        assert folder.name.encode() in output
