# SPDX-License-Identifier: Apache-2.0
"""OpenStack Swift with its S3 API: a real object store for S3 clients.

Its four servers (proxy, account, container, object) are those of Debian's packages. They run in one
process, as Swift's own functional tests have them: that starts in a second and takes a third of the
memory of four. Signatures, dates and digests of bodies are checked as S3 does.

It has one account with one bucket. An access key is "ACCOUNT:USER". A bucket is reached by path and,
at http://localhost:PORT, as http://BUCKET.localhost:PORT. The folder must be on a file system that
keeps extended attributes.
"""

import hashlib
import hmac
import time
import urllib.error
import urllib.request
from pathlib import Path

from servers.process import Process, accepts, reserve_port

KEY = "cronjob:cronjob"
BUCKET = "cronjob"
REGION = "us-east-1"
PARTS = ("proxy", "account", "container", "object")

COMMON = """\
[DEFAULT]
swift_dir = {directory}
devices = {directory}/devices
mount_check = false
disable_fallocate = true
bind_ip = 127.0.0.1
bind_port = {port}
log_level = WARNING
log_custom_handlers = servers.swift_all.log_to_stderr

"""
PROXY = """\
[pipeline:main]
pipeline = catch_errors healthcheck cache listing_formats bulk s3api tempauth slo dlo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:healthcheck]
use = egg:swift#healthcheck

[filter:cache]
paste.filter_factory = servers.swift_all:no_cache

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:bulk]
use = egg:swift#bulk

[filter:s3api]
use = egg:swift#s3api
location = {region}
storage_domain = localhost
dns_compliant_bucket_names = true
min_segment_size = 1

[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin

[filter:slo]
use = egg:swift#slo
min_segment_size = 1

[filter:dlo]
use = egg:swift#dlo
"""
STORAGE = """\
[pipeline:main]
pipeline = healthcheck {part}-server

[app:{part}-server]
use = egg:swift#{part}

[filter:healthcheck]
use = egg:swift#healthcheck
"""
SWIFT = """\
[swift-hash]
swift_hash_path_prefix = cronjob
swift_hash_path_suffix = cronjob

[storage-policy:0]
name = Policy-0
default = yes
"""


class Swift(Process):
    ports_of = len(PARTS)
    nodes = property(lambda self: [self])  # as clusters have

    def __init__(self, directory, ports=None, secret="for-tests", **how):
        self.ports = ports or [reserve_port() for _ in PARTS]
        super().__init__("s3", directory, **how)
        self.secret = secret
        self.port = self.ports[0]
        self.address = f"127.0.0.1:{self.port}"
        self.endpoint = f"http://{self.address}"

    def url(self, bucket=BUCKET, address=None):
        """What a role is told; `address` when it goes through something."""
        return f"s3://{bucket}?endpoint=http://{address or self.address}&region={REGION}"

    def credentials(self):
        return {"CRONJOB_OBJECTS_KEY": KEY, "CRONJOB_OBJECTS_SECRET": self.secret}

    def command(self):
        return ["/usr/bin/python3", "-B", Path(__file__).with_name("swift_all.py"), self.directory]

    def ready(self):
        return accepts(self.port)

    def prepare(self):
        account, user = KEY.split(":")
        settings = {
            "directory": self.directory,
            "account": account,
            "user": user,
            "secret": self.secret,
            "region": REGION,
        }
        self.write("swift.conf", SWIFT)
        for part, port in zip(PARTS, self.ports):
            text = COMMON + (PROXY if part == "proxy" else STORAGE)
            self.write(f"{part}.conf", text.format(part=part, port=port, **settings))
        (self.directory / "devices" / "d1").mkdir(parents=True, exist_ok=True)

    def ask(self, method, target, body=b""):
        """The answer to a request, signed as S3's documents say (version 4)."""
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": self.address, "x-amz-content-sha256": digest, "x-amz-date": now}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        path, _, query = target.partition("?")
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}".encode()
        key = f"AWS4{self.secret}".encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={KEY}/{scope},"
            f"SignedHeaders={names},Signature={signature}"
        )
        asked = urllib.request.Request(self.endpoint + target, body or None, headers, method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.read()

    def add_bucket(self, bucket=BUCKET):
        """Again is fine."""
        try:
            self.ask("PUT", f"/{bucket}")
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise

    def start(self, limit=None):
        super().start(limit)
        self.add_bucket()
        return self
