/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/upload.h: a file on its way into the object store. Private to api/.
 *
 * It is written down as it comes, hashed meanwhile, in a file that has no name: whatever happens to
 * this process, nothing of it is left.
 */
#ifndef CRONJOB_API_UPLOAD_H
#define CRONJOB_API_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"

#include "wire/base64.h"

/* All zeros is one that was never opened. */
struct upload {
    bool is_open;
    int fd;
    int64_t size;
    int64_t limit;
    struct crypto_hash hash;
    struct base64_reader reader;
    char sha256[CRYPTO_DIGEST_TEXT]; /* once it has ended */
};

/* In that directory, for at most so many bytes. RC_IO, RC_FULL. */
MUST_USE enum rc upload_open(struct upload *upload, const char *directory, int64_t limit,
                             struct err *err);
void upload_close(struct upload *upload);

/* More of it, as it is, or as BASE64: RC_INVALID says what is wrong with that. RC_TOO_BIG names the
 * limit. RC_FULL, RC_IO. */
MUST_USE enum rc upload_write(struct upload *upload, const void *data, size_t length,
                              struct err *err);
MUST_USE enum rc upload_decode(struct upload *upload, const char *text, size_t length,
                               struct err *err);

/* That was all. `decoded`: it came as BASE64. RC_INVALID: it may not end there, or is empty. */
MUST_USE enum rc upload_end(struct upload *upload, bool decoded, struct err *err);

#endif
