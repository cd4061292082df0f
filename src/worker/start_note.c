/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A claim is in the journal as about to be started: who finds it there after a crash, and nothing
 * of it with the guardian, must take it for lost. A run whose file is not there yet may wait for
 * hours, and surely has not been started. So its note is withdrawn when it begins to wait, and made
 * anew before it is handed over. Whoever dies in between finds a run that was never started.
 */
#include "base/mem.h"

#include "worker/internal.h"

static void add(struct worker *worker, const struct active *active, bool starts)
{
    worker->notes =
        xgrow(worker->notes, worker->note_count, &worker->note_capacity, sizeof(*worker->notes));
    worker->notes[worker->note_count++] = (struct note){active->key, active->token, starts};
}

void worker_withdraw_start(struct worker *worker, struct active *active)
{
    if (active->start_note != START_NOTED)
        return;
    active->start_note = START_WITHDRAWN;
    add(worker, active, false);
}

bool worker_ask_start(struct worker *worker, struct active *active)
{
    if (active->start_note != START_WITHDRAWN)
        return false;
    active->start_note = START_ASKED;
    add(worker, active, true);
    return true;
}

/* On the store thread. */
enum rc work_note_starts(struct work *work)
{
    struct ledger *ledger = &work->worker->ledger;
    enum rc rc = RC_OK;

    for (size_t i = 0; i < work->note_count && rc == RC_OK; i++) {
        const struct note *note = &work->notes[i];

        rc = note->starts ? ledger_start(ledger, &note->key, &note->token, &work->err)
                          : ledger_done(ledger, &note->key, &work->err);
    }
    return rc == RC_OK && work->note_count ? ledger_sync(ledger, &work->err) : rc;
}

void worker_take_notes(struct worker *worker, const struct work *work)
{
    for (size_t i = 0; i < work->note_count; i++) {
        struct active *active = worker_find_active(worker, &work->notes[i].key);

        if (!active || !work->notes[i].starts)
            continue;
        active->start_note = START_NOTED;
        worker->look_at_files = 0;
    }
}
