#include "identity/program.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "base/own.h"
#include "identity/ask.h"

/* --- changes of one client --- */

struct change {
    const uint8_t *scope;
    const char *name, *jwks, *url;
    const struct program_cert *cert;
    const char *kind;
    const struct audit_entry *audit;
    struct arena *arena;
    int (*rows)(struct tx *tx, const struct change *c, const uint8_t id[16], struct err *e);
};

static int change_in(struct tx *tx, void *arg, struct err *e)
{
    struct change *c = arg;
    struct rows r;
    /* a write that changes nothing: whoever changes the same client waits */
    if (tx_rows(tx, c->arena, &r, e, "UPDATE client SET rate = rate WHERE scope = $1 AND name = $2 RETURNING id",
                V_ID(c->scope), V_STR(c->name)) < 0)
        return -1;
    if (r.n == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no client named %s", c->name);
    const uint8_t *id = (const uint8_t *)row_at(&r, 0, 0)->s.p;
    return c->rows(tx, c, id, e) || client_end_tokens(tx, c->scope, id, e) ||
                   client_audit(tx, c->scope, id, c->audit, e)
               ? -1
               : 0;
}

static int put_keys(struct tx *tx, const struct change *c, const uint8_t id[16], struct err *e)
{
    int n = tx_exec(tx, e, "DELETE FROM client_keys WHERE scope = $1 AND client = $2", V_ID(c->scope), V_ID(id));
    if (n < 0)
        return -1;
    if (!c->jwks && !c->url)
        return n ? 0 : err_set(e, ERR_NOT_FOUND, "%s has no key set", c->name);
    return tx_exec(tx, e, "INSERT INTO client_keys (scope, client, jwks, url, created_at) VALUES ($1, $2, $3, $4, $5)",
                   V_ID(c->scope), V_ID(id), c->jwks ? V_STR(c->jwks) : V_NULL, c->url ? V_STR(c->url) : V_NULL,
                   V_INT(clock_now_us())) < 0
               ? -1
               : 0;
}

int program_keys(struct db *db, const uint8_t scope[16], const char *name, const char *jwks, const char *url,
                 bool plain, const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct change c = {
        .scope = scope, .name = name, .jwks = jwks, .url = url, .audit = audit, .arena = a, .rows = put_keys};
    if (jwks && keyset_check(slice_of(jwks), a, e) < 0)
        return -1;
    if (url && !ask_address_ok(url, plain))
        return err_set(e, ERR_USAGE,
                       "a key set is fetched from https://HOST/..., without a user in it; from http only "
                       "on this machine and with program.http = on");
    return tx_run(db, change_in, &c, e);
}

/* --- certificates --- */

static int read_subject(X509 *x, bool by_subject, struct program_cert *ret, struct err *e)
{
    X509_NAME *name = X509_get_subject_name(x);
    unsigned n = 0;
    BIO *b = BIO_new(BIO_s_mem());
    if (!b)
        return err_set(e, ERR_NO_MEMORY, "a certificate");
    X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253);
    int len = BIO_read(b, ret->subject, CERT_SUBJECT_MAX);
    ret->subject[len > 0 ? len : 0] = 0;
    BIO_free(b);
    if (by_subject && X509_NAME_entry_count(name) == 0)
        return err_set(e, ERR_USAGE, "the certificate has no subject: register the certificate itself");
    int ok =
        by_subject ? X509_NAME_digest(name, EVP_sha256(), ret->hash, &n) : X509_digest(x, EVP_sha256(), ret->hash, &n);
    return ok == 1 && n == sizeof ret->hash ? 0 : err_set(e, ERR_NO_MEMORY, "a certificate");
}

static int read_end(X509 *x, int64_t *ret, struct err *e)
{
    struct tm t;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &t) != 1)
        return err_set(e, ERR_USAGE, "the certificate does not say when it ends");
    int64_t days = clock_days(t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
    *ret = (days * 86400 + t.tm_hour * 3600 + t.tm_min * 60 + t.tm_sec) * 1000000;
    return 0;
}

int program_cert_read(struct slice pem, bool by_subject, struct program_cert *ret, struct err *e)
{
    struct program_cert found = {.until_us = 0};
    BIO *b = pem.n <= CERT_PEM_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL,
         *more = x ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
    int rc = !x || more
                 ? err_set(e, ERR_USAGE, "the file is not one certificate in PEM, of at most %d bytes", CERT_PEM_MAX)
             : read_subject(x, by_subject, &found, e) ? -1
                                                      : read_end(x, &found.until_us, e);
    X509_free(x);
    X509_free(more);
    BIO_free(b);
    ERR_clear_error();
    if (!rc)
        *ret = found;
    return rc;
}

static int put_cert(struct tx *tx, const struct change *c, const uint8_t id[16], struct err *e)
{
    struct rows r;
    if (tx_rows(tx, c->arena, &r, e, "SELECT count(*) FROM client_cert WHERE scope = $1 AND client = $2",
                V_ID(c->scope), V_ID(id)) < 0)
        return -1;
    if (row_at(&r, 0, 0)->i >= CLIENT_CERTS_MAX)
        return err_set(e, ERR_CONFLICT, "a client has at most %d certificates: remove one", CLIENT_CERTS_MAX);
    int n = tx_exec(tx, e,
                    "INSERT INTO client_cert (scope, kind, hash, client, subject, until, created_at) VALUES ($1, $2, "
                    "$3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                    V_ID(c->scope), V_STR(c->kind), V_BYTES(c->cert->hash, sizeof c->cert->hash), V_ID(id),
                    V_STR(c->cert->subject), V_INT(c->cert->until_us), V_INT(clock_now_us()));
    return n < 0 ? -1 : n ? 0 : err_set(e, ERR_CONFLICT, "this %s is registered already", c->kind);
}

static int drop_cert(struct tx *tx, const struct change *c, const uint8_t id[16], struct err *e)
{
    int n = c->cert
                ? tx_exec(tx, e, "DELETE FROM client_cert WHERE scope = $1 AND client = $2 AND kind = $3 AND hash = $4",
                          V_ID(c->scope), V_ID(id), V_STR(c->kind), V_BYTES(c->cert->hash, sizeof c->cert->hash))
                : tx_exec(tx, e, "DELETE FROM client_cert WHERE scope = $1 AND client = $2", V_ID(c->scope), V_ID(id));
    return n < 0 ? -1 : n ? 0 : err_set(e, ERR_NOT_FOUND, "%s has no such certificate", c->name);
}

static int change_certs(struct db *db, struct change *c, const struct program_cert *cert, bool by_subject,
                        struct err *e)
{
    c->cert = cert;
    c->kind = by_subject ? "subject" : "certificate";
    return tx_run(db, change_in, c, e);
}

int program_cert_add(struct db *db, const uint8_t scope[16], const char *name, const struct program_cert *cert,
                     bool by_subject, const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct change c = {.scope = scope, .name = name, .audit = audit, .arena = a, .rows = put_cert};
    return change_certs(db, &c, cert, by_subject, e);
}

int program_cert_remove(struct db *db, const uint8_t scope[16], const char *name, const struct program_cert *cert,
                        bool by_subject, const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct change c = {.scope = scope, .name = name, .audit = audit, .arena = a, .rows = drop_cert};
    return change_certs(db, &c, cert, by_subject, e);
}

int program_cert_list(struct db *db, const uint8_t scope[16], struct arena *a, struct rows *ret, struct err *e)
{
    return db_rows(db, a, ret, e,
                   "SELECT client, kind, hash, subject, until FROM client_cert WHERE scope = $1 ORDER BY created_at",
                   V_ID(scope)) < 0
               ? -1
               : 0;
}
