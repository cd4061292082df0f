/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/deliver.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/table.h"

#include "core/run_hash.h"

#define SWEEP_EVERY   (30 * SECOND)
#define BACKOFF_FIRST (1 * SECOND)
#define BACKOFF_MOST  (1 * MINUTE)

enum {
    DELIVERIES_MAX = 10000, /* more are found again when these are done */
    DELIVERIES_AT_ONCE = 64,
};

/* An output on its way. While it is worked on it is in the table, but not in the list. */
struct delivery {
    struct table_node node;
    struct list link;
    struct run_key run;
    struct claim_token token;
    bool stored;     /* it is to be removed here, that is all */
    bool in_objects; /* of this step: it was put there */
    char *data;      /* of this step: a short one */
    size_t length;
    bool done; /* of this step */
};

struct deliverer {
    struct deliver_config config;
    pthread_t thread;
    bool started;

    /* Whoever steps: */
    mono_us retry_at;
    span_us backoff; /* 0: the last step left nothing undone */
    mono_us sweep_at;
    bool swept; /* a whole round has been made */

    pthread_mutex_t mutex; /* protects all below */
    pthread_cond_t news;
    struct table table;
    struct list queue;
    struct list failed; /* what was tried in vain, until retry_at */
    bool added;         /* something was, since the last step began */
    bool refused;       /* the queue was full */
    bool closed;
};

struct deliverer *deliverer_new(const struct deliver_config *config)
{
    struct deliverer *deliverer = xcalloc(1, sizeof(*deliverer));

    deliverer->config = *config;
    list_init(&deliverer->queue);
    list_init(&deliverer->failed);
    CHECK(!pthread_mutex_init(&deliverer->mutex, NULL));
    CHECK(!pthread_cond_init(&deliverer->news, NULL));
    return deliverer;
}

static void delivery_free(struct deliverer *deliverer, struct delivery *delivery)
{
    table_remove(&deliverer->table, &delivery->node);
    free(delivery->data);
    free(delivery);
}

void deliverer_free(struct deliverer *deliverer)
{
    if (!deliverer)
        return;
    deliverer_stop(deliverer);
    while (!list_is_empty(&deliverer->queue))
        delivery_free(deliverer, list_take(&deliverer->queue, struct delivery, link));
    while (!list_is_empty(&deliverer->failed))
        delivery_free(deliverer, list_take(&deliverer->failed, struct delivery, link));
    table_release(&deliverer->table);
    CHECK(!pthread_cond_destroy(&deliverer->news));
    CHECK(!pthread_mutex_destroy(&deliverer->mutex));
    free(deliverer);
}

/* ---- the queue ------------------------------------------------------------------------------- */

static struct delivery *find(const struct deliverer *deliverer, const struct run_key *run)
{
    struct table_node *node = table_first(&deliverer->table, run_key_hash(run));

    for (; node; node = table_next(node)) {
        struct delivery *delivery = container_of(node, struct delivery, node);

        if (!run_key_compare(&delivery->run, run))
            return delivery;
    }
    return NULL;
}

void deliverer_add(struct deliverer *deliverer, const struct run_key *run,
                   const struct claim_token *token, bool stored)
{
    CHECK(!pthread_mutex_lock(&deliverer->mutex));
    if (deliverer->table.count >= DELIVERIES_MAX) {
        deliverer->refused = true;
    } else if (!find(deliverer, run)) {
        struct delivery *delivery = xcalloc(1, sizeof(*delivery));

        delivery->run = *run;
        delivery->token = *token;
        delivery->stored = stored;
        table_insert(&deliverer->table, &delivery->node, run_key_hash(run));
        list_append(&deliverer->queue, &delivery->link);
        deliverer->added = true;
        CHECK(!pthread_cond_signal(&deliverer->news));
    }
    CHECK(!pthread_mutex_unlock(&deliverer->mutex));
}

/* What is new, and what failed when its time has come. */
static size_t take(struct deliverer *deliverer, bool again, struct delivery **deliveries)
{
    size_t count = 0;

    CHECK(!pthread_mutex_lock(&deliverer->mutex));
    while (count < DELIVERIES_AT_ONCE && !list_is_empty(&deliverer->queue))
        deliveries[count++] = list_take(&deliverer->queue, struct delivery, link);
    while (again && count < DELIVERIES_AT_ONCE && !list_is_empty(&deliverer->failed))
        deliveries[count++] = list_take(&deliverer->failed, struct delivery, link);
    CHECK(!pthread_mutex_unlock(&deliverer->mutex));
    return count;
}

/* What is not done waits apart, so that it does not hold up the others. Answers whether all is. */
static bool give_back(struct deliverer *deliverer, struct delivery **deliveries, size_t count)
{
    bool all = true;

    CHECK(!pthread_mutex_lock(&deliverer->mutex));
    for (size_t i = 0; i < count; i++) {
        struct delivery *delivery = deliveries[i];

        all = all && delivery->done;
        if (delivery->done) {
            delivery_free(deliverer, delivery);
            continue;
        }
        free(TAKE(delivery->data));
        delivery->in_objects = false;
        list_append(&deliverer->failed, &delivery->link);
    }
    CHECK(!pthread_mutex_unlock(&deliverer->mutex));
    return all;
}

/* ---- one step -------------------------------------------------------------------------------- */

struct step {
    struct deliverer *deliverer;
    struct delivery *deliveries[DELIVERIES_AT_ONCE];
    size_t count;
    bool objects_fail; /* what is long is not tried any more */
    enum rc rc;        /* of the first failure */
    struct err err;
};

static void note_failure(struct step *step, enum rc rc, const struct err *err)
{
    if (step->rc == RC_OK) {
        step->rc = rc;
        step->err = *err;
    }
}

static enum rc read_short(struct step *step, struct delivery *delivery, size_t size,
                          struct err *err)
{
    struct output_piece piece = {.data = xmalloc(size + 1), .capacity = size};
    enum rc rc = RC_OK;

    delivery->data = piece.data;
    while (rc == RC_OK && piece.capacity) {
        rc = outputs_read(step->deliverer->config.outputs, &delivery->run, &piece, err);
        if (rc != RC_OK || !piece.length)
            break;
        delivery->length += piece.length;
        piece.offset += (int64_t)piece.length;
        piece.data = (char *)piece.data + piece.length;
        piece.capacity -= piece.length;
    }
    return rc;
}

/* That it would be the same for the next one. */
static bool is_of_objects(enum rc rc)
{
    return rc == RC_UNAVAILABLE || rc == RC_TIMEOUT || rc == RC_UNKNOWN || rc == RC_FORBIDDEN ||
           rc == RC_FULL;
}

/* Without a place for objects a long one stays where it is. */
static enum rc put_long(struct step *step, struct delivery *delivery, int64_t size, struct err *err)
{
    const struct deliver_config *config = &step->deliverer->config;
    enum rc rc;

    if (!objects_url(config->objects)[0]) {
        delivery->done = true;
        return RC_OK;
    }
    if (step->objects_fail)
        return RC_UNAVAILABLE; /* as was said */
    rc = deliver_long(config, &delivery->run, size, err);
    delivery->in_objects = rc == RC_OK;
    step->objects_fail = is_of_objects(rc);
    return rc;
}

/* Brings the output to where its row can say that it is, unless that is in the row. */
static void prepare(struct step *step, struct delivery *delivery)
{
    struct outputs *outputs = step->deliverer->config.outputs;
    struct err err = {0};
    int64_t size = 0;
    enum rc rc;

    delivery->length = 0;
    if (delivery->stored)
        return;
    rc = outputs_size(outputs, &delivery->run, &size, &err);
    delivery->stored = rc == RC_OK && !size; /* an empty one is like none */
    if (rc == RC_OK && size)
        rc = size > LIMIT_OUTPUT_SHORT ? put_long(step, delivery, size, &err)
                                       : read_short(step, delivery, (size_t)size, &err);
    if (rc == RC_NOT_FOUND) /* there is none, or not any more */
        delivery->done = true;
    else if (rc != RC_OK)
        note_failure(step, rc, &err);
}

static bool has_row(const struct delivery *delivery)
{
    return !delivery->done && (delivery->in_objects || delivery->data);
}

/* A run that is gone needs no output. */
static void settle(struct step *step, struct delivery *delivery, const struct store_write *write)
{
    const struct deliver_config *config = &step->deliverer->config;
    char key[OUTPUT_OBJECT_KEY];

    delivery->stored =
        write->outcome == RC_OK || write->outcome == RC_NOT_FOUND || write->outcome == RC_STALE;
    if (write->outcome == RC_NOT_FOUND && delivery->in_objects) {
        enum rc rc = objects_remove(config->objects, output_object_key(&delivery->run, key), NULL);

        (void)rc; /* an object too many, no more */
    }
    if (!delivery->stored)
        note_failure(step, write->outcome, &write->err);
}

static void write_rows(struct step *step)
{
    struct store_write writes[DELIVERIES_AT_ONCE];
    struct delivery *of[DELIVERIES_AT_ONCE];
    struct err err = {0};
    size_t count = 0;
    enum rc rc;

    for (size_t i = 0; i < step->count; i++) {
        struct delivery *delivery = step->deliveries[i];

        if (!has_row(delivery))
            continue;
        of[count] = delivery;
        writes[count] = (struct store_write){.kind = WRITE_RUN_OUTPUT};
        writes[count++].output = (struct write_output){
            .key = delivery->run,
            .token = delivery->token,
            .output = {delivery->in_objects, delivery->data, delivery->length}};
    }
    if (!count)
        return;
    rc = store_apply(step->deliverer->config.store, writes, count, &err);
    if (rc != RC_OK)
        note_failure(step, rc, &err);
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        settle(step, of[i], &writes[i]);
}

static void remove_stored(struct step *step, struct delivery *delivery)
{
    struct err err = {0};
    enum rc rc;

    if (delivery->done || !delivery->stored)
        return;
    rc = outputs_remove(step->deliverer->config.outputs, &delivery->run, &err);
    delivery->done = rc == RC_OK || rc == RC_NOT_FOUND;
    if (!delivery->done)
        note_failure(step, rc, &err);
}

/* What failed is tried again after longer and longer pauses, and without one when it goes well. */
static void note_end(struct step *step, bool again, bool all, mono_us now)
{
    struct deliverer *deliverer = step->deliverer;
    bool failed_before = deliverer->backoff != 0;

    if (!all && (again || !failed_before)) {
        deliverer->backoff =
            failed_before ? MIN(deliverer->backoff * 2, BACKOFF_MOST) : BACKOFF_FIRST;
        deliverer->retry_at = now + deliverer->backoff;
    }
    if (all && again)
        deliverer->backoff = 0;
    if (step->rc != RC_OK && !failed_before)
        log_warn("outputs were not stored, trying again", LOG_ERR(&step->err, step->rc));
    if (failed_before && !deliverer->backoff)
        log_info("outputs are stored again");
}

static void deliver(struct deliverer *deliverer, mono_us now)
{
    struct step step = {.deliverer = deliverer, .rc = RC_OK};
    bool again = !deliverer->backoff || now >= deliverer->retry_at;

    step.count = take(deliverer, again, step.deliveries);
    if (!step.count)
        return;
    for (size_t i = 0; i < step.count; i++)
        prepare(&step, step.deliveries[i]);
    write_rows(&step);
    for (size_t i = 0; i < step.count; i++)
        remove_stored(&step, step.deliveries[i]);
    note_end(&step, again, give_back(deliverer, step.deliveries, step.count), now);
}

/* ---- what there is on the node --------------------------------------------------------------- */

/* The first round without a pause, and another one when something did not fit into the queue. */
static void sweep(struct deliverer *deliverer, mono_us now)
{
    struct err err = {0};
    bool ended = false, refused;
    enum rc rc = deliver_sweep(deliverer, &deliverer->config, &ended, &err);

    if (rc != RC_OK) {
        log_debug("outputs of this node were not looked at", LOG_ERR(&err, rc));
        deliverer->sweep_at = now + BACKOFF_FIRST;
        return;
    }
    CHECK(!pthread_mutex_lock(&deliverer->mutex));
    refused = deliverer->refused;
    if (ended)
        deliverer->refused = false;
    CHECK(!pthread_mutex_unlock(&deliverer->mutex));
    if (ended)
        deliverer->swept = !refused;
    deliverer->sweep_at = deliverer->swept ? now + SWEEP_EVERY : now;
}

/* When there is something to deliver. ret_count: how much is on its way. */
static mono_us next_delivery(struct deliverer *deliverer, mono_us now, size_t *ret_count)
{
    mono_us next = INT64_MAX;

    CHECK(!pthread_mutex_lock(&deliverer->mutex));
    *ret_count = deliverer->table.count;
    if (!list_is_empty(&deliverer->failed))
        next = deliverer->backoff ? deliverer->retry_at : now;
    if (!list_is_empty(&deliverer->queue))
        next = now;
    CHECK(!pthread_mutex_unlock(&deliverer->mutex));
    return next;
}

mono_us deliverer_step(struct deliverer *deliverer)
{
    bool sweeps = deliverer->config.next_output != NULL;
    mono_us now = clock_mono(deliverer->config.clock), next;
    size_t count;

    deliver(deliverer, now);
    next = next_delivery(deliverer, now, &count);
    if (!sweeps || count >= DELIVERIES_MAX / 2)
        return next;
    if (now >= deliverer->sweep_at)
        sweep(deliverer, now);
    return MIN(next_delivery(deliverer, now, &count), deliverer->sweep_at);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Until the deadline, or something new; an idle one looks around once an hour, without need. */
static void wait_until(struct deliverer *deliverer, mono_us deadline)
{
    span_us span = MIN(deadline - clock_mono(deliverer->config.clock), (span_us)HOUR);
    struct timespec at;
    int64_t nanoseconds;
    int error;

    if (span <= 0)
        return;
    CHECK(!clock_gettime(CLOCK_MONOTONIC, &at));
    nanoseconds = at.tv_nsec + span % SECOND * 1000;
    at.tv_sec += span / SECOND + nanoseconds / 1000000000;
    at.tv_nsec = nanoseconds % 1000000000;
    error = pthread_cond_clockwait(&deliverer->news, &deliverer->mutex, CLOCK_MONOTONIC, &at);
    CHECK(error == 0 || error == ETIMEDOUT);
}

static void *run(void *context)
{
    struct deliverer *deliverer = context;

    CHECK(!pthread_mutex_lock(&deliverer->mutex));
    while (!deliverer->closed) {
        mono_us next;

        deliverer->added = false;
        CHECK(!pthread_mutex_unlock(&deliverer->mutex));
        next = deliverer_step(deliverer);
        CHECK(!pthread_mutex_lock(&deliverer->mutex));
        if (!deliverer->closed && !deliverer->added)
            wait_until(deliverer, next);
    }
    CHECK(!pthread_mutex_unlock(&deliverer->mutex));
    return NULL;
}

enum rc deliverer_start(struct deliverer *deliverer, struct err *err)
{
    if (pthread_create(&deliverer->thread, NULL, run, deliverer))
        return err_fail(err, RC_INTERNAL, "the thread of outputs cannot be created");
    deliverer->started = true;
    return RC_OK;
}

void deliverer_stop(struct deliverer *deliverer)
{
    if (!deliverer->started)
        return;
    deliverer->started = false;
    CHECK(!pthread_mutex_lock(&deliverer->mutex));
    deliverer->closed = true;
    CHECK(!pthread_cond_signal(&deliverer->news));
    CHECK(!pthread_mutex_unlock(&deliverer->mutex));
    CHECK(!pthread_join(deliverer->thread, NULL));
}
