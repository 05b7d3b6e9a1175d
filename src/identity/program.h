/* program.h -- programs that prove who they are by a key or a certificate of their own: what they register, and the
 * access token that an assertion buys (SMART App Launch 2.2, Backend Services; RFC 6749 4.4; RFC 7523).
 *
 * A client registers a key set, or a URL that one is fetched from (ask.h: https, no redirects). A fetched set serves
 * for five minutes; a key that is not in it has the URL asked again, but not more than once in 30 seconds; while it
 * does not answer, what was fetched serves for an hour and then nothing does. PROGRAM_FETCHES are asked at a time, one
 * request each; who needs the answer waits for it, 5 s at most. A set that keyset_check refuses is as good as none.
 *
 * An assertion is good once: its jti goes into the store in the transaction that makes the token and its audit entry,
 * under a key that lets no second one in, so neither another process nor a restart takes it again. It is forgotten when
 * it has expired. A wall clock that is set back by more than that makes old assertions new; clocks are kept by whoever
 * runs the machine. */
#ifndef IDENTITY_PROGRAM_H
#define IDENTITY_PROGRAM_H

#include "identity/assertion.h"
#include "identity/client.h"

enum { PROGRAM_FETCHES = 4, PROGRAM_SETS = 64, CLIENT_CERTS_MAX = 4, CERT_PEM_MAX = 16384, CERT_SUBJECT_MAX = 512 };

/* --- what a client registers; ERR_NOT_FOUND: no such client. Audited, blocks for a commit. Every access token of the
 * client ends with it, and whoever remembers callers forgets them after it (known_forget). --- */

/* `jwks` or `url`, the other NULL; both NULL: removes what there is. ERR_USAGE for a set keyset_check refuses, or a URL
 * that may not be asked (`plain` as in ask.h). */
int program_keys(struct db *db, const uint8_t scope[16], const char *name, const char *jwks, const char *url,
                 bool plain, const struct audit_entry *audit, struct arena *a, struct err *e);

struct program_cert {
    uint8_t hash[32];                   /* SHA-256, of the certificate or of its subject */
    char subject[CERT_SUBJECT_MAX + 1]; /* RFC 2253, to be read by people */
    int64_t until_us;                   /* when the certificate ends */
};
/* Reads a PEM file. ERR_USAGE when there is not one certificate in it, or it has no subject but `by_subject`. Whether
 * it is valid is TLS' business, at every connection. */
int program_cert_read(struct slice pem, bool by_subject, struct program_cert *ret, struct err *e);
/* Registers one more: this certificate, or any of its subject. ERR_CONFLICT: it is registered already, or there are
 * CLIENT_CERTS_MAX. */
int program_cert_add(struct db *db, const uint8_t scope[16], const char *name, const struct program_cert *cert,
                     bool by_subject, const struct audit_entry *audit, struct arena *a, struct err *e);
/* One of them, or all (NULL). ERR_NOT_FOUND: there is none. */
int program_cert_remove(struct db *db, const uint8_t scope[16], const char *name, const struct program_cert *cert,
                        bool by_subject, const struct audit_entry *audit, struct arena *a, struct err *e);
/* rows: client's id, kind, hash, subject, until, of everybody */
int program_cert_list(struct db *db, const uint8_t scope[16], struct arena *a, struct rows *ret, struct err *e);

/* --- the token endpoint --- */

struct programs;
struct programs_config {
    struct db *db;
    const uint8_t *scope; /* 16 bytes; outlives it, as the texts do */
    const char *issuer;   /* this server's URL, as programs reach it: "https://gateway.example" */
    const char *ca;       /* ask.h, for key sets */
    bool plain;
};

int programs_start(const struct programs_config *c, struct programs **ret, struct err *e);
void programs_stop(struct programs *p);                  /* NULL is fine; fetches under way are given up */
const char *programs_endpoint(const struct programs *p); /* the token endpoint's URL */
const char *programs_issuer(const struct programs *p);

/* Who sent this assertion. -1 ERR_ASSERTION with a sentence for them. One sentence says that there is no such client,
 * or none with that key, or another signature: who has no key is told nothing of who has. */
int programs_judge(struct programs *p, struct slice assertion, struct arena *a, struct caller *ret,
                   struct assertion *ret_spent, struct err *e);
/* A new access token for it, which ends in ACCESS_TOKEN_S. ERR_ASSERTION: it was used before. Audited. */
int programs_token(struct programs *p, const struct caller *c, const struct assertion *spent, uint32_t scopes,
                   const struct audit_entry *audit, struct arena *a, const char **ret_token, struct err *e);

#endif
