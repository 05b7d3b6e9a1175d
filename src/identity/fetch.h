/* fetch.h -- one document from an address that the settings or an operator named: a provider's discovery document, a
 * key set.
 *
 * Addresses are https, or http on this machine where `plain` allows it; no redirect is followed, no proxy used; an
 * answer is at most FETCH_MAX bytes and takes at most FETCH_MS. Blocks for as long; any thread, between
 * curl_global_init and curl_global_cleanup. */
#ifndef IDENTITY_FETCH_H
#define IDENTITY_FETCH_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"

enum { FETCH_MAX = 256 << 10, FETCH_MS = 5000, FETCH_URL_MAX = 2048 };

struct fetch {
    const char *who;         /* whom errors speak of: "the identity provider" */
    const char *ca;          /* PEM file; "" or NULL: the system's */
    bool plain;              /* http on loopback is allowed */
    const atomic_bool *stop; /* true: give up */
};

/* The body of a 200. ERR_PROVIDER for all else. */
int fetch_get(const struct fetch *f, const char *url, struct arena *a, struct slice *ret, struct err *e);
/* May this address be asked? For settings, and for what a document says. */
bool fetch_address_ok(const char *url, bool plain);

#endif
