# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, each its own authority: for localhost and 127.0.0.1 unless told."""

import subprocess


class Certificate:
    def __init__(self, directory, name="server", names="DNS:localhost,IP:127.0.0.1", days=10):
        self.chain = directory / f"{name}.pem"
        self.key = directory / f"{name}.key"
        command = ["openssl", "req", "-x509", "-nodes", "-subj", f"/CN={name}"]
        command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command += ["-addext", f"subjectAltName={names}", "-days", str(days)]
        command += ["-keyout", self.key, "-out", self.chain]
        subprocess.run(command, check=True, capture_output=True)
        self.key.chmod(0o600)

    def replace_by(self, other):
        """Its files get the other's content."""
        self.chain.write_bytes(other.chain.read_bytes())
        self.key.write_bytes(other.key.read_bytes())
