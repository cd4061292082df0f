/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical text. It keeps to what Debian's cron reads wherever the schedule can be said so: a
 * field without a star never begins with one, since that would change when the schedule is due.
 */
#include "core/schedule_internal.h"

/* A field under way, for the commas between its items. */
struct writer {
    struct buf *buf;
    int items;
};

static void separate(struct writer *writer)
{
    if (writer->items++)
        (void)buf_putc(writer->buf, ','); /* buf->failed tells at the end, here and below */
}

static int range_end(const struct schedule_values *values, int first, int width)
{
    int last = first;

    while (last + 1 < width && schedule_values_has(values, last + 1))
        last++;
    return last;
}

/* Ranges of three values or more as a-b, all else one by one. */
static void write_list(struct writer *writer, const struct schedule_field_info *info,
                       const struct schedule_values *values)
{
    int width = info->high - info->low + 1;

    for (int first = 0; first < width; first++) {
        int last;

        if (!schedule_values_has(values, first))
            continue;
        last = range_end(values, first, width);
        if (last < first + 2)
            last = first;
        separate(writer);
        (void)buf_printf(writer->buf, "%d", info->low + first);
        if (last > first)
            (void)buf_printf(writer->buf, "-%d", info->low + last);
        first = last;
    }
}

/* The values without every step-th one from the first of the field; false when not all are there.
 */
static bool without_steps(const struct schedule_values *values, int width, int step,
                          struct schedule_values *ret_rest)
{
    struct schedule_values rest = *values;

    for (int bit = 0; bit < width; bit += step) {
        if (!schedule_values_has(values, bit))
            return false;
        rest.bits[bit / 64] &= ~((uint64_t)1 << (bit % 64));
    }
    *ret_rest = rest;
    return true;
}

/* A field that begins with a star has a step of which all values are there: the smallest is
 * written, and then what is left. */
static void write_star(struct writer *writer, const struct schedule_field_info *info,
                       const struct schedule_values *values)
{
    int width = info->high - info->low + 1;
    struct schedule_values rest = *values;
    int step = 1;

    while (step < width && !without_steps(values, width, step, &rest))
        step++;
    if (step == width)
        (void)without_steps(values, width, step, &rest); /* the first value, always there */
    separate(writer);
    (void)buf_printf(writer->buf, step > 1 ? "*/%d" : "*", step);
    write_list(writer, info, &rest);
}

/* The step when the values are three or more, evenly spread, and not neighbours; else 0. */
static int even_step(const struct schedule_values *values, int width, int *ret_first, int *ret_last)
{
    int previous = -1, step = 0;

    for (int bit = 0; bit < width; bit++) {
        if (!schedule_values_has(values, bit))
            continue;
        if (previous < 0)
            *ret_first = bit;
        else if (!step)
            step = bit - previous;
        else if (bit - previous != step)
            return 0;
        previous = bit;
    }
    *ret_last = previous;
    return step > 1 && *ret_last - *ret_first >= 2 * step ? step : 0;
}

/* Whether the field is to begin with a star: because it did, and where that changes nothing,
 * because it is shorter. */
static bool takes_star(const struct schedule *schedule, enum schedule_field field, bool whole)
{
    int star = schedule_fields[field].star;

    if (!star || (star < SCHEDULE_STAR_DAY && schedule->fields > 5))
        return whole;
    return schedule->stars & star;
}

static void write_values(struct writer *writer, const struct schedule *schedule,
                         enum schedule_field field)
{
    const struct schedule_field_info *info = &schedule_fields[field];
    struct schedule_values values = schedule_values_get(schedule, field);
    int width = info->high - info->low + 1;
    int first = 0, last = 0;
    int step = even_step(&values, width, &first, &last);
    bool whole = step ? first == 0 && last + step >= width : schedule_is_full(schedule, field);

    if (takes_star(schedule, field, whole)) {
        write_star(writer, info, &values);
    } else if (step) {
        separate(writer);
        (void)buf_printf(writer->buf, "%d-%d/%d", info->low + first, info->low + last, step);
    } else {
        write_list(writer, info, &values);
    }
}

static void write_days(struct writer *writer, const struct schedule *schedule)
{
    write_values(writer, schedule, FIELD_DAY);
    for (uint32_t days = schedule->days_from_last; days; days &= days - 1) {
        int before = __builtin_ctz(days);

        separate(writer);
        (void)buf_printf(writer->buf, before ? "L-%d" : "L", before);
    }
    for (uint32_t days = schedule->days_nearest; days; days &= days - 1) {
        int day = __builtin_ctz(days);

        separate(writer);
        (void)buf_printf(writer->buf, day ? "%dW" : "LW", day);
    }
}

static void write_weekdays(struct writer *writer, const struct schedule *schedule)
{
    write_values(writer, schedule, FIELD_WEEKDAY);
    for (int day = 0; day < 7; day++) {
        if (schedule->weekdays_last >> day & 1) {
            separate(writer);
            (void)buf_printf(writer->buf, "%dL", day);
        }
        for (int nth = 1; nth <= 5; nth++) {
            if (schedule->weekdays_nth[nth - 1] >> day & 1) {
                separate(writer);
                (void)buf_printf(writer->buf, "%d#%d", day, nth);
            }
        }
    }
}

static void write_fields(struct buf *buf, const struct schedule *schedule)
{
    int first = schedule->fields == 5 ? FIELD_MINUTE : FIELD_SECOND;

    for (int field = first; field < first + schedule->fields; field++) {
        struct writer writer = {buf, 0};

        if (field > first)
            (void)buf_putc(buf, ' ');
        if (field == FIELD_DAY)
            write_days(&writer, schedule);
        else if (field == FIELD_WEEKDAY)
            write_weekdays(&writer, schedule);
        else
            write_values(&writer, schedule, (enum schedule_field)field);
    }
}

enum rc schedule_print(const struct schedule *schedule, struct buf *buf)
{
    char instant[INSTANT_TEXT], span[SPAN_TEXT];

    switch (schedule->kind) {
    case SCHEDULE_CRON:
        write_fields(buf, schedule);
        break;
    case SCHEDULE_EVERY:
        (void)buf_printf(buf, "@every %s", span_format(schedule->value_us, span));
        break;
    case SCHEDULE_AT:
        (void)buf_printf(buf, "@at %s", instant_format(schedule->value_us, instant));
        break;
    case SCHEDULE_REBOOT:
        (void)buf_puts(buf, "@reboot");
        break;
    case SCHEDULE_MANUAL:
        (void)buf_puts(buf, "@manual");
        break;
    }
    return buf->failed ? RC_TOO_BIG : RC_OK;
}
