# SPDX-License-Identifier: Apache-2.0
"""The REST API as its users meet it: the first examples, live output, events, its description."""

import json
import subprocess
import threading
import time

import jsonschema
import pytest
import requests
from harness import FINAL, resident_bytes, wait_until

METHODS = {"get", "put", "post", "patch", "delete"}


def curl(*arguments):
    done = subprocess.run(
        ["curl", "-sS", "-m", "20", *arguments], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- the first examples -----------------------------------------------------------------------


@pytest.mark.smoke
def test_curl_adds_shows_and_removes_a_job(server):
    body = '{"executable":"date","schedule":"* * * * *","type":"command"}'
    job = json.loads(
        curl("-X", "POST", "-H", "Content-Type: application/json", "-d", body, server.url + "/jobs")
    )
    assert job["status"] == "scheduled"
    assert job["id"].isdigit()
    assert json.loads(curl("-d", body, server.url + "/jobs"))["status"] == "scheduled"
    assert json.loads(curl(f"{server.url}/jobs/{job['id']}"))["executable"] == "date"
    assert job["id"] in [one["id"] for one in json.loads(curl(server.url + "/jobs"))]
    gone = json.loads(curl("-X", "DELETE", f"{server.url}/jobs/{job['id']}"))
    assert gone["status"] == "finished"


def test_a_body_that_nothing_is_read_from_does_no_harm(server):
    answer = requests.post(server.url + "/runs/1-5-1/kill", json={}, timeout=10)
    assert answer.status_code == 404
    answer = requests.post(server.url + "/runs/1-5-1/kill", data=b"x" * 5000, timeout=10)
    assert answer.status_code == 413


def test_what_get_answers_can_be_put_back(server):
    job = server.add("@daily", "true", name="round-trip", labels={"a": "b"}, timeout="90s")
    again = server.request("PUT", f"/jobs/{job['id']}", job, expect=200).json()
    for changing in ("revision", "updated_at"):
        job.pop(changing), again.pop(changing)
    assert again == job


def test_patches_at_the_same_time_are_all_kept(server):
    job = server.add("@daily", "true")
    threads = [
        threading.Thread(target=server.change, args=(job,), kwargs={"labels": {f"l{n}": "1"}})
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(server.get(f"/jobs/{job['id']}")["labels"]) == {f"l{n}" for n in range(8)}


def test_one_of_many_writers_with_if_match_wins(server):
    job = server.add("@daily", "true")
    statuses = []

    def change(n):
        answer = requests.patch(
            f"{server.url}/jobs/{job['id']}",
            data=json.dumps({"description": str(n)}),
            headers={"Content-Type": "application/json", "If-Match": '"1"'},
            timeout=20,
        )
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=change, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 7


# ---- output -----------------------------------------------------------------------------------


@pytest.mark.smoke
def test_output_is_followed_while_the_run_goes_on(server, tmp_path):
    gate = tmp_path / "gate"
    subprocess.run(["mkfifo", gate], check=True)
    gate.chmod(0o666)
    job = server.add("@manual", f"echo first; read line < {gate}; echo $line")
    run = server.run(job)
    url = f"{server.url}/runs/{run['id']}/output?follow=true"
    with requests.get(url, stream=True, timeout=20) as answer:
        parts = answer.iter_content(None)
        assert next(parts) == b"first\n"
        gate.write_text("second\n")
        assert b"".join(parts) == b"second\n"
    final = server.get(f"/runs/{run['id']}")
    assert final["status"] == "succeeded"
    assert final["output_bytes"] == 13


def test_the_end_of_a_long_output_comes_at_once(server):
    run, _ = server.execute("seq 300000", limits={"output": "10MiB"})
    start = time.monotonic()
    assert server.output(run, "?tail=3") == b"299998\n299999\n300000\n"
    assert time.monotonic() - start < 0.5
    answer = server.request(
        "GET", f"/runs/{run['id']}/output", expect=206, headers={"Range": "bytes=-7"}
    )
    assert answer.content == b"300000\n"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# ---- events -----------------------------------------------------------------------------------


class Events:
    """Reads the event stream in the background, by a curl of its own."""

    def __init__(self, server, last=None):
        headers = ["-H", f"Last-Event-ID: {last}"] if last else []
        self.curl = subprocess.Popen(
            ["curl", "-sN", "-m", "60", "-w", "event: end\\ndata: {}\\nid: 0\\n\\n", *headers,
             server.url + "/events"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events = []
        self.opened = threading.Event()
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        assert self.opened.wait(20)

    def read(self):
        event = {}
        for line in self.curl.stdout:
            name, colon, value = line.rstrip("\n").partition(": ")
            if colon:
                event[name] = value
            elif "event" in event:
                self.events.append((event["event"], json.loads(event["data"]), event["id"]))
                event = {}
            self.opened.set()

    def wait(self, kind, condition=lambda data: True):
        def found():
            for event in list(self.events):
                if event[0] == kind and condition(event[1]):
                    return event
            return None

        return wait_until(found, 20, f"an event {kind}")

    def close(self):
        self.curl.terminate()
        self.curl.wait(10)
        self.thread.join(10)


def test_events_tell_of_a_job_and_its_run(server):
    events = Events(server)
    job = server.add("@manual", "echo hello")
    data = events.wait("job", lambda data: data["id"] == job["id"])[1]
    assert data["executable"] == "echo hello"
    run = server.run(job)
    last = events.wait("run", lambda data: data["id"] == run["id"] and data["status"] in FINAL)
    assert last[1]["status"] == "succeeded"
    events.close()
    later = server.add("@manual", "true")
    again = Events(server, last=last[2])
    again.wait("job", lambda data: data["id"] == later["id"])
    assert not [event for event in again.events if event[0] == "resync"]
    again.close()


def test_events_end_when_the_server_does(own_server):
    events = Events(own_server)
    own_server.add("@manual", "true")
    events.wait("job")
    assert own_server.stop() == 0
    events.wait("end")
    last = [event for event in events.events if event[0] == "job"][-1][2]
    events.close()
    own_server.start()
    again = Events(own_server, last=last)
    again.wait("resync")
    again.close()


# ---- its description --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def description(server):
    return server.get("/openapi.json")


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_description_is_whole(description):
    assert description["openapi"].startswith("3.1")
    schemas = description["components"]["schemas"]
    for reference in references(description):
        assert reference.split("/")[-1] in schemas, reference
    names = [
        operation["operationId"]
        for path in description["paths"].values()
        for operation in path.values()
    ]
    assert len(names) == len(set(names)) >= 26
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert name


def test_the_description_and_the_server_know_the_same_methods(server, description):
    for path, operations in description["paths"].items():
        url = path.replace("{id}", "1-1-1" if path.startswith("/runs") else "1")
        url = url.replace("{name}", "none")
        answer = server.request("OPTIONS", url, expect=405)
        allowed = {method.strip().lower() for method in answer.headers["Allow"].split(",")}
        assert allowed - {"head"} == set(operations) & METHODS, path


def check(description, path, method, answer):
    """The answer is as the description says."""
    said = description["paths"][path][method]["responses"][str(answer.status_code)]
    if "content" not in said:
        assert not answer.content
        return
    kind = answer.headers["Content-Type"]
    schema = dict(said["content"][kind]["schema"], components=description["components"])
    jsonschema.validate(
        answer.json(), schema, format_checker=jsonschema.FormatChecker()
    )


def test_real_answers_are_as_described(server, description):
    run, _ = server.execute("echo x", name="described", labels={"a": "1"}, retries={"limit": 1})
    job = {"id": run["job"]}
    key = f"/jobs/{job['id']}"
    patch = {"headers": {"Content-Type": "application/merge-patch+json"}}
    worker = server.get("/workers")[0]["name"]
    calls = [
        ("/jobs", "get", "/jobs", None, {}),
        ("/jobs", "post", "/jobs", {"executable": "x", "schedule": "0 0 1 1 *", "type": "command"}, {}),
        ("/jobs", "post", "/jobs", {"executable": "x", "schedule": "61 * * * *", "type": "command"}, {}),
        ("/jobs", "post", "/jobs", {}, {}),
        ("/jobs/{id}", "get", key, None, {}),
        ("/jobs/{id}", "get", "/jobs/999999", None, {}),
        ("/jobs/{id}", "patch", key, {"description": "changed"}, patch),
        ("/jobs/{id}", "put", key, {"executable": "y", "schedule": "@daily", "type": "command"}, {}),
        ("/jobs/{id}/runs", "get", key + "/runs", None, {}),
        ("/jobs/{id}/runs", "post", key + "/runs", {"args": ["1"]}, {}),
        ("/runs", "get", "/runs", None, {}),
        ("/runs", "get", "/runs?nonsense=1", None, {}),
        ("/runs/{id}", "get", f"/runs/{run['id']}", None, {}),
        ("/runs/{id}/kill", "post", f"/runs/{run['id']}/kill", None, {}),
        ("/schedule", "get", "/schedule?expression=@daily", None, {}),
        ("/workers", "get", "/workers", None, {}),
        ("/workers/{name}", "get", f"/workers/{worker}", None, {}),
        ("/workers/{name}", "patch", f"/workers/{worker}", {"draining": False}, patch),
        ("/workers/{name}", "delete", f"/workers/{worker}", None, {}),
        ("/workers/{name}", "delete", "/workers/nobody", None, {}),
        ("/summary", "get", "/summary", None, {}),
        ("/tokens", "post", "/tokens", {"name": "described"}, {}),
        ("/tokens", "get", "/tokens", None, {}),
        ("/jobs/{id}", "delete", key, None, {}),
        ("/jobs/{id}", "delete", key + "?purge=true", None, {}),
    ]
    for path, method, url, body, more in calls:
        answer = server.request(method.upper(), url, body, **more)
        assert answer.status_code < 500, answer.text
        check(description, path, method, answer)


# ---- how much it can bear ---------------------------------------------------------------------


def test_a_long_list_costs_no_memory(own_server):
    """Many jobs are made through one connection each; the list is read as one stream."""
    count, width = 3000, 8000
    body = json.dumps(
        {"executable": "x" * width, "schedule": "0 0 1 1 *", "type": "command", "enabled": False}
    )

    def fill(n):
        with requests.Session() as session:
            for _ in range(n):
                session.post(
                    own_server.url + "/jobs",
                    data=body,
                    headers={"Content-Type": "application/json"},
                    timeout=20,
                ).raise_for_status()

    threads = [threading.Thread(target=fill, args=(count // 8,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before = resident_bytes(own_server.process.pid)
    size = 0
    with requests.get(own_server.url + "/jobs", stream=True, timeout=60) as answer:
        for part in answer.iter_content(1 << 20):
            size += len(part)
    assert size > count * width
    assert resident_bytes(own_server.process.pid) - before < 20 * 1024 * 1024


def test_metrics_are_served(server):
    text = requests.get(server.url + "/metrics", timeout=10).text
    for name in ("cronjob_jobs", "cronjob_workers", "cronjob_http_requests_total"):
        assert f"\n{name}{{" in text
