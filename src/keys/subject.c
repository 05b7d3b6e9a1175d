#include "keys/subject.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/wipe.h"
#include "keys/keyring_int.h"

enum { SHARED_TRUST_US = 60000000 }; /* how long what another process may have destroyed is believed in */

static const char *const domain_name[] = {
#define SUBJECT_DOMAIN(name, text, what) text,
#include "keys/subject_domains.def"
#undef SUBJECT_DOMAIN
};

const char *subject_domain_name(enum subject_domain d)
{
    return domain_name[d];
}

bool subject_domain_is(const char *name)
{
    for (size_t i = 0; i < COUNT(domain_name); i++)
        if (strcmp(domain_name[i], name) == 0)
            return true;
    return false;
}

#define SUBJECT_DOMAIN(name, text, what) _Static_assert(sizeof(text) <= DOMAIN_MAX, text);
#include "keys/subject_domains.def"
#undef SUBJECT_DOMAIN

static struct seal_place place_in(const uint8_t *scope, const uint8_t *subject, const char *domain,
                                  uint8_t row[ID_BYTES])
{
    struct seal_place at = place_named(PLACE_SUBJECT_KEY, scope, domain, 0, row);
    at.subject = subject;
    return at;
}

static void record_key(const struct key *sk, struct key *ret)
{
    memcpy(ret->id, sk->id, KEY_ID_BYTES);
    hkdf((struct slice){(const char *)sk->secret, KEY_BYTES}, SLICE(""), "laz/v1/rec", ret->secret, KEY_BYTES);
}

/* --- making --- */

static int make_wrap(struct subject_key *s, const struct key *sk, const struct key *under, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(4096);
    struct slice wrap;
    uint8_t row[ID_BYTES];
    struct seal_place at = place_in(s->scope, s->subject, subject_domain_name(s->domain), row);
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "make a subject's key");
    if (seal(under, &at, (struct slice){(const char *)sk->secret, KEY_BYTES}, a, &wrap, e))
        return -1;
    memcpy(s->wrapped, wrap.p, sizeof s->wrapped);
    key_commit(sk, s->tag);
    record_key(sk, &s->key);
    return 0;
}

int keyring_subject_make(struct keyring *k, const uint8_t scope[ID_BYTES], const uint8_t subject[ID_BYTES],
                         enum subject_domain d, struct subject_key *ret, struct err *e)
{
    struct subject_key s = {.domain = d};
    struct key sk, dk;
    memcpy(s.scope, scope, ID_BYTES);
    memcpy(s.subject, subject, ID_BYTES);
    if (keyring_domain(k, scope, subject_domain_name(d), &dk, e))
        return -1;
    key_make(&sk);
    int rc = make_wrap(&s, &sk, &dk, e);
    if (!rc)
        *ret = s;
    key_wipe(&sk);
    key_wipe(&dk);
    wipe(&s, sizeof s);
    return rc;
}

int keyring_subject_store(struct tx *tx, const struct subject_key *s, struct err *e)
{
    /* nothing is inserted for a subject of whom something was destroyed */
    int n = tx_exec(tx, e,
                    "INSERT INTO subject_key (scope, subject, domain, id, wrapped, tag, created_at) SELECT $1, $2, $3, "
                    "$4, $5, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM subject_key WHERE scope = $1 AND subject = $2 AND "
                    "destroyed_at IS NOT NULL)",
                    V_ID(s->scope), V_ID(s->subject), V_STR(subject_domain_name(s->domain)),
                    V_BYTES(s->key.id, KEY_ID_BYTES), V_BYTES(s->wrapped, sizeof s->wrapped),
                    V_BYTES(s->tag, sizeof s->tag), V_INT(clock_now_us()));
    return n < 0 ? -1 : n == 1 ? 0 : err_set(e, ERR_GONE, "the keys of this subject were destroyed");
}

/* --- those that were opened lately --- */

/* Ids are random but for their first bytes, which may be a time. NULL: there are no sets yet. */
static struct subject_slot *set_of(struct keyring *k, const uint8_t *subject, enum subject_domain d)
{
    uint32_t n;
    memcpy(&n, subject + ID_BYTES - sizeof n, sizeof n);
    return k->subject ? k->subject[(n + (uint32_t)d) % SUBJECT_SETS] : NULL;
}

static struct subject_slot *cached(struct keyring *k, const uint8_t *scope, const uint8_t *subject,
                                   enum subject_domain d)
{
    struct subject_slot *set = set_of(k, subject, d);
    for (struct subject_slot *s = set; set && s < set + SUBJECT_WAYS; s++)
        if (s->used && s->domain == d && !memcmp(s->subject, subject, ID_BYTES) && !memcmp(s->scope, scope, ID_BYTES))
            return s;
    return NULL;
}

/* As `cached`, if it is to be believed in. */
static struct subject_slot *fresh(struct keyring *k, const uint8_t *scope, const uint8_t *subject,
                                  enum subject_domain d)
{
    struct subject_slot *s = cached(k, scope, subject, d);
    return s && db_shared(k->db) && clock_mono_us() - s->read_us > SHARED_TRUST_US ? NULL : s;
}

static bool copy_cached(struct keyring *k, const uint8_t *scope, const uint8_t *subject, enum subject_domain d,
                        struct key *ret, int64_t *ret_forgets)
{
    pthread_mutex_lock(&k->lock);
    struct subject_slot *s = fresh(k, scope, subject, d);
    if (s) {
        s->used = ++k->uses;
        *ret = s->key;
    }
    *ret_forgets = k->forgets;
    pthread_mutex_unlock(&k->lock);
    return s != NULL;
}

/* The slot of the same key, else of its set a free one, or that used longest ago. */
static struct subject_slot *slot_for(struct keyring *k, const uint8_t *scope, const uint8_t *subject,
                                     enum subject_domain d)
{
    struct subject_slot *set = set_of(k, subject, d), *oldest = set, *s = cached(k, scope, subject, d);
    for (int i = 1; i < SUBJECT_WAYS; i++)
        if (set[i].used < oldest->used)
            oldest = &set[i];
    return s ? s : oldest;
}

/* Not when there is no memory for it, and not when somebody forgot keys since the row was read: it may have been this
 * one. */
static void cache(struct keyring *k, const uint8_t *scope, const uint8_t *subject, enum subject_domain d,
                  const struct key *key, int64_t read_us, int64_t forgets)
{
    pthread_mutex_lock(&k->lock);
    if (!k->subject)
        k->subject = secret_memory(SUBJECT_SETS * sizeof *k->subject);
    if (k->subject && k->forgets == forgets) {
        struct subject_slot *s = slot_for(k, scope, subject, d);
        memcpy(s->scope, scope, ID_BYTES);
        memcpy(s->subject, subject, ID_BYTES);
        s->domain = d;
        s->key = *key;
        s->read_us = read_us;
        s->used = ++k->uses;
    }
    pthread_mutex_unlock(&k->lock);
}

void keyring_subject_forget(struct keyring *k, const uint8_t scope[ID_BYTES], const uint8_t subject[ID_BYTES])
{
    pthread_mutex_lock(&k->lock);
    k->forgets++;
    hints_forget(k, subject);
    for (int i = 0; k->subject && i < SUBJECT_SETS * SUBJECT_WAYS; i++) {
        struct subject_slot *s = &k->subject[i / SUBJECT_WAYS][i % SUBJECT_WAYS];
        if (s->used && !memcmp(s->subject, subject, ID_BYTES) && !memcmp(s->scope, scope, ID_BYTES))
            wipe(s, sizeof *s);
    }
    pthread_mutex_unlock(&k->lock);
}

/* --- opening --- */

static int unwrap(struct keyring *k, const uint8_t *scope, const uint8_t *subject, enum subject_domain d,
                  const struct val *v, struct key *ret, struct err *e)
{
    struct key dk, sk;
    uint8_t row[ID_BYTES];
    struct seal_place at = place_in(scope, subject, subject_domain_name(d), row);
    if (v[1].s.n != KEY_BYTES + SEAL_OVERHEAD)
        return err_set(e, ERR_KEYS, "the key of a subject is malformed");
    if (keyring_by_id(k, (const uint8_t *)v[1].s.p + 2, &dk, e))
        return -1;
    int rc = key_unwrap(&dk, &at, &v[0], &v[1], &v[2], "a subject", &sk, e);
    if (!rc)
        record_key(&sk, ret);
    key_wipe(&sk);
    key_wipe(&dk);
    return rc;
}

int keyring_subject_open(struct keyring *k, const uint8_t scope[ID_BYTES], const uint8_t subject[ID_BYTES],
                         enum subject_domain d, struct key *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(16 * 1024);
    struct rows r;
    struct key key;
    int64_t forgets, now = clock_mono_us();
    if (copy_cached(k, scope, subject, d, ret, &forgets))
        return 0;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "open a subject's key");
    if (db_rows(k->db, a, &r, e,
                "SELECT id, wrapped, tag, destroyed_at FROM subject_key WHERE scope = $1 AND subject = $2 AND domain = "
                "$3",
                V_ID(scope), V_ID(subject), V_STR(subject_domain_name(d))) < 0)
        return -1;
    if (r.n == 0)
        return err_set(e, ERR_NOT_FOUND, "the subject has no key in the domain %s", subject_domain_name(d));
    if (row_at(&r, 0, 3)->kind != VAL_NULL)
        return err_set(e, ERR_GONE, "the keys of this subject were destroyed");
    if (unwrap(k, scope, subject, d, row_at(&r, 0, 0), &key, e))
        return -1;
    cache(k, scope, subject, d, &key, now, forgets);
    *ret = key;
    key_wipe(&key);
    return 0;
}

/* --- opening many --- */

enum { WANTS_FEW = 4 };

#define KEYS_OF                                                                                                        \
    "SELECT subject, domain, id, wrapped, tag, destroyed_at FROM subject_key WHERE scope = $1 AND subject IN "

/* The same two texts for any number. */
static int read_some(struct keyring *k, const uint8_t *scope, const struct subject_want *want, int n, struct arena *a,
                     struct rows *ret, struct err *e)
{
    struct val v[2 + DB_MANY] = {V_NULL, V_ID(scope)};
    for (int i = 0; i < DB_MANY; i++)
        v[2 + i] = V_ID(want[i < n ? i : 0].subject);
    return n <= WANTS_FEW ? db_rows_n(k->db, a, ret, e, KEYS_OF "($2, $3, $4, $5)", v, 1 + WANTS_FEW)
                          : db_rows_n(k->db, a, ret, e, KEYS_OF "(" DB_HUNDRED_2 ")", v, 1 + DB_MANY);
}

static bool is_wanted(const struct subject_want *w, const struct val *v)
{
    return memcmp(w->subject, v[0].s.p, ID_BYTES) == 0 && slice_is(v[1].s, subject_domain_name(w->domain));
}

static int fetch_some(struct keyring *k, const uint8_t *scope, const struct subject_want *want, int n, int64_t forgets,
                      struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(256 * 1024);
    struct rows r;
    struct key key;
    struct err unsaid;
    int64_t now = clock_mono_us();
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "open subjects' keys");
    if (n == 0)
        return 0;
    if (read_some(k, scope, want, n, a, &r, e) < 0)
        return -1;
    for (int i = 0; i < r.n; i++)
        for (int w = 0; w < n; w++) {
            const struct val *v = row_at(&r, i, 0);
            if (!is_wanted(&want[w], v) || v[5].kind != VAL_NULL ||
                unwrap(k, scope, want[w].subject, want[w].domain, v + 2, &key, &unsaid))
                continue;
            cache(k, scope, want[w].subject, want[w].domain, &key, now, forgets);
            key_wipe(&key);
        }
    return 0;
}

int keyring_subject_fetch(struct keyring *k, const uint8_t scope[ID_BYTES], const struct subject_want *want, int n,
                          struct err *e)
{
    struct subject_want some[DB_MANY];
    int64_t forgets = 0;
    int got = 0;
    for (int i = 0; i < n; i++) {
        pthread_mutex_lock(&k->lock);
        bool have = fresh(k, scope, want[i].subject, want[i].domain) != NULL;
        if (got == 0)
            forgets = k->forgets;
        pthread_mutex_unlock(&k->lock);
        if (!have)
            some[got++] = want[i];
        if (got == DB_MANY) {
            if (fetch_some(k, scope, some, got, forgets, e))
                return -1;
            got = 0;
        }
    }
    return fetch_some(k, scope, some, got, forgets, e);
}

/* --- destroying --- */

int keyring_subject_destroy(struct tx *tx, const uint8_t scope[ID_BYTES], const uint8_t subject[ID_BYTES],
                            struct err *e)
{
    return tx_exec(tx, e,
                   "UPDATE subject_key SET wrapped = NULL, tag = NULL, destroyed_at = $1 WHERE scope = $2 AND subject "
                   "= $3 AND wrapped IS NOT NULL",
                   V_INT(clock_now_us()), V_ID(scope), V_ID(subject));
}

int keyring_subject_count(struct keyring *k, struct subject_count *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(16 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "count the subjects' keys");
    if (db_rows(k->db, a, &r, e, "SELECT count(wrapped), count(destroyed_at) FROM subject_key") < 0)
        return -1;
    *ret = (struct subject_count){row_at(&r, 0, 0)->i, row_at(&r, 0, 1)->i};
    return 0;
}

int keyring_subject_under(struct keyring *k, const struct key_old *old, int64_t *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(16 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "count the subjects' keys");
    if (db_rows(k->db, a, &r, e,
                "SELECT count(*) FROM subject_key WHERE substr(wrapped, 3, 8) = $1 AND wrapped IS NOT NULL",
                V_BYTES(old->id, KEY_ID_BYTES)) < 0)
        return -1;
    *ret += row_at(&r, 0, 0)->i;
    return 0;
}

/* --- rotation of the domain --- */

struct page {
    const struct key_old *old;
    struct rows rows; /* subject, wrapped */
    struct slice *fresh;
};

static int page_body(struct tx *tx, void *arg, struct err *e)
{
    const struct page *p = arg;
    for (int i = 0; i < p->rows.n; i++) {
        const struct val *v = row_at(&p->rows, i, 0);
        if (tx_put(tx, e,
                   "UPDATE subject_key SET wrapped = $1 WHERE scope = $2 AND subject = $3 AND domain = $4 AND wrapped "
                   "= $5",
                   V_BLOB(p->fresh[i]), V_ID(p->old->scope), V_BLOB(v[0].s), V_STR(p->old->domain), V_BLOB(v[1].s)))
            return -1;
    }
    return 0;
}

static int reseal_page(struct keyring *k, struct page *p, struct arena *a, struct err *e)
{
    p->fresh = arena_take(a, ((size_t)p->rows.n + 1) * sizeof *p->fresh);
    if (!p->fresh)
        return err_set(e, ERR_NO_MEMORY, "wrap subjects' keys anew");
    for (int i = 0; i < p->rows.n; i++) {
        const struct val *v = row_at(&p->rows, i, 0);
        uint8_t row[ID_BYTES];
        struct seal_place at = place_in(p->old->scope, (const uint8_t *)v[0].s.p, p->old->domain, row);
        if (v[0].s.n != ID_BYTES)
            return err_set(e, ERR_KEYS, "a row of subject_key is malformed");
        if (keyring_reseal(k, p->old->domain, &at, v[1].s, a, &p->fresh[i], e))
            return -1;
    }
    return 0;
}

int keyring_subject_rewrap(struct keyring *k, const struct key_old *old, int page, int *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct page p = {.old = old};
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "wrap subjects' keys anew");
    int n = db_rows(k->db, a, &p.rows, e,
                    "SELECT subject, wrapped FROM subject_key WHERE substr(wrapped, 3, 8) = $1 AND wrapped IS NOT NULL "
                    "ORDER BY subject LIMIT $2",
                    V_BYTES(old->id, KEY_ID_BYTES), V_INT(page));
    if (n < 0 || reseal_page(k, &p, a, e) || (n && tx_run(k->db, page_body, &p, e)))
        return -1;
    *ret = n;
    return 0;
}
