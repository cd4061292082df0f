/* SPDX-License-Identifier: Apache-2.0 */
#include "main/probe_objects.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

#include "adapters/posix/clock.h"
#include "main/objects.h"

#define PATIENCE (2 * SECOND)

static const char text[] = "cronjob doctor was here\n";

enum { TEXT = sizeof(text) - 1, RANDOM = 12, RANDOM_TEXT = 17 };

struct got {
    char data[TEXT];
    size_t length;
};

static bool take(void *context, const void *data, size_t length)
{
    struct got *got = context;

    if (length > sizeof(got->data) - got->length)
        return false;
    memcpy(got->data + got->length, data, length);
    got->length += length;
    return true;
}

static bool find(void *context, const char *key, const struct object_info *info)
{
    bool *found = context;

    (void)key;
    *found = info->size == TEXT;
    return false;
}

static enum rc put(struct objects *objects, const char *key, struct err *err)
{
    struct object_source source = {.fd = memfd_create("doctor", MFD_CLOEXEC), .size = TEXT};
    enum rc rc;

    if (source.fd < 0 || write(source.fd, text, TEXT) != TEXT)
        rc = err_fail(err, RC_IO, "no memory for %d bytes", (int)TEXT);
    else
        rc = objects_put(objects, key, &source, err);
    if (source.fd >= 0)
        (void)close(source.fd); /* was only memory */
    return rc;
}

static enum rc read_back(struct objects *objects, const char *key, struct err *err)
{
    const struct object_range all = {0, -1};
    struct got got = {.length = 0};
    bool found = false;
    enum rc rc = objects_get(objects, key, &all, take, &got, err);

    if (rc != RC_OK)
        return err_prefix(err, rc, "reading");
    if (got.length != TEXT || memcmp(got.data, text, TEXT) != 0)
        return err_fail(err, RC_IO, "what was stored a moment ago is not what is read");
    rc = objects_list(objects, key, find, &found, err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "listing");
    return found ? RC_OK : err_fail(err, RC_IO, "what was stored a moment ago is not listed");
}

static enum rc try_all(struct objects *objects, struct err *err)
{
    char random[RANDOM], key[sizeof("doctor/") + RANDOM_TEXT] = "doctor/";
    enum rc rc, removed;

    crypto_random(random, sizeof(random));
    crypto_base64(key + strlen(key), RANDOM_TEXT, random, sizeof(random));
    rc = put(objects, key, err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "storing");
    rc = read_back(objects, key, err);
    removed = objects_remove(objects, key, rc == RC_OK ? err : NULL);
    return rc != RC_OK || removed == RC_OK ? rc : err_prefix(err, removed, "removing");
}

/* What to mend when an S3 server refuses, by its own word, which stands in the message. */
static const struct {
    const char *code;
    const char *remedy;
} refusals[] = {
    {"NoSuchBucket", "make the bucket, or mend its name in objects = s3://BUCKET..."},
    {"SignatureDoesNotMatch", "mend key and secret: objects-credentials = FILE"},
    {"InvalidAccessKeyId", "mend key and secret: objects-credentials = FILE"},
    {"RequestTimeTooSkewed", "set this machine's clock: apt-get install chrony"},
    {"AuthorizationHeaderMalformed", "mend region=... in objects = s3://..."},
    {"PermanentRedirect", "mend region=... in objects = s3://..."},
    {"TemporaryRedirect", "mend region=... in objects = s3://..."},
};

static const char *remedy_of_s3(enum rc rc, const struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
        if (strstr(err->message, refusals[i].code))
            return refusals[i].remedy;
    switch (rc) {
    case RC_UNAVAILABLE:
    case RC_UNKNOWN:
        return "start it, or mend endpoint=... in objects = s3://...";
    case RC_FORBIDDEN:
        return "let the key put, get, list and delete objects there: doc/operations.md";
    case RC_FULL:
        return "make room there, or raise its quota";
    case RC_INVALID:
        return "mend objects and objects-credentials in the settings";
    default:
        return "see the S3 server's log";
    }
}

static const char *remedy_of(const struct server_options *options, enum rc rc,
                             const struct err *err)
{
    if (rc == RC_OK)
        return NULL;
    if (options->objects.kind == OBJECTS_S3)
        return remedy_of_s3(rc, err);
    return rc == RC_FULL ? "make room there" : "mount it for writing, for the servers' account";
}

/* Opening would make it, for whoever asks. */
static enum rc look_at_directory(const char *path, struct arena *arena,
                                 struct probe_objects *ret_probe, struct err *err)
{
    struct stat status;

    ret_probe->remedy = "mount it, or make it: install -d -m 700 -o ACCOUNT, the servers' account";
    if (stat(path, &status) != 0)
        return err_errno(err, RC_NOT_FOUND, errno, "%s", path);
    if (!S_ISDIR(status.st_mode))
        return err_fail(err, RC_NOT_FOUND, "%s is not a directory", path);
    ret_probe->remedy = NULL;
    if (status.st_uid != geteuid())
        ret_probe->detail =
            arena_printf(arena, "%s is there, but another account's; ask as that for more", path);
    return RC_OK;
}

static enum rc open_and_try(const struct server_options *options, struct clock *clock,
                            struct arena *arena, struct probe_objects *ret_probe, struct err *err)
{
    struct objects *objects = NULL;
    enum rc rc = objects_open(options, clock, PATIENCE, &objects, err);

    if (rc == RC_OK)
        rc = try_all(objects, err);
    if (rc == RC_OK)
        ret_probe->detail =
            arena_printf(arena, "%s keeps, gives and removes", objects_url(objects));
    ret_probe->remedy = remedy_of(options, rc, err);
    objects_free(objects);
    return rc;
}

enum rc probe_objects(const struct server_options *options, struct arena *arena,
                      struct probe_objects *ret_probe, struct err *err)
{
    struct clock *clock;
    enum rc rc = RC_OK;

    *ret_probe = (struct probe_objects){0};
    if (options->objects.kind == OBJECTS_DIRECTORY)
        rc = look_at_directory(options->objects.path, arena, ret_probe, err);
    if (rc != RC_OK || ret_probe->detail)
        return rc;
    clock = posix_clock_new();
    rc = open_and_try(options, clock, arena, ret_probe, err);
    clock_free(clock);
    return rc;
}
