# SPDX-License-Identifier: Apache-2.0
"""Counts test cases: what passed, what failed, and the names of the failures.

Three sources: meson's log of a test run, the JUnit file of a pytest run, and lint checks. A test
program's own cases count (cmocka's and pytest's closing lines are read from its output); a program
that prints none counts as one case, and a program that ends badly without naming a failed case has
failed as one.
"""

import json
import re
import xml.etree.ElementTree as ElementTree

CMOCKA_OK = re.compile(r"^\[       OK \] (\S+)", re.MULTILINE)
CMOCKA_FAILED = re.compile(r"^\[  (?:FAILED|ERROR ) +\] (?!---|\d+ test)(.+)$", re.MULTILINE)
PYTEST_CLOSING = re.compile(r"^=*\s*((?:\d+ \w+(?:, )?)+) in [\d.]+s", re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Tally:
    def __init__(self):
        self.passed = 0
        self.failures = []

    def ok(self, count=1):
        self.passed += count

    def fail(self, name):
        self.failures.append(name)

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures

    @property
    def failed(self):
        return len(self.failures)

    def closing_line(self):
        return f"{self.passed} passed, {self.failed} failed"


def program(name, output, succeeded):
    """The cases of one test program, from what it printed and whether it ended well."""
    tally = Tally()
    output = ANSI.sub("", output)
    tally.ok(len(CMOCKA_OK.findall(output)))
    for case in dict.fromkeys(CMOCKA_FAILED.findall(output)):
        tally.fail(f"{name}: {case}")
    for closing in PYTEST_CLOSING.findall(output):
        for count, word in re.findall(r"(\d+) (\w+)", closing):
            if word == "passed":
                tally.ok(int(count))
            elif word in ("failed", "error", "errors"):
                for number in range(int(count)):
                    tally.fail(f"{name}: pytest case {number + 1}")
    if succeeded and tally.passed + tally.failed == 0:
        tally.ok()
    if not succeeded and tally.failed == 0:
        tally.fail(name)
    return tally


def meson(log, stage):
    """The cases of a `meson test` run, from its testlog.json (one JSON document a line)."""
    tally = Tally()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        test = json.loads(line)
        result = test.get("result")
        if result == "SKIP":
            continue
        output = f"{test.get('stdout') or ''}\n{test.get('stderr') or ''}"
        tally.add(program(f"{stage}: {test['name']}", output, result in ("OK", "EXPECTEDFAIL")))
    return tally


def junit(file, stage):
    """The cases of a pytest run, from its --junit-xml file."""
    tally = Tally()
    for case in ElementTree.parse(file).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        if case.find("failure") is not None or case.find("error") is not None:
            tally.fail(f"{stage}: {case.get('classname')}::{case.get('name')}")
        else:
            tally.ok()
    return tally
