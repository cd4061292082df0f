/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/objects.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

struct object {
    char *key;
    char *data;
    struct object_info info;
};

struct memory_objects {
    struct objects base;
    struct memory_objects_config config;
    pthread_mutex_t lock;  /* of all that follows */
    struct object **items; /* in the order of their keys */
    size_t count, capacity;
};

static struct memory_objects *enter(struct objects *objects)
{
    struct memory_objects *self = container_of(objects, struct memory_objects, base);

    CHECK(pthread_mutex_lock(&self->lock) == 0);
    return self;
}

static enum rc leave(struct memory_objects *self, enum rc rc)
{
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    return rc;
}

static void object_free(struct object *object)
{
    free(object->key);
    free(object->data);
    free(object);
}

/* Of the first object whose key is not below this one. */
static size_t place_of(const struct memory_objects *self, const char *key)
{
    size_t low = 0, high = self->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(self->items[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct object *find(const struct memory_objects *self, const char *key)
{
    size_t at = place_of(self, key);

    return at < self->count && !strcmp(self->items[at]->key, key) ? self->items[at] : NULL;
}

static enum rc fail_not_found(const char *key, struct err *err)
{
    return err_fail(err, RC_NOT_FOUND, "there is no object '%s'", key);
}

/* What the hook wants, as far as it is the same for every call. */
static enum rc ask_fault(const struct memory_objects *self, enum memory_objects_call call,
                         const char *key, enum memory_objects_fault *ret_fault, struct err *err)
{
    enum memory_objects_fault fault = MEMORY_OBJECTS_FAULT_NONE;

    if (self->config.fault)
        fault = self->config.fault(self->config.context, call, key);
    *ret_fault = fault;
    if (fault == MEMORY_OBJECTS_FAULT_FAIL)
        return err_fail(err, RC_UNAVAILABLE, "the objects do not answer");
    if (fault == MEMORY_OBJECTS_FAULT_REFUSE)
        return err_fail(err, RC_FORBIDDEN, "the objects refuse who asks");
    if (fault == MEMORY_OBJECTS_FAULT_FULL)
        return err_fail(err, RC_FULL, "no space is left for objects");
    return RC_OK;
}

/* The key, then the fault; with the lock held. */
static enum rc begin(const struct memory_objects *self, enum memory_objects_call call,
                     const char *key, enum memory_objects_fault *ret_fault, struct err *err)
{
    enum rc rc = object_key_check(key, err);

    return rc == RC_OK ? ask_fault(self, call, key, ret_fault, err) : rc;
}

static enum rc end(enum memory_objects_fault fault, struct err *err)
{
    return fault == MEMORY_OBJECTS_FAULT_UNKNOWN_DONE
               ? err_fail(err, RC_UNKNOWN, "the objects did not answer in time")
               : RC_OK;
}

/* ---- putting --------------------------------------------------------------------------------- */

static enum rc read_source(const struct object_source *source, char *data, struct err *err)
{
    int64_t done = 0;

    while (done < source->size) {
        ssize_t got = pread(source->fd, data + done, (size_t)(source->size - done), (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, RC_IO, errno, "reading what is to be stored");
        if (got == 0)
            return err_fail(err, RC_IO, "what is to be stored ended early");
        done += got;
    }
    return RC_OK;
}

static void insert(struct memory_objects *self, struct object *object)
{
    size_t at = place_of(self, object->key);

    if (at < self->count && !strcmp(self->items[at]->key, object->key)) {
        object_free(self->items[at]);
        self->items[at] = object;
        return;
    }
    self->items = xgrow(self->items, self->count, &self->capacity, sizeof(struct object *));
    memmove(self->items + at + 1, self->items + at, (self->count - at) * sizeof(struct object *));
    self->items[at] = object;
    self->count++;
}

static enum rc memory_put(struct objects *objects, const char *key,
                          const struct object_source *source, struct err *err)
{
    struct memory_objects *self = enter(objects);
    AUTO_FREE char *data = xmalloc((size_t)source->size + 1);
    enum memory_objects_fault fault;
    struct object *object;
    enum rc rc = begin(self, MEMORY_OBJECTS_PUT, key, &fault, err);

    if (rc == RC_OK)
        rc = read_source(source, data, err);
    if (rc != RC_OK)
        return leave(self, rc);
    object = xmalloc(sizeof(*object));
    *object = (struct object){.key = xstrdup(key),
                              .data = TAKE(data),
                              .info = {source->size, clock_now(self->config.clock)}};
    insert(self, object);
    return leave(self, end(fault, err));
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A copy of the range, so that whoever takes it may be slow. */
static enum rc copy_range(const struct memory_objects *self, const char *key,
                          const struct object_range *range, char **ret_data, int64_t *ret_length,
                          struct err *err)
{
    const struct object *object = find(self, key);
    int64_t offset, length;

    if (!object)
        return fail_not_found(key, err);
    offset = MIN(range->offset, object->info.size);
    length = object->info.size - offset;
    if (range->length >= 0)
        length = MIN(length, range->length);
    *ret_data = xmalloc((size_t)length + 1);
    memcpy(*ret_data, object->data + offset, (size_t)length);
    *ret_length = length;
    return RC_OK;
}

static enum rc give(const char *data, int64_t length, object_take take, void *context,
                    struct err *err)
{
    for (int64_t done = 0; done < length;) {
        int64_t piece = MIN(length - done, (int64_t)OBJECT_PIECE);

        if (!take(context, data + done, (size_t)piece))
            return err_fail(err, RC_CLOSED, "ended by the caller");
        done += piece;
    }
    return RC_OK;
}

static enum rc memory_get(struct objects *objects, const char *key,
                          const struct object_range *range, object_take take, void *context,
                          struct err *err)
{
    struct memory_objects *self = enter(objects);
    AUTO_FREE char *data = NULL;
    enum memory_objects_fault fault;
    int64_t length = 0;
    enum rc rc = begin(self, MEMORY_OBJECTS_GET, key, &fault, err);

    if (rc == RC_OK)
        rc = copy_range(self, key, range, &data, &length, err);
    if (leave(self, rc) != RC_OK)
        return rc;
    if (fault == MEMORY_OBJECTS_FAULT_CORRUPT && length)
        *data = (char)(*data ^ 1);
    rc = give(data, fault == MEMORY_OBJECTS_FAULT_CUT ? length / 2 : length, take, context, err);
    if (rc == RC_OK && fault == MEMORY_OBJECTS_FAULT_CUT)
        rc = err_fail(err, RC_UNAVAILABLE, "the object '%s' ended early", key);
    return rc;
}

static enum rc memory_stat(struct objects *objects, const char *key, struct object_info *ret_info,
                           struct err *err)
{
    struct memory_objects *self = enter(objects);
    enum memory_objects_fault fault;
    const struct object *object = NULL;
    enum rc rc = begin(self, MEMORY_OBJECTS_STAT, key, &fault, err);

    if (rc == RC_OK)
        object = find(self, key);
    if (object)
        *ret_info = object->info;
    else if (rc == RC_OK)
        rc = fail_not_found(key, err);
    return leave(self, rc);
}

static enum rc memory_list(struct objects *objects, const char *prefix, object_visit visit,
                           void *context, struct err *err)
{
    struct memory_objects *self = enter(objects);
    enum memory_objects_fault fault;
    size_t length = strlen(prefix);
    enum rc rc = ask_fault(self, MEMORY_OBJECTS_LIST, prefix, &fault, err);

    for (size_t i = place_of(self, prefix); rc == RC_OK && i < self->count; i++)
        if (strncmp(self->items[i]->key, prefix, length) != 0 ||
            !visit(context, self->items[i]->key, &self->items[i]->info))
            break;
    return leave(self, rc);
}

static void erase(struct memory_objects *self, const char *key)
{
    size_t at = place_of(self, key);

    if (at == self->count || strcmp(self->items[at]->key, key) != 0)
        return;
    object_free(self->items[at]);
    self->count--;
    memmove(self->items + at, self->items + at + 1, (self->count - at) * sizeof(struct object *));
}

static enum rc memory_remove(struct objects *objects, const char *key, struct err *err)
{
    struct memory_objects *self = enter(objects);
    enum memory_objects_fault fault;
    enum rc rc = begin(self, MEMORY_OBJECTS_REMOVE, key, &fault, err);

    if (rc != RC_OK)
        return leave(self, rc);
    erase(self, key);
    return leave(self, end(fault, err));
}

static const char *memory_url(struct objects *objects)
{
    (void)objects;
    return "s3://memory";
}

static void memory_free(struct objects *objects)
{
    struct memory_objects *self = container_of(objects, struct memory_objects, base);

    for (size_t i = 0; i < self->count; i++)
        object_free(self->items[i]);
    free(self->items);
    (void)pthread_mutex_destroy(&self->lock); /* nobody holds it */
    free(self);
}

struct objects *memory_objects_new(const struct memory_objects_config *config)
{
    static const struct objects_ops ops = {.name = "memory",
                                           .put = memory_put,
                                           .get = memory_get,
                                           .stat = memory_stat,
                                           .list = memory_list,
                                           .remove = memory_remove,
                                           .url = memory_url,
                                           .free = memory_free};
    struct memory_objects *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    self->config = *config;
    CHECK(pthread_mutex_init(&self->lock, NULL) == 0);
    return &self->base;
}
