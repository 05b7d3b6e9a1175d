/* world.h -- the whole program over a folder of its own, without sockets: opened as `serve` opens it, asked as http/ asks.
 *
 * What is durable is read through a second connection that shares nothing with the program but the files. */
#ifndef FAULT_WORLD_H
#define FAULT_WORLD_H

#include <sqlite3.h>

#include "cmd/app.h"
#include "shim.h"

/* Who changes clients and the like in tests. */
static const struct audit_entry operator_does __attribute__((unused)) = {
    .actor = "operator", .role = "operator", .action = "create", .outcome = "permit"};

enum who { NOBODY, ALPHA, BETA, STRANGER, PROGRAM, WHO_COUNT };

struct world {
    char data[80];
    struct arena *arena; /* of config */
    struct config config;
    struct app app;
    sqlite3 *peek;
    char bearer[WHO_COUNT][64]; /* "Bearer lz_..." */
};

/* A fresh folder and the settings; nothing is opened. */
int world_begin(struct world *w, struct err *e);
/* Opens what is in the folder, or makes it: root key, store, sample models. After a failure, too, world_close. */
int world_open(struct world *w, bool sandbox, struct err *e);
void world_close(struct world *w);
void world_remove(struct world *w);

/* One number from the second connection; $1 is `blob`, if there is one. -1: no such row. */
int64_t world_look(struct world *w, const char *sql, struct slice blob);

struct question {
    enum http_method method;
    const char *path;
    enum who who;
    struct slice body;
    const char *key;           /* Idempotency-Key, or NULL */
    const char *header, *value; /* one more, or NULL */
};
struct answer {
    int status; /* as the client would see it: 500 when the fields did not fit */
    struct slice fields, body;
};
/* The request itself is made first; then `kind`'s n-th call fails (`sticky`: and all after it) until the answer is there.
 * Returns how many calls it had. */
long world_ask(struct world *w, const struct question *q, enum shim kind, long n, bool sticky, struct arena *a, struct answer *ret);

/* {"client_id":CLIENT,"target_diagnosis":TARGET,"fhir_bundle":...} with an example's Bundle, its times filled in, and in it
 * `was` (may be NULL) replaced by `is`; `more` stands before the Bundle. */
struct slice world_body(struct arena *a, const char *client, const char *target, const char *more, const char *example, const char *was,
                        const char *is);

#endif
