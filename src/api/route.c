/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include "core/job.h"
#include "core/limits.h"
#include "core/run.h"

#include "api/answer.h"
#include "api/handlers.h"

#define WORD(code, text)               text,
#define STATUS_WORD(code, text, final) text,

static const char *const job_status_words[] = {JOB_STATUS_TABLE(WORD) NULL};
static const char *const job_type_words[] = {JOB_TYPE_TABLE(WORD) NULL};
static const char *const run_status_words[] = {RUN_STATUS_TABLE(STATUS_WORD) NULL};

/* clang-format off */
static const struct query_rule job_list_query[] = {
    {"limit",  QUERY_INTEGER, .least = 1, .most = LIMIT_PAGE, .description = "Give at most so many; all when left out"},
    {"after",  QUERY_INTEGER, .least = 0, .most = INT64_MAX,  .description = "Only jobs with a greater id"},
    {"status", QUERY_WORD,    .words = job_status_words,      .description = "Only jobs of this status"},
    {"type",   QUERY_WORD,    .words = job_type_words,        .description = "Only jobs of this type"},
    {"owner",  QUERY_TEXT,    .description = "Only jobs of this account"},
    {"worker", QUERY_TEXT,    .description = "Only jobs that this worker keeps on schedule"},
    {"label",  QUERY_LABEL,   .description = "Only jobs with this label, NAME:VALUE"},
    {"q",      QUERY_TEXT,    .description = "Only jobs with this text in name, executable or description"},
};

static const struct query_rule job_remove_query[] = {
    {"purge", QUERY_BOOLEAN, .description = "Erase the job and its runs instead of ending it"},
};

static const struct query_rule run_list_query[] = {
    {"limit",  QUERY_INTEGER, .least = 1, .most = LIMIT_PAGE, .description = "Give at most so many; 100 when left out"},
    {"before", QUERY_RUN,     .description = "Only runs older than this one"},
    {"status", QUERY_WORD,    .words = run_status_words, .description = "Only runs of this status"},
    {"worker", QUERY_TEXT,    .description = "Only runs on this worker"},
    {"since",  QUERY_INSTANT, .description = "Only runs scheduled at this time or later"},
    {"until",  QUERY_INSTANT, .description = "Only runs scheduled before this time"},
};

static const struct query_rule output_query[] = {
    {"tail",   QUERY_INTEGER, .least = 0, .most = 10000000, .description = "Begin with the last so many lines"},
    {"follow", QUERY_BOOLEAN, .description = "Go on with what is written until the run ends"},
};

static const struct query_rule schedule_query[] = {
    {"expression", QUERY_TEXT,    .required = true, .description = "The schedule"},
    {"time_zone",  QUERY_TEXT,    .description = "The zone it is meant in; the server's when left out"},
    {"from",       QUERY_INSTANT, .description = "Only times past this one; now when left out. @every counts from it"},
    {"count",      QUERY_INTEGER, .least = 1, .most = 1000, .description = "How many; 10 when left out"},
};

static const struct query_rule audit_query[] = {
    {"limit",  QUERY_INTEGER, .least = 1, .most = LIMIT_PAGE, .description = "Give at most so many; 100 when left out"},
    {"before", QUERY_INTEGER, .least = 0, .most = INT64_MAX,  .description = "Only records with a smaller id"},
    {"who",    QUERY_TEXT,    .description = "Only what this user or account asked for"},
    {"action", QUERY_TEXT,    .description = "Only this action, like job.change, login or refused"},
    {"since",  QUERY_INSTANT, .description = "Only records of this time or later"},
    {"until",  QUERY_INSTANT, .description = "Only records from before this time"},
};

#define QUERY(rules) .query = (rules), .query_count = ARRAY_SIZE(rules)
#define JSON_OF(name) .type = ANSWER_JSON, .schema = (name)

const struct api_route api_routes[] = {
    {"GET", "/jobs", "listJobs", "All jobs, in the order of their ids", "jobs", ACCESS_SEE,
     QUERY(job_list_query), .status = 200, JSON_OF("Job"), .many = true, .handle = handle_job_list},
    {"POST", "/jobs", "createJob", "Accept a job", "jobs", ACCESS_EDIT, BODY_JSON, "JobInput",
     .status = 201, JSON_OF("Job"), .failures = "409", .handle = handle_job_create, .has_file = true},
    {"GET", "/jobs/{id}", "getJob", "One job", "jobs", ACCESS_SEE,
     .status = 200, JSON_OF("Job"), .failures = "304 404", .handle = handle_job_get},
    {"PUT", "/jobs/{id}", "replaceJob", "Replace everything that the user decides", "jobs", ACCESS_EDIT, BODY_JSON, "JobInput",
     .status = 200, JSON_OF("Job"), .failures = "404 409 412", .handle = handle_job_replace, .has_file = true},
    {"PATCH", "/jobs/{id}", "patchJob", "Change some fields (JSON merge patch, RFC 7396)", "jobs", ACCESS_OPERATE, BODY_PATCH, "JobPatch",
     .status = 200, JSON_OF("Job"), .failures = "404 409 412", .handle = handle_job_patch, .has_file = true},
    {"DELETE", "/jobs/{id}", "removeJob", "End a job for good, or erase it (204)", "jobs", ACCESS_EDIT,
     QUERY(job_remove_query), .status = 200, JSON_OF("Job"), .failures = "204 404 412", .handle = handle_job_remove},
    {"GET", "/jobs/{id}/executable", "getExecutable", "The bytes of a script or binary", "jobs", ACCESS_SEE,
     .status = 200, .type = ANSWER_BYTES, .failures = "404", .handle = handle_job_executable},
    {"GET", "/jobs/{id}/runs", "listRunsOfJob", "The runs of a job, newest first", "runs", ACCESS_SEE,
     QUERY(run_list_query), .status = 200, JSON_OF("Run"), .many = true, .failures = "404", .handle = handle_run_list},
    {"POST", "/jobs/{id}/runs", "runJob", "Run a job now", "runs", ACCESS_OPERATE, BODY_OPTIONAL, "RunRequest",
     .status = 202, JSON_OF("Run"), .failures = "404 409", .handle = handle_run_now},
    {"GET", "/runs", "listRuns", "The runs of all jobs, newest first", "runs", ACCESS_SEE,
     QUERY(run_list_query), .status = 200, JSON_OF("Run"), .many = true, .handle = handle_run_list},
    {"GET", "/runs/{id}", "getRun", "One run", "runs", ACCESS_SEE,
     .status = 200, JSON_OF("Run"), .failures = "404", .handle = handle_run_get},
    {"GET", "/runs/{id}/output", "getOutput", "What a run wrote", "runs", ACCESS_SEE,
     QUERY(output_query), .status = 200, .type = ANSWER_TEXT, .failures = "206 404 416", .handle = handle_run_output},
    {"POST", "/runs/{id}/kill", "killRun", "End a run: TERM to all its processes, KILL after kill_grace", "runs", ACCESS_OPERATE,
     .status = 202, JSON_OF("Run"), .failures = "404 409", .handle = handle_run_kill},
    {"GET", "/schedule", "previewSchedule", "When a schedule is due", "schedules", ACCESS_SEE,
     QUERY(schedule_query), .status = 200, JSON_OF("SchedulePreview"), .handle = handle_schedule_preview},
    {"GET", "/workers", "listWorkers", "All workers", "workers", ACCESS_SEE,
     .status = 200, JSON_OF("Worker"), .many = true, .handle = handle_worker_list},
    {"GET", "/workers/{name}", "getWorker", "One worker", "workers", ACCESS_SEE,
     .status = 200, JSON_OF("Worker"), .failures = "404", .handle = handle_worker_get},
    {"PATCH", "/workers/{name}", "patchWorker", "Move a worker's jobs away, or let it have some again", "workers", ACCESS_ADMIN, BODY_PATCH, "WorkerPatch",
     .status = 200, JSON_OF("Worker"), .failures = "404", .handle = handle_worker_patch},
    {"DELETE", "/workers/{name}", "removeWorker", "Forget a worker that is gone for good", "workers", ACCESS_ADMIN,
     .status = 204, .failures = "404 409", .handle = handle_worker_remove},
    {"GET", "/tokens", "listTokens", "All access tokens, without their secrets", "tokens", ACCESS_ADMIN,
     .status = 200, JSON_OF("Token"), .many = true, .handle = handle_token_list},
    {"POST", "/tokens", "createToken", "Make an access token; its secret is in this answer only", "tokens", ACCESS_ADMIN, BODY_JSON, "TokenRequest",
     .status = 201, JSON_OF("Token"), .failures = "409", .handle = handle_token_create},
    {"DELETE", "/tokens/{id}", "revokeToken", "Make an access token worthless", "tokens", ACCESS_ADMIN,
     .status = 204, .failures = "404", .handle = handle_token_revoke},
    {"GET", "/users", "listUsers", "All users", "users", ACCESS_ADMIN,
     .status = 200, JSON_OF("User"), .many = true, .handle = handle_user_list},
    {"POST", "/users", "createUser", "Make a user", "users", ACCESS_ADMIN, BODY_JSON, "UserInput",
     .status = 201, JSON_OF("User"), .failures = "409", .handle = handle_user_create},
    {"GET", "/users/{name}", "getUser", "One user", "users", ACCESS_ADMIN,
     .status = 200, JSON_OF("User"), .failures = "404", .handle = handle_user_get},
    {"PATCH", "/users/{name}", "patchUser", "Change what a user may", "users", ACCESS_ADMIN, BODY_PATCH, "UserPatch",
     .status = 200, JSON_OF("User"), .failures = "404", .handle = handle_user_patch},
    {"DELETE", "/users/{name}", "removeUser", "Remove a user and all its tokens", "users", ACCESS_ADMIN,
     .status = 204, .failures = "404", .handle = handle_user_remove},
    {"PUT", "/users/{name}/password", "setPassword", "Set a user's password, or one's own with the old one; ends its sessions", "users", ACCESS_SEE, BODY_JSON, "PasswordInput",
     .status = 204, .failures = "404", .handle = handle_user_password},
    {"POST", "/login", "login", "Sign in with a password: a cookie for browsers, or a token", "users", ACCESS_OPEN, BODY_JSON, "LoginRequest",
     .status = 200, JSON_OF("Session"), .failures = "401 403 429", .handle = handle_login},
    {"POST", "/logout", "logout", "End the session of this request", "users", ACCESS_SEE,
     .status = 204, .failures = "409", .handle = handle_logout},
    {"GET", "/audit", "listAudit", "Who did what and what was refused, newest first", "users", ACCESS_ADMIN,
     QUERY(audit_query), .status = 200, JSON_OF("AuditRecord"), .many = true, .handle = handle_audit},
    {"GET", "/summary", "getSummary", "How things stand", "status", ACCESS_SEE,
     .status = 200, JSON_OF("Summary"), .handle = handle_summary},
    {"GET", "/events", "streamEvents", "Changes of jobs, runs and workers as Server-Sent Events", "status", ACCESS_SEE,
     .status = 200, .type = "text/event-stream", .handle = handle_events},
    {"GET", "/healthz", "getHealth", "Whether the process is alive", "status", ACCESS_OPEN,
     .status = 200, .type = ANSWER_TEXT, .handle = handle_health},
    {"GET", "/readyz", "getReadiness", "Whether requests may be sent here", "status", ACCESS_OPEN,
     .status = 200, .type = ANSWER_TEXT, .handle = handle_readiness},
    {"GET", "/metrics", "getMetrics", "Measurements for Prometheus", "status", ACCESS_OPEN,
     .status = 200, .type = "text/plain", .handle = handle_metrics},
    {"GET", "/openapi.json", "getDescription", "This description", "status", ACCESS_OPEN,
     .status = 200, .type = ANSWER_JSON, .handle = handle_openapi},
    {"GET", "/", "getPage", "A page for people", "status", ACCESS_OPEN,
     .status = 200, .type = ANSWER_HTML, .handle = handle_page},
};
/* clang-format on */

const size_t api_route_count = ARRAY_SIZE(api_routes);
