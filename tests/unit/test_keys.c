#include "house.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "keys/first.h"
#include "keys/subject.h"
#include "store/place.h"

static void reopen(struct house *h, const char *key_path, int want, const char *sentence)
{
    struct err e = {.code = ERR_NONE};
    struct keyring *k = NULL;
    int rc = keyring_open(key_path, h->db, &k, &e);
    CHECK_INT(rc, want);
    if (want) {
        CHECK_INT(e.code, ERR_KEYS);
        if (!strstr(e.detail, sentence))
            fail_msg("'%s' does not say '%s'", e.detail, sentence);
        CHECK(k == NULL);
    } else {
        keyring_close(k);
    }
}

TEST(the_root_key_file_is_64_digits_for_its_owner_alone_and_never_made_twice)
{
    struct house h;
    struct stat st;
    struct err e;
    char line[80];
    house_build(&h);
    CHECK_INT(stat(h.key_path, &st), 0);
    CHECK_INT(st.st_mode & 07777, 0400);
    OWN_FILE FILE *f = fopen(h.key_path, "re");
    assert_non_null(fgets(line, sizeof line, f));
    CHECK_INT(strspn(line, "0123456789abcdef"), 64);
    CHECK_STR(line + 64, "\n");
    CHECK_INT(root_make(h.key_path, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    house_raze(&h);
}

static void write_key(const char *path, const char *text, mode_t mode)
{
    OWN_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
    CHECK_INT(fchmod(fd, mode), 0);
}

TEST(a_root_key_that_is_wrong_missing_or_open_to_others_is_refused)
{
    static const char other[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
    static const struct {
        const char *text; /* NULL: no file */
        mode_t mode;
        const char *sentence;
    } row[] = {
        {other, 0400, "not the one these data were made with"},
        {NULL, 0, "read the root key file"},
        {other, 0444, "may be read by others (mode 0444)"},
        {other, 0440, "may be read by others (mode 0440)"},
        {other, 0602, "may be read by others (mode 0602)"},
        {"00112233\n", 0400, "does not hold 64 hexadecimal digits"},
        {"zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 0400, "does not hold 64"},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00\n", 0400, "does not hold 64"},
        {"", 0400, "does not hold 64"},
    };
    struct house h;
    char path[64];
    house_build(&h);
    snprintf(path, sizeof path, "%s/other.key", h.dir);
    for (size_t i = 0; i < COUNT(row); i++) {
        if (row[i].text)
            write_key(path, row[i].text, row[i].mode);
        reopen(&h, path, -1, row[i].sentence);
        unlink(path);
    }
    CHECK_INT(symlink(h.key_path, path), 0); /* a link may be turned elsewhere by whoever made it */
    reopen(&h, path, -1, "read the root key file");
    reopen(&h, h.key_path, 0, NULL);
    house_raze(&h);
}

TEST(a_domain_key_is_made_once_and_is_there_again_after_reopening)
{
    struct house h;
    struct err e;
    struct key first, again, other;
    house_build(&h);
    CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &first, &e));
    CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &again, &e));
    CHECK_OK(keyring_domain(h.keyring, h.scope, "client", &other, &e));
    CHECK(memcmp(&first, &again, sizeof first) == 0);
    CHECK(memcmp(first.secret, other.secret, KEY_BYTES) != 0);
    keyring_close(h.keyring);
    CHECK_OK(keyring_open(h.key_path, h.db, &h.keyring, &e));
    CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &again, &e));
    CHECK(memcmp(&first, &again, sizeof first) == 0);
    CHECK_OK(keyring_by_id(h.keyring, other.id, &again, &e));
    CHECK(memcmp(&other, &again, sizeof other) == 0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM domain_key"), 2);
    CHECK_INT(keyring_by_id(h.keyring, (const uint8_t *)"nothere.", &again, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    house_raze(&h);
}

struct storing {
    const uint8_t *scope;
    struct key_epoch epoch;
};

static int store_epoch(struct tx *tx, void *arg, struct err *e)
{
    const struct storing *x = arg;
    return keyring_store(tx, x->scope, &x->epoch, e);
}

TEST(a_key_whose_row_was_read_before_its_maker_took_it_is_there_once)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct keyring *other;
    struct key key;
    struct key_old old[3];
    struct err e;
    house_build(&h);
    CHECK_OK(keyring_open(h.key_path, h.db, &other, &e));
    CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &key, &e));
    struct storing x = {.scope = h.scope};
    CHECK_OK(keyring_next(h.keyring, h.scope, "job", a, &x.epoch, &e));
    CHECK_OK(tx_run(h.db, store_epoch, &x, &e));
    CHECK_OK(keyring_domain(other, h.scope, "first", &key, &e));
    CHECK_OK(keyring_domain(h.keyring, h.scope, "first", &key, &e)); /* is second, and reads all rows */
    CHECK_OK(keyring_take(h.keyring, h.scope, &x.epoch, &e));
    CHECK_INT(keyring_old(h.keyring, NULL, old, 3), 1); /* one that is there twice would be destroyed as an older one */
    CHECK(memcmp(old[0].id, x.epoch.key.id, KEY_ID_BYTES) != 0);
    key_wipe(&x.epoch.key);
    keyring_close(other);
    house_raze(&h);
}

TEST(keys_that_are_read_again_and_not_all_open_leave_those_that_were_known)
{
    struct house h;
    struct keyring *other;
    struct key job, key;
    struct err e;
    house_build(&h);
    CHECK_OK(keyring_open(h.key_path, h.db, &other, &e));
    CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &job, &e));
    CHECK_OK(keyring_domain(other, h.scope, "first", &key, &e));
    house_sql(&h, "UPDATE domain_key SET wrapped = tag"); /* they do not open */
    CHECK_INT(keyring_domain(h.keyring, h.scope, "first", &key, &e), -1);
    CHECK_INT(e.code, ERR_KEYS);
    CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &key, &e));
    CHECK(memcmp(&key, &job, sizeof key) == 0);
    keyring_close(other);
    house_raze(&h);
}

TEST(domain_keys_put_in_each_others_place_are_refused)
{
    static const char *const swap[] = {
        /* the wraps alone */
        "CREATE TABLE x AS SELECT * FROM domain_key;"
        "UPDATE domain_key SET wrapped = (SELECT wrapped FROM x WHERE x.domain <> domain_key.domain);",
        /* wrap and commitment together */
        "CREATE TABLE x AS SELECT * FROM domain_key;"
        "UPDATE domain_key SET (wrapped, tag) = (SELECT wrapped, tag FROM x WHERE x.domain <> domain_key.domain);",
        /* the names of the domains */
        "UPDATE domain_key SET domain = CASE domain WHEN 'job' THEN 'job2' ELSE 'job' END;",
        /* an epoch that was never wrapped as such */
        "UPDATE domain_key SET epoch = 2;",
        /* one bit of a wrap, and one of a commitment */
        "UPDATE domain_key SET wrapped = CAST(substr(wrapped, 1, 38) || x'000000' || substr(wrapped, 42) AS BLOB);",
        "UPDATE domain_key SET tag = zeroblob(32);",
    };
    for (size_t i = 0; i < COUNT(swap); i++) {
        struct house h;
        struct err e;
        struct key k;
        house_build(&h);
        CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &k, &e));
        CHECK_OK(keyring_domain(h.keyring, h.scope, "client", &k, &e));
        reopen(&h, h.key_path, 0, NULL);
        house_sql(&h, swap[i]);
        reopen(&h, h.key_path, -1, "");
        house_raze(&h);
    }
}

TEST(a_wrapped_data_key_opens_at_its_own_place_only)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    static const uint8_t job[16] = {1}, other_job[16] = {2};
    struct house h;
    struct err e;
    struct key made, got;
    struct slice wrap, wrap2;
    house_build(&h);
    struct seal_place at = place_of(PLACE_JOB_KEY, h.scope, job, 0);
    CHECK_OK(keyring_data_key(h.keyring, "job", &at, a, &made, &wrap, &e));
    CHECK_OK(keyring_unwrap(h.keyring, &at, wrap, a, &got, &e));
    CHECK(memcmp(&made, &got, sizeof made) == 0);

    struct seal_place elsewhere[] = {
        place_of(PLACE_JOB_KEY, h.scope, other_job, 0),
        place_of(PLACE_JOB_PLAN, h.scope, job, 0),
        place_of(PLACE_JOB_KEY, h.scope, job, 1),
        place_of(PLACE_JOB_KEY, other_job, job, 0),
    };
    for (size_t i = 0; i < COUNT(elsewhere); i++) {
        CHECK_INT(keyring_unwrap(h.keyring, &elsewhere[i], wrap, a, &got, &e), -1);
        CHECK_INT(e.code, ERR_KEYS);
    }
    CHECK_OK(keyring_data_key(h.keyring, "job", &elsewhere[0], a, &got, &wrap2, &e));
    CHECK_INT(keyring_unwrap(h.keyring, &at, wrap2, a, &got, &e), -1); /* the wraps of two jobs, swapped */
    CHECK_INT(keyring_unwrap(h.keyring, &at, (struct slice){wrap.p, wrap.n - 1}, a, &got, &e), -1);
    char *bent = arena_take(a, wrap.n);
    memcpy(bent, wrap.p, wrap.n);
    bent[wrap.n - 1] ^= 1;
    CHECK_INT(keyring_unwrap(h.keyring, &at, (struct slice){bent, wrap.n}, a, &got, &e), -1);
    house_raze(&h);
}

TEST(a_key_that_another_process_made_since_is_read_when_a_value_needs_it)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    const uint8_t row[16] = {1};
    struct house h;
    struct err e;
    struct key key, again;
    struct slice wrap;
    struct keyring *other;
    house_build(&h);
    CHECK_OK(keyring_open(h.key_path, h.db, &other, &e));
    struct seal_place at = place_of(PLACE_JOB_KEY, h.scope, row, 0);
    CHECK_OK(keyring_data_key(h.keyring, "made-later", &at, a, &key, &wrap, &e));
    int rc = keyring_unwrap(other, &at, wrap, a, &again, &e);
    if (house_shared())
        CHECK(rc == 0 && memcmp(key.secret, again.secret, sizeof key.secret) == 0);
    else /* SQLite's process is alone: a key it does not know was never made */
        CHECK(rc == -1 && e.code == ERR_KEYS);
    keyring_close(other);
    house_raze(&h);
}

TEST(the_status_counts_domains_and_shows_a_fingerprint_that_is_not_the_key)
{
    struct house h;
    struct err e;
    struct key k;
    struct keyring_status s;
    char line[80];
    house_build(&h);
    keyring_status(h.keyring, &s);
    CHECK_INT(s.domains, 0);
    CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &k, &e));
    keyring_status(h.keyring, &s);
    CHECK_INT(s.domains, 1);
    CHECK_INT(s.epochs, 1);
    CHECK_INT(strlen(s.root_id), 16);
    OWN_FILE FILE *f = fopen(h.key_path, "re");
    assert_non_null(fgets(line, sizeof line, f));
    CHECK(strstr(line, s.root_id) == NULL);
    house_raze(&h);
}

/* --- another root key --- */

static int nothing_more(struct tx *tx, void *arg, struct err *e)
{
    (void)tx, (void)arg, (void)e;
    return 0;
}

static int fails(struct tx *tx, void *arg, struct err *e)
{
    (void)tx, (void)arg;
    return err_set(e, ERR_STORE, "the disk is full");
}

static char *beside(const struct house *h, const char *suffix, const char *more)
{
    static char path[4][128]; /* the last four stay */
    static int which;
    which = (which + 1) % 4;
    snprintf(path[which], sizeof path[which], "%s%s%s", h->key_path, suffix, more);
    return path[which];
}

static void read_line(const char *path, char ret[80])
{
    OWN_FILE FILE *f = fopen(path, "re");
    if (!f || !fgets(ret, 80, f))
        fail_msg("%s cannot be read", path);
}

static int put_subject(struct tx *tx, void *arg, struct err *e)
{
    return keyring_subject_store(tx, arg, e);
}

/* Something under each kind of key, to be the same afterwards. */
struct under {
    struct key domain, data;
    struct subject_key subject;
    uint8_t index[16];
    struct slice wrap;
};

static void put_under(struct house *h, struct arena *a, struct under *ret)
{
    static const uint8_t id[16] = {9};
    struct err e;
    struct seal_place at = place_of(PLACE_JOB_KEY, h->scope, id, 0);
    CHECK_OK(keyring_domain(h->keyring, h->scope, "job", &ret->domain, &e));
    CHECK_OK(keyring_data_key(h->keyring, "job", &at, a, &ret->data, &ret->wrap, &e));
    CHECK_OK(keyring_subject_make(h->keyring, h->scope, id, SUBJECT_HOME, &ret->subject, &e));
    CHECK_OK(tx_run(h->db, put_subject, &ret->subject, &e));
    CHECK_OK(blind_index(h->keyring, h->scope, BLIND_PHONE, SLICE("+390612345678"), ret->index, &e));
}

static void is_under(struct keyring *k, const struct house *h, const struct under *x)
{
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    static const uint8_t id[16] = {9};
    struct err e;
    struct key got;
    uint8_t index[16];
    struct seal_place at = place_of(PLACE_JOB_KEY, h->scope, id, 0);
    CHECK_OK(keyring_domain(k, h->scope, "job", &got, &e));
    CHECK(memcmp(&got, &x->domain, sizeof got) == 0);
    CHECK_OK(keyring_unwrap(k, &at, x->wrap, a, &got, &e));
    CHECK(memcmp(&got, &x->data, sizeof got) == 0);
    CHECK_OK(keyring_subject_open(k, h->scope, id, SUBJECT_HOME, &got, &e));
    CHECK(memcmp(&got, &x->subject.key, sizeof got) == 0);
    CHECK_OK(blind_index(k, h->scope, BLIND_PHONE, SLICE("+390612345678"), index, &e));
    CHECK(memcmp(index, x->index, sizeof index) == 0);
}

static void reopened(struct house *h)
{
    struct err e;
    keyring_close(h->keyring);
    CHECK_OK(keyring_open(h->key_path, h->db, &h->keyring, &e));
}

TEST(another_root_key_takes_the_place_of_the_old_one_and_all_opens_under_it)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    struct under x;
    struct root_rotated r;
    struct keyring_status before, after;
    char old[80], kept[80], now[80];
    house_build(&h);
    put_under(&h, a, &x);
    keyring_status(h.keyring, &before);
    read_line(h.key_path, old);
    CHECK_OK(keyring_rotate_root(h.keyring, NULL, nothing_more, NULL, &r, &e));
    CHECK_INT(r.wraps, 3); /* two domains, a blind index */
    CHECK_STR(r.old_id, before.root_id);
    is_under(h.keyring, &h, &x);
    reopened(&h);
    is_under(h.keyring, &h, &x);
    keyring_status(h.keyring, &after);
    CHECK_STR(after.root_id, r.id);
    CHECK_STR(after.store_id, before.root_id); /* which store it is has not changed */
    read_line(beside(&h, ".old-", r.old_id), kept);
    read_line(h.key_path, now);
    CHECK_STR(kept, old);
    CHECK(strcmp(now, old) != 0);
    CHECK(access(beside(&h, ".next", ""), F_OK) != 0);
    reopen(&h, beside(&h, ".old-", r.old_id), -1, "not the one these data were made with");
    CHECK_INT(house_number(&h, "SELECT count(DISTINCT substr(wrapped, 3, 8)) FROM domain_key"), 1);
    unlink(beside(&h, ".old-", r.old_id));
    house_raze(&h);
}

struct beside {
    struct house *h;
    sem_t begun;
};

/* Meanwhile the rotation waits for the writer, if there is one alone. */
static int use_a_key(struct tx *tx, void *arg, struct err *e)
{
    struct beside *x = arg;
    struct key key;
    (void)tx;
    sem_post(&x->begun);
    usleep(100000);
    return keyring_domain(x->h->keyring, x->h->scope, "job", &key, e);
}

static void *run_a_body(void *arg)
{
    struct beside *x = arg;
    struct err e;
    CHECK_OK(tx_run(x->h->db, use_a_key, x, &e));
    arena_thread_end();
    return NULL;
}

TEST(the_root_key_is_replaced_while_a_body_at_work_needs_a_key)
{
    struct house h;
    struct key key;
    struct root_rotated r;
    struct err e;
    pthread_t t;
    house_build(&h);
    CHECK_OK(keyring_domain(h.keyring, h.scope, "job", &key, &e));
    struct beside x = {.h = &h};
    sem_init(&x.begun, 0, 0);
    CHECK_INT(pthread_create(&t, NULL, run_a_body, &x), 0);
    sem_wait(&x.begun);
    CHECK_OK(keyring_rotate_root(h.keyring, NULL, nothing_more, NULL, &r, &e));
    pthread_join(t, NULL);
    sem_destroy(&x.begun);
    unlink(beside(&h, ".old-", r.old_id));
    house_raze(&h);
}

TEST(a_rotation_of_the_root_key_that_fails_changes_nothing_and_the_next_uses_the_key_it_left)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    struct under x;
    struct root_rotated r;
    char next[80], now[80], source[80];
    house_build(&h);
    put_under(&h, a, &x);
    CHECK_INT(keyring_rotate_root(h.keyring, NULL, fails, NULL, &r, &e), -1);
    CHECK_INT(e.code, ERR_STORE);
    is_under(h.keyring, &h, &x);
    reopened(&h);
    is_under(h.keyring, &h, &x);
    read_line(beside(&h, ".next", ""), next);
    snprintf(source, sizeof source, "file:%s", h.key_path);
    CHECK_INT(keyring_rotate_root(h.keyring, source, nothing_more, NULL, &r, &e), -1); /* the one there is */
    CHECK_INT(e.code, ERR_CONFLICT);
    CHECK_INT(keyring_rotate_root(h.keyring, "vault:here", nothing_more, NULL, &r, &e), -1);
    CHECK_INT(e.code, ERR_CONFIG);
    CHECK_OK(keyring_rotate_root(h.keyring, NULL, nothing_more, NULL, &r, &e));
    read_line(h.key_path, now);
    CHECK_STR(now, next);
    is_under(h.keyring, &h, &x);
    unlink(beside(&h, ".old-", r.old_id));
    house_raze(&h);
}

TEST(what_a_crash_left_between_commit_and_the_files_place_is_finished_by_who_opens_next)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (int step = 0; step < 3; step++) {
        struct house h;
        struct err e;
        struct under x;
        struct root_rotated r;
        char now[80], wrong[80];
        house_build(&h);
        put_under(&h, a, &x);
        CHECK_OK(keyring_rotate_root(h.keyring, NULL, nothing_more, NULL, &r, &e));
        read_line(h.key_path, now);
        const char *aside = beside(&h, ".old-", r.old_id);
        CHECK_INT(rename(h.key_path, beside(&h, ".next", "")), 0);
        if (step == 0) /* nothing was moved */
            CHECK_INT(rename(aside, h.key_path), 0);
        else if (step == 1) /* the old one has its second name */
            CHECK_INT(link(aside, h.key_path), 0);
        reopened(&h); /* 2: somebody has taken the old one away */
        is_under(h.keyring, &h, &x);
        read_line(h.key_path, wrong);
        CHECK_STR(wrong, now);
        CHECK(access(beside(&h, ".next", ""), F_OK) != 0);
        CHECK(access(aside, F_OK) == 0);
        unlink(aside);
        house_raze(&h);
    }
}

/* Another process: on PostgreSQL a real one would be like this; on SQLite it is what a mistaken second one would meet.
 */
TEST(who_does_not_know_of_a_new_root_key_yet_stores_nothing_under_the_old_one)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct house h;
    struct err e;
    struct under x;
    struct root_rotated r;
    struct keyring *other;
    struct key made, seen;
    uint8_t one[16], two[16];
    house_build(&h);
    put_under(&h, a, &x);
    CHECK_OK(keyring_open(h.key_path, h.db, &other, &e));
    CHECK_OK(keyring_rotate_root(h.keyring, NULL, nothing_more, NULL, &r, &e));
    int rc = keyring_domain(other, h.scope, "later", &made, &e);
    if (rc) /* it was refused, has read the new root key, and may go on */
        CHECK_OK(keyring_domain(other, h.scope, "later", &made, &e));
    CHECK_OK(blind_index(other, h.scope, BLIND_EMAIL, SLICE("ann@example.org"), one, &e));
    is_under(other, &h, &x);
    CHECK_INT(house_number(&h, "SELECT count(DISTINCT substr(wrapped, 3, 8)) FROM domain_key"), 1);
    keyring_close(other);
    reopened(&h);
    CHECK_OK(keyring_domain(h.keyring, h.scope, "later", &seen, &e));
    CHECK(memcmp(&made, &seen, sizeof made) == 0);
    CHECK_OK(blind_index(h.keyring, h.scope, BLIND_EMAIL, SLICE("ann@example.org"), two, &e));
    CHECK(memcmp(one, two, sizeof one) == 0);
    unlink(beside(&h, ".old-", r.old_id));
    house_raze(&h);
}

static const char *const first_domain[] = {"one", "two", "three"};
static const enum blind_column first_column[] = {BLIND_ALIAS, BLIND_HOME_HOUSE};
static const struct first_keys first = {first_domain, 3, first_column, 2};

/* What each of the keys does with the same bytes. */
static void print_of(struct keyring *k, const uint8_t *scope, uint8_t ret[3 * KEY_BYTES + 2 * BLIND_BYTES])
{
    struct err e;
    struct key key;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(keyring_domain(k, scope, first_domain[i], &key, &e));
        memcpy(ret + i * KEY_BYTES, key.secret, KEY_BYTES);
    }
    for (int i = 0; i < 2; i++)
        CHECK_OK(blind_index(k, scope, first_column[i], (struct slice){(const char *)scope, 16},
                             ret + 3 * KEY_BYTES + i * BLIND_BYTES, &e));
}

TEST(the_first_keys_are_made_once_and_what_another_process_made_meanwhile_counts)
{
    uint8_t was[3 * KEY_BYTES + 2 * BLIND_BYTES], is[sizeof was];
    struct house h;
    struct keyring *other;
    struct key key;
    struct err e;
    house_build(&h);
    CHECK_OK(keyring_open(h.key_path, h.db, &other, &e));
    CHECK_OK(keyring_domain(other, h.scope, "two", &key, &e)); /* which h.keyring has not seen */
    CHECK_OK(keyring_first(h.keyring, h.scope, &first, &e));
    print_of(h.keyring, h.scope, was);
    CHECK(memcmp(was + KEY_BYTES, key.secret, KEY_BYTES) == 0);
    CHECK_OK(keyring_first(h.keyring, h.scope, &first, &e));
    CHECK_OK(keyring_first(other, h.scope, &first, &e));
    print_of(other, h.scope, is);
    CHECK(memcmp(was, is, sizeof was) == 0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM domain_key WHERE domain IN ('one', 'two', 'three')"), 3);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM blind_key"), 2);
    keyring_close(other);
    reopened(&h);
    CHECK_OK(keyring_first(h.keyring, h.scope, &first, &e));
    print_of(h.keyring, h.scope, is);
    CHECK(memcmp(was, is, sizeof was) == 0);
    house_raze(&h);
}

enum { CROWD = 8, FORMED = 6, CROWD_DOMAINS = 2 * FORMED };

struct one_of_them {
    const struct house *h;
    struct keyring *k;
    pthread_barrier_t *begin;
    int who;
    uint8_t mac[FORMED][BLIND_BYTES];
};

static const struct {
    enum blind_column column;
    struct slice value;
} formed[FORMED] = {
    {BLIND_ALIAS, {"0123456789abcdef", 16}},       {BLIND_HOME_HOME, {"0123456789abcdef", 16}},
    {BLIND_HOME_HOUSE, {"0123456789abcdef", 16}},  {BLIND_STREAM_DATA, {"0123456789abcdef", 16}},
    {BLIND_STREAM_HOUSE, {"0123456789abcdef", 16}}, {BLIND_EMAIL, {"ann@example.org", 15}},
};

/* Each makes domains of its own, and all want the same indices first. */
static void *needs_keys(void *arg)
{
    struct one_of_them *x = arg;
    struct err e;
    pthread_barrier_wait(x->begin);
    for (int i = 0; i < CROWD_DOMAINS; i++) {
        char name[DOMAIN_MAX];
        struct key key;
        snprintf(name, sizeof name, "of-%d-%d", x->who, i);
        CHECK_OK(keyring_domain(x->k, x->h->scope, name, &key, &e));
        if (i % 2 == 0)
            CHECK_OK(blind_index(x->k, x->h->scope, formed[i / 2].column, formed[i / 2].value, x->mac[i / 2], &e));
    }
    arena_thread_end();
    return NULL;
}

TEST(keys_that_many_need_at_once_are_made_once_each_and_nobody_is_turned_away)
{
    struct house h;
    struct keyring *other;
    struct err e;
    pthread_t t[CROWD];
    pthread_barrier_t begin;
    struct one_of_them x[CROWD];
    house_build(&h);
    CHECK_OK(keyring_open(h.key_path, h.db, &other, &e));
    pthread_barrier_init(&begin, NULL, CROWD);
    for (int i = 0; i < CROWD; i++) {
        x[i] = (struct one_of_them){.h = &h, .k = i % 2 ? other : h.keyring, .begin = &begin, .who = i};
        CHECK_INT(pthread_create(&t[i], NULL, needs_keys, &x[i]), 0);
    }
    for (int i = 0; i < CROWD; i++)
        pthread_join(t[i], NULL);
    for (int i = 1; i < CROWD; i++)
        CHECK(memcmp(x[i].mac, x[0].mac, sizeof x[0].mac) == 0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM domain_key WHERE domain LIKE 'of-%'"), CROWD * CROWD_DOMAINS);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM blind_key"), FORMED);
    pthread_barrier_destroy(&begin);
    keyring_close(other);
    house_raze(&h);
}

RUN(T(the_root_key_file_is_64_digits_for_its_owner_alone_and_never_made_twice),
    T(a_root_key_that_is_wrong_missing_or_open_to_others_is_refused),
    T(a_domain_key_is_made_once_and_is_there_again_after_reopening),
    T(a_key_whose_row_was_read_before_its_maker_took_it_is_there_once),
    T(keys_that_are_read_again_and_not_all_open_leave_those_that_were_known),
    T(domain_keys_put_in_each_others_place_are_refused), T(a_wrapped_data_key_opens_at_its_own_place_only),
    T(a_key_that_another_process_made_since_is_read_when_a_value_needs_it),
    T(another_root_key_takes_the_place_of_the_old_one_and_all_opens_under_it),
    T(the_root_key_is_replaced_while_a_body_at_work_needs_a_key),
    T(keys_that_many_need_at_once_are_made_once_each_and_nobody_is_turned_away),
    T(a_rotation_of_the_root_key_that_fails_changes_nothing_and_the_next_uses_the_key_it_left),
    T(what_a_crash_left_between_commit_and_the_files_place_is_finished_by_who_opens_next),
    T(who_does_not_know_of_a_new_root_key_yet_stores_nothing_under_the_old_one),
    T(the_first_keys_are_made_once_and_what_another_process_made_meanwhile_counts),
    T(the_status_counts_domains_and_shows_a_fingerprint_that_is_not_the_key))
