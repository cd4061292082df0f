/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/zone_rule.h: the rule of a POSIX TZ string, as TZif footers carry it.
 *
 * "CET-1CEST,M3.5.0,M10.5.0/3" gives the offsets of standard time and of daylight saving time and
 * the dates of each year between which the latter holds. Private to core/zone.
 */
#ifndef CRONJOB_CORE_ZONE_RULE_H
#define CRONJOB_CORE_ZONE_RULE_H

#include "core/zone.h"

enum zone_date_form {
    ZONE_DATE_JULIAN,  /* Jn: day 1-365, 29 February is never counted */
    ZONE_DATE_ORDINAL, /* n: day 0-365, 29 February is counted */
    ZONE_DATE_WEEKDAY, /* Mm.w.d: the w-th weekday d of month m; w = 5 is the last */
};

struct zone_date {
    enum zone_date_form form;
    int month;      /* 1-12 */
    int week;       /* 1-5 */
    int day;        /* of the year, or of the week with Sunday as 0 */
    int32_t time_s; /* of the local day, -167 h to 167 h */
};

struct zone_rule {
    int32_t standard_s; /* local time minus UTC */
    int32_t saving_s;
    bool changes; /* whether there is a second offset at all; else saving_s and the dates are 0 */
    struct zone_date start;
    struct zone_date end;
};

/* `extended`: hours of -167 to 167 in the dates, as version 3 of TZif allows. RC_INVALID. */
MUST_USE enum rc zone_rule_parse(const char *text, bool extended, struct zone_rule *ret_rule,
                                 struct err *err);

/* The stretch between two changes around an instant. */
struct zone_segment zone_rule_segment(const struct zone_rule *rule, int64_t instant_s);

#endif
