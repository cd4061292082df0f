/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#include "contract/objects_suite.h"

enum { GOT_MAX = 256 * 1024 * 1024 };

struct object_source objects_source(const void *data, size_t length)
{
    struct object_source source = {memfd_create("object", MFD_CLOEXEC), (int64_t)length};
    size_t done = 0;

    assert_true(source.fd >= 0);
    while (done < length) {
        ssize_t written = write(source.fd, (const char *)data + done, length - done);

        assert_true(written > 0);
        done += (size_t)written;
    }
    return source;
}

void objects_source_close(const struct object_source *source)
{
    close(source->fd);
}

enum rc objects_put_bytes(struct objects *objects, const char *key, const void *data, size_t length)
{
    struct object_source source = objects_source(data, length);
    struct err err = {0};
    enum rc rc = objects_put(objects, key, &source, &err);

    if (rc != RC_OK)
        print_message("put %s: %s\n", key, err_message(&err, rc));
    objects_source_close(&source);
    return rc;
}

void objects_put_text(struct objects *objects, const char *key, const char *text)
{
    assert_int_equal(objects_put_bytes(objects, key, text, strlen(text)), RC_OK);
}

static bool take(void *context, const void *data, size_t length)
{
    assert_in_range(length, 1, OBJECT_PIECE);
    return buf_append(context, data, length) == RC_OK;
}

struct objects_got objects_get_all(struct objects *objects, const char *key, int64_t offset,
                                   int64_t length)
{
    const struct object_range range = {offset, length};
    struct objects_got got = {0};
    struct buf buf;

    buf_init(&buf, GOT_MAX);
    got.rc = objects_get(objects, key, &range, take, &buf, &got.err);
    got.length = buf.length;
    got.data = buf_take(&buf);
    return got;
}

void objects_assert_text(struct objects *objects, const char *key, const char *expected)
{
    struct objects_got got = objects_get_all(objects, key, 0, -1);

    if (got.rc != RC_OK)
        print_message("get %s: %s\n", key, err_message(&got.err, got.rc));
    assert_int_equal(got.rc, RC_OK);
    assert_int_equal(got.length, strlen(expected));
    assert_memory_equal(got.data, expected, got.length);
    free(got.data);
}

void objects_assert_missing(struct objects *objects, const char *key)
{
    struct objects_got got = objects_get_all(objects, key, 0, -1);

    assert_int_equal(got.rc, RC_NOT_FOUND);
    free(got.data);
}

static bool note_key(void *context, const char *key, const struct object_info *info)
{
    assert_true(info->size >= 0);
    assert_int_equal(buf_printf(context, "%s ", key), RC_OK);
    return true;
}

char *objects_keys(struct objects *objects, const char *prefix)
{
    struct err err = {0};
    struct buf keys;
    enum rc rc;

    buf_init(&keys, GOT_MAX);
    (void)buf_puts(&keys, "");
    rc = objects_list(objects, prefix, note_key, &keys, &err);
    if (rc != RC_OK)
        print_message("list %s: %s\n", prefix, err_message(&err, rc));
    assert_int_equal(rc, RC_OK);
    return buf_take(&keys);
}

char *objects_noise(size_t length)
{
    char *data = xmalloc(length + 1);
    uint64_t state = 88172645463325252ULL;

    for (size_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data[i] = (char)state;
    }
    return data;
}
