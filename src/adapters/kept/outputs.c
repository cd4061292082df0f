/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kept/outputs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/kept/packed_object.h"

#define QUEUE_FOR (250 * MILLISECOND)
#define AWAY_FOR  (5 * SECOND)

enum {
    SLOTS = 8,   /* long outputs that stay open: about half a MiB each, and the index */
    READERS = 2, /* threads that may wait for the objects, of the few that answer requests */
};

/* A long output that was read, for who reads on. */
struct slot {
    struct run_key run;
    bool open;
    bool busy;
    uint64_t used; /* larger is later */
    struct packed_object object;
};

struct kept_outputs {
    struct outputs base;
    struct store *store;
    struct objects *objects;
    struct outputs *of_worker;
    struct clock *clock;
    pthread_mutex_t mutex; /* of all below; of a busy slot only that it is */
    pthread_cond_t left;   /* a reader has */
    struct slot slots[SLOTS];
    uint64_t uses;
    unsigned readers;
    mono_us away_until; /* the objects are not asked before */
};

static struct kept_outputs *self_of(struct outputs *outputs)
{
    return container_of(outputs, struct kept_outputs, base);
}

/* A call of the port, answered by whoever has the output. */
struct question {
    const struct run_key *run;
    enum rc (*of_text)(struct question *question, const char *data, size_t length, struct err *err);
    enum rc (*of_object)(struct question *question, struct packed_object *object, struct err *err);
    enum rc (*of_worker)(struct question *question, struct outputs *outputs, struct err *err);
    struct output_piece *piece;
    int64_t size, lines;
    int64_t *ret_number; /* size or offset */
};

/* ---- long outputs that are open -------------------------------------------------------------- */

/* One that is this run's, else one that is idle. Under the mutex. */
static struct slot *choose_slot(struct kept_outputs *self, const struct run_key *run)
{
    struct slot *chosen = NULL;

    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &self->slots[i];

        if (slot->busy)
            continue;
        if (slot->open && !run_key_compare(&slot->run, run))
            return slot;
        if (!chosen || slot->used < chosen->used)
            chosen = slot;
    }
    return chosen;
}

/* Busy, and open if it is the run's. */
static struct slot *take_slot(struct kept_outputs *self, const struct run_key *run)
{
    struct slot *slot;

    CHECK(!pthread_mutex_lock(&self->mutex));
    slot = choose_slot(self, run);
    CHECK(slot); /* there are more than readers */
    slot->busy = true;
    slot->used = ++self->uses;
    CHECK(!pthread_mutex_unlock(&self->mutex));
    if (slot->open && run_key_compare(&slot->run, run) != 0) {
        packed_object_release(&slot->object);
        slot->open = false;
    }
    slot->run = *run;
    return slot;
}

static void close_slot(struct slot *slot)
{
    if (slot->open)
        packed_object_release(&slot->object);
    slot->open = false;
}

static void give_slot(struct kept_outputs *self, struct slot *slot)
{
    CHECK(!pthread_mutex_lock(&self->mutex));
    slot->busy = false;
    CHECK(!pthread_mutex_unlock(&self->mutex));
}

/* Until a reader has left, QUEUE_FOR at most. Under the mutex. */
static void wait_for_reader(struct kept_outputs *self)
{
    struct timespec until;
    int error = 0;

    CHECK(!clock_gettime(CLOCK_MONOTONIC, &until));
    until.tv_nsec += QUEUE_FOR * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (self->readers == READERS && !error)
        error = pthread_cond_clockwait(&self->left, &self->mutex, CLOCK_MONOTONIC, &until);
}

static enum rc enter(struct kept_outputs *self, struct err *err)
{
    enum rc rc = RC_OK;

    CHECK(!pthread_mutex_lock(&self->mutex));
    if (self->readers == READERS)
        wait_for_reader(self);
    if (self->readers == READERS)
        rc = err_fail(err, RC_BUSY, "too many outputs are being read from the object store");
    else if (clock_mono(self->clock) < self->away_until)
        rc = err_fail(err, RC_UNAVAILABLE,
                      "the object store, which has the output, was not "
                      "reached a moment ago");
    else
        self->readers++;
    CHECK(!pthread_mutex_unlock(&self->mutex));
    return rc;
}

static void leave(struct kept_outputs *self, enum rc rc)
{
    CHECK(!pthread_mutex_lock(&self->mutex));
    self->readers--;
    if (rc == RC_UNAVAILABLE || rc == RC_TIMEOUT)
        self->away_until = clock_mono(self->clock) + AWAY_FOR;
    CHECK(!pthread_cond_signal(&self->left));
    CHECK(!pthread_mutex_unlock(&self->mutex));
}

static enum rc read_slot(struct kept_outputs *self, struct question *question, struct slot *slot,
                         struct err *err)
{
    enum rc rc = RC_OK;

    if (!slot->open) {
        rc = packed_object_open(&slot->object, self->objects, question->run, err);
        slot->open = true;
    }
    if (rc == RC_OK)
        rc = question->of_object(question, &slot->object, err);
    if (rc != RC_OK)
        close_slot(slot);
    return rc;
}

static enum rc ask_object(struct kept_outputs *self, struct question *question, struct err *err)
{
    enum rc rc = enter(self, err);
    struct slot *slot;

    if (rc != RC_OK)
        return rc;
    slot = take_slot(self, question->run);
    rc = read_slot(self, question, slot, err);
    give_slot(self, slot);
    leave(self, rc);
    if (rc == RC_NOT_FOUND) /* not as if there had never been any */
        return err_fail(err, RC_IO, "the object store does not have the output any more");
    return rc;
}

/* ---- who has it ------------------------------------------------------------------------------ */

struct answer {
    struct question *question;
    bool in_objects;
    enum rc rc;
    struct err *err;
};

static void answer_by_store(void *context, const struct kept_output *output)
{
    struct answer *answer = context;

    answer->in_objects = output->in_objects;
    if (!output->in_objects)
        answer->rc =
            answer->question->of_text(answer->question, output->data, output->length, answer->err);
}

/* RC_NOT_FOUND: it is not stored. */
static enum rc ask_stored(struct kept_outputs *self, struct question *question, struct err *err)
{
    struct answer answer = {.question = question, .rc = RC_OK, .err = err};
    enum rc rc = store_read_output(self->store, question->run, answer_by_store, &answer, err);

    if (rc != RC_OK)
        return rc;
    return answer.in_objects ? ask_object(self, question, err) : answer.rc;
}

static enum rc ask(struct kept_outputs *self, struct question *question, struct err *err)
{
    enum rc rc = ask_stored(self, question, err);

    if (rc != RC_NOT_FOUND)
        return rc;
    rc = question->of_worker(question, self->of_worker, err);
    if (rc == RC_OK || ask_stored(self, question, NULL) != RC_OK)
        return rc;
    return RC_OK;
}

/* ---- size ------------------------------------------------------------------------------------ */

static enum rc size_of_text(struct question *question, const char *data, size_t length,
                            struct err *err)
{
    (void)data, (void)err;
    *question->ret_number = (int64_t)length;
    return RC_OK;
}

static enum rc size_of_object(struct question *question, struct packed_object *object,
                              struct err *err)
{
    (void)err;
    *question->ret_number = object->index.size;
    return RC_OK;
}

static enum rc size_of_worker(struct question *question, struct outputs *outputs, struct err *err)
{
    return outputs_size(outputs, question->run, question->ret_number, err);
}

static enum rc kept_size(struct outputs *outputs, const struct run_key *run, int64_t *ret_size,
                         struct err *err)
{
    int64_t number;
    struct question question = {.run = run,
                                .of_text = size_of_text,
                                .of_object = size_of_object,
                                .of_worker = size_of_worker,
                                .ret_number = &number};
    enum rc rc = ask(self_of(outputs), &question, err);

    if (rc == RC_OK)
        *ret_size = number;
    return rc;
}

/* ---- read ------------------------------------------------------------------------------------ */

static enum rc read_text(struct question *question, const char *data, size_t length,
                         struct err *err)
{
    struct output_piece *piece = question->piece;
    size_t from = (size_t)MIN(piece->offset, (int64_t)length);

    (void)err;
    piece->length = MIN(piece->capacity, length - from);
    if (piece->length)
        memcpy(piece->data, data + from, piece->length);
    return RC_OK;
}

static enum rc read_object(struct question *question, struct packed_object *object, struct err *err)
{
    return packed_object_read(object, question->piece, err);
}

static enum rc read_worker(struct question *question, struct outputs *outputs, struct err *err)
{
    return outputs_read(outputs, question->run, question->piece, err);
}

static enum rc kept_read(struct outputs *outputs, const struct run_key *run,
                         struct output_piece *piece, struct err *err)
{
    struct question question = {.run = run,
                                .of_text = read_text,
                                .of_object = read_object,
                                .of_worker = read_worker,
                                .piece = piece};

    return ask(self_of(outputs), &question, err);
}

/* ---- tail ------------------------------------------------------------------------------------ */

static enum rc tail_text(struct question *question, const char *data, size_t length,
                         struct err *err)
{
    size_t at = MIN((size_t)question->size, length);
    int64_t lines = question->lines;

    (void)err;
    if (lines > 0 && at > 0)
        at--; /* a newline there ends the last line */
    while (lines > 0 && at > 0 && !(data[at - 1] == '\n' && --lines == 0))
        at--;
    *question->ret_number = (int64_t)at;
    return RC_OK;
}

static enum rc tail_object(struct question *question, struct packed_object *object, struct err *err)
{
    return packed_object_tail(object, question->lines, question->ret_number, err);
}

static enum rc tail_worker(struct question *question, struct outputs *outputs, struct err *err)
{
    return outputs_tail(outputs, question->run, question->size, question->lines,
                        question->ret_number, err);
}

static enum rc kept_tail(struct outputs *outputs, const struct run_key *run, int64_t size,
                         int64_t lines, int64_t *ret_offset, struct err *err)
{
    int64_t number;
    struct question question = {.run = run,
                                .of_text = tail_text,
                                .of_object = tail_object,
                                .of_worker = tail_worker,
                                .size = size,
                                .lines = lines,
                                .ret_number = &number};
    enum rc rc = ask(self_of(outputs), &question, err);

    if (rc == RC_OK)
        *ret_offset = number;
    return rc;
}

/* ---- the port -------------------------------------------------------------------------------- */

static enum rc kept_remove(struct outputs *outputs, const struct run_key *run, struct err *err)
{
    return outputs_remove(self_of(outputs)->of_worker, run, err);
}

static void kept_free(struct outputs *outputs)
{
    struct kept_outputs *self = self_of(outputs);

    for (size_t i = 0; i < SLOTS; i++)
        close_slot(&self->slots[i]);
    CHECK(!pthread_cond_destroy(&self->left));
    CHECK(!pthread_mutex_destroy(&self->mutex));
    free(self);
}

struct outputs *kept_outputs_new(const struct kept_outputs_config *config)
{
    static const struct outputs_ops ops = {.name = "kept",
                                           .size = kept_size,
                                           .read = kept_read,
                                           .tail = kept_tail,
                                           .remove = kept_remove,
                                           .free = kept_free};
    struct kept_outputs *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    self->store = config->store;
    self->objects = config->objects;
    self->of_worker = config->of_worker;
    self->clock = config->clock;
    CHECK(!pthread_mutex_init(&self->mutex, NULL));
    CHECK(!pthread_cond_init(&self->left, NULL));
    return &self->base;
}
