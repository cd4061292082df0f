/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/collect.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { FILES_A_PASS = 100000 }; /* what is left is for the next */

struct file {
    uint8_t digest[CRYPTO_DIGEST];
    bool needed;
};

struct files {
    instant_us until; /* stored before */
    struct file *items;
    size_t count, capacity;
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, CRYPTO_DIGEST);
}

/* What is no executable by its key is nobody's to remove. */
static bool note_old(void *context, const char *key, const struct object_info *info)
{
    struct files *files = context;
    struct file file = {.needed = false};

    if (info->stored_at >= files->until ||
        !crypto_digest_read(key + strlen(OBJECT_EXECUTABLES), file.digest))
        return true;
    files->items = xgrow(files->items, files->count, &files->capacity, sizeof(*files->items));
    files->items[files->count++] = file;
    return files->count < FILES_A_PASS;
}

static bool note_needed(void *context, const char *sha256)
{
    struct files *files = context;
    struct file wanted, *found;

    if (!crypto_digest_read(sha256, wanted.digest))
        return true;
    found = bsearch(&wanted, files->items, files->count, sizeof(*files->items), compare);
    if (found)
        found->needed = true;
    return true;
}

/* Looks at it once more: it may have been brought again meanwhile. */
static enum rc remove_file(const struct collect_config *config, const struct files *files,
                           const struct file *file, size_t *removed, struct err *err)
{
    char key[sizeof(OBJECT_EXECUTABLES) + CRYPTO_DIGEST_TEXT] = OBJECT_EXECUTABLES;
    struct object_info info;
    enum rc rc;

    (void)crypto_digest_text(file->digest, key + strlen(key));
    rc = objects_stat(config->objects, key, &info, err);
    if (rc == RC_NOT_FOUND || (rc == RC_OK && info.stored_at >= files->until))
        return RC_OK;
    if (rc == RC_OK)
        rc = objects_remove(config->objects, key, err);
    *removed += rc == RC_OK;
    return rc;
}

static enum rc remove_needless(const struct collect_config *config, const struct files *files,
                               size_t *removed, struct err *err)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < files->count && rc == RC_OK; i++) {
        if (files->items[i].needed)
            continue;
        if (!config->goes_on(config->context))
            return RC_OK;
        rc = remove_file(config, files, &files->items[i], removed, err);
    }
    return rc;
}

enum rc collect_files(const struct collect_config *config, size_t *ret_removed, struct err *err)
{
    struct files files = {.until = clock_now(config->clock) - config->keep_for};
    enum rc rc = objects_list(config->objects, OBJECT_EXECUTABLES, note_old, &files, err);

    *ret_removed = 0;
    if (rc == RC_OK && files.count > 0) {
        qsort(files.items, files.count, sizeof(*files.items), compare);
        rc = store_read_hashes(config->store, note_needed, &files, err);
    }
    if (rc == RC_OK)
        rc = remove_needless(config, &files, ret_removed, err);
    free(files.items);
    return rc;
}
