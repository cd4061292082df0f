/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { KEY_TEXT = sizeof(OBJECT_EXECUTABLES) + CACHE_HASH };

/* ---- which copies there are ---------------------------------------------------------------- */

static bool note_found(void *context, const char *hash, int64_t size, instant_us used_at)
{
    struct fetch *fetch = context;
    struct found_copy *found;

    fetch->found =
        xgrow(fetch->found, fetch->found_count, &fetch->found_capacity, sizeof(*fetch->found));
    found = &fetch->found[fetch->found_count++];
    *found = (struct found_copy){.size = size, .used_at = used_at};
    memcpy(found->hash, hash, CACHE_HASH - 1);
    return true;
}

static int compare_use(const void *a, const void *b)
{
    const struct found_copy *left = a, *right = b;

    if (left->used_at != right->used_at)
        return left->used_at < right->used_at ? -1 : 1;
    return strcmp(left->hash, right->hash);
}

static enum rc list(struct fetch *fetch)
{
    enum rc rc = files_list(fetch->files, note_found, fetch, &fetch->err);

    if (fetch->found_count)
        qsort(fetch->found, fetch->found_count, sizeof(*fetch->found), compare_use);
    return rc;
}

/* ---- getting one --------------------------------------------------------------------------- */

static void take_stamp(struct fetch *fetch, const struct file_copy *copy)
{
    fetch->stamp = copy->stamp;
    (void)close(copy->fd); /* was only read */
}

static enum rc verify(struct fetch *fetch)
{
    struct file_copy copy;
    enum rc rc = files_open(fetch->files, fetch->hash, NULL, &copy, &fetch->err);

    if (rc == RC_OK)
        take_stamp(fetch, &copy);
    return rc;
}

struct download {
    struct fetch *fetch;
    struct file_draft *draft;
    struct crypto_hash hash;
    int64_t length;
    enum rc rc; /* of what was done with the bytes, with err */
    struct err err;
};

static bool take_bytes(void *context, const void *data, size_t length)
{
    struct download *download = context;
    struct fetch *fetch = download->fetch;

    if (atomic_load(fetch->stopping))
        return false;
    crypto_hash_add(&download->hash, data, length);
    download->length += (int64_t)length;
    download->rc = files_append(fetch->files, download->draft, data, length, &download->err);
    return download->rc == RC_OK;
}

static enum rc check_hash(struct download *download)
{
    struct fetch *fetch = download->fetch;
    uint8_t digest[CRYPTO_DIGEST];
    char text[CRYPTO_DIGEST_TEXT];

    crypto_hash_end(&download->hash, digest);
    if (strcmp(crypto_digest_text(digest, text), fetch->hash) == 0)
        return RC_OK;
    return err_fail(&fetch->err, RC_MALFORMED,
                    "the object store has other bytes for %s: %lld bytes with the hash %s",
                    fetch->hash, (long long)download->length, text);
}

/* The adapter's words would be about a key. */
static enum rc describe(struct fetch *fetch, enum rc rc)
{
    if (rc == RC_NOT_FOUND)
        return err_fail(&fetch->err, rc, "the object store has no file %s", fetch->hash);
    return rc;
}

static enum rc receive(struct download *download)
{
    static const struct object_range all = {.length = -1};
    struct fetch *fetch = download->fetch;
    char key[KEY_TEXT];
    enum rc rc;

    (void)snprintf(key, sizeof(key), OBJECT_EXECUTABLES "%s", fetch->hash); /* fits */
    rc = objects_get(fetch->objects, key, &all, take_bytes, download, &fetch->err);
    if (rc == RC_CLOSED && download->rc != RC_OK) {
        fetch->err = download->err;
        return download->rc;
    }
    return rc == RC_OK ? check_hash(download) : describe(fetch, rc);
}

static enum rc download(struct fetch *fetch)
{
    struct download download = {.fetch = fetch};
    struct file_copy copy;
    enum rc rc = files_begin(fetch->files, fetch->hash, &download.draft, &fetch->err);

    if (rc != RC_OK)
        return rc;
    crypto_hash_begin(&download.hash);
    rc = receive(&download);
    if (rc != RC_OK) {
        files_drop(fetch->files, download.draft);
        return rc;
    }
    rc = files_keep(fetch->files, download.draft, &copy, &fetch->err);
    if (rc == RC_OK)
        take_stamp(fetch, &copy);
    return rc;
}

void fetch_execute(struct fetch *fetch)
{
    mono_us begun = clock_mono(fetch->clock);

    fetch->err = (struct err){0};
    switch (fetch->kind) {
    case FETCH_LIST:
        fetch->rc = list(fetch);
        break;
    case FETCH_VERIFY:
        fetch->rc = verify(fetch);
        break;
    case FETCH_DOWNLOAD:
        fetch->rc = download(fetch);
        break;
    case FETCH_REMOVE:
        fetch->rc = files_remove(fetch->files, fetch->hash, &fetch->err);
        break;
    }
    fetch->took = clock_mono(fetch->clock) - begun;
}

void fetch_free(struct fetch *fetch)
{
    if (!fetch)
        return;
    free(fetch->found);
    free(fetch);
}
