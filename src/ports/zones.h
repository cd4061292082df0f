/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/zones.h: time zones by name.
 *
 * Contract: a zone that was handed out stays valid and unchanged until zones_free(); the same name
 * gives the same pointer. Safe to call from any thread. "UTC" is always there. Names are checked
 * before a path is made of them.
 */
#ifndef CRONJOB_PORTS_ZONES_H
#define CRONJOB_PORTS_ZONES_H

#include "base/err.h"

#include "core/zone.h"

struct zones;

struct zones_ops {
    const char *name;
    /* RC_INVALID: there is no such zone, or its file is damaged. RC_IO: it cannot be read. */
    enum rc (*get)(struct zones *zones, const char *zone_name, const struct zone **ret_zone,
                   struct err *err);
    /* The name of the machine's own zone; "UTC" when it cannot be told. */
    const char *(*local_name)(struct zones *zones);
    void (*free)(struct zones *zones);
};

struct zones {
    const struct zones_ops *ops;
};

MUST_USE static inline enum rc zones_get(struct zones *zones, const char *zone_name,
                                         const struct zone **ret_zone, struct err *err)
{
    return zones->ops->get(zones, zone_name, ret_zone, err);
}

static inline const char *zones_local_name(struct zones *zones)
{
    return zones->ops->local_name(zones);
}

static inline void zones_free(struct zones *zones)
{
    if (zones)
        zones->ops->free(zones);
}

#endif
