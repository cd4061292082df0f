/* SPDX-License-Identifier: Apache-2.0 */
/* api/import.h: a file from another server, once, when its job is made. Private to api/. */
#ifndef CRONJOB_API_IMPORT_H
#define CRONJOB_API_IMPORT_H

#include "base/instant.h"

#include "api/upload.h"
#include "http/source.h"

struct import_sources {
    const struct http_source *items; /* that the administrator allows */
    size_t count;
    mono_us (*mono)(void);
};

/* Whether the URL may be fetched from. RC_INVALID, in words. */
MUST_USE enum rc import_check(const struct import_sources *sources, const char *url,
                              struct err *err);

/*
 * Fetches it into the upload, which is open. A redirection is followed when its target may be
 * fetched too. Waits, at most 30 s. RC_INVALID: it may not be fetched, or its server has no file
 * there. RC_UNAVAILABLE, RC_TIMEOUT: its server does not answer. RC_TOO_BIG.
 */
MUST_USE enum rc import_fetch(const struct import_sources *sources, const char *url,
                              struct upload *upload, struct err *err);

#endif
