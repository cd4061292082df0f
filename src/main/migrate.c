/* SPDX-License-Identifier: Apache-2.0 */
#include "main/migrate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "adapters/mysql/connection.h"
#include "adapters/mysql/store.h"
#include "adapters/posix/clock.h"
#include "adapters/sql/copy.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/lock.h"
#include "adapters/sqlite/store.h"
#include "cli/cli.h"
#include "main/migrate_objects.h"
#include "main/objects.h"
#include "main/place.h"

/* One side: its store makes or upgrades the tables, then a connection of its own is opened. */
struct side {
    struct store_place place;
    struct server_options options; /* the place of its objects, key and secret; no more */
    struct clock *clock;
    struct objects *objects; /* NULL: they are not copied */
    struct sqlite_lock lock;
    struct sql_connection *connection;
};

static void close_side(struct side *side)
{
    sql_connection_free(side->connection);
    objects_free(side->objects);
    if (side->lock.fd >= 0)
        sqlite_lock_release(&side->lock, true);
}

static enum rc open_sqlite(struct side *side, bool writes, struct err *err)
{
    struct sqlite_store_config config = {.path = side->place.path, .clock = side->clock};
    struct store *store = NULL;
    enum rc rc = sqlite_store_new(&config, &store, err);

    store_free(store);
    if (rc == RC_OK)
        rc = sqlite_lock_take(side->place.path, &side->lock, err);
    if (rc == RC_OK)
        rc = sqlite_connection_open(side->place.path, writes ? SQLITE_WRITER : SQLITE_READER,
                                    side->clock, &side->connection, err);
    return rc;
}

static enum rc connect_mysql(struct side *side, struct err *err)
{
    const struct place_hosts *place = &side->place.hosts;
    enum rc rc = RC_UNAVAILABLE;

    for (size_t i = 0; i < place->count && rc != RC_OK; i++) {
        struct mysql_target target = {.host = place->items[i].name,
                                      .port = place->items[i].port,
                                      .user = place->user,
                                      .password = place->password,
                                      .database = place->path,
                                      .ca_file = side->place.ca_file,
                                      .clock = side->clock};

        rc = mysql_connection_open(&target, MYSQL_MIGRATOR, &side->connection, err);
    }
    return rc;
}

static enum rc open_mysql(struct side *side, bool writes, struct err *err)
{
    const struct place_hosts *place = &side->place.hosts;
    struct mysql_host hosts[PLACE_HOSTS];
    struct mysql_store_config config = {.hosts = hosts,
                                        .host_count = place->count,
                                        .user = place->user,
                                        .password = place->password,
                                        .database = place->path,
                                        .ca_file = side->place.ca_file,
                                        .migrate = writes,
                                        .clock = side->clock};
    struct store *store = NULL;
    instant_us now;
    enum rc rc;

    for (size_t i = 0; i < place->count; i++)
        hosts[i] = (struct mysql_host){.name = place->items[i].name, .port = place->items[i].port};
    rc = mysql_store_new(&config, &store, err);
    if (rc == RC_OK)
        rc = store_now(store, &now, err);
    store_free(store);
    return rc == RC_OK ? connect_mysql(side, err) : rc;
}

static enum rc open_side(struct side *side, bool writes, struct err *err)
{
    return side->place.kind == STORE_MYSQL ? open_mysql(side, writes, err)
                                           : open_sqlite(side, writes, err);
}

/* Opening a directory that is not there would make it, and nothing would be copied out of it. */
static enum rc open_objects(struct side *side, bool writes, struct err *err)
{
    const struct objects_place *place = &side->options.objects;

    if (!place->path)
        return RC_OK; /* not told */
    if (!writes && place->kind == OBJECTS_DIRECTORY && access(place->path, R_OK | X_OK) != 0)
        return err_errno(err, RC_IO, errno, "%s", place->path);
    return objects_open(&side->options, side->clock, 0, &side->objects, err);
}

static void tell(void *context, const char *table, int64_t rows, int64_t added)
{
    (void)context;
    (void)printf("%-12s %10" PRId64 " rows, %" PRId64 " of them new\n", table, rows, added);
}

static enum rc check_target(struct side *to, bool resumes, struct err *err)
{
    bool empty = true;
    enum rc rc = resumes ? RC_OK : sql_copy_is_empty(to->connection, &empty, err);

    if (rc == RC_OK && !empty)
        return err_fail(err, RC_CONFLICT,
                        "it has jobs already; --resume goes on with a migration "
                        "that broke off");
    return rc;
}

/* Before the jobs, so that none is there without its file. */
static enum rc migrate_objects(const struct side *from, const struct side *to, struct err *err)
{
    struct objects_copied copied;
    enum rc rc;

    if (!from->objects) {
        (void)printf(
            "objects: not copied. The new servers need the same place of scripts, binaries "
            "and long outputs,\nor give --from-objects and --to-objects\n");
        return RC_OK;
    }
    rc = objects_copy(from->objects, to->objects, &copied, err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "objects");
    (void)printf("%-12s %10" PRId64 " files, %" PRId64 " of them new\n", "objects", copied.count,
                 copied.added);
    return RC_OK;
}

static enum rc open_all(struct side *from, struct side *to, struct err *err)
{
    enum rc rc = open_objects(from, false, err);

    if (rc != RC_OK)
        return err_prefix(err, rc, "--from-objects");
    rc = open_objects(to, true, err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "--to-objects");
    rc = open_side(from, false, err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "--from");
    rc = open_side(to, true, err);
    return rc == RC_OK ? rc : err_prefix(err, rc, "--to");
}

static enum rc migrate(struct side *from, struct side *to, bool resumes, struct err *err)
{
    enum rc rc = open_all(from, to, err);

    if (rc != RC_OK)
        return rc;
    rc = check_target(to, resumes, err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "--to");
    rc = migrate_objects(from, to, err);
    return rc == RC_OK ? sql_copy(from->connection, to->connection, tell, NULL, err) : rc;
}

/* ---- the command ----------------------------------------------------------------------------- */

static enum rc read_store(struct cli *cli, const struct arguments *arguments, const char *side,
                          struct store_place *ret_place, struct err *err)
{
    const char *url = arguments_value(arguments, side);
    enum rc rc;

    if (!url || !*url)
        return err_fail(err, RC_INVALID, "--%s URL is needed, sqlite:PATH or mysql://...", side);
    rc = place_store_read(url, &cli->arena, ret_place, err);
    return rc == RC_OK ? rc : err_prefix(err, rc, "--%s", side);
}

/* Key and secret come from the side's own file, else from the variables that servers know. */
static enum rc read_objects(struct cli *cli, const struct arguments *arguments, const char *side,
                            struct server_options *options, struct err *err)
{
    const char *name = arena_printf(&cli->arena, "%s-objects", side);
    const char *url = arguments_value(arguments, name);
    const char *key = cli_variable(cli, "CRONJOB_OBJECTS_KEY");
    const char *secret = cli_variable(cli, "CRONJOB_OBJECTS_SECRET");
    enum rc rc;

    options->objects_credentials =
        arguments_value(arguments, arena_printf(&cli->arena, "%s-credentials", name));
    if (!options->objects_credentials && key && *key && secret && *secret) {
        options->objects_key = key;
        options->objects_secret = secret;
    }
    if (!url)
        return RC_OK;
    if (!*url)
        return err_fail(err, RC_INVALID, "--%s: file:DIR or s3://BUCKET...", name);
    rc = place_objects_read(url, &cli->arena, &options->objects, err);
    return rc == RC_OK ? rc : err_prefix(err, rc, "--%s", name);
}

static enum rc read_sides(struct cli *cli, const struct arguments *arguments, struct side *from,
                          struct side *to, struct err *err)
{
    enum rc rc = read_store(cli, arguments, "from", &from->place, err);

    if (rc == RC_OK)
        rc = read_store(cli, arguments, "to", &to->place, err);
    if (rc == RC_OK)
        rc = read_objects(cli, arguments, "from", &from->options, err);
    if (rc == RC_OK)
        rc = read_objects(cli, arguments, "to", &to->options, err);
    if (rc == RC_OK && !from->options.objects.path != !to->options.objects.path)
        return err_fail(err, RC_INVALID, "--from-objects and --to-objects go together");
    return rc;
}

static int run_migrate(struct cli *cli, const struct arguments *arguments)
{
    struct side from = {.lock.fd = -1}, to = {.lock.fd = -1};
    struct err err = {0};
    enum rc rc = read_sides(cli, arguments, &from, &to, &err);

    if (rc != RC_OK)
        return cli_usage("migrate: %s", err_message(&err, rc));
    from.clock = to.clock = posix_clock_new();
    rc = migrate(&from, &to, arguments_have(arguments, "resume"), &err);
    close_side(&from);
    close_side(&to);
    clock_free(from.clock);
    if (rc == RC_OK)
        return CLI_DONE;
    cli_complain("migrate: %s", err_message(&err, rc));
    return CLI_FAILED;
}

static const struct option migrate_options[] = {
    {.name = "from", .value = "URL", .help = "the store to copy: sqlite:PATH or mysql://..."},
    {.name = "to", .value = "URL", .help = "the store to fill, which has no jobs yet"},
    {.name = "from-objects", .value = "URL", .help = "files to copy: file:DIR or s3://BUCKET..."},
    {.name = "to-objects", .value = "URL", .help = "where they are to be"},
    {.name = "from-objects-credentials", .value = "FILE", .help = "key and secret of that bucket"},
    {.name = "to-objects-credentials", .value = "FILE", .help = "key and secret of this one"},
    {.name = "resume", .help = "go on where a migration broke off"},
    {0},
};

const struct command command_migrate = {
    .name = "migrate",
    .operands = "",
    .summary = "Copy jobs, runs, tokens and their files from one store to another",
    .details =
        "Stop the servers of both first. Ids stay, so no tick is lost or run again: after the\n"
        "start of the new servers, ticks that passed meanwhile are overdue, as after any stop.\n"
        "Runs that go on are taken up by a worker of the same name and data directory.\n"
        "Scripts, binaries and long outputs are copied when it is said from where and to where\n"
        "(of one machine they are in `objects` beside the database); else the new servers must\n"
        "be given the same place.",
    .serves = true,
    .options = {migrate_options},
    .run = run_migrate,
};
