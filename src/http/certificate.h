/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/certificate.h: by what a server proves who it is, and encrypts. GnuTLS stands behind it, as
 * libmicrohttpd uses it, in certificate.c alone.
 */
#ifndef CRONJOB_HTTP_CERTIFICATE_H
#define CRONJOB_HTTP_CERTIFICATE_H

#include "base/err.h"

/* Texts of PEM. */
struct http_certificate {
    const char *chain; /* the server's certificate first, then those that vouch for it */
    const char *key;   /* private, without a password */
};

/* TLS 1.2 and 1.3, in GnuTLS's words. */
#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* RC_INVALID: what is no certificate or no key, or the two do not belong together. An expired one
 * is for those to refuse who see it. */
MUST_USE enum rc http_certificate_check(const struct http_certificate *certificate,
                                        struct err *err);

#endif
