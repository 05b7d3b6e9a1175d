#include "audit/witness.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/own.h"

enum { ASK_BODY = 32 * 1024, PROBLEM_MAX = 200 };

struct slice cosigned_note(const struct rows *r, int *at, struct arena *a)
{
    int64_t size = row_at(r, *at, 0)->i;
    struct slice note = row_at(r, *at, 1)->s;
    if (row_at(r, *at, 2)->kind == VAL_NULL) {
        ++*at;
        return note;
    }
    struct buf b = buf_in(a, NOTE_MAX);
    buf_slice(&b, note);
    for (; *at < r->n && row_at(r, *at, 0)->i == size; ++*at)
        buf_slice(&b, row_at(r, *at, 2)->s);
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

/* --- asking --- */

int witness_look(struct db *db, const struct note_key *w, struct arena *a, struct witness_state *ret, struct err *e)
{
    char key[NOTE_KEY_TEXT];
    struct rows r, newest, bad;
    note_key_text(w, key);
    if (db_rows(db, a, &r, e, "SELECT size, at FROM audit_cosignature WHERE witness = $1 ORDER BY size DESC LIMIT 1",
                V_STR(key)) < 0 ||
        db_rows(db, a, &newest, e, "SELECT coalesce(max(size), 0) FROM audit_checkpoint") < 0 ||
        db_rows(db, a, &bad, e, "SELECT since, problem FROM audit_witness WHERE witness = $1", V_STR(key)) < 0)
        return -1;
    *ret = (struct witness_state){.signed_size = row_at(&newest, 0, 0)->i};
    if (r.n) {
        ret->cosigned = row_at(&r, 0, 0)->i;
        ret->at = row_at(&r, 0, 1)->i;
    }
    if (bad.n) {
        ret->since = row_at(&bad, 0, 0)->i;
        ret->problem = row_at(&bad, 0, 1)->s;
    }
    return 0;
}

int witness_ask(struct audit_signer *s, const struct note_key *w, int64_t old, struct arena *a,
                struct witness_asking *ret, struct err *e)
{
    struct witness_state now;
    struct checkpoint c;
    struct buf b = buf_in(a, ASK_BODY);
    if (witness_look(audit_signer_db(s), w, a, &now, e))
        return -1;
    if (now.signed_size == 0 || now.cosigned == now.signed_size)
        return 0;
    *ret = (struct witness_asking){.size = now.signed_size, .old = old < 0 ? now.cosigned : old};
    if (audit_signed(s, ret->size, a, &ret->note, &c, e) || audit_prove_growth(s, ret->old, ret->size, a, &b, e))
        return -1;
    ret->body = buf_text(&b);
    return 1;
}

/* --- what it answers --- */

struct keeping {
    const struct witness_asking *asked;
    const char *witness;
    struct slice line;
    int64_t at;
};

static int keep_body(struct tx *tx, void *arg, struct err *e)
{
    const struct keeping *x = arg;
    return tx_put(tx, e,
                  "INSERT INTO audit_cosignature (size, witness, line, at) VALUES ($1, $2, $3, $4) ON CONFLICT (size, "
                  "witness) DO NOTHING",
                  V_INT(x->asked->size), V_STR(x->witness), V_BLOB(x->line), V_INT(x->at));
}

static int keep(struct audit_signer *s, const struct note_key *w, const struct witness_asking *asked, struct slice body,
                struct arena *a, struct err *e)
{
    char key[NOTE_KEY_TEXT];
    struct keeping x = {.asked = asked, .witness = note_key_text(w, key)};
    struct buf b = buf_in(a, NOTE_MAX);
    const char *why;
    buf_slice(&b, asked->note);
    buf_slice(&b, body);
    if (buf_failed(&b))
        return err_set(e, ERR_PROVIDER, "the witness answered more than %d bytes", NOTE_MAX);
    int rc = cosignature_read(buf_text(&b), w, &x.line, &x.at, &why);
    if (rc < 0)
        return err_set(e, ERR_PROVIDER, "the witness' answer: %s", why);
    if (rc == 0)
        return err_set(e, ERR_PROVIDER, "the witness answered, but not with a cosignature of audit.witness.key");
    return tx_run(audit_signer_db(s), keep_body, &x, e) ? -1 : 1;
}

/* 409: another checkpoint is the last it saw. */
static int another_seen(const struct witness_asking *x, struct slice body, int64_t *ret_old, struct err *e)
{
    struct slice size = slice_cut(&body, '\n');
    int64_t seen;
    if (!slice_int(size, 0, INT64_MAX - 1, &seen))
        return err_set(e, ERR_PROVIDER, "the witness answered 409 and no size");
    if (seen > x->size)
        return err_set(e, ERR_STORE,
                       "the witness has signed %" PRId64 " entries of this log, which has %" PRId64
                       ": it was cut back, or comes from a backup",
                       seen, x->size);
    if (seen == x->old)
        return err_set(e, ERR_STORE, "the witness has signed other %" PRId64 " entries than this log has", seen);
    *ret_old = seen;
    return 0;
}

int witness_answered(struct audit_signer *s, const struct note_key *w, const struct witness_asking *x, long status,
                     struct slice body, struct arena *a, int64_t *ret_old, struct err *e)
{
    char key[NOTE_KEY_TEXT];
    switch (status) {
    case 200: return keep(s, w, x, body, a, e);
    case 409: return another_seen(x, body, ret_old, e);
    case 422:
        return err_set(e, ERR_STORE, "the witness says that the log does not continue the %" PRId64 " entries it saw",
                       x->old);
    case 403:
    case 404:
        return err_set(e, ERR_PROVIDER, "the witness does not know this log: give its operator %.160s",
                       note_key_text(audit_signer_key(s), key));
    default: return err_set(e, ERR_PROVIDER, "the witness answered %ld", status);
    }
}

/* --- what is known of it --- */

struct noting {
    const char *witness, *problem;
};

static int note_body(struct tx *tx, void *arg, struct err *e)
{
    const struct noting *x = arg;
    if (!x->problem)
        return tx_exec(tx, e, "DELETE FROM audit_witness WHERE witness = $1", V_STR(x->witness)) < 0 ? -1 : 0;
    return tx_put(tx, e,
                  "INSERT INTO audit_witness (witness, since, problem) VALUES ($1, $2, $3) ON CONFLICT (witness) DO "
                  "UPDATE SET problem = excluded.problem",
                  V_STR(x->witness), V_INT(clock_now_us()), V_STR(x->problem));
}

int witness_note(struct db *db, const struct note_key *w, const char *problem, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    char key[NOTE_KEY_TEXT];
    struct noting x = {.witness = note_key_text(w, key), .problem = problem};
    struct witness_state now;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "note what a witness said");
    if (witness_look(db, w, a, &now, e))
        return -1;
    bool same = problem ? slice_is(now.problem, problem) : !now.problem.p;
    return same ? 0 : tx_run(db, note_body, &x, e);
}
