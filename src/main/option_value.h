/* SPDX-License-Identifier: Apache-2.0 */
/* main/option_value.h: the kinds of values that server options have. Pure. */
#ifndef CRONJOB_MAIN_OPTION_VALUE_H
#define CRONJOB_MAIN_OPTION_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "main/options.h"

struct option_target {
    size_t offset; /* of the member in struct server_options */
    int64_t least; /* of counts and spans */
    int64_t most;
};

/* Where a value goes. */
struct option_value {
    struct server_options *options;
    const struct option_target *target;
    struct arena *arena;
    bool is_first; /* of its source: a list begins anew */
};

/* Each checks the text and sets the member; RC_INVALID says what is allowed. */
typedef enum rc (*option_setter)(const struct option_value *value, const char *text,
                                 struct err *err);

enum rc option_set_listen(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_path(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_store(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_coordination(const struct option_value *value, const char *text,
                                struct err *err);
enum rc option_set_advertise(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_objects(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_name(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_label(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_account(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_level(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_format(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_zone(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_host(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_scheduler(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_crontab_file(const struct option_value *value, const char *text,
                                struct err *err);
enum rc option_set_program(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_switch(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_count(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_size(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_source(const struct option_value *value, const char *text, struct err *err);
enum rc option_set_span(const struct option_value *value, const char *text, struct err *err);

#endif
