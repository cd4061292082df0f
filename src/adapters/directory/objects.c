/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/directory/objects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"

#include "adapters/directory/objects_folder.h"

enum { PUT_TRIES = 8, RANDOM_BYTES = 16, RANDOM_TEXT = 23, URL_MAX = 3 * PATH_MAX };

struct directory_objects {
    struct objects base;
    int fd;            /* of the directory */
    int unfinished_fd; /* of its folder for files that are being written */
    char *url;
};

static struct directory_objects *self_of(struct objects *objects)
{
    return container_of(objects, struct directory_objects, base);
}

/* ---- putting --------------------------------------------------------------------------------- */

struct unfinished {
    char name[RANDOM_TEXT];
    int fd;
};

/* Held locked while it is written, so that nobody takes it for a leftover. Whoever sweeps may have
 * been there between the making and the lock: then it has no name any more, and another is made. */
static int unfinished_open(const struct directory_objects *self, struct unfinished *file)
{
    for (;;) {
        char random[RANDOM_BYTES];
        struct stat status;

        crypto_random(random, sizeof(random));
        crypto_base64(file->name, sizeof(file->name), random, sizeof(random));
        file->fd = openat(self->unfinished_fd, file->name,
                          O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file->fd < 0)
            return errno;
        if (flock(file->fd, LOCK_EX | LOCK_NB) == 0 && fstat(file->fd, &status) == 0 &&
            status.st_nlink > 0)
            return 0;
        (void)close(file->fd); /* is of no use */
    }
}

static int write_all(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t written = write(fd, data, length);

        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0) {
            data += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

static enum rc copy(const struct object_source *source, int fd, const char *key, struct err *err)
{
    AUTO_FREE char *data = xmalloc(OBJECT_PIECE);

    for (int64_t done = 0; done < source->size;) {
        size_t wanted = (size_t)MIN(source->size - done, (int64_t)OBJECT_PIECE);
        ssize_t got = pread(source->fd, data, wanted, (off_t)done);
        int error = 0;

        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            return err_fail(err, RC_IO, "what was to be stored as '%s' ended early", key);
        error = got < 0 ? errno : write_all(fd, data, (size_t)got);
        if (error)
            return objects_folder_fail(err, error, "storing", key);
        done += got;
    }
    return fsync(fd) == 0 ? RC_OK : objects_folder_fail(err, errno, "storing", key);
}

/* RC_NOT_FOUND: the folder went with its last file at this moment. */
static enum rc move_there(const struct directory_objects *self, const char *from, const char *key,
                          struct err *err)
{
    const char *name;
    int folder = -1, error = 0;
    enum rc rc = objects_folder_open(self->fd, key, true, &folder, &name, err);

    if (rc != RC_OK)
        return rc;
    if (renameat(self->unfinished_fd, from, folder, name) != 0 || fsync(folder) != 0)
        error = errno;
    (void)close(folder); /* was only read */
    if (error == EISDIR)
        return err_fail(err, RC_CONFLICT, "'%s' is a folder of other objects", key);
    if (error == ENOENT)
        return err_fail(err, RC_NOT_FOUND, "the folder of '%s' goes again and again", key);
    return error ? objects_folder_fail(err, error, "storing", key) : RC_OK;
}

static enum rc directory_put(struct objects *objects, const char *key,
                             const struct object_source *source, struct err *err)
{
    const struct directory_objects *self = self_of(objects);
    struct unfinished file;
    enum rc rc = object_key_check(key, err);
    int error;

    if (rc != RC_OK)
        return rc;
    error = unfinished_open(self, &file);
    if (error)
        return objects_folder_fail(err, error, "storing", key);
    rc = copy(source, file.fd, key, err);
    if (rc == RC_OK)
        rc = RC_NOT_FOUND;
    for (int i = 0; rc == RC_NOT_FOUND && i < PUT_TRIES; i++)
        rc = move_there(self, file.name, key, err);
    if (rc != RC_OK)
        (void)unlinkat(self->unfinished_fd, file.name, 0); /* else it goes with the next sweep */
    (void)close(file.fd);                                  /* is durable, or of no use */
    return rc == RC_NOT_FOUND || rc == RC_CONFLICT ? RC_IO : rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A folder where a file should be, or the other way round, means that the object is not there. */
static enum rc fail_not_found(const char *key, struct err *err)
{
    return err_fail(err, RC_NOT_FOUND, "there is no object '%s'", key);
}

static enum rc open_object(const struct directory_objects *self, const char *key, int *ret_fd,
                           struct stat *ret_status, struct err *err)
{
    const char *name;
    int folder = -1, fd, error;
    enum rc rc = object_key_check(key, err);

    if (rc == RC_OK)
        rc = objects_folder_open(self->fd, key, false, &folder, &name, err);
    if (rc != RC_OK)
        return rc == RC_CONFLICT ? fail_not_found(key, err) : rc;
    /* O_NONBLOCK: nothing but a file is waited for. */
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    error = errno;
    (void)close(folder); /* was only read */
    if (fd < 0)
        return error == ENOENT || error == ELOOP ? fail_not_found(key, err)
                                                 : objects_folder_fail(err, error, "opening", key);
    if (fstat(fd, ret_status) == 0 && S_ISREG(ret_status->st_mode)) {
        *ret_fd = fd;
        return RC_OK;
    }
    (void)close(fd); /* was only read */
    return fail_not_found(key, err);
}

/* From `at` up to `end`, or to where the file ends. */
static enum rc give(int fd, int64_t at, int64_t end, object_take take, void *context,
                    struct err *err)
{
    AUTO_FREE char *data = xmalloc(OBJECT_PIECE);

    while (at < end) {
        ssize_t got = pread(fd, data, (size_t)MIN(end - at, (int64_t)OBJECT_PIECE), (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, RC_IO, errno, "reading an object");
        if (got == 0)
            return err_fail(err, RC_IO, "an object's file has become shorter");
        if (!take(context, data, (size_t)got))
            return err_fail(err, RC_CLOSED, "ended by the caller");
        at += got;
    }
    return RC_OK;
}

static enum rc directory_get(struct objects *objects, const char *key,
                             const struct object_range *range, object_take take, void *context,
                             struct err *err)
{
    struct stat status;
    int64_t end;
    int fd;
    enum rc rc = open_object(self_of(objects), key, &fd, &status, err);

    if (rc != RC_OK)
        return rc;
    end = status.st_size;
    if (range->length >= 0 && range->length < end - range->offset)
        end = range->offset + range->length;
    rc = give(fd, range->offset, end, take, context, err);
    (void)close(fd); /* was only read */
    return rc;
}

static enum rc directory_stat(struct objects *objects, const char *key,
                              struct object_info *ret_info, struct err *err)
{
    struct stat status;
    int fd;
    enum rc rc = open_object(self_of(objects), key, &fd, &status, err);

    if (rc != RC_OK)
        return rc;
    (void)close(fd); /* was only read */
    *ret_info = (struct object_info){
        .size = status.st_size,
        .stored_at = status.st_mtim.tv_sec * SECOND + status.st_mtim.tv_nsec / 1000,
    };
    return RC_OK;
}

static enum rc directory_list(struct objects *objects, const char *prefix, object_visit visit,
                              void *context, struct err *err)
{
    return objects_folder_list(self_of(objects)->fd, prefix, visit, context, err);
}

static enum rc directory_remove(struct objects *objects, const char *key, struct err *err)
{
    const struct directory_objects *self = self_of(objects);
    const char *name;
    int folder = -1, error = 0;
    enum rc rc = object_key_check(key, err);

    if (rc == RC_OK)
        rc = objects_folder_open(self->fd, key, false, &folder, &name, err);
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND || rc == RC_CONFLICT ? RC_OK : rc;
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT && errno != EISDIR)
        error = errno;
    (void)close(folder); /* was only read */
    if (error)
        return objects_folder_fail(err, error, "removing", key);
    objects_folder_prune(self->fd, key);
    return RC_OK;
}

static const char *directory_url(struct objects *objects)
{
    return self_of(objects)->url;
}

static void directory_free(struct objects *objects)
{
    struct directory_objects *self = self_of(objects);

    if (self->unfinished_fd >= 0)
        (void)close(self->unfinished_fd); /* was only read */
    if (self->fd >= 0)
        (void)close(self->fd); /* was only read */
    free(self->url);
    free(self);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Goes unless another process holds it; what cannot be opened stays. */
static void sweep_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)unlinkat(folder, name, 0); /* else it goes another time */
    (void)close(fd);                     /* is of no use */
}

static void sweep(int unfinished_fd)
{
    int copy = openat(unfinished_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) /* NOLINT(concurrency-mt-unsafe): own DIR */
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            sweep_file(unfinished_fd, entry->d_name);
    if (folder)
        (void)closedir(folder); /* was only read */
    else if (copy >= 0)
        (void)close(copy); /* was only read */
}

static char *make_url(const char *path)
{
    AUTO_FREE char *real = realpath(path, NULL);
    AUTO_BUF struct buf url;

    buf_init(&url, URL_MAX);
    (void)buf_puts(&url, "file://"); /* fits, as does what follows */
    for (const char *c = real ? real : path; *c; c++)
        if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || strchr("0123456789/._~-", *c))
            (void)buf_putc(&url, *c);
        else
            (void)buf_printf(&url, "%%%02X", (unsigned char)*c);
    return buf_take(&url);
}

static int open_folder(int parent, const char *path)
{
    if (mkdirat(parent, path, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum rc directory_objects_open(const char *path, struct objects **ret_objects, struct err *err)
{
    static const struct objects_ops ops = {.name = "directory",
                                           .put = directory_put,
                                           .get = directory_get,
                                           .stat = directory_stat,
                                           .list = directory_list,
                                           .remove = directory_remove,
                                           .url = directory_url,
                                           .free = directory_free};
    struct directory_objects *self = xcalloc(1, sizeof(*self));

    *self = (struct directory_objects){.base.ops = &ops, .unfinished_fd = -1};
    self->fd = open_folder(AT_FDCWD, path);
    if (self->fd >= 0)
        self->unfinished_fd = open_folder(self->fd, OBJECTS_UNFINISHED);
    if (self->unfinished_fd < 0) {
        (void)err_errno(err, RC_IO, errno, "opening the directory of objects %s", path);
        directory_free(&self->base);
        return RC_IO;
    }
    self->url = make_url(path);
    sweep(self->unfinished_fd);
    *ret_objects = &self->base;
    return RC_OK;
}
