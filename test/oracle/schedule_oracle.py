# SPDX-License-Identifier: Apache-2.0
"""When a schedule is due, found the slow way: by walking the clock and looking at every minute.

A second implementation of doc/schedules.md that shares nothing with the first: regular expressions
instead of a parser by hand, Python's zoneinfo instead of our reader, sets instead of masks, and no
search at all. ticks() is all that other checks need.
"""

import calendar
import datetime
import re
import zoneinfo

UTC = datetime.timezone.utc
LAST_SECOND = 253402300799
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
# name, lowest, highest, names of values, number in the sequence of draws
FIELDS = [
    ("second", 0, 59, {}, 0),
    ("minute", 0, 59, {}, 1),
    ("hour", 0, 23, {}, 2),
    ("day-of-month", 1, 31, {}, 3),
    ("month", 1, 12, {name: i + 1 for i, name in enumerate(MONTHS)}, 4),
    ("day-of-week", 0, 6, {name: i for i, name in enumerate(WEEKDAYS)}, 5),
    ("year", 1970, 2225, {}, 6),
]
UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def draw(identity, number):
    """Number `number` (from 0) of the sequence of splitmix64 that starts at `identity`."""
    mask = 2**64 - 1
    z = (identity + (number + 1) * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
    return z ^ z >> 31


class Field:
    """One field: its plain values, and the forms that depend on the month."""

    def __init__(self, text, spec, identity):
        self.name, self.low, self.high, self.names, self.number = spec
        self.identity = identity
        self.star = text[0] == "*" or (text[0] == "?" and "day" in self.name)
        self.values = set()
        self.from_last = set()  # n of L-n
        self.nearest = set()  # n of nW, 0 for LW
        self.last_weekdays = set()
        self.nth_weekdays = set()  # (weekday, n)
        for item in text.upper().split(","):
            self.read(item)

    def value(self, text):
        if text in self.names:
            return self.names[text]
        highest = 7 if self.name == "day-of-week" else self.high
        if not re.fullmatch(r"[0-9]+", text) or not self.low <= int(text) <= highest:
            raise ValueError(f"{self.name}: {text}")
        return int(text)

    def last_of_range(self, first, text):
        last = self.value(text)
        if text == "SUN" and first > 0:
            last = 7
        if last < first:
            raise ValueError(f"{self.name}: backwards")
        return last

    def step(self, text):
        if text is None:
            return 1
        if not 1 <= int(text) <= self.high - self.low + 1:
            raise ValueError(f"{self.name}: step {text}")
        return int(text)

    def add(self, values):
        self.values.update(v % 7 if self.name == "day-of-week" else v for v in values)

    def add_drawn(self, first, last, bounded, step):
        width = last - first + 1
        if not bounded:
            if self.name == "year":
                raise ValueError("a year without bounds")
            if self.name == "day-of-month":
                width = 28
        if step is None:
            self.add([first + draw(self.identity, self.number) % width])
        else:
            start = first + draw(self.identity, self.number) % min(width, self.step(step))
            self.add(range(start, last + 1, self.step(step)))

    def read(self, item):
        value = r"([A-Z]{3}|[0-9]+)"
        step = r"(?:/([0-9]+))?"
        is_day = self.name == "day-of-month"
        is_weekday = self.name == "day-of-week"
        if match := re.fullmatch(r"(\*|\?)" + step, item):
            if match[1] == "?" and not is_day and not is_weekday:
                raise ValueError(item)
            self.add(range(self.low, self.high + 1, self.step(match[2])))
        elif match := re.fullmatch(r"H(?:\(" + value + "-" + value + r"\))?" + step, item):
            first, last = self.low, self.high
            if match[1]:
                first = self.value(match[1])
                last = self.last_of_range(first, match[2])
            self.add_drawn(first, last, bool(match[1]), match[3])
        elif match := re.fullmatch(value + "?~" + value + "?" + step, item):
            first = self.value(match[1]) if match[1] else self.low
            last = self.last_of_range(first, match[2]) if match[2] else max(first, self.high)
            self.add_drawn(first, last, bool(match[1] or match[2]), match[3])
        elif is_day and (match := re.fullmatch(r"L(?:-([0-9]+))?", item)):
            if int(match[1] or 0) > 30:
                raise ValueError(item)
            self.from_last.add(int(match[1] or 0))
        elif is_day and item == "LW":
            self.nearest.add(0)
        elif is_day and (match := re.fullmatch(r"([0-9]+)W", item)):
            self.nearest.add(self.value(match[1]))
        elif is_weekday and (match := re.fullmatch(value + "L", item)):
            self.last_weekdays.add(self.value(match[1]) % 7)
        elif is_weekday and (match := re.fullmatch(value + "#([0-9]+)", item)):
            if not 1 <= int(match[2]) <= 5:
                raise ValueError(item)
            self.nth_weekdays.add((self.value(match[1]) % 7, int(match[2])))
        elif match := re.fullmatch(value + "(?:-" + value + ")?" + step, item):
            first = last = self.value(match[1])
            if match[2]:
                last = self.last_of_range(first, match[2])
            elif match[3]:
                last = max(first, self.high)
            self.add(range(first, last + 1, self.step(match[3])))
        else:
            raise ValueError(f"{self.name}: {item}")


def nearest_weekday(year, month, day):
    """The day from Monday to Friday of this month that is the fewest days away."""
    length = calendar.monthrange(year, month)[1]
    if day > length:
        return None
    candidates = [
        d for d in range(1, length + 1) if datetime.date(year, month, d).weekday() < 5
    ]
    return min(candidates, key=lambda d: abs(d - day))


class Cron:
    def __init__(self, text, identity):
        words = re.findall(r"[^ \t]+", text)
        if not 5 <= len(words) <= 7:
            raise ValueError(f"{len(words)} fields")
        self.is_five = len(words) == 5
        if self.is_five:
            words.insert(0, "0")
        if len(words) == 6:
            words.append("*")
        fields = [Field(word, spec, identity) for word, spec in zip(words, FIELDS)]
        self.second, self.minute, self.hour, self.day, self.month, self.weekday, self.year = fields
        self.any_year = len(self.year.values) == 256
        self.dates = {}

    @property
    def is_fixed(self):
        return self.is_five and not self.minute.star and not self.hour.star

    def by_day(self, date):
        length = calendar.monthrange(date.year, date.month)[1]
        return (
            date.day in self.day.values
            or length - date.day in self.day.from_last
            or any(
                nearest_weekday(date.year, date.month, day or length) == date.day
                for day in self.day.nearest
            )
        )

    def by_weekday(self, date):
        length = calendar.monthrange(date.year, date.month)[1]
        weekday = date.isoweekday() % 7
        return (
            weekday in self.weekday.values
            or (weekday in self.weekday.last_weekdays and date.day + 7 > length)
            or (weekday, (date.day + 6) // 7) in self.weekday.nth_weekdays
        )

    def is_date(self, date):
        if date not in self.dates:
            both = self.day.star or self.weekday.star
            days = (all if both else any)([self.by_day(date), self.by_weekday(date)])
            year = self.any_year or date.year in self.year.values
            self.dates[date] = year and date.month in self.month.values and days
        return self.dates[date]

    def is_due(self, local):
        return (
            local.second in self.second.values
            and local.minute in self.minute.values
            and local.hour in self.hour.values
            and self.is_date(local.date())
        )


def wall_clock(instant_s, zone):
    return datetime.datetime.fromtimestamp(instant_s, zone)


def walk(from_s, until_s, zone, wanted):
    """All instants that can matter, with what the wall clock shows: those at which it shows one of
    the seconds `wanted`, and each second of a stretch in which the offset changes."""
    ahead = [min((s - second - 1) % 60 + 1 for s in wanted) for second in range(60)]
    at, shown = from_s, wall_clock(from_s, zone)
    while at < until_s:
        yield at, shown.replace(tzinfo=None, fold=0)
        step = ahead[shown.second]
        later = wall_clock(at + step, zone)
        if later.utcoffset() != shown.utcoffset():
            step = 1
            later = wall_clock(at + step, zone)
        at, shown = at + step, later


def real_time(cron, zone, from_s, until_s):
    for at, shown in walk(from_s, until_s, zone, cron.second.values):
        if cron.is_due(shown):
            yield at


def fixed_time(cron, zone, from_s, until_s):
    """A minute is due when the wall clock first shows it or a later one. No zone has ever gone back
    by more than a day: 26 hours before the start are enough to know what it has shown."""
    minute = datetime.timedelta(minutes=1)
    reached = None
    for at, shown in walk(from_s - 26 * 3600, until_s, zone, {0}):
        if reached is not None and shown > reached and at >= from_s:
            local = reached.replace(second=0) + minute
            while local < shown and not cron.is_due(local):
                local += minute
            if local <= shown and cron.is_due(local):
                yield at
        reached = max(reached or shown, shown)


def read_span(text):
    match = re.fullmatch(r"([0-9.]+w)?([0-9.]+d)?([0-9.]+h)?([0-9.]+m)?([0-9.]+s?)?", text)
    if not text or not match:
        raise ValueError(text)
    return sum(float(part.rstrip("wdhms")) * UNITS.get(part[-1], 1) for part in match.groups() if part)


def spaced(text, from_s, until_s, anchor):
    span = read_span(text)
    if span < 1 or span != int(span):
        raise ValueError(text)
    number = max(1, (from_s - anchor) // int(span))
    while anchor + number * int(span) < until_s:
        if anchor + number * int(span) >= from_s:
            yield anchor + number * int(span)
        number += 1


def once(text, from_s, until_s):
    at = int(datetime.datetime.fromisoformat(text.upper().replace("Z", "+00:00")).timestamp())
    if from_s <= at < until_s:
        yield at


def ticks(expression, zone, from_s, until_s, identity=0, anchor=None):
    """The ticks in [from_s, until_s), in seconds since the epoch. ValueError: a bad expression."""
    text = expression.strip(" \t")
    if match := re.fullmatch(r"(?:CRON_)?TZ=(\"[^\"]*\"|'[^']*'|[^ \t]*)[ \t]+(.*)", text):
        zone, text = match[1].strip("\"'"), match[2]
    until_s = min(until_s, LAST_SECOND + 1)
    macro, _, rest = text.partition(" ")
    macro = macro.lower()
    if macro == "@every":
        return spaced(rest.strip(), from_s, until_s, 0 if anchor is None else anchor)
    if macro == "@at":
        return once(rest.strip(), from_s, until_s)
    if macro in ("@reboot", "@manual"):
        return iter(())
    cron = Cron(MACROS.get(text.lower(), text), identity)
    clock = UTC if zone == "UTC" else zoneinfo.ZoneInfo(zone)
    return (fixed_time if cron.is_fixed else real_time)(cron, clock, from_s, until_s)
