# SPDX-License-Identifier: Apache-2.0
"""The C schedule against the oracle, on random expressions around the changes of real zones."""

import datetime
import os
import random
import subprocess
import zoneinfo

import pytest
import schedule_oracle

SEED = int(os.environ.get("ORACLE_SEED", "20260329"))
DAY = 86400

ZONES = (
    "UTC Europe/Berlin America/New_York Australia/Lord_Howe Pacific/Apia Europe/Dublin "
    "Africa/Casablanca America/St_Johns Asia/Kathmandu America/Sao_Paulo Africa/Monrovia "
    "Antarctica/Troll Asia/Gaza America/Scoresbysund Pacific/Chatham Europe/Lisbon"
).split()

# Around instants at which something odd happens somewhere.
MOMENTS = [
    "2026-03-29T01:00", "2026-10-25T01:00", "2026-03-08T07:00", "2026-11-01T06:00",
    "2026-04-04T15:00", "2026-10-03T15:30", "2011-12-30T10:00", "2026-02-15T02:00",
    "2026-03-22T02:00", "2010-03-14T03:31", "2010-11-07T02:31", "1985-12-31T18:30",
    "1972-01-07T00:44", "2018-11-04T03:00", "2024-03-31T01:00", "2050-03-27T01:00",
    "2050-10-30T01:00", "2437-03-29T01:00", "1970-01-03T00:00", "2028-02-29T12:00",
    "2027-01-01T00:00", "1996-03-31T01:00", "2099-12-31T23:00",
]  # fmt: skip


def seconds(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


class Questions:
    """Asks the C program many questions at once."""

    def __init__(self):
        self.asked = []

    def ask(self, expression, zone, from_s, until_s, identity, anchor):
        self.asked.append((expression, zone, from_s, until_s, identity, anchor))

    def answers(self):
        lines = [f"{z} {f} {u} {i} {a} {e}" for e, z, f, u, i, a in self.asked]
        done = subprocess.run(
            [os.environ["NEXT_TICK"]],
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.split("\n")[:-1]

    def check(self):
        answers = self.answers()
        assert len(answers) == len(self.asked)
        for (expression, zone, from_s, until_s, identity, anchor), answer in zip(self.asked, answers):
            try:
                found = schedule_oracle.ticks(expression, zone, from_s, until_s, identity, anchor)
                expected = " ".join(map(str, found))
            except ValueError:
                expected = "!"
            if answer.startswith("! never due"):
                answer = ""
            elif answer.startswith("!"):
                answer = "!"
            assert answer == expected, (
                f"'{expression}' in {zone} from {from_s} until {until_s} identity {identity} "
                f"anchor {anchor}, seed {SEED}"
            )


def random_value(rng, low, high, names):
    value = rng.randint(low, high)
    if names and value <= low + len(names) - 1 and rng.random() < 0.3:
        name = names[value - low]
        return value, rng.choice([name, name.lower(), name.title()])
    return value, str(value)


def random_item(rng, low, high, names, kind):
    first, text = random_value(rng, low, high, names)
    choice = rng.random()
    if kind == "day" and choice < 0.25:
        return rng.choice(["L", "LW", f"L-{rng.randint(0, 30)}", f"{first}W", "15w", "1W", "31W"])
    if kind == "weekday" and choice < 0.25:
        return rng.choice([f"{text}L", f"{text}#{rng.randint(1, 5)}"])
    if choice < 0.35:
        step = rng.randint(1, high - low + 1)
        last = rng.randint(first, high)
        return rng.choice(
            ["H", f"H/{step}", f"H({first}-{last})", f"h({first}-{last})/{step}", "~",
             f"{first}~{last}", f"~{last}", f"{first}~"]
        )  # fmt: skip
    if choice < 0.6:
        return text
    last, last_text = random_value(rng, first, high, names)
    item = rng.choice([f"{text}-{last_text}", text])
    return item + rng.choice(["", f"/{rng.randint(1, max(1, (high - low) // 3))}"])


def random_field(rng, low, high, names=(), kind="", star=0.4):
    if rng.random() < star:
        step = rng.randint(1, high - low + 1) if rng.random() < 0.4 else 1
        return "*" if step == 1 else f"*/{step}"
    items = [random_item(rng, low, high, names, kind) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    return ",".join(items)


def random_expression(rng):
    """Mostly due often enough to be seen within a few days."""
    day = random_field(rng, 1, 31, kind="day", star=0.75)
    fields = [
        random_field(rng, 0, 59),
        random_field(rng, 0, 23),
        rng.choice([day, day, day, "?"]),
        random_field(rng, 1, 12, schedule_oracle.MONTHS, star=0.9),
        random_field(rng, 0, 7, schedule_oracle.WEEKDAYS, kind="weekday", star=0.75),
    ]
    if rng.random() < 0.25:
        fields.insert(0, rng.choice(["0", "30", "*/20", "0-59/15", "5,10", "H"]))
        if rng.random() < 0.3:
            fields.append(random_field(rng, 1970, 2225))
    return rng.choice([" ", "  ", "\t"]).join(fields)


def spoil(rng, expression):
    """One character changed: most of these are refused, by both or by neither."""
    at = rng.randrange(len(expression))
    return expression[:at] + rng.choice("0123456789*/-,~LWH#? x()") + expression[at + 1 :]


def random_window(rng, days):
    moment = seconds(rng.choice(MOMENTS))
    start = max(0, moment - rng.randint(0, int(days * DAY)))
    return start, start + int(days * DAY)


@pytest.mark.parametrize("part", range(8))
def test_random_expressions_near_changes_of_the_clock(part):
    rng = random.Random(SEED + part)
    questions = Questions()
    for _ in range(400):
        expression = random_expression(rng)
        questions.ask(expression, rng.choice(ZONES), *random_window(rng, 1), rng.getrandbits(64), 0)
    questions.check()


def test_random_expressions_over_two_months():
    rng = random.Random(SEED + 100)
    questions = Questions()
    for _ in range(12):
        questions.ask(random_expression(rng), rng.choice(ZONES), *random_window(rng, 60), 7, 0)
    questions.check()


def test_rare_and_drawn_days_over_many_months():
    rng = random.Random(SEED + 150)
    questions = Questions()
    rare = ["0 0 H * *", "0 0 ~ * *", "0 0 0 H * *", "0 0 H/9 * H", "0 0 0 H H/3 *", "0 0 0 1 1-12/3 *",
            "0 0 31 * ?", "0 12 L-2,15W * *", "0 30 2 ? * SUNL", "0 0 */13 * 1#2"]  # fmt: skip
    for expression in rare:
        questions.ask(expression, rng.choice(ZONES), *random_window(rng, 220), rng.getrandbits(64), 0)
    for identity in range(8):
        questions.ask("0 0 H * *", "UTC", 0, 31 * DAY, identity, 0)
    questions.check()


def test_spoiled_expressions_are_refused_by_both():
    rng = random.Random(SEED + 200)
    questions = Questions()
    for _ in range(1500):
        expression = spoil(rng, random_expression(rng))
        start, _ = random_window(rng, 0.1)
        questions.ask(expression, "UTC", start, start + 3600, 1, 0)
    questions.check()


def change_of(zone, year):
    """The first instant of a year after which the offset is another one, to the second."""
    clock = zoneinfo.ZoneInfo(zone)

    def offset(at):
        return schedule_oracle.wall_clock(at, clock).utcoffset()

    low = seconds(f"{year}-01-01T00:00")
    end = seconds(f"{year + 1}-01-01T00:00")
    while low < end and offset(low + DAY) == offset(low):
        low += DAY
    high = low + DAY
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
    return high


def test_every_zone_at_one_of_its_changes():
    rng = random.Random(SEED + 300)
    questions = Questions()
    for zone in sorted(zoneinfo.available_timezones()):
        if zone == "localtime" or zone.startswith(("posix", "right")):
            continue
        at = max(DAY, change_of(zone, rng.choice([1971, 1980, 1992, 2010, 2023, 2060])))
        minute, hour = rng.randint(0, 59), rng.randint(0, 3)
        for expression in (f"{minute} {hour} * * *", f"{minute} * * * *"):
            questions.ask(expression, zone, at - 3 * 3600, at + 5 * 3600, 0, 0)
    questions.check()


def test_the_other_forms():
    rng = random.Random(SEED + 400)
    questions = Questions()
    for _ in range(200):
        span = rng.choice(["90s", "1h30m", "7", "1d12h", "1w", "1.5h", "45m", "0.5s", "100ms", "x"])
        start, until = random_window(rng, 1)
        questions.ask(f"@every {span}", "UTC", start, until, 0, start - rng.randint(0, 10 * DAY))
    for macro in schedule_oracle.MACROS:
        for zone in ZONES:
            questions.ask(macro, zone, *random_window(rng, 2), 0, 0)
    questions.ask("@at 2026-03-29T01:00:00Z", "UTC", 0, 2**32, 0, 0)
    questions.ask("@at 2026-03-29T01:00:00+02:00", "UTC", 0, 2**32, 0, 0)
    questions.ask("@reboot", "UTC", 0, 2**32, 0, 0)
    questions.ask("@manual", "UTC", 0, 2**32, 0, 0)
    questions.check()
