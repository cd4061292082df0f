-- SPDX-License-Identifier: Apache-2.0
-- What the last program whose newest tables were of version 6 kept, which had opened version-5.sql
-- (Python's sqlite3, iterdump()).
BEGIN TRANSACTION;
CREATE TABLE audit ( id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, source TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, was TEXT NOT NULL, became TEXT NOT NULL, outcome TEXT NOT NULL) STRICT;
CREATE TABLE documents ( job INTEGER PRIMARY KEY, document TEXT NOT NULL, search TEXT NOT NULL) STRICT;
INSERT INTO "documents" VALUES(1,'{"executable":"echo kept; echo $X","schedule":"45 2 * * *","type":"command","name":"nightly","description":"","labels":{"team":"a"},"args":[],"env":{"X":"''\"\\ä"},"stdin":null,"working_directory":null,"run_as":"root","time_zone":"Europe/Berlin","enabled":true,"starts_at":null,"ends_at":null,"jitter":"0s","concurrency":"forbid","catch_up":"last","catch_up_window":"1h","timeout":null,"kill_grace":"10s","retries":{"limit":0,"delay":"30s","backoff":2,"max_delay":"1h","elsewhere":false},"on_worker_loss":"rerun","placement":{"workers":"one","labels":{}},"limits":{"memory":null,"cpu":null,"tasks":null,"output":"10MiB","nice":0},"after":[],"notify":[],"filename":null,"sha256":null,"executable_changed_at":"2026-11-24T18:51:35.058272Z"}','nightly
echo kept; echo $x
');
INSERT INTO "documents" VALUES(2,'{"executable":"echo failed; exit 3","schedule":"@manual","type":"command","name":"failing","description":"","labels":{},"args":[],"env":{},"stdin":null,"working_directory":null,"run_as":"root","time_zone":"Etc/UTC","enabled":true,"starts_at":null,"ends_at":null,"jitter":"0s","concurrency":"forbid","catch_up":"last","catch_up_window":"1h","timeout":null,"kill_grace":"10s","retries":{"limit":0,"delay":"30s","backoff":2,"max_delay":"1h","elsewhere":false},"on_worker_loss":"rerun","placement":{"workers":"one","labels":{}},"limits":{"memory":null,"cpu":null,"tasks":null,"output":"10MiB","nice":0},"after":[],"notify":[],"filename":null,"sha256":null,"executable_changed_at":"2026-11-24T18:51:35.059745Z"}','failing
echo failed; exit 3
');
INSERT INTO "documents" VALUES(3,'{"executable":"true","schedule":"@daily","type":"command","name":"gone","description":"","labels":{},"args":[],"env":{},"stdin":null,"working_directory":null,"run_as":"root","time_zone":"Etc/UTC","enabled":true,"starts_at":null,"ends_at":null,"jitter":"0s","concurrency":"forbid","catch_up":"last","catch_up_window":"1h","timeout":null,"kill_grace":"10s","retries":{"limit":0,"delay":"30s","backoff":2,"max_delay":"1h","elsewhere":false},"on_worker_loss":"rerun","placement":{"workers":"one","labels":{}},"limits":{"memory":null,"cpu":null,"tasks":null,"output":"10MiB","nice":0},"after":[],"notify":[],"filename":null,"sha256":null,"executable_changed_at":"2026-11-24T18:51:35.060781Z"}','gone
true
');
CREATE TABLE idempotency ( owner TEXT NOT NULL, key TEXT NOT NULL, request_hash BLOB NOT NULL, job INTEGER NOT NULL, kept_at INTEGER NOT NULL, PRIMARY KEY (owner, key)) WITHOUT ROWID, STRICT;
CREATE TABLE jobs ( id INTEGER PRIMARY KEY AUTOINCREMENT, revision INTEGER NOT NULL, status INTEGER NOT NULL, removed INTEGER NOT NULL, enabled INTEGER NOT NULL, owner TEXT NOT NULL, worker TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, due_since INTEGER NOT NULL, name TEXT NOT NULL, unique_name TEXT, schedule TEXT NOT NULL, time_zone TEXT NOT NULL, type INTEGER NOT NULL, starts_at INTEGER, ends_at INTEGER, jitter INTEGER NOT NULL, concurrency INTEGER NOT NULL, catch_up INTEGER NOT NULL, catch_up_window INTEGER NOT NULL, on_worker_loss INTEGER NOT NULL, retry_limit INTEGER NOT NULL, retry_delay INTEGER NOT NULL, retry_backoff INTEGER NOT NULL, retry_max_delay INTEGER NOT NULL, retry_elsewhere INTEGER NOT NULL, placement TEXT NOT NULL DEFAULT '', sha256 TEXT) STRICT;
INSERT INTO "jobs" VALUES(1,2,0,0,1,'root','node',1795547355207507,1795547355256693,1795547355256693,'nightly','nightly','45 2 * * *','Europe/Berlin',0,NULL,NULL,0,0,0,3600000000,0,0,30000000,2000000,3600000000,0,'',NULL);
INSERT INTO "jobs" VALUES(2,1,2,0,1,'root','node',1795547355208980,1795547355208980,1795547355208980,'failing','failing','@manual','Etc/UTC',0,NULL,NULL,0,0,0,3600000000,0,0,30000000,2000000,3600000000,0,'',NULL);
INSERT INTO "jobs" VALUES(3,1,1,1,1,'root','node',1795547355210016,1795547355304915,1795547355210016,'gone',NULL,'@daily','Etc/UTC',0,NULL,NULL,0,0,0,3600000000,0,0,30000000,2000000,3600000000,0,'',NULL);
CREATE TABLE labels ( name TEXT NOT NULL, value TEXT NOT NULL, job INTEGER NOT NULL, PRIMARY KEY (name, value, job)) WITHOUT ROWID, STRICT;
INSERT INTO "labels" VALUES('team','a',1);
CREATE TABLE leader ( id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL, writes INTEGER NOT NULL) STRICT;
INSERT INTO "leader" VALUES(1,2,'node','',17);
CREATE TABLE outputs ( job INTEGER NOT NULL, scheduled_at INTEGER NOT NULL, attempt INTEGER NOT NULL, target INTEGER NOT NULL, data BLOB, UNIQUE (job, scheduled_at, attempt, target)) STRICT;
INSERT INTO "outputs" VALUES(1,1795547355211058,1,0,X'6B6570740A27225CC3A40A');
INSERT INTO "outputs" VALUES(1,1795547355234096,1,0,X'6B6570740A27225CC3A40A');
INSERT INTO "outputs" VALUES(1,1795547355259349,1,0,X'6B6570740A27225CC3A40A');
INSERT INTO "outputs" VALUES(2,1795547355282140,1,0,X'6661696C65640A');
CREATE TABLE revisions ( job INTEGER NOT NULL, revision INTEGER NOT NULL, until INTEGER NOT NULL, sha256 TEXT, document TEXT NOT NULL, PRIMARY KEY (job, revision)) STRICT;
INSERT INTO "revisions" VALUES(1,1,1795547355256894,NULL,'{"executable":"echo kept; echo $X","schedule":"30 2 * * *","type":"command","name":"nightly","description":"","labels":{"team":"a"},"args":[],"env":{"X":"''\"\\ä"},"stdin":null,"working_directory":null,"run_as":"root","time_zone":"Europe/Berlin","enabled":true,"starts_at":null,"ends_at":null,"jitter":"0s","concurrency":"forbid","catch_up":"last","catch_up_window":"1h","timeout":null,"kill_grace":"10s","retries":{"limit":0,"delay":"30s","backoff":2,"max_delay":"1h","elsewhere":false},"on_worker_loss":"rerun","placement":{"workers":"one","labels":{}},"limits":{"memory":null,"cpu":null,"tasks":null,"output":"10MiB","nice":0},"after":[],"notify":[],"filename":null,"sha256":null,"executable_changed_at":"2026-11-24T18:51:35.058272Z"}');
CREATE TABLE runs ( scheduled_at INTEGER NOT NULL, job INTEGER NOT NULL, attempt INTEGER NOT NULL, target INTEGER NOT NULL, token BLOB, trigger INTEGER NOT NULL, status INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, exit_code INTEGER NOT NULL, signal INTEGER NOT NULL, output_bytes INTEGER NOT NULL, output_truncated INTEGER NOT NULL, cpu INTEGER NOT NULL, max_rss INTEGER NOT NULL, revision INTEGER NOT NULL, worker TEXT NOT NULL, reason TEXT NOT NULL, request TEXT NOT NULL, count INTEGER NOT NULL, until INTEGER NOT NULL, sha256 TEXT, PRIMARY KEY (scheduled_at, job, attempt, target)) WITHOUT ROWID, STRICT;
INSERT INTO "runs" VALUES(1795547355211058,1,1,0,X'09E4C161FCD8EFDE8C70654C77ACC41C',1,2,1795547355212409,1795547355213417,0,0,11,0,928,6131712,1,'node','','',1,1795547355211058,NULL);
INSERT INTO "runs" VALUES(1795547355234096,1,1,0,X'663871E877328B95F70C918CA1D1C187',1,2,1795547355235283,1795547355236276,0,0,11,0,913,6131712,1,'node','','',1,1795547355234096,NULL);
INSERT INTO "runs" VALUES(1795547355259349,1,1,0,X'996DF3B4925E571427E964F46B296342',1,2,1795547355260413,1795547355261409,0,0,11,0,923,6131712,2,'node','','',1,1795547355259349,NULL);
INSERT INTO "runs" VALUES(1795547355282140,2,1,0,X'750FA739B76276B572F5D8C8F3E6613F',1,3,1795547355284501,1795547355285644,3,0,7,0,891,6131712,1,'node','','',1,1795547355282140,NULL);
CREATE TABLE `schema` (version INTEGER PRIMARY KEY, taken_at BIGINT NOT NULL);
INSERT INTO "schema" VALUES(1,1795547355189331);
INSERT INTO "schema" VALUES(2,1795547355189382);
INSERT INTO "schema" VALUES(3,1795547355189602);
INSERT INTO "schema" VALUES(4,1795547355189807);
INSERT INTO "schema" VALUES(5,1795547355190057);
INSERT INTO "schema" VALUES(6,1795547430202988);
CREATE TABLE tokens ( id TEXT PRIMARY KEY, name TEXT NOT NULL, account TEXT NOT NULL, admin INTEGER NOT NULL, hash BLOB NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, session INTEGER NOT NULL DEFAULT 0, scope INTEGER NOT NULL DEFAULT 3, last_used_at INTEGER) WITHOUT ROWID, STRICT;
INSERT INTO "tokens" VALUES('32hvye5y','all','root',1,X'B93CC96638F2E5DED8A9E9975EEF4FB933BA601900BB96346B3A16F10FD7B134',1795547355309492,NULL,0,3,NULL);
INSERT INTO "tokens" VALUES('aprcsylq','ci','ann',0,X'9EC8ECCA56A16405A45037E31FE7AE129EB5BD63177AC795D97A43E8EABBACF5',1795547355308283,NULL,0,2,1795547430226271);
CREATE TABLE users ( name TEXT PRIMARY KEY, role INTEGER NOT NULL, privileged INTEGER NOT NULL, disabled INTEGER NOT NULL, accounts TEXT NOT NULL, password TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID, STRICT;
INSERT INTO "users" VALUES('ann',1,0,0,'[]','',1795547355305966);
CREATE TABLE workers ( name TEXT PRIMARY KEY, url TEXT NOT NULL, version TEXT NOT NULL, backend TEXT NOT NULL, labels TEXT NOT NULL, draining INTEGER NOT NULL, running INTEGER NOT NULL, tasks INTEGER NOT NULL, clock_offset INTEGER NOT NULL, started_at INTEGER, lease_until INTEGER, clock_synchronised INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID, STRICT;
INSERT INTO "workers" VALUES('node','','0.1.0','timer','{}',0,0,0,0,1795547430203893,1795547445213580,0);
CREATE UNIQUE INDEX jobs_unique_name ON jobs (unique_name) WHERE unique_name IS NOT NULL;
CREATE INDEX jobs_name ON jobs (name) WHERE name <> '';
CREATE INDEX labels_job ON labels (job);
CREATE INDEX runs_job ON runs (job, scheduled_at, attempt, target);
CREATE INDEX runs_token ON runs (token) WHERE token IS NOT NULL;
CREATE INDEX runs_unfinished ON runs (scheduled_at, job, attempt, target) WHERE status < 2;
CREATE INDEX runs_tick ON runs (job, until) WHERE trigger IN (0, 3, 5);
CREATE INDEX audit_at ON audit (at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',3);
COMMIT;
