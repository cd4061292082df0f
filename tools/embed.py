#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a file into C: `tools/embed.py NAME INPUT OUTPUT` defines embedded_NAME[] and its length.

A NUL that is not counted follows, so that a text can be read as a string.
"""

import sys
from pathlib import Path


def main():
    name, source, target = sys.argv[1:]
    data = Path(source).read_bytes()
    rows = [data[i : i + 16] for i in range(0, len(data), 16)]
    lines = ["    " + " ".join(f"{byte if byte < 128 else byte - 256}," for byte in row) for row in rows]
    Path(target).write_text(
        f'#include "api/embedded.h"\n\nconst char embedded_{name}[] = {{\n'
        + "\n".join(lines)
        + f"\n    0}};\nconst size_t embedded_{name}_length = {len(data)};\n",
        encoding="ascii",
    )


if __name__ == "__main__":
    main()
