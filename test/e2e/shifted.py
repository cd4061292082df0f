# SPDX-License-Identifier: Apache-2.0
"""Another time for a process: shifted_clock.c, preloaded, shifts its CLOCK_REALTIME."""

import os
import struct
import subprocess
import time
from pathlib import Path

from harness import instant

SOURCE = Path(__file__).with_name("shifted_clock.c")


def build_library(folder):
    path = folder / "shifted_clock.so"
    options = ["-D_GNU_SOURCE", "-O2", "-shared", "-fPIC"]
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, *options, "-o", path, SOURCE, "-ldl"], check=True)
    return path


class Clock:
    """The time that a server sees."""

    def __init__(self, path, library):
        self.path = path
        self.offset = 0.0
        path.write_bytes(bytes(8))
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.environment = {
            "LD_PRELOAD": str(library),
            "SHIFTED_CLOCK": str(path),
            "ASAN_OPTIONS": sanitizer,
        }

    def now(self):
        return time.time() + self.offset

    def step(self, seconds):
        self.offset += seconds
        with self.path.open("r+b", buffering=0) as file:
            file.write(struct.pack("=q", round(self.offset * 1e9)))

    def set(self, text):
        self.step(instant(text) - self.now())
