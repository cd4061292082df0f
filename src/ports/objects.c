/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/objects.h"

#include <string.h>

#define KEY_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static bool is_segment(const char *text, size_t length)
{
    return length > 0 && length <= OBJECT_SEGMENT_MAX && !(length == 1 && text[0] == '.') &&
           !(length == 2 && text[0] == '.' && text[1] == '.');
}

enum rc object_key_check(const char *key, struct err *err)
{
    const char *at = key;

    if (strnlen(key, OBJECT_KEY_MAX + 1) > OBJECT_KEY_MAX)
        return err_fail(err, RC_INVALID, "an object's key has more than %d bytes", OBJECT_KEY_MAX);
    for (;;) {
        size_t length = strspn(at, KEY_LETTERS);

        if (!is_segment(at, length) || (at[length] && at[length] != '/'))
            return err_fail(err, RC_INVALID,
                            "'%.80s' is not the key of an object: letters, digits, '.', '_' and "
                            "'-', with slashes between, and neither '.' nor '..' alone",
                            key);
        if (!at[length])
            return RC_OK;
        at += length + 1;
    }
}

/* ---- none ------------------------------------------------------------------------------------ */

static enum rc fail_absent(struct err *err)
{
    return err_fail(err, RC_UNAVAILABLE,
                    "no place for objects is set up; see the setting 'objects'");
}

static enum rc absent_put(struct objects *objects, const char *key,
                          const struct object_source *source, struct err *err)
{
    (void)objects, (void)key, (void)source;
    return fail_absent(err);
}

static enum rc absent_get(struct objects *objects, const char *key,
                          const struct object_range *range, object_take take, void *context,
                          struct err *err)
{
    (void)objects, (void)key, (void)range, (void)take, (void)context;
    return fail_absent(err);
}

static enum rc absent_stat(struct objects *objects, const char *key, struct object_info *ret_info,
                           struct err *err)
{
    (void)objects, (void)key, (void)ret_info;
    return fail_absent(err);
}

static enum rc absent_list(struct objects *objects, const char *prefix, object_visit visit,
                           void *context, struct err *err)
{
    (void)objects, (void)prefix, (void)visit, (void)context;
    return fail_absent(err);
}

static enum rc absent_remove(struct objects *objects, const char *key, struct err *err)
{
    (void)objects, (void)key;
    return fail_absent(err);
}

static const char *absent_url(struct objects *objects)
{
    (void)objects;
    return "";
}

static void absent_free(struct objects *objects)
{
    (void)objects;
}

struct objects *objects_absent(void)
{
    static const struct objects_ops ops = {.name = "absent",
                                           .put = absent_put,
                                           .get = absent_get,
                                           .stat = absent_stat,
                                           .list = absent_list,
                                           .remove = absent_remove,
                                           .url = absent_url,
                                           .free = absent_free};
    static struct objects absent = {.ops = &ops};

    return &absent;
}
