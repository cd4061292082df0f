/* SPDX-License-Identifier: Apache-2.0 */
#include "http/library.h"

#include <pthread.h>

#include "base/check.h"

struct library http_library;

static const struct library_symbol mhd_symbols[] = {MHD_TABLE(LIBRARY_SYMBOL)};
static const struct library_symbol gnutls_symbols[] = {GNUTLS_TABLE(LIBRARY_SYMBOL)};

static enum rc loaded; /* that, and why not, is written once, by load() */
static struct err failure;

static void load(void)
{
    loaded = library_load("libmicrohttpd.so.12", mhd_symbols, ARRAY_SIZE(mhd_symbols),
                          &http_library, &failure);
    if (loaded == RC_OK)
        loaded = library_load("libgnutls.so.30", gnutls_symbols, ARRAY_SIZE(gnutls_symbols),
                              &http_library, &failure);
}

enum rc http_library_load(struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    CHECK(!pthread_once(&once, load));
    return loaded == RC_OK ? RC_OK : err_fail(err, loaded, "no HTTP server: %s", failure.message);
}
