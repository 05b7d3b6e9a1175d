/* alias.c -- numbers that a holder knows subjects by: random, below 2^52 (so that every JSON reader keeps them), looked
 * up in a table, deleted with the subject. A number that was made from the subject's key could be made again. */
#include "study/study_int.h"

#include <assert.h>

#include "base/rnd.h"

enum { ROLE_TEXT_MOST = 16 };

int alias_index(const struct study *s, const uint8_t subject[16], uint8_t ret[BLIND_BYTES], struct err *e)
{
    return blind_index(s->keyring, s->scope, BLIND_ALIAS, (struct slice){(const char *)subject, 16}, ret, e);
}

struct seal_place alias_place(const uint8_t scope[16], struct slice holder, int64_t number, uint8_t row[16])
{
    memset(row, 0, 16);
    memcpy(row, &number, sizeof number);
    if (holder.n > ROLE_TEXT_MOST) /* a project: all begin alike, and end in what is random of their ids */
        memcpy(row + 8, holder.p + holder.n - 8, 8);
    else
        memcpy(row + 8, holder.p, holder.n < 8 ? holder.n : 8);
    return place_of(PLACE_ALIAS_SUBJECT, scope, row, 0);
}

int alias_make(const struct study *s, const char *holder, const uint8_t subject[16], struct arena *a, struct alias *ret,
               struct err *e)
{
    struct alias x = {.holder = holder};
    struct key key;
    uint8_t row[16];
    rnd_bytes(&x.number, sizeof x.number);
    x.number &= (INT64_C(1) << 52) - 1;
    struct seal_place at = alias_place(s->scope, slice_of(holder), x.number, row);
    if (alias_index(s, subject, x.index, e) || keyring_domain(s->keyring, s->scope, "alias", &key, e))
        return -1;
    int rc = seal(&key, &at, (struct slice){(const char *)subject, 16}, a, &x.sealed, e);
    key_wipe(&key);
    if (!rc)
        *ret = x;
    return rc;
}

int alias_store(struct tx *tx, const struct study *s, const struct alias *x, struct err *e)
{
    return tx_put(tx, e,
                  "INSERT INTO alias (scope, holder, number, subject_index, subject) VALUES ($1, $2, $3, $4, $5)",
                  V_ID(s->scope), V_STR(x->holder), V_INT(x->number), V_ID(x->index), V_BLOB(x->sealed));
}

int alias_ask_subject(struct tx *tx, const struct study *s, const char *holder, int64_t number, struct arena *a,
                      struct rows *ret, struct err *e)
{
    return tx_ask(tx, a, ret, e, "SELECT subject FROM alias WHERE scope = $1 AND holder = $2 AND number = $3",
                  V_ID(s->scope), V_STR(holder), V_INT(number));
}

int alias_take_subject(const struct study *s, const char *holder, int64_t number, const struct rows *r, struct arena *a,
                       uint8_t ret[16], struct err *e)
{
    struct slice plain;
    uint8_t row[16];
    struct seal_place at = alias_place(s->scope, slice_of(holder), number, row);
    if (r->n == 0)
        return 0;
    if (keyring_unseal(s->keyring, &at, r->cell[0].s, a, &plain, e))
        return -1;
    if (plain.n != 16)
        return err_set(e, ERR_KEYS, "an alias of another length");
    memcpy(ret, plain.p, 16);
    return 1;
}

int alias_subject(struct tx *tx, const struct study *s, const char *holder, int64_t number, struct arena *a,
                  uint8_t ret[16], struct err *e)
{
    struct rows r;
    return alias_ask_subject(tx, s, holder, number, a, &r, e) || tx_wait(tx, e)
               ? -1
               : alias_take_subject(s, holder, number, &r, a, ret, e);
}

/* What is asked for with every record that is read: a text of its own, whose plan is the whole key's on PostgreSQL. */
int alias_ask(struct tx *tx, const struct study *s, const char *holder, const uint8_t subject[16], struct arena *a,
              struct rows *ret, struct err *e)
{
    uint8_t index[BLIND_BYTES];
    return alias_index(s, subject, index, e) ||
                   tx_ask(tx, a, ret, e,
                          "SELECT number FROM alias WHERE scope = $1 AND holder = $2 AND subject_index = $3",
                          V_ID(s->scope), V_STR(holder), V_ID(index))
               ? -1
               : 0;
}

/* One number is asked for as alias_ask does. */
int alias_ask_numbers(struct tx *tx, const struct study *s, const char *holder, const uint8_t (*index)[BLIND_BYTES],
                      int n, struct arena *a, struct rows *ret, struct err *e)
{
    struct val v[3 + DB_MANY] = {V_NULL, V_ID(s->scope), V_STR(holder)};
    assert(n <= DB_MANY);
    *ret = (struct rows){.n = 0};
    if (n == 0)
        return 0;
    if (n == 1)
        return tx_ask(tx, a, ret, e,
                      "SELECT subject_index, number FROM alias WHERE scope = $1 AND holder = $2 AND subject_index = $3",
                      V_ID(s->scope), V_STR(holder), V_ID(index[0]));
    db_many(v + 3, index, BLIND_BYTES, n);
    return tx_ask_n(tx, a, ret, e,
                    "SELECT subject_index, number FROM alias WHERE scope = $1 AND holder = $2 AND subject_index IN "
                    "(" DB_HUNDRED_3 ")",
                    v, 2 + DB_MANY);
}

void alias_take_numbers(const struct rows *r, const uint8_t (*index)[BLIND_BYTES], int n, int64_t *ret)
{
    memset(ret, 0, (size_t)n * sizeof *ret);
    for (int i = 0; i < r->n; i++)
        for (int k = 0; k < n; k++)
            if (memcmp(row_at(r, i, 0)->s.p, index[k], BLIND_BYTES) == 0)
                ret[k] = row_at(r, i, 1)->i;
}

int alias_numbers(struct tx *tx, const struct study *s, const char *holder, const uint8_t (*index)[BLIND_BYTES], int n,
                  struct arena *a, int64_t *ret, struct err *e)
{
    struct rows r;
    if (alias_ask_numbers(tx, s, holder, index, n, a, &r, e) || tx_wait(tx, e))
        return -1;
    alias_take_numbers(&r, index, n, ret);
    return 0;
}
