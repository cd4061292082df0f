/* SPDX-License-Identifier: Apache-2.0 */
#include "main/credentials.h"

#include <string.h>

#include "base/crypto.h"
#include "base/file.h"

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

enum rc credentials_load(const char *path, struct credentials *ret_credentials, struct err *err)
{
    AUTO_BUF struct buf content;
    enum rc rc;

    buf_init(&content, CREDENTIALS_FILE_MAX);
    rc = file_read_secret(path, &content, err);
    if (rc == RC_OK)
        rc = credentials_read(path, content.data, content.length, ret_credentials, err);
    if (content.capacity)
        crypto_forget(content.data, content.capacity);
    return rc;
}
