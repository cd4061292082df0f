/* SPDX-License-Identifier: Apache-2.0 */
/* main/credentials.h: key and secret of a service, in a file for its owner alone. */
#ifndef CRONJOB_MAIN_CREDENTIALS_H
#define CRONJOB_MAIN_CREDENTIALS_H

#include <stddef.h>

#include "base/err.h"

enum { CREDENTIAL_MAX = 1024, CREDENTIALS_FILE_MAX = 4096 }; /* bytes */

struct credentials {
    char key[CREDENTIAL_MAX + 1];
    char secret[CREDENTIAL_MAX + 1];
};

/* Lines "key = ..." and "secret = ...", as in a configuration file. Pure. RC_INVALID says which
 * line is wrong, never what stands there. */
MUST_USE enum rc credentials_read(const char *file, const char *text, size_t length,
                                  struct credentials *ret_credentials, struct err *err);

/* The same of a file; also as file_read_secret() fails. To be forgotten with crypto_forget(). */
MUST_USE enum rc credentials_load(const char *path, struct credentials *ret_credentials,
                                  struct err *err);

#endif
