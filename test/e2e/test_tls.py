# SPDX-License-Identifier: Apache-2.0
"""HTTPS: who is trusted, a certificate that changes, and what never goes in clear text."""

import os
import pwd
import re
import shutil
import signal
import subprocess

import pytest
import requests
from harness import Client, Server, binary, wait_until
from servers.certificate import Certificate
from servers.process import temporary_folder


@pytest.fixture
def certificate(tmp_path):
    return Certificate(tmp_path)


@pytest.fixture
def server(certificate):
    arguments = ["--tls-certificate", certificate.chain, "--tls-key", certificate.key]
    with Server(arguments=arguments) as made:
        made.url = made.url.replace("http:", "https:")
        made.session.verify = str(certificate.chain)
        yield made.start()


def cli(*words, **environment):
    return subprocess.run(
        [binary(), *map(str, words)],
        env=dict(os.environ, **environment),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_client_trusts_whom_it_is_told(server, certificate):
    job = server.add("@manual", "echo through")
    run = server.wait_run(server.run(job))
    assert server.output(run) == b"through\n"
    trusting = cli("list", "--server", server.url, "--tls-ca", certificate.chain)
    assert trusting.returncode == 0 and "echo through" in trusting.stdout, trusting
    told = cli("output", run["id"], CRONJOB_SERVER=server.url, CRONJOB_TLS_CA=str(certificate.chain))
    assert (told.returncode, told.stdout) == (0, "through\n"), told
    doubting = cli("list", "--server", server.url)
    assert doubting.returncode == 3 and "certificate" in doubting.stderr, doubting
    missing = cli("list", "--server", server.url, "--tls-ca", "/nowhere/ca.pem")
    assert missing.returncode == 3 and "/nowhere/ca.pem" in missing.stderr, missing


def test_the_account_of_a_connection_is_known_by_https_too(server):
    assert server.get("/summary")["account"] == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_versions_of_today_are_spoken(server, version):
    assert openssl(server, f"-{version}").returncode == 0


def test_old_versions_are_not(server):
    old = openssl(server, "-tls1_1", "-cipher", "ALL@SECLEVEL=0")
    assert old.returncode != 0, old


def openssl(server, *options):
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )


def renew(server, expected):
    """Sends SIGHUP and waits until that is said."""
    before = server.log.read_text().count(expected)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.log.read_text().count(expected) > before, 10, expected)


def test_a_new_certificate_and_what_goes_on(server, certificate, tmp_path):
    later = Certificate(tmp_path, "later")
    wait = "echo first; while ! test -e $GO; do sleep 0.05; done; echo last"
    job = server.add("@manual", wait, env={"GO": str(tmp_path / "go")})
    run = server.run(job)
    path = f"{server.url}/runs/{run['id']}/output?follow=true"
    trust = str(tmp_path / "first.pem")
    shutil.copy(certificate.chain, trust)
    with requests.get(path, verify=trust, stream=True, timeout=30) as followed:
        lines = followed.iter_lines()
        assert next(lines) == b"first"
        certificate.replace_by(later)
        renew(server, "the certificate was read again")
        assert requests.get(server.url + "/healthz", verify=str(later.chain), timeout=10).ok
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(server.url + "/healthz", verify=trust, timeout=10)
        (tmp_path / "go").touch()
        assert list(lines) == [b"last"]


def test_a_certificate_that_is_none_leaves_the_old_one(server, certificate):
    good = certificate.chain.read_bytes()
    certificate.chain.write_bytes(good[: len(good) // 2])
    renew(server, "the new certificate is not used; the old one stays")
    certificate.chain.write_bytes(good)
    assert requests.get(server.url + "/healthz", verify=str(certificate.chain), timeout=10).ok
    certificate.key.chmod(0o644)
    renew(server, "can be read or changed by others")


def test_without_a_certificate_a_hangup_changes_nothing(own_server):
    own_server.process.send_signal(signal.SIGHUP)
    said = "there is no certificate to read again"
    wait_until(lambda: said in own_server.log.read_text(), 10, said)
    assert own_server.answers("/readyz")


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda files: files.key.chmod(0o640 | 0o4), "can be read or changed by others"),
        (lambda files: files.key.unlink(), "cannot be opened"),
        (lambda files: files.chain.write_text("nothing"), "certificate and key cannot be used"),
        (lambda files: shutil.copy(files.key, files.chain), "certificate and key cannot be used"),
    ],
    ids=["open key", "no key", "no certificate", "a key for a certificate"],
)
def test_the_server_does_not_start_with(certificate, change, reason):
    change(certificate)
    arguments = ["--tls-certificate", certificate.chain, "--tls-key", certificate.key]
    with Server(arguments=arguments) as server:
        server.spawn()
        assert server.process.wait(10) == 1
        assert re.search(reason, server.tail_of_log())


@pytest.mark.cluster
def test_a_cluster_by_tls_alone(tmp_path):
    """Every role by HTTPS, and the database too."""
    from servers.system import System

    with temporary_folder() as directory:
        system = System(directory, 1, 1, apis=1, managers=1, workers=1)
        certificate = Certificate(directory)
        try:
            node = system.database.nodes[0]
            node.directory.mkdir(parents=True, exist_ok=True)
            node.more = tls_of_database(directory, node)
            system.start_servers()
            for role in (*system.managers, *system.workers, *system.apis):
                role.environment = system.environment(role)
                role.environment["CRONJOB_STORE"] += f"?ca={directory / 'database.pem'}"
                role.use_tls(certificate)
                role.start()
            node.query("SET GLOBAL require_secure_transport = ON")
            api = Client(system.apis[0].url)
            api.session.verify = str(certificate.chain)
            run = api.wait_run(api.run(api.add("@manual", "seq 5")))
            assert run["status"] == "succeeded" and api.output(run) == b"1\n2\n3\n4\n5\n"
            seen = api.get("/workers")[0]
            assert seen["url"].startswith("https://"), seen
        finally:
            system.kill()


def tls_of_database(directory, node):
    made = Certificate(directory, "database")
    shutil.copy(made.chain, node.directory / "server.pem")
    shutil.copy(made.key, node.directory / "server.key")
    if node.user:
        shutil.chown(node.directory / "server.key", node.user)
    files = node.directory / "server.pem", node.directory / "server.key"
    return "ssl-cert={}\nssl-key={}\n".format(*files)
