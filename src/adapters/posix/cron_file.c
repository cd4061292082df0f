/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/cron_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct cron_file {
    struct cron_table base;
    char *path, *directory, *data;
    const char *name; /* the end of `path` */
    char *next;       /* the name of the next text */
    uid_t owner;
    struct buf text; /* of the file, as it was found */
};

static struct cron_file *self_of(struct cron_table *table)
{
    return container_of(table, struct cron_file, base);
}

/* ---- the directory --------------------------------------------------------------------------- */

/* Who may write it may have cron do anything as root. */
static enum rc check_directory(const struct cron_file *self, int directory, struct err *err)
{
    struct stat status;

    if (fstat(directory, &status) != 0)
        return err_errno(err, RC_IO, errno, "%s", self->directory);
    if (status.st_uid != self->owner && status.st_uid != 0)
        return err_fail(err, RC_FORBIDDEN, "%s belongs to another account", self->directory);
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return err_fail(err, RC_FORBIDDEN, "%s can be written by others", self->directory);
    return RC_OK;
}

static enum rc open_directory(const struct cron_file *self, int *ret_directory, struct err *err)
{
    int directory = open(self->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum rc rc;

    if (directory < 0)
        return err_errno(err, RC_IO, errno, "%s", self->directory);
    rc = check_directory(self, directory, err);
    if (rc == RC_OK)
        *ret_directory = directory;
    else
        (void)close(directory); /* it was only looked at */
    return rc;
}

/* ---- what is there --------------------------------------------------------------------------- */

static enum rc read_text(struct cron_file *self, int fd, struct err *err)
{
    enum { CHUNK = 64 * 1024 };
    ssize_t length;

    buf_reset(&self->text);
    do {
        if (buf_reserve(&self->text, CHUNK) != RC_OK)
            return RC_OK; /* longer than any of ours: what was read shows that it is another */
        length = read(fd, self->text.data + self->text.length, CHUNK);
        if (length > 0)
            self->text.length += (size_t)length;
    } while (length > 0 || (length < 0 && errno == EINTR));
    return length < 0 ? err_errno(err, RC_IO, errno, "%s", self->path) : RC_OK;
}

static bool is_as_it_should(const struct cron_file *self, const struct stat *status,
                            const char *text, size_t length)
{
    return (status->st_mode & 07777) == 0644 && status->st_uid == self->owner &&
           status->st_nlink == 1 && self->text.length == length &&
           (!length || memcmp(self->text.data, text, length) == 0);
}

static enum rc examine_file(struct cron_file *self, int fd, const char *text, size_t length,
                            enum cron_found *ret_found, struct err *err)
{
    struct stat status;
    enum rc rc;

    if (fstat(fd, &status) != 0)
        return err_errno(err, RC_IO, errno, "%s", self->path);
    if (!S_ISREG(status.st_mode)) {
        *ret_found = CRON_FOUND_LINK;
        return RC_OK;
    }
    rc = read_text(self, fd, err);
    if (rc == RC_OK)
        *ret_found =
            is_as_it_should(self, &status, text, length) ? CRON_FOUND_SAME : CRON_FOUND_OTHER;
    return rc;
}

static enum rc examine(struct cron_file *self, int directory, const char *text, size_t length,
                       enum cron_found *ret_found, struct err *err)
{
    int fd = openat(directory, self->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    enum rc rc;

    buf_reset(&self->text);
    if (fd < 0) {
        *ret_found = errno == ENOENT ? CRON_FOUND_NONE : CRON_FOUND_LINK;
        return errno == ENOENT || errno == ELOOP || errno == ENXIO
                   ? RC_OK
                   : err_errno(err, RC_IO, errno, "%s", self->path);
    }
    rc = examine_file(self, fd, text, length, ret_found, err);
    (void)close(fd); /* it was only read */
    return rc;
}

/* ---- whose it is ----------------------------------------------------------------------------- */

static bool is_ours(const struct cron_file *self)
{
    size_t length;
    const char *owner =
        crontab_owner(self->text.data ? self->text.data : "", self->text.length, &length);

    return owner && strlen(self->data) == length && memcmp(owner, self->data, length) == 0;
}

/* Two workers that write the same file would undo each other's work for ever. One whose directory
 * is gone is gone, too. */
static enum rc check_owner(const struct cron_file *self, struct err *err)
{
    size_t length;
    const char *owner =
        crontab_owner(self->text.data ? self->text.data : "", self->text.length, &length);
    char *other AUTO_FREE =
        owner ? xasprintf("%.*s", (int)MIN(length, (size_t)CRONTAB_WORD), owner) : NULL;

    if (!other || is_ours(self) || access(other, F_OK) != 0)
        return RC_OK;
    return err_fail(err, RC_CONFLICT,
                    "%s belongs to the worker of %s: give this one another crontab-file",
                    self->path, other);
}

/* ---- another text ---------------------------------------------------------------------------- */

static enum rc trouble(const struct cron_file *self, const char *name, struct err *err)
{
    enum rc rc = errno == ENOSPC || errno == EDQUOT                    ? RC_FULL
                 : errno == EACCES || errno == EPERM || errno == EROFS ? RC_FORBIDDEN
                                                                       : RC_IO;

    return err_errno(err, rc, errno, "%s/%s", self->directory, name);
}

static bool write_all(int fd, const char *text, size_t length)
{
    while (length) {
        ssize_t written = write(fd, text, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        text += written;
        length -= (size_t)written;
    }
    return true;
}

/* The mode last: a file that others could write is never there with our text in it. */
static enum rc write_next(const struct cron_file *self, int directory, const char *text,
                          size_t length, struct err *err)
{
    int fd;
    enum rc rc = RC_OK;

    (void)unlinkat(directory, self->next, 0); /* of a worker that was killed; or there is none */
    fd = openat(directory, self->next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return trouble(self, self->next, err);
    if (!write_all(fd, text, length) || fchmod(fd, 0644) != 0 || fsync(fd) != 0)
        rc = trouble(self, self->next, err);
    if (close(fd) != 0 && rc == RC_OK)
        rc = trouble(self, self->next, err);
    return rc;
}

static enum rc replace(const struct cron_file *self, int directory, const char *text, size_t length,
                       struct err *err)
{
    enum rc rc = write_next(self, directory, text, length, err);

    if (rc == RC_OK && renameat(directory, self->next, directory, self->name) != 0)
        rc = trouble(self, self->name, err);
    if (rc != RC_OK)
        (void)unlinkat(directory, self->next, 0); /* cron would not read it */
    else if (fsync(directory) != 0)
        rc = trouble(self, self->name, err);
    return rc;
}

static enum rc remove_ours(const struct cron_file *self, int directory, enum cron_found found,
                           struct err *err)
{
    if (found == CRON_FOUND_NONE || found == CRON_FOUND_LINK || !is_ours(self))
        return RC_OK;
    if (unlinkat(directory, self->name, 0) != 0 && errno != ENOENT)
        return trouble(self, self->name, err);
    return RC_OK;
}

static enum rc keep_in(struct cron_file *self, int directory, const char *text, size_t length,
                       enum cron_found *ret_found, struct err *err)
{
    enum cron_found found = CRON_FOUND_NONE;
    enum rc rc = examine(self, directory, text, length, &found, err);

    if (rc != RC_OK)
        return rc;
    if (!length)
        rc = remove_ours(self, directory, found, err);
    else if (found != CRON_FOUND_SAME)
        rc = check_owner(self, err);
    if (rc == RC_OK && length && found != CRON_FOUND_SAME)
        rc = replace(self, directory, text, length, err);
    if (rc == RC_OK)
        *ret_found = found;
    return rc;
}

static enum rc keep(struct cron_table *table, const char *text, size_t length,
                    enum cron_found *ret_found, struct err *err)
{
    struct cron_file *self = self_of(table);
    int directory;
    enum rc rc;

    if (!length && access(self->directory, F_OK) != 0 && errno == ENOENT) {
        *ret_found = CRON_FOUND_NONE;
        return RC_OK;
    }
    rc = open_directory(self, &directory, err);
    if (rc != RC_OK)
        return rc;
    rc = keep_in(self, directory, text, length, ret_found, err);
    (void)close(directory); /* what counts was synced */
    return rc;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void free_table(struct cron_table *table)
{
    struct cron_file *self = self_of(table);

    buf_release(&self->text);
    free(self->path);
    free(self->directory);
    free(self->data);
    free(self->next);
    free(self);
}

static const struct cron_table_ops ops = {.name = "file", .keep = keep, .free = free_table};

enum rc cron_file_new(const struct cron_file_config *config, struct cron_table **ret_table,
                      struct err *err)
{
    const char *slash = strrchr(config->path, '/');
    struct cron_file *self;

    if (config->path[0] != '/' || !slash[1])
        return err_fail(err, RC_INVALID, "'%.80s' is not the absolute path of a file",
                        config->path);
    if (geteuid() != config->owner)
        return err_fail(err, RC_FORBIDDEN,
                        "only root can write %s for cron; another account has its own crontab, by "
                        "crontab-command",
                        config->path);
    self = xcalloc(1, sizeof(*self));
    self->base.ops = &ops;
    self->path = xstrdup(config->path);
    self->name = self->path + (slash - config->path) + 1;
    self->directory = slash == config->path
                          ? xstrdup("/")
                          : xasprintf("%.*s", (int)(slash - config->path), config->path);
    self->data = xstrdup(config->data);
    self->next = xasprintf(".%s.new", self->name);
    self->owner = config->owner;
    buf_init(&self->text, CRONTAB_TEXT);
    *ret_table = &self->base;
    return RC_OK;
}
