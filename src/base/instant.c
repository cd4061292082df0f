/* SPDX-License-Identifier: Apache-2.0 */
#include "base/instant.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Both calendar conversions count in eras of 400 years that start on 1 March (Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms"): the leap day then comes last in its year. */
int64_t days_from_civil(int64_t year, int month, int day)
{
    int64_t shifted = year - (month <= 2);
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;

    *ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (int)(month < 10 ? month + 3 : month - 9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

/* Writes `digits` decimal digits and answers where the text goes on. */
static char *write_digits(char *text, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        text[i] = (char)('0' + value % 10);
    return text + digits;
}

const char *instant_format(instant_us instant, char text[INSTANT_TEXT])
{
    int64_t days = instant / DAY - (instant % DAY < 0);
    int64_t rest = instant - days * DAY;
    const struct {
        char before;
        int64_t value;
    } clock[] = {{'T', rest / HOUR}, {':', rest / MINUTE % 60}, {':', rest / SECOND % 60}};
    char *at = text;
    int64_t year;
    int month, day;

    civil_from_days(days, &year, &month, &day);
    at = write_digits(at, year, 4);
    *at++ = '-';
    at = write_digits(at, month, 2);
    *at++ = '-';
    at = write_digits(at, day, 2);
    for (size_t i = 0; i < ARRAY_SIZE(clock); i++) {
        *at++ = clock[i].before;
        at = write_digits(at, clock[i].value, 2);
    }
    if (rest % SECOND) {
        *at++ = '.';
        at = write_digits(at, rest % SECOND, 6);
    }
    *at++ = 'Z';
    *at = '\0';
    return text;
}

/* Exactly `digits` decimal digits at *text, moved past. */
static bool read_digits(const char **text, int digits, int *ret_value)
{
    int value = 0;

    for (int i = 0; i < digits; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        value = value * 10 + (**text - '0');
    }
    *ret_value = value;
    return true;
}

static bool read_char(const char **text, const char *allowed)
{
    if (!**text || !strchr(allowed, **text))
        return false;
    (*text)++;
    return true;
}

static bool read_fraction(const char **text, int *ret_micros)
{
    int micros = 0, digits = 0;

    if (!read_char(text, "."))
        return true;
    for (; **text >= '0' && **text <= '9' && digits < 6; (*text)++, digits++)
        micros = micros * 10 + (**text - '0');
    if (!digits)
        return false;
    for (; digits < 6; digits++)
        micros *= 10;
    *ret_micros = micros;
    return true;
}

/* RFC 3339 section 5.6 time-offset: "Z" or +hh:mm. */
static bool read_offset(const char **text, int *ret_minutes)
{
    int sign = **text == '-' ? -1 : 1;
    int hours, minutes;

    if (read_char(text, "Zz"))
        return true;
    if (!read_char(text, "+-") || !read_digits(text, 2, &hours) || !read_char(text, ":") ||
        !read_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

enum rc instant_parse(const char *text, instant_us *ret_instant, struct err *err)
{
    int year, month, day, hour, minute, second, micros = 0, offset = 0;
    const char *at = text;
    instant_us instant;

    if (!read_digits(&at, 4, &year) || !read_char(&at, "-") || !read_digits(&at, 2, &month) ||
        !read_char(&at, "-") || !read_digits(&at, 2, &day) || !read_char(&at, "Tt ") ||
        !read_digits(&at, 2, &hour) || !read_char(&at, ":") || !read_digits(&at, 2, &minute) ||
        !read_char(&at, ":") || !read_digits(&at, 2, &second) || !read_fraction(&at, &micros) ||
        !read_offset(&at, &offset) || *at)
        return err_fail(err, RC_INVALID,
                        "'%.64s' is not an RFC 3339 time like 2030-01-31T09:00:00Z", text);
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return err_fail(err, RC_INVALID, "'%.64s' is not a date and time of the calendar", text);
    instant = days_from_civil(year, month, day) * DAY +
              ((hour * 60 + minute - offset) * 60 + second) * SECOND + micros;
    if (instant < 0 || instant > INSTANT_MAX)
        return err_fail(err, RC_INVALID, "'%.64s' is not between 1970 and 9999", text);
    *ret_instant = instant;
    return RC_OK;
}

static const struct {
    const char *name;
    span_us length;
} units[] = {{"w", 7 * DAY}, {"d", DAY},    {"h", HOUR},
             {"m", MINUTE},  {"s", SECOND}, {"ms", MILLISECOND}};

enum { FIRST_WRITTEN = 2 }; /* days and weeks are read, and written as hours */

const char *span_format(span_us span, char text[SPAN_TEXT])
{
    int length = 0;

    if (span < MILLISECOND)
        span = 0;
    for (size_t i = FIRST_WRITTEN; i < ARRAY_SIZE(units); i++) {
        if (span < units[i].length)
            continue;
        length += snprintf(text + length, SPAN_TEXT - (size_t)length, "%lld%s",
                           (long long)(span / units[i].length), units[i].name);
        span %= units[i].length;
    }
    if (!length)
        (void)snprintf(text, SPAN_TEXT, "0s"); /* fits */
    return text;
}

static bool read_amount(const char **text, int64_t *ret_micros)
{
    int64_t whole = 0, fraction = 0, scale = 1;
    const char *start = *text;

    for (; **text >= '0' && **text <= '9'; (*text)++) {
        whole = whole * 10 + (**text - '0');
        if (whole > 100LL * 366 * 86400 * 1000)
            return false;
    }
    if (*text == start)
        return false;
    if (**text == '.') {
        (*text)++;
        start = *text;
        for (; **text >= '0' && **text <= '9' && scale < 1000000; (*text)++, scale *= 10)
            fraction = fraction * 10 + (**text - '0');
        if (*text == start)
            return false;
    }
    *ret_micros = whole * SECOND + fraction * (SECOND / scale);
    return true;
}

/* The unit at *text, its row at or after `from`; -1 when there is none. */
static int read_unit(const char **text, size_t from)
{
    size_t length = strspn(*text, "abcdefghijklmnopqrstuvwxyz");

    for (size_t i = from; i < ARRAY_SIZE(units); i++) {
        if (strlen(units[i].name) == length && !strncmp(units[i].name, *text, length)) {
            *text += length;
            return (int)i;
        }
    }
    return -1;
}

enum rc span_parse(const char *text, span_us *ret_span, struct err *err)
{
    static const span_us longest = 100 * 366 * DAY;
    const char *at = text;
    span_us span = 0;
    int64_t amount; /* in millionths of the unit */
    int unit = -1;

    do {
        __int128 part;

        if (!read_amount(&at, &amount))
            goto invalid;
        unit = !*at && unit < 0 ? 4 : read_unit(&at, (size_t)(unit + 1));
        if (unit < 0)
            goto invalid;
        part = (__int128)amount * units[unit].length / SECOND;
        if (part > longest - span)
            return err_fail(err, RC_INVALID, "'%.64s' is longer than 100 years", text);
        span += (span_us)part;
    } while (*at);
    *ret_span = span;
    return RC_OK;
invalid:
    return err_fail(err, RC_INVALID, "'%.64s' is not a duration like 90s, 5m or 1h30m", text);
}
