/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "core/run_hash.h"

enum line_kind { LINE_STARTED = 1, LINE_ENDED = 2, LINE_DONE = 3 };

enum { COMPACT_FROM = 1024 * 1024, COMPACT_RATIO = 4 }; /* bytes; written to alive */

/* A record of the journal, as it lies in memory: it never leaves this machine. */
struct line {
    uint32_t kind;
    uint32_t job_status;
    struct run_key key;
    struct claim_token token;
    struct run_result result;
    char reason[LIMIT_REASON + 1];
};

static struct ledger_entry *find(const struct ledger *ledger, const struct run_key *key)
{
    struct table_node *node = table_first(&ledger->entries, run_key_hash(key));

    for (; node; node = table_next(node)) {
        struct ledger_entry *entry = container_of(node, struct ledger_entry, node);

        if (!run_key_compare(&entry->key, key))
            return entry;
    }
    return NULL;
}

const struct ledger_entry *ledger_find(const struct ledger *ledger, const struct run_key *key)
{
    return find(ledger, key);
}

static void forget(struct ledger *ledger, struct ledger_entry *entry)
{
    table_remove(&ledger->entries, &entry->node);
    free(entry);
}

/* What a line means, at replay and when it is written. */
static void take(struct ledger *ledger, const struct line *line)
{
    struct ledger_entry *entry = find(ledger, &line->key);

    if (line->kind == LINE_DONE) {
        if (entry)
            forget(ledger, entry);
        return;
    }
    if (!entry) {
        entry = xcalloc(1, sizeof(*entry));
        entry->key = line->key;
        table_insert(&ledger->entries, &entry->node, run_key_hash(&line->key));
    }
    entry->token = line->token;
    entry->ended = line->kind == LINE_ENDED;
    entry->result = line->result;
    entry->job_status = (enum job_status)line->job_status;
    memcpy(entry->reason, line->reason, sizeof(entry->reason));
    entry->reason[LIMIT_REASON] = '\0';
}

static void replay_line(void *context, const struct journal_record *record)
{
    struct line line;

    if (record->length != sizeof(line))
        return; /* of another version: its runs count as never handed over, and are lost */
    memcpy(&line, record->data, sizeof(line));
    if (line.kind >= LINE_STARTED && line.kind <= LINE_DONE && line.job_status < JOB_STATUS_COUNT)
        take(context, &line);
}

enum rc ledger_open(struct ledger *ledger, struct journal *journal, struct err *err)
{
    *ledger = (struct ledger){.journal = journal};
    return journal_replay(journal, replay_line, ledger, err);
}

void ledger_release(struct ledger *ledger)
{
    struct table_node *node = table_after(&ledger->entries, NULL);

    while (node) {
        struct table_node *after = table_after(&ledger->entries, node);

        forget(ledger, container_of(node, struct ledger_entry, node));
        node = after;
    }
    table_release(&ledger->entries);
}

static enum rc write_line(struct ledger *ledger, const struct line *line, struct err *err)
{
    enum rc rc = journal_append(ledger->journal, line, sizeof(*line), err);

    if (rc == RC_OK)
        take(ledger, line);
    return rc;
}

enum rc ledger_start(struct ledger *ledger, const struct run_key *key,
                     const struct claim_token *token, struct err *err)
{
    struct line line = {.kind = LINE_STARTED, .key = *key, .token = *token};

    return write_line(ledger, &line, err);
}

enum rc ledger_end(struct ledger *ledger, const struct write_run *result, struct err *err)
{
    struct line line = {.kind = LINE_ENDED,
                        .job_status = result->job_status,
                        .key = result->key,
                        .token = result->token,
                        .result = result->result};

    memcpy(line.reason, result->reason, MIN(strlen(result->reason), (size_t)LIMIT_REASON));
    return write_line(ledger, &line, err);
}

enum rc ledger_sync(struct ledger *ledger, struct err *err)
{
    return journal_sync(ledger->journal, err);
}

static void line_of(const struct ledger_entry *entry, struct line *ret_line)
{
    *ret_line = (struct line){.kind = entry->ended ? LINE_ENDED : LINE_STARTED,
                              .job_status = entry->job_status,
                              .key = entry->key,
                              .token = entry->token,
                              .result = entry->result};
    memcpy(ret_line->reason, entry->reason, sizeof(ret_line->reason));
}

static enum rc compact(struct ledger *ledger, struct err *err)
{
    size_t count = 0;
    struct line *lines AUTO_FREE = xcalloc(ledger->entries.count, sizeof(*lines));
    struct journal_record *records AUTO_FREE = xcalloc(ledger->entries.count, sizeof(*records));

    for (struct table_node *node = table_after(&ledger->entries, NULL); node;
         node = table_after(&ledger->entries, node)) {
        line_of(container_of(node, struct ledger_entry, node), &lines[count]);
        records[count] = (struct journal_record){&lines[count], sizeof(*lines)};
        count++;
    }
    return journal_compact(ledger->journal, records, count, err);
}

enum rc ledger_done(struct ledger *ledger, const struct run_key *key, struct err *err)
{
    struct line line = {.kind = LINE_DONE, .key = *key};
    size_t alive = (ledger->entries.count + 1) * sizeof(line);
    enum rc rc;

    if (!find(ledger, key))
        return RC_OK;
    rc = write_line(ledger, &line, err);
    if (rc == RC_OK &&
        journal_size(ledger->journal) > MAX((size_t)COMPACT_FROM, COMPACT_RATIO * alive))
        rc = compact(ledger, err);
    return rc;
}
