#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and tests in stages: `script/test [STAGE...] [OPTION...]`, all stages by default.

lint      the checks of tools/lint.py, and the tests of these tools
gcc       gcc: every test suite (unit, contract, sim, oracle, replay of the fuzz corpora)
asan      clang, address and undefined behaviour sanitizers: the same without the oracle
tsan      clang, thread sanitizer: the suites that use threads
fuzz      each fuzz target for some seconds ($FUZZ_SECONDS, 5 by default), from its corpus
e2e       pytest on real servers, with the release build (or $CRONJOB_BINARY), then the tests
          marked `smoke` with the asan build
mysql     the contract of the store on a real MariaDB, built by gcc and with asan
galera    the same on a cluster of three nodes, one of which is frozen meanwhile
s3        the contract of objects on a real S3 server, built by gcc and with asan, and pytest on
          one that is badly reached
zookeeper the contract of coordination on three real servers, built by gcc and with asan

Only when it is named:
cluster   pytest on whole clusters: HAProxy, ZooKeeper, MariaDB Galera, S3, and all that fails there

A suite's name (unit, contract, sim, oracle) is a stage too: that suite alone, built by gcc.
OPTIONs follow the stages; they are pytest's for e2e and those of `meson test` for the others:
`script/test e2e -k kill`, `script/test unit schedule`.

Every test case counts (tools/tally.py), so does a build that fails, and so does each stage's
leaving nothing behind: no process, no temporary file. A stage that fails does not stop the others.
The last line is `N passed, N failed`; the exit code is 1 when any failed. All files go to build/.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent import futures
from pathlib import Path

import lint
import tally

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
LOGS = BUILD / "test-logs"
PYTEST = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=short"]
CLANG = lint.of_clang("clang") or "clang"
SUITES = ("unit", "contract", "sim", "oracle")
BUILD_LIMIT, RUN_LIMIT = 1200, 1500  # seconds
SERVERS, CLUSTERS = 3, 2  # tests that run side by side, each on servers of its own
PROGRESS = re.compile(r"Compiler for C |Dependency .* found: YES|\[\d+/\d+\] (Compiling|Linking) ")
SHOWN = 120  # lines of a failed step's log
LEAVE_LIMIT = 5  # seconds that what a stage started may take to end
PR_SET_CHILD_SUBREAPER = 36

SANITIZERS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Stages:
    def __init__(self, options, temporary):
        self.options = options
        self.temporary = temporary
        self.tally = None  # of the stage that runs
        self.environment = dict(
            os.environ,
            TMPDIR=str(temporary),
            PYTHONDONTWRITEBYTECODE="1",
            HYPOTHESIS_STORAGE_DIRECTORY=str(BUILD / "hypothesis"),
            **SANITIZERS,
        )

    def run(self, stages):
        total = tally.Tally()
        for name in stages:
            self.tally = tally.Tally()
            start = time.monotonic()
            print(f"== {name}", flush=True)
            try:
                STAGES[name](self)
            except Exception as error:  # a stage that breaks must not hide what the others find
                print(f"{type(error).__name__}: {error}")
                self.tally.fail(f"{name}: the stage itself")
            self.leaves_nothing(name)
            print(f"== {name}: {self.tally.closing_line()} ({time.monotonic() - start:.0f} s)\n")
            total.add(self.tally)
        return total

    # steps

    def command(self, log, arguments, limit, **variables):
        """Runs to the log; whether it ended well. Its whole process group ends at the limit."""
        LOGS.mkdir(parents=True, exist_ok=True)
        with (LOGS / log).open("w") as output:
            process = subprocess.Popen(
                [str(argument) for argument in arguments],
                cwd=ROOT,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                return process.wait(limit) == 0
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                output.write(f"\nended after {limit} s\n")
                return False

    def step(self, name, arguments, limit, **variables):
        """A command that must end well; its failure is a failed case and is shown."""
        log = f"{name.replace(': ', '-').replace(' ', '-')}.log"
        if self.command(log, arguments, limit, **variables):
            return True
        self.tally.fail(name)
        show(LOGS / log)
        return False

    def build(self, name, compiler, *options):
        """The build directory, or None when it cannot be built."""
        directory = BUILD / f"test-{name}"
        if not (directory / "build.ninja").exists():
            setup = ["meson", "setup", *options, directory]
            if not self.step(f"{name}: configure", setup, BUILD_LIMIT, CC=compiler):
                shutil.rmtree(directory, ignore_errors=True)
                return None
        if not self.step(f"{name}: build", ["ninja", "-C", directory], BUILD_LIMIT):
            return None
        return directory

    def meson_tests(self, name, directory, *selection, before=(), **variables):
        """Runs test suites of a build, by the command that `before` begins, and counts cases."""
        if not directory:
            return
        logs = directory / "meson-logs"
        for old in logs.glob("testlog*.json"):
            old.unlink()
        arguments = [*before, "meson", "test", "-C", directory]
        arguments += ["--no-rebuild", "--print-errorlogs"]
        log = f"{name}-tests.log"
        well = self.command(log, [*arguments, *selection, *self.options], RUN_LIMIT, **variables)
        counted = tally.Tally()
        for results in logs.glob("testlog*.json"):  # a wrapper's name is part of the file's
            counted.add(tally.meson(results, name))
        self.tally.add(counted)
        if not well and not counted.failed:
            self.tally.fail(f"{name}: meson test")
        if not well:
            show(LOGS / log)

    def pytest(self, name, *arguments, **variables):
        report = LOGS / f"{name}.xml"
        report.unlink(missing_ok=True)
        LOGS.mkdir(parents=True, exist_ok=True)
        scratch = self.temporary / "pytest"
        arguments = [*PYTEST, f"--junit-xml={report}", f"--basetemp={scratch}", *arguments]
        well = self.command(f"{name}.log", arguments, RUN_LIMIT, **variables)
        shutil.rmtree(scratch, ignore_errors=True)
        counted = tally.junit(report, name) if report.exists() else tally.Tally()
        self.tally.add(counted)
        if not well and not counted.failed:
            self.tally.fail(f"{name}: pytest")
        if not well:
            show(LOGS / f"{name}.log")

    def leaves_nothing(self, stage):
        """Whatever the stage started has ended, and its temporary files are gone."""
        left = [description(pid) for pid in remaining_children()]
        left += [str(path) for path in self.temporary.iterdir()]
        for pid in remaining_children(0):
            end(pid)
        for path in self.temporary.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if left:
            print("left behind: " + "\n             ".join(left))
            self.tally.fail(f"{stage}: leaves nothing behind")
        else:
            self.tally.ok()

    # stages

    def lint(self):
        self.tally.add(lint.run(lint.CHECKS))
        self.pytest("lint", "test/lint")

    def gcc(self):
        self.meson_tests("gcc", self.build("gcc", "gcc"))

    def suite(self, name):
        self.meson_tests("gcc", self.build("gcc", "gcc"), "--suite", name)

    def with_server(self, name, kind, test, directory):
        """One contract, over real servers. They run as an account of their own."""
        scratch = self.temporary / "servers"
        scratch.mkdir(exist_ok=True)
        scratch.chmod(0o1777)
        start = [sys.executable, "-B", ROOT / "test" / "e2e" / "servers" / "run.py", kind, "--"]
        self.meson_tests(name, directory, test, before=start, TMPDIR=str(scratch))
        if not any(scratch.iterdir()):  # what is left is for leaves_nothing() to tell
            scratch.rmdir()

    def mysql(self):
        self.with_server("mysql-gcc", "mariadb", "store mysql", self.build("gcc", "gcc"))
        self.with_server("mysql-asan", "mariadb", "store mysql", self.asan_build())

    def galera(self):
        self.with_server("galera", "galera", "store mysql", self.build("gcc", "gcc"))

    def s3(self):
        self.with_server("s3-gcc", "s3", "objects s3", self.build("gcc", "gcc"))
        self.with_server("s3-asan", "s3", "objects s3", self.asan_build())
        self.on_release("s3", ROOT / "test" / "e2e", "s3", beside=SERVERS)

    def zookeeper(self):
        for test in ("coordination zookeeper", "coordination sessions"):
            name = test.replace(" ", "-")
            self.with_server(f"{name}-gcc", "zookeeper", test, self.build("gcc", "gcc"))
            self.with_server(f"{name}-asan", "zookeeper", test, self.asan_build())

    def asan_build(self):
        flags = ("-Db_sanitize=address,undefined", "-Db_lundef=false")
        return self.build("asan", CLANG, *flags)

    def asan(self):
        self.meson_tests("asan", self.asan_build(), "--no-suite", "oracle", "-t", "3")

    def tsan(self):
        directory = self.build("tsan", CLANG, "-Db_sanitize=thread", "-Db_lundef=false")
        quiet = ("--no-suite", "oracle", "--no-suite", "fuzz", "-t", "5")
        self.meson_tests("tsan", directory, *quiet, *address_layout(self))

    def fuzz(self):
        directory = self.build("fuzz", CLANG, "-Dfuzz=true", "-Db_lundef=false")
        if not directory:
            return
        with futures.ThreadPoolExecutor(os.cpu_count()) as threads:
            targets = list(fuzz_targets(directory))
            self.tally.ok(sum(threads.map(lambda target: self.fuzz_one(directory, target), targets)))

    def fuzz_one(self, directory, target):
        """Whether it found nothing. New inputs go to the build directory, never into the corpus."""
        short = target.name.removeprefix("fuzz_")
        corpora = [directory / "corpus" / short, ROOT / "test" / "fuzz" / "corpus" / short]
        corpora[0].mkdir(parents=True, exist_ok=True)
        seconds = int(os.environ.get("FUZZ_SECONDS", "5"))
        arguments = [
            target,
            f"-max_total_time={seconds}",
            f"-artifact_prefix={directory}/",
            "-timeout=5",
            "-print_final_stats=1",
            *(corpus for corpus in corpora if corpus.is_dir()),
        ]
        return self.step(f"fuzz: {short}", arguments, seconds + 120)

    def on_release(self, name, tests, marked, beside):
        """So many tests at a time: most of them wait for something most of the time."""
        binary = os.environ.get("CRONJOB_BINARY")
        if not binary and self.step(f"{name}: build", ["script/build"], BUILD_LIMIT):
            binary = BUILD / "release" / "cronjob"
        if binary:
            arguments = (tests, "-m", marked, f"-n{beside}", *self.options)
            self.pytest(name, *arguments, CRONJOB_BINARY=str(binary))

    def cluster(self):
        self.on_release("cluster", ROOT / "test" / "e2e", "cluster", beside=CLUSTERS)

    def e2e(self):
        tests = ROOT / "test" / "e2e"
        if not any(tests.rglob("test_*.py")):
            print("no tests in test/e2e")
            return
        self.on_release("e2e", tests, "not cluster and not s3 and not minutes", beside=SERVERS)
        if not self.options and not os.environ.get("CRONJOB_BINARY"):
            self.smoke(tests)

    def smoke(self, tests):
        if not any("mark.smoke" in path.read_text() for path in tests.rglob("test_*.py")):
            return
        directory = self.asan_build()
        if directory:
            self.pytest("smoke", tests, "-m", "smoke", CRONJOB_BINARY=str(directory / "cronjob"))


STAGES = {
    "lint": Stages.lint,
    "gcc": Stages.gcc,
    "asan": Stages.asan,
    "tsan": Stages.tsan,
    "fuzz": Stages.fuzz,
    "e2e": Stages.e2e,
    "mysql": Stages.mysql,
    "galera": Stages.galera,
    "s3": Stages.s3,
    "zookeeper": Stages.zookeeper,
}
EVERYTHING = list(STAGES)
STAGES["cluster"] = Stages.cluster  # some seven minutes on top of sixteen
for suite in SUITES:
    STAGES[suite] = lambda stages, name=suite: stages.suite(name)


def fuzz_targets(directory):
    output = subprocess.run(
        ["meson", "introspect", "--targets", directory], stdout=subprocess.PIPE, check=True
    ).stdout
    for target in json.loads(output):
        if target["type"] == "executable" and target["name"].startswith("fuzz_"):
            yield Path(target["filename"][0])


def address_layout(stages):
    """clang 14's thread sanitizer cannot live with the widest randomisation of addresses."""
    if stages.command("setarch.log", ["setarch", "-R", "true"], 10):
        return ("--wrapper", "setarch -R")
    return ()


def show(log):
    text = log.read_text(errors="replace")
    lines = [line for line in text.splitlines() if not PROGRESS.match(line)]
    if len(lines) > SHOWN:
        print(f"... the last {SHOWN} lines of {log.relative_to(ROOT)}:")
    print("\n".join(lines[-SHOWN:]), flush=True)


# What a stage started and did not end comes back to this process, which is its subreaper.


def become_subreaper():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children():
    """The living children of this process; dead ones are reaped."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if int(parent) != os.getpid():
            continue
        if state == "Z":
            os.waitpid(int(entry.name), 0)
        else:
            found.append(int(entry.name))
    return found


def remaining_children(limit=LEAVE_LIMIT):
    deadline = time.monotonic() + limit
    while (found := children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def description(pid):
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return f"process {pid}: {b' '.join(words).decode(errors='replace')}"


def end(pid):
    """Ends a process and all that come to this process through its end."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for orphan in children():
        end(orphan)


def main(arguments):
    count = next((i for i, name in enumerate(arguments) if name not in STAGES), len(arguments))
    stages, options = arguments[:count] or EVERYTHING, arguments[count:]
    if options and (not count or options[0] in ("-h", "--help")):
        print(__doc__)
        return 0 if options[0] in ("-h", "--help") else 2
    become_subreaper()
    temporary = Path(tempfile.mkdtemp(prefix="cronjob-test-"))
    temporary.chmod(0o755)  # tests run servers as other accounts in there
    try:
        total = Stages(options, temporary).run(stages)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for name in total.failures:
        print(f"FAILED {name}")
    print(total.closing_line())
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
