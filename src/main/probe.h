/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/probe.h: what `cronjob doctor` finds on this machine by itself: its clock, and every
 * server that the configuration names, each asked alone.
 */
#ifndef CRONJOB_MAIN_PROBE_H
#define CRONJOB_MAIN_PROBE_H

#include "cli/cli.h"
#include "cli/option.h"

/* For struct cli_system. Without a configuration that names servers there is nothing. */
void probe_machine(struct cli *cli, const struct arguments *arguments, cli_found found);

#endif
