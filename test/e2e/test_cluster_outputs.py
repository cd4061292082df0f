# SPDX-License-Identifier: Apache-2.0
"""What runs wrote on a cluster: read through any API server, live, while it moves and when the node
that wrote it is gone."""

import base64
import contextlib
import shutil
import threading
import time
import urllib.error

import pytest
from cluster import PatientClient
from harness import FINAL, QUIET, TALKING, listen_to, wait_cut_off, wait_until
from servers.s3 import BUCKET

pytestmark = pytest.mark.cluster

LINES = 300_000


def numbered(count):
    return b"".join(b"line %d\n" % number for number in range(1, count + 1))


def print_lines(count):
    return f"seq -f 'line %.0f' {count}"


def clients(cluster):
    return [PatientClient(api.url) for api in cluster.apis]


def local(worker):
    """The outputs that are still on its node."""
    return {path.name for path in worker.data.glob("outputs/*/*")}


def wait_delivered(worker, run, limit=30):
    wait_until(lambda: run["id"] not in local(worker), limit, "the output has left the node")


def run_on(cluster, worker, command, **fields):
    job = cluster.api.add(
        "@manual", command, placement={"labels": {"name": worker.name}}, **fields
    )
    return cluster.api.run(job)


def execute(cluster, worker, command, **fields):
    """A run whose output has left the node."""
    run = cluster.api.wait_run(run_on(cluster, worker, command, **fields), 60)
    wait_delivered(worker, run)
    return run


@contextlib.contextmanager
def without_objects(cluster):
    cluster.s3.kill()
    try:
        yield
    finally:
        cluster.s3.start()


def has_object(cluster, key):
    try:
        cluster.s3.ask("HEAD", f"/{BUCKET}/{key}")
    except urllib.error.HTTPError as error:
        assert error.code == 404
        return False
    return True


def part(client, run, first, length):
    headers = {"Range": f"bytes={first}-{first + length - 1}"}
    return client.request("GET", f"/runs/{run['id']}/output", headers=headers, expect=206).content


def test_outputs_outlive_their_node(cluster):
    worker = cluster.workers[0]
    short = execute(cluster, worker, "echo short")
    long = execute(cluster, worker, print_lines(LINES))
    worker.kill_node()
    whole = numbered(LINES)
    for client in clients(cluster):
        assert client.output(short) == b"short\n"
        assert client.output(long, "?tail=2") == whole[whole.rindex(b"line 299999") :]
        assert part(client, long, 1_000_000, 300_000) == whole[1_000_000:1_300_000]
        assert client.output(long) == whole


def test_a_follower_at_any_server_misses_nothing(cluster):
    command = "for i in $(seq 30); do seq -f \"$i %.0f\" 1000; done; sleep 1; echo end"
    expected = b"".join(b"%d %d\n" % (i, j) for i in range(1, 31) for j in range(1, 1001))
    run = run_on(cluster, cluster.workers[1], command)
    got = {}

    def follow(client, name):
        got[name] = client.output(run, "?follow=true")

    threads = [
        threading.Thread(target=follow, args=(client, name))
        for name, client in enumerate(clients(cluster) * 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {name: text == expected + b"end\n" for name, text in got.items()} == {
        name: True for name in range(4)
    }


def test_a_part_of_a_hundred_megabytes(cluster):
    line = "0123456789" * 9 + "12345678\n"
    count = 100 * 1024 * 1024 // len(line)
    command = f"yes {line.strip()} | head -n {count}"
    worker = cluster.workers[1]
    run = execute(cluster, worker, command, limits={"output": 100 * 1024 * 1024})
    assert run["output_bytes"] == count * len(line)
    for client in clients(cluster):
        began = time.monotonic()
        text = part(client, run, count // 2 * len(line), 5 * len(line))
        assert time.monotonic() - began < 1
        assert text == line.encode() * 5


def test_outputs_wait_on_the_node_while_the_objects_are_away(cluster):
    worker = cluster.workers[1]
    with without_objects(cluster):
        run = cluster.api.wait_run(run_on(cluster, worker, print_lines(LINES)))
        short = execute(cluster, worker, "echo short")
        for client in clients(cluster):
            assert client.output(run, "?tail=1") == b"line %d\n" % LINES
            assert client.output(short) == b"short\n"
        assert run["id"] in local(worker)
    wait_delivered(worker, run, 90)
    for client in clients(cluster):
        assert client.output(run) == numbered(LINES)


def test_a_server_answers_while_the_objects_are_away(cluster):
    """Who reads a stored output is told at once or after a while, and holds up nobody else."""
    long = execute(cluster, cluster.workers[1], print_lines(LINES))
    client = clients(cluster)[0]
    client.patience = 0
    with without_objects(cluster):
        readers = [
            threading.Thread(
                target=client.request,
                args=("GET", f"/runs/{long['id']}/output?tail={number + 1}"),
            )
            for number in range(8)
        ]
        for reader in readers:
            reader.start()
        other = PatientClient(cluster.apis[0].url)
        for _ in range(10):
            began = time.monotonic()
            other.get("/summary")
            assert time.monotonic() - began < 2
            time.sleep(0.1)
        for reader in readers:
            reader.join(60)
        answer = client.request("GET", f"/runs/{long['id']}/output?tail=77")
        assert answer.status_code == 503, answer.text
        assert "object store" in answer.text
    wait_until(
        lambda: client.request("GET", f"/runs/{long['id']}/output?tail=1").status_code == 200,
        30,
        "it is readable again",
    )


def test_a_worker_killed_in_the_middle_of_a_delivery(cluster):
    """It dies with the output half on its way, and delivers it when it is back."""
    worker = cluster.workers[0]
    size = 60 * 1024 * 1024
    command = f"head -c {size} /dev/urandom"
    runs = []
    for pause in (0.0, 0.3, 0.6):
        run = run_on(cluster, worker, command, limits={"output": size})
        wait_until(
            lambda run=run: cluster.api.get(f"/runs/{run['id']}")["status"] in FINAL, 60, "it ends"
        )
        time.sleep(pause)  # the moment is what is tried
        worker.kill()
        worker.start()
        runs.append(run)
    for run in runs:
        wait_delivered(worker, run, 90)
        first, second = (len(client.output(run)) for client in clients(cluster))
        assert (first, second) == (size, size)


def test_a_run_that_waits_for_its_file_says_so_at_each_server(cluster):
    worker = cluster.workers[1]
    script = base64.b64encode(b"#!/bin/sh\necho here\n").decode()
    job = cluster.api.add(
        "@manual", script, type="script", placement={"labels": {"name": worker.name}}
    )
    worker.kill()
    shutil.rmtree(worker.data / "cache")
    with without_objects(cluster):
        worker.start()
        run = cluster.api.run(job)
        for client in clients(cluster):
            wait_until(
                lambda client=client: (client.get(f"/runs/{run['id']}")["reason"] or "").startswith(
                    "its file cannot be fetched: s3://"
                ),
                40,
                "it is told",
            )
    assert cluster.api.output(cluster.api.wait_run(run)) == b"here\n"


def test_a_purged_job_leaves_nothing(cluster):
    worker = cluster.workers[1]
    run = execute(cluster, worker, print_lines(10_000))
    job = cluster.api.get(f"/jobs/{run['job']}")
    key = f"outputs/{job['id']}/{run['id']}"
    assert has_object(cluster, key)
    cluster.api.remove(job, purge=True)
    wait_until(lambda: not has_object(cluster, key), 30, "the object is gone")


def make_reader(servers, name):
    """A user who may see everything, and a token that all servers know."""
    here = servers[0]
    here.request("POST", "/users", {"name": name, "role": "viewer", "accounts": []}, expect=201)
    token = here.request("POST", "/tokens", {"name": name, "account": name}, expect=201).json()
    headers = {"Authorization": f"Bearer {token['token']}"}
    for at in servers:
        wait_until(
            lambda at=at: at.request("GET", "/summary", headers=headers).status_code == 200,
            5,
            "the server knows the token",
        )
    return token


def disable_user(client, token):
    headers = {"Content-Type": "application/merge-patch+json"}
    path = f"/users/{token['account']}"
    client.request("PATCH", path, {"disabled": True}, headers=headers, expect=200)


def revoke_token(client, token):
    client.request("DELETE", f"/tokens/{token['id']}", expect=204)


@pytest.fixture
def endless(cluster):
    """A run that says something all the time, and one that only begins."""
    runs = [run_on(cluster, cluster.workers[1], command) for command in (TALKING, QUIET)]
    yield runs
    for run in runs:
        cluster.api.request("POST", f"/runs/{run['id']}/kill", expect=202)
        cluster.api.wait_run(run)


@pytest.mark.parametrize("take_away", [revoke_token, disable_user])
def test_who_listens_is_cut_off_by_each_server(cluster, endless, take_away):
    """Also by that which has only the store to hear of it from."""
    here, there = servers = clients(cluster)
    token, other = make_reader(servers, "ann"), make_reader(servers, "bob")
    try:
        ann = [one for at in servers for one in listen_to(at, *endless, token["token"])]
        bob = [one for at in servers for one in listen_to(at, *endless, other["token"])]
        take_away(here, token)
        wait_cut_off(ann)
        assert all(one.goes_on() for one in bob)
        take_away(there, other)
        wait_cut_off(bob)
    finally:
        for name in ("ann", "bob"):
            here.request("DELETE", f"/users/{name}", expect=204)
