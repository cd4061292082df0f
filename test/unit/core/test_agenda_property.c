/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agenda against a plain model: random jobs, answers, clocks and changes; then the books are
 * checked tick by tick.
 *
 * The model is a store that keeps every row, and a list of the revisions that each job had. At the
 * end the store answers everything, all runs end, and every tick must be accounted for: by exactly
 * one row or stretch, unless the clock was set back, when more than one is forgiven.
 *
 * CRONJOB_SEED=n runs one seed, CRONJOB_SEEDS=n so many.
 */
#include "base/map.h"
#include "base/table.h"

#include "agenda_desk.h"

enum { JOBS = 4, REVISIONS = 64, STEPS = 250, DECISIONS = 64, SEEDS = 400, STRETCHES = 4096 };

enum row_kind { ROW_FREE, ROW_OURS, ROW_STARTED, ROW_ENDED, ROW_OTHERS };

struct row {
    struct run_key key;
    enum row_kind kind;
    bool in_flight; /* a claim of it is */
    bool existing;  /* queued on demand */
    bool recorded;
    bool seen; /* as ours */
};

struct stretch {
    job_id job;
    instant_us since; /* exclusive */
    instant_us until;
    int64_t count;
};

struct version {
    struct agenda_job job;
    instant_us learnt; /* by the agenda; until then it followed the version before */
    instant_us until;  /* ticks after it belong to the next version */
    bool gone;         /* the job was removed in between: what was not claimed is dropped */
};

struct model {
    uint64_t seed, dice;
    struct agenda *agenda;
    struct agenda_config config;
    instant_us now;
    bool set_back; /* the clock was */
    struct map index;
    struct row *rows;
    size_t row_count, row_capacity;
    struct stretch stretches[STRETCHES];
    size_t stretch_count;
    struct version versions[JOBS + 1][REVISIONS];
    size_t version_count[JOBS + 1];
    bool known[JOBS + 1];
    int active[JOBS + 1];
};

static uint64_t roll(struct model *model, uint64_t sides)
{
    return hash_mix(++model->dice ^ model->seed << 32) % sides;
}

#define violated(model, ...)                                                         \
    do {                                                                             \
        print_error("seed %llu: ", (unsigned long long)(model)->seed);               \
        print_error(__VA_ARGS__);                                                    \
        fail_msg("CRONJOB_SEED=%llu repeats it", (unsigned long long)(model)->seed); \
    } while (0)

#define RUN_ARGS(key) \
    (unsigned long long)(key).job, (double)((key).scheduled_at - DESK_START) / 1e6, (key).attempt

static struct row *row_of(struct model *model, const struct run_key *key)
{
    uint64_t hash = hash_mix(key->job ^ hash_mix((uint64_t)key->scheduled_at ^ key->attempt)) | 1;
    uint64_t at;

    while (map_get(&model->index, hash, &at) && run_key_compare(&model->rows[at].key, key) != 0)
        hash += 2;
    if (map_get(&model->index, hash, &at))
        return &model->rows[at];
    if (model->row_count == model->row_capacity) {
        model->row_capacity = model->row_capacity ? model->row_capacity * 2 : 1024;
        model->rows = realloc(model->rows, model->row_capacity * sizeof(*model->rows));
    }
    map_put(&model->index, hash, model->row_count);
    model->rows[model->row_count] = (struct row){.key = *key};
    return &model->rows[model->row_count++];
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static struct agenda_job random_job(struct model *model, job_id id)
{
    static const char *const schedules[] = {
        "* * * * * *", "*/7 * * * * *", "* * * * *",    "*/5 * * * *",
        "@every 13s",  "@reboot",       "@manual",      "@at 2026-01-05T00:03:00Z",
        "0 * * * *",   "@every 61s",    "30 * * * * *",
    };
    struct agenda_job job = desk_job(id, schedules[roll(model, ARRAY_SIZE(schedules))]);

    job.due_since = model->now - (instant_us)roll(model, 3) * 500 * MILLISECOND;
    job.anchor = model->now;
    if (roll(model, 8) == 0)
        job.anchor = job.starts_at = model->now + (instant_us)roll(model, 100) * SECOND;
    if (roll(model, 8) == 0)
        job.ends_at = model->now + (instant_us)roll(model, 600) * SECOND;
    job.jitter = roll(model, 4) ? 0 : (span_us)roll(model, 20) * SECOND;
    job.concurrency = (enum concurrency)roll(model, CONCURRENCY_COUNT);
    job.catch_up = (enum catch_up)roll(model, CATCH_UP_COUNT);
    job.catch_up_window = (span_us[]){0, 10 * SECOND, MINUTE, HOUR}[roll(model, 4)];
    job.retries.limit = (uint32_t)roll(model, 3);
    job.retries.delay = (span_us)roll(model, 30) * SECOND;
    job.on_worker_loss = (enum worker_loss)roll(model, WORKER_LOSS_COUNT);
    return job;
}

static void put_job(struct model *model, job_id id)
{
    size_t count = model->version_count[id];
    struct version *versions = model->versions[id];
    struct agenda_job job = random_job(model, id);

    if (count == REVISIONS)
        return;
    if (count && roll(model, 3) == 0) { /* the same ticks, another policy */
        struct agenda_job before = versions[count - 1].job;

        if (!model->known[id])
            return;
        before.concurrency = job.concurrency;
        before.catch_up = job.catch_up;
        before.retries = job.retries;
        job = before;
    } else if (count) {
        job.due_since = MAX(job.due_since, versions[count - 1].job.due_since);
    }
    job.revision = count + 1;
    if (count && versions[count - 1].until == INSTANT_MAX)
        versions[count - 1].until = job.due_since;
    versions[count] = (struct version){.job = job, .learnt = model->now, .until = INSTANT_MAX};
    model->version_count[id]++;
    model->known[id] = true;
    agenda_put(model->agenda, &job, model->now);
}

static void remove_job(struct model *model, job_id id)
{
    if (!model->known[id])
        return;
    model->versions[id][model->version_count[id] - 1].until = model->now;
    model->versions[id][model->version_count[id] - 1].gone = true;
    model->known[id] = false;
    agenda_remove(model->agenda, id);
}

static void run_now(struct model *model, job_id id)
{
    struct run_key key = {.scheduled_at = model->now + 1, .job = id, .attempt = 1};
    struct row *row = row_of(model, &key);

    if (row->kind != ROW_FREE || row->existing)
        return;
    row->existing = agenda_run(model->agenda, &key, model->now);
    if (row->existing != model->known[id])
        violated(model, "run on demand of job %llu\n", (unsigned long long)id);
}

/* ---- decisions ----------------------------------------------------------------------------- */

static enum concurrency concurrency_of(const struct model *model, job_id id)
{
    return model->versions[id][model->version_count[id] - 1].job.concurrency;
}

static void take_claim(struct model *model, const struct decision *decision)
{
    struct row *row = row_of(model, &decision->run);

    if (row->in_flight)
        violated(model, "%llu-%f-%u is claimed twice at once\n", RUN_ARGS(row->key));
    if (decision->deadline <= model->now && !model->set_back)
        violated(model, "%llu-%f-%u: a claim without time\n", RUN_ARGS(row->key));
    if (decision->existing != row->existing)
        violated(model, "%llu-%f-%u: existing is wrong\n", RUN_ARGS(row->key));
    row->in_flight = true;
}

static void take_start(struct model *model, const struct decision *decision)
{
    struct row *row = row_of(model, &decision->run);
    job_id id = decision->run.job;

    if (row->kind != ROW_OURS || !row->seen)
        violated(model, "%llu-%f-%u starts and is not ours\n", RUN_ARGS(row->key));
    row->kind = ROW_STARTED;
    model->active[id]++;
    if (concurrency_of(model, id) == CONCURRENCY_FORBID && model->active[id] > 1)
        violated(model, "%llu-%f-%u starts beside another\n", RUN_ARGS(row->key));
}

/* Whether more than one answer for a tick is forgiven: after the clock was set back, and where the
 * version before went on for a moment because the change was not known yet. */
static bool may_double(const struct model *model, job_id job, instant_us tick)
{
    if (model->set_back)
        return true;
    for (size_t i = 1; i < model->version_count[job]; i++) {
        const struct version *version = &model->versions[job][i];

        if (tick > version->job.due_since && tick <= version->learnt + model->config.lead)
            return true;
    }
    return false;
}

static void take_record(struct model *model, const struct decision *decision)
{
    struct row *row = row_of(model, &decision->run);

    if (row->in_flight)
        violated(model, "%llu-%f-%u is recorded while it is claimed\n", RUN_ARGS(row->key));
    if (row->kind == ROW_STARTED || (row->kind == ROW_OURS && row->seen))
        violated(model, "%llu-%f-%u is recorded while it is held\n", RUN_ARGS(row->key));
    if (row->kind != ROW_FREE && row->kind != ROW_OURS &&
        !may_double(model, row->key.job, row->key.scheduled_at))
        violated(model, "%llu-%f-%u is recorded twice: %s\n", RUN_ARGS(row->key), decision->reason);
    if (row->kind == ROW_FREE || row->kind == ROW_OURS)
        row->kind = ROW_ENDED;
    row->recorded = true;
    if (decision->count == 1)
        return;
    if (model->stretch_count == STRETCHES)
        violated(model, "too many stretches\n");
    model->stretches[model->stretch_count++] = (struct stretch){
        decision->run.job, decision->run.scheduled_at, decision->until, decision->count};
}

static void take(struct model *model, const struct decision *decision)
{
    struct row *row;

    switch (decision->kind) {
    case DECIDE_CLAIM:
        take_claim(model, decision);
        break;
    case DECIDE_START:
        take_start(model, decision);
        break;
    case DECIDE_SKIP:
        row = row_of(model, &decision->run);
        if (row->kind != ROW_OURS || !row->seen)
            violated(model, "%llu-%f-%u is skipped and is not ours\n", RUN_ARGS(row->key));
        row->kind = ROW_ENDED;
        break;
    case DECIDE_KILL:
        if (row_of(model, &decision->run)->kind != ROW_STARTED)
            violated(model, "%llu-%f-%u is killed and not active\n", RUN_ARGS(decision->run));
        break;
    case DECIDE_RECORD:
        take_record(model, decision);
        break;
    case DECIDE_FINISHED:
        break;
    }
}

static void decide(struct model *model)
{
    struct decision decisions[DECISIONS];
    size_t count, capacity = 1 + roll(model, DECISIONS);
    size_t rounds = 0;

    do {
        count = agenda_advance(model->agenda, model->now, decisions, capacity);
        for (size_t i = 0; i < count; i++)
            take(model, &decisions[i]);
        if (++rounds > 1000)
            violated(model, "advance does not come to an end\n");
    } while (count == capacity);
    if (agenda_next(model->agenda) <= model->now)
        violated(model, "something is due after advance\n");
}

/* ---- answers ------------------------------------------------------------------------------- */

/* `well`: the store is well, and says the truth. */
static void answer(struct model *model, struct row *row, bool well)
{
    uint64_t luck = roll(model, 10);
    enum claim_outcome outcome;
    struct run_key key = row->key;

    row->in_flight = false;
    if (!well && luck < 3) {
        outcome = CLAIM_FAILED;
        if (luck == 0 && row->kind == ROW_FREE)
            row->kind = ROW_OURS;
    } else if (!well && luck < 4 && row->kind == ROW_FREE) {
        outcome = CLAIM_VOID;
    } else if (row->kind == ROW_FREE && luck < 5 && !row->existing) {
        outcome = CLAIM_TAKEN;
        row->kind = ROW_OTHERS;
    } else if (row->kind == ROW_FREE || (row->kind == ROW_OURS && !row->seen)) {
        outcome = CLAIM_WON;
        row->kind = ROW_OURS;
        row->seen = true;
    } else {
        outcome = CLAIM_TAKEN;
    }
    agenda_claimed(model->agenda, &key, outcome, model->now);
}

static void end_run(struct model *model, struct row *row)
{
    static const enum run_status statuses[] = {RUN_SUCCEEDED, RUN_SUCCEEDED, RUN_SUCCEEDED,
                                               RUN_FAILED,    RUN_TIMED_OUT, RUN_LOST,
                                               RUN_KILLED};
    struct run_result result = {.status = statuses[roll(model, ARRAY_SIZE(statuses))],
                                .finished_at = model->now};
    struct run_key key = row->key;

    row->kind = ROW_ENDED;
    model->active[key.job]--;
    (void)agenda_finished(model->agenda, &key, &result, model->now);
}

/* Answers some of what is in flight, ends some runs; all of it when `well`. */
static bool respond(struct model *model, bool well)
{
    bool any = false;

    for (size_t i = 0; i < model->row_count; i++) {
        if (model->rows[i].in_flight && (well || roll(model, 2))) {
            answer(model, &model->rows[i], well);
            any = true;
        } else if (model->rows[i].kind == ROW_STARTED && (well || roll(model, 6) == 0)) {
            end_run(model, &model->rows[i]);
            any = true;
        }
    }
    return any;
}

/* ---- one seed ------------------------------------------------------------------------------ */

static void pass_time(struct model *model)
{
    uint64_t luck = roll(model, 200);

    if (luck == 0)
        model->now += (span_us)roll(model, 30) * HOUR;
    else if (luck < 4)
        model->now += (span_us)roll(model, 1000) * SECOND;
    else if (luck == 4 && model->seed % 2) {
        model->now -= (span_us)roll(model, 3000) * SECOND;
        model->set_back = true;
    } else if (luck < 100)
        model->now += (span_us)roll(model, 1000) * MILLISECOND;
    else
        model->now += (span_us)roll(model, 20000) * MILLISECOND;
}

static void stir(struct model *model)
{
    job_id id = 1 + roll(model, JOBS);

    switch (roll(model, 40)) {
    case 0:
        put_job(model, id);
        break;
    case 1:
        if (roll(model, 4) == 0)
            remove_job(model, id);
        break;
    case 2:
    case 3:
        run_now(model, id);
        break;
    default:
        break;
    }
}

/* The store answers, runs end, and time goes on until nothing is left. */
static void come_to_rest(struct model *model)
{
    for (int round = 0; round < 4000; round++) {
        instant_us next;

        decide(model);
        if (respond(model, true))
            continue;
        next = agenda_next(model->agenda);
        if (round > 100 && agenda_active_count(model->agenda) == 0)
            break;
        if (next != INSTANT_MAX && next - model->now < MINUTE)
            model->now = MAX(model->now, next);
    }
    if (agenda_active_count(model->agenda))
        violated(model, "runs are left over\n");
}

/* ---- the books ----------------------------------------------------------------------------- */

static int64_t covered(const struct model *model, job_id job, instant_us tick)
{
    int64_t count = 0;

    for (size_t i = 0; i < model->stretch_count; i++) {
        const struct stretch *stretch = &model->stretches[i];

        /* its first tick has a row */
        count += stretch->job == job && tick > stretch->since && tick <= stretch->until;
    }
    return count;
}

static void check_tick(struct model *model, job_id job, instant_us tick)
{
    struct run_key key = {.scheduled_at = tick, .job = job, .attempt = 1};
    const struct row *row = row_of(model, &key);
    int64_t count = (row->kind != ROW_FREE) + covered(model, job, tick);

    if (count == 0)
        violated(model, "%llu-%f-%u vanished\n", RUN_ARGS(key));
    if (count > 1 && !may_double(model, job, tick))
        violated(model, "%llu-%f-%u is accounted for %lld times\n", RUN_ARGS(key),
                 (long long)count);
}

/* The newest tick of the job that is accounted for: what came later was dropped with the job. */
static instant_us newest_row(const struct model *model, job_id job, instant_us until)
{
    instant_us newest = INSTANT_NONE;

    for (size_t i = 0; i < model->row_count; i++) {
        const struct row *row = &model->rows[i];

        if (row->key.job == job && row->kind != ROW_FREE && row->key.attempt == 1 &&
            !row->existing && row->key.scheduled_at <= until)
            newest = MAX(newest, row->key.scheduled_at);
    }
    return newest;
}

static void check_version(struct model *model, const struct version *version)
{
    const struct agenda_job *job = &version->job;
    instant_us after = job->due_since, tick;
    instant_us until = MIN(version->until, model->now - HOUR - 40 * SECOND);

    if (version->gone)
        until = MIN(until, newest_row(model, job->id, version->until));
    if (job->starts_at != INSTANT_NONE)
        after = MAX(after, job->starts_at - 1);
    if (job->ends_at != INSTANT_NONE)
        until = MIN(until, job->ends_at - 1);
    while (!schedule_next(&job->schedule, job->zone, job->anchor, after, &tick) && tick <= until) {
        check_tick(model, job->id, tick);
        after = tick;
    }
}

static bool was_removed(const struct model *model, job_id id)
{
    size_t i = 0;

    while (i < model->version_count[id] && !model->versions[id][i].gone)
        i++;
    return i < model->version_count[id];
}

static void check_books(struct model *model)
{
    for (size_t i = 0; i < model->row_count; i++) {
        if (model->rows[i].in_flight)
            violated(model, "%llu-%f-%u: a claim is left over\n", RUN_ARGS(model->rows[i].key));
    }
    for (job_id id = 1; id <= JOBS; id++) {
        if (model->set_back && was_removed(model, id))
            continue; /* what it dropped may lie anywhere */
        for (size_t i = 0; i < model->version_count[id]; i++)
            check_version(model, &model->versions[id][i]);
    }
}

static void try_seed(uint64_t seed)
{
    struct model *model = calloc(1, sizeof(*model));

    model->seed = seed;
    model->now = DESK_START;
    model->config = (struct agenda_config){
        .lead = (span_us)roll(model, 3) * 100 * MILLISECOND,
        .boot_at = DESK_START + (span_us)roll(model, 100) * SECOND,
    };
    model->agenda = agenda_new(&model->config);
    for (job_id id = 1; id <= JOBS; id++)
        put_job(model, id);
    for (int step = 0; step < STEPS; step++) {
        pass_time(model);
        decide(model);
        stir(model);
        decide(model);
        (void)respond(model, false);
        decide(model);
    }
    come_to_rest(model);
    model->now += 2 * HOUR;
    come_to_rest(model);
    check_books(model);
    agenda_free(model->agenda);
    map_release(&model->index);
    free(model->rows);
    free(model);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void every_tick_is_accounted_for(void **state)
{
    uint64_t seed = number_of("CRONJOB_SEED", 0), seeds = number_of("CRONJOB_SEEDS", SEEDS);

    (void)state;
    if (seed) {
        try_seed(seed);
        return;
    }
    print_message("seeds 1 to %llu\n", (unsigned long long)seeds);
    for (seed = 1; seed <= seeds; seed++)
        try_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_tick_is_accounted_for)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
