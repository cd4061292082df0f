/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_files.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/crypto.h"

enum { FILE_BYTES = 600 };

static char hashes[SIM_FILES][CRYPTO_DIGEST_TEXT];

static void make_file(size_t file, char data[FILE_BYTES])
{
    memset(data, (char)('a' + file), FILE_BYTES);
    memcpy(data, "#!/bin/sh\n", 10);
}

const char *sim_file_hash(size_t file)
{
    char data[FILE_BYTES];
    uint8_t digest[CRYPTO_DIGEST];

    if (!*hashes[file]) {
        make_file(file, data);
        crypto_digest(data, sizeof(data), digest);
        (void)crypto_digest_text(digest, hashes[file]);
    }
    return hashes[file];
}

static void put_file(struct objects *objects, size_t file)
{
    struct object_source source = {.fd = memfd_create("object", MFD_CLOEXEC), .size = FILE_BYTES};
    char data[FILE_BYTES], key[128];

    make_file(file, data);
    (void)snprintf(key, sizeof(key), OBJECT_EXECUTABLES "%s", sim_file_hash(file));
    CHECK(write(source.fd, data, sizeof(data)) == sizeof(data));
    CHECK(objects_put(objects, key, &source, NULL) == RC_OK);
    (void)close(source.fd);
}

struct objects *sim_objects_new(const struct memory_objects_config *config)
{
    struct objects *objects = memory_objects_new(config);

    for (size_t i = 0; i < SIM_FILES; i++)
        put_file(objects, i);
    return objects;
}

bool sim_file_is(const struct launch *launch, const char *sha256)
{
    char data[FILE_BYTES + 1], expected[FILE_BYTES];

    if (launch->command)
        return !*sha256;
    if (strcmp(launch->sha256, sha256) != 0 ||
        pread(launch->file.fd, data, sizeof(data), 0) != FILE_BYTES)
        return false;
    for (size_t i = 0; i < SIM_FILES; i++) {
        make_file(i, expected);
        if (!memcmp(data, expected, FILE_BYTES))
            return strcmp(sim_file_hash(i), sha256) == 0;
    }
    return false;
}

void sim_fetches_add(struct sim_fetches *fetches, struct fetch *fetch, mono_us due)
{
    CHECK(fetches->count < SIM_FETCHES);
    fetches->items[fetches->count].fetch = fetch;
    fetches->items[fetches->count++].due = due;
}

void sim_fetches_move(struct sim_fetches *fetches, struct worker *worker, mono_us now)
{
    for (size_t i = 0; i < fetches->count;) {
        if (fetches->items[i].due > now) {
            i++;
            continue;
        }
        fetch_execute(fetches->items[i].fetch);
        worker_return_fetch(worker, fetches->items[i].fetch);
        fetches->items[i] = fetches->items[--fetches->count];
    }
}

mono_us sim_fetches_next(const struct sim_fetches *fetches)
{
    mono_us next = INT64_MAX;

    for (size_t i = 0; i < fetches->count; i++)
        next = MIN(next, fetches->items[i].due);
    return next;
}

void sim_fetches_drop(struct sim_fetches *fetches, struct worker *worker)
{
    while (fetches->count) /* never read, freed with the worker */
        worker_return_fetch(worker, fetches->items[--fetches->count].fetch);
}
