/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/s3/parts.h: the operations of ports/objects.h, as call.h makes them possible. */
#ifndef CRONJOB_ADAPTERS_S3_PARTS_H
#define CRONJOB_ADAPTERS_S3_PARTS_H

#include "adapters/s3/call.h"

/* get.c */
enum rc s3_get(struct objects *objects, const char *key, const struct object_range *range,
               object_take take, void *context, struct err *err);
enum rc s3_stat(struct objects *objects, const char *key, struct object_info *ret_info,
                struct err *err);
enum rc s3_list(struct objects *objects, const char *prefix, object_visit visit, void *context,
                struct err *err);

/* put.c */
enum rc s3_put(struct objects *objects, const char *key, const struct object_source *source,
               struct err *err);
enum rc s3_remove(struct objects *objects, const char *key, struct err *err);

#endif
