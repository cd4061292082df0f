/* SPDX-License-Identifier: Apache-2.0 */
#include "main/migrate_objects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/crypto.h"

enum { PUT_TRIES = 3 };

/* One object on its way: in a file without a name, which it is put from. */
struct passage {
    int fd;
    int64_t size;
    struct crypto_hash hash;
    int error; /* of writing it down */
};

static bool take(void *context, const void *data, size_t length)
{
    struct passage *passage = context;
    const char *at = data;

    crypto_hash_add(&passage->hash, data, length);
    while (length) {
        ssize_t written = pwrite(passage->fd, at, length, (off_t)passage->size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            passage->error = errno;
            return false;
        }
        at += written;
        length -= (size_t)written;
        passage->size += written;
    }
    return true;
}

/* An executable's key is the hash of its bytes (doc/decisions/0013). */
static enum rc check_bytes(struct passage *passage, const char *key, struct err *err)
{
    uint8_t digest[CRYPTO_DIGEST];
    char text[CRYPTO_DIGEST_TEXT];

    if (strncmp(key, OBJECT_EXECUTABLES, strlen(OBJECT_EXECUTABLES)) != 0)
        return RC_OK;
    crypto_hash_end(&passage->hash, digest);
    if (!strcmp(crypto_digest_text(digest, text), key + strlen(OBJECT_EXECUTABLES)))
        return RC_OK;
    return err_fail(err, RC_IO, "its bytes are damaged, they have the hash %s", text);
}

static enum rc fetch(struct objects *from, const char *key, struct passage *passage,
                     struct err *err)
{
    const struct object_range all = {0, -1};
    enum rc rc;

    crypto_hash_begin(&passage->hash);
    if (ftruncate(passage->fd, 0) != 0)
        return err_errno(err, RC_IO, errno, "emptying a file in /var/tmp");
    rc = objects_get(from, key, &all, take, passage, err);
    if (passage->error)
        return err_errno(err, RC_IO, passage->error, "writing to /var/tmp");
    return rc == RC_OK ? check_bytes(passage, key, err) : rc;
}

static enum rc copy_one(struct objects *from, struct objects *to, const char *key, int fd,
                        struct err *err)
{
    struct passage passage = {.fd = fd};
    struct object_source source = {.fd = fd};
    enum rc rc = fetch(from, key, &passage, err);

    if (rc != RC_OK)
        return rc;
    source.size = passage.size;
    rc = RC_UNKNOWN;
    for (int i = 0; i < PUT_TRIES && rc == RC_UNKNOWN; i++)
        rc = objects_put(to, key, &source, err);
    return rc;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* A listing must not call the objects, so the keys are noted first. */
struct entry {
    struct entry *next;
    int64_t size;
    const char *key;
};

struct listing {
    struct arena *arena;
    struct entry *first;
    struct entry **end;
};

static bool note(void *context, const char *key, const struct object_info *info)
{
    struct listing *listing = context;
    struct entry *entry = arena_alloc(listing->arena, sizeof(*entry));

    *entry = (struct entry){.size = info->size, .key = arena_strdup(listing->arena, key)};
    *listing->end = entry;
    listing->end = &entry->next;
    return true;
}

static enum rc list(struct objects *from, struct arena *arena, const struct entry **ret_first,
                    struct err *err)
{
    struct listing listing = {.arena = arena, .first = NULL, .end = &listing.first};
    enum rc rc = objects_list(from, OBJECT_EXECUTABLES, note, &listing, err);

    if (rc == RC_OK)
        rc = objects_list(from, OBJECT_OUTPUTS, note, &listing, err);
    *ret_first = listing.first;
    return rc;
}

static bool is_there(struct objects *to, const struct entry *entry, enum rc *ret_rc,
                     struct err *err)
{
    struct object_info info;

    *ret_rc = objects_stat(to, entry->key, &info, err);
    if (*ret_rc == RC_OK)
        return info.size == entry->size;
    if (*ret_rc == RC_NOT_FOUND)
        *ret_rc = RC_OK;
    return false;
}

static enum rc copy_all(struct objects *from, struct objects *to, const struct entry *first, int fd,
                        struct objects_copied *ret_copied, struct err *err)
{
    struct objects_copied copied = {0, 0};
    enum rc rc = RC_OK;

    for (const struct entry *entry = first; entry; entry = entry->next) {
        bool there = is_there(to, entry, &rc, err);

        if (rc == RC_OK && !there)
            rc = copy_one(from, to, entry->key, fd, err);
        if (rc != RC_OK)
            return err_prefix(err, rc, "%s", entry->key);
        copied.count++;
        copied.added += !there;
    }
    *ret_copied = copied;
    return RC_OK;
}

enum rc objects_copy(struct objects *from, struct objects *to, struct objects_copied *ret_copied,
                     struct err *err)
{
    AUTO_ARENA struct arena arena = {0};
    char path[] = "/var/tmp/cronjob-migrate-XXXXXX";
    const struct entry *first;
    int fd;
    enum rc rc = list(from, &arena, &first, err);

    if (rc != RC_OK)
        return rc;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, RC_IO, errno, "a file in /var/tmp");
    (void)unlink(path); /* it was made a moment ago */
    rc = copy_all(from, to, first, fd, ret_copied, err);
    (void)close(fd); /* nothing of it is to be kept */
    return rc;
}
