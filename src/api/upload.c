/* SPDX-License-Identifier: Apache-2.0 */
#include "api/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

enum { DECODED_AT_ONCE = 12 * 1024 }; /* characters */

/* Not every file system has files without names: then one that has its name for a moment. */
static int open_named(const char *directory)
{
    char *AUTO_FREE path = xasprintf("%s/.upload-XXXXXX", directory);
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd >= 0)
        (void)unlink(path); /* it was made a moment ago */
    return fd;
}

enum rc upload_open(struct upload *upload, const char *directory, int64_t limit, struct err *err)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    CHECK(!upload->is_open);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT))
        fd = open_named(directory);
    if (fd < 0)
        return err_errno(err, errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO, errno,
                         "a file in %s", directory);
    *upload = (struct upload){.is_open = true, .fd = fd, .limit = limit};
    crypto_hash_begin(&upload->hash);
    return RC_OK;
}

void upload_close(struct upload *upload)
{
    if (upload->is_open)
        (void)close(upload->fd); /* nothing of it is to be kept */
    upload->is_open = false;
}

enum rc upload_write(struct upload *upload, const void *data, size_t length, struct err *err)
{
    const char *at = data;

    if ((int64_t)length > upload->limit - upload->size)
        return err_fail(err, RC_TOO_BIG, "a file may have at most %lld bytes (upload-limit)",
                        (long long)upload->limit);
    crypto_hash_add(&upload->hash, data, length);
    while (length > 0) {
        ssize_t written = pwrite(upload->fd, at, length, upload->size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return err_errno(err, errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO, errno,
                             "writing an upload");
        at += written;
        length -= (size_t)written;
        upload->size += written;
    }
    return RC_OK;
}

enum rc upload_decode(struct upload *upload, const char *text, size_t length, struct err *err)
{
    uint8_t data[BASE64_ROOM(DECODED_AT_ONCE)];
    enum rc rc = RC_OK;

    for (size_t i = 0; i < length && rc == RC_OK; i += DECODED_AT_ONCE) {
        size_t decoded;

        rc = base64_read(&upload->reader, text + i, MIN((size_t)DECODED_AT_ONCE, length - i), data,
                         &decoded, err);
        if (rc == RC_OK)
            rc = upload_write(upload, data, decoded, err);
    }
    return rc;
}

enum rc upload_end(struct upload *upload, bool decoded, struct err *err)
{
    uint8_t digest[CRYPTO_DIGEST];
    enum rc rc = decoded ? base64_end(&upload->reader, err) : RC_OK;

    if (rc == RC_OK && upload->size == 0)
        rc = err_fail(err, RC_INVALID, "is an empty file");
    if (rc != RC_OK)
        return rc;
    crypto_hash_end(&upload->hash, digest);
    (void)crypto_digest_text(digest, upload->sha256);
    return RC_OK;
}
