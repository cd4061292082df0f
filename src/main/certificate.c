/* SPDX-License-Identifier: Apache-2.0 */
#include "main/certificate.h"

#include "base/crypto.h"
#include "base/file.h"

enum rc certificate_load(const char *chain_path, const char *key_path,
                         struct certificate_files *ret_files, struct err *err)
{
    struct certificate_files files;
    enum rc rc;

    buf_init(&files.chain, CERTIFICATE_FILE_MAX);
    buf_init(&files.key, CERTIFICATE_FILE_MAX);
    rc = file_read(chain_path, &files.chain, err);
    if (rc == RC_OK)
        rc = file_read_secret(key_path, &files.key, err);
    if (rc == RC_OK)
        *ret_files = files;
    else
        certificate_release(&files);
    return rc;
}

void certificate_release(struct certificate_files *files)
{
    if (files->key.capacity)
        crypto_forget(files->key.data, files->key.capacity);
    buf_release(&files->key);
    buf_release(&files->chain);
}

struct http_certificate certificate_texts(const struct certificate_files *files)
{
    return (struct http_certificate){.chain = files->chain.data, .key = files->key.data};
}
