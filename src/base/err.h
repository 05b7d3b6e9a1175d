/* err.h -- one list of errors and one error type, on the caller's stack, so that reporting a failure cannot fail.
 *
 * A function that can fail takes `struct err *e` last and returns -1 (or NULL) after filling it:
 *     return err_set(e, ERR_CONFLICT, "job %s is no longer queued", id);
 * err_in() puts context in front on the way up. `detail` is for the log: ids may stand in it, a patient's data never.
 * What a client is told is err_text(code), from errors.def, and is rendered by api/ alone. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
    ERR_NONE,
#define ERR(code, http, issue, retry, text) ERR_##code,
#include "base/errors.def"
#undef ERR
    ERR_COUNT
};

struct err {
    enum err_code code;
    char detail[232];
};

/* Always -1. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "context: " before the detail; keeps the code. Always -1. */
int err_in(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds strerror(errno) after the text. Always -1. */
int err_sys(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

const char *err_name(enum err_code code);  /* "BAD_JSON" */
const char *err_text(enum err_code code);  /* the sentence for the client */
const char *err_issue(enum err_code code); /* FHIR issue-type code */
int err_http(enum err_code code);          /* status; 500 for ERR_NONE */
int err_retry(enum err_code code);         /* 1: the same request may succeed later */

#endif
