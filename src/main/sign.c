/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cronjob sign`: which jobs of a cluster no manager signed, and their signing. Those from before
 * jobs were signed have no signature; one that does not fit was written by somebody else. No
 * process may tell for itself which of them are as their owners wanted them: a person looks.
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

enum standing { SIGNED, UNSIGNED, FORGED };

struct found {
    struct list link;
    struct seal_subject subject;
    enum standing standing;
    const char *document;
    size_t length; /* without its seal */
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

static enum standing standing_of(const struct signing *signing, const struct seal_subject *subject,
                                 const struct job_record *job)
{
    switch (seal_check(signing->keys.known, subject, job->document, job->document_length)) {
    case RC_OK:
        return SIGNED;
    case RC_NOT_FOUND:
        return UNSIGNED;
    default:
        return FORGED;
    }
}

static bool note(void *context, const struct job_record *job)
{
    struct signing *signing = context;
    struct arena *arena = &signing->cli->arena;
    struct seal_subject subject = {
        .kind = SEAL_JOB, .job = job->id, .revision = job->revision, .owner = job->owner};
    enum standing standing = standing_of(signing, &subject, job);
    struct found *found;

    if (standing == SIGNED || job->removed)
        return true;
    subject.owner = arena_strdup(arena, job->owner);
    found = arena_alloc(arena, sizeof(*found));
    *found = (struct found){
        .subject = subject,
        .standing = standing,
        .document = arena_strndup(arena, job->document, job->document_length),
        .length = seal_body(job->document, job->document_length),
    };
    list_append(&signing->found, &found->link);
    return true;
}

static enum rc look(struct signing *signing, struct err *err)
{
    struct job_query query = job_query_all();

    query.parts = JOB_PART_DOCUMENT;
    return store_read_jobs(signing->store, &query, note, signing, err);
}

/* ---- what is signed -------------------------------------------------------------------------- */

static bool is_named(const struct signing *signing, const struct found *found)
{
    const struct arguments *arguments = signing->arguments;
    char id[24];

    (void)snprintf(id, sizeof(id), "%" PRIu64, found->subject.job);
    for (size_t i = 0; i < arguments->operand_count; i++)
        if (!strcmp(arguments->operands[i], id))
            return true;
    return arguments_have(arguments, "all") && found->standing == UNSIGNED;
}

static enum rc seal(struct signing *signing, const struct found *found, struct err *err)
{
    struct store_write write = {.kind = WRITE_JOB_SEAL};
    struct buf AUTO_BUF text;
    enum rc rc;

    buf_init(&text, SIZE_MAX);
    (void)buf_append(&text, found->document, found->length);
    (void)seal_put(signing->keys.own, &found->subject, &text); /* without a limit nothing fails */
    write.job = (struct write_job){
        .id = found->subject.job,
        .revision = found->subject.revision,
        .document = text.data,
        .document_length = text.length,
    };
    rc = store_apply(signing->store, &write, 1, err);
    if (rc != RC_OK || write.outcome == RC_OK)
        return rc;
    *err = write.err;
    return write.outcome;
}

static const char *document_text(const struct json_value *document, const char *name)
{
    const struct json_value *value = json_value_member(document, name);

    return value && json_value_kind(value) == JSON_KIND_STRING ? json_value_string(value) : "-";
}

/* {"id", "owner", "run_as", "signature", "executable"} for the list. */
static void write_row(const struct found *found, bool is_signed, struct buf *row)
{
    static const char *const texts[] = {"fits", "none", "does not fit"};
    struct json_value *AUTO_JSON document = NULL;
    struct json_writer writer;

    if (json_document_read(found->document, found->length, &document, NULL) != RC_OK)
        document = NULL;
    json_writer_init(&writer, row);
    json_write_object_begin(&writer);
    json_member_id(&writer, "id", found->subject.job);
    json_member_string(&writer, "owner", found->subject.owner);
    json_member_string(&writer, "run_as", document ? document_text(document, "run_as") : "-");
    json_member_string(&writer, "signature", is_signed ? "made now" : texts[found->standing]);
    json_member_string(&writer, "executable",
                       document ? document_text(document, "executable") : "-");
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
            return err_prefix(err, rc, "job %" PRIu64, found->subject.job);
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
        (void)puts("every job is signed");
    return signing->left ? CLI_FAILED : CLI_DONE;
}

static int run_sign(struct cli *cli, const struct arguments *arguments)
{
    static const struct column columns[] = {{"ID", "id", NULL},
                                            {"OWNER", "owner", NULL},
                                            {"RUN AS", "run_as", NULL},
                                            {"SIGNATURE", "signature", NULL},
                                            {"COMMAND", "executable", NULL}};
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
    .operands = "[JOB...]",
    .summary = "List the jobs of a cluster that no manager signed, and sign them",
    .details =
        "Workers execute only what a manager signed. Jobs from before they did, and jobs that\n"
        "were migrated, have no signature: look at the list, then sign them with --all. One that\n"
        "does not fit was written into the database by somebody else; it is signed only when its\n"
        "id is given. Run it where a manager runs, with its settings. Exit code 1: some are left.",
    .most = OPERANDS_ANY,
    .serves = true,
    .options = {sign_options},
    .run = run_sign,
};
