/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One field is a list of items:
 *
 *     item  = ( "*" | "?" | value | value "-" value | draw ) [ "/" step ] | last | nearest | nth
 *     draw  = "H" [ "(" value "-" value ")" ] | [ value ] "~" [ value ]
 *     last  = "L" | "L-" number (day-of-month) | value "L" (day-of-week)
 *     nearest = "LW" | number "W" (day-of-month)
 *     nth   = value "#" number (day-of-week)
 */
#include <string.h>
#include <strings.h>

#include "core/schedule_internal.h"

/* In day-of-month a draw without bounds stays in the days that every month has. */
enum { DRAWN_DAY_MAX = 28, SUNDAY_AGAIN = 7, NUMBER_MAX = 99999 };

/* One item under way: what is left of it is [at, end). */
struct item {
    struct schedule *schedule;
    enum schedule_field field;
    const struct schedule_field_info *info;
    int highest; /* that may be written: 7 in day-of-week */
    uint64_t identity;
    const char *text;
    const char *at;
    const char *end;
    struct schedule_values *values;
    struct err *err;
};

const char *schedule_quote(const char *text, size_t length, char quote[SCHEDULE_QUOTE])
{
    enum { KEPT = SCHEDULE_QUOTE - 4 };
    size_t used = MIN(length, (size_t)KEPT);

    for (size_t i = 0; i < used; i++)
        quote[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    memcpy(quote + used, length > KEPT ? "..." : "", length > KEPT ? 4 : 1);
    return quote;
}

static const char *quote_item(const struct item *item, char quote[SCHEDULE_QUOTE])
{
    return schedule_quote(item->text, (size_t)(item->end - item->text), quote);
}

static enum rc refuse(const struct item *item, const char *why)
{
    char quote[SCHEDULE_QUOTE];

    return err_fail(item->err, RC_INVALID, "%s '%s': %s", item->info->name, quote_item(item, quote),
                    why);
}

/* A number inside a larger item that is not a value of the field: a step, the k of n#k. */
static enum rc refuse_number(const struct item *item, const char *what, int number, int low,
                             int high)
{
    char quote[SCHEDULE_QUOTE];

    return err_fail(item->err, RC_INVALID, "%s '%s': %s %d is not in %d-%d", item->info->name,
                    quote_item(item, quote), what, number, low, high);
}

static enum rc refuse_value(const struct item *item)
{
    char quote[SCHEDULE_QUOTE];

    if (item->text == item->end)
        return err_fail(item->err, RC_INVALID, "%s: an item of the list is empty",
                        item->info->name);
    if (item->info->names)
        return err_fail(item->err, RC_INVALID, "%s '%s' is not a name (%s) or in %d-%d",
                        item->info->name, quote_item(item, quote), item->info->names_text,
                        item->info->low, item->highest);
    return err_fail(item->err, RC_INVALID, "%s '%s' is not in %d-%d", item->info->name,
                    quote_item(item, quote), item->info->low, item->highest);
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Letters in any case; `wanted` is a small one. */
static bool at_char(struct item *item, char wanted)
{
    char c;

    if (item->at == item->end)
        return false;
    c = *item->at;
    if ((is_letter(c) ? (c | 0x20) : c) != wanted)
        return false;
    item->at++;
    return true;
}

static bool is_digit(const struct item *item)
{
    return item->at < item->end && *item->at >= '0' && *item->at <= '9';
}

static int read_number(struct item *item)
{
    int number = 0;

    for (; is_digit(item); item->at++)
        number = MIN(number * 10 + (*item->at - '0'), NUMBER_MAX);
    return number;
}

static bool read_name(struct item *item, int *ret_value)
{
    if (!item->info->names || item->end - item->at < 3)
        return false;
    for (int i = 0; i <= item->info->high - item->info->low; i++) {
        if (strncasecmp(item->at, item->info->names[i], 3) == 0) {
            item->at += 3;
            *ret_value = item->info->low + i;
            return true;
        }
    }
    return false;
}

static bool has_value(const struct item *item)
{
    struct item copy = *item;
    int value;

    return is_digit(&copy) || read_name(&copy, &value);
}

static enum rc read_value(struct item *item, int *ret_value)
{
    if (read_name(item, ret_value))
        return RC_OK;
    if (!is_digit(item))
        return refuse_value(item);
    *ret_value = read_number(item);
    if (*ret_value < item->info->low || *ret_value > item->highest)
        return err_fail(item->err, RC_INVALID, "%s %d is not in %d-%d", item->info->name,
                        *ret_value, item->info->low, item->highest);
    return RC_OK;
}

/* The end of a range; SAT-SUN is Saturday and Sunday, the seventh day. */
static enum rc read_range_end(struct item *item, int first, int *ret_last)
{
    bool named = !is_digit(item);
    enum rc rc = read_value(item, ret_last);

    if (rc != RC_OK)
        return rc;
    if (named && item->field == FIELD_WEEKDAY && *ret_last == 0 && first > 0)
        *ret_last = SUNDAY_AGAIN;
    return first <= *ret_last ? RC_OK : refuse(item, "the range runs backwards");
}

/* Debian's cron takes any step but 0. A step wider than the field can only be a mistake ("every 90
 * minutes"); one as wide as the field is common in real crontabs and is the first value alone. */
static enum rc read_step(struct item *item, int *ret_step)
{
    int width = item->info->high - item->info->low + 1;

    *ret_step = 1;
    if (!at_char(item, '/'))
        return RC_OK;
    if (!is_digit(item))
        return refuse(item, "a step is a number");
    *ret_step = read_number(item);
    if (*ret_step < 1 || *ret_step > width)
        return refuse_number(item, "step", *ret_step, 1, width);
    return RC_OK;
}

static void add_values(struct item *item, int first, int last, int step)
{
    for (int value = first; value <= last; value += step)
        schedule_values_add(item->values, item->field == FIELD_WEEKDAY ? value % SUNDAY_AGAIN
                                                                       : value - item->info->low);
}

static enum rc read_star(struct item *item)
{
    int step;
    enum rc rc = read_step(item, &step);

    if (rc == RC_OK)
        add_values(item, item->info->low, item->info->high, step);
    return rc;
}

/* The draw is number `field` + 1 of the sequence of splitmix64 (Steele, Lea, Flood: "Fast
 * splittable pseudorandom number generators", 2014) that starts at the identity. It must never
 * change: jobs would move. */
static uint64_t draw(const struct item *item)
{
    uint64_t z = item->identity + ((uint64_t)item->field + 1) * 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

/* One value of [first, last]; with a step, that value moved to the first stretch of `step` values,
 * and every step-th after it. */
static enum rc read_drawn(struct item *item, int first, int last, bool bounded)
{
    bool stepped = item->at < item->end && *item->at == '/';
    int width = last - first + 1;
    int step, start;
    enum rc rc;

    if (!bounded && item->field == FIELD_YEAR)
        return refuse(item, "a year can only be drawn between bounds");
    if (!bounded && item->field == FIELD_DAY)
        width = DRAWN_DAY_MAX;
    rc = read_step(item, &step);
    if (rc != RC_OK)
        return rc;
    if (stepped)
        width = MIN(width, step);
    start = first + (int)(draw(item) % (uint64_t)width);
    add_values(item, start, stepped ? last : start, step);
    item->schedule->drawn = 1;
    return RC_OK;
}

static enum rc read_hashed(struct item *item)
{
    int first = item->info->low, last = item->info->high;
    bool bounded = at_char(item, '(');
    enum rc rc;

    if (bounded) {
        rc = read_value(item, &first);
        if (rc != RC_OK)
            return rc;
        if (!at_char(item, '-'))
            return refuse(item, "expected H(first-last)");
        rc = read_range_end(item, first, &last);
        if (rc != RC_OK)
            return rc;
        if (!at_char(item, ')'))
            return refuse(item, "expected H(first-last)");
    }
    return read_drawn(item, first, last, bounded);
}

/* After "~"; `first` was written before it when `bounded`. */
static enum rc read_tilde(struct item *item, int first, bool bounded)
{
    int last = item->info->high;

    if (has_value(item)) {
        enum rc rc = read_range_end(item, first, &last);

        if (rc != RC_OK)
            return rc;
        bounded = true;
    }
    last = MAX(last, first);
    return read_drawn(item, first, last, bounded);
}

static enum rc read_last_day(struct item *item)
{
    int before = 0;

    if (at_char(item, 'w')) {
        item->schedule->days_nearest |= 1;
        return RC_OK;
    }
    if (at_char(item, '-')) {
        if (!is_digit(item))
            return refuse(item, "expected L-number");
        before = read_number(item);
        if (before > 30)
            return refuse_number(item, "L minus", before, 0, 30);
    }
    item->schedule->days_from_last |= 1U << before;
    return RC_OK;
}

static enum rc read_nth(struct item *item, int weekday)
{
    int nth;

    if (!is_digit(item))
        return refuse(item, "expected a number after #");
    nth = read_number(item);
    if (nth < 1 || nth > 5)
        return refuse_number(item, "week", nth, 1, 5);
    item->schedule->weekdays_nth[nth - 1] |= (uint8_t)(1 << weekday);
    return RC_OK;
}

static enum rc read_range(struct item *item)
{
    int first, last, step = 1;
    enum rc rc = read_value(item, &first);

    if (rc != RC_OK)
        return rc;
    if (at_char(item, '~'))
        return read_tilde(item, first, true);
    if (item->field == FIELD_DAY && at_char(item, 'w')) {
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): 1-31, just read */
        item->schedule->days_nearest |= 1U << first;
        return RC_OK;
    }
    if (item->field == FIELD_WEEKDAY && at_char(item, 'l')) {
        item->schedule->weekdays_last |= (uint8_t)(1 << first % SUNDAY_AGAIN);
        return RC_OK;
    }
    if (item->field == FIELD_WEEKDAY && at_char(item, '#'))
        return read_nth(item, first % SUNDAY_AGAIN);
    last = first;
    if (at_char(item, '-'))
        rc = read_range_end(item, first, &last);
    else if (item->at < item->end && *item->at == '/')
        last = MAX(first, item->info->high); /* a/n is a-max/n */
    if (rc == RC_OK)
        rc = read_step(item, &step);
    if (rc == RC_OK)
        add_values(item, first, last, step);
    return rc;
}

static enum rc read_item(struct item *item)
{
    bool is_day = item->field == FIELD_DAY || item->field == FIELD_WEEKDAY;
    enum rc rc;

    if (at_char(item, '*') || (is_day && at_char(item, '?')))
        rc = read_star(item);
    else if (at_char(item, 'h'))
        rc = read_hashed(item);
    else if (at_char(item, '~'))
        rc = read_tilde(item, item->info->low, false);
    else if (item->field == FIELD_DAY && at_char(item, 'l'))
        rc = read_last_day(item);
    else
        rc = read_range(item);
    if (rc != RC_OK || item->at == item->end)
        return rc;
    if (item->info->names && is_letter(*item->at))
        return refuse_value(item);
    return refuse(item, "it does not end where it should");
}

enum rc schedule_field_parse(struct schedule *schedule, enum schedule_field field, const char *text,
                             size_t length, uint64_t identity, struct err *err)
{
    const struct schedule_field_info *info = &schedule_fields[field];
    struct schedule_values values = {0};
    const char *end = text + length;

    for (const char *at = text;; at++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        struct item item = {
            .schedule = schedule,
            .field = field,
            .info = info,
            .highest = field == FIELD_WEEKDAY ? SUNDAY_AGAIN : info->high,
            .identity = identity,
            .text = at,
            .at = at,
            .end = comma ? comma : end,
            .values = &values,
            .err = err,
        };
        enum rc rc = read_item(&item);

        if (rc != RC_OK)
            return rc;
        at = item.end;
        if (at == end)
            break;
    }
    if (text[0] == '*' || text[0] == '?')
        schedule->stars |= (uint8_t)info->star;
    schedule_values_set(schedule, field, &values);
    return RC_OK;
}
