/* SPDX-License-Identifier: Apache-2.0 */
#include "link/place.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define KNOWN_FOR (10 * SECOND)

enum { RUNS = 128, WORKERS = 64 };

/* Two tables in which a newcomer takes the place of whoever has the same hash. */
struct places {
    struct store *store;
    struct clock *clock;
    pthread_mutex_t mutex; /* protects all below */
    struct {
        struct run_key run;
        struct place place;
        mono_us until;
    } runs[RUNS];
    struct {
        char worker[LIMIT_NAME + 1];
        mono_us until;
    } away[WORKERS];
};

struct places *places_new(struct store *store, struct clock *clock)
{
    struct places *places = xcalloc(1, sizeof(*places));

    places->store = store;
    places->clock = clock;
    CHECK(!pthread_mutex_init(&places->mutex, NULL));
    return places;
}

void places_free(struct places *places)
{
    if (!places)
        return;
    pthread_mutex_destroy(&places->mutex);
    free(places);
}

static size_t index_of_run(const struct run_key *run)
{
    uint64_t hash = (uint64_t)run->scheduled_at * 31 + run->job * 17 + run->attempt;

    return (hash * UINT64_C(0x9e3779b97f4a7c15) >> 32) % RUNS;
}

static size_t index_of_worker(const char *worker)
{
    uint64_t hash = 5381;

    for (; *worker; worker++)
        hash = hash * 33 + (unsigned char)*worker;
    return hash % WORKERS;
}

enum rc place_unreachable(const char *worker, struct err *err)
{
    return err_fail(err, RC_UNAVAILABLE, "%s, which has the output, cannot be reached", worker);
}

/* ---- in the store -------------------------------------------------------------------------- */

static void keep_text(char *target, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);

    memcpy(target, text, length);
    target[length] = '\0';
}

static bool see_run(void *context, const struct run_record *run)
{
    struct place *place = context;

    keep_text(place->worker, sizeof(place->worker), run->run.worker);
    return false;
}

static bool see_worker(void *context, const struct worker_record *worker)
{
    struct place *place = context;

    if (strcmp(place->worker, worker->name) != 0)
        return true;
    keep_text(place->url, sizeof(place->url), worker->url);
    return false;
}

static enum rc look_up(struct store *store, const struct run_key *run, struct place *ret_place,
                       struct err *err)
{
    struct run_query query = run_query_all();
    struct place place = {0};
    enum rc rc;

    query.keys = run;
    query.key_count = 1;
    rc = store_read_runs(store, &query, see_run, &place, err);
    if (rc == RC_OK && !place.worker[0])
        rc = err_fail(err, RC_NOT_FOUND, "no worker has output of this run");
    if (rc == RC_OK)
        rc = store_read_workers(store, see_worker, &place, err);
    if (rc == RC_OK && !place.url[0])
        rc = place_unreachable(place.worker, err);
    if (rc == RC_OK)
        *ret_place = place;
    return rc;
}

/* ---- remembered ---------------------------------------------------------------------------- */

static bool recall(struct places *places, const struct run_key *run, struct place *ret_place)
{
    size_t i = index_of_run(run);
    bool known;

    pthread_mutex_lock(&places->mutex);
    known = places->runs[i].until > clock_mono(places->clock) &&
            run_key_compare(&places->runs[i].run, run) == 0;
    if (known)
        *ret_place = places->runs[i].place;
    pthread_mutex_unlock(&places->mutex);
    return known;
}

static void keep(struct places *places, const struct run_key *run, const struct place *place)
{
    size_t i = index_of_run(run);

    pthread_mutex_lock(&places->mutex);
    places->runs[i].run = *run;
    places->runs[i].place = *place;
    places->runs[i].until = clock_mono(places->clock) + KNOWN_FOR;
    pthread_mutex_unlock(&places->mutex);
}

enum rc places_find(struct places *places, const struct run_key *run, struct place *ret_place,
                    struct err *err)
{
    struct place place;
    enum rc rc = RC_OK;

    if (!recall(places, run, &place)) {
        rc = look_up(places->store, run, &place, err);
        if (rc != RC_OK)
            return rc;
        keep(places, run, &place);
    }
    if (places_is_away(places, place.worker))
        return place_unreachable(place.worker, err);
    *ret_place = place;
    return RC_OK;
}

void places_forget(struct places *places, const struct run_key *run)
{
    size_t i = index_of_run(run);

    pthread_mutex_lock(&places->mutex);
    if (run_key_compare(&places->runs[i].run, run) == 0)
        places->runs[i].until = 0;
    pthread_mutex_unlock(&places->mutex);
}

void places_set_away(struct places *places, const char *worker, span_us span)
{
    size_t i = index_of_worker(worker);

    pthread_mutex_lock(&places->mutex);
    keep_text(places->away[i].worker, sizeof(places->away[i].worker), worker);
    places->away[i].until = clock_mono(places->clock) + span;
    pthread_mutex_unlock(&places->mutex);
}

bool places_is_away(struct places *places, const char *worker)
{
    size_t i = index_of_worker(worker);
    bool away;

    pthread_mutex_lock(&places->mutex);
    away = places->away[i].until > clock_mono(places->clock) &&
           strcmp(places->away[i].worker, worker) == 0;
    pthread_mutex_unlock(&places->mutex);
    return away;
}
