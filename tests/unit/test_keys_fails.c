/* Keys over a store, files and memory that fail, in every call there is: no key is half made, none is given out that
 * was not committed to, and the root key's file is whole or as it was. */
#include "fail_store.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sodium.h>

#include "keys/blind.h"
#include "keys/keyring_int.h"
#include "keys/subject.h"

static int no_space(void)
{
    return errno = ENOSPC, -1;
}
FAIL_WRAP(int, fsync, (int fd), (fd), no_space())
FAIL_WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), no_space())
FAIL_WRAP(int, link, (const char *from, const char *to), (from, to), no_space())
FAIL_WRAP(int, rename, (const char *from, const char *to), (from, to), no_space())
FAIL_WRAP(int, fstat, (int fd, struct stat *st), (fd, st), no_space())
FAIL_WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), no_space())
FAIL_WRAP(int, sodium_init, (void), (), -1)
FAIL_WRAP(void *, sodium_malloc, (size_t n), (n), NULL)
FAIL_WRAP(int, seal_open,
          (const struct key *k, const struct seal_place *at, struct slice sealed, struct arena *a, struct slice *ret,
           struct err *e),
          (k, at, sealed, a, ret, e), FAIL_KEY)

struct scene {
    struct house h;
    struct arena *life;
    uint8_t subject[16];
    struct seal_place at;
    struct slice wrapped;
    struct key_old old;
};

#define DEED(name)                                                                                                     \
    static int name(void *scene, int turn __attribute__((unused)), struct arena *a __attribute__((unused)),            \
                    struct err *e)

static void set_up(struct scene *s)
{
    fail_arm_kind(FAIL_CALLS, 0);
    *s = (struct scene){.life = arena_new(16 << 20), .subject = {3}};
    house_build(&s->h);
    s->at = (struct seal_place){.scope = s->h.scope, .row = s->subject, .table = 1, .column = 1};
}

static void tear_down(struct scene *s)
{
    glob_t found = {0};
    char pattern[64];
    snprintf(pattern, sizeof pattern, "%s/*key*", s->h.dir); /* what rotations have put aside */
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
    arena_free(s->life);
    house_raze(&s->h);
}

/* --- domains --- */

DEED(open_keys)
{
    struct scene *s = scene;
    struct keyring *k = NULL;
    int rc = keyring_open(s->h.key_path, s->h.db, &k, e);
    CHECK((rc == 0) == (k != NULL));
    keyring_close(k);
    return rc;
}

DEED(new_domain)
{
    struct scene *s = scene;
    struct key k;
    char name[DOMAIN_MAX];
    snprintf(name, sizeof name, "d%d", turn);
    return keyring_domain(s->h.keyring, s->h.scope, name, &k, e);
}

DEED(data_key)
{
    struct scene *s = scene;
    struct key k, again;
    struct slice wrapped;
    if (keyring_data_key(s->h.keyring, "audit", &s->at, a, &k, &wrapped, e) ||
        keyring_unwrap(s->h.keyring, &s->at, wrapped, a, &again, e))
        return -1;
    CHECK(memcmp(&k, &again, sizeof k) == 0);
    return 0;
}

DEED(reseal)
{
    struct scene *s = scene;
    struct slice again;
    return keyring_reseal(s->h.keyring, "audit", &s->at, s->wrapped, a, &again, e);
}

TEST(a_domains_key_is_made_and_read_wholly_or_not_at_all)
{
    struct scene s;
    struct key k;
    struct err e;
    set_up(&s);
    sweep(&s.h, "domain", new_domain, &s, 0);
    CHECK_OK(keyring_data_key(s.h.keyring, "audit", &s.at, s.life, &k, &s.wrapped, &e));
    sweep(&s.h, "data key", data_key, &s, 0);
    sweep(&s.h, "seal anew", reseal, &s, 0);
    sweep(&s.h, "open", open_keys, &s, FAIL_MAY_PASS); /* what only names a key in a sentence may fail */
    CHECK_INT(keyring_unwrap(s.h.keyring, &s.at, SLICE("short"), s.life, &k, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    CHECK_INT(keyring_unseal(s.h.keyring, &s.at, SLICE("short"), s.life, &s.wrapped, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    tear_down(&s);
}

/* --- epochs --- */

struct storing {
    struct scene *s;
    struct key_epoch *epoch;
};

static int store_body(struct tx *tx, void *arg, struct err *e)
{
    struct storing *x = arg;
    return keyring_store(tx, x->s->h.scope, x->epoch, e);
}

DEED(next_epoch)
{
    struct scene *s = scene;
    struct key_epoch epoch;
    struct storing x = {s, &epoch};
    return keyring_next(s->h.keyring, s->h.scope, "audit", a, &epoch, e) || tx_run(s->h.db, store_body, &x, e) ||
                   keyring_take(s->h.keyring, s->h.scope, &epoch, e)
               ? -1
               : 0;
}

static int destroy_body(struct tx *tx, void *arg, struct err *e)
{
    struct scene *s = arg;
    return keyring_destroy(tx, s->h.scope, s->old.id, e) < 0 ? -1 : 0;
}

DEED(destroy_old)
{
    struct scene *s = scene;
    return tx_run(s->h.db, destroy_body, s, e);
}

TEST(an_epoch_follows_and_is_destroyed_wholly_or_not_at_all)
{
    struct scene s;
    struct key k;
    struct err e;
    struct key_old old[8];
    struct key_domain newest[8];
    struct key_epoch epoch;
    static const uint8_t elsewhere[16] = {9};
    set_up(&s);
    CHECK_INT(keyring_next(s.h.keyring, s.h.scope, "audit", s.life, &epoch, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    CHECK_OK(keyring_data_key(s.h.keyring, "audit", &s.at, s.life, &k, &s.wrapped, &e));
    sweep_kind(&s.h, "next", next_epoch, &s, 0, FAIL_CALLS);
    CHECK_INT(keyring_old(s.h.keyring, s.h.scope, old, 8), 1);
    CHECK_INT(keyring_old(s.h.keyring, NULL, old, 8), 1);
    CHECK_INT(keyring_old(s.h.keyring, elsewhere, old, 8), 0);
    CHECK_INT(keyring_newest(s.h.keyring, elsewhere, newest, 8), 0);
    CHECK_INT(keyring_newest(s.h.keyring, s.h.scope, newest, 8), 1);
    CHECK_INT(newest[0].epoch, 2);
    s.old = old[0];
    CHECK_OK(keyring_unwrap(s.h.keyring, &s.at, s.wrapped, s.life, &k, &e));
    sweep(&s.h, "destroy", destroy_old, &s, 0);
    keyring_forget(s.h.keyring, s.old.id);
    CHECK_INT(keyring_unwrap(s.h.keyring, &s.at, s.wrapped, s.life, &k, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    tear_down(&s);
}

/* --- subjects and blind indexes --- */

static int store_subject(struct tx *tx, void *arg, struct err *e)
{
    return keyring_subject_store(tx, arg, e);
}

DEED(new_subject)
{
    struct scene *s = scene;
    struct subject_key sk;
    uint8_t subject[16] = {0};
    memcpy(subject, &turn, sizeof turn);
    return keyring_subject_make(s->h.keyring, s->h.scope, subject, (enum subject_domain)0, &sk, e) ||
                   tx_run(s->h.db, store_subject, &sk, e)
               ? -1
               : 0;
}

static void forget_subject(void *scene)
{
    struct scene *s = scene;
    keyring_subject_forget(s->h.keyring, s->h.scope, s->subject);
}

DEED(open_subject)
{
    struct scene *s = scene;
    struct key k;
    return keyring_subject_open(s->h.keyring, s->h.scope, s->subject, (enum subject_domain)0, &k, e);
}

DEED(count_subjects)
{
    struct scene *s = scene;
    struct subject_count n;
    int64_t under = 0;
    return keyring_subject_count(s->h.keyring, &n, e) || keyring_subject_under(s->h.keyring, &s->old, &under, e) ? -1
                                                                                                                 : 0;
}

static int destroy_subject(struct tx *tx, void *arg, struct err *e)
{
    struct scene *s = arg;
    return keyring_subject_destroy(tx, s->h.scope, s->subject, e) < 0 ? -1 : 0;
}

DEED(erase)
{
    struct scene *s = scene;
    return tx_run(s->h.db, destroy_subject, s, e);
}

DEED(rewrap)
{
    struct scene *s = scene;
    int n;
    return keyring_subject_rewrap(s->h.keyring, &s->old, 2, &n, e);
}

DEED(index_value)
{
    struct scene *s = scene;
    uint8_t out[BLIND_BYTES];
    return blind_index(s->h.keyring, s->h.scope, (enum blind_column)0, SLICE("RSSMRA80A01H501U"), out, e);
}

TEST(subjects_keys_are_made_wrapped_anew_and_destroyed_wholly_or_not_at_all)
{
    struct scene s;
    struct subject_key sk;
    struct err e;
    struct key_old old[8];
    struct key_epoch epoch;
    set_up(&s);
    CHECK_OK(keyring_subject_make(s.h.keyring, s.h.scope, s.subject, (enum subject_domain)0, &sk, &e));
    CHECK_OK(tx_run(s.h.db, store_subject, &sk, &e));
    sweep(&s.h, "make", new_subject, &s, 0);
    sweep_before = forget_subject;
    sweep(&s.h, "open", open_subject, &s, FAIL_MAY_PASS); /* one that cannot be remembered is read again */
    sweep_before = NULL;
    struct storing x = {&s, &epoch};
    CHECK_OK(keyring_next(s.h.keyring, s.h.scope, subject_domain_name((enum subject_domain)0), s.life, &epoch, &e));
    CHECK_OK(tx_run(s.h.db, store_body, &x, &e));
    CHECK_OK(keyring_take(s.h.keyring, s.h.scope, &epoch, &e));
    CHECK_INT(keyring_old(s.h.keyring, s.h.scope, old, 8), 1);
    s.old = old[0];
    sweep(&s.h, "count", count_subjects, &s, 0);
    sweep(&s.h, "wrap anew", rewrap, &s, 0);
    sweep(&s.h, "erase", erase, &s, 0);
    forget_subject(&s);
    struct key k;
    CHECK_INT(keyring_subject_open(s.h.keyring, s.h.scope, s.subject, (enum subject_domain)0, &k, &e), -1);
    CHECK_INT(e.code, ERR_GONE);
    sweep(&s.h, "blind index", index_value, &s, 0);
    sweep(&s.h, "blind index again", index_value, &s, 0);
    tear_down(&s);
}

/* --- the root key --- */

DEED(make_root)
{
    struct scene *s = scene;
    char path[96];
    struct key k;
    snprintf(path, sizeof path, "%s/key-%d", s->h.dir, turn);
    if (root_make(path, e)) {
        struct err ignored; /* none, or whole: the file was written, and its folder alone not synced */
        CHECK(root_there(path, &ignored) == 0 || root_read(path, &k, &ignored) == 0 || fail_count_kind(FAIL_CALLS) > 0);
        return -1;
    }
    return root_read(path, &k, e);
}

static int and_nothing_else(struct tx *tx, void *arg, struct err *e)
{
    (void)tx, (void)arg, (void)e;
    return 0;
}

/* What a rotation that was cut off has left, the next start mends: and all that was sealed opens. */
static void next_start(void *scene)
{
    struct scene *s = scene;
    struct key k;
    struct err e;
    keyring_close(s->h.keyring);
    s->h.keyring = NULL;
    CHECK_OK(keyring_open(s->h.key_path, s->h.db, &s->h.keyring, &e));
    CHECK_OK(keyring_unwrap(s->h.keyring, &s->at, s->wrapped, s->life, &k, &e));
}

DEED(rotate_root)
{
    struct scene *s = scene;
    struct root_rotated r;
    return keyring_rotate_root(s->h.keyring, NULL, and_nothing_else, NULL, &r, e);
}

static int history(void *scene, int turn, struct arena *a, struct err *e)
{
    struct scene *s = scene;
    struct rows r;
    (void)turn;
    return keyring_roots(s->h.keyring, a, &r, e);
}

TEST(another_root_key_is_the_stores_or_the_old_one_is)
{
    struct scene s;
    struct key k;
    struct err e;
    uint8_t out[BLIND_BYTES];
    set_up(&s);
    CHECK_OK(keyring_data_key(s.h.keyring, "audit", &s.at, s.life, &k, &s.wrapped, &e));
    CHECK_OK(blind_index(s.h.keyring, s.h.scope, (enum blind_column)0, SLICE("RSSMRA80A01H501U"), out, &e));
    sweep(&s.h, "make a root key", make_root, &s, FAIL_LEAVES_TRACES);
    sweep(&s.h, "roots", history, &s, 0);
    sweep_before = next_start;
    sweep(&s.h, "rotate", rotate_root, &s, FAIL_LEAVES_TRACES | FAIL_MAY_PASS); /* after its commit it has happened */
    sweep_before = NULL;
    next_start(&s);
    tear_down(&s);
}

/* Another process may have rotated it: a key made beside the one there is would pass for the newest. */
TEST(who_cannot_look_for_a_domains_key_makes_none)
{
    struct house h;
    struct key key;
    struct err e;
    house_build(&h);
    if (house_shared()) {
        int64_t keys = house_number(&h, "SELECT count(*) FROM domain_key"), looked = h.keyring->read_us -= 120000000;
        fail_words = "FROM root_check";
        CHECK_INT(keyring_domain(h.keyring, h.scope, "job", &key, &e), -1);
        fail_words = NULL;
        CHECK_INT(house_number(&h, "SELECT count(*) FROM domain_key"), keys);
        CHECK_INT(h.keyring->read_us, looked); /* the next looks again */
    }
    CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &key, &e));
    house_raze(&h);
}

RUN(T(a_domains_key_is_made_and_read_wholly_or_not_at_all), T(who_cannot_look_for_a_domains_key_makes_none),
    T(an_epoch_follows_and_is_destroyed_wholly_or_not_at_all),
    T(subjects_keys_are_made_wrapped_anew_and_destroyed_wholly_or_not_at_all),
    T(another_root_key_is_the_stores_or_the_old_one_is))
