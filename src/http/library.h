/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/library.h: what is used of libmicrohttpd and GnuTLS. Found when the first server is made:
 * a guardian and a client have no use for them, and not for the dozen libraries that they bring.
 */
#ifndef CRONJOB_HTTP_LIBRARY_H
#define CRONJOB_HTTP_LIBRARY_H

#include <gnutls/gnutls.h> /* lint: only library.c and certificate.c include this header */
#include <microhttpd.h>    /* lint: only library.c and engine.c include this header */

#include "base/library.h"

/* clang-format off */
#define MHD_TABLE(X)                                                     \
    X(start_daemon,                  MHD_start_daemon)                   \
    X(stop_daemon,                   MHD_stop_daemon)                    \
    X(get_daemon_info,               MHD_get_daemon_info)                \
    X(add_connection,                MHD_add_connection)                 \
    X(suspend_connection,            MHD_suspend_connection)             \
    X(resume_connection,             MHD_resume_connection)              \
    X(get_connection_info,           MHD_get_connection_info)            \
    X(get_connection_values_n,       MHD_get_connection_values_n)        \
    X(lookup_connection_value,       MHD_lookup_connection_value)        \
    X(create_response_from_buffer,   MHD_create_response_from_buffer)    \
    X(create_response_from_callback, MHD_create_response_from_callback)  \
    X(add_response_header,           MHD_add_response_header)            \
    X(queue_response,                MHD_queue_response)                 \
    X(destroy_response,              MHD_destroy_response)

#define GNUTLS_TABLE(X)                                                  \
    X(allocate_credentials,  gnutls_certificate_allocate_credentials)    \
    X(free_credentials,      gnutls_certificate_free_credentials)        \
    X(set_x509_key_mem,      gnutls_certificate_set_x509_key_mem)        \
    X(strerror,              gnutls_strerror)
/* clang-format on */

struct library {
    MHD_TABLE(LIBRARY_MEMBER)
    GNUTLS_TABLE(LIBRARY_MEMBER)
};

/* Filled by http_library_load(). */
extern struct library http_library;

/* RC_UNAVAILABLE: one is not installed. From any thread. */
MUST_USE enum rc http_library_load(struct err *err);

#endif
