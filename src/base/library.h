/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/library.h: a shared library that is loaded when it is first needed, so that who does not
 * need it pays for neither its memory nor its start.
 *
 * Its user compiles against the library's headers and lists what it uses as X(member, symbol), so
 * that types are checked by the compiler: LIBRARY_MEMBER makes the members of its `struct library`,
 * which holds the addresses, and LIBRARY_SYMBOL the list of where each goes.
 */
#ifndef CRONJOB_BASE_LIBRARY_H
#define CRONJOB_BASE_LIBRARY_H

#include <stddef.h>

#include "base/err.h"

struct library_symbol {
    const char *name;
    size_t offset; /* of its address, in the struct */
};

#define LIBRARY_MEMBER(member, symbol) __typeof__(&(symbol)) member;
#define LIBRARY_SYMBOL(member, symbol) {#symbol, offsetof(struct library, member)},

/* Finds the symbols and puts their addresses into `addresses`. RC_UNAVAILABLE: what is missing. The
 * library stays loaded: one that has threads and exit handlers cannot be unloaded safely. */
MUST_USE enum rc library_load(const char *file, const struct library_symbol *symbols, size_t count,
                              void *addresses, struct err *err);

#endif
