/* SPDX-License-Identifier: Apache-2.0 */
/* api/embedded.h: files of this folder that are in the binary; made by tools/embed.py. Private to
 * api/. */
#ifndef CRONJOB_API_EMBEDDED_H
#define CRONJOB_API_EMBEDDED_H

#include <stddef.h>

/* schemas.json: the schemas of everything that is sent, by name. */
extern const char embedded_schemas[];
extern const size_t embedded_schemas_length;

/* page.html */
extern const char embedded_page[];
extern const size_t embedded_page_length;

#endif
