/* SPDX-License-Identifier: Apache-2.0 */
#include "link/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "link/call.h"
#include "link/leader.h"
#include "link/parcel.h"
#include "link/protocol.h"
#include "link/text.h"
#include "link/wait.h"

#define PATIENCE    (8 * SECOND)
#define RETRY_AFTER (200 * MILLISECOND)
#define LOOK_UP     (10 * SECOND) /* an idle sender looks around so often, without need */

enum { SENDERS = 3, SENDERS_MAX = 16, CAPACITY = 10000, BATCH_BYTES = 1024 * 1024 };

struct client;

struct sender {
    struct client *client;
    struct link_caller caller;
    pthread_t thread;
    bool started;
};

struct client {
    struct changes base;
    struct store *store;
    struct clock *clock;
    struct link_secret secret;
    struct link_leader *leader;
    span_us patience;
    size_t capacity;
    struct sender senders[SENDERS_MAX];
    unsigned sender_count;

    pthread_mutex_t mutex; /* protects all below */
    pthread_cond_t news;
    struct list waiting; /* struct parcel, the oldest first */
    size_t count;        /* of them, of those under way and of those being written */
    mono_us retry_at;    /* nothing is sent before */
    bool failing;        /* the last call did not get through; `failure` says why */
    struct err failure;
    bool closed;
};

/* What one sender has in hand. */
struct batch {
    struct parcel *items[LINK_CHANGES_MAX];
    size_t count;
};

static struct client *client_of(struct changes *changes)
{
    return container_of(changes, struct client, base);
}

/* ---- the queue ----------------------------------------------------------------------------- */

static void put_into(struct batch *batch, struct parcel *parcel)
{
    list_remove(&parcel->link);
    batch->items[batch->count++] = parcel;
}

/* Those whose time is up; the oldest are in front. Under the mutex. */
static void take_overdue(struct client *client, mono_us now, struct batch *batch)
{
    while (!list_is_empty(&client->waiting) && batch->count < LINK_CHANGES_MAX) {
        struct parcel *first = list_first(&client->waiting, struct parcel, link);

        if (now < first->deadline)
            return;
        put_into(batch, first);
    }
}

/* Those that travel with the first: unique ones apart from the others. Under the mutex. */
static void take_batch(struct client *client, struct batch *batch)
{
    struct parcel *parcel;
    struct list *after;
    size_t bytes = 0;
    bool unique;

    if (list_is_empty(&client->waiting))
        return;
    unique = parcel_is_unique(list_first(&client->waiting, struct parcel, link));
    list_for_each_safe (parcel, after, &client->waiting, link) {
        if (parcel_is_unique(parcel) != unique)
            continue;
        bytes += parcel->text.length;
        if (batch->count == LINK_CHANGES_MAX || (batch->count > 0 && bytes > BATCH_BYTES))
            return;
        put_into(batch, parcel);
    }
}

/* Back to where they were, in their order; nobody tries again for a little while. */
static void put_back(struct client *client, struct batch *batch, const struct err *failure)
{
    if (batch->count == 0)
        return;
    pthread_mutex_lock(&client->mutex);
    while (batch->count > 0) /* each before what is in front */
        list_append(client->waiting.next, &batch->items[--batch->count]->link);
    client->retry_at = clock_mono(client->clock) + RETRY_AFTER;
    client->failure = *failure;
    if (!client->failing)
        log_warn("changes did not get through, trying again", LOG_TEXT("reason", failure->message));
    client->failing = true;
    pthread_mutex_unlock(&client->mutex);
}

static void note_success(struct client *client)
{
    pthread_mutex_lock(&client->mutex);
    if (client->failing)
        log_info("changes get through again");
    client->failing = false;
    pthread_mutex_unlock(&client->mutex);
}

/* Not under the mutex: whoever is answered may submit again at once. */
static void answer(struct client *client, struct parcel *parcel)
{
    parcel_answer(parcel);
    pthread_mutex_lock(&client->mutex);
    client->count--;
    pthread_mutex_unlock(&client->mutex);
}

static void give_up(struct client *client, struct batch *batch, const struct err *failure)
{
    struct err unknown;

    (void)err_fail(&unknown, RC_UNKNOWN, "it may have been made, or not: %s", failure->message);
    for (size_t i = 0; i < batch->count; i++) {
        struct parcel *parcel = batch->items[i];

        if (parcel->perhaps_done)
            parcel_fail(parcel, RC_UNKNOWN, &unknown);
        else
            parcel_fail(parcel, RC_UNAVAILABLE, failure);
        answer(client, parcel);
    }
    batch->count = 0;
}

static span_us next_look(const struct client *client, mono_us now)
{
    if (list_is_empty(&client->waiting))
        return LOOK_UP;
    return MIN(client->retry_at, list_first(&client->waiting, struct parcel, link)->deadline) - now;
}

/* Waits for changes that may be sent. False: closed. */
static bool await_batch(struct client *client, struct batch *batch)
{
    struct batch overdue = {0};
    struct err failure;
    bool goes_on;

    pthread_mutex_lock(&client->mutex);
    while (!client->closed && batch->count == 0) {
        mono_us now = clock_mono(client->clock);

        take_overdue(client, now, &overdue);
        if (overdue.count > 0) {
            failure = client->failure;
            pthread_mutex_unlock(&client->mutex);
            give_up(client, &overdue, &failure);
            pthread_mutex_lock(&client->mutex);
            continue;
        }
        if (now >= client->retry_at)
            take_batch(client, batch);
        if (batch->count == 0)
            link_wait(&client->news, &client->mutex, next_look(client, now));
    }
    goes_on = !client->closed || batch->count > 0;
    pthread_mutex_unlock(&client->mutex);
    return goes_on;
}

/* ---- a call -------------------------------------------------------------------------------- */

static bool is_open(void *context)
{
    struct client *client = context;
    bool open;

    pthread_mutex_lock(&client->mutex);
    open = !client->closed;
    pthread_mutex_unlock(&client->mutex);
    return open;
}

static void write_body(const struct batch *batch, struct buf *body)
{
    struct json_writer writer;

    link_document_begin(&writer, body);
    json_write_name(&writer, "changes");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < batch->count; i++)
        json_write_raw(&writer, batch->items[i]->text.data, batch->items[i]->text.length);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    CHECK(!body->failed); /* BATCH_BYTES, or one change of half as much as a body may have */
}

/* The call went out and no answer is known: each may have been made. Unique ones end here. */
static void take_doubt(struct client *client, struct batch *batch, const struct err *failure)
{
    struct err err;
    size_t left = 0;

    (void)err_fail(&err, RC_UNKNOWN,
                   "it may have been started, or not: look at the job's runs before asking again "
                   "(%s)",
                   failure->message);
    for (size_t i = 0; i < batch->count; i++) {
        struct parcel *parcel = batch->items[i];

        parcel->perhaps_done = true;
        if (!parcel_is_unique(parcel)) {
            batch->items[left++] = parcel;
            continue;
        }
        parcel_fail(parcel, RC_UNKNOWN, &err);
        answer(client, parcel);
    }
    batch->count = left;
    put_back(client, batch, failure);
}

static void take_results(struct client *client, struct batch *batch,
                         const struct leader_record *leader, const struct http_response *response)
{
    AUTO_ARENA struct arena arena = {0};
    struct link_result *results = arena_alloc(&arena, batch->count * sizeof(*results));
    size_t left = 0;
    struct err err = {0};
    enum rc rc = link_results_read(response->body.data, response->body.length, batch->count, &arena,
                                   results, &err);

    if (rc != RC_OK) {
        (void)err_prefix(&err, rc, "the answer of %s cannot be read", leader->name);
        take_doubt(client, batch, &err);
        return;
    }
    note_success(client);
    for (size_t i = 0; i < batch->count; i++) {
        struct parcel *parcel = batch->items[i];

        if (parcel_settle(parcel, &results[i], client->store))
            answer(client, parcel);
        else
            batch->items[left++] = parcel;
    }
    batch->count = left;
    if (left > 0)
        link_leader_doubt(client->leader, leader->epoch);
    err_set(&err, "%s did not make the change", leader->name);
    put_back(client, batch, &err);
}

static void take_answer(struct client *client, struct batch *batch,
                        const struct leader_record *leader, const struct http_response *response)
{
    struct err err = {0};
    enum rc rc;

    if (response->status == 200) {
        take_results(client, batch, leader, response);
        return;
    }
    if (response->status == LINK_STATUS_ELSEWHERE) {
        link_leader_learn(client->leader, leader->epoch, &response->body);
        err_set(&err, "%s does not lead any more", leader->name);
        put_back(client, batch, &err);
        return;
    }
    rc = link_refusal(response, &err);
    (void)err_prefix(&err, rc, "the leading manager, %s, refuses the call", leader->name);
    if (rc == RC_CONFLICT)
        take_doubt(client, batch, &err);
    else if (rc == RC_BUSY)
        put_back(client, batch, &err);
    else
        give_up(client, batch, &err);
}

static void deliver(struct sender *sender, struct batch *batch)
{
    struct client *client = sender->client;
    struct leader_record leader;
    struct http_response response;
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc = link_leader_find(client->leader, &leader, &err);

    buf_init(&body, LINK_BODY_MAX);
    if (rc != RC_OK) {
        put_back(client, batch, &err);
        return;
    }
    write_body(batch, &body);
    rc = link_call(&sender->caller,
                   &(struct link_call){.method = "POST",
                                       .url = leader.url,
                                       .target = LINK_CHANGES_PATH,
                                       .body = &body,
                                       .timeout = LINK_CALL_TIMEOUT,
                                       .answer_limit = LINK_ANSWER_MAX,
                                       .once = parcel_is_unique(batch->items[0]),
                                       .go_on = is_open,
                                       .context = client},
                   &response, &err);
    if (rc == RC_OK) {
        take_answer(client, batch, &leader, &response);
        http_response_release(&response);
        return;
    }
    link_leader_doubt(client->leader, leader.epoch);
    (void)err_prefix(&err, rc, "the leading manager, %s, cannot be reached", leader.name);
    if (http_client_has_sent(sender->caller.client))
        take_doubt(client, batch, &err);
    else
        put_back(client, batch, &err);
}

static void *send_changes(void *context)
{
    struct sender *sender = context;
    struct batch batch = {0};

    while (await_batch(sender->client, &batch))
        deliver(sender, &batch);
    return NULL;
}

/* ---- the port ------------------------------------------------------------------------------ */

static enum rc take_place(struct client *client, struct err *err)
{
    enum rc rc = RC_OK;

    pthread_mutex_lock(&client->mutex);
    if (client->closed)
        rc = err_fail(err, RC_CLOSED, "the server is stopping");
    else if (client->count >= client->capacity)
        rc = err_fail(err, RC_BUSY, "%zu changes are waiting already", client->count);
    else
        client->count++;
    pthread_mutex_unlock(&client->mutex);
    return rc;
}

/* False: closed meanwhile. */
static bool enqueue(struct client *client, struct parcel *parcel)
{
    bool open;

    pthread_mutex_lock(&client->mutex);
    open = !client->closed;
    if (open)
        list_append(&client->waiting, &parcel->link);
    else
        client->count--;
    pthread_cond_signal(&client->news);
    pthread_mutex_unlock(&client->mutex);
    return open;
}

static enum rc submit(struct changes *changes, struct change *change, struct err *err)
{
    struct client *client = client_of(changes);
    struct parcel *parcel;
    enum rc rc = take_place(client, err);

    if (rc != RC_OK)
        return rc;
    rc = parcel_new(change, clock_mono(client->clock) + client->patience, &parcel, err);
    if (rc != RC_OK) {
        pthread_mutex_lock(&client->mutex);
        client->count--;
        pthread_mutex_unlock(&client->mutex);
        return rc;
    }
    if (enqueue(client, parcel))
        return RC_OK;
    parcel_free(parcel);
    return err_fail(err, RC_CLOSED, "the server is stopping");
}

static void refuse_waiting(struct client *client)
{
    struct err err;

    (void)err_fail(&err, RC_CLOSED, "the server is stopping");
    while (!list_is_empty(&client->waiting)) {
        struct parcel *parcel = list_take(&client->waiting, struct parcel, link);

        parcel_fail(parcel, parcel->perhaps_done ? RC_UNKNOWN : RC_CLOSED, &err);
        answer(client, parcel);
    }
}

void link_changes_stop(struct changes *changes)
{
    struct client *client = client_of(changes);

    pthread_mutex_lock(&client->mutex);
    client->closed = true;
    pthread_cond_broadcast(&client->news);
    pthread_mutex_unlock(&client->mutex);
    for (unsigned i = 0; i < client->sender_count; i++) {
        if (client->senders[i].started)
            CHECK(!pthread_join(client->senders[i].thread, NULL));
        client->senders[i].started = false;
    }
    refuse_waiting(client);
}

static void free_client(struct changes *changes)
{
    struct client *client = client_of(changes);

    link_changes_stop(changes);
    for (unsigned i = 0; i < client->sender_count; i++)
        link_caller_release(&client->senders[i].caller);
    link_leader_free(client->leader);
    link_secret_forget(&client->secret);
    pthread_cond_destroy(&client->news);
    pthread_mutex_destroy(&client->mutex);
    free(client);
}

static const struct changes_ops ops = {.name = "link", .submit = submit, .free = free_client};

static enum rc start_senders(struct client *client, unsigned count, const char *ca_file,
                             struct err *err)
{
    for (unsigned i = 0; i < MIN(count, SENDERS_MAX); i++) {
        struct sender *sender = &client->senders[i];
        enum rc rc =
            link_caller_init(&sender->caller, client->clock, &client->secret, ca_file, err);
        int error;

        client->sender_count = i + 1;
        if (rc != RC_OK)
            return rc;
        sender->client = client;
        error = pthread_create(&sender->thread, NULL, send_changes, sender);
        if (error)
            return err_errno(err, RC_IO, error, "a thread cannot be started");
        sender->started = true;
    }
    return RC_OK;
}

enum rc link_changes_new(const struct link_changes_config *config, struct changes **ret_changes,
                         struct err *err)
{
    struct client *client = xcalloc(1, sizeof(*client));
    enum rc rc;

    client->base.ops = &ops;
    client->store = config->store;
    client->clock = config->clock;
    client->secret = *config->secret;
    client->leader = link_leader_new(config->store);
    client->patience = config->patience ? config->patience : PATIENCE;
    client->capacity = config->capacity ? config->capacity : CAPACITY;
    err_set(&client->failure, "the leading manager did not answer in time");
    list_init(&client->waiting);
    CHECK(!pthread_mutex_init(&client->mutex, NULL));
    CHECK(!pthread_cond_init(&client->news, NULL));
    rc = start_senders(client, config->threads ? config->threads : SENDERS, config->ca_file, err);
    if (rc != RC_OK) {
        free_client(&client->base);
        return rc;
    }
    *ret_changes = &client->base;
    return RC_OK;
}
