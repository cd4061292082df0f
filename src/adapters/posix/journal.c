/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/posix/journal_format.h"

enum { PENDING_MAX = 256 * 1024 * 1024 };

static const char name[] = "journal";
static const char new_name[] = "journal.new";

struct posix_journal {
    struct journal base;
    int directory_fd;
    int fd;
    struct journal_end end; /* of what is sound and durable */
    struct buf pending;     /* records since the last sync() */
    bool broken;            /* a write may or may not have happened: nothing more is believed */
};

static struct posix_journal *self_of(struct journal *journal)
{
    return container_of(journal, struct posix_journal, base);
}

static enum rc fail_for_good(struct posix_journal *self, int error, const char *what,
                             struct err *err)
{
    self->broken = true;
    return err_errno(err, RC_IO, error, "%s the journal", what);
}

static enum rc check_usable(const struct posix_journal *self, struct err *err)
{
    return self->broken ? err_fail(err, RC_IO, "the journal has failed before") : RC_OK;
}

/* Answers 0 or the errno value. */
static int write_all(int fd, const char *data, size_t length, size_t offset)
{
    while (length) {
        ssize_t written = pwrite(fd, data, length, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written ? errno : EIO;
        data += written;
        length -= (size_t)written;
        offset += (size_t)written;
    }
    return 0;
}

/* Behind `end`, which then is the batch's end; 0 or the errno value. */
static int write_batch(int fd, const struct buf *data, struct journal_end *end)
{
    char head[JOURNAL_BATCH_HEAD];
    int error;

    journal_batch_head(end->sequence + 1, data->data, data->length, head);
    error = write_all(fd, head, sizeof(head), end->at);
    if (!error)
        error = write_all(fd, data->data, data->length, end->at + sizeof(head));
    if (!error)
        *end = (struct journal_end){end->at + sizeof(head) + data->length, end->sequence + 1};
    return error;
}

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

/* ---- reading ------------------------------------------------------------------------------- */

static enum rc read_file(int fd, char **ret_file, size_t *ret_length, struct err *err)
{
    struct stat status;
    char *file;
    size_t length = 0;

    if (fstat(fd, &status) != 0)
        return err_errno(err, RC_IO, errno, "reading the journal");
    file = xmalloc((size_t)status.st_size);
    while (length < (size_t)status.st_size) {
        ssize_t got = pread(fd, file + length, (size_t)status.st_size - length, (off_t)length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            (void)err_errno(err, RC_IO, got ? errno : EIO, "reading the journal");
            free(file);
            return RC_IO;
        }
        length += (size_t)got;
    }
    *ret_file = file;
    *ret_length = length;
    return RC_OK;
}

/* Cuts a torn end off, and makes the head of a new file. */
static enum rc mend_end(struct posix_journal *self, size_t length, struct err *err)
{
    if (self->end.at == length && self->end.at)
        return RC_OK;
    if (ftruncate(self->fd, (off_t)self->end.at) != 0)
        return fail_for_good(self, errno, "mending", err);
    if (!self->end.at) {
        int error = write_all(self->fd, journal_head, JOURNAL_HEAD, 0);

        if (error)
            return fail_for_good(self, error, "beginning", err);
        self->end.at = JOURNAL_HEAD;
    }
    if (fsync(self->fd) != 0 || fsync(self->directory_fd) != 0)
        return fail_for_good(self, errno, "syncing", err);
    return RC_OK;
}

static enum rc posix_replay(struct journal *journal, journal_visit visit, void *context,
                            struct err *err)
{
    struct posix_journal *self = self_of(journal);
    AUTO_FREE char *file = NULL;
    size_t length = 0;
    enum rc rc = check_usable(self, err);

    if (rc == RC_OK)
        rc = read_file(self->fd, &file, &length, err);
    if (rc != RC_OK)
        return rc;
    rc = journal_scan(file, length, visit, context, &self->end, err);
    if (rc != RC_OK) {
        self->broken = true;
        return rc;
    }
    return mend_end(self, length, err);
}

/* ---- writing ------------------------------------------------------------------------------- */

static enum rc posix_append(struct journal *journal, const void *data, size_t length,
                            struct err *err)
{
    struct posix_journal *self = self_of(journal);
    enum rc rc = check_usable(self, err);

    CHECK(self->end.at || self->broken); /* replay() comes first */
    if (rc == RC_OK && journal_put_record(&self->pending, data, length) != RC_OK)
        rc =
            err_fail(err, RC_TOO_BIG, "a record of %zu bytes is too large for the journal", length);
    return rc;
}

/* Takes back what a full disk has let through of a batch, so that the next one follows on sound
 * ground. */
static enum rc take_back(struct posix_journal *self, struct err *err)
{
    buf_reset(&self->pending);
    if (ftruncate(self->fd, (off_t)self->end.at) != 0)
        return fail_for_good(self, errno, "mending", err);
    return err_errno(err, RC_FULL, ENOSPC, "writing the journal");
}

static enum rc posix_sync(struct journal *journal, struct err *err)
{
    struct posix_journal *self = self_of(journal);
    struct journal_end end = self->end;
    enum rc rc = check_usable(self, err);
    int error;

    if (rc != RC_OK || !self->pending.length)
        return rc;
    error = write_batch(self->fd, &self->pending, &end);
    if (is_full(error))
        return take_back(self, err);
    if (error)
        return fail_for_good(self, error, "writing", err);
    if (fdatasync(self->fd) != 0)
        return fail_for_good(self, errno, "syncing", err);
    self->end = end;
    buf_reset(&self->pending);
    return RC_OK;
}

/* Writes all of it to an empty file; 0 or the errno value. */
static int write_anew(int fd, const struct journal_record *records, size_t count,
                      struct journal_end *ret_end)
{
    struct journal_end end = {.at = JOURNAL_HEAD};
    int error = write_all(fd, journal_head, JOURNAL_HEAD, 0);
    struct buf data;

    buf_init(&data, JOURNAL_BATCH_MAX + JOURNAL_RECORD_MAX * 2);
    for (size_t i = 0; i < count && !error; i++) {
        bool last = i == count - 1;

        if (journal_put_record(&data, records[i].data, records[i].length) != RC_OK)
            error = EFBIG;
        if (!error && (last || data.length >= JOURNAL_BATCH_MAX)) {
            error = write_batch(fd, &data, &end);
            buf_reset(&data);
        }
    }
    buf_release(&data);
    if (!error && fsync(fd) != 0)
        error = errno;
    *ret_end = end;
    return error;
}

static enum rc replace(struct posix_journal *self, int fd, struct journal_end end, struct err *err)
{
    if (renameat(self->directory_fd, new_name, self->directory_fd, name) != 0) {
        (void)err_errno(err, RC_IO, errno, "replacing the journal");
        (void)close(fd);
        return RC_IO;
    }
    (void)close(self->fd); /* what was in it is in the new one */
    self->fd = fd;
    self->end = end;
    buf_reset(&self->pending);
    if (fsync(self->directory_fd) != 0)
        return fail_for_good(self, errno, "replacing", err);
    return RC_OK;
}

/* Until the rename the old file stays as it is, and stays in use when something fails. */
static enum rc posix_compact(struct journal *journal, const struct journal_record *records,
                             size_t count, struct err *err)
{
    struct posix_journal *self = self_of(journal);
    enum rc rc = check_usable(self, err);
    struct journal_end end;
    int fd, error;

    if (rc != RC_OK)
        return rc;
    fd = openat(self->directory_fd, new_name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, is_full(errno) ? RC_FULL : RC_IO, errno, "making a new journal");
    error = write_anew(fd, records, count, &end);
    if (error) {
        (void)close(fd);
        (void)unlinkat(self->directory_fd, new_name, 0); /* or the next compact() empties it */
        return err_errno(err, is_full(error) ? RC_FULL : RC_IO, error, "writing a new journal");
    }
    return replace(self, fd, end, err);
}

static size_t posix_size(struct journal *journal)
{
    return self_of(journal)->end.at + self_of(journal)->pending.length;
}

static void posix_free(struct journal *journal)
{
    struct posix_journal *self = self_of(journal);

    if (self->fd >= 0)
        (void)close(self->fd); /* what was promised is synced */
    (void)close(self->directory_fd);
    buf_release(&self->pending);
    free(self);
}

enum rc posix_journal_open(const char *directory, struct journal **ret_journal, struct err *err)
{
    static const struct journal_ops ops = {.name = "posix",
                                           .replay = posix_replay,
                                           .append = posix_append,
                                           .sync = posix_sync,
                                           .compact = posix_compact,
                                           .size = posix_size,
                                           .free = posix_free};
    struct posix_journal *self;
    int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (directory_fd < 0)
        return err_errno(err, RC_IO, errno, "opening %s", directory);
    self = xcalloc(1, sizeof(*self));
    self->base.ops = &ops;
    self->directory_fd = directory_fd;
    buf_init(&self->pending, PENDING_MAX);
    self->fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->fd < 0) {
        int error = errno;

        posix_free(&self->base);
        return err_errno(err, is_full(error) ? RC_FULL : RC_IO, error, "opening the journal in %s",
                         directory);
    }
    *ret_journal = &self->base;
    return RC_OK;
}
