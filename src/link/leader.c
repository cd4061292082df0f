/* SPDX-License-Identifier: Apache-2.0 */
#include "link/leader.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "link/text.h"

struct link_leader {
    struct store *store;
    pthread_mutex_t mutex; /* protects all below */
    struct leader_record known;
    bool doubted;
};

struct link_leader *link_leader_new(struct store *store)
{
    struct link_leader *leader = xcalloc(1, sizeof(*leader));

    leader->store = store;
    leader->doubted = true;
    CHECK(!pthread_mutex_init(&leader->mutex, NULL));
    return leader;
}

void link_leader_free(struct link_leader *leader)
{
    if (!leader)
        return;
    pthread_mutex_destroy(&leader->mutex);
    free(leader);
}

static bool recall(struct link_leader *leader, struct leader_record *ret_leader)
{
    bool known;

    pthread_mutex_lock(&leader->mutex);
    known = !leader->doubted;
    if (known)
        *ret_leader = leader->known;
    pthread_mutex_unlock(&leader->mutex);
    return known;
}

static void keep(struct link_leader *leader, const struct leader_record *record)
{
    pthread_mutex_lock(&leader->mutex);
    if (record->epoch >= leader->known.epoch) {
        leader->known = *record;
        leader->doubted = false;
    }
    pthread_mutex_unlock(&leader->mutex);
}

enum rc link_leader_find(struct link_leader *leader, struct leader_record *ret_leader,
                         struct err *err)
{
    struct leader_record record = {0};
    enum rc rc;

    if (!recall(leader, ret_leader)) {
        rc = store_read_leader(leader->store, &record, err);
        if (rc != RC_OK)
            return rc;
        keep(leader, &record);
        *ret_leader = record;
    }
    if (ret_leader->epoch == 0)
        rc = err_fail(err, RC_UNAVAILABLE, "no manager leads");
    else if (!ret_leader->url[0])
        rc = err_fail(err, RC_UNAVAILABLE, "the leading manager, %s, says no address",
                      ret_leader->name);
    else
        return RC_OK;
    link_leader_doubt(leader, ret_leader->epoch);
    return rc;
}

void link_leader_doubt(struct link_leader *leader, uint64_t epoch)
{
    pthread_mutex_lock(&leader->mutex);
    if (leader->known.epoch <= epoch)
        leader->doubted = true;
    pthread_mutex_unlock(&leader->mutex);
}

void link_leader_learn(struct link_leader *leader, uint64_t epoch, const struct buf *answer)
{
    struct leader_record other;

    link_leader_doubt(leader, epoch);
    if (link_leader_read(answer->data, answer->length, &other, NULL) == RC_OK &&
        other.epoch > epoch)
        keep(leader, &other);
}

/* ---- text ---------------------------------------------------------------------------------- */

void link_leader_write(struct buf *buf, const struct leader_record *record)
{
    struct json_writer writer;

    link_document_begin(&writer, buf);
    if (record && record->epoch) {
        json_write_name(&writer, "leader");
        json_write_object_begin(&writer);
        json_member_string(&writer, "name", record->name);
        json_member_string(&writer, "url", record->url);
        json_member_id(&writer, "epoch", record->epoch);
        json_write_object_end(&writer);
    }
    json_write_object_end(&writer);
}

struct leader_members {
    const char *name, *url, *epoch;
};

static const struct field leader_fields[] = {
    FIELD("name", FIELD_TEXT, offsetof(struct leader_members, name)),
    FIELD("url", FIELD_TEXT, offsetof(struct leader_members, url)),
    FIELD("epoch", FIELD_TEXT, offsetof(struct leader_members, epoch)),
};

static enum rc take_members(const struct leader_members *members, struct leader_record *ret_leader,
                            struct err *err)
{
    struct leader_record record = {0};

    if (!members->name || !members->url || strlen(members->name) > LIMIT_NAME ||
        strlen(members->url) > LIMIT_URL || !link_number_read(members->epoch, &record.epoch))
        return err_fail(err, RC_MALFORMED, "the leader is not a name, a URL and an epoch");
    memcpy(record.name, members->name, strlen(members->name) + 1);
    memcpy(record.url, members->url, strlen(members->url) + 1);
    *ret_leader = record;
    return RC_OK;
}

enum rc link_leader_read(const char *text, size_t length, struct leader_record *ret_leader,
                         struct err *err)
{
    static const struct link_table table = {leader_fields, ARRAY_SIZE(leader_fields)};
    struct json_value *AUTO_JSON document = NULL;
    AUTO_ARENA struct arena arena = {0};
    struct leader_members members = {0};
    const struct json_value *value;
    enum rc rc = link_document_read(text, length, &document, err);

    if (rc != RC_OK)
        return rc;
    value = json_value_member(document, "leader");
    if (!value) {
        *ret_leader = (struct leader_record){0};
        return RC_OK;
    }
    rc = link_object_read(value, &table, &arena, &members, err);
    return rc == RC_OK ? take_members(&members, ret_leader, err) : rc;
}
