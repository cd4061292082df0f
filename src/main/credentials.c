/* SPDX-License-Identifier: Apache-2.0 */
#include "main/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

#include "main/config.h"

static enum rc take_line(void *context, const struct config_line *line, struct err *err)
{
    struct credentials *credentials = context;
    char *target = !strcmp(line->key, "key")      ? credentials->key
                   : !strcmp(line->key, "secret") ? credentials->secret
                                                  : NULL;
    size_t length = strlen(line->value);

    if (!target)
        return err_fail(err, RC_INVALID, "expected key = ... or secret = ...");
    if (!length || length > CREDENTIAL_MAX)
        return err_fail(err, RC_INVALID, "%s: not 1 to %d bytes", line->key, CREDENTIAL_MAX);
    memcpy(target, line->value, length + 1);
    return RC_OK;
}

enum rc credentials_read(const char *file, const char *text, size_t length,
                         struct credentials *ret_credentials, struct err *err)
{
    static const char *const sections[] = {"objects", NULL};
    const struct config_text config = {
        .file = file, .text = text, .length = length, .sections = sections};
    AUTO_ARENA struct arena arena = {0};
    enum rc rc;

    *ret_credentials = (struct credentials){0};
    rc = config_read(&config, &arena, take_line, ret_credentials, err);
    if (rc == RC_OK && !*ret_credentials->key)
        rc = err_fail(err, RC_INVALID, "%s: there is no line key = ...", file);
    if (rc == RC_OK && !*ret_credentials->secret)
        rc = err_fail(err, RC_INVALID, "%s: there is no line secret = ...", file);
    return rc;
}

static enum rc check_file(int fd, const char *path, struct err *err)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return err_errno(err, RC_IO, errno, "%s", path);
    if (!S_ISREG(status.st_mode))
        return err_fail(err, RC_FORBIDDEN, "%s is not a regular file", path);
    if (status.st_mode & (S_IRWXO | S_IWGRP))
        return err_fail(err, RC_FORBIDDEN,
                        "%s can be read or changed by others (its mode is %04o): chmod 0600 it",
                        path, (unsigned)(status.st_mode & 07777));
    if (status.st_size > CREDENTIALS_FILE_MAX)
        return err_fail(err, RC_INVALID, "%s has more than %d bytes", path, CREDENTIALS_FILE_MAX);
    return RC_OK;
}

enum rc credentials_load(const char *path, struct credentials *ret_credentials, struct err *err)
{
    char text[CREDENTIALS_FILE_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = 0;
    enum rc rc;

    if (fd < 0)
        return err_errno(err, RC_IO, errno, "%s", path);
    rc = check_file(fd, path, err);
    if (rc == RC_OK)
        length = read(fd, text, sizeof(text));
    if (length < 0)
        rc = err_errno(err, RC_IO, errno, "%s", path);
    (void)close(fd); /* was only read */
    if (rc == RC_OK)
        rc = credentials_read(path, text, (size_t)length, ret_credentials, err);
    crypto_forget(text, sizeof(text));
    return rc;
}
