/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are refused or are events, a line, runs or a leader; what is read is written again. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "fuzz/fuzz.h"
#include "link/event_text.h"
#include "link/leader.h"
#include "link/protocol.h"

static void try_events(const char *text, size_t length)
{
    struct event *events AUTO_FREE = xcalloc(LINK_EVENTS_MAX, sizeof(*events));
    struct event *again AUTO_FREE = xcalloc(LINK_EVENTS_MAX, sizeof(*again));
    size_t count, count_again;
    AUTO_BUF struct buf buf;

    buf_init(&buf, SIZE_MAX);
    if (link_events_read(text, length, events, &count, NULL) != RC_OK)
        return;
    CHECK(count <= LINK_EVENTS_MAX);
    CHECK(link_events_write(&buf, events, count) == RC_OK);
    CHECK(link_events_read(buf.data, buf.length, again, &count_again, NULL) == RC_OK);
    CHECK(count == count_again);
    for (size_t i = 0; i < count; i++)
        CHECK(events[i].kind == again[i].kind && events[i].job == again[i].job &&
              run_key_compare(&events[i].run, &again[i].run) == 0 &&
              !strcmp(events[i].worker, again[i].worker));
}

static void try_runs(const char *text, size_t length)
{
    struct run_key *runs AUTO_FREE = xcalloc(LINK_RUNS_MAX, sizeof(*runs));
    size_t count;
    AUTO_BUF struct buf buf;

    buf_init(&buf, SIZE_MAX);
    if (link_runs_read(text, length, runs, &count, NULL) != RC_OK)
        return;
    CHECK(link_runs_write(&buf, runs, count) == RC_OK);
    CHECK(link_runs_read(buf.data, buf.length, runs, &count, NULL) == RC_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    enum link_line line;
    struct event event;
    struct leader_record leader;

    try_events(text, size);
    try_runs(text, size);
    if (link_line_read(text, size, &line, &event, NULL) == RC_OK && line == LINK_LINE_EVENT)
        CHECK(strlen(event.worker) <= LIMIT_NAME);
    if (link_leader_read(text, size, &leader, NULL) == RC_OK)
        CHECK(strlen(leader.name) <= LIMIT_NAME && strlen(leader.url) <= LIMIT_URL);
    return 0;
}
