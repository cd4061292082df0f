/* SPDX-License-Identifier: Apache-2.0 */
#include "main/probe.h"

#include <string.h>

#include "adapters/mysql/store.h"
#include "adapters/posix/clock.h"
#include "http/client.h"
#include "link/secret.h"
#include "main/options.h"
#include "main/probe_objects.h"
#include "main/probe_zookeeper.h"

enum { METRICS_MAX = 1024 * 1024 };
#define ASK_AT_MOST (2 * SECOND)

struct probe {
    struct cli *cli;
    cli_found found;
    struct leader_record leader; /* of the newest that a database told of */
    bool has_database;           /* one that is well */
};

static void tell(const struct probe *probe, const char *what, const char *detail,
                 const char *remedy)
{
    probe->found(probe->cli,
                 &(struct cli_finding){.what = what, .detail = detail, .remedy = remedy});
}

static void probe_clock(const struct probe *probe)
{
    bool follows = posix_clock_is_synchronised(NULL);

    tell(probe, "time server",
         follows ? "this machine's clock follows one" : "this machine's clock follows none",
         follows ? NULL : "run an NTP client: apt-get install chrony");
}

/* ---- the database ---------------------------------------------------------------------------- */

static enum rc ask_database(struct store *store, struct leader_record *ret_leader, struct err *err)
{
    instant_us now;
    enum rc rc = store_now(store, &now, err);

    return rc == RC_OK ? store_read_leader(store, ret_leader, err) : rc;
}

static void probe_database_host(struct probe *probe, const struct store_place *store_place,
                                const struct place_host *host)
{
    const struct place_hosts *place = &store_place->hosts;
    struct mysql_host only = {.name = host->name, .port = host->port};
    struct clock *clock = posix_clock_new();
    struct mysql_store_config config = {.hosts = &only,
                                        .host_count = 1,
                                        .user = place->user,
                                        .password = place->password,
                                        .database = place->path,
                                        .ca_file = store_place->ca_file,
                                        .clock = clock};
    struct arena *arena = &probe->cli->arena;
    const char *name = arena_printf(arena, "%s:%u", host->name, host->port);
    struct leader_record leader = {0};
    struct store *store = NULL;
    struct err err = {0};
    enum rc rc = mysql_store_new(&config, &store, &err);

    if (rc == RC_OK)
        rc = ask_database(store, &leader, &err);
    probe->has_database |= rc == RC_OK;
    if (rc == RC_OK && leader.epoch >= probe->leader.epoch)
        probe->leader = leader;
    if (rc == RC_OK)
        tell(probe, "database", arena_printf(arena, "%s is well", name), NULL);
    else
        tell(probe, "database", arena_strdup(arena, err_message(&err, rc)),
             rc == RC_FORBIDDEN ? "mend user, password and grants: deploy/mysql-accounts.sh"
             : rc == RC_INVALID ? "start a manager of this version, which makes the tables"
                                : "start it, or see why it left its cluster: SHOW STATUS LIKE "
                                  "'wsrep_%'");
    store_free(store);
    clock_free(clock);
}

static void probe_database(struct probe *probe, const struct store_place *place)
{
    for (size_t i = 0; i < place->hosts.count; i++)
        probe_database_host(probe, place, &place->hosts.items[i]);
}

/* ---- the leading manager --------------------------------------------------------------------- */

/* Whether whoever led last still says so. */
static enum rc ask_leader(const struct leader_record *leader, const char *ca_file,
                          struct arena *arena, struct err *err)
{
    struct http_client_config config = {.connect_timeout = ASK_AT_MOST, .ca_file = ca_file};
    struct http_call call = {.method = "GET",
                             .url = arena_printf(arena, "%s/metrics", leader->url),
                             .timeout = ASK_AT_MOST,
                             .body_limit = METRICS_MAX};
    AUTO_HTTP_CLIENT struct http_client *client = NULL;
    struct http_response response;
    bool leads;
    enum rc rc = http_client_new(&config, &client, err);

    if (rc == RC_OK)
        rc = http_client_request(client, &call, &response, err);
    if (rc != RC_OK)
        return rc;
    leads = response.body.data && strstr(response.body.data, "\ncronjob_leader 1\n");
    http_response_release(&response);
    return leads ? RC_OK : err_fail(err, RC_UNAVAILABLE, "it does not lead any more");
}

static void probe_leader(const struct probe *probe, const char *ca_file)
{
    const struct leader_record *leader = &probe->leader;
    struct arena *arena = &probe->cli->arena;
    const char *remedy = "start a manager, or see in its log why it cannot lead";
    struct err err = {0};
    enum rc rc;

    if (!probe->has_database)
        return;
    if (!leader->epoch) {
        tell(probe, "manager", "none has ever led", remedy);
        return;
    }
    rc = ask_leader(leader, ca_file, arena, &err);
    if (rc == RC_OK)
        tell(probe, "manager", arena_printf(arena, "%s leads", leader->name), NULL);
    else
        tell(probe, "manager",
             arena_printf(arena, "nobody leads; %s at %s led last: %s", leader->name, leader->url,
                          err_message(&err, rc)),
             remedy);
}

/* ---- ZooKeeper ------------------------------------------------------------------------------- */

static void probe_coordination(const struct probe *probe, const struct place_hosts *place)
{
    struct arena *arena = &probe->cli->arena;

    for (size_t i = 0; i < place->count; i++) {
        const struct place_host *host = &place->items[i];
        const char *mode;
        struct err err = {0};
        enum rc rc = probe_zookeeper(host, arena, &mode, &err);

        if (rc == RC_OK)
            tell(probe, "ZooKeeper",
                 arena_printf(arena, "%s:%u is well, as %s", host->name, host->port, mode), NULL);
        else
            tell(probe, "ZooKeeper",
                 arena_printf(arena, "%s:%u: %s", host->name, host->port, err_message(&err, rc)),
                 "start it; of three servers two must run");
    }
}

/* ---- objects --------------------------------------------------------------------------------- */

/* A standalone server's own directory is not looked at: who asks may not be its account. */
static void probe_place_of_objects(const struct probe *probe, const struct server_options *options)
{
    bool told = options->objects.kind == OBJECTS_S3 || *options->objects.path;
    struct arena *arena = &probe->cli->arena;
    struct probe_objects result;
    struct err err = {0};
    enum rc rc;

    if (!told && options->coordination.kind != COORDINATION_ZOOKEEPER)
        return;
    if (!told) {
        tell(probe, "objects", "there is no place for scripts, binaries and long outputs",
             "set objects = s3://BUCKET?endpoint=URL, or file: and a directory that all share");
        return;
    }
    rc = probe_objects(options, arena, &result, &err);
    if (rc == RC_OK)
        tell(probe, "objects", result.detail, NULL);
    else
        tell(probe, "objects", arena_strdup(arena, err_message(&err, rc)), result.remedy);
}

/* ---- all ------------------------------------------------------------------------------------- */

static void probe_secret(const struct probe *probe, const char *path)
{
    struct link_secret secret;
    struct err err = {0};
    enum rc rc = link_secret_read(path, &secret, &err);

    if (rc == RC_OK)
        tell(probe, "secret", arena_printf(&probe->cli->arena, "%s can be used", path), NULL);
    else
        tell(probe, "secret", arena_printf(&probe->cli->arena, "%s", err_message(&err, rc)),
             "copy it from another machine of the cluster, chmod 600");
    link_secret_forget(&secret);
}

void probe_machine(struct cli *cli, const struct arguments *arguments, cli_found found)
{
    struct probe probe = {.cli = cli, .found = found};
    struct server_options options;
    struct err err = {0};
    enum rc rc =
        server_options_load(ROLE_ANY, arguments, cli->environment, &cli->arena, &options, &err);

    if (rc != RC_OK) {
        tell(&probe, "settings", arena_strdup(&cli->arena, err_message(&err, rc)),
             "mend the file, or the variable");
        return;
    }
    if (options.coordination.kind == COORDINATION_ZOOKEEPER)
        probe_clock(&probe); /* machines must agree */
    if (options.store.kind == STORE_MYSQL)
        probe_database(&probe, &options.store);
    if (options.store.kind == STORE_MYSQL)
        probe_leader(&probe, options.tls_ca);
    if (options.coordination.kind == COORDINATION_ZOOKEEPER)
        probe_coordination(&probe, &options.coordination.hosts);
    probe_place_of_objects(&probe, &options);
    if (options.cluster_secret)
        probe_secret(&probe, options.cluster_secret);
}
