/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pending.h"

#include "base/mem.h"

#include "api/answer.h"
#include "api/source.h"

static void change_done(struct change *change)
{
    struct pending *pending = change->context;

    if (change->outcome == RC_OK) {
        pending->answered(pending);
    } else {
        if (pending->refused && pending->refused(pending))
            return;
        answer_failure(pending->call, change->outcome, &change->err);
    }
    pending_drop(pending);
}

struct pending *pending_new(struct call *call, enum change_kind kind,
                            void (*answered)(struct pending *pending))
{
    struct pending *pending = xcalloc(1, sizeof(*pending));

    pending->change.kind = kind;
    pending->change.audit =
        (struct audit_record){.who = call->who.account, .source = source_text(call)};
    pending->change.done = change_done;
    pending->change.context = pending;
    pending->call = call;
    pending->answered = answered;
    return pending;
}

void pending_submit(struct pending *pending)
{
    struct err err = {0};
    enum rc rc = changes_submit(pending->call->api->config.changes, &pending->change, &err);

    if (rc == RC_OK)
        return;
    answer_failure(pending->call, rc, &err);
    pending_drop(pending);
}

void pending_drop(struct pending *pending)
{
    arena_release(&pending->change.arena);
    free(pending);
}
