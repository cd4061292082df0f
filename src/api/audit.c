/* SPDX-License-Identifier: Apache-2.0 */
#include "api/audit.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#include "api/answer.h"
#include "api/call.h"
#include "api/handlers.h"
#include "api/link.h"
#include "api/source.h"
#include "wire/audit.h"

enum { RECORDS_DEFAULT = 100 };

/* ---- what was refused -------------------------------------------------------------------------
 */

void audit_init(struct audit_budget *budget)
{
    *budget = (struct audit_budget){.left = AUDIT_BURST};
    pthread_mutex_init(&budget->mutex, NULL);
}

void audit_release(struct audit_budget *budget)
{
    pthread_mutex_destroy(&budget->mutex);
}

static void refill(struct audit_budget *budget, mono_us now)
{
    span_us passed = MIN(now - budget->filled_at, MINUTE);
    unsigned more = (unsigned)(passed * AUDIT_RATE / SECOND);

    if (!more)
        return;
    budget->left = MIN(budget->left + more, AUDIT_BURST);
    budget->filled_at = now;
    if (budget->dropped)
        log_warn("refusals were not recorded one by one, ignoring",
                 LOG_U64("refusals", budget->dropped));
    budget->dropped = 0;
}

static bool spend(struct audit_budget *budget, mono_us now)
{
    bool may;

    pthread_mutex_lock(&budget->mutex);
    refill(budget, now);
    may = budget->left > 0;
    if (may)
        budget->left--;
    else
        budget->dropped++;
    pthread_mutex_unlock(&budget->mutex);
    return may;
}

static void recorded(struct change *change)
{
    arena_release(&change->arena);
    free(change);
}

/* Nobody waits for it. `record` has who, action, subject and outcome; its texts are copied. */
static void hand_over(struct call *call, const struct audit_record *record)
{
    struct change *change;
    struct arena *arena;

    if (!spend(&call->api->audit, clock_mono(call->api->config.clock)))
        return;
    change = xcalloc(1, sizeof(*change));
    arena = &change->arena;
    change->kind = CHANGE_AUDIT;
    change->audit = (struct audit_record){
        .who = arena_printf(arena, "%.*s", LIMIT_NAME, record->who),
        .source = arena_strdup(arena, source_text(call)),
        .action = record->action,
        .subject = arena_printf(arena, "%.*s", LIMIT_AUDIT_TEXT - 4, record->subject),
        .outcome = arena_printf(arena, "%.*s", LIMIT_AUDIT_TEXT, record->outcome),
    };
    change->done = recorded;
    if (changes_submit(call->api->config.changes, change, NULL) != RC_OK)
        recorded(change);
}

void audit_refusal(struct call *call, enum rc rc, const struct err *err)
{
    hand_over(call,
              &(struct audit_record){.who = call->who.account,
                                     .action = "refused",
                                     .subject = arena_printf(call->arena, "%s %s",
                                                             http_request_method(call->request),
                                                             http_request_path(call->request)),
                                     .outcome = err_message(err, rc)});
}

void audit_failed_login(struct call *call, const char *user)
{
    hand_over(call, &(struct audit_record){.who = "",
                                           .action = "login",
                                           .subject = user,
                                           .outcome = "the user or the password is wrong"});
}

/* ---- what is asked for ------------------------------------------------------------------------
 */

struct listing {
    struct json_writer writer;
    size_t left;
    uint64_t last;
    bool more;
};

static bool visit_record(void *context, const struct audit_record *record)
{
    struct listing *listing = context;

    listing->more = listing->left == 0;
    if (listing->left == 0)
        return false;
    listing->left--;
    listing->last = record->id;
    wire_audit_write(&listing->writer, record);
    return true;
}

static struct audit_query read_query(const struct call *call)
{
    const struct http_request *request = call->request;

    return (struct audit_query){
        .before = (uint64_t)query_integer(request, "before", 0),
        .who = http_request_query(request, "who"),
        .action = http_request_query(request, "action"),
        .since = query_instant(request, "since", INSTANT_NONE),
        .until = query_instant(request, "until", INSTANT_NONE),
    };
}

void handle_audit(struct call *call)
{
    struct answer answer = answer_new(200, ANSWER_JSON);
    struct audit_query query = read_query(call);
    struct listing listing = {.left =
                                  (size_t)query_integer(call->request, "limit", RECORDS_DEFAULT)};
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc;

    buf_init(&body, ANSWER_LIMIT);
    query.limit = listing.left + 1;
    json_writer_init(&listing.writer, &body);
    json_write_array_begin(&listing.writer);
    rc = store_read_audit(call->api->config.store, &query, visit_record, &listing, &err);
    json_write_array_end(&listing.writer);
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        return;
    }
    if (listing.more)
        answer_header(
            &answer, "Link",
            link_next(call, "before",
                      arena_printf(call->arena, "%llu", (unsigned long long)listing.last)));
    answer_send(call, &answer, &body);
}
