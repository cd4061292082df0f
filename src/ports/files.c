/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { PIECE = 256 * 1024 };

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed == b->changed;
}

enum rc file_stamp_read(int fd, struct file_stamp *ret_stamp, struct err *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return err_errno(err, RC_IO, errno, "looking at a file");
    if (!S_ISREG(status.st_mode))
        return err_fail(err, RC_INVALID, "not a regular file");
    *ret_stamp = (struct file_stamp){
        .device = status.st_dev,
        .inode = status.st_ino,
        .size = status.st_size,
        .changed = status.st_ctim.tv_sec * 1000000000LL + status.st_ctim.tv_nsec,
    };
    return RC_OK;
}

enum rc file_has_hash(int fd, const char *hash, bool *ret_has, struct err *err)
{
    AUTO_FREE char *piece = xmalloc(PIECE);
    char text[CRYPTO_DIGEST_TEXT];
    uint8_t digest[CRYPTO_DIGEST];
    struct crypto_hash state;
    off_t offset = 0;

    crypto_hash_begin(&state);
    for (;;) {
        ssize_t length = pread(fd, piece, PIECE, offset);

        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return err_errno(err, RC_IO, errno, "reading the copy of a file");
        if (length == 0)
            break;
        crypto_hash_add(&state, piece, (size_t)length);
        offset += length;
    }
    crypto_hash_end(&state, digest);
    *ret_has = strcmp(crypto_digest_text(digest, text), hash) == 0;
    return RC_OK;
}
