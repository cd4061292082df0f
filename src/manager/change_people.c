/* SPDX-License-Identifier: Apache-2.0 */
/* Users and tokens, sealed with what they are from now on. */
#include <string.h>

#include "manager/change.h"
#include "wire/seal.h"

static struct user_record *copy_user(struct arena *arena, const struct user_record *user)
{
    struct user_record *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *user;
    copy->name = arena_strdup(arena, user->name);
    copy->accounts = strings_copy(&user->accounts, arena);
    copy->password = arena_strdup(arena, user->password);
    copy->seal = arena_strdup(arena, user->seal);
    return copy;
}

static bool note_user(void *context, const struct user_record *user)
{
    struct change_batch *batch = context;

    for (size_t i = 0; i < batch->count; i++) {
        struct pending_change *item = &batch->items[i];

        if (item->change->kind == CHANGE_USER_CHANGE &&
            !strcmp(item->change->user.record.name, user->name))
            item->before.user = copy_user(&batch->arena, user);
    }
    return true;
}

/* A seal is about the whole user, so a change of a part needs the rest. */
enum rc change_read_users(struct change_batch *batch, struct err *err)
{
    bool wanted = false;

    for (size_t i = 0; batch->manager->config.seal && i < batch->count; i++)
        wanted |= batch->items[i].change->kind == CHANGE_USER_CHANGE;
    return wanted ? store_read_users(batch->manager->config.store, note_user, batch, err) : RC_OK;
}

void change_prepare_token(struct change_batch *batch, struct pending_change *item)
{
    const struct seal_keys *seal = batch->manager->config.seal;
    struct access_token *token = &change_add_write(batch, item, WRITE_TOKEN_CREATE)->access;

    *token = item->change->access;
    token->seal = seal ? wire_token_seal(seal->own, token, &batch->arena) : NULL;
}

void change_prepare_user(struct change_batch *batch, struct pending_change *item)
{
    const struct seal_keys *seal = batch->manager->config.seal;
    struct write_user *user = &change_add_write(batch, item, WRITE_USER_CREATE)->user;

    *user = item->change->user;
    user->record.seal = seal ? wire_user_seal(seal->own, &user->record, &batch->arena) : NULL;
}

/* The parts that do not change were sealed before, or they would be made good now. Written are
 * those that change alone: who writes between in the others gains a seal that does not fit. */
enum rc change_prepare_user_change(struct change_batch *batch, struct pending_change *item)
{
    const struct seal_keys *seal = batch->manager->config.seal;
    const struct user_record *before = item->before.user;
    struct change *change = item->change;
    struct user_record after;
    struct write_user *user;

    if (seal && before && wire_user_seal_check(seal->known, before) != RC_OK)
        return err_fail(&change->err, RC_CONFLICT, "no manager signed the user %s", before->name);
    user = &change_add_write(batch, item, WRITE_USER_CHANGE)->user;
    *user = change->user;
    user->record.seal = NULL;
    if (!seal || !before) /* the store says that there is none */
        return RC_OK;
    after = *before;
    user_record_change(&after, &change->user.record, change->user.sets);
    user->record.seal = wire_user_seal(seal->own, &after, &batch->arena);
    return RC_OK;
}
