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
    answer_send(call, &answer, &body);
}
