/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cronjob sign`: which jobs, users and tokens of a cluster no manager signed, and their signing.
 * Those from before have no signature; one that does not fit was written by somebody else. No
 * process may tell for itself which of them are as they should be: a person looks.
 */
#include "main/sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

#include "core/seal.h"

#include "adapters/mysql/store.h"
#include "adapters/posix/clock.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "link/secret.h"
#include "main/options.h"
#include "wire/job.h"
#include "wire/seal.h"

enum standing { SIGNED, UNSIGNED, FORGED };

/* All of the command's arena. */
struct found {
    struct list link;
    const char *id; /* "12", "user:anne", "token:Ab3dEf6h": as it is asked for */
    const char *owner;
    const char *run_as;
    const char *what;
    enum standing standing;
    struct store_write write; /* which signs it */
};

struct signing {
    struct cli *cli;
    const struct arguments *arguments;
    struct seal_keys keys;
    struct store *store;
    struct list found; /* what is not signed */
    size_t left, sealed;
};

/* ---- what there is --------------------------------------------------------------------------- */

static enum standing standing_of(enum rc checked)
{
    switch (checked) {
    case RC_OK:
        return SIGNED;
    case RC_NOT_FOUND:
        return UNSIGNED;
    default:
        return FORGED;
    }
}

static struct found *add_found(struct signing *signing, enum standing standing,
                               enum write_kind kind)
{
    struct found *found = arena_alloc(&signing->cli->arena, sizeof(*found));

    *found = (struct found){.standing = standing, .write = {.kind = kind}};
    list_append(&signing->found, &found->link);
    return found;
}

static const char *document_text(const struct json_value *document, const char *name,
                                 struct arena *arena)
{
    const struct json_value *value = document ? json_value_member(document, name) : NULL;

    return value && json_value_kind(value) == JSON_KIND_STRING
               ? arena_strdup(arena, json_value_string(value))
               : "-";
}

/* `text` is the document alone. */
static void tell_job(struct found *found, const struct buf *text, struct arena *arena)
{
    struct json_value *AUTO_JSON document = NULL;

    if (json_document_read(text->data, text->length, &document, NULL) != RC_OK)
        document = NULL;
    found->run_as = document_text(document, "run_as", arena);
    found->what = document_text(document, "executable", arena);
}

static bool note_job(void *context, const struct job_record *job)
{
    struct signing *signing = context;
    struct arena *arena = &signing->cli->arena;
    const struct seal_subject subject = {
        .kind = SEAL_JOB, .job = job->id, .revision = job->revision, .owner = job->owner};
    enum standing standing =
        standing_of(seal_check(signing->keys.known, &subject, job->document, job->document_length));
    struct buf AUTO_BUF text;
    struct found *found;

    buf_init(&text, SIZE_MAX); /* without a limit nothing fails */
    if (standing == SIGNED || job->removed)
        return true;
    found = add_found(signing, standing, WRITE_JOB_SEAL);
    found->id = arena_printf(arena, "%" PRIu64, job->id);
    found->owner = arena_strdup(arena, job->owner);
    (void)buf_append(&text, job->document, seal_body(job->document, job->document_length));
    tell_job(found, &text, arena);
    (void)seal_put(signing->keys.own, &subject, &text);
    found->write.job = (struct write_job){.id = job->id,
                                          .revision = job->revision,
                                          .document = arena_strndup(arena, text.data, text.length),
                                          .document_length = text.length};
    return true;
}

static const char *list_accounts(const struct user_record *user, struct arena *arena)
{
    const char *text = user->accounts.count ? user->accounts.items[0] : "-";

    if (user->privileged)
        return "every account";
    for (size_t i = 1; i < user->accounts.count; i++)
        text = arena_printf(arena, "%s,%s", text, user->accounts.items[i]);
    return arena_strdup(arena, text);
}

static bool note_user(void *context, const struct user_record *user)
{
    struct signing *signing = context;
    struct arena *arena = &signing->cli->arena;
    enum standing standing = standing_of(wire_user_seal_check(signing->keys.known, user));
    struct found *found;

    if (standing == SIGNED)
        return true;
    found = add_found(signing, standing, WRITE_USER_CHANGE);
    found->id = arena_printf(arena, "user:%s", user->name);
    found->owner = "-";
    found->run_as = list_accounts(user, arena);
    found->what =
        arena_printf(arena, "%s%s%s", role_text(user->role), user->disabled ? ", disabled" : "",
                     user->password[0] ? ", with a password" : "");
    found->write.user.record = (struct user_record){
        .name = arena_strdup(arena, user->name),
        .password = "",
        .seal = wire_user_seal(signing->keys.own, user, arena),
    };
    return true;
}

static bool note_token(void *context, const struct access_token *token)
{
    struct signing *signing = context;
    struct arena *arena = &signing->cli->arena;
    enum standing standing = standing_of(wire_token_seal_check(signing->keys.known, token));
    struct found *found;

    if (standing == SIGNED)
        return true;
    found = add_found(signing, standing, WRITE_TOKEN_SEAL);
    found->id = arena_printf(arena, "token:%s", token->id);
    found->owner = arena_strdup(arena, token->account);
    found->run_as = "-";
    found->what = arena_printf(arena, "%s, %s %s", token->name, role_text(token->scope),
                               token->admin ? "with every right" : "at most");
    found->write.access = (struct access_token){
        .id = arena_strdup(arena, token->id),
        .seal = wire_token_seal(signing->keys.own, token, arena),
    };
    return true;
}

static enum rc look(struct signing *signing, struct err *err)
{
    struct job_query query = job_query_all();
    enum rc rc = store_read_users(signing->store, note_user, signing, err);

    query.parts = JOB_PART_DOCUMENT;
    if (rc == RC_OK)
        rc = store_read_tokens(signing->store, note_token, signing, err);
    return rc == RC_OK ? store_read_jobs(signing->store, &query, note_job, signing, err) : rc;
}

/* ---- what is signed -------------------------------------------------------------------------- */

static bool is_named(const struct signing *signing, const struct found *found)
{
    const struct arguments *arguments = signing->arguments;

    for (size_t i = 0; i < arguments->operand_count; i++)
        if (!strcmp(arguments->operands[i], found->id))
            return true;
    return arguments_have(arguments, "all") && found->standing == UNSIGNED;
}

static enum rc seal(struct signing *signing, struct found *found, struct err *err)
{
    enum rc rc = store_apply(signing->store, &found->write, 1, err);

    if (rc != RC_OK || found->write.outcome == RC_OK)
        return rc;
    *err = found->write.err;
    return found->write.outcome;
}

/* {"id", "owner", "run_as", "signature", "what"} for the list. */
static void write_row(const struct found *found, bool is_signed, struct buf *row)
{
    static const char *const texts[] = {"fits", "none", "does not fit"};
    struct json_writer writer;

    json_writer_init(&writer, row);
    json_write_object_begin(&writer);
    json_member_string(&writer, "id", found->id);
    json_member_string(&writer, "owner", found->owner);
    json_member_string(&writer, "run_as", found->run_as);
    json_member_string(&writer, "signature", is_signed ? "made now" : texts[found->standing]);
    json_member_string(&writer, "what", found->what);
    json_write_object_end(&writer);
}

static void list_one(const struct found *found, bool is_signed, struct listing *listing)
{
    struct json_value *AUTO_JSON object = NULL;
    struct buf AUTO_BUF row;

    buf_init(&row, SIZE_MAX);
    write_row(found, is_signed, &row);
    if (json_document_read(row.data, row.length, &object, NULL) == RC_OK)
        listing_add(listing, object);
}

static enum rc sign(struct signing *signing, struct listing *listing, struct err *err)
{
    struct found *found;
    enum rc rc = look(signing, err);

    list_for_each (found, &signing->found, link) {
        bool is_signed = rc == RC_OK && is_named(signing, found);

        if (is_signed)
            rc = seal(signing, found, err);
        if (rc != RC_OK)
            return err_prefix(err, rc, "%s", found->id);
        list_one(found, is_signed, listing);
        signing->sealed += is_signed;
        signing->left += !is_signed;
    }
    return rc;
}

/* ---- the command ----------------------------------------------------------------------------- */

static enum rc open_store(const struct server_options *options, struct clock *clock,
                          struct store **ret_store, struct err *err)
{
    const struct place_hosts *place = &options->store.hosts;
    struct mysql_host hosts[PLACE_HOSTS];
    struct mysql_store_config config = {.hosts = hosts,
                                        .host_count = place->count,
                                        .user = place->user,
                                        .password = place->password,
                                        .database = place->path,
                                        .ca_file = options->store.ca_file,
                                        .clock = clock};

    for (size_t i = 0; i < place->count; i++)
        hosts[i] = (struct mysql_host){.name = place->items[i].name, .port = place->items[i].port};
    return mysql_store_new(&config, ret_store, err);
}

static enum rc read_keys(const struct server_options *options, struct seal_keys *ret_keys,
                         struct err *err)
{
    struct link_secret secret;
    enum rc rc = link_secret_read(options->cluster_secret, &secret, err);

    if (rc != RC_OK)
        return rc;
    seal_keys_derive(secret.bytes, secret.length, ret_keys);
    link_secret_forget(&secret);
    return RC_OK;
}

static enum rc run(struct signing *signing, const struct server_options *options,
                   struct listing *listing, struct err *err)
{
    struct clock *clock = posix_clock_new();
    enum rc rc = read_keys(options, &signing->keys, err);

    if (rc == RC_OK)
        rc = open_store(options, clock, &signing->store, err);
    if (rc == RC_OK)
        rc = sign(signing, listing, err);
    crypto_forget(&signing->keys, sizeof(signing->keys));
    store_free(signing->store);
    clock_free(clock);
    return rc;
}

static int conclude(const struct signing *signing, const struct listing *listing)
{
    if (listing->row_count)
        listing_print(listing, listing_width(), stdout);
    else
        (void)puts("all is signed");
    return signing->left ? CLI_FAILED : CLI_DONE;
}

static int run_sign(struct cli *cli, const struct arguments *arguments)
{
    static const struct column columns[] = {{"ID", "id", NULL},
                                            {"OWNER", "owner", NULL},
                                            {"RUN AS", "run_as", NULL},
                                            {"SIGNATURE", "signature", NULL},
                                            {"WHAT", "what", NULL}};
    struct signing signing = {.cli = cli, .arguments = arguments};
    struct listing listing = {columns, ARRAY_SIZE(columns), &cli->arena, NULL, 0, 0};
    struct server_options options;
    struct err err = {0};
    enum rc rc =
        server_options_load(ROLE_MANAGER, arguments, cli->environment, &cli->arena, &options, &err);

    list_init(&signing.found);
    if (rc != RC_OK)
        return cli_usage("sign: %s", err_message(&err, rc));
    rc = run(&signing, &options, &listing, &err);
    if (rc == RC_OK)
        return conclude(&signing, &listing);
    cli_complain("sign: %s", err_message(&err, rc));
    return CLI_FAILED;
}

static const struct option sign_options[] = {
    {.name = "config", .value = "FILE", .help = "a manager's configuration"},
    {.name = "store", .value = "URL", .help = "of the cluster, with the manager's account"},
    {.name = "coordination", .value = "URL", .help = "of the cluster"},
    {.name = "cluster-secret", .value = "FILE", .help = "the secret of the cluster"},
    {.name = "all", .help = "sign all that have no signature"},
    {0},
};

const struct command command_sign = {
    .name = "sign",
    .operands = "[ID...]",
    .summary = "List what no manager of a cluster signed, and sign it",
    .details =
        "Workers execute only what a manager signed, and API servers take only users and tokens\n"
        "that one signed. What is from before they did, and what was migrated, has no signature:\n"
        "look at the list, then sign it with --all. What has one that does not fit was written\n"
        "into the database by somebody else; it is signed only when its ID is given: that of a\n"
        "job, user:NAME or token:ID. Run it where a manager runs, with its settings. Exit code 1:\n"
        "some are left.",
    .most = OPERANDS_ANY,
    .serves = true,
    .options = {sign_options},
    .run = run_sign,
};
