# SPDX-License-Identifier: Apache-2.0
"""Requests that a proxy and a server could cut differently. What reaches the server as a request of
its own must have been one for the proxy too: every job that is made was answered to who asked."""

import re
import socket

import pytest
from harness import Server
from servers.balancers import HAProxy, Nginx
from servers.process import temporary_folder

BODY = b'{"executable":"true","schedule":"@manual","type":"command"}'
HIDDEN = (
    b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
)
CHUNKED_END = b"0\r\n\r\n"
HEAD = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE = CHUNKED_END + HIDDEN
LENGTH = b"Content-Length: %d\r\n"


def both(*fields, body=WHOLE, length=None):
    """A head with these fields and a length, and the body."""
    count = len(body) if length is None else length
    return HEAD + b"".join(field + b"\r\n" for field in fields) + LENGTH % count + b"\r\n" + body


CASES = {
    "one after the other, in order": HEAD + LENGTH % 2 + b"\r\n{}" + HIDDEN,
    "length and chunks": both(b"Transfer-Encoding: chunked"),
    "chunks, and a length that is too short": both(b"Transfer-Encoding: chunked", length=4),
    "a blank before the colon": both(b"Transfer-Encoding : chunked"),
    "a tab before the value": both(b"Transfer-Encoding:\tchunked"),
    "a vertical tab before the value": both(b"Transfer-Encoding:\x0bchunked"),
    "another coding": both(b"Transfer-Encoding: xchunked"),
    "a list of codings": both(b"Transfer-Encoding: identity, chunked"),
    "coding twice": both(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "a folded line": both(b"X: y\r\n Transfer-Encoding: chunked"),
    "a bare line feed": both(b"X: y\nTransfer-Encoding: chunked"),
    "a bare carriage return": both(b"X: y\rTransfer-Encoding: chunked"),
    "a NUL": both(b"X: y\0", b"Transfer-Encoding: chunked"),
    "two lengths": both(b"Content-Length: 0"),
    "lengths in a list": HEAD + b"Content-Length: 0, %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "a length with a sign": HEAD + b"Content-Length: +0\r\n\r\n" + HIDDEN,
    "a length in hexadecimal": HEAD + b"Content-Length: 0x0\r\n\r\n" + HIDDEN,
    "an old version with chunks": both(b"Transfer-Encoding: chunked").replace(b"/1.1", b"/1.0", 1),
    "a chunk's size with a sign": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n"
    + HIDDEN,
    "a chunk's size beyond 64 bits": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n"
    + HIDDEN,
    "a body of a GET": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
    % (len(HIDDEN), HIDDEN),
    "a request in the target": b"GET /healthz?x=%0d%0a HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.fixture(scope="module")
def server():
    with Server() as started:
        yield started.start()


@pytest.fixture(scope="module", params=[HAProxy, Nginx])
def balancer(request, server):
    with temporary_folder() as directory:
        address = f"127.0.0.1:{server.port}"
        started = request.param(directory, [address, address]).start()
        yield started
        started.stop()


def say(port, request):
    """All that is answered until the end of the connection, or half a second of silence."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request)
        connection.settimeout(0.5)
        try:
            while piece := connection.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionResetError):
            pass
    return answer


@pytest.mark.parametrize("request_text", CASES.values(), ids=CASES.keys())
def test_no_request_hides_in_another(server, balancer, request_text):
    before = len(server.get("/jobs"))
    answers = say(balancer.port, request_text)
    honest = say(balancer.port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert re.findall(rb"^HTTP/1.1 (\d+)", honest, re.M) == [b"200"], honest
    made = len(server.get("/jobs")) - before
    assert made == len(re.findall(rb"HTTP/1.1 201 ", answers)), answers
    assert made == 0 or b'"executable":"true"' in answers, answers
