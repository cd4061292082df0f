# SPDX-License-Identifier: Apache-2.0
"""HAProxy and nginx before API servers, with the configurations of deploy/, whose addresses alone
are changed."""

import os
import re

from harness import ROOT
from servers.process import Process, accepts, reserve_port

DEPLOY = ROOT / "deploy"


class Balancer(Process):
    """Serves at `url`, and asks the API servers whose addresses (HOST:PORT) it is given."""

    source = ""  # below deploy/
    account = ""  # whom root runs it as: the API servers take its clients on this machine for that

    def __init__(self, name, directory, servers, port=None, **how):
        super().__init__(name, directory, user=self.account if os.getuid() == 0 else None, **how)
        self.servers = servers
        self.port = port or reserve_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"

    def config(self):
        """The file of deploy/ with this one's addresses."""
        text = (DEPLOY / self.source).read_text()
        text = text.replace("127.0.0.1:30000", self.address)
        for number, server in enumerate(self.servers, 1):
            text = re.sub(rf"10\.0\.0\.1{number}:30000\b", server, text)
        assert "10.0.0." not in text, f"{self.source} has more servers than there are"
        return text

    def ready(self):
        return accepts(self.port)


class HAProxy(Balancer):
    source = "haproxy.cfg"
    account = "haproxy"

    def __init__(self, directory, servers, port=None, **how):
        super().__init__("haproxy", directory, servers, port, **how)

    def command(self):
        return ["/usr/sbin/haproxy", "-db", "-f", self.directory / self.source]

    def prepare(self):
        text = self.config().replace("log /dev/log local0 notice", "log stderr format raw local0")
        self.write(self.source, text)


NGINX_MAIN = """\
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/cronjob.conf;
}}
"""


class Nginx(Balancer):
    source = "nginx.conf"
    account = "www-data"

    def __init__(self, directory, servers, port=None, **how):
        super().__init__("nginx", directory, servers, port, **how)

    def command(self):
        return ["/usr/sbin/nginx", "-e", "stderr", "-c", self.directory / "nginx.conf"]

    def prepare(self):
        self.write("nginx.conf", NGINX_MAIN.format(directory=self.directory))
        self.write("cronjob.conf", self.config())
