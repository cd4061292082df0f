/* SPDX-License-Identifier: Apache-2.0 */
#include "link/outputs.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "link/call.h"
#include "link/event_text.h"
#include "link/place.h"
#include "link/protocol.h"
#include "link/text.h"
#include "link/wait.h"

#define LOOK_UP     (10 * SECOND) /* the idle remover looks around so often, without need */
#define RETRY_AFTER (1 * SECOND)

enum { CALLERS = 16, TARGET_TEXT = 200, REMOVALS_MAX = 100000 };

struct client {
    struct outputs base;
    struct store *store;
    struct clock *clock;
    struct link_secret secret;
    struct places *places;
    struct link_caller callers[CALLERS];
    struct link_caller remover;
    pthread_t thread;
    bool started;

    pthread_mutex_t mutex; /* protects all below */
    pthread_cond_t news;
    char asked[CALLERS][LIMIT_NAME + 1]; /* the worker that each caller asks; "" none */
    struct run_key *removals;            /* outputs that are to be removed */
    size_t removal_count, removal_capacity;
    bool closed;
};

static struct client *client_of(struct outputs *outputs)
{
    return container_of(outputs, struct client, base);
}

/* ---- callers ------------------------------------------------------------------------------- */

/* A caller that nobody has, unless enough are under way to the worker; -1. Under the mutex. */
static int find_caller(const struct client *client, const char *worker)
{
    unsigned under_way = 0;
    int idle = -1;

    for (int i = 0; i < CALLERS; i++) {
        if (!client->asked[i][0])
            idle = i;
        else if (strcmp(client->asked[i], worker) == 0)
            under_way++;
    }
    return under_way < LINK_OUTPUT_CALLS ? idle : -1;
}

static int take_caller(struct client *client, const struct place *place)
{
    mono_us until = clock_mono(client->clock) + LINK_OUTPUT_QUEUE;
    int caller;

    pthread_mutex_lock(&client->mutex);
    while ((caller = find_caller(client, place->worker)) < 0 && clock_mono(client->clock) < until)
        link_wait(&client->news, &client->mutex, until - clock_mono(client->clock));
    if (caller >= 0)
        memcpy(client->asked[caller], place->worker, sizeof(client->asked[caller]));
    pthread_mutex_unlock(&client->mutex);
    return caller;
}

static void give_caller(struct client *client, int caller)
{
    pthread_mutex_lock(&client->mutex);
    client->asked[caller][0] = '\0';
    pthread_cond_broadcast(&client->news);
    pthread_mutex_unlock(&client->mutex);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* A second time when libcurl has sent it twice by itself, and only the first was taken. */
static enum rc call_worker(struct client *client, const struct place *place,
                           const struct link_call *call, struct http_response *ret_response,
                           struct err *err)
{
    int caller = take_caller(client, place);
    enum rc rc;

    if (caller < 0)
        return err_fail(err, RC_BUSY, "too many outputs of %s are being read", place->worker);
    rc = link_call(&client->callers[caller], call, ret_response, err);
    if (rc == RC_OK && ret_response->status == LINK_STATUS_REPEATED) {
        http_response_release(ret_response);
        rc = link_call(&client->callers[caller], call, ret_response, err);
    }
    give_caller(client, caller);
    return rc;
}

static enum rc take_size(const struct http_response *response, int64_t *ret_size, struct err *err)
{
    uint64_t size;

    if (!link_number_read(http_response_header(response, LINK_SIZE_HEADER), &size))
        return err_fail(err, RC_UNAVAILABLE, "the answer has no size");
    *ret_size = (int64_t)size;
    return RC_OK;
}

/* What a worker's answer comes to. */
static enum rc check_answer(struct client *client, const struct run_key *run,
                            const struct place *place, const struct http_response *response,
                            struct err *err)
{
    enum rc rc;

    if (response->status == 200)
        return RC_OK;
    places_forget(client->places, run); /* perhaps another worker has it by now */
    rc = link_refusal(response, err);
    if (rc == RC_NOT_FOUND)
        return rc;
    return err_prefix(err, rc == RC_BUSY ? RC_BUSY : RC_UNAVAILABLE, "%s, which has the output",
                      place->worker);
}

static enum rc ask(struct client *client, const struct run_key *run,
                   const struct output_piece *piece, struct http_response *ret_response,
                   struct err *err)
{
    char id[RUN_ID_TEXT], target[TARGET_TEXT];
    struct place place;
    enum rc rc = places_find(client->places, run, &place, err);

    if (rc != RC_OK)
        return rc;
    (void)snprintf(target, sizeof(target), "/link/1/outputs/%s?offset=%" PRId64 "&length=%zu",
                   run_id_format(run, id), piece->offset,
                   MIN(piece->capacity, (size_t)LINK_PIECE_MAX)); /* 160 bytes */
    rc = call_worker(client, &place,
                     &(struct link_call){.method = "GET",
                                         .url = place.url,
                                         .target = target,
                                         .timeout = LINK_OUTPUT_TIMEOUT,
                                         .answer_limit = LINK_PIECE_MAX},
                     ret_response, err);
    if (rc == RC_BUSY)
        return rc;
    if (rc != RC_OK) {
        places_forget(client->places, run);
        places_set_away(client->places, place.worker, LINK_AWAY);
        return place_unreachable(place.worker, err);
    }
    rc = check_answer(client, run, &place, ret_response, err);
    if (rc != RC_OK)
        http_response_release(ret_response);
    return rc;
}

static enum rc get_size(struct outputs *outputs, const struct run_key *run, int64_t *ret_size,
                        struct err *err)
{
    struct http_response response;
    enum rc rc = ask(client_of(outputs), run, &(struct output_piece){0}, &response, err);

    if (rc != RC_OK)
        return rc;
    rc = take_size(&response, ret_size, err);
    http_response_release(&response);
    return rc;
}

static enum rc read_piece(struct outputs *outputs, const struct run_key *run,
                          struct output_piece *piece, struct err *err)
{
    struct http_response response;
    enum rc rc = ask(client_of(outputs), run, piece, &response, err);

    if (rc != RC_OK)
        return rc;
    if (response.body.length > piece->capacity)
        rc = err_fail(err, RC_UNAVAILABLE, "more came than was asked for");
    else
        memcpy(piece->data, response.body.data, response.body.length);
    if (rc == RC_OK)
        piece->length = response.body.length;
    http_response_release(&response);
    return rc;
}

/* ---- removing ------------------------------------------------------------------------------ */

static enum rc remove_later(struct outputs *outputs, const struct run_key *run, struct err *err)
{
    struct client *client = client_of(outputs);

    (void)err;
    pthread_mutex_lock(&client->mutex);
    if (client->removal_count < REMOVALS_MAX) {
        client->removals = xgrow(client->removals, client->removal_count, &client->removal_capacity,
                                 sizeof(*client->removals));
        client->removals[client->removal_count++] = *run;
    }
    pthread_cond_broadcast(&client->news);
    pthread_mutex_unlock(&client->mutex);
    return RC_OK;
}

/* Waits for some. Answers how many; 0: closed. */
static size_t take_removals(struct client *client, struct run_key *ret_runs)
{
    size_t count;

    pthread_mutex_lock(&client->mutex);
    while (!client->closed && client->removal_count == 0)
        link_wait(&client->news, &client->mutex, LOOK_UP);
    count = client->closed ? 0 : MIN(client->removal_count, (size_t)LINK_RUNS_MAX);
    client->removal_count -= count;
    if (count > 0)
        memcpy(ret_runs, client->removals + client->removal_count, count * sizeof(*ret_runs));
    pthread_mutex_unlock(&client->mutex);
    return count;
}

static bool is_open(void *context)
{
    struct client *client = context;
    bool open;

    pthread_mutex_lock(&client->mutex);
    open = !client->closed;
    pthread_mutex_unlock(&client->mutex);
    return open;
}

struct recipients {
    struct place *items;
    size_t count, capacity;
};

static bool add_recipient(void *context, const struct worker_record *worker)
{
    struct recipients *recipients = context;
    struct place *place;

    if (!worker->url[0] || strlen(worker->url) > LIMIT_URL || strlen(worker->name) > LIMIT_NAME)
        return true;
    recipients->items = xgrow(recipients->items, recipients->count, &recipients->capacity,
                              sizeof(*recipients->items));
    place = &recipients->items[recipients->count++];
    memcpy(place->worker, worker->name, strlen(worker->name) + 1);
    memcpy(place->url, worker->url, strlen(worker->url) + 1);
    return true;
}

static void tell_worker(struct client *client, const struct place *place, const struct buf *body)
{
    struct http_response response;
    struct link_call call = {.method = "POST",
                             .url = place->url,
                             .target = LINK_REMOVE_PATH,
                             .body = body,
                             .timeout = LINK_CALL_TIMEOUT,
                             .answer_limit = LINK_ANSWER_MAX,
                             .go_on = is_open,
                             .context = client};

    if (places_is_away(client->places, place->worker))
        return;
    if (link_call(&client->remover, &call, &response, NULL) == RC_OK)
        http_response_release(&response);
    else
        places_set_away(client->places, place->worker, LINK_AWAY);
}

/* False: who is there cannot be found out now. */
static bool tell_workers(struct client *client, const struct buf *body)
{
    struct recipients recipients = {0};
    enum rc rc = store_read_workers(client->store, add_recipient, &recipients, NULL);

    for (size_t i = 0; rc == RC_OK && i < recipients.count; i++)
        tell_worker(client, &recipients.items[i], body);
    free(recipients.items);
    return rc == RC_OK;
}

static void pause_for(struct client *client, span_us span)
{
    mono_us until = clock_mono(client->clock) + span;

    pthread_mutex_lock(&client->mutex);
    while (!client->closed && clock_mono(client->clock) < until)
        link_wait(&client->news, &client->mutex, until - clock_mono(client->clock));
    pthread_mutex_unlock(&client->mutex);
}

static void *run_remover(void *context)
{
    struct client *client = context;
    struct run_key *runs AUTO_FREE = xcalloc(LINK_RUNS_MAX, sizeof(*runs));
    AUTO_BUF struct buf body;
    size_t count;

    buf_init(&body, LINK_BODY_MAX);
    while ((count = take_removals(client, runs)) > 0) {
        buf_reset(&body);
        CHECK(link_runs_write(&body, runs, count) == RC_OK);
        while (is_open(client) && !tell_workers(client, &body))
            pause_for(client, RETRY_AFTER);
    }
    return NULL;
}

/* ---- the port ------------------------------------------------------------------------------ */

static void free_client(struct outputs *outputs)
{
    struct client *client = client_of(outputs);

    pthread_mutex_lock(&client->mutex);
    client->closed = true;
    pthread_cond_broadcast(&client->news);
    pthread_mutex_unlock(&client->mutex);
    if (client->started)
        CHECK(!pthread_join(client->thread, NULL));
    for (unsigned i = 0; i < CALLERS; i++)
        link_caller_release(&client->callers[i]);
    link_caller_release(&client->remover);
    places_free(client->places);
    free(client->removals);
    link_secret_forget(&client->secret);
    pthread_cond_destroy(&client->news);
    pthread_mutex_destroy(&client->mutex);
    free(client);
}

static const struct outputs_ops ops = {
    .name = "link",
    .size = get_size,
    .read = read_piece,
    .tail = outputs_find_tail,
    .remove = remove_later,
    .free = free_client,
};

static enum rc start(struct client *client, const char *ca_file, struct err *err)
{
    enum rc rc = link_caller_init(&client->remover, client->clock, &client->secret, ca_file, err);
    int error;

    for (unsigned i = 0; rc == RC_OK && i < CALLERS; i++)
        rc = link_caller_init(&client->callers[i], client->clock, &client->secret, ca_file, err);
    if (rc != RC_OK)
        return rc;
    error = pthread_create(&client->thread, NULL, run_remover, client);
    if (error)
        return err_errno(err, RC_IO, error, "a thread cannot be started");
    client->started = true;
    return RC_OK;
}

enum rc link_outputs_new(const struct link_outputs_config *config, struct outputs **ret_outputs,
                         struct err *err)
{
    struct client *client = xcalloc(1, sizeof(*client));
    enum rc rc;

    client->base.ops = &ops;
    client->store = config->store;
    client->clock = config->clock;
    client->secret = *config->secret;
    client->places = places_new(config->store, config->clock);
    CHECK(!pthread_mutex_init(&client->mutex, NULL));
    CHECK(!pthread_cond_init(&client->news, NULL));
    rc = start(client, config->ca_file, err);
    if (rc != RC_OK) {
        free_client(&client->base);
        return rc;
    }
    *ret_outputs = &client->base;
    return RC_OK;
}
