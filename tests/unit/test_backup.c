/* The copy of a store beside what goes on in it, a backup as a folder, and the ledger of erasures. */
#include "shop.h"

#include <fcntl.h>

#include "keys/subject.h"
#include "store/backup.h"

static struct progress p;
static const struct key some_key = {.secret = {1, 2, 3}};

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* A folder with two files, one of them a program, and its backup beside it. */
static void make_backup(const char *box, struct arena *a, struct backup *ret)
{
    struct err e;
    struct backup_info info = {
        .program = "1", .store = "sqlite", .root_id = "00", .schema = 5, .created_at = 1700000000000000};
    char path[200];
    snprintf(path, sizeof path, "%s/from", box);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/from/text", box);
    write_file(path, "a text");
    snprintf(path, sizeof path, "%s/from/program", box);
    write_file(path, "#!/bin/sh");
    chmod(path, 0555);
    snprintf(path, sizeof path, "%s/from/.begun", box);
    write_file(path, "not whole");
    snprintf(path, sizeof path, "%s/to/", box);
    CHECK_OK(backup_begin(a, path, ret, &e));
    snprintf(path, sizeof path, "%s/from", box);
    CHECK_OK(backup_copy_tree(ret, path, "models", &p, &e));
    CHECK_OK(backup_end(ret, &info, &some_key, &e));
}

static void box_of(char ret[32])
{
    snprintf(ret, 32, "/tmp/backup.XXXXXX");
    assert_non_null(mkdtemp(ret));
}

static bool lists(const struct backup *b, const char *path)
{
    for (size_t i = 0; i < b->files; i++)
        if (strcmp(b->file[i].path, path) == 0)
            return true;
    return false;
}

TEST(a_backup_comes_back_with_its_modes_and_nothing_that_was_not_in_it)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    char box[32], path[200];
    struct backup b, again;
    struct stat st;
    struct err e;
    box_of(box);
    make_backup(box, a, &b);
    snprintf(path, sizeof path, "%s/to", box);
    CHECK_OK(backup_open(a, path, &again, &e));
    CHECK_OK(backup_verify(&again, &some_key, &p, &e));
    CHECK_INT(again.files, 2);
    CHECK_INT(again.info.schema, 5);
    CHECK(lists(&again, "models/program") && !lists(&again, "models/.begun"));
    snprintf(path, sizeof path, "%s/back", box);
    mkdir(path, 0700);
    CHECK_OK(backup_put(&again, "models/", path, 0755, &p, &e));
    snprintf(path, sizeof path, "%s/back/models/program", box);
    CHECK_OK(stat(path, &st));
    CHECK_INT(st.st_mode & 0777, 0555);
    snprintf(path, sizeof path, "%s/to/models/program", box);
    CHECK_OK(stat(path, &st));
    CHECK_INT(st.st_mode & 0777, 0600);
    backup_remove_tree(box);
}

TEST(what_is_not_the_backup_that_was_written_is_refused)
{
    static const struct {
        const char *file, *text; /* NULL: it is taken away */
        const char *says;
    } row[] = {
        {"models/text", "A text", "its sum is another"},
        {"models/text", "a tex", "its sum is another"},
        {"models/text", NULL, "read"},
        {"manifest.mac", "0000000000000000000000000000000000000000000000000000000000000000", "under this root key"},
        {"manifest.mac", "", "under this root key"},
        {"manifest.json", "{}", "format"},
        {"manifest.json", "{", "no JSON"},
        {"manifest.json", NULL, "no backup of lazaret"},
        {"manifest.json",
         "{\"format\":1,\"program\":\"1\",\"store\":\"sqlite\",\"schema\":5,\"root_id\":\"00\",\"created_at\":\"2026-"
         "01-01T00:00:00Z\",\"files\":[]}",
         "under this root key"},
        {"manifest.json",
         "{\"format\":1,\"program\":\"1\",\"store\":\"sqlite\",\"schema\":5,\"root_id\":\"00\",\"created_at\":\"2026-"
         "01-01T00:00:00Z\",\"files\":["
         "{\"path\":\"../"
         "x\",\"mode\":\"0600\",\"size\":0,\"sha256\":"
         "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]}",
         "cannot be read"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(64 << 20);
        char box[32], path[200];
        struct backup b;
        struct err e;
        box_of(box);
        make_backup(box, a, &b);
        snprintf(path, sizeof path, "%s/to/%s", box, row[i].file);
        unlink(path);
        if (row[i].text)
            write_file(path, row[i].text);
        snprintf(path, sizeof path, "%s/to", box);
        CHECK_INT(backup_open(a, path, &b, &e) || backup_verify(&b, &some_key, &p, &e), 1);
        if (!strstr(e.detail, row[i].says))
            fail_msg("row %zu: %s", i, e.detail);
        backup_remove_tree(box);
    }
}

TEST(what_changes_after_it_was_verified_is_refused_too)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    char box[32], path[200];
    struct backup b;
    struct err e;
    box_of(box);
    make_backup(box, a, &b);
    snprintf(path, sizeof path, "%s/to", box);
    CHECK_OK(backup_open(a, path, &b, &e));
    CHECK_OK(backup_verify(&b, &some_key, &p, &e));
    snprintf(path, sizeof path, "%s/to/models/text", box);
    write_file(path, "A text");
    snprintf(path, sizeof path, "%s/back", box);
    mkdir(path, 0700);
    CHECK_INT(backup_put(&b, "models/", path, 0755, &p, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    backup_remove_tree(box);
}

TEST(another_root_key_takes_no_backup_of_this_one)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    const struct key other = {.secret = {1, 2, 4}};
    char box[32], path[200];
    struct backup b;
    struct err e;
    box_of(box);
    make_backup(box, a, &b);
    snprintf(path, sizeof path, "%s/to", box);
    CHECK_OK(backup_open(a, path, &b, &e));
    CHECK_INT(backup_verify(&b, &other, &p, &e), -1);
    backup_remove_tree(box);
}

TEST(what_is_unfinished_is_no_backup_and_is_not_written_over)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    char box[32], path[200], from[200];
    struct backup b;
    struct err e;
    box_of(box);
    make_backup(box, a, &b);
    snprintf(from, sizeof from, "%s/to", box);
    CHECK_INT(backup_begin(a, from, &b, &e), -1);
    CHECK(strstr(e.detail, "is there already"));
    snprintf(path, sizeof path, "%s/to.unfinished", box);
    CHECK_OK(rename(from, path)); /* whole but for its name */
    CHECK_INT(backup_open(a, path, &b, &e), -1);
    CHECK(strstr(e.detail, "did not finish"));
    CHECK_INT(backup_begin(a, from, &b, &e), -1);
    CHECK(strstr(e.detail, "remove it"));
    backup_remove_tree(box);
}

TEST(a_folder_that_cannot_be_made_is_told_with_the_reason)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    char box[32], to[64];
    struct backup b;
    struct err e = {.code = ERR_NONE};
    box_of(box);
    CHECK_OK(chmod(box, 0555));
    snprintf(to, sizeof to, "%s/to", box);
    bool root = geteuid() == 0;
    CHECK_OK(root ? seteuid(65534) : 0); /* whom a mode stops */
    int rc = backup_begin(a, to, &b, &e);
    CHECK_OK(root ? seteuid(0) : 0);
    CHECK_INT(rc, -1);
    if (!strstr(e.detail, "to.unfinished: Permission denied"))
        fail_msg("%s", e.detail);
    CHECK_OK(chmod(box, 0700));
    backup_remove_tree(box);
}

/* --- the copy, beside writers --- */

static int put_much(struct tx *tx, void *arg, struct err *e)
{
    int n = *(int *)arg;
    for (int i = 0; i < n; i++) {
        uint8_t id[16];
        rnd_bytes(id, sizeof id);
        char name[40];
        hex_encode(id, sizeof id, name);
        static char kind[20000];
        memset(kind, 'x', sizeof kind - 1);
        if (tx_exec(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, $2, $3, 0)", V_ID(id),
                    V_STR(kind), V_STR(name)) < 0)
            return -1;
    }
    return 0;
}

struct copying {
    struct house *h;
    char to[64];
    int rc;
    struct err e;
};

static void *copy(void *arg)
{
    struct copying *c = arg;
    struct progress mine = {0};
    c->rc = db_copy(c->h->db, c->to, &mine, &c->e);
    arena_thread_end();
    return NULL;
}

TEST(a_copy_is_of_one_moment_and_nobody_waits_for_it)
{
    struct house h;
    struct err e;
    pthread_t t;
    house_build(&h);
    struct copying c = {.h = &h};
    snprintf(c.to, sizeof c.to, "%s/copy", h.dir);
    CHECK_OK(tx_run(h.db, put_much, &(int){1000}, &e));
    int64_t before = house_number(&h, "SELECT count(*) FROM scope");
    setenv("LAZARET_FAULT", "slow-copy", 1);
    pthread_create(&t, NULL, copy, &c);
    nap(100);
    int64_t slowest = 0;
    for (int i = 0; i < 20; i++) {
        int64_t at = clock_mono_us();
        CHECK_OK(tx_run(h.db, put_much, &(int){10}, &e));
        if (clock_mono_us() - at > slowest)
            slowest = clock_mono_us() - at;
    }
    pthread_join(t, NULL);
    unsetenv("LAZARET_FAULT");
    if (c.rc)
        fail_msg("%s", c.e.detail);
    CHECK(slowest < 400000);
    if (!house_shared()) {
        struct house copied = h;
        snprintf(copied.db_path, sizeof copied.db_path, "%s/copy", h.dir);
        CHECK_INT(house_number(&copied, "SELECT count(*) FROM scope"), before);
    }
    struct stat st;
    CHECK_OK(stat(c.to, &st));
    CHECK_INT(st.st_mode & 0777, 0600);
    CHECK_INT(db_copy(h.db, c.to, &p, &e), -1); /* a file that is there is not written over */
    unlink(c.to);
    house_raze(&h);
}

#ifdef LAZARET_FAULTS
struct scrubbing {
    struct house *h;
    int rc;
    struct err e;
};

static void *scrub(void *arg)
{
    struct scrubbing *s = arg;
    s->rc = db_scrub(s->h->db, &s->e);
    return NULL;
}

TEST(an_erasure_during_a_copy_keeps_no_writer_waiting_and_is_cut_off_after_it)
{
    struct house h;
    struct err e;
    pthread_t t, u;
    struct stat st;
    char wal[200];
    house_build(&h);
    struct copying c = {.h = &h};
    struct scrubbing s = {.h = &h};
    snprintf(c.to, sizeof c.to, "%s/copy", h.dir);
    CHECK_OK(tx_run(h.db, put_much, &(int){1000}, &e));
    setenv("LAZARET_FAULT", "slow-copy", 1);
    pthread_create(&t, NULL, copy, &c);
    nap(100);
    pthread_create(&u, NULL, scrub, &s);
    nap(50);
    int64_t at = clock_mono_us();
    CHECK_OK(tx_run(h.db, put_much, &(int){1}, &e));
    CHECK(clock_mono_us() - at < 400000);
    pthread_join(u, NULL);
    pthread_join(t, NULL);
    unsetenv("LAZARET_FAULT");
    if (c.rc || s.rc)
        fail_msg("%s %s", c.rc ? c.e.detail : "", s.rc ? s.e.detail : "");
    snprintf(wal, sizeof wal, "%s-wal", h.db_path);
    if (!house_shared()) {
        CHECK_OK(stat(wal, &st));
        CHECK_INT(st.st_size, 0);
    }
    unlink(c.to);
    house_raze(&h);
}
#endif

/* --- the ledger of erasures --- */

static struct audit_entry wants = {.actor = "operator", .role = "operator", .action = "delete", .outcome = "permit"};

static void run_one(struct shop *s, uint8_t id[16])
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct job_claim c;
    struct err e;
    accepted(s, id);
    CHECK_INT(claim(s, LEASE_US, a, &c), 1);
    CHECK_INT(job_finish(s->jobs, &c, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 1);
    job_claim_end(s->jobs, &c);
}

static void path_of(const struct shop *s, char ret[64])
{
    snprintf(ret, 64, "%s/other.key", s->h.dir);
}

static struct erased names(const char *path, const char *root, struct arena *a)
{
    struct erased x = {0};
    struct err e;
    int rc = ledger_read(path, root, a, &x, &e);
    if (rc != 1)
        fail_msg("%d %s", rc, rc < 0 ? e.detail : "");
    return x;
}

TEST(an_erasure_is_in_the_ledger_before_it_is_answered)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    struct shop s;
    struct ledger *l;
    struct job_receipt r;
    uint8_t id[16], kept[16];
    char path[64];
    struct err e;
    int n;
    shop_open(&s);
    path_of(&s, path);
    CHECK_OK(ledger_open(path, "aa", &l, &e));
    jobs_ledger(s.jobs, l);
    run_one(&s, id);
    run_one(&s, kept);
    CHECK_INT(job_erase(s.jobs, NULL, id, &wants, &r, &e), 1);
    struct erased x = names(path, "aa", a);
    CHECK_INT(x.n, 1);
    CHECK(erased_has(&x, id) && !erased_has(&x, kept));
    /* what retention erases is an erasure, too */
    jobs_limit(s.jobs, &(struct jobs_limits){.keep_us = 1000});
    nap(20);
    CHECK_OK(job_retain(s.jobs, &n, &e));
    CHECK_INT(n, 1);
    x = names(path, "aa", a);
    CHECK(erased_has(&x, kept));
    ledger_close(l);
    shop_close(&s);
}

TEST(what_the_ledger_missed_it_learns_from_the_store)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    struct shop s;
    struct ledger *l;
    struct job_receipt r;
    uint8_t id[3][16];
    char path[64];
    struct err e;
    shop_open(&s);
    path_of(&s, path);
    for (int i = 0; i < 3; i++)
        run_one(&s, id[i]);
    CHECK_INT(job_erase(s.jobs, NULL, id[0], &wants, &r, &e), 1);                /* before there was a ledger */
    house_sql(&s.h, "UPDATE job SET erased_at = 5 WHERE erased_at IS NOT NULL"); /* long before */
    CHECK_OK(ledger_open(path, "aa", &l, &e));
    CHECK_OK(ledger_catch_up(l, s.h.db, &e));
    ledger_close(l);
    struct erased x = names(path, "aa", a);
    CHECK(x.n == 1 && erased_has(&x, id[0]));
    CHECK_INT(job_erase(s.jobs, NULL, id[1], &wants, &r, &e), 1); /* killed between commit and line */
    CHECK_OK(ledger_open(path, "aa", &l, &e));
    CHECK_OK(ledger_catch_up(l, s.h.db, &e));
    CHECK_INT(job_erase(s.jobs, NULL, id[2], &wants, &r, &e), 1); /* through another process */
    CHECK_OK(ledger_catch_up(l, s.h.db, &e));
    CHECK_OK(ledger_catch_up(l, s.h.db, &e));
    ledger_close(l);
    x = names(path, "aa", a);
    CHECK_INT(x.n, 3); /* none of them twice */
    for (int i = 0; i < 3; i++)
        CHECK(erased_has(&x, id[i]));
    shop_close(&s);
}

static int destroy_keys(struct tx *tx, void *arg, struct err *e)
{
    const struct subject_key *x = arg;
    return keyring_subject_destroy(tx, x->scope, x->subject, e) < 0 ? -1 : 0;
}
static int store_keys(struct tx *tx, void *arg, struct err *e)
{
    const struct subject_key *x = arg;
    return keyring_subject_store(tx, &x[0], e) || keyring_subject_store(tx, &x[1], e) ||
           keyring_subject_store(tx, &x[2], e);
}

TEST(a_subject_whose_keys_were_destroyed_is_in_the_ledger_once)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    struct shop s;
    struct ledger *l;
    struct subject_key key[3]; /* two of one subject, and one of another */
    uint8_t both[2][32];
    char path[64];
    struct err e;
    shop_open(&s);
    path_of(&s, path);
    for (int i = 0; i < 3; i++) {
        uint8_t id[16] = {(uint8_t)(1 + i / 2)};
        CHECK_OK(keyring_subject_make(s.h.keyring, s.h.scope, id, i == 1 ? SUBJECT_CLINICAL : SUBJECT_IDENTITY, &key[i],
                                      &e));
    }
    for (int i = 0; i < 2; i++) {
        memcpy(both[i], s.h.scope, 16);
        memcpy(both[i] + 16, key[2 * i].subject, 16);
    }
    CHECK_OK(tx_run(s.h.db, store_keys, key, &e));
    CHECK_OK(tx_run(s.h.db, destroy_keys, &key[0], &e));
    CHECK_OK(ledger_open(path, "aa", &l, &e));
    CHECK_OK(ledger_catch_up(l, s.h.db, &e));
    CHECK_OK(ledger_catch_up(l, s.h.db, &e));
    struct erased x = names(path, "aa", a);
    CHECK(x.n == 0 && x.subjects == 1);
    CHECK(erased_has_subject(&x, both[0]) && !erased_has_subject(&x, both[1]));
    CHECK_OK(tx_run(s.h.db, destroy_keys, &key[2], &e)); /* later, and by another process */
    CHECK_OK(ledger_catch_up(l, s.h.db, &e));
    ledger_close(l);
    x = names(path, "aa", a);
    CHECK(x.subjects == 2 && erased_has_subject(&x, both[0]) && erased_has_subject(&x, both[1]));
    shop_close(&s);
}

TEST(a_ledger_is_of_one_store_and_outlives_a_torn_line)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    char box[32], path[64];
    struct ledger *l;
    struct erased x;
    struct err e;
    uint8_t id[2][16];
    const uint8_t *const one[] = {id[0]}, *const two[] = {id[1]};
    box_of(box);
    snprintf(path, sizeof path, "%s/erased", box);
    uuid7(id[0]);
    uuid7(id[1]);
    CHECK_INT(ledger_read(path, "aa", a, &x, &e), 0);
    CHECK_OK(ledger_open(path, "aa", &l, &e));
    CHECK_OK(ledger_note(l, one, 1, 5, &e));
    ledger_close(l);
    CHECK_INT(ledger_open(path, "bb", &l, &e), -1);
    CHECK_INT(ledger_read(path, "bb", a, &x, &e), -1);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    CHECK_INT(write(fd, "01890000-0000-70", 16), 16);
    close(fd);
    CHECK_OK(ledger_open(path, "aa", &l, &e));
    CHECK_OK(ledger_note(l, two, 1, 6, &e));
    ledger_close(l);
    x = names(path, "aa", a);
    CHECK_INT(x.n, 2);
    CHECK(erased_has(&x, id[0]) && erased_has(&x, id[1]));
    backup_remove_tree(box);
}

RUN(T(a_backup_comes_back_with_its_modes_and_nothing_that_was_not_in_it),
    T(what_is_not_the_backup_that_was_written_is_refused), T(what_changes_after_it_was_verified_is_refused_too),
    T(another_root_key_takes_no_backup_of_this_one), T(what_is_unfinished_is_no_backup_and_is_not_written_over),
    T(a_folder_that_cannot_be_made_is_told_with_the_reason),
    T(a_copy_is_of_one_moment_and_nobody_waits_for_it),
#ifdef LAZARET_FAULTS
    T(an_erasure_during_a_copy_keeps_no_writer_waiting_and_is_cut_off_after_it),
#endif
    T(an_erasure_is_in_the_ledger_before_it_is_answered), T(what_the_ledger_missed_it_learns_from_the_store),
    T(a_subject_whose_keys_were_destroyed_is_in_the_ledger_once), T(a_ledger_is_of_one_store_and_outlives_a_torn_line))
