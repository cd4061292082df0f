/* SPDX-License-Identifier: Apache-2.0 */
#include "link/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

static enum rc check_file(int fd, const char *path, struct err *err)
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

/* A byte more than a secret may have is read, so that a longer one is seen. */
static enum rc read_bytes(int fd, const char *path, uint8_t bytes[LINK_SECRET_MAX + 3],
                          size_t *ret_length, struct err *err)
{
    size_t length = 0;
    ssize_t got = 1;

    while (got > 0 && length < LINK_SECRET_MAX + 3) {
        got = read(fd, bytes + length, LINK_SECRET_MAX + 3 - length);
        if (got < 0 && errno != EINTR)
            return err_errno(err, RC_IO, errno, "%s cannot be read", path);
        if (got > 0)
            length += (size_t)got;
        else if (got < 0)
            got = 1;
    }
    while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
        length--;
    *ret_length = length;
    return RC_OK;
}

static enum rc keep(const uint8_t *bytes, size_t length, const char *path,
                    struct link_secret *ret_secret, struct err *err)
{
    if (length < LINK_SECRET_MIN)
        return err_fail(err, RC_INVALID,
                        "%s holds %zu bytes; a secret has at least %d: make one by `openssl rand "
                        "-hex 32`",
                        path, length, LINK_SECRET_MIN);
    if (length > LINK_SECRET_MAX)
        return err_fail(err, RC_INVALID, "%s holds more than %d bytes", path, LINK_SECRET_MAX);
    *ret_secret = (struct link_secret){.length = length};
    for (size_t i = 0; i < length; i++)
        ret_secret->bytes[i] = bytes[i];
    return RC_OK;
}

enum rc link_secret_read(const char *path, struct link_secret *ret_secret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint8_t bytes[LINK_SECRET_MAX + 3];
    size_t length = 0;
    enum rc rc;

    if (fd < 0)
        return err_errno(err, errno == ENOENT ? RC_NOT_FOUND : RC_IO, errno, "%s cannot be opened",
                         path);
    rc = check_file(fd, path, err);
    if (rc == RC_OK)
        rc = read_bytes(fd, path, bytes, &length, err);
    (void)close(fd); /* it was only read */
    if (rc == RC_OK)
        rc = keep(bytes, length, path, ret_secret, err);
    crypto_forget(bytes, sizeof(bytes));
    return rc;
}

void link_secret_forget(struct link_secret *secret)
{
    crypto_forget(secret, sizeof(*secret));
}
