#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of this project that no compiler knows: `tools/layers.py ROOT`.

One line per violation, exit 1 if there is any. Comments and strings are ignored where code is
meant. The rules, each a function below:

- includes: the direction of includes is law (LAYERS), own header first, paths from src/;
- foreign: the headers of a third-party library are included by one .c file of src/ only;
- pure: core sees no clock, no files, no threads, and keeps no state;
- banned: calls that are wrong everywhere (BANNED), and ports used past their inline functions;
- size: files of at most 600 lines (a note from 500), functions of at most 80;
- text: an SPDX line on top, comments by /* */ only, no reminders of work left undone.

A line that has a good reason to break a rule says so at its end: /* lint: the reason */.
"""

import re
import sys
from pathlib import Path

# Folder -> the folders it may include from, its own always among them. A role sees ports, never
# adapters; src/main wires everything and so may see everything.
ROLE = {"base", "core", "ports", "wire", "http"}
LAYERS = {
    "base": set(),
    "core": {"base"},
    "ports": {"base", "core"},
    "wire": {"base", "core"},
    "http": {"base"},
    "adapters": {"base", "core", "ports", "wire", "http"},
    "api": ROLE,
    "manager": ROLE,
    "worker": ROLE,
    "guardian": ROLE,
    "link": ROLE,
    "cli": {"base", "core", "wire", "http"},
}
SHARED_ADAPTERS = {"sql"}

# Headers of ISO C and of the system; any other <header> belongs to a third-party library.
SYSTEM_HEADER = re.compile(
    r"(arpa|asm|linux|net|netinet|sys)/.*|"
    r"(assert|ctype|dirent|dlfcn|elf|endian|errno|fcntl|fenv|float|fnmatch|ftw|getopt|glob|grp|"
    r"inttypes|langinfo|libgen|limits|locale|math|mntent|netdb|poll|pthread|pty|pwd|regex|sched|"
    r"search|semaphore|setjmp|shadow|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|"
    r"stdio|stdlib|stdnoreturn|string|strings|syslog|termios|threads|time|uchar|ucontext|unistd|"
    r"utmpx|wchar|wctype|wordexp)\.h"
)
PURE_HEADERS = {
    "ctype.h", "errno.h", "inttypes.h", "limits.h", "math.h", "stdarg.h", "stdbool.h", "stddef.h",
    "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h",
}  # fmt: skip
PURE_BANNED = "abort exit fopen fprintf fputs fwrite getenv printf puts system"

BANNED = {
    "clocks and randomness are ports": "time rand random srand drand48 clock_settime",
    "not safe between threads": "localtime gmtime asctime ctime strtok getpwnam getpwuid getgrnam",
    "writes without a limit": "strcpy stpcpy strcat sprintf vsprintf gets alloca",
    "waits without an event": "sleep usleep",
}
BANNED_EXEMPT = ("test/bench/",)

FILE_NOTE, FILE_LIMIT, FUNCTION_LIMIT = 500, 600, 80
EXCUSE = re.compile(r"/\* lint: \w.{10,} \*/$")
REMINDER = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")  # split, so as not to find itself

TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def blank(text):
    """The text with its characters turned to spaces, so that lines and columns stay."""
    return re.sub(r"[^\n]", " ", text)


class Source:
    """A C file: its text, the text without comments, and the text without strings too."""

    def __init__(self, root, path):
        self.name = path.relative_to(root).as_posix()
        self.raw = path.read_text(encoding="utf-8", errors="replace")
        self.line_comments = []
        self.uncommented = TOKEN.sub(self._without_comment, self.raw)
        self.code = TOKEN.sub(lambda found: blank(found.group()), self.raw)
        self.lines = self.raw.splitlines()

    def _without_comment(self, found):
        text = found.group()
        if text.startswith("//"):
            self.line_comments.append(self.line_of(found.start()))
        return blank(text) if text[0] == "/" else text

    def line_of(self, offset):
        return self.raw.count("\n", 0, offset) + 1

    def includes(self):
        """(line, "quoted path" or None, <system path> or None) of each include."""
        for found in INCLUDE.finditer(self.uncommented):
            yield self.line_of(found.start(1) if found[1] else found.start(2)), found[1], found[2]

    @property
    def in_src(self):
        return self.name.startswith("src/")

    @property
    def layer(self):
        return self.name.split("/")[1] if self.in_src else None


class Lint:
    def __init__(self, root):
        self.root = root
        self.violations = []
        self.excused = set()  # (file name, line)
        self.notes = []
        self.foreign = {}  # third-party header -> the .c files of src/ that include it

    def fail(self, name, line, text):
        if (name, line) not in self.excused:
            self.violations.append(f"{name}:{line}: {text}")

    def run(self):
        for path in tracked(self.root, (".c", ".h")):
            source = Source(self.root, path)
            excuses = (n for n, text in enumerate(source.lines, 1) if EXCUSE.search(text))
            self.excused.update((source.name, number) for number in excuses)
            self.check_includes(source)
            self.check_pure(source)
            self.check_banned(source)
            self.check_size(source)
            self.check_comments(source)
        self.check_foreign()
        for path in tracked(self.root, SPDX_SUFFIXES):
            self.check_spdx(path)
        return sorted(self.violations)

    # includes

    def check_includes(self, source):
        own = self.own_header(source)
        for number, (line, quoted, system) in enumerate(source.includes()):
            if number == 0 and own and quoted != own:
                self.fail(source.name, line, f'the first include must be its own header "{own}"')
            if quoted:
                self.check_direction(source, line, quoted)
            elif not SYSTEM_HEADER.fullmatch(system):
                self.note_foreign(source, line, system)

    def own_header(self, source):
        if not source.in_src or not source.name.endswith(".c"):
            return None
        header = source.name[:-1] + "h"
        return header[len("src/") :] if (self.root / header).exists() else None

    def check_direction(self, source, line, quoted):
        if not source.in_src:
            return
        parts = quoted.split("/")
        if len(parts) < 2 or parts[0].startswith("."):
            self.fail(source.name, line, f'"{quoted}" must be a path from src/')
        elif not may_include(source.name.split("/")[1:], parts):
            self.fail(source.name, line, f'{source.layer} must not include "{quoted}"')

    def note_foreign(self, source, line, header):
        if not source.in_src:
            return
        if source.name.endswith(".h"):
            self.fail(source.name, line, f"<{header}> belongs behind one .c file, not in a header")
        else:
            self.foreign.setdefault(header, []).append((source.name, line))

    def check_foreign(self):
        for header, places in self.foreign.items():
            for name, line in places[1:]:
                self.fail(name, line, f"<{header}> is included by {places[0][0]} already")

    # core is pure

    def check_pure(self, source):
        if source.layer != "core":
            return
        for line, _, system in source.includes():
            if system and system not in PURE_HEADERS:
                self.fail(source.name, line, f"core is pure: <{system}>")
        for line, call in calls(source, PURE_BANNED.split()):
            self.fail(source.name, line, f"core is pure: {call}()")
        state = r"^[ \t]*static\s+(?!inline\b)(?![^;={(]*\bconst\b)[^;={(]*[;={]"
        for found in re.finditer(state, source.code, re.MULTILINE):
            self.fail(source.name, source.line_of(found.start()), "core is pure: it keeps no state")

    # banned calls

    def check_banned(self, source):
        if source.name.startswith(BANNED_EXEMPT):
            return
        for reason, names in BANNED.items():
            for line, call in calls(source, names.split()):
                self.fail(source.name, line, f"{call}(): {reason}")
        for found in re.finditer(r'setenv\s*\(\s*"TZ"', source.uncommented):
            line = source.line_of(found.start())
            self.fail(source.name, line, "the process's time zone is nobody's to change")
        if source.in_src and source.layer != "ports":
            for found in re.finditer(r"->\s*ops\s*->", source.code):
                line = source.line_of(found.start())
                self.fail(source.name, line, "ports are called by their inline functions")

    # sizes

    def check_size(self, source):
        count = len(source.lines)
        if count > FILE_LIMIT:
            self.fail(source.name, FILE_LIMIT, f"{count} lines; a file is one concept, under 500")
        elif count > FILE_NOTE:
            self.notes.append(f"{source.name}: {count} lines, nearly too long")
        for start, end in functions(source.code.splitlines()):
            if end - start + 1 > FUNCTION_LIMIT:
                self.fail(source.name, start, f"a function of {end - start + 1} lines, limit 80")

    # text

    def check_comments(self, source):
        for line in source.line_comments:
            self.fail(source.name, line, "comments are written /* like this */")
        for number, text in enumerate(source.lines, 1):
            if REMINDER.search(text):
                self.fail(source.name, number, "work left undone belongs in no comment")

    def check_spdx(self, path):
        with path.open(encoding="utf-8", errors="replace") as file:
            top = [file.readline(), file.readline()]
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in top):
            self.fail(path.relative_to(self.root).as_posix(), 1, "no SPDX line on top")


def may_include(own, wanted):
    """Both are path parts below src/: ["adapters", "sqlite", "store.c"] and ["core", "job.h"]."""
    layer, target = own[0], wanted[0]
    if layer == "main":
        return True
    if layer == target == "adapters":
        return wanted[1] == own[1] or wanted[1] in SHARED_ADAPTERS or wanted[1].endswith(".h")
    return target == layer or target in LAYERS.get(layer, set())


def calls(source, names):
    """(line, name) of every call of one of the functions; members and other names do not count."""
    pattern = rf"(?<![\w.>])({'|'.join(names)})\s*\("
    for found in re.finditer(pattern, source.code):
        yield source.line_of(found.start()), found[1]


def functions(lines):
    """(first, last) line numbers of the function bodies: braces of their own in column 0."""
    start = None
    for number, text in enumerate(lines, 1):
        if text.rstrip() == "{":
            start = number
        elif text.rstrip() == "}" and start:
            yield start, number
            start = None


SPDX_SUFFIXES = (".c", ".h", ".py", ".sh", ".ts", ".tsx", ".css", "meson.build")
FOLDERS = ("src", "test", "tools", "script", "console/src", "packaging", "deploy")


def tracked(root, suffixes):
    """The project's own files with these endings, and scripts without one, sorted."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            skip = {"node_modules", "__pycache__", "corpus"} & set(path.parts)
            script = ".py" in suffixes and folder == "script" and not path.suffix
            if path.is_file() and not skip and (path.name.endswith(suffixes) or script):
                yield path


def main(arguments):
    if len(arguments) != 1:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    lint = Lint(Path(arguments[0]).resolve())
    violations = lint.run()
    for line in lint.notes:
        print(f"note: {line}", file=sys.stderr)
    for line in violations:
        print(line)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
