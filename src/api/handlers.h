/* SPDX-License-Identifier: Apache-2.0 */
/* api/handlers.h: what each route does, a file per kind of thing. Private to api/. */
#ifndef CRONJOB_API_HANDLERS_H
#define CRONJOB_API_HANDLERS_H

struct call;

/* jobs.c, job_change.c */
void handle_job_list(struct call *call);
void handle_job_get(struct call *call);
void handle_job_create(struct call *call);
void handle_job_replace(struct call *call);
void handle_job_patch(struct call *call);
void handle_job_remove(struct call *call);

/* download.c */
void handle_job_executable(struct call *call);

/* runs.c, run_change.c, output.c */
void handle_run_list(struct call *call);
void handle_run_get(struct call *call);
void handle_run_now(struct call *call);
void handle_run_kill(struct call *call);
void handle_run_output(struct call *call);

/* preview.c */
void handle_schedule_preview(struct call *call);

/* workers.c */
void handle_worker_list(struct call *call);
void handle_worker_get(struct call *call);
void handle_worker_patch(struct call *call);
void handle_worker_remove(struct call *call);

/* tokens.c */
void handle_token_list(struct call *call);
void handle_token_create(struct call *call);
void handle_token_revoke(struct call *call);

/* users.c */
void handle_user_list(struct call *call);
void handle_user_create(struct call *call);
void handle_user_get(struct call *call);
void handle_user_patch(struct call *call);
void handle_user_remove(struct call *call);
void handle_user_password(struct call *call);

/* session.c */
void handle_login(struct call *call);
void handle_logout(struct call *call);

/* audit.c */
void handle_audit(struct call *call);

/* status.c */
void handle_summary(struct call *call);
void handle_health(struct call *call);
void handle_readiness(struct call *call);
void handle_metrics(struct call *call);

/* stream.c */
void handle_events(struct call *call);

/* openapi.c, page.c */
void handle_openapi(struct call *call);
void handle_page(struct call *call);

#endif
