/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

enum { HASH_TEXT = 65, PATH_TEXT = 64 };

struct file {
    char hash[HASH_TEXT];
    int fd; /* of a memfd */
    int64_t size;
    instant_us used_at;
};

struct file_draft {
    struct file file;
};

struct memory_files {
    struct files base;
    struct file *items;
    size_t count, capacity;
    int64_t room; /* -1: for all */
    int64_t used;
    instant_us uses; /* counts them: a clock that orders them */
};

static struct memory_files *self_of(struct files *files)
{
    return container_of(files, struct memory_files, base);
}

static struct file *find(const struct memory_files *self, const char *hash)
{
    for (size_t i = 0; i < self->count; i++)
        if (!strcmp(self->items[i].hash, hash))
            return &self->items[i];
    return NULL;
}

static enum rc memory_list(struct files *files, file_visit visit, void *context, struct err *err)
{
    const struct memory_files *self = self_of(files);

    (void)err;
    for (size_t i = 0; i < self->count; i++)
        if (!visit(context, self->items[i].hash, self->items[i].size, self->items[i].used_at))
            break;
    return RC_OK;
}

static enum rc memory_remove(struct files *files, const char *hash, struct err *err)
{
    struct memory_files *self = self_of(files);
    struct file *file = find(self, hash);

    (void)err;
    if (!file)
        return RC_OK;
    self->used -= file->size;
    (void)close(file->fd); /* whoever has it open has it still */
    *file = self->items[--self->count];
    return RC_OK;
}

/* A descriptor of its own that can only read, as a file has it. */
static enum rc open_file(const struct file *file, struct file_copy *ret_copy, struct err *err)
{
    char path[PATH_TEXT];
    enum rc rc;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd); /* fits */
    ret_copy->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (ret_copy->fd < 0)
        return err_errno(err, RC_IO, errno, "opening the copy of a file");
    rc = file_stamp_read(ret_copy->fd, &ret_copy->stamp, err);
    if (rc != RC_OK)
        (void)close(ret_copy->fd); /* was only read */
    return rc;
}

static enum rc verify(struct files *files, const char *hash, struct file_copy *copy,
                      struct err *err)
{
    bool is_good;
    enum rc rc = file_has_hash(copy->fd, hash, &is_good, err);

    if (rc == RC_OK && is_good)
        return RC_OK;
    (void)close(copy->fd); /* was only read */
    if (rc != RC_OK)
        return rc;
    rc = memory_remove(files, hash, err);
    return rc == RC_OK ? err_fail(err, RC_NOT_FOUND, "the copy of %s had become another", hash)
                       : rc;
}

static enum rc memory_open(struct files *files, const char *hash, const struct file_stamp *known,
                           struct file_copy *ret_copy, struct err *err)
{
    struct memory_files *self = self_of(files);
    struct file *file = find(self, hash);
    struct file_copy copy;
    enum rc rc;

    if (!file)
        return err_fail(err, known ? RC_STALE : RC_NOT_FOUND, "there is no copy of %s", hash);
    rc = open_file(file, &copy, err);
    if (rc == RC_OK && !known)
        rc = verify(files, hash, &copy, err);
    if (rc != RC_OK)
        return rc;
    if (known && !file_stamp_equal(known, &copy.stamp)) {
        (void)close(copy.fd); /* was only read */
        return err_fail(err, RC_STALE, "the copy of %s was changed", hash);
    }
    file->used_at = ++self->uses;
    *ret_copy = copy;
    return RC_OK;
}

static enum rc memory_begin(struct files *files, const char *hash, struct file_draft **ret_draft,
                            struct err *err)
{
    struct file_draft *draft = xcalloc(1, sizeof(*draft));

    (void)files;
    memcpy(draft->file.hash, hash, HASH_TEXT - 1);
    draft->file.fd = memfd_create("copy", MFD_CLOEXEC);
    if (draft->file.fd < 0) {
        free(draft);
        return err_errno(err, RC_IO, errno, "making the copy of a file");
    }
    *ret_draft = draft;
    return RC_OK;
}

static enum rc memory_append(struct files *files, struct file_draft *draft, const void *data,
                             size_t length, struct err *err)
{
    struct memory_files *self = self_of(files);

    if (self->room >= 0 && self->used + (int64_t)length > self->room)
        return err_fail(err, RC_FULL, "writing the copy of a file: No space left on device");
    CHECK(write(draft->file.fd, data, length) == (ssize_t)length);
    draft->file.size += (int64_t)length;
    self->used += (int64_t)length;
    return RC_OK;
}

static void memory_drop(struct files *files, struct file_draft *draft)
{
    self_of(files)->used -= draft->file.size;
    (void)close(draft->file.fd); /* is of no use */
    free(draft);
}

static enum rc memory_keep(struct files *files, struct file_draft *draft,
                           struct file_copy *ret_copy, struct err *err)
{
    struct memory_files *self = self_of(files);
    enum rc rc = memory_remove(files, draft->file.hash, err);

    if (rc == RC_OK)
        rc = open_file(&draft->file, ret_copy, err);
    if (rc != RC_OK) {
        memory_drop(files, draft);
        return rc;
    }
    draft->file.used_at = ++self->uses;
    self->items = xgrow(self->items, self->count, &self->capacity, sizeof(*self->items));
    self->items[self->count++] = draft->file;
    free(draft);
    return RC_OK;
}

static void memory_free(struct files *files)
{
    struct memory_files *self = self_of(files);

    for (size_t i = 0; i < self->count; i++)
        (void)close(self->items[i].fd); /* is of no use */
    free(self->items);
    free(self);
}

struct files *memory_files_new(void)
{
    static const struct files_ops ops = {.name = "memory",
                                         .list = memory_list,
                                         .open = memory_open,
                                         .begin = memory_begin,
                                         .append = memory_append,
                                         .keep = memory_keep,
                                         .drop = memory_drop,
                                         .remove = memory_remove,
                                         .free = memory_free};
    struct memory_files *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    self->room = -1;
    return &self->base;
}

void memory_files_set_room(struct files *files, int64_t bytes)
{
    self_of(files)->room = bytes;
}

/* The times of a file in memory are too coarse to tell of a change; its number is not. */
bool memory_files_damage(struct files *files, const char *hash)
{
    struct file *file = find(self_of(files), hash);
    AUTO_FREE char *data = NULL;
    int fd;

    if (!file || !file->size)
        return false;
    data = xmalloc((size_t)file->size);
    fd = memfd_create("copy", MFD_CLOEXEC);
    CHECK(fd >= 0 && pread(file->fd, data, (size_t)file->size, 0) == file->size);
    data[file->size - 1] = (char)~data[file->size - 1];
    CHECK(write(fd, data, (size_t)file->size) == file->size);
    (void)close(file->fd); /* whoever has it open has what it was */
    file->fd = fd;
    return true;
}
