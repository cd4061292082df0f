/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/contract/objects_faults.c: one call to the objects that CRONJOB_TEST_S3 names (see
 * objects_s3.c), for test/e2e/test_objects.py, which disturbs the way there meanwhile.
 *
 *     objects_faults put KEY FILE [PATIENCE]     the file, a regular one
 *     objects_faults get KEY FILE [PATIENCE]     into the file
 *     objects_faults stat|remove KEY - [PATIENCE]
 *
 * PATIENCE is in seconds. The answer is one line: the code's name, a blank, the message.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

#include "adapters/posix/clock.h"
#include "adapters/s3/objects.h"
#include "main/place.h"

static const char *told(const char *name)
{
    const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread */

    CHECK(text);
    return text;
}

static struct objects *open_objects(struct clock *clock, struct arena *arena, long patience)
{
    struct objects_place place;
    struct objects *objects = NULL;

    CHECK(place_objects_read(told("CRONJOB_TEST_S3"), arena, &place, NULL) == RC_OK);
    CHECK(s3_objects_new(&(struct s3_objects_config){.endpoint = place.endpoint,
                                                     .bucket = place.bucket,
                                                     .prefix = place.prefix,
                                                     .region = place.region,
                                                     .in_host = place.in_host,
                                                     .key = told("CRONJOB_TEST_S3_KEY"),
                                                     .secret = told("CRONJOB_TEST_S3_SECRET"),
                                                     .clock = clock,
                                                     .patience = patience * SECOND},
                         &objects, NULL) == RC_OK);
    return objects;
}

static bool take(void *context, const void *data, size_t length)
{
    return write(*(int *)context, data, length) == (ssize_t)length;
}

static enum rc put(struct objects *objects, const char *key, const char *path, struct err *err)
{
    struct stat status;
    struct object_source source = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    enum rc rc;

    CHECK(source.fd >= 0 && fstat(source.fd, &status) == 0);
    source.size = status.st_size;
    rc = objects_put(objects, key, &source, err);
    (void)close(source.fd); /* was only read */
    return rc;
}

static enum rc get(struct objects *objects, const char *key, const char *path, struct err *err)
{
    const struct object_range all = {0, -1};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum rc rc;

    CHECK(fd >= 0);
    rc = objects_get(objects, key, &all, take, &fd, err);
    CHECK(close(fd) == 0);
    return rc;
}

static enum rc call(struct objects *objects, char **words, struct err *err)
{
    struct object_info info;

    if (!strcmp(words[0], "put"))
        return put(objects, words[1], words[2], err);
    if (!strcmp(words[0], "get"))
        return get(objects, words[1], words[2], err);
    if (!strcmp(words[0], "stat"))
        return objects_stat(objects, words[1], &info, err);
    CHECK(!strcmp(words[0], "remove"));
    return objects_remove(objects, words[1], err);
}

static const char *name_of(enum rc rc)
{
#define NAME(code, text, status, retry) [code] = #code,
    static const char *const names[] = {RC_TABLE(NAME)};
#undef NAME

    return names[rc];
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct clock *clock = posix_clock_new();
    struct objects *objects;
    struct err err = {0};
    enum rc rc;

    if (argc < 4)
        return 2;
    objects = open_objects(clock, &arena, argc > 4 ? strtol(argv[4], NULL, 10) : 0);
    rc = call(objects, argv + 1, &err);
    (void)printf("%s %s\n", name_of(rc), rc == RC_OK ? "" : err_message(&err, rc));
    objects_free(objects);
    clock_free(clock);
    arena_release(&arena);
    return 0;
}
