/* SPDX-License-Identifier: Apache-2.0 */
#include "http/date.h"

#include <stdio.h>
#include <string.h>

instant_us http_date_read(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4];
    int day = 0, hour = 0, minute = 0, second = 0;
    long year = 0;
    const char *found;
    int64_t days;

    if (!text ||
        sscanf(text, "%*3s, %2d %3s %4ld %2d:%2d:%2d GMT", /* NOLINT(cert-err34-c): widths */
               &day, month, &year, &hour, &minute, &second) != 6)
        return INSTANT_NONE;
    found = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!found || (found - months) % 3 != 0 || year < 1970 || day < 1 || day > 31 || hour < 0 ||
        hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return INSTANT_NONE;
    days = days_from_civil(year, (int)((found - months) / 3) + 1, day);
    return days * DAY + hour * HOUR + minute * MINUTE + second * SECOND;
}
