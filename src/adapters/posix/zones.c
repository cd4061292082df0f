/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/zones.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

enum { BUCKETS = 256, FILE_MAX = 1 << 20 };

static const char utc[] = "UTC";

struct entry {
    struct entry *next;
    struct zone *zone;
};

struct posix_zones {
    struct zones base;
    char *directory;
    char local_name[ZONE_NAME_MAX]; /* constant after construction */
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS]; /* by name, guarded by `lock` */
};

static struct posix_zones *self_of(struct zones *zones)
{
    return container_of(zones, struct posix_zones, base);
}

static struct entry **bucket_of(struct posix_zones *self, const char *name)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619U;
    return &self->buckets[hash % BUCKETS];
}

static enum rc read_all(int fd, char *data, size_t capacity, size_t *ret_length)
{
    size_t length = 0;
    ssize_t got;

    do {
        got = read(fd, data + length, capacity - length);
        if (got > 0)
            length += (size_t)got;
    } while (length < capacity && (got > 0 || (got < 0 && errno == EINTR)));
    if (got < 0)
        return RC_IO;
    *ret_length = length;
    return RC_OK;
}

static enum rc read_zone(int fd, const char *name, struct zone **ret_zone, struct err *err)
{
    char *data AUTO_FREE = NULL;
    struct stat status;
    size_t length;

    if (fstat(fd, &status) < 0)
        return err_errno(err, RC_IO, errno, "time zone '%s'", name);
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
        return err_fail(err, RC_INVALID, "'%s' is not a time zone", name);
    data = xmalloc((size_t)status.st_size);
    if (read_all(fd, data, (size_t)status.st_size, &length) != RC_OK)
        return err_errno(err, RC_IO, errno, "time zone '%s'", name);
    if (zone_parse(name, data, length, ret_zone, err) != RC_OK)
        return err_prefix(err, RC_INVALID, "time zone '%s'", name);
    return RC_OK;
}

static enum rc open_failed(const struct posix_zones *self, const char *name, int error,
                           struct err *err)
{
    if (error != ENOENT && error != ENOTDIR)
        return err_errno(err, RC_IO, error, "time zone '%s'", name);
    if (access(self->directory, F_OK) < 0)
        return err_fail(err, RC_INVALID, "time zone '%s': there is no %s: install tzdata", name,
                        self->directory);
    return err_fail(err, RC_INVALID, "there is no time zone '%s'", name);
}

/* O_NONBLOCK: opening a fifo must not hang. */
static enum rc load(const struct posix_zones *self, const char *name, struct zone **ret_zone,
                    struct err *err)
{
    char *path AUTO_FREE = xasprintf("%s/%s", self->directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum rc rc;

    if (fd < 0)
        return open_failed(self, name, errno, err);
    rc = read_zone(fd, name, ret_zone, err);
    (void)close(fd); /* only read */
    return rc;
}

static enum rc get_locked(struct posix_zones *self, const char *name, const struct zone **ret_zone,
                          struct err *err)
{
    struct entry **bucket = bucket_of(self, name);
    struct entry *entry;
    struct zone *zone;
    enum rc rc;

    for (entry = *bucket; entry; entry = entry->next) {
        if (strcmp(zone_name(entry->zone), name) == 0) {
            *ret_zone = entry->zone;
            return RC_OK;
        }
    }
    rc = load(self, name, &zone, err);
    if (rc != RC_OK)
        return rc;
    entry = xmalloc(sizeof(*entry));
    *entry = (struct entry){.next = *bucket, .zone = zone};
    *bucket = entry;
    *ret_zone = zone;
    return RC_OK;
}

static enum rc posix_get(struct zones *zones, const char *name, const struct zone **ret_zone,
                         struct err *err)
{
    struct posix_zones *self = self_of(zones);
    enum rc rc;

    if (strcmp(name, utc) == 0) {
        *ret_zone = zone_utc();
        return RC_OK;
    }
    if (!zone_name_is_valid(name))
        return err_fail(err, RC_INVALID, "'%.64s' is not the name of a time zone", name);
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    rc = get_locked(self, name, ret_zone, err);
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    return rc;
}

static const char *posix_local_name(struct zones *zones)
{
    return self_of(zones)->local_name;
}

static void posix_free(struct zones *zones)
{
    struct posix_zones *self = self_of(zones);

    for (size_t i = 0; i < BUCKETS; i++) {
        struct entry *entry = self->buckets[i];

        while (entry) {
            struct entry *next = entry->next;

            zone_free(entry->zone);
            free(entry);
            entry = next;
        }
    }
    (void)pthread_mutex_destroy(&self->lock); /* nobody holds it any more */
    free(self->directory);
    free(self);
}

/* What follows "zoneinfo/" in the link, "Europe/Berlin"; empty when it is no such link. */
static void read_link(const char *etc, char name[ZONE_NAME_MAX])
{
    static const char mark[] = "zoneinfo/";
    char *path AUTO_FREE = xasprintf("%s/localtime", etc);
    char target[512];
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    const char *found;

    name[0] = '\0';
    if (length <= 0)
        return;
    target[length] = '\0';
    found = strstr(target, mark);
    if (found && strlen(found + strlen(mark)) < ZONE_NAME_MAX)
        memcpy(name, found + strlen(mark), strlen(found + strlen(mark)) + 1);
}

static void read_line(const char *etc, char name[ZONE_NAME_MAX])
{
    char *path AUTO_FREE = xasprintf("%s/timezone", etc);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    size_t length = 0;

    if (fd >= 0) {
        if (read_all(fd, name, ZONE_NAME_MAX - 1, &length) != RC_OK)
            length = 0;
        (void)close(fd); /* only read */
    }
    name[length] = '\0';
    name[strcspn(name, " \t\r\n")] = '\0';
}

static bool is_usable(struct posix_zones *self, const char *name)
{
    const struct zone *zone;

    return zones_get(&self->base, name, &zone, NULL) == RC_OK;
}

/* The link is what libc and cron go by; the text file can be out of date. */
static void find_local_name(struct posix_zones *self, const char *etc)
{
    read_link(etc, self->local_name);
    if (is_usable(self, self->local_name))
        return;
    read_line(etc, self->local_name);
    if (!is_usable(self, self->local_name))
        memcpy(self->local_name, utc, sizeof(utc));
}

struct zones *posix_zones_new(const char *directory, const char *etc)
{
    static const struct zones_ops ops = {
        .name = "posix",
        .get = posix_get,
        .local_name = posix_local_name,
        .free = posix_free,
    };
    struct posix_zones *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    self->directory = xstrdup(directory ? directory : "/usr/share/zoneinfo");
    CHECK(pthread_mutex_init(&self->lock, NULL) == 0);
    find_local_name(self, etc ? etc : "/etc");
    return &self->base;
}
