/* SPDX-License-Identifier: Apache-2.0 */
/* base/utf8.h: well-formed UTF-8, as RFC 3629 defines it. */
#ifndef CRONJOB_BASE_UTF8_H
#define CRONJOB_BASE_UTF8_H

#include <stddef.h>

/* Bytes (1-4) of the character that `text` begins with; 0 when it begins with none: a stray or
 * missing continuation, an overlong form, a surrogate, past U+10FFFF, or `length` 0. */
size_t utf8_length(const char *text, size_t length);

#endif
