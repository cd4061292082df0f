/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of runs: from the hash that a run was claimed with to a descriptor for the guardian.
 *
 * A copy that was verified is opened here and now, by its stamp. Everything else may take its time
 * and travels as a fetch: a copy that a worker before us has left is verified, what is not there is
 * downloaded, two at once, first for runs that were claimed and then for jobs that came onto the
 * agenda. Runs whose file is not ready wait, beside the agenda, which takes them as started; they
 * start late or, when their time is over, end as missed with the reason. What the object store does
 * not have, or has otherwise, fails its runs after a few tries.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#include "worker/internal.h"

enum { DOWNLOADS_AT_ONCE = 2, TRIES_OF_A_WRONG_FILE = 3 };

static const span_us retry_first = 500 * MILLISECOND;
static const span_us retry_most = 15 * SECOND;
static const span_us look_every = SECOND; /* for runs whose time is over */

/* ---- fetches ------------------------------------------------------------------------------- */

static void send_fetch(struct worker *worker, enum fetch_kind kind, struct cached *file)
{
    const struct worker_config *config = &worker->config;
    struct fetch *fetch = xcalloc(1, sizeof(*fetch));

    fetch->kind = kind;
    fetch->files = config->files;
    fetch->objects = config->objects;
    fetch->clock = config->clock;
    fetch->stopping = &worker->stopping;
    if (file) {
        memcpy(fetch->hash, file->hash, CACHE_HASH);
        file->busy = true;
    }
    worker->downloads += kind == FETCH_DOWNLOAD;
    config->fetch(config->execute_context, fetch);
}

static void make_room(struct worker *worker, bool at_least_one)
{
    struct cached *victim;

    while ((at_least_one || cache_is_over(&worker->cache)) &&
           (victim = cache_victim(&worker->cache))) {
        log_info("copy of a file is given up", LOG_TEXT("file", victim->hash),
                 LOG_U64("bytes", victim->size));
        cache_lose(&worker->cache, victim);
        send_fetch(worker, FETCH_REMOVE, victim);
        at_least_one = false;
    }
}

static bool is_wrong(enum rc rc)
{
    return rc == RC_NOT_FOUND || rc == RC_MALFORMED;
}

/* What cannot be had for now is tried again while somebody needs it. */
static void queue_download(struct worker *worker, struct cached *file)
{
    list_remove(&file->link);
    list_append(file->users ? &worker->urgent_files : &worker->early_files, &file->link);
}

static struct cached *next_download(struct worker *worker, mono_us now)
{
    struct cached *file;

    list_for_each (file, &worker->urgent_files, link)
        if (file->retry_at <= now)
            return file;
    if (worker->cache.bytes >= worker->cache.limit || list_is_empty(&worker->early_files))
        return NULL;
    return list_first(&worker->early_files, struct cached, link);
}

static void send_downloads(struct worker *worker, mono_us now)
{
    struct cached *file;

    while (worker->listed && worker->downloads < DOWNLOADS_AT_ONCE &&
           (file = next_download(worker, now))) {
        list_remove(&file->link);
        send_fetch(worker, FETCH_DOWNLOAD, file);
    }
}

/* Gets it ready, unless that is under way. */
static void want(struct worker *worker, struct cached *file)
{
    if (!worker->listed || file->busy || file->verified)
        return;
    if (file->stored)
        send_fetch(worker, FETCH_VERIFY, file);
    else
        queue_download(worker, file);
}

void worker_expect_file(struct worker *worker, const char *hash)
{
    struct cached *file;

    if (!worker->config.files || !*hash)
        return;
    file = cache_get(&worker->cache, hash);
    if (!list_is_empty(&file->link))
        return;
    if (!worker->listed)
        list_append(&worker->early_files, &file->link); /* once it is known what there is */
    else
        want(worker, file);
}

/* ---- runs ---------------------------------------------------------------------------------- */

void worker_use_file(struct worker *worker, struct active *active)
{
    if (active->launch.command || active->refusal || active->file)
        return;
    if (!worker->config.files) {
        active->refusal = "this worker executes commands only";
        return;
    }
    active->file = cache_get(&worker->cache, active->launch.sha256);
    active->file->users++;
    want(worker, active->file);
}

/* The time of a run is over as late as that of a tick that cannot be claimed. */
static mono_us give_up_at(const struct worker *worker, const struct active *active)
{
    instant_us now = clock_now(worker->config.clock);
    instant_us until = active->start_at + agenda_patience(worker->agenda, active->key.job);

    return clock_mono(worker->config.clock) + MAX(until - now, AGENDA_CLAIM_WINDOW);
}

bool worker_open_file(struct worker *worker, struct active *active)
{
    struct cached *file;
    struct err err = {0};
    enum rc rc;

    worker_use_file(worker, active);
    file = active->file;
    cache_use(&worker->cache, file);
    if (file->verified) {
        rc = files_open(worker->config.files, file->hash, &file->stamp, &active->launch.file, &err);
        if (rc == RC_OK)
            return true;
        log_warn("copy of a file is looked at again", LOG_TEXT("file", file->hash),
                 LOG_ERR(&err, rc));
        file->verified = false;
    }
    want(worker, file);
    if (!active->give_up_at) {
        active->give_up_at = give_up_at(worker, active);
        active->tell_wait_at = clock_mono(worker->config.clock) + look_every;
    }
    worker_withdraw_start(worker, active);
    list_append(&worker->fileless, &active->link);
    return false;
}

static void end_wrong(struct worker *worker, struct active *active)
{
    struct run_result result = result_without_start(RUN_FAILED, clock_now(worker->config.clock));

    worker_conclude(worker, active, &result, active->file->reason);
}

static void end_missed(struct worker *worker, struct active *active)
{
    struct run_result result = result_without_start(RUN_MISSED, clock_now(worker->config.clock));
    const char *reason = active->file->reason;
    AUTO_FREE char *text =
        xasprintf("its file was not there in time%s%s", *reason ? ": " : "", reason);

    worker_conclude(worker, active, &result, text);
}

/*
 * False: it goes on waiting. Its claim may be hours old, and not every removal of a job is heard of
 * here: the store is asked once more.
 */
static bool may_start(struct worker *worker, struct active *active, mono_us now)
{
    if (!active->file->verified || !worker_may_claim(worker, now))
        return false;
    if (active->start_note == START_NOTED)
        return true;
    if (worker_ask_start(worker, active)) {
        active->doubted = true;
        worker_want_job(worker, active->key.job, LOAD_RUN);
    }
    return false;
}

/* The words of a failure may differ each time, and many runs may wait for one file: only another
 * kind of failure is told anew. That it takes long is told after a while. */
static bool is_worth_telling(const struct active *active, mono_us now)
{
    enum rc rc = active->file->rc;

    if (active->file->verified || (active->wait_told && active->wait_rc == rc))
        return false;
    return rc != RC_OK || now >= active->tell_wait_at;
}

/* Into the row of the run, where everybody sees it. */
static void tell_wait(struct worker *worker, struct active *active)
{
    const char *reason = active->file->reason;
    AUTO_FREE char *text = active->file->rc == RC_OK
                               ? xstrdup("its file is being fetched")
                               : xasprintf("its file cannot be fetched: %s", reason);
    struct item *item = worker_add_item(worker, WRITE_RUN_WAITING);

    active->wait_told = true;
    active->wait_rc = active->file->rc;
    item->write.run.key = active->key;
    item->write.run.token = active->token;
    item_set_reason(item, text);
}

static void wait_on(struct worker *worker, struct active *active, mono_us now)
{
    if (is_worth_telling(active, now))
        tell_wait(worker, active);
    list_append(&worker->fileless, &active->link);
}

/* All that wait are looked at anew: they are as many as the store's absence has gathered. */
static void look_at_waiting(struct worker *worker, mono_us now)
{
    struct list waiting;

    list_init(&waiting);
    while (!list_is_empty(&worker->fileless)) {
        struct active *active = list_take(&worker->fileless, struct active, link);

        list_append(&waiting, &active->link);
    }
    while (!list_is_empty(&waiting)) {
        struct active *active = list_take(&waiting, struct active, link);
        const struct cached *file = active->file;
        bool is_wrong_for_good = file->failures >= TRIES_OF_A_WRONG_FILE && is_wrong(file->rc);

        if (!active->doubted && is_wrong_for_good)
            end_wrong(worker, active);
        else if (!active->doubted && now >= active->give_up_at)
            end_missed(worker, active);
        else if (!active->doubted && may_start(worker, active, now))
            worker_start_run(worker, active, active->start_at);
        else
            wait_on(worker, active, now);
    }
}

static void end_withdrawn(struct worker *worker, struct active *active)
{
    struct run_result result = result_without_start(RUN_SKIPPED, clock_now(worker->config.clock));

    worker_conclude(worker, active, &result, AGENDA_REMOVED);
}

void worker_withdraw_fileless(struct worker *worker, job_id job)
{
    struct active *active;
    struct list *after;

    list_for_each_safe (active, after, &worker->fileless, link) {
        if (active->key.job != job)
            continue;
        active->doubted = active->trigger == TRIGGER_MANUAL;
        if (active->doubted)
            worker_want_job(worker, job, LOAD_RUN);
        else
            end_withdrawn(worker, active);
    }
}

void worker_settle_doubted(struct worker *worker, job_id job, bool removed)
{
    struct active *active;
    struct list *after;

    list_for_each_safe (active, after, &worker->fileless, link) {
        if (active->key.job != job || !active->doubted)
            continue;
        active->doubted = false;
        worker->look_at_files = 0;
        if (removed)
            end_withdrawn(worker, active);
    }
}

/* ---- what comes back ----------------------------------------------------------------------- */

static void take_list(struct worker *worker, const struct fetch *fetch)
{
    struct active *active;

    if (fetch->rc != RC_OK)
        log_warn("copies of files cannot be looked through, ignoring them",
                 LOG_ERR(&fetch->err, fetch->rc));
    for (size_t i = 0; i < fetch->found_count; i++)
        cache_store(&worker->cache, cache_get(&worker->cache, fetch->found[i].hash),
                    fetch->found[i].size);
    worker->listed = true;
    make_room(worker, false);
    list_for_each (active, &worker->fileless, link)
        want(worker, active->file);
    for (size_t i = 0; i < fetch->found_count; i++) {
        struct cached *file = cache_find(&worker->cache, fetch->found[i].hash);

        if (file && !list_is_empty(&file->link)) {
            list_remove(&file->link);
            want(worker, file);
        }
    }
}

static void note_ready(struct worker *worker, struct cached *file, const struct fetch *fetch)
{
    file->failures = 0;
    file->rc = RC_OK;
    file->reason[0] = '\0';
    file->verified = true;
    file->stamp = fetch->stamp;
    cache_store(&worker->cache, file, fetch->stamp.size);
}

static void note_failure(struct worker *worker, struct cached *file, const struct fetch *fetch)
{
    const char *reason = err_message(&fetch->err, fetch->rc);
    span_us delay = MIN(retry_first << MIN(file->failures, 5U), retry_most);

    file->failures = fetch->rc == file->rc || !is_wrong(fetch->rc) ? file->failures + 1 : 1;
    file->rc = fetch->rc;
    file->retry_at = clock_mono(worker->config.clock) + delay;
    memset(file->reason, 0, sizeof(file->reason));
    memcpy(file->reason, reason, MIN(strlen(reason), (size_t)LIMIT_REASON));
    if (file->failures == 1)
        log_warn("file was not downloaded", LOG_TEXT("file", file->hash),
                 LOG_ERR(&fetch->err, fetch->rc));
}

static void take_verified(struct worker *worker, struct cached *file, const struct fetch *fetch)
{
    if (fetch->rc == RC_OK) {
        note_ready(worker, file, fetch);
        return;
    }
    log_warn("copy of a file is of no use", LOG_TEXT("file", file->hash),
             LOG_ERR(&fetch->err, fetch->rc));
    cache_lose(&worker->cache, file);
    want(worker, file);
}

static void take_downloaded(struct worker *worker, struct cached *file, const struct fetch *fetch)
{
    worker->downloads--;
    if (fetch->rc == RC_OK) {
        note_ready(worker, file, fetch);
        log_info("file was downloaded", LOG_TEXT("file", file->hash),
                 LOG_U64("bytes", fetch->stamp.size), LOG_SPAN("took", fetch->took));
        make_room(worker, false);
        return;
    }
    note_failure(worker, file, fetch);
    if (fetch->rc == RC_FULL)
        make_room(worker, true);
    if (file->users)
        queue_download(worker, file);
}

static void take_fetch(struct worker *worker, const struct fetch *fetch)
{
    struct cached *file;

    if (fetch->kind == FETCH_LIST) {
        take_list(worker, fetch);
        return;
    }
    file = cache_get(&worker->cache, fetch->hash); /* it is there: it was busy */
    file->busy = false;
    switch (fetch->kind) {
    case FETCH_VERIFY:
        take_verified(worker, file, fetch);
        break;
    case FETCH_DOWNLOAD:
        take_downloaded(worker, file, fetch);
        break;
    case FETCH_REMOVE:
        if (file->users)
            want(worker, file);
        break;
    case FETCH_LIST:
        break;
    }
    cache_forget(&worker->cache, file);
}

/* One that nobody needs any more is not waited for. */
static void drop_unneeded(struct worker *worker)
{
    struct cached *file;
    struct list *after;

    list_for_each_safe (file, after, &worker->urgent_files, link) {
        if (file->users)
            continue;
        list_remove(&file->link);
        cache_forget(&worker->cache, file);
    }
}

void worker_take_fetches(struct worker *worker)
{
    struct mail *mail = mailbox_take_all(&worker->fetched);

    while (mail) {
        struct fetch *fetch = container_of(mail, struct fetch, mail);

        mail = mail->next;
        take_fetch(worker, fetch);
        fetch_free(fetch);
        worker->look_at_files = 0;
    }
}

void worker_move_files(struct worker *worker, mono_us now)
{
    if (!worker->config.files)
        return;
    if (!worker->list_sent) {
        worker->list_sent = true;
        send_fetch(worker, FETCH_LIST, NULL);
    }
    if (now >= worker->look_at_files) {
        look_at_waiting(worker, now);
        drop_unneeded(worker);
        worker->look_at_files = now + look_every;
    }
    send_downloads(worker, now);
}

mono_us worker_files_deadline(const struct worker *worker)
{
    const struct cached *file;
    mono_us next = INT64_MAX;

    if (!worker->config.files)
        return next;
    if (!list_is_empty(&worker->fileless))
        next = worker->look_at_files;
    if (worker->listed && worker->downloads < DOWNLOADS_AT_ONCE)
        list_for_each (file, &worker->urgent_files, link)
            next = MIN(next, file->retry_at);
    return next;
}

void worker_return_fetch(struct worker *worker, struct fetch *fetch)
{
    mailbox_post(&worker->fetched, &fetch->mail);
}
