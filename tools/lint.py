#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks that need no build: `tools/lint.py [CHECK...]`, all of them by default.

Each check counts as one test case; the last line is `N passed, N failed`. Checks:

layers    the rules that no compiler knows (tools/layers.py)
format    clang-format 14 and .clang-format
tidy      clang-tidy 14 and .clang-tidy on src/; a file is looked at again only when it, a header
          it includes, or the rules have changed since it was found good (build/lint/tidy)
shell     shellcheck
spelling  codespell
python    ruff, where it is installed
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tally

ROOT = Path(__file__).resolve().parents[1]
DATABASE = ROOT / "build" / "lint"
CLANG = "14"
TIDY_NOISE = re.compile(r"^(\d+ warnings? .*generated|Suppressed .*|Use -header-filter.*)\.?$")
SKIPPED = "skipped"
SHOWN = 60  # lines of a check's complaint


def command(*arguments, environment=None):
    """What the command complains about; an empty text means that it is content."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    if done.returncode == 0:
        return ""
    return done.stdout.strip() or f"{arguments[0]} exits with {done.returncode}"


def files(*patterns, below=("src", "test")):
    found = (path for folder in below for p in patterns for path in (ROOT / folder).rglob(p))
    hidden = {"node_modules", "corpus", "__pycache__"}
    return sorted(path for path in found if path.is_file() and not hidden & set(path.parts))


def of_clang(tool):
    """The tool in the version that the rules are written for, or None."""
    for name in (f"{tool}-{CLANG}", tool):
        path = shutil.which(name)
        if path and f"version {CLANG}." in subprocess.getoutput(f"{path} --version"):
            return path
    return None


def layers():
    return command(sys.executable, "-B", "tools/layers.py", ".")


def formatting():
    tool = of_clang("clang-format")
    sources = files("*.c", "*.h")
    if not tool or not sources:
        return SKIPPED
    return command(tool, "--dry-run", "-Werror", *sources)


def shell():
    scripts = [path for path in files("*", below=("script",)) if not path.suffix]
    scripts += files("*.sh", below=("src", "test", "tools", "packaging", "deploy"))
    return command("shellcheck", ROOT / ".ci" / "run", *scripts)


def spelling():
    places = [ROOT / name for name in ("src", "test", "tools", "script", "doc", "console/src")]
    places += ROOT.glob("*.md")
    return command(
        "codespell",
        "--ignore-words-list=get's,ist,nd",  # the route of GET; Galera's IST; 2nd in a format
        "--skip=*/corpus/*,*/node_modules/*,*/__pycache__/*,*.json",
        *(place for place in places if place.exists()),
    )


def python():
    if not shutil.which("ruff"):
        return SKIPPED
    return command("ruff", "check", "--no-cache", "--line-length=100", "--select=E,F,W,I,B", ".")


def tidy():
    tool = of_clang("clang-tidy")
    sources = files("*.c", below=("src",))
    if not tool or not sources:
        return SKIPPED
    if not (DATABASE / "compile_commands.json").exists():
        clang = of_clang("clang")
        environment = dict(os.environ, CC=clang or "clang")
        trouble = command("meson", "setup", "-Dtests=false", DATABASE, environment=environment)
    else:
        trouble = command("ninja", "-C", DATABASE, "build.ninja")  # follows the meson.build files
    if trouble:
        return trouble
    stamps = DATABASE / "tidy"
    stamps.mkdir(exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = pool.map(lambda path: tidy_one(tool, path, stamps), sources)
        # What is wrong in a header is found once for each file that includes it.
        return "\n".join(dict.fromkeys(filter(None, complaints)))


def tidy_one(tool, source, stamps):
    stamp = stamps / source.relative_to(ROOT).as_posix().replace("/", "-")
    state = state_of(source)
    if stamp.exists() and stamp.read_text() == state:
        return ""
    complaint = command(tool, "--quiet", "-p", DATABASE, source)
    if complaint:
        lines = (line for line in complaint.splitlines() if not TIDY_NOISE.match(line))
        return "\n".join(lines)
    stamp.write_text(state)
    return ""


def state_of(source):
    """A digest of the file, of the project's headers that it sees, and of the rules."""
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    waiting, seen = [source], set()
    while waiting:
        path = waiting.pop()
        if path in seen or not path.exists():
            continue
        seen.add(path)
        text = path.read_bytes()
        digest.update(text)
        names = re.findall(rb'^\s*#\s*include\s*"([^"]+)"', text, re.MULTILINE)
        waiting += [ROOT / "src" / name.decode() for name in sorted(names)]
    return digest.hexdigest()


CHECKS = {
    "layers": layers,
    "format": formatting,
    "shell": shell,
    "spelling": spelling,
    "python": python,
    "tidy": tidy,
}


def run(names):
    result = tally.Tally()
    for name in names:
        start = time.monotonic()
        complaint = CHECKS[name]()
        word = "ok" if not complaint else "skipped" if complaint == SKIPPED else "FAILED"
        print(f"  {word:8}{name} ({time.monotonic() - start:.1f} s)", flush=True)
        if word == "ok":
            result.ok()
        elif word == "FAILED":
            show(complaint)
            result.fail(f"lint: {name}")
    return result


def show(complaint):
    lines = complaint.replace(f"{DATABASE}/../../", "").replace(f"{ROOT}/", "").splitlines()
    print("\n".join(lines[:SHOWN]))
    if len(lines) > SHOWN:
        print(f"... and {len(lines) - SHOWN} lines more")


def main(arguments):
    unknown = [name for name in arguments if name not in CHECKS]
    if unknown:
        print(__doc__, file=sys.stderr)
        return 0 if unknown[0] in ("-h", "--help") else 2
    result = run(arguments or list(CHECKS))
    print(result.closing_line())
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
