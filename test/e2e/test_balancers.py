# SPDX-License-Identifier: Apache-2.0
"""The proxies of deploy/ before servers that tell what reached them: what is repeated and what is
not, what they say of clients, and streams that are not kept back."""

import http.server
import threading
import time

import pytest
import requests
from harness import wait_until
from servers.balancers import HAProxy, Nginx
from servers.process import reserve_port, temporary_folder

TELLS = ("via", "forwarded", "x-real-ip", "x-forwarded-for")


class Upstream(http.server.ThreadingHTTPServer):
    """Answers 200, and ends the connection instead for paths that begin with /die."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server_port}"
        self.asked = []
        self.go_on = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/readyz":
            self.server.asked.append((self.path, {name.lower() for name in self.headers}))
        if self.path.startswith("/die"):
            self.close_connection = True
            return
        self.send_response(200)
        if self.path == "/events":
            self.stream()
            return
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PATCH = do_PUT = do_GET

    def stream(self):
        """One event at once, the other when the test has seen it."""
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: 1\n\n")
        self.server.go_on.wait(20)
        self.wfile.write(b"data: 2\n\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def upstreams():
    servers = [Upstream(), Upstream()]
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


def serves(balancer):
    return requests.get(balancer.url + "/", timeout=5).status_code == 200


@pytest.fixture(scope="module", params=[HAProxy, Nginx])
def balancer(request, upstreams):
    with temporary_folder() as directory:
        started = request.param(directory, [server.address for server in upstreams]).start()
        yield started
        started.stop()


@pytest.fixture
def ask(balancer, upstreams):
    """Asks, and answers the status and what reached the servers."""

    def forget():
        for server in upstreams:
            server.asked.clear()

    def both_asked():
        return all(server.asked for server in upstreams)

    def ask(method, path, **headers):
        forget()
        wait_until(lambda: serves(balancer) and both_asked(), 10, "both are taken for well")
        forget()
        body = None if method == "GET" else b"{}"
        url = balancer.url + path
        answer = requests.request(method, url, headers=headers, data=body, timeout=10)
        return answer.status_code, [asked for server in upstreams for asked in server.asked]

    return ask


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_have_been_done_is_not_asked_again(ask, method):
    status, asked = ask(method, "/die")
    assert (status, len(asked)) == (502, 1)


def test_what_changes_nothing_is_asked_again(ask):
    status, asked = ask("GET", "/die")
    assert status == 502 and len(asked) > 1


def test_a_key_lets_a_post_be_asked_again(ask):
    status, asked = ask("POST", "/die", **{"Idempotency-Key": "k"})
    assert status == 502 and len(asked) > 1
    assert all("idempotency-key" in headers for _, headers in asked)
    assert ask("POST", "/jobs", **{"Idempotency-Key": "k"})[0] == 200


def test_what_clients_say_of_proxies_is_not_passed_on(ask):
    status, asked = ask("GET", "/jobs", **{name: "203.0.113.9" for name in TELLS})
    assert status == 200 and len(asked) == 1
    assert not set(TELLS) & asked[0][1]


def test_the_largest_upload_goes_through(balancer):
    """64 MiB in BASE64, with the rest of a job."""
    body = b"x" * ((64 << 20) // 3 * 4 + 65536)
    assert requests.post(balancer.url + "/jobs", data=body, timeout=60).status_code == 200


def test_a_stream_comes_as_it_is_sent(balancer, upstreams):
    for server in upstreams:
        server.go_on.clear()
    with requests.get(balancer.url + "/events", stream=True, timeout=10) as answer:
        started = time.monotonic()
        lines = answer.iter_lines(chunk_size=1)
        assert next(lines) == b"data: 1"
        assert time.monotonic() - started < 5
        for server in upstreams:
            server.go_on.set()
        assert b"data: 2" in list(lines)


@pytest.mark.parametrize("kind", [HAProxy, Nginx])
def test_without_one_of_two_servers_nothing_fails(kind, upstreams):
    dead = f"127.0.0.1:{reserve_port()}"
    with temporary_folder() as directory:
        started = kind(directory, [upstreams[0].address, dead]).start()
        url = started.url + "/jobs"
        answers = [requests.post(url, data=b"{}", timeout=10) for _ in range(50)]
        started.stop()
        assert [answer.status_code for answer in answers] == [200] * 50, started.tail()
