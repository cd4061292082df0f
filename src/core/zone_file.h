/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/zone_file.h: what a zone is made of, and its reading from TZif bytes. Private to core/zone.
 *
 * `offset_s` holds before the first of the listed changes, offsets[i] from changes[i] on. From
 * `rule_from_s` on the footer's rule alone holds, when there is one.
 */
#ifndef CRONJOB_CORE_ZONE_FILE_H
#define CRONJOB_CORE_ZONE_FILE_H

#include "core/zone_rule.h"

struct zone {
    char name[ZONE_NAME_MAX];
    int32_t offset_s;
    size_t count;     /* of changes */
    int64_t *changes; /* ascending instants, in seconds */
    int32_t *offsets;
    int64_t rule_from_s; /* INT64_MIN: always; INT64_MAX when there is no rule */
    bool has_rule;
    struct zone_rule rule;
};

#endif
