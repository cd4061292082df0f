/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/cron_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct memory_cron_table {
    struct cron_table base;
    char *text; /* NULL: there is none */
    size_t writes;
    enum rc rc;
};

static const struct memory_cron_table *look_at(const struct cron_table *table)
{
    return (const struct memory_cron_table *)(const void *)table; /* its first member */
}

static struct memory_cron_table *self_of(struct cron_table *table)
{
    return container_of(table, struct memory_cron_table, base);
}

static enum rc keep(struct cron_table *table, const char *text, size_t length,
                    enum cron_found *ret_found, struct err *err)
{
    struct memory_cron_table *self = self_of(table);

    if (self->rc != RC_OK)
        return err_fail(err, self->rc, "it was told to fail");
    if (self->text ? strcmp(self->text, text) == 0 : !length) {
        *ret_found = self->text ? CRON_FOUND_SAME : CRON_FOUND_NONE;
        return RC_OK;
    }
    *ret_found = self->text ? CRON_FOUND_OTHER : CRON_FOUND_NONE;
    self->writes++;
    memory_cron_table_set(table, length ? text : NULL);
    return RC_OK;
}

static void free_table(struct cron_table *table)
{
    struct memory_cron_table *self = self_of(table);

    free(self->text);
    free(self);
}

static const struct cron_table_ops ops = {.name = "memory", .keep = keep, .free = free_table};

struct cron_table *memory_cron_table_new(void)
{
    struct memory_cron_table *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    return &self->base;
}

const char *memory_cron_table_text(const struct cron_table *table)
{
    return look_at(table)->text ? look_at(table)->text : "";
}

size_t memory_cron_table_writes(const struct cron_table *table)
{
    return look_at(table)->writes;
}

void memory_cron_table_set(struct cron_table *table, const char *text)
{
    struct memory_cron_table *self = self_of(table);
    char *next = text ? xstrdup(text) : NULL;

    free(self->text);
    self->text = next;
}

void memory_cron_table_fail(struct cron_table *table, enum rc rc)
{
    self_of(table)->rc = rc;
}
