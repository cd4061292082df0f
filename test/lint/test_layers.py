# SPDX-License-Identifier: Apache-2.0
"""tools/layers.py finds what it is there to find, and nothing in code that obeys."""

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "layers.py"
SPEC = importlib.util.spec_from_file_location("layers", TOOL)
layers = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(layers)

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def violations(root, **files):
    """What the lint says of a tree; a name like src__core__x_c stands for src/core/x.c."""
    for name, text in files.items():
        path = root / ".".join(name.replace("__", "/").rsplit("_", 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return layers.Lint(root).run()


OBEYING = {
    "core may include base": ("src__core__job_c", '#include "base/buf.h"\n#include <string.h>\n'),
    "a role may include ports": ("src__worker__loop_c", '#include "ports/store.h"\n'),
    "main may include everything": ("src__main__wiring_c", '#include "adapters/sqlite/store.h"\n'),
    "an adapter may include sql": ("src__adapters__mysql__x_c", '#include "adapters/sql/x.h"\n'),
    "a test may include adapters": ("test__unit__x_c", '#include "adapters/sqlite/store.h"\n'),
    "a banned name in a comment": ("src__base__x_c", "/* not strcpy(a, b) // here */\n"),
    "a banned name in a string": (
        "src__base__x_c",
        'const char *x = "time(NULL) // \\" sleep(1)";\n',
    ),
    "a member of that name": ("src__worker__x_c", "void f(void)\n{\n    clock->time(now);\n}\n"),
    "a longer name": ("src__worker__x_c", "void f(void)\n{\n    run_time(now);\n}\n"),
    "a constant table in core": ("src__core__x_c", "static const int table[] = {1, 2};\n"),
    "a pointer table in core": ("src__core__x_c", "static const char *const names[] = {0};\n"),
    "a static function in core": ("src__core__x_c", "static int f(int x)\n{\n    return x;\n}\n"),
    "a banned call in a bench": ("test__bench__x_c", "void f(void)\n{\n    gmtime(&t);\n}\n"),
    "80 lines": ("src__base__x_c", "void f(void)\n{\n" + "    g();\n" * 78 + "}\n"),
}


@pytest.mark.parametrize("case", OBEYING)
def test_accepts(tmp_path, case):
    name, text = OBEYING[case]
    assert violations(tmp_path, **{name: SPDX + text}) == []


BREAKING = {
    "core includes a port": (
        "src__core__x_c",
        '#include "ports/store.h"\n',
        "core must not include",
    ),
    "base includes core": ("src__base__x_c", '#include "core/job.h"\n', "base must not include"),
    "ports include wire": ("src__ports__x_h", '#include "wire/json.h"\n', "ports must not include"),
    "http knows of jobs": ("src__http__x_c", '#include "core/job.h"\n', "http must not include"),
    "a role includes an adapter": (
        "src__api__x_c",
        '#include "adapters/sqlite/store.h"\n',
        "api must not include",
    ),
    "a role includes a role": (
        "src__api__x_c",
        '#include "worker/loop.h"\n',
        "api must not include",
    ),
    "the client includes a port": (
        "src__cli__x_c",
        '#include "ports/store.h"\n',
        "cli must not include",
    ),
    "an adapter includes another": (
        "src__adapters__mysql__x_c",
        '#include "adapters/sqlite/x.h"\n',
        "must not include",
    ),
    "src includes a test": (
        "src__main__x_c",
        '#include "../test/x.h"\n',
        "must be a path from src/",
    ),
    "a name without a folder": ("src__api__x_c", '#include "x.h"\n', "must be a path from src/"),
    "a foreign header in a header": (
        "src__http__x_h",
        "#include <curl/curl.h>\n",
        "not in a header",
    ),
    "core reads a clock": ("src__core__x_c", "#include <time.h>\n", "core is pure: <time.h>"),
    "core prints": (
        "src__core__x_c",
        "void f(void)\n{\n    printf(x);\n}\n",
        "core is pure: printf()",
    ),
    "core keeps state": ("src__core__x_c", "static int count;\n", "it keeps no state"),
    "core keeps state in a function": (
        "src__core__x_c",
        "void f(void)\n{\n    static int n = 0;\n}\n",
        "it keeps no state",
    ),
    "a banned call": ("src__base__x_c", "void f(void)\n{\n    strcpy(a, b);\n}\n", "strcpy()"),
    "a banned call in a test": (
        "test__unit__x_c",
        "void f(void)\n{\n    sleep(1);\n}\n",
        "sleep()",
    ),
    "a time zone for all": (
        "src__cli__x_c",
        'void f(void)\n{\n    setenv("TZ", zone, 1);\n}\n',
        "time zone",
    ),
    "a port used past its function": (
        "src__api__x_c",
        "void f(void)\n{\n    s->ops->get(s);\n}\n",
        "inline functions",
    ),
    "81 lines": ("src__base__x_c", "void f(void)\n{\n" + "    g();\n" * 79 + "}\n", "81 lines"),
    "a long file": ("src__base__x_c", "int x;\n" * 600, "601 lines"),
    "a line comment": ("src__base__x_c", "int x; // this\n", "comments are written"),
    "a reminder": ("src__base__x_c", "/* TODO: later */\n", "left undone"),
}


@pytest.mark.parametrize("case", BREAKING)
def test_refuses(tmp_path, case):
    name, text, expected = BREAKING[case]
    found = violations(tmp_path, **{name: SPDX + text})
    assert len(found) == 1 and expected in found[0], found


def test_names_file_and_line(tmp_path):
    found = violations(tmp_path, src__core__x_c=SPDX + '\n#include "ports/store.h"\n')
    assert found == ['src/core/x.c:3: core must not include "ports/store.h"']


def test_own_header_comes_first(tmp_path):
    source = SPDX + '#include <string.h>\n\n#include "base/x.h"\n'
    found = violations(tmp_path, src__base__x_c=source, src__base__x_h=SPDX)
    assert found == ['src/base/x.c:2: the first include must be its own header "base/x.h"']


def test_a_foreign_header_has_one_home(tmp_path):
    found = violations(
        tmp_path,
        src__http__client_c=SPDX + "#include <curl/curl.h>\n",
        src__http__other_c=SPDX + "#include <curl/curl.h>\n",
        test__unit__client_c=SPDX + "#include <curl/curl.h>\n",
    )
    assert found == ["src/http/other.c:2: <curl/curl.h> is included by src/http/client.c already"]


def test_every_source_names_its_licence(tmp_path):
    found = violations(tmp_path, src__base__x_c="int x;\n", tools__x_py="#!/usr/bin/env python3\n")
    assert found == ["src/base/x.c:1: no SPDX line on top", "tools/x.py:1: no SPDX line on top"]


def test_a_line_may_excuse_itself(tmp_path):
    line = 'static char name[] = "UTC"; /* lint: never written to */\n'
    assert violations(tmp_path, src__core__x_c=SPDX + line) == []
    bare = line.replace("never written to", "")
    assert len(violations(tmp_path, src__core__x_c=SPDX + bare)) == 1


def test_exit_code_tells(tmp_path, capsys):
    assert layers.main([str(tmp_path)]) == 0
    violations(tmp_path, src__base__x_c="int x; // this\n")
    assert layers.main([str(tmp_path)]) == 1
    assert "src/base/x.c:1: comments are written" in capsys.readouterr().out
