/* SPDX-License-Identifier: Apache-2.0 */
/* main/certificate.h: a server's certificate and key, in two files. */
#ifndef CRONJOB_MAIN_CERTIFICATE_H
#define CRONJOB_MAIN_CERTIFICATE_H

#include "base/buf.h"
#include "base/err.h"

#include "http/certificate.h"

enum { CERTIFICATE_FILE_MAX = 64 * 1024 }; /* bytes, of each */

/* Owns the texts. */
struct certificate_files {
    struct buf chain, key;
};

/*
 * Reads both. The chain may be read by anybody, the key as file_read_secret() says. Whether they
 * can be used is for http_certificate_check(). On failure there is nothing to release.
 */
MUST_USE enum rc certificate_load(const char *chain_path, const char *key_path,
                                  struct certificate_files *ret_files, struct err *err);
void certificate_release(struct certificate_files *files); /* the key is forgotten */

/* As the HTTP server takes them; valid as long as the files are. */
struct http_certificate certificate_texts(const struct certificate_files *files);

#endif
