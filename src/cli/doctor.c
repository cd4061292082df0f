/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/text.h"

/* What a clock may be off: HTTP tells whole seconds, and the answer took its time. */
#define CLOCK_TOLERANCE  (3 * SECOND)
#define WORKER_TOLERANCE 1.0 /* seconds */
#define DATA_DEFAULT     "/var/lib/cronjob"

/* Each examination prints one line or more and answers whether all is well. */
static bool well(const char *what, const char *detail)
{
    (void)printf("ok    %-11s %s\n", what, detail);
    return true;
}

static bool ill(const char *what, const char *detail, const char *remedy)
{
    (void)printf("FAIL  %-11s %s\n      %-11s -> %s\n", what, detail, "", remedy);
    return false;
}

static bool examine_ready(struct cli *cli)
{
    struct remote_request request = {.method = "GET", .path = "/readyz", .quiet = true};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code == CLI_DONE)
        return well("readiness", "the server takes requests");
    const char *reason = text_string(answer.json, "detail", "the server is not ready");
    return ill("readiness", reason,
               "look at the server's log; it drains, starts or lacks its store");
}

static bool examine_identity(struct cli *cli)
{
    struct remote_request request = {.method = "GET", .path = "/summary", .quiet = true};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code == CLI_DONE)
        return well("identity", arena_printf(&cli->arena, "%s, known by %s",
                                             text_of_member(answer.json, "account", &cli->arena),
                                             cli->token ? "the token" : "the connection"));
    const char *detail = text_string(answer.json, "detail", "the server refuses requests");
    return ill("identity", detail,
               cli->token ? "make a new token with `cronjob token create` on the server"
                          : "set $CRONJOB_TOKEN or --token-file, or ask from the server's machine");
}

static bool examine_clock(struct cli *cli, const struct remote_answer *answer)
{
    char text[SPAN_TEXT];
    if (answer->date == INSTANT_NONE)
        return true;
    instant_us here = cli->system->now(cli->system->context);
    span_us offset = here > answer->date ? here - answer->date : answer->date - here;
    if (offset <= CLOCK_TOLERANCE)
        return well("clock", "agrees with the server's");
    (void)span_format(offset / SECOND * SECOND, text);
    return ill("clock", arena_printf(&cli->arena, "is off the server's by %s", text),
               "run an NTP client (chrony, systemd-timesyncd) on both machines");
}

/* Of one machine alone it does not matter; several must agree. */
static bool follows_time(const struct json_value *worker)
{
    const struct json_value *follows = text_member(worker, "clock_synchronised");
    return !follows || json_value_kind(follows) != JSON_KIND_BOOLEAN || json_value_boolean(follows);
}

static bool examine_worker(struct cli *cli, const struct json_value *worker, bool is_one_of_many)
{
    const char *name = text_of_member(worker, "name", &cli->arena);
    const char *state = text_string(worker, "state", "?");
    const struct json_value *offset = text_member(worker, "clock_offset_seconds");
    bool has_offset = offset && (json_value_kind(offset) == JSON_KIND_REAL ||
                                 json_value_kind(offset) == JSON_KIND_INTEGER);
    double seconds = has_offset ? json_value_number(offset) : 0;
    if (strcmp(state, "lost") == 0)
        return ill("worker", arena_printf(&cli->arena, "%s is lost", name),
                   "start it again, or see why it cannot reach the store");
    if (seconds > WORKER_TOLERANCE || seconds < -WORKER_TOLERANCE)
        return ill("worker",
                   arena_printf(&cli->arena, "the clock of %s is off by %+.3fs", name, seconds),
                   "run an NTP client (chrony, systemd-timesyncd) there");
    if (is_one_of_many && !follows_time(worker))
        return ill("worker",
                   arena_printf(&cli->arena, "%s is %s, but its clock follows no time server", name,
                                state),
                   "run an NTP client (chrony, systemd-timesyncd) there");
    return well("worker", arena_printf(&cli->arena, "%s is %s", name, state));
}

/* Only where a worker has its jobs in its node's crontab. */
static bool examine_cron(struct cli *cli, const struct json_value *worker)
{
    const char *name = text_of_member(worker, "name", &cli->arena);
    const struct json_value *cron = text_member(worker, "cron");
    const char *state = cron ? text_string(cron, "state", NULL) : NULL;
    if (!state || strcmp(text_string(worker, "state", "lost"), "lost") == 0)
        return true;
    if (strcmp(state, "silent") == 0)
        return ill(
            "cron",
            arena_printf(&cli->arena, "that of %s does not call; the timer does its work", name),
            "start cron there (systemctl start cron), or set `scheduler = timer`");
    if (strcmp(state, "unwritten") == 0)
        return ill("cron",
                   arena_printf(&cli->arena,
                                "the crontab of %s cannot be written; the timer does its work",
                                name),
                   "look at the worker's log for the reason");
    return well("cron", arena_printf(&cli->arena,
                                     strcmp(state, "calls") == 0
                                         ? "that of %s calls for its jobs"
                                         : "that of %s is to call for the first of its jobs",
                                     name));
}

static bool examine_workers(struct cli *cli)
{
    struct remote_request request = {.method = "GET", .path = "/workers", .quiet = true};
    AUTO_ANSWER struct remote_answer answer;
    if (remote_call(cli, &request, &answer) != CLI_DONE || !answer.json ||
        json_value_kind(answer.json) != JSON_KIND_ARRAY)
        return ill("workers", "cannot be listed", "see the lines above");
    bool all_well = true;
    for (size_t i = 0; i < json_value_count(answer.json); i++) {
        const struct json_value *worker = json_value_at(answer.json, i);
        all_well = examine_worker(cli, worker, json_value_count(answer.json) > 1) && all_well;
        all_well = examine_cron(cli, worker) && all_well;
    }
    if (json_value_count(answer.json) == 0)
        return ill("workers", "there are none: no job will run", "start one: cronjob worker");
    return all_well;
}

static bool examine_zones(struct cli *cli)
{
    const struct zone *zone = NULL;
    struct err err = {0};
    const char *name = cli->system->local_zone(cli->system->context);
    if (cli->system->zone(cli->system->context, "Europe/Berlin", &zone, &err) != RC_OK)
        return ill("time zones", err.message, "apt-get install tzdata");
    return well("time zones", arena_printf(&cli->arena, "known; this machine's is %s", name));
}

/* Only when the data are on this machine and we may see them. */
static bool examine_data(struct cli *cli)
{
    struct stat status;
    const char *directory = cli_variable(cli, "CRONJOB_DATA");
    if (!directory || *directory == '\0')
        directory = DATA_DEFAULT;
    if (stat(directory, &status) != 0)
        return true;
    if (status.st_mode & 077)
        return ill("data",
                   arena_printf(&cli->arena, "%s can be entered by other accounts", directory),
                   arena_printf(&cli->arena, "chmod 700 %s", directory));
    if (geteuid() == status.st_uid && access(directory, W_OK | X_OK) != 0)
        return ill("data", arena_printf(&cli->arena, "%s: %s", directory, strerrordesc_np(errno)),
                   "mount it for writing, and free some space");
    return well("data", arena_printf(&cli->arena, "%s is its owner's alone", directory));
}

static void take_finding(struct cli *cli, const struct cli_finding *finding)
{
    bool is_well = finding->remedy ? ill(finding->what, finding->detail, finding->remedy)
                                   : well(finding->what, finding->detail);
    cli->ill = cli->ill || !is_well;
}

static int run_doctor(struct cli *cli, const struct arguments *arguments)
{
    bool all_well = examine_zones(cli);
    cli->system->probe(cli, arguments, take_finding);
    all_well = !cli->ill && all_well;
    all_well = examine_data(cli) && all_well;
    struct remote_request request = {.method = "GET", .path = "/healthz"};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code != CLI_DONE) {
        (void)ill("server", cli->server,
                  "start it (cronjob standalone), or say where it is by --server");
        return code;
    }
    (void)well("server", cli->server);
    all_well = examine_ready(cli) && all_well;
    all_well = examine_identity(cli) && all_well;
    all_well = examine_clock(cli, &answer) && all_well;
    all_well = examine_workers(cli) && all_well;
    return all_well ? CLI_DONE : CLI_FAILED;
}

static const struct option doctor_options[] = {
    {.name = "config",
     .value = "FILE",
     .help = "the servers' configuration file [/etc/cronjob/cronjob.conf, if there is one]"},
    {.name = "server", .value = "URL", .help = "the server's address; $CRONJOB_SERVER"},
    {.name = "token-file", .value = "FILE", .help = "a file with the access token"},
    {.name = "tls-ca", .value = "FILE", .help = "vouches for a server with https"},
    {0},
};

const struct command command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "Examine servers, connections, clocks and workers; say what to mend",
    .options = {doctor_options},
    .run = run_doctor,
};
