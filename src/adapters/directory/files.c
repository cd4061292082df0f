/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/directory/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define UNFINISHED "unfinished"

enum { FOLDERS = 256, FOLDER_TEXT = 3, HASH_TEXT = 65 };

struct directory_files {
    struct files base;
    int fd;            /* of DATA/cache */
    int unfinished_fd; /* of its folder of drafts */
};

struct file_draft {
    char hash[HASH_TEXT]; /* its name, too */
    int fd;
};

static struct directory_files *self_of(struct files *files)
{
    return container_of(files, struct directory_files, base);
}

static enum rc fail(struct err *err, int error, const char *what)
{
    return err_errno(err, error == ENOSPC || error == EDQUOT ? RC_FULL : RC_IO, error, "%s", what);
}

/* The folder of a copy; -1 and errno. A symbolic link is none. */
static int open_folder(const struct directory_files *self, const char *hash)
{
    char name[FOLDER_TEXT] = {hash[0], hash[1], '\0'};

    return openat(self->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* What has its name and is none goes. */
static int make_folder_of(const struct directory_files *self, const char *hash)
{
    char name[FOLDER_TEXT] = {hash[0], hash[1], '\0'};
    int fd = open_folder(self, hash);

    if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR && errno != ELOOP))
        return fd;
    if (errno != ENOENT)
        (void)unlinkat(self->fd, name, 0); /* else the next call fails */
    return mkdirat(self->fd, name, 0700) == 0 ? open_folder(self, hash) : -1;
}

/* ---- looking through ----------------------------------------------------------------------- */

static bool is_hash(const char *name, unsigned folder)
{
    char begin[FOLDER_TEXT];

    (void)snprintf(begin, sizeof(begin), "%02x", folder); /* fits */
    return strlen(name) == HASH_TEXT - 1 && strspn(name, "0123456789abcdef") == HASH_TEXT - 1 &&
           !memcmp(name, begin, 2);
}

static bool is_dots(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* False: the visitor has seen enough. What is no copy goes, but for folders. */
static bool visit_entry(int folder_fd, unsigned folder, const char *name, file_visit visit,
                        void *context)
{
    struct stat status;
    int64_t used;

    if (fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    if (!S_ISREG(status.st_mode) || !is_hash(name, folder)) {
        (void)unlinkat(folder_fd, name, 0); /* else it stays, and is no copy all the same */
        return true;
    }
    used = MAX(status.st_atim.tv_sec, status.st_mtim.tv_sec);
    return visit(context, name, status.st_size, used * SECOND);
}

static bool visit_folder(int folder_fd, unsigned folder, file_visit visit, void *context)
{
    DIR *entries = fdopendir(folder_fd);
    const struct dirent *entry;
    bool more = true;

    if (!entries) {
        (void)close(folder_fd); /* was only read */
        return true;
    }
    while (more && (entry = readdir(entries))) /* NOLINT(concurrency-mt-unsafe): own DIR */
        if (!is_dots(entry->d_name))
            more = visit_entry(folder_fd, folder, entry->d_name, visit, context);
    (void)closedir(entries); /* was only read */
    return more;
}

static enum rc directory_list(struct files *files, file_visit visit, void *context, struct err *err)
{
    const struct directory_files *self = self_of(files);

    for (unsigned folder = 0; folder < FOLDERS; folder++) {
        char name[FOLDER_TEXT];
        int fd;

        (void)snprintf(name, sizeof(name), "%02x", folder); /* fits */
        fd = open_folder(self, name);
        if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
            return fail(err, errno, "looking through the copies of files");
        if (fd >= 0 && !visit_folder(fd, folder, visit, context))
            break;
    }
    return RC_OK;
}

/* ---- opening ------------------------------------------------------------------------------- */

/* O_NONBLOCK: nothing but a file is waited for. */
static enum rc open_copy(const struct directory_files *self, const char *hash,
                         struct file_copy *ret_copy, struct err *err)
{
    int folder = open_folder(self, hash), error;
    enum rc rc;

    ret_copy->fd = -1;
    if (folder >= 0)
        ret_copy->fd = openat(folder, hash, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    error = errno;
    if (folder >= 0)
        (void)close(folder); /* was only read */
    if (ret_copy->fd < 0 && (error == ENOENT || error == ELOOP || error == ENOTDIR))
        return err_fail(err, RC_NOT_FOUND, "there is no copy of %s", hash);
    if (ret_copy->fd < 0)
        return fail(err, error, "opening the copy of a file");
    rc = file_stamp_read(ret_copy->fd, &ret_copy->stamp, err);
    if (rc != RC_OK)
        (void)close(ret_copy->fd); /* was only read */
    return rc == RC_INVALID ? RC_NOT_FOUND : rc;
}

static enum rc directory_remove(struct files *files, const char *hash, struct err *err)
{
    int folder = open_folder(self_of(files), hash);
    int error = 0;

    if (folder < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? RC_OK
                   : fail(err, errno, "removing the copy of a file");
    if (unlinkat(folder, hash, 0) != 0 && errno != ENOENT)
        error = errno;
    (void)close(folder); /* was only read */
    return error ? fail(err, error, "removing the copy of a file") : RC_OK;
}

/* A copy that is right but cannot be executed by others was not made by us. */
static enum rc check_copy(const struct file_copy *copy, const char *hash, bool *ret_good,
                          struct err *err)
{
    struct stat status;

    *ret_good = false;
    if (fstat(copy->fd, &status) != 0)
        return fail(err, errno, "looking at the copy of a file");
    if ((status.st_mode & 07777) != 0555 || status.st_uid != geteuid())
        return RC_OK;
    return file_has_hash(copy->fd, hash, ret_good, err);
}

static enum rc verify(struct files *files, const char *hash, struct file_copy *copy,
                      struct err *err)
{
    struct file_stamp after;
    bool is_good;
    enum rc rc = check_copy(copy, hash, &is_good, err);

    if (rc == RC_OK)
        rc = file_stamp_read(copy->fd, &after, err);
    if (rc == RC_OK && is_good && file_stamp_equal(&after, &copy->stamp))
        return RC_OK;
    (void)close(copy->fd); /* was only read */
    if (rc != RC_OK)
        return rc;
    rc = directory_remove(files, hash, err);
    return rc == RC_OK ? err_fail(err, RC_NOT_FOUND, "the copy of %s had become another", hash)
                       : rc;
}

static enum rc directory_open(struct files *files, const char *hash, const struct file_stamp *known,
                              struct file_copy *ret_copy, struct err *err)
{
    struct file_copy copy;
    enum rc rc = open_copy(self_of(files), hash, &copy, err);

    if (rc == RC_OK && !known)
        rc = verify(files, hash, &copy, err);
    if (rc != RC_OK)
        return known && rc == RC_NOT_FOUND ? RC_STALE : rc;
    if (known && !file_stamp_equal(known, &copy.stamp)) {
        (void)close(copy.fd); /* was only read */
        return err_fail(err, RC_STALE, "the copy of %s was changed", hash);
    }
    *ret_copy = copy;
    return RC_OK;
}

/* ---- making -------------------------------------------------------------------------------- */

static void draft_free(struct file_draft *draft)
{
    if (draft->fd >= 0)
        (void)close(draft->fd); /* is of no use, or was looked at by the name */
    free(draft);
}

static enum rc directory_begin(struct files *files, const char *hash, struct file_draft **ret_draft,
                               struct err *err)
{
    const struct directory_files *self = self_of(files);
    struct file_draft *draft = xcalloc(1, sizeof(*draft));

    memcpy(draft->hash, hash, HASH_TEXT - 1);
    (void)unlinkat(self->unfinished_fd, hash, 0); /* of an attempt that was cut off */
    draft->fd = openat(self->unfinished_fd, hash,
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (draft->fd < 0) {
        enum rc rc = fail(err, errno, "making the copy of a file");

        draft_free(draft);
        return rc;
    }
    *ret_draft = draft;
    return RC_OK;
}

static enum rc directory_append(struct files *files, struct file_draft *draft, const void *data,
                                size_t length, struct err *err)
{
    const char *at = data;

    (void)files;
    while (length) {
        ssize_t written = write(draft->fd, at, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail(err, errno, "writing the copy of a file");
        at += written;
        length -= (size_t)written;
    }
    return RC_OK;
}

static void directory_drop(struct files *files, struct file_draft *draft)
{
    (void)unlinkat(self_of(files)->unfinished_fd, draft->hash, 0); /* else with the next start */
    draft_free(draft);
}

/* Who writes may not be there any more when it is executed (ETXTBSY), so it is opened again. */
static enum rc directory_keep(struct files *files, struct file_draft *draft,
                              struct file_copy *ret_copy, struct err *err)
{
    const struct directory_files *self = self_of(files);
    int folder = make_folder_of(self, draft->hash), error = 0, fd;
    struct stat written = {.st_ino = 0}, kept;
    enum rc rc = RC_OK;

    if (folder < 0 || fchmod(draft->fd, 0555) != 0 || fstat(draft->fd, &written) != 0 ||
        renameat(self->unfinished_fd, draft->hash, folder, draft->hash) != 0)
        error = errno;
    if (folder >= 0)
        (void)close(folder); /* was only read */
    if (error) {
        directory_drop(files, draft);
        return fail(err, error, "keeping the copy of a file");
    }
    fd = draft->fd;
    draft->fd = -1;
    if (close(fd) != 0)
        rc = fail(err, errno, "keeping the copy of a file");
    if (rc == RC_OK)
        rc = open_copy(self, draft->hash, ret_copy, err);
    draft_free(draft);
    if (rc == RC_OK && (fstat(ret_copy->fd, &kept) != 0 || kept.st_ino != written.st_ino)) {
        (void)close(ret_copy->fd); /* was only read */
        return err_fail(err, RC_IO, "the copy of a file was replaced at once");
    }
    return rc;
}

/* ---- the port ------------------------------------------------------------------------------ */

static void directory_free(struct files *files)
{
    struct directory_files *self = self_of(files);

    if (self->unfinished_fd >= 0)
        (void)close(self->unfinished_fd); /* was only read */
    if (self->fd >= 0)
        (void)close(self->fd); /* was only read */
    free(self);
}

/* What a process before us has not finished. */
static void sweep(int unfinished_fd)
{
    int copy = openat(unfinished_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) /* NOLINT(concurrency-mt-unsafe): own DIR */
        if (!is_dots(entry->d_name))
            (void)unlinkat(unfinished_fd, entry->d_name, 0); /* else it is in nobody's way */
    if (folder)
        (void)closedir(folder); /* was only read */
    else if (copy >= 0)
        (void)close(copy); /* was only read */
}

static int make_folder(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

enum rc directory_files_open(const char *data_directory, struct files **ret_files, struct err *err)
{
    static const struct files_ops ops = {.name = "directory",
                                         .list = directory_list,
                                         .open = directory_open,
                                         .begin = directory_begin,
                                         .append = directory_append,
                                         .keep = directory_keep,
                                         .drop = directory_drop,
                                         .remove = directory_remove,
                                         .free = directory_free};
    AUTO_FREE char *path = xasprintf("%s/" FILES_DIRECTORY, data_directory);
    struct directory_files *self = xmalloc(sizeof(*self));

    *self = (struct directory_files){.base.ops = &ops, .unfinished_fd = -1};
    self->fd = make_folder(AT_FDCWD, path);
    if (self->fd >= 0)
        self->unfinished_fd = make_folder(self->fd, UNFINISHED);
    if (self->unfinished_fd < 0) {
        (void)err_errno(err, RC_IO, errno, "opening %s", path);
        directory_free(&self->base);
        return RC_IO;
    }
    sweep(self->unfinished_fd);
    *ret_files = &self->base;
    return RC_OK;
}
