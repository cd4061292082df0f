/* SPDX-License-Identifier: Apache-2.0 */
/* base/file.h: small files, read whole. */
#ifndef CRONJOB_BASE_FILE_H
#define CRONJOB_BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Appends all of it to `content`, whose memory is reserved at once: no second copy is left behind.
 * RC_NOT_FOUND: there is none. RC_TOO_BIG: there is more than the buffer's limit. RC_IO. All name
 * the path. */
MUST_USE enum rc file_read(const char *path, struct buf *content, struct err *err);

/* The same of what is its owner's alone, like a private key. RC_FORBIDDEN: it is no regular file,
 * or others than its owner and group may read it, or others than its owner change it. */
MUST_USE enum rc file_read_secret(const char *path, struct buf *content, struct err *err);

#endif
