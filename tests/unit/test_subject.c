#include "house.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "base/metric.h"
#include "base/rnd.h"
#include "keys/blind.h"
#include "keys/hint.h"
#include "keys/subject.h"
#include "store/place.h"

/* --- keys of subjects --- */

static int store_it(struct tx *tx, void *arg, struct err *e)
{
    return keyring_subject_store(tx, arg, e);
}

static int store(struct house *h, const struct subject_key *s, struct err *e)
{
    return tx_run(h->db, store_it, (void *)(uintptr_t)s, e);
}

static struct key made(struct house *h, const uint8_t subject[16], enum subject_domain d)
{
    struct subject_key s;
    struct err e;
    CHECK_OK(keyring_subject_make(h->keyring, h->scope, subject, d, &s, &e));
    CHECK_OK(store(h, &s, &e));
    return s.key;
}

struct destroying {
    const uint8_t *scope, *subject;
    int n;
};

static int destroy_it(struct tx *tx, void *arg, struct err *e)
{
    struct destroying *d = arg;
    d->n = keyring_subject_destroy(tx, d->scope, d->subject, e);
    return d->n < 0 ? -1 : 0;
}

static int destroy(struct house *h, const uint8_t subject[16])
{
    struct destroying d = {h->scope, subject, 0};
    struct err e;
    CHECK_OK(tx_run(h->db, destroy_it, &d, &e));
    keyring_subject_forget(h->keyring, h->scope, subject);
    CHECK_OK(db_scrub(h->db, &e));
    return d.n;
}

/* Nothing is remembered. */
static void reopen(struct house *h)
{
    struct err e;
    keyring_close(h->keyring);
    CHECK_OK(keyring_open(h->key_path, h->db, &h->keyring, &e));
}

static void refused(struct house *h, const uint8_t subject[16], enum subject_domain d, enum err_code want)
{
    struct key k;
    struct err e;
    CHECK_INT(keyring_subject_open(h->keyring, h->scope, subject, d, &k, &e), -1);
    CHECK_INT(e.code, want);
}

TEST(a_subject_has_one_key_for_each_domain_which_is_there_again_after_reopening)
{
    const uint8_t ann[16] = {1}, ben[16] = {2};
    struct house h;
    struct err e;
    struct key got;
    struct subject_key twice;
    house_build(&h);
    struct key a = made(&h, ann, SUBJECT_IDENTITY), b = made(&h, ann, SUBJECT_CLINICAL),
               c = made(&h, ben, SUBJECT_IDENTITY);
    CHECK(memcmp(a.secret, b.secret, KEY_BYTES) && memcmp(a.secret, c.secret, KEY_BYTES));
    for (int again = 0; again < 2; again++) {
        CHECK_OK(keyring_subject_open(h.keyring, h.scope, ann, SUBJECT_IDENTITY, &got, &e));
        CHECK(memcmp(&a, &got, sizeof a) == 0);
        CHECK_OK(keyring_subject_open(h.keyring, h.scope, ann, SUBJECT_IDENTITY, &got, &e)); /* from memory */
        CHECK(memcmp(&a, &got, sizeof a) == 0);
        CHECK_OK(keyring_subject_open(h.keyring, h.scope, ann, SUBJECT_CLINICAL, &got, &e));
        CHECK(memcmp(&b, &got, sizeof a) == 0);
        refused(&h, ben, SUBJECT_CLINICAL, ERR_NOT_FOUND);
        reopen(&h);
    }
    CHECK_OK(keyring_subject_make(h.keyring, h.scope, ann, SUBJECT_IDENTITY, &twice, &e));
    CHECK_INT(store(&h, &twice, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    house_raze(&h);
}

TEST(the_wrap_of_a_subjects_key_opens_at_its_own_place_only)
{
    static const char *const change[] = {
        /* wrap, id and commitment of another subject, of another domain; each part alone */
        "UPDATE y SET (id, wrapped, tag) = (SELECT id, wrapped, tag FROM x WHERE x.subject <> y.subject AND x.domain = "
        "y.domain)",
        "UPDATE y SET (id, wrapped, tag) = (SELECT id, wrapped, tag FROM x WHERE x.domain <> y.domain AND x.subject = "
        "y.subject)",
        "UPDATE y SET wrapped = (SELECT wrapped FROM x WHERE x.domain <> y.domain AND x.subject = y.subject)",
        "UPDATE y SET id = (SELECT id FROM x WHERE x.domain <> y.domain AND x.subject = y.subject)",
        "UPDATE y SET tag = (SELECT tag FROM x WHERE x.domain <> y.domain AND x.subject = y.subject)",
        "UPDATE y SET tag = zeroblob(32)",
        "UPDATE y SET id = x'0102030405060708'",
        "UPDATE y SET wrapped = CAST(substr(wrapped, 1, 78) || x'00000000' AS BLOB)",
        "UPDATE y SET wrapped = CAST(substr(wrapped, 1, 2) || x'0000000000000000' || substr(wrapped, 11) AS BLOB)",
        "UPDATE y SET subject = CASE WHEN subject = x'01000000000000000000000000000000' THEN "
        "x'02000000000000000000000000000000' "
        "ELSE x'01000000000000000000000000000000' END",
        "UPDATE y SET domain = CASE domain WHEN 'identity' THEN 'contact' ELSE 'identity' END",
    };
    const uint8_t ann[16] = {1}, ben[16] = {2};
    struct house h;
    house_build(&h);
    for (enum subject_domain d = SUBJECT_IDENTITY; d <= SUBJECT_CONTACT; d++)
        made(&h, ann, d), made(&h, ben, d);
    house_sql(&h, "CREATE TABLE x AS SELECT * FROM subject_key; CREATE TABLE y AS SELECT * FROM subject_key");
    for (size_t i = 0; i < COUNT(change); i++) {
        /* in a copy, where a key may be there twice on the way */
        house_sql(&h, "DELETE FROM y; INSERT INTO y SELECT * FROM x; DELETE FROM subject_key");
        house_sql(&h, change[i]);
        house_sql(&h, "INSERT INTO subject_key SELECT * FROM y");
        refused(&h, ann, SUBJECT_IDENTITY, ERR_KEYS);
        refused(&h, ben, SUBJECT_CONTACT, ERR_KEYS);
    }
    house_raze(&h);
}

/* What a holder of the domain key could do: a wrap that opens, of a key that is not the one committed to. */
TEST(another_key_under_a_right_wrap_is_not_the_one_that_was_committed_to)
{
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    const uint8_t ann[16] = {1};
    struct house h;
    struct err e;
    struct key dk;
    struct subject_key s, other;
    house_build(&h);
    CHECK_OK(keyring_subject_make(h.keyring, h.scope, ann, SUBJECT_STREAM, &s, &e));
    CHECK_OK(keyring_subject_make(h.keyring, h.scope, ann, SUBJECT_STREAM, &other, &e));
    CHECK_OK(keyring_domain(h.keyring, h.scope, "stream", &dk, &e));
    memcpy(s.wrapped, other.wrapped, sizeof s.wrapped);
    CHECK_OK(store(&h, &s, &e));
    refused(&h, ann, SUBJECT_STREAM, ERR_KEYS);
    house_raze(&h);
}

TEST(a_destroyed_key_does_not_open_and_is_never_made_anew)
{
    const uint8_t ann[16] = {1}, ben[16] = {2};
    struct house h;
    struct err e;
    struct subject_key again;
    struct subject_count n;
    house_build(&h);
    made(&h, ann, SUBJECT_IDENTITY), made(&h, ann, SUBJECT_HOME);
    struct key b = made(&h, ben, SUBJECT_IDENTITY), got;
    CHECK_OK(keyring_subject_open(h.keyring, h.scope, ann, SUBJECT_IDENTITY, &got, &e)); /* it is remembered */
    CHECK_INT(destroy(&h, ann), 2);
    for (int i = 0; i < 2; i++) {
        refused(&h, ann, SUBJECT_IDENTITY, ERR_GONE);
        refused(&h, ann, SUBJECT_HOME, ERR_GONE);
        refused(&h, ann, SUBJECT_TICKET, ERR_NOT_FOUND);
        CHECK_OK(keyring_subject_open(h.keyring, h.scope, ben, SUBJECT_IDENTITY, &got, &e));
        CHECK(memcmp(&b, &got, sizeof b) == 0);
        reopen(&h);
    }
    CHECK_OK(keyring_subject_make(h.keyring, h.scope, ann, SUBJECT_IDENTITY, &again, &e));
    CHECK_INT(store(&h, &again, &e), -1);
    CHECK_OK(keyring_subject_make(h.keyring, h.scope, ann, SUBJECT_TICKET, &again, &e)); /* a domain that it had not */
    CHECK_INT(store(&h, &again, &e), -1);
    CHECK_INT(e.code, ERR_GONE);
    CHECK_INT(destroy(&h, ann), 0);
    CHECK_OK(keyring_subject_count(h.keyring, &n, &e));
    CHECK_INT(n.live, 1);
    CHECK_INT(n.destroyed, 2);
    house_raze(&h);
}

/* Counts where bytes are found in the store's files. */
static int in_files(const struct house *h, const void *p, size_t n)
{
    static const char *const name[] = {"db", "db-wal", "db-shm", "db-journal"};
    int found = 0;
    for (size_t i = 0; i < COUNT(name); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", h->dir, name[i]);
        OWN_FILE FILE *f = fopen(path, "re");
        OWN_MEM char *all = f ? malloc(8 << 20) : NULL;
        size_t size = all ? fread(all, 1, 8 << 20, f) : 0;
        assert_true(size < 8 << 20);
        for (char *at = all; at && (at = memmem(at, size - (size_t)(at - all), p, n)) != NULL; at++)
            found++;
    }
    return found;
}

TEST(nothing_of_a_destroyed_wrap_is_in_any_file)
{
    enum { SUBJECTS = 60 };
    struct house h;
    struct err e;
    struct subject_key s[SUBJECTS];
    if (house_shared())
        return; /* what its files hold is up to the server */
    house_build(&h);
    for (int i = 0; i < SUBJECTS; i++) {
        uint8_t id[16];
        uuid7(id);
        CHECK_OK(keyring_subject_make(h.keyring, h.scope, id, SUBJECT_IDENTITY, &s[i], &e));
        CHECK_OK(store(&h, &s[i], &e));
    }
    for (int i = 0; i < SUBJECTS; i++) /* a scan that finds nothing finds what is there */
        CHECK(in_files(&h, s[i].wrapped + 10, 24) > 0);
    for (int i = 0; i < SUBJECTS; i += 3)
        destroy(&h, s[i].subject);
    for (int i = 0; i < SUBJECTS; i++) {
        bool gone = i % 3 == 0;
        CHECK_INT(in_files(&h, s[i].wrapped + 10, 24) > 0, !gone); /* its nonce */
        CHECK_INT(in_files(&h, s[i].wrapped + 34, 16) > 0, !gone); /* ciphertext */
        CHECK_INT(in_files(&h, s[i].tag, 16) > 0, !gone);
        CHECK_INT(in_files(&h, s[i].key.secret, 8), 0);
    }
    house_raze(&h);
}

struct many {
    struct subject_key *s;
    int n;
};

static int store_all(struct tx *tx, void *arg, struct err *e)
{
    struct many *m = arg;
    for (int i = 0; i < m->n; i++)
        if (keyring_subject_store(tx, &m->s[i], e))
            return -1;
    return 0;
}

TEST(more_keys_than_are_remembered_all_open)
{
    enum { SUBJECTS = 9000 };
    struct house h;
    struct err e;
    static struct subject_key s[SUBJECTS];
    struct key got;
    house_build(&h);
    for (int i = 0; i < SUBJECTS; i++) {
        uint8_t id[16];
        rnd_bytes(id, 16);
        CHECK_OK(keyring_subject_make(h.keyring, h.scope, id, SUBJECT_STREAM, &s[i], &e));
    }
    CHECK_OK(tx_run(h.db, store_all, &(struct many){s, SUBJECTS}, &e));
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < SUBJECTS; i++) {
            CHECK_OK(keyring_subject_open(h.keyring, h.scope, s[i].subject, SUBJECT_STREAM, &got, &e));
            CHECK(memcmp(&got, &s[i].key, sizeof got) == 0);
        }
    for (int i = 0; i < SUBJECTS; i += 300)
        destroy(&h, s[i].subject);
    for (int i = 0; i < SUBJECTS; i++) {
        if (i % 300)
            CHECK_OK(keyring_subject_open(h.keyring, h.scope, s[i].subject, SUBJECT_STREAM, &got, &e));
        else
            refused(&h, s[i].subject, SUBJECT_STREAM, ERR_GONE);
        CHECK(i % 300 == 0 || memcmp(&got, &s[i].key, sizeof got) == 0);
    }
    house_raze(&h);
}

/* What is fetched together opens as what is opened alone; what is amiss with one is told when it is opened. */
TEST(keys_fetched_together_are_the_ones_that_open)
{
    enum { SUBJECTS = 60 };
    struct house h;
    struct err e;
    static struct subject_key s[SUBJECTS];
    struct subject_want want[SUBJECTS + 1];
    uint8_t nobody[16] = {9};
    struct key got;
    house_build(&h);
    for (int i = 0; i < SUBJECTS; i++) {
        uint8_t id[16];
        rnd_bytes(id, 16);
        CHECK_OK(keyring_subject_make(h.keyring, h.scope, id, i % 2 ? SUBJECT_HOME : SUBJECT_IDENTITY, &s[i], &e));
        want[i] = (struct subject_want){s[i].subject, s[i].domain};
    }
    want[SUBJECTS] = (struct subject_want){nobody, SUBJECT_HOME};
    CHECK_OK(tx_run(h.db, store_all, &(struct many){s, SUBJECTS}, &e));
    destroy(&h, s[7].subject);
    reopen(&h);
    CHECK_OK(keyring_subject_fetch(h.keyring, h.scope, want, SUBJECTS + 1, &e));
    int64_t asked = metric_value[METRIC_STATEMENTS];
    for (int i = 0; i < SUBJECTS; i++) {
        if (i == 7)
            continue;
        CHECK_OK(keyring_subject_open(h.keyring, h.scope, s[i].subject, s[i].domain, &got, &e));
        CHECK(memcmp(&got, &s[i].key, sizeof got) == 0);
    }
    CHECK_INT(metric_value[METRIC_STATEMENTS], asked); /* none of them was read once more */
    refused(&h, s[7].subject, s[7].domain, ERR_GONE);
    refused(&h, nobody, SUBJECT_HOME, ERR_NOT_FOUND);
    house_sql(&h, "UPDATE subject_key SET tag = wrapped");
    reopen(&h);
    CHECK_OK(keyring_subject_fetch(h.keyring, h.scope, want, SUBJECTS, &e));
    refused(&h, s[0].subject, s[0].domain, ERR_KEYS);
    house_raze(&h);
}

TEST(a_hint_is_kept_until_one_of_its_ids_is_forgotten)
{
    uint8_t name[HINT_NAME] = {1}, other[HINT_NAME] = {2}, ids[HINT_IDS][ID_BYTES], got[HINT_IDS][ID_BYTES];
    struct house h;
    house_build(&h);
    rnd_bytes(ids, sizeof ids);
    int64_t forgets, later;
    CHECK(!keyring_hint(h.keyring, name, got, &forgets));
    for (int i = 0; i < HINT_IDS; i++) {
        keyring_hint_keep(h.keyring, name, (const uint8_t(*)[ID_BYTES])ids, forgets);
        CHECK(keyring_hint(h.keyring, name, got, &later));
        CHECK(memcmp(got, ids, sizeof ids) == 0);
        CHECK(!keyring_hint(h.keyring, other, got, &later));
        keyring_subject_forget(h.keyring, h.scope, ids[i]);
        keyring_hint_keep(h.keyring, name, (const uint8_t(*)[ID_BYTES])ids, forgets); /* was looked for before */
        CHECK(!keyring_hint(h.keyring, name, got, &forgets));
    }
    house_raze(&h);
}

/* --- blind indices --- */

static void index_of(struct house *h, const uint8_t scope[16], enum blind_column c, const char *value, uint8_t ret[16])
{
    struct err e;
    if (blind_index(h->keyring, scope, c, slice_of(value), ret, &e))
        fail_msg("%s: %s", value, e.detail);
}

static int put_scope(struct tx *tx, void *arg, struct err *e)
{
    return tx_exec(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, 'study', 'one', 0)", V_ID(arg)) <
                   0
               ? -1
               : 0;
}

TEST(an_index_is_the_same_for_the_same_value_column_and_scope_alone)
{
    uint8_t study[16] = {7}, a[16], b[16];
    struct house h;
    struct err e;
    house_build(&h);
    CHECK_OK(tx_run(h.db, put_scope, study, &e));
    index_of(&h, h.scope, BLIND_TAX_CODE, "RSSMRA80A01H501U", a);
    index_of(&h, h.scope, BLIND_TAX_CODE, "RSSMRA80A01H501U", b);
    CHECK(memcmp(a, b, 16) == 0);
    index_of(&h, h.scope, BLIND_TAX_CODE, "RSSMRA80A01H501V", b);
    CHECK(memcmp(a, b, 16) != 0);
    index_of(&h, h.scope, BLIND_TAX_CODE_BASE, "RSSMRA80A01H501U", b);
    CHECK(memcmp(a, b, 16) != 0);
    index_of(&h, study, BLIND_TAX_CODE, "RSSMRA80A01H501U", b);
    CHECK(memcmp(a, b, 16) != 0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM blind_key"), 3);
    reopen(&h);
    index_of(&h, h.scope, BLIND_TAX_CODE, "RSSMRA80A01H501U", b);
    CHECK(memcmp(a, b, 16) == 0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM blind_key"), 3);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM domain_key"), 0); /* of which they are independent */
    house_raze(&h);
}

TEST(a_value_that_has_not_its_one_form_is_refused)
{
    static const struct {
        enum blind_column column;
        const char *value;
        bool good;
    } row[] = {
        {BLIND_TAX_CODE, "RSSMRA80A01H501U", true},
        {BLIND_TAX_CODE, "rssmra80a01h501u", false},
        {BLIND_TAX_CODE, "RSSMRA80A01H501", false},
        {BLIND_TAX_CODE, "RSS MRA80A01H501U", false},
        {BLIND_TAX_CODE, "12345678901", true},
        {BLIND_TAX_CODE, "STP1234567890123", true},
        {BLIND_TAX_CODE, "", false},
        {BLIND_EMAIL, "ann@example.org", true},
        {BLIND_EMAIL, "Ann@example.org", false},
        {BLIND_EMAIL, "ann example.org", false},
        {BLIND_EMAIL, "a@b@c", false},
        {BLIND_EMAIL, "@example.org", false},
        {BLIND_EMAIL, "ann@", false},
        {BLIND_EMAIL, " ann@example.org", false},
        {BLIND_PHONE, "+390612345678", true},
        {BLIND_PHONE, "0612345678", false},
        {BLIND_PHONE, "+39 0612345678", false},
        {BLIND_PHONE, "+0612345678", false},
        {BLIND_PHONE, "+123456", false},
        {BLIND_PHONE, "+1234567890123456", false},
        {BLIND_PHONE, "+12345678x", false},
    };
    struct house h;
    uint8_t got[16];
    house_build(&h);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct err e = {.code = ERR_NONE};
        int rc = blind_index(h.keyring, h.scope, row[i].column, slice_of(row[i].value), got, &e);
        if ((rc == 0) != row[i].good)
            fail_msg("'%s' was %s", row[i].value, rc ? "refused" : "taken");
        CHECK(!rc || (e.code == ERR_BAD_REQUEST && (!*row[i].value || !strstr(e.detail, row[i].value))));
    }
    house_raze(&h);
}

TEST(the_wrap_of_an_index_key_opens_at_its_own_place_only)
{
    static const char *const change[] = {
        "UPDATE y SET (id, wrapped, tag) = (SELECT id, wrapped, tag FROM x WHERE x.name <> y.name)",
        "UPDATE y SET wrapped = (SELECT wrapped FROM x WHERE x.name <> y.name)",
        "UPDATE y SET tag = zeroblob(32)",
        "UPDATE y SET wrapped = CAST(substr(wrapped, 1, 78) || x'00000000' AS BLOB)",
    };
    struct house h;
    struct err e;
    uint8_t got[16];
    house_build(&h);
    index_of(&h, h.scope, BLIND_EMAIL, "ann@example.org", got);
    index_of(&h, h.scope, BLIND_PHONE, "+390612345678", got);
    house_sql(&h, "CREATE TABLE x AS SELECT * FROM blind_key; CREATE TABLE y AS SELECT * FROM blind_key");
    for (size_t i = 0; i < COUNT(change); i++) {
        reopen(&h);
        house_sql(&h, "DELETE FROM y; INSERT INTO y SELECT * FROM x; DELETE FROM blind_key");
        house_sql(&h, change[i]);
        house_sql(&h, "INSERT INTO blind_key SELECT * FROM y");
        CHECK_INT(blind_index(h.keyring, h.scope, BLIND_EMAIL, SLICE("ann@example.org"), got, &e), -1);
        CHECK_INT(e.code, ERR_KEYS);
    }
    house_raze(&h);
}

/* --- a key that is made while the store is at work --- */

struct meeting {
    struct house *h;
    sem_t inside;
    int made[2], asked;
};

static void *make_index(void *arg)
{
    struct meeting *m = arg;
    uint8_t got[BLIND_BYTES];
    struct key key;
    struct err e;
    sem_wait(&m->inside);
    m->made[0] = blind_index(m->h->keyring, m->h->scope, BLIND_EMAIL, SLICE("ann@example.org"), got, &e);
    sem_wait(&m->inside);
    m->made[1] = keyring_domain(m->h->keyring, m->h->scope, "meeting", &key, &e);
    arena_thread_end();
    return NULL;
}

/* While it runs, another thread has time to begin to make a key, for which the store has to be free again. */
static int meet(struct tx *tx, void *arg, struct err *e)
{
    struct meeting *m = arg;
    uint8_t got[BLIND_BYTES];
    (void)tx;
    sem_post(&m->inside);
    usleep(100000);
    m->asked += blind_index(m->h->keyring, m->h->scope, BLIND_PHONE, SLICE("+390105550199"), got, e) == 0;
    return 0;
}

TEST(a_body_that_asks_for_an_index_does_not_wait_for_who_makes_a_key)
{
    struct house h;
    struct err e;
    struct meeting m = {.h = &h, .made = {-1, -1}};
    uint8_t got[BLIND_BYTES];
    pthread_t t;
    house_build(&h);
    sem_init(&m.inside, 0, 0);
    CHECK_OK(blind_index(h.keyring, h.scope, BLIND_PHONE, SLICE("+390105550199"), got, &e)); /* known from here on */
    CHECK_INT(pthread_create(&t, NULL, make_index, &m), 0);
    for (int i = 0; i < 2; i++)
        CHECK_OK(tx_run(h.db, meet, &m, &e));
    pthread_join(t, NULL);
    CHECK_INT(m.made[0], 0);
    CHECK_INT(m.made[1], 0);
    CHECK_INT(m.asked, 2);
    sem_destroy(&m.inside);
    house_raze(&h);
}

RUN(T(a_body_that_asks_for_an_index_does_not_wait_for_who_makes_a_key),
    T(a_subject_has_one_key_for_each_domain_which_is_there_again_after_reopening),
    T(the_wrap_of_a_subjects_key_opens_at_its_own_place_only),
    T(another_key_under_a_right_wrap_is_not_the_one_that_was_committed_to),
    T(a_destroyed_key_does_not_open_and_is_never_made_anew), T(nothing_of_a_destroyed_wrap_is_in_any_file),
    T(more_keys_than_are_remembered_all_open), T(keys_fetched_together_are_the_ones_that_open),
    T(a_hint_is_kept_until_one_of_its_ids_is_forgotten), T(an_index_is_the_same_for_the_same_value_column_and_scope_alone),
    T(a_value_that_has_not_its_one_form_is_refused), T(the_wrap_of_an_index_key_opens_at_its_own_place_only))
