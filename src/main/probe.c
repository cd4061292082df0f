/* SPDX-License-Identifier: Apache-2.0 */
#include "main/probe.h"

#include "adapters/mysql/store.h"
#include "adapters/posix/clock.h"
#include "link/secret.h"
#include "main/options.h"
#include "main/probe_zookeeper.h"

struct probe {
    struct cli *cli;
    cli_found found;
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

static void probe_database_host(const struct probe *probe, const struct place_hosts *place,
                                const struct place_host *host)
{
    struct mysql_host only = {.name = host->name, .port = host->port};
    struct clock *clock = posix_clock_new();
    struct mysql_store_config config = {.hosts = &only,
                                        .host_count = 1,
                                        .user = place->user,
                                        .password = place->password,
                                        .database = place->path,
                                        .clock = clock};
    struct arena *arena = &probe->cli->arena;
    const char *name = arena_printf(arena, "%s:%u", host->name, host->port);
    struct leader_record leader = {0};
    struct store *store = NULL;
    struct err err = {0};
    enum rc rc = mysql_store_new(&config, &store, &err);

    if (rc == RC_OK)
        rc = ask_database(store, &leader, &err);
    if (rc == RC_OK)
        tell(probe, "database", arena_printf(arena, "%s is well", name), NULL);
    else
        tell(probe, "database", arena_printf(arena, "%s: %s", name, err_message(&err, rc)),
             rc == RC_FORBIDDEN ? "mend user, password and grants: deploy/mysql-accounts.sh"
             : rc == RC_INVALID ? "start a manager of this version, which makes the tables"
                                : "start it, or see why it left its cluster: SHOW STATUS LIKE "
                                  "'wsrep_%'");
    store_free(store);
    clock_free(clock);
}

static void probe_database(const struct probe *probe, const struct place_hosts *place)
{
    for (size_t i = 0; i < place->count; i++)
        probe_database_host(probe, place, &place->items[i]);
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
    const struct probe probe = {cli, found};
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
        probe_database(&probe, &options.store.hosts);
    if (options.coordination.kind == COORDINATION_ZOOKEEPER)
        probe_coordination(&probe, &options.coordination.hosts);
    if (options.cluster_secret)
        probe_secret(&probe, options.cluster_secret);
}
