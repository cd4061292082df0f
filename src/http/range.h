/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/range.h: which part of a content a client asks for by "Range: bytes=..." (RFC 9110, 14.2).
 * Pure.
 *
 * A part is answered by 206 with "Content-Range: bytes FIRST-LAST/SIZE", an unsatisfiable range by
 * 416 with the same field and an asterisk for FIRST-LAST, none by 200 and the whole. Several ranges
 * at once, other units and what cannot be read count as none, as the RFC allows.
 */
#ifndef CRONJOB_HTTP_RANGE_H
#define CRONJOB_HTTP_RANGE_H

#include <stdint.h>

enum http_range_outcome {
    HTTP_RANGE_NONE,
    HTTP_RANGE_PART,
    HTTP_RANGE_UNSATISFIABLE, /* it lies behind the end */
};

struct http_range {
    int64_t first; /* counted from 0 */
    int64_t last;  /* the last byte of the part, not the one behind it */
};

/* `value` is the field's, NULL when absent. The range is set for HTTP_RANGE_PART only. */
enum http_range_outcome http_range_parse(const char *value, int64_t size,
                                         struct http_range *ret_range);

#endif
