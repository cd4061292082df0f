/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/objects.h: files that jobs need and runs leave, by key, whole.
 *
 * A key is like "executables/<hash>": segments of [A-Za-z0-9._-] with slashes between, none of them
 * empty, "." or "..", in all at most OBJECT_KEY_MAX bytes. Another one is RC_INVALID. Where keys
 * are files, "a" and "a/b" cannot both be.
 *
 * Contract:
 * - An object appears whole or not at all, and is replaced whole. After put() answered RC_OK every
 * reader finds it, whatever happens next. RC_UNKNOWN: perhaps it is there; saying it again is
 * right.
 * - stored_at is the last put()'s, by the clock of whoever keeps the objects.
 * - get() gives the bytes in order. When it does not answer RC_OK, what it gave is worth nothing:
 * the object may have ended early or changed meanwhile. It does not check the bytes against any
 * hash; who needs that does.
 * - remove() of what is not there is RC_OK.
 * - RC_NOT_FOUND; RC_UNAVAILABLE: not reached, or it says that it cannot now (it was asked several
 * times); RC_FORBIDDEN: it refuses who asks, and the message says why (a wrong key, a clock that
 * is off); RC_FULL; RC_IO.
 * - Every call waits, some for long. Safe from any thread.
 */
#ifndef CRONJOB_PORTS_OBJECTS_H
#define CRONJOB_PORTS_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"

struct objects;

enum {
    OBJECT_KEY_MAX = 512,
    OBJECT_SEGMENT_MAX = 200,  /* bytes between two slashes of a key */
    OBJECT_PIECE = 256 * 1024, /* bytes; the most that get() gives at once */
};

/* Followed by the SHA-256 of the bytes, 64 hexadecimal digits. */
#define OBJECT_EXECUTABLES "executables/"
/* Followed by the job's id, a slash and the run's id. */
#define OBJECT_OUTPUTS "outputs/"

/* What is put: all of a regular file, by positions, so that a part can be sent again. The
 * descriptor stays the caller's. */
struct object_source {
    int fd;
    int64_t size;
};

struct object_range {
    int64_t offset;
    int64_t length; /* at most so many bytes; -1: to the end */
};

struct object_info {
    int64_t size;
    instant_us stored_at;
};

/* False ends the reading: get() answers RC_CLOSED. */
typedef bool (*object_take)(void *context, const void *data, size_t length);
/* False ends the listing, RC_OK. It must not call the objects. */
typedef bool (*object_visit)(void *context, const char *key, const struct object_info *info);

struct objects_ops {
    const char *name;
    enum rc (*put)(struct objects *objects, const char *key, const struct object_source *source,
                   struct err *err);
    /* A range that begins at the end or behind it gives nothing, RC_OK. */
    enum rc (*get)(struct objects *objects, const char *key, const struct object_range *range,
                   object_take take, void *context, struct err *err);
    enum rc (*stat)(struct objects *objects, const char *key, struct object_info *ret_info,
                    struct err *err);
    /* Every key that begins with `prefix`, in the order of their bytes. */
    enum rc (*list)(struct objects *objects, const char *prefix, object_visit visit, void *context,
                    struct err *err);
    enum rc (*remove)(struct objects *objects, const char *key, struct err *err);
    /* Where all this is, without a slash at its end: "s3://bucket/prefix", "file:///srv/objects".
     * A key's URL is this, a slash and the key. */
    const char *(*url)(struct objects *objects);
    void (*free)(struct objects *objects);
};

struct objects {
    const struct objects_ops *ops;
};

MUST_USE static inline enum rc objects_put(struct objects *objects, const char *key,
                                           const struct object_source *source, struct err *err)
{
    return objects->ops->put(objects, key, source, err);
}

MUST_USE static inline enum rc objects_get(struct objects *objects, const char *key,
                                           const struct object_range *range, object_take take,
                                           void *context, struct err *err)
{
    return objects->ops->get(objects, key, range, take, context, err);
}

MUST_USE static inline enum rc objects_stat(struct objects *objects, const char *key,
                                            struct object_info *ret_info, struct err *err)
{
    return objects->ops->stat(objects, key, ret_info, err);
}

MUST_USE static inline enum rc objects_list(struct objects *objects, const char *prefix,
                                            object_visit visit, void *context, struct err *err)
{
    return objects->ops->list(objects, prefix, visit, context, err);
}

MUST_USE static inline enum rc objects_remove(struct objects *objects, const char *key,
                                              struct err *err)
{
    return objects->ops->remove(objects, key, err);
}

static inline const char *objects_url(struct objects *objects)
{
    return objects->ops->url(objects);
}

static inline void objects_free(struct objects *objects)
{
    if (objects)
        objects->ops->free(objects);
}

/* What every adapter asks first: RC_OK, or RC_INVALID and what a key looks like. Pure. */
MUST_USE enum rc object_key_check(const char *key, struct err *err);

/* What a process has when nobody told it where objects are: RC_UNAVAILABLE, always; its URL is "".
 * One for all. */
struct objects *objects_absent(void);

#endif
