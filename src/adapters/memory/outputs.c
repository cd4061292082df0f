/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/outputs.h"

#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/table.h"

#include "core/limits.h"
#include "core/run_hash.h"

struct text {
    struct table_node node;
    struct run_key run;
    struct buf buf;
};

struct memory_outputs {
    struct outputs base;
    pthread_mutex_t lock; /* of all that follows */
    struct table texts;
};

static struct memory_outputs *self_of(struct outputs *outputs)
{
    return container_of(outputs, struct memory_outputs, base);
}

static struct text *find(const struct memory_outputs *self, const struct run_key *run)
{
    struct table_node *node = table_first(&self->texts, run_key_hash(run));

    while (node && run_key_compare(&container_of(node, struct text, node)->run, run) != 0)
        node = table_next(node);
    return node ? container_of(node, struct text, node) : NULL;
}

static struct memory_outputs *enter(struct outputs *outputs)
{
    struct memory_outputs *self = self_of(outputs);

    CHECK(pthread_mutex_lock(&self->lock) == 0);
    return self;
}

static void leave(struct memory_outputs *self)
{
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
}

static enum rc fail_not_found(struct err *err)
{
    return err_fail(err, RC_NOT_FOUND, "the run has no output");
}

static enum rc memory_size(struct outputs *outputs, const struct run_key *run, int64_t *ret_size,
                           struct err *err)
{
    struct memory_outputs *self = enter(outputs);
    const struct text *text = find(self, run);

    if (text)
        *ret_size = (int64_t)text->buf.length;
    leave(self);
    return text ? RC_OK : fail_not_found(err);
}

static enum rc memory_read(struct outputs *outputs, const struct run_key *run,
                           struct output_piece *piece, struct err *err)
{
    struct memory_outputs *self = enter(outputs);
    const struct text *text = find(self, run);
    size_t start = text ? MIN((size_t)piece->offset, text->buf.length) : 0;

    if (text) {
        piece->length = MIN(piece->capacity, text->buf.length - start);
        memcpy(piece->data, text->buf.data + start, piece->length);
    }
    leave(self);
    return text ? RC_OK : fail_not_found(err);
}

static void text_free(struct memory_outputs *self, struct text *text)
{
    table_remove(&self->texts, &text->node);
    buf_release(&text->buf);
    free(text);
}

static enum rc memory_remove(struct outputs *outputs, const struct run_key *run, struct err *err)
{
    struct memory_outputs *self = enter(outputs);
    struct text *text = find(self, run);

    if (text)
        text_free(self, text);
    leave(self);
    return text ? RC_OK : fail_not_found(err);
}

static void memory_free(struct outputs *outputs)
{
    struct memory_outputs *self = self_of(outputs);
    struct table_node *node;

    while ((node = table_after(&self->texts, NULL)))
        text_free(self, container_of(node, struct text, node));
    table_release(&self->texts);
    (void)pthread_mutex_destroy(&self->lock); /* nobody holds it */
    free(self);
}

struct outputs *memory_outputs_new(void)
{
    static const struct outputs_ops ops = {.name = "memory",
                                           .size = memory_size,
                                           .read = memory_read,
                                           .tail = outputs_find_tail,
                                           .remove = memory_remove,
                                           .free = memory_free};
    struct memory_outputs *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    CHECK(pthread_mutex_init(&self->lock, NULL) == 0);
    return &self->base;
}

void memory_outputs_append(struct outputs *outputs, const struct run_key *run, const void *data,
                           size_t length)
{
    struct memory_outputs *self = enter(outputs);
    struct text *text = find(self, run);

    if (!text) {
        text = xcalloc(1, sizeof(*text));
        text->run = *run;
        buf_init(&text->buf, LIMIT_OUTPUT);
        table_insert(&self->texts, &text->node, run_key_hash(run));
    }
    CHECK(buf_append(&text->buf, data, length) == RC_OK);
    leave(self);
}
