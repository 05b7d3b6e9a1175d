/* ask.h -- one question over HTTP, to an identity provider or to where a client keeps its keys: a document, or a form
 * that is posted.
 *
 * Addresses are https, or http on this machine where `plain` allows it; the very address that is connected to is
 * checked, whatever a name resolves to. No redirect is followed, no proxy used; an answer is at most ASK_ANSWER_MAX and
 * takes at most ASK_MS. Blocks as long. What curl holds of a form is not wiped. */
#ifndef IDENTITY_ASK_H
#define IDENTITY_ASK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum { ASK_ANSWER_MAX = 256 << 10, ASK_MS = 5000, ASK_CONNECT_MS = 2000, ASK_URL_MAX = 2048 };

struct ask {
    const char *who;         /* whom errors speak of; NULL: "the identity provider" */
    const char *ca;          /* PEM file; "" or NULL: the system's */
    bool plain;              /* http on loopback is allowed */
    const atomic_bool *stop; /* ends it early; NULL: nothing does */
};

struct ask_form {
    struct slice body;
    const char *type;          /* its Content-Type; NULL: application/x-www-form-urlencoded */
    const char *user, *secret; /* HTTP Basic, escaped already (RFC 6749 2.3.1); NULL: none */
};

/* May this address be asked? For settings and for what a discovery document says. */
bool ask_address_ok(const char *url, bool plain);
/* The answer, a JSON object, and its status. `form` NULL: a GET, of which any status but 200 is an error.
 * ERR_PROVIDER. */
int ask_json(const struct ask *how, const char *url, const struct ask_form *form, struct arena *a, long *ret_status,
             struct json *ret, struct err *e);

/* What is answered to something that is posted, of whatever status. ERR_PROVIDER: nothing. */
int ask_post(const struct ask *how, const char *url, const struct ask_form *form, struct arena *a, long *ret_status,
             struct slice *ret, struct err *e);

/* The body of a 200, whatever it is. ERR_PROVIDER for all else. */
int ask_text(const struct ask *how, const char *url, struct arena *a, struct slice *ret, struct err *e);

/* Adds NAME=VALUE to a form or a query, escaped. */
void ask_put(struct buf *b, const char *name, struct slice value);

#endif
