/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users, made and changed by administrators. Nobody gives what they do not have, nor changes who
 * has more: else the right to make users would be every right.
 */
#include <string.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "api/password.h"
#include "api/pending.h"
#include "api/people.h"
#include "api/sign_ins.h"
#include "api/source.h"
#include "wire/user.h"

/* ---- reading ----------------------------------------------------------------------------------
 */

struct user_list {
    struct people *people;
    struct json_writer writer;
};

static bool visit_user(void *context, const struct user_record *user)
{
    struct user_list *list = context;

    if (people_take_user(list->people, user))
        wire_user_write(&list->writer, user);
    return true;
}

void handle_user_list(struct call *call)
{
    struct user_list list = {.people = call->api->people};
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc;

    buf_init(&body, ANSWER_LIMIT);
    json_writer_init(&list.writer, &body);
    json_write_array_begin(&list.writer);
    rc = store_read_users(call->api->config.store, visit_user, &list, &err);
    json_write_array_end(&list.writer);
    if (rc == RC_OK)
        answer_json(call, &body);
    else
        answer_failure(call, rc, &err);
}

/* As the store has it now. */
static enum rc find_user(struct call *call, const char *name, struct arena *arena,
                         struct user_record *ret_user, struct err *err)
{
    people_expire(call->api->people);
    return people_find_user(call->api->people, name, arena, ret_user, err);
}

static void answer_user(struct call *call, const char *name, bool created)
{
    struct answer answer = answer_new(call->route->status, ANSWER_JSON);
    struct user_record user;
    struct json_writer writer;
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc = find_user(call, name, call->arena, &user, &err);

    buf_init(&body, ANSWER_LIMIT);
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        return;
    }
    json_writer_init(&writer, &body);
    wire_user_write(&writer, &user);
    if (created)
        answer_header(&answer, "Location", arena_printf(call->arena, "/users/%s", name));
    answer_send(call, &answer, &body);
}

void handle_user_get(struct call *call)
{
    answer_user(call, http_request_parameter(call->request, "name"), false);
}

/* ---- making -----------------------------------------------------------------------------------
 */

static enum rc check_covered(const struct call *call, const struct user_record *user,
                             struct err *err)
{
    struct rights rights = rights_of_user(user);

    if (rights_cover(&call->who.rights, &rights))
        return RC_OK;
    return err_fail(err, RC_FORBIDDEN,
                    "%s would have more rights than %s, who cannot give or change that", user->name,
                    call->who.account);
}

static void user_created(struct pending *pending)
{
    answer_user(pending->call, pending->change.user.record.name, true);
}

static void user_hashed(struct password_work *work)
{
    struct change *change = &work->pending->change;

    change->user.record.password = arena_strdup(&change->arena, work->text);
    pending_submit(work->pending);
}

/* Hands the change over, once its password is hashed; `clear` "": it has none. */
static void submit_with_password(struct pending *pending, const char *clear)
{
    struct password_work *work;

    if (!*clear) {
        pending_submit(pending);
        return;
    }
    work = arena_calloc(&pending->change.arena, sizeof(*work));
    *work = (struct password_work){.pending = pending, .to_hash = clear, .done = user_hashed};
    password_submit(work);
}

static struct strings usual_accounts(const char *name, struct arena *arena)
{
    return strings_copy(&(struct strings){&name, 1}, arena);
}

void handle_user_create(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_USER_CREATE, user_created);
    struct user_record *user = &pending->change.user.record;
    struct problems problems = {.arena = &pending->change.arena};
    struct user_request request;
    size_t length;
    const char *body = http_request_body(call->request, &length);
    struct err err = {0};
    enum rc rc = wire_user_request_read(body, length, &problems, &request, &err);

    if (rc == RC_OK) {
        *user = (struct user_record){.name = request.name,
                                     .role = request.role,
                                     .privileged = request.privileged,
                                     .disabled = request.disabled,
                                     .accounts = request.accounts,
                                     .password = "",
                                     .created_at = call_now(call)};
        if (!(request.given & USER_ACCOUNTS) && !request.privileged)
            user->accounts = usual_accounts(request.name, &pending->change.arena);
        rc = check_covered(call, user, &err);
    }
    if (rc == RC_OK) {
        submit_with_password(pending, request.password);
        return;
    }
    answer_rejected(call, rc, &problems, &err);
    pending_drop(pending);
}

/* ---- changing ---------------------------------------------------------------------------------
 */

static void user_changed(struct pending *pending)
{
    answer_user(pending->call, pending->change.user.record.name, false);
}

static void user_done(struct pending *pending)
{
    struct answer answer = answer_new(204, NULL);

    people_expire(pending->call->api->people);
    answer_send(pending->call, &answer, NULL);
}

/* What the user is, for the record of the change. */
static void note_before(struct pending *pending, const struct user_record *user)
{
    struct json_writer writer;
    AUTO_BUF struct buf buf;

    buf_init(&buf, ANSWER_LIMIT);
    json_writer_init(&writer, &buf);
    wire_user_write(&writer, user);
    pending->change.audit.before = arena_strndup(&pending->change.arena, buf.data, buf.length);
}

/* The user of the path, who has no more rights than who asks. False: it was refused. */
static bool find_lesser(struct pending *pending, struct user_record *ret_user)
{
    struct call *call = pending->call;
    struct err err = {0};
    enum rc rc = find_user(call, http_request_parameter(call->request, "name"),
                           &pending->change.arena, ret_user, &err);

    if (rc == RC_OK)
        rc = check_covered(call, ret_user, &err);
    if (rc == RC_OK) {
        note_before(pending, ret_user);
        return true;
    }
    answer_failure(call, rc, &err);
    pending_drop(pending);
    return false;
}

/* What the user will be, with the parts that were given. */
static void apply(const struct user_request *request, struct user_record *user)
{
    if (request->given & USER_ROLE)
        user->role = request->role;
    if (request->given & USER_PRIVILEGED)
        user->privileged = request->privileged;
    if (request->given & USER_DISABLED)
        user->disabled = request->disabled;
    if (request->given & USER_ACCOUNTS)
        user->accounts = request->accounts;
}

void handle_user_patch(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_USER_CHANGE, user_changed);
    struct write_user *change = &pending->change.user;
    struct problems problems = {.arena = &pending->change.arena};
    struct user_request request;
    size_t length;
    const char *body = http_request_body(call->request, &length);
    struct err err = {0};
    enum rc rc;

    if (!find_lesser(pending, &change->record))
        return;
    rc = wire_user_patch_read(body, length, &problems, &request, &err);
    if (rc == RC_OK) {
        apply(&request, &change->record);
        change->sets = request.given;
        rc = check_covered(call, &change->record, &err);
    }
    if (rc == RC_OK) {
        pending_submit(pending);
        return;
    }
    answer_rejected(call, rc, &problems, &err);
    pending_drop(pending);
}

/* A user that no manager signed is not there, and what its row says of its rights is not to be
 * believed: who has every right removes it all the same. */
static bool find_removable(struct pending *pending, struct user_record *ret_user)
{
    struct call *call = pending->call;
    const char *name = http_request_parameter(call->request, "name");
    struct rights all = rights_of_all();
    struct err err = {0};

    if (!rights_cover(&call->who.rights, &all) ||
        find_user(call, name, call->arena, ret_user, &err) != RC_NOT_FOUND)
        return find_lesser(pending, ret_user);
    *ret_user = (struct user_record){.name = arena_strdup(&pending->change.arena, name)};
    return true;
}

void handle_user_remove(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_USER_REMOVE, user_done);

    if (find_removable(pending, &pending->change.user.record))
        pending_submit(pending);
}

/* ---- passwords --------------------------------------------------------------------------------
 */

static void password_hashed(struct password_work *work)
{
    struct pending *pending = work->pending;
    struct call *call = pending->call;

    if (!work->matches) {
        answer_bad_field(call, "old", "is not the password");
        pending_drop(pending);
        return;
    }
    if (work->given)
        sign_ins_succeed(call->api->sign_ins, call->who.account, source_of(call));
    user_hashed(work);
}

/* One's own password is changed by who knows it, not by who found an open session. False: refused.
 */
static bool begin_own(struct pending *pending, struct password_work *work, const char *old)
{
    struct call *call = pending->call;
    span_us wait = sign_ins_begin(call->api->sign_ins, call->who.account, source_of(call),
                                  clock_mono(call->api->config.clock));

    work->given = old;
    work->hash = pending->change.user.record.password;
    if (wait == 0)
        return true;
    answer_later(call, wait, "too many wrong passwords");
    pending_drop(pending);
    return false;
}

static void submit_password(struct pending *pending, const struct password_request *request)
{
    struct call *call = pending->call;
    struct password_work *work = arena_calloc(&pending->change.arena, sizeof(*work));
    bool own = strcmp(pending->change.user.record.name, call->who.account) == 0 &&
               pending->change.user.record.password[0] != '\0';

    *work = (struct password_work){
        .pending = pending, .to_hash = request->password, .done = password_hashed};
    if (own && !begin_own(pending, work, request->old))
        return;
    pending->change.user.sets = USER_PASSWORD;
    password_submit(work);
}

/* Of others it is for administrators; to all else they are not there. */
static enum rc check_target(const struct call *call, const char *name, struct err *err)
{
    if (call->who.rights.role == ROLE_ADMIN)
        return RC_OK;
    if (strcmp(name, call->who.account) != 0)
        return err_fail(err, RC_NOT_FOUND, "there is no such user");
    return RC_OK;
}

void handle_user_password(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_USER_CHANGE, user_done);
    struct problems problems = {.arena = &pending->change.arena};
    struct password_request request;
    size_t length;
    const char *body = http_request_body(call->request, &length);
    struct err err = {0};
    enum rc rc = check_target(call, http_request_parameter(call->request, "name"), &err);

    if (rc == RC_OK)
        rc = wire_password_read(body, length, &problems, &request, &err);
    if (rc != RC_OK) {
        answer_rejected(call, rc, &problems, &err);
        pending_drop(pending);
        return;
    }
    if (find_lesser(pending, &pending->change.user.record))
        submit_password(pending, &request);
}
