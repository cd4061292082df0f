/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/crontab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include "worker/internal.h"

#define QUIET      (100 * MILLISECOND) /* changes come in swarms; then one file for all */
#define QUIET_MOST (1 * SECOND)
#define KEEP_EVERY (1 * MINUTE)
#define KEEP_AGAIN (10 * SECOND) /* after a failure */

/* After a start, tasks are still to come; without coordination, jobs by the store. */
#define FIRST_AFTER   (1 * SECOND)
#define FIRST_WITHOUT (5 * SECOND)

/* cron looks at its tables once a minute, and may take its time. */
#define READ_BY_CRON (1 * MINUTE + 5 * SECOND)
#define CALL_FITS    (90 * SECOND) /* a call so long after a tick that was accounted for is cron's */

struct line {
    struct table_node node; /* in lines, by job */
    job_id job;
    bool sent;    /* it is in the text that is being kept, or was */
    bool written; /* the crontab has it */
    mono_us written_at;
    char fields[];
};

static struct line *find_line(const struct worker *worker, job_id job)
{
    struct table_node *node = table_first(&worker->crontab.lines, hash_mix(job));

    for (; node; node = table_next(node)) {
        struct line *line = container_of(node, struct line, node);

        if (line->job == job)
            return line;
    }
    return NULL;
}

static struct line *next_line(const struct worker *worker, const struct line *line)
{
    struct table_node *node = table_after(&worker->crontab.lines, line ? &line->node : NULL);

    return node ? container_of(node, struct line, node) : NULL;
}

/* ---- how cron does --------------------------------------------------------------------------- */

struct backend worker_backend(const struct worker *worker)
{
    const struct crontab_state *crontab = &worker->crontab;
    struct backend backend = {.crontab = worker->config.cron_table && crontab->local};

    if (!backend.crontab)
        return backend;
    backend.cron = crontab->unwritten ? CRON_UNWRITTEN
                   : crontab->silent  ? CRON_SILENT
                   : crontab->called  ? CRON_CALLS
                                      : CRON_WAITING;
    (void)snprintf(backend.time_zone, sizeof(backend.time_zone), "%s",
                   zone_name(crontab->local)); /* fits */
    return backend;
}

static void hold(struct worker *worker, const struct line *line)
{
    const struct crontab_state *crontab = &worker->crontab;

    agenda_hold(worker->agenda, line->job,
                line->written && !crontab->silent && !crontab->unwritten);
}

/* Others hear of it with the next sign of life, which is due now. */
static void hold_all(struct worker *worker)
{
    for (struct line *line = next_line(worker, NULL); line; line = next_line(worker, line))
        hold(worker, line);
    worker->next_sign = 0;
}

/*
 * A tick whose call did not come counts against cron only if it was to call: the line was there in
 * time for cron to read it, and we were here to hear it.
 */
void worker_note_unfired(struct worker *worker, const struct decision *decision, instant_us now)
{
    struct crontab_state *crontab = &worker->crontab;
    const struct line *line = find_line(worker, decision->run.job);
    mono_us mono = clock_mono(worker->config.clock);
    span_us late = now - decision->run.scheduled_at;

    if (!line || !line->written || crontab->silent || late > AGENDA_ON_TIME ||
        mono - late < crontab->ready_at || mono - late - line->written_at < READ_BY_CRON)
        return;
    crontab->silent = true;
    log_warn("cron did not call for a tick, ignoring: the timer does its work",
             LOG_U64("job", line->job));
    hold_all(worker);
}

static void note_call(struct worker *worker)
{
    struct crontab_state *crontab = &worker->crontab;
    bool is_news = crontab->silent || !crontab->called;

    if (crontab->silent)
        log_info("cron calls again");
    crontab->called = true;
    crontab->silent = false;
    if (is_news)
        hold_all(worker);
}

static enum fire_answer take_call(struct worker *worker, job_id job)
{
    instant_us now = clock_now(worker->config.clock), accounted;

    if (worker->phase != PHASE_READY || !worker->crontab.was_kept)
        return FIRE_STARTING;
    if (!find_line(worker, job))
        return FIRE_UNKNOWN;
    if (agenda_fire(worker->agenda, job, now)) {
        note_call(worker);
        return FIRE_TAKEN;
    }
    accounted = agenda_accounted_for(worker->agenda, job);
    if (accounted > now - CALL_FITS)
        note_call(worker);
    return FIRE_NOT_DUE;
}

enum fire_answer worker_on_fire(void *context, job_id job)
{
    enum fire_answer answer = take_call(context, job);

    metric_add(metric_series(METRIC_FIRES, fire_answer_text(answer)), 1);
    return answer;
}

/* ---- the lines ------------------------------------------------------------------------------- */

static void note_change(struct worker *worker)
{
    struct crontab_state *crontab = &worker->crontab;

    crontab->changed_last = clock_mono(worker->config.clock);
    if (!crontab->changed)
        crontab->changed_first = crontab->changed_last;
    crontab->changed = true;
    metric_set(metric_series(METRIC_CRONTAB_JOBS), (double)crontab->lines.count);
}

void worker_drop_line(struct worker *worker, job_id job)
{
    struct line *line = find_line(worker, job);

    if (!line)
        return;
    table_remove(&worker->crontab.lines, &line->node);
    free(line);
    note_change(worker);
}

static void add_line(struct worker *worker, job_id job, const char *fields)
{
    size_t size = strlen(fields) + 1;
    struct line *line = xcalloc(1, sizeof(*line) + size);

    line->job = job;
    memcpy(line->fields, fields, size);
    table_insert(&worker->crontab.lines, &line->node, hash_mix(job));
    note_change(worker);
}

void worker_offer_line(struct worker *worker, const struct agenda_job *job)
{
    struct crontab_timing timing = {.schedule = &job->schedule,
                                    .zone = job->zone,
                                    .local = worker->crontab.local,
                                    .starts_at = job->starts_at,
                                    .ends_at = job->ends_at,
                                    .jitter = job->jitter};
    const struct line *line = find_line(worker, job->id);
    char fields[CRONTAB_FIELDS];

    if (!worker->config.cron_table)
        return;
    if (job->dormant || !timing.local || !crontab_fields(&timing, fields)) {
        worker_drop_line(worker, job->id);
        return;
    }
    if (line && strcmp(line->fields, fields) == 0) {
        hold(worker, line);
        return;
    }
    worker_drop_line(worker, job->id);
    add_line(worker, job->id, fields);
}

/* ---- what it is to say ----------------------------------------------------------------------- */

static int compare_lines(const void *a, const void *b)
{
    job_id one = ((const struct crontab_line *)a)->job,
           other = ((const struct crontab_line *)b)->job;

    return (one > other) - (one < other);
}

/* Those of the lowest numbers, when there are more than cron reads: the others stay with the
 * timer. */
static enum rc print_lines(struct worker *worker, struct buf *buf)
{
    size_t count = 0, all = worker->crontab.lines.count;
    struct crontab_line *lines AUTO_FREE = xcalloc(all + 1, sizeof(*lines));

    for (struct line *line = next_line(worker, NULL); line; line = next_line(worker, line))
        lines[count++] = (struct crontab_line){.job = line->job, .fields = line->fields};
    qsort(lines, count, sizeof(*lines), compare_lines);
    count = MIN(count, (size_t)CRONTAB_LINES);
    for (struct line *line = next_line(worker, NULL); line; line = next_line(worker, line))
        line->sent = count && line->job <= lines[count - 1].job;
    return crontab_print(&worker->config.cron_table->frame, lines, count, buf);
}

/* ---- keeping it ------------------------------------------------------------------------------ */

static void note_written(struct worker *worker, mono_us at)
{
    for (struct line *line = next_line(worker, NULL); line; line = next_line(worker, line)) {
        if (line->sent && !line->written)
            line->written_at = at;
        line->written = line->sent;
        hold(worker, line);
    }
}

static void tell_found(const struct worker *worker, const struct keeping *keeping)
{
    static const char *const words[] = {[CRON_FOUND_SAME] = "the same",
                                        [CRON_FOUND_NONE] = "nothing",
                                        [CRON_FOUND_OTHER] = "something else",
                                        [CRON_FOUND_LINK] = "a link or no file"};

    if (!worker->crontab.was_kept)
        log_info("crontab is kept", LOG_U64("jobs", worker->crontab.lines.count),
                 LOG_TEXT("found", words[keeping->found]));
    else if (!keeping->changed && keeping->found != CRON_FOUND_SAME)
        log_warn("crontab was changed by somebody else, ignoring: it was written again",
                 LOG_TEXT("found", words[keeping->found]));
}

/* A text that was there before us, cron knows long since. */
static void take_success(struct worker *worker, const struct keeping *keeping, mono_us now)
{
    struct crontab_state *crontab = &worker->crontab;
    bool is_old = !crontab->was_kept && keeping->found == CRON_FOUND_SAME;

    tell_found(worker, keeping);
    if (crontab->unwritten) {
        log_info("crontab can be written again");
        worker->next_sign = 0;
    }
    crontab->unwritten = false;
    crontab->was_kept = true;
    note_written(worker, is_old ? now - READ_BY_CRON : now);
    crontab->look_at = now + KEEP_EVERY;
}

static void take_failure(struct worker *worker, const struct keeping *keeping, mono_us now)
{
    struct crontab_state *crontab = &worker->crontab;

    crontab->look_at = now + KEEP_AGAIN;
    crontab->was_kept = true; /* calls are for what it said before */
    if (crontab->unwritten)
        return;
    crontab->unwritten = true;
    log_error("crontab cannot be written, the timer does its work",
              LOG_ERR(&keeping->err, keeping->rc));
    hold_all(worker);
}

void worker_take_kept(struct worker *worker)
{
    struct mail *mail = mailbox_take_all(&worker->kept);

    while (mail) {
        struct keeping *keeping = container_of(mail, struct keeping, mail);
        mono_us now = clock_mono(worker->config.clock);

        mail = mail->next;
        worker->crontab.keeping = false;
        if (keeping->rc == RC_OK)
            take_success(worker, keeping, now);
        else
            take_failure(worker, keeping, now);
        keeping_free(keeping);
    }
}

/* INT64_MAX: not before something else has happened. */
static mono_us keep_at(const struct worker *worker)
{
    const struct crontab_state *crontab = &worker->crontab;
    mono_us quiet = crontab->changed_last + QUIET;

    if (!worker->config.cron_table || crontab->keeping || worker->phase != PHASE_READY ||
        !crontab->ready_at)
        return INT64_MAX;
    if (crontab->was_kept)
        return !crontab->changed ? crontab->look_at
                                 : MIN(quiet, crontab->changed_first + QUIET_MOST);
    if (worker->loading.count || worker->by_store.reading)
        return INT64_MAX;
    return MAX(quiet, crontab->ready_at + (worker->heard_of_tasks ? FIRST_AFTER : FIRST_WITHOUT));
}

mono_us worker_crontab_deadline(const struct worker *worker)
{
    return keep_at(worker);
}

void worker_move_crontab(struct worker *worker, mono_us now)
{
    struct crontab_state *crontab = &worker->crontab;
    struct keeping *keeping;

    if (!crontab->ready_at)
        crontab->ready_at = now;
    if (now < keep_at(worker))
        return;
    keeping = xcalloc(1, sizeof(*keeping));
    keeping->table = worker->config.cron_table;
    keeping->changed = crontab->changed;
    buf_init(&keeping->text, CRONTAB_TEXT);
    keeping->rc = print_lines(worker, &keeping->text);
    crontab->changed = false;
    crontab->keeping = true;
    worker_send_keeping(worker, keeping);
}

/* ---- life ------------------------------------------------------------------------------------ */

void worker_open_crontab(struct worker *worker)
{
    const struct worker_config *config = &worker->config;
    struct err err = {0};
    enum rc rc;

    if (!config->cron_table)
        return;
    rc = zones_get(config->zones, zones_local_name(config->zones), &worker->crontab.local, &err);
    if (rc != RC_OK)
        log_error("the node's time zone is not known, ignoring its crontab", LOG_ERR(&err, rc));
    if (config->fires)
        fires_listen(config->fires, worker_on_fire, worker);
}

void worker_close_crontab(struct worker *worker)
{
    struct line *line;

    while ((line = next_line(worker, NULL))) {
        table_remove(&worker->crontab.lines, &line->node);
        free(line);
    }
    table_release(&worker->crontab.lines);
}
