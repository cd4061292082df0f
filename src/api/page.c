/* SPDX-License-Identifier: Apache-2.0 */
/* The page that a browser finds at the server's address. */
#include "api/answer.h"
#include "api/embedded.h"
#include "api/handlers.h"

void handle_page(struct call *call)
{
    struct answer answer = answer_new(200, ANSWER_HTML);
    AUTO_BUF struct buf body;

    buf_init(&body, ANSWER_LIMIT);
    buf_append(&body, embedded_page, embedded_page_length);
    answer_header(
        &answer, "Content-Security-Policy",
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    answer_header(&answer, "Referrer-Policy", "no-referrer");
    answer_send(call, &answer, &body);
}
