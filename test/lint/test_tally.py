# SPDX-License-Identifier: Apache-2.0
"""tools/tally.py counts what the test programs print."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import tally  # noqa: E402

CMOCKA = """[==========] Running 4 test(s).
[ RUN      ] good
[       OK ] good
[ RUN      ] bad
[  FAILED  ] bad
[ RUN      ] skipped
[  SKIPPED ] skipped
[==========] 4 test(s) run.
[  ERROR   ] --- 0x1 != 0x2
[   LINE   ] --- x.c:7: error: Failure!
[  ERROR   ] no_setup
[  PASSED  ] 1 test(s).
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] bad
"""

PROGRAMS = {
    "cmocka": (CMOCKA, False, 1, ["t: bad", "t: no_setup"]),
    "cmocka, all well": ("[       OK ] a\n[       OK ] b\n", True, 2, []),
    "cmocka, crashed after two": ("[       OK ] a\n[       OK ] b\n", False, 2, ["t"]),
    "pytest": ("....\n4 passed in 0.05s\n", True, 4, []),
    "pytest with colours": (
        "\x1b[32m\x1b[1m4 passed\x1b[0m\x1b[32m in 0.05s\x1b[0m\n",
        True,
        4,
        [],
    ),
    "pytest failing": (
        "===== 1 failed, 3 passed, 2 skipped in 1.20s =====\n",
        False,
        3,
        ["t: pytest case 1"],
    ),
    "silent": ("", True, 1, []),
    "silent and failing": ("boom\n", False, 0, ["t"]),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_counts_a_program(case):
    output, succeeded, passed, failures = PROGRAMS[case]
    counted = tally.program("t", output, succeeded)
    assert (counted.passed, counted.failures) == (passed, failures)


def test_counts_a_meson_run(tmp_path):
    log = tmp_path / "testlog.json"
    tests = [
        {"name": "a", "result": "OK", "stdout": "[       OK ] x\n[       OK ] y\n"},
        {"name": "b", "result": "FAIL", "stdout": "[  FAILED  ] z\n", "stderr": "--- why"},
        {"name": "c", "result": "TIMEOUT", "stdout": None},
        {"name": "d", "result": "SKIP", "stdout": ""},
    ]
    log.write_text("".join(json.dumps(test) + "\n" for test in tests))
    counted = tally.meson(log, "gcc")
    assert (counted.passed, counted.failures) == (2, ["gcc: b: z", "gcc: c"])
    assert counted.closing_line() == "2 passed, 2 failed"


def test_counts_a_pytest_report(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="m" name="good"/>'
        '<testcase classname="m" name="bad"><failure>x</failure></testcase>'
        '<testcase classname="m" name="no setup"><error>x</error></testcase>'
        '<testcase classname="m" name="skipped"><skipped/></testcase></testsuite></testsuites>'
    )
    counted = tally.junit(report, "e2e")
    assert (counted.passed, counted.failures) == (1, ["e2e: m::bad", "e2e: m::no setup"])
