/* SPDX-License-Identifier: Apache-2.0 */
#include "http/certificate.h"

#include <gnutls/gnutls.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

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
    int outcome;

    CHECK(gnutls_certificate_allocate_credentials(&credentials) == GNUTLS_E_SUCCESS);
    outcome = gnutls_certificate_set_x509_key_mem(credentials, &chain, &key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(credentials);
    return outcome >= 0 ? RC_OK
                        : err_fail(err, RC_INVALID, "certificate and key cannot be used: %s",
                                   gnutls_strerror(outcome));
}
