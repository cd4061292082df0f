/* SPDX-License-Identifier: Apache-2.0 */
#include "link/secret.h"

#include "base/crypto.h"
#include "base/file.h"

enum { LINE_END = 2 }; /* bytes: "\r\n" */

static enum rc keep(const char *bytes, size_t length, const char *path,
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
        ret_secret->bytes[i] = (uint8_t)bytes[i];
    return RC_OK;
}

enum rc link_secret_read(const char *path, struct link_secret *ret_secret, struct err *err)
{
    AUTO_BUF struct buf content;
    size_t length;
    enum rc rc;

    buf_init(&content, LINK_SECRET_MAX + LINE_END);
    rc = file_read_secret(path, &content, err);
    length = content.length;
    while (length > 0 && (content.data[length - 1] == '\n' || content.data[length - 1] == '\r'))
        length--;
    if (rc == RC_OK)
        rc = keep(content.data, length, path, ret_secret, err);
    if (content.capacity)
        crypto_forget(content.data, content.capacity);
    return rc;
}

void link_secret_forget(struct link_secret *secret)
{
    crypto_forget(secret, sizeof(*secret));
}
