/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/zone.h: a time zone, read from the bytes of a TZif file (RFC 8536, versions 1 to 4).
 *
 * A zone is immutable and may be shared between threads. After the last listed change the POSIX TZ
 * rule of the file's footer holds for ever, negative daylight saving and hours past 24 included.
 * Seconds are since 1970-01-01T00:00:00Z; a local second is the same count read off the wall clock
 * of the zone. Reading files and caching zones by name is the zones port's work.
 */
#ifndef CRONJOB_CORE_ZONE_H
#define CRONJOB_CORE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct zone;

/* Room for a zone's name with its NUL. */
enum { ZONE_NAME_MAX = 64 };

/* Local time minus UTC lies in this range, in seconds (RFC 8536 section 3.2, utoff). */
enum { ZONE_OFFSET_MIN = -89999, ZONE_OFFSET_MAX = 93599 };

/* Whether a name is safe to make a path of: parts of [A-Za-z0-9._+-] between single slashes, none
 * of them "." or "..", at most 63 bytes together. Says nothing of whether there is such a zone. */
bool zone_name_is_valid(const char *name);

/* RC_INVALID when the bytes are not a TZif file that obeys RFC 8536, or count leap seconds, or when
 * `name`, which is copied, is none. The caller frees the zone. */
MUST_USE enum rc zone_parse(const char *name, const void *data, size_t length,
                            struct zone **ret_zone, struct err *err);
void zone_free(struct zone *zone);

/* The zone "UTC", a constant that is never freed. */
const struct zone *zone_utc(void);

const char *zone_name(const struct zone *zone);

/* Local time minus UTC in seconds at an instant (seconds since the epoch). */
int32_t zone_offset(const struct zone *zone, int64_t instant_s);

/* A stretch [start_s, end_s) of constant offset around an instant; not always the longest one.
 * INT64_MIN and INT64_MAX stand for no start and no end. */
struct zone_segment {
    int64_t start_s;
    int64_t end_s;
    int32_t offset_s;
};
struct zone_segment zone_segment(const struct zone *zone, int64_t instant_s);

/* The first instant > after_s at which the offset changes; INT64_MAX when there is none. */
int64_t zone_next_change(const struct zone *zone, int64_t after_s);

/* How often a local second occurs: 0 in a gap, 2 in an overlap, else 1. */
struct zone_local {
    int count;       /* 0, 1 or 2 (or more, in zones that jump twice within a day) */
    int64_t first_s; /* the first instant with this local time; in a gap, the first after it */
    int64_t last_s;  /* the last instant with this local time; in a gap, the same as first_s */
};
struct zone_local zone_from_local(const struct zone *zone, int64_t local_s);

/*
 * The wall clock as a clock that never goes back: zone_reached() is the latest local second that
 * was shown at or before an instant, zone_reaching() the first instant at which the wall clock
 * shows `local_s` or more. Fixed times are due by these: a gap delays them to its end, an overlap
 * does not repeat them.
 */
int64_t zone_reached(const struct zone *zone, int64_t instant_s);
int64_t zone_reaching(const struct zone *zone, int64_t local_s);

#endif
