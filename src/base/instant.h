/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/instant.h: points and stretches of time, and how they are written.
 *
 * instant_us counts microseconds since 1970-01-01T00:00:00Z without leap seconds; mono_us counts
 * microseconds of CLOCK_BOOTTIME; span_us is a difference of either. Nothing here reads a clock:
 * that is the clock port's work.
 */
#ifndef CRONJOB_BASE_INSTANT_H
#define CRONJOB_BASE_INSTANT_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"

typedef int64_t instant_us;
typedef int64_t mono_us;
typedef int64_t span_us;

#define MILLISECOND ((span_us)1000)
#define SECOND      ((span_us)1000000)
#define MINUTE      (60 * SECOND)
#define HOUR        (60 * MINUTE)
#define DAY         (24 * HOUR)

/* 9999-12-31T23:59:59Z: no tick and no timestamp lies beyond it. */
#define INSTANT_MAX ((instant_us)253402300799 * SECOND)

/* No instant: a job that has no next run, a run that has not started. */
#define INSTANT_NONE INT64_MIN

enum { INSTANT_TEXT = 32, SPAN_TEXT = 40 };

/* RFC 3339 in UTC with "Z"; microseconds are written only when not zero. Answers `text`. */
const char *instant_format(instant_us instant, char text[INSTANT_TEXT]);

/* Reads RFC 3339 (any offset, up to 6 digits of a second). RC_INVALID says what is wrong. Years
 * 1970-9999. */
MUST_USE enum rc instant_parse(const char *text, instant_us *ret_instant, struct err *err);

/* "0s", "90s" -> "1m30s", "1h30m", "250ms"; days are written as hours. Answers `text`. */
const char *span_format(span_us span, char text[SPAN_TEXT]);

/*
 * Reads "90", "90s", "1h30m", "1d12h", "250ms", "1.5s"; a number without a unit is seconds. Units:
 * w d h m s ms, each once and in this order. RC_INVALID for anything else, for negative spans and
 * for more than 100 years.
 */
MUST_USE enum rc span_parse(const char *text, span_us *ret_span, struct err *err);

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back. month 1-12, day
 * 1-31. */
int64_t days_from_civil(int64_t year, int month, int day);
void civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);

#endif
