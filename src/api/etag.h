/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/etag.h: revisions as entity tags (RFC 9110, section 8.8.3). Pure, private to api/.
 *
 * The tag of a job is its revision in quotes: it stands for what the user decides, and does not
 * change when the job runs.
 */
#ifndef CRONJOB_API_ETAG_H
#define CRONJOB_API_ETAG_H

#include <stdbool.h>
#include <stdint.h>

enum { ETAG_TEXT = 24 };

const char *etag_format(uint64_t revision, char text[ETAG_TEXT]);

/* Whether a list of tags, or "*", holds that of the revision. `weak`: W/"5" is as good as "5", as
 * If-None-Match compares; If-Match does not. */
bool etag_list_holds(const char *list, uint64_t revision, bool weak);

#endif
