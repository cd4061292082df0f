/* SPDX-License-Identifier: Apache-2.0 */
#include "http/certificate.h"

#include <stdint.h>
#include <string.h>

#include "base/check.h"

#include "http/library.h"

/* GnuTLS does not write to it; its type is older than const. */
static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)text,
                            .size = (unsigned)strlen(text)};
}

enum rc http_certificate_check(const struct http_certificate *certificate, struct err *err)
{
    const gnutls_datum_t chain = datum(certificate->chain), key = datum(certificate->key);
    gnutls_certificate_credentials_t credentials;
    enum rc rc = http_library_load(err);
    int outcome;

    if (rc != RC_OK)
        return rc;
    CHECK(http_library.allocate_credentials(&credentials) == GNUTLS_E_SUCCESS);
    outcome = http_library.set_x509_key_mem(credentials, &chain, &key, GNUTLS_X509_FMT_PEM);
    http_library.free_credentials(credentials);
    return outcome >= 0 ? RC_OK
                        : err_fail(err, RC_INVALID, "certificate and key cannot be used: %s",
                                   http_library.strerror(outcome));
}
