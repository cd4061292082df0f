/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rc check_secret(int fd, const char *path, struct err *err)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return err_errno(err, RC_IO, errno, "%s cannot be read", path);
    if (!S_ISREG(status.st_mode))
        return err_fail(err, RC_FORBIDDEN, "%s is not a regular file", path);
    if (status.st_mode & (S_IRWXO | S_IWGRP))
        return err_fail(err, RC_FORBIDDEN,
                        "%s can be read or changed by others (its mode is %04o): chmod 0600 it",
                        path, (unsigned)(status.st_mode & 07777));
    return RC_OK;
}

static enum rc read_all(int fd, const char *path, struct buf *content, struct err *err)
{
    size_t room = content->limit - content->length;
    char more;

    if (buf_reserve(content, room) != RC_OK)
        return err_fail(err, RC_TOO_BIG, "%s: there is no room for it", path);
    for (;;) {
        ssize_t got = room ? read(fd, content->data + content->length, room) : read(fd, &more, 1);

        if (got < 0 && errno != EINTR)
            return err_errno(err, RC_IO, errno, "%s cannot be read", path);
        if (got > 0 && !room)
            return err_fail(err, RC_TOO_BIG, "%s has more than %zu bytes", path, content->limit);
        if (got > 0) {
            content->length += (size_t)got;
            room -= (size_t)got;
        }
        content->data[content->length] = '\0';
        if (got == 0)
            return RC_OK;
    }
}

static enum rc read_checked(const char *path, bool secret, struct buf *content, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | (secret ? O_NONBLOCK : 0));
    enum rc rc = RC_OK;

    if (fd < 0)
        return err_errno(err, errno == ENOENT ? RC_NOT_FOUND : RC_IO, errno, "%s cannot be opened",
                         path);
    if (secret)
        rc = check_secret(fd, path, err);
    if (rc == RC_OK)
        rc = read_all(fd, path, content, err);
    (void)close(fd); /* was only read */
    return rc;
}

enum rc file_read(const char *path, struct buf *content, struct err *err)
{
    return read_checked(path, false, content, err);
}

enum rc file_read_secret(const char *path, struct buf *content, struct err *err)
{
    return read_checked(path, true, content, err);
}
