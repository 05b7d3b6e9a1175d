#include "shop.h"

#include <sys/wait.h>

#include "identity/endpoint.h"
#include "identity/account.h"
#include "identity/desk.h"
#include "jobs/negotiation.h"
#include "jobs/rotate.h"
#include "keys/subject.h"
#include "store/place.h"
#include "study/study_int.h"

static const struct audit_entry rotates = {
    .actor = "operator", .role = "operator", .action = "update", .outcome = "permit"};

static int rotate(struct shop *s)
{
    struct err e;
    int keys;
    if (job_rotate_keys(s->jobs, &rotates, &keys, &e))
        fail_msg("rotate: %s", e.detail);
    return keys;
}

static struct resealed reseal(struct shop *s, int64_t rest_us)
{
    struct resealed r;
    struct err e;
    if (job_reseal(s->jobs, rest_us, NULL, &r, &e))
        fail_msg("reseal: %s", e.detail);
    return r;
}

static void opens(struct shop *s, const uint8_t id[16])
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct endpoint x;
    struct progress p = {0};
    struct err e;
    int64_t n;
    CHECK_OK(job_check_sealed(s->jobs, &p, &n, &e));
    CHECK_INT(endpoint_open(s->h.db, s->h.keyring, s->h.scope, id, a, &x, &e), 1);
}

static int64_t under_newest(struct shop *s, const char *what, const char *column, const char *domain)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM %s WHERE substr(%s, 3, 8) = (SELECT id FROM domain_key WHERE domain = '%s' ORDER BY "
             "epoch DESC LIMIT 1)",
             what, column, domain);
    return house_number(&s->h, sql);
}

TEST(what_is_sealed_moves_to_the_new_key_and_the_old_one_is_destroyed_when_it_has_rested)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct shop s;
    struct err e;
    struct endpoint x, y;
    shop_open(&s);
    for (int i = 0; i < 3; i++)
        accepted(&s, NULL);
    CHECK_OK(endpoint_add(s.h.db, s.h.keyring, &s.caller, "https://ehr.example/hook", false, &rotates, a, &x, &e));

    CHECK_INT(rotate(&s), 2);
    accepted(&s, NULL);
    CHECK_INT(endpoint_change(s.h.db, s.h.keyring, &s.caller, x.id, ENDPOINT_ROTATE, 60000000, &rotates, a, &y, &e), 1);
    CHECK_INT(under_newest(&s, "job", "key", "job"), 1); /* the one made since */
    opens(&s, x.id);
    struct resealed r = reseal(&s, KEY_REST_US);
    CHECK_INT(r.rows, 3 + 2); /* the client's own endpoint, and that whose old secret is under the old key */
    CHECK_INT(r.older, 2);
    CHECK_INT(r.destroyed, 0);
    CHECK_INT(under_newest(&s, "job", "key", "job"), 4);
    CHECK_INT(under_newest(&s, "webhook_endpoint", "secret", "client"), 2);
    CHECK_INT(under_newest(&s, "webhook_endpoint", "old_secret", "client"), 1);
    opens(&s, x.id);

    r = reseal(&s, KEY_REST_US);
    CHECK_INT(r.rows, 0);
    CHECK_INT(r.destroyed, 0); /* it has not rested */
    r = reseal(&s, 0);
    CHECK_INT(r.destroyed, 2);
    CHECK_INT(r.older, 0);
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM domain_key WHERE epoch = 1 AND domain <> 'input'"), 0);
    opens(&s, x.id);
    accepted(&s, NULL);

    jobs_close(s.jobs);
    keyring_close(s.h.keyring);
    CHECK_OK(keyring_open(s.h.key_path, s.h.db, &s.h.keyring, &e));
    CHECK_OK(jobs_open(s.h.db, s.h.keyring, s.h.scope, &s.jobs, &e));
    opens(&s, x.id);
    sound(&s);
    shop_close(&s);
}

TEST(a_key_that_something_is_still_under_is_not_destroyed)
{
    struct shop s;
    uint8_t late[16];
    shop_open(&s);
    accepted(&s, NULL);
    house_sql(&s.h,
              "CREATE TABLE aside AS SELECT * FROM job"); /* a commit that was under way when the key was replaced */
    house_sql(&s.h, "DELETE FROM job");
    rotate(&s);
    reseal(&s, KEY_REST_US);
    house_sql(&s.h, "INSERT INTO job SELECT * FROM aside");
    struct resealed r = reseal(&s, 0);
    CHECK_INT(r.rows, 1);
    CHECK_INT(r.destroyed, 1); /* the endpoints' key, not the jobs' */
    CHECK_INT(under_newest(&s, "job", "key", "job"), 1);
    r = reseal(&s, 0);
    CHECK_INT(r.destroyed, 1);
    memcpy(late, s.caller.id, 16);
    opens(&s, late);
    shop_close(&s);
}

TEST(an_erased_job_is_not_brought_back)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct shop s;
    struct err e;
    struct job_claim c;
    struct job_receipt receipt;
    uint8_t id[16];
    shop_open(&s);
    accepted(&s, id);
    CHECK_INT(claim(&s, LEASE_US, a, &c), 1);
    CHECK_INT(job_finish(s.jobs, &c, SLICE("{}"), (struct slice){NULL, 0}, NULL, a, &e), 1);
    job_claim_end(s.jobs, &c);
    CHECK_INT(job_erase(s.jobs, &s.caller, id, &rotates, &receipt, &e), 1);
    rotate(&s);
    CHECK_INT(reseal(&s, 0).rows, 1); /* the endpoint's */
    CHECK_INT(count(&s, "job WHERE length(key) = 0"), 1);
    sound(&s);
    shop_close(&s);
}

/* A person as identity/staff.c stores one. */
static int put_person(struct tx *tx, void *arg, struct err *e)
{
    const struct val *v = arg;
    return tx_exec(tx, e,
                   "INSERT INTO staff (scope, id, who, person, state, created_at, changed_at) VALUES ($1, $2, $2, $3, "
                   "'pending', 0, 0)",
                   v[0], v[1], v[2]) < 0
               ? -1
               : 0;
}

static void listed(struct shop *s)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct people d = {.db = s->h.db, .keyring = s->h.keyring, .scope = s->h.scope};
    struct buf b = buf_in(a, 4096);
    struct json_out o = json_out(&b);
    struct err e;
    CHECK_OK(desk_list(&d, NULL, a, &o, &e));
    CHECK(memmem(b.p, b.n, "alice", 5) != NULL);
}

TEST(names_of_staff_move_too)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct shop s;
    struct err e;
    struct key key;
    struct slice sealed;
    uint8_t id[16] = {5};
    shop_open(&s);
    struct seal_place at = place_of(PLACE_STAFF_PERSON, s.h.scope, id, 0);
    CHECK_OK(keyring_domain(s.h.keyring, s.h.scope, "staff", &key, &e));
    CHECK_OK(seal(&key, &at, SLICE("{\"name\":\"alice\"}"), a, &sealed, &e));
    CHECK_OK(tx_run(s.h.db, put_person, (struct val[]){V_ID(s.h.scope), V_ID(id), V_BLOB(sealed)}, &e));
    CHECK_INT(rotate(&s), 2); /* clients and staff; no job was ever sealed */
    listed(&s);
    CHECK_INT(reseal(&s, KEY_REST_US).rows, 2);
    CHECK_INT(under_newest(&s, "staff", "person", "staff"), 1);
    reseal(&s, 0);
    listed(&s);
    shop_close(&s);
}

TEST(passwords_of_accounts_move_too)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct shop s;
    struct err e;
    enum desk_done done;
    struct invitation i;
    struct attempt t;
    char code[INVITATION_TEXT];
    shop_open(&s);
    struct accounts x = {.people = {s.h.db, s.h.keyring, s.h.scope}};
    CHECK_OK(passwords_start(1, &x.passwords, &e));
    CHECK_OK(account_add(&x.people, SLICE("anna"), ROLE_AUDITOR, "root", a, &done, code, &e));
    CHECK_OK(account_accept(&x, slice_of(code), SLICE("xkq7 vmw2 pt9"), NULL, a, &i, &e));
    CHECK_INT(rotate(&s), 2);
    CHECK_INT(reseal(&s, KEY_REST_US).rows, 3); /* a client, a person, a password */
    CHECK_INT(under_newest(&s, "account", "password", "staff"), 1);
    reseal(&s, 0);
    CHECK_OK(account_sign_in(&x, SLICE("anna"), SLICE("xkq7 vmw2 pt9"), a, &t, &e));
    passwords_stop(x.passwords);
    shop_close(&s);
}

/* Deleted is what is out of reach with one in sixteen: that 200 go by without is one in 400,000. */
TEST(of_a_clients_negotiations_the_newest_are_found_and_few_others_are_there)
{
    enum { ALL = 400, LEFT = 200 };
    struct shop s;
    struct err e = {0};
    struct slice sheet;
    uint8_t id[ALL][16], theirs[16];
    shop_open(&s);
    struct caller other = s.caller;
    uuid7(other.id);
    uuid7(theirs);
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    CHECK_OK(negotiation_keep(s.jobs, &other, theirs, SLICE("{}"), clock_now_us() + 60000000, &rotates, a, &e));
    for (int i = 0; i < ALL; i++) {
        uuid7(id[i]);
        memcpy(id[i], id[0], 4); /* each at a moment of its own */
        id[i][4] = (uint8_t)(i >> 8);
        id[i][5] = (uint8_t)i;
        CHECK_OK(negotiation_keep(s.jobs, &s.caller, id[i], SLICE("{}"), clock_now_us() + 60000000, &rotates, a, &e));
        if (i >= NEGOTIATION_MOST)
            CHECK_INT(negotiation_find(s.jobs, &s.caller, id[i - NEGOTIATION_MOST], a, &sheet, &e), 0);
        if (i >= NEGOTIATION_MOST - 1)
            CHECK_INT(negotiation_find(s.jobs, &s.caller, id[i - NEGOTIATION_MOST + 1], a, &sheet, &e), 1);
    }
    CHECK_INT(negotiation_find(s.jobs, &other, theirs, a, &sheet, &e), 1);
    int64_t left = house_number(&s.h, "SELECT count(*) FROM negotiation") - 1;
    CHECK(left >= NEGOTIATION_MOST && left < NEGOTIATION_MOST + LEFT);
    shop_close(&s);
}

struct ending {
    const struct caller *caller;
    const uint8_t *id;
};

static int end_negotiation(struct tx *tx, void *arg, struct err *e)
{
    const struct ending *x = arg;
    return negotiation_end(tx, x->caller, x->id, e);
}

TEST(bundles_kept_for_a_negotiation_move_too_and_are_forgotten_when_they_expire)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct shop s;
    struct err e;
    struct slice sheet;
    struct caller other;
    uint8_t id[UUID_BYTES], old[UUID_BYTES];
    shop_open(&s);
    uuid7(id);
    uuid7(old);
    CHECK_OK(negotiation_keep(s.jobs, &s.caller, id, SLICE("{}"), clock_now_us() + 60000000, &rotates, a, &e));
    CHECK_OK(negotiation_keep(s.jobs, &s.caller, old, SLICE("{}"), clock_now_us() - 1, &rotates, a, &e));
    rotate(&s);
    reseal(&s, KEY_REST_US);
    CHECK_INT(under_newest(&s, "negotiation", "sheet", "negotiation"), 2);
    reseal(&s, 0);
    CHECK_INT(negotiation_find(s.jobs, &s.caller, id, a, &sheet, &e), 1);
    CHECK(slice_is(sheet, "{}"));
    CHECK_INT(negotiation_find(s.jobs, &s.caller, old, a, &sheet, &e), 0);
    other = s.caller;
    other.id[0] ^= 1;
    CHECK_INT(negotiation_find(s.jobs, &other, id, a, &sheet, &e), 0);
    CHECK_OK(negotiation_forget(s.jobs, &e));
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM negotiation"), 1);
    struct ending x = {&s.caller, id};
    CHECK_OK(tx_run(s.h.db, end_negotiation, &x, &e));
    CHECK_INT(house_number(&s.h, "SELECT count(*) FROM negotiation"), 0);
    CHECK_INT(tx_run(s.h.db, end_negotiation, &x, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
    shop_close(&s);
}

/* --- keys of subjects --- */

enum { SUBJECTS = 450 }; /* three pages */

struct crowd {
    uint8_t scope[16]; /* a study's */
    struct subject_key s[SUBJECTS];
};

static int put_crowd(struct tx *tx, void *arg, struct err *e)
{
    struct crowd *c = arg;
    for (int i = 0; i < SUBJECTS; i++)
        if (keyring_subject_store(tx, &c->s[i], e))
            return -1;
    return 0;
}

static int put_scope(struct tx *tx, void *arg, struct err *e)
{
    return tx_exec(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, 'study', 'one', 0)", V_ID(arg)) <
                   0
               ? -1
               : 0;
}

static void gather(struct shop *s, struct crowd *c)
{
    struct err e;
    memset(c->scope, 0x55, sizeof c->scope);
    CHECK_OK(tx_run(s->h.db, put_scope, c->scope, &e));
    for (int i = 0; i < SUBJECTS; i++) {
        uint8_t id[16] = {(uint8_t)i, (uint8_t)(i >> 8), 1};
        CHECK_OK(
            keyring_subject_make(s->h.keyring, c->scope, id, i % 3 ? SUBJECT_IDENTITY : SUBJECT_STREAM, &c->s[i], &e));
    }
    CHECK_OK(tx_run(s->h.db, put_crowd, c, &e));
}

/* From the store, not from memory. */
static void all_there(struct shop *s, const struct crowd *c)
{
    struct keyring *k;
    struct err e;
    struct key got;
    CHECK_OK(keyring_open(s->h.key_path, s->h.db, &k, &e));
    for (int i = 0; i < SUBJECTS; i++) {
        CHECK_OK(keyring_subject_open(k, c->scope, c->s[i].subject, c->s[i].domain, &got, &e));
        CHECK(memcmp(&got, &c->s[i].key, sizeof got) == 0);
    }
    keyring_close(k);
}

static int64_t under_epoch(struct shop *s, int epoch)
{
    char sql[200];
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM subject_key WHERE substr(wrapped, 3, 8) IN (SELECT id FROM domain_key WHERE epoch = %d)",
        epoch);
    return house_number(&s->h, sql);
}

TEST(keys_of_subjects_move_to_the_new_key_of_their_domain_in_whatever_scope)
{
    static struct crowd c;
    struct shop s;
    struct err e;
    int64_t older;
    shop_open(&s);
    gather(&s, &c);
    CHECK_INT(rotate(&s), 3); /* clients, and the study's two */
    CHECK_INT(under_epoch(&s, 1), SUBJECTS);
    CHECK_OK(job_count_older(s.jobs, &older, &e));
    CHECK_INT(older, SUBJECTS + 1); /* and the endpoint's secret */
    all_there(&s, &c);
    struct resealed r = reseal(&s, KEY_REST_US);
    CHECK_INT(r.rows, SUBJECTS + 1);
    CHECK_INT(under_epoch(&s, 2), SUBJECTS);
    CHECK_OK(job_count_older(s.jobs, &older, &e));
    CHECK_INT(older, 0);
    all_there(&s, &c);
    CHECK_INT(reseal(&s, 0).destroyed, 3);
    CHECK_INT(
        house_number(&s.h,
                     "SELECT count(*) FROM domain_key WHERE epoch = 1 AND domain IN ('identity', 'stream', 'client')"),
        0);
    all_there(&s, &c);
    shop_close(&s);
}

/* A process of its own, which kills itself after the first page. */
static void killed_in_between(struct shop *s, const char *at)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("REWRAP_DB", s->h.db_path, 1);
        setenv("REWRAP_KEY", s->h.key_path, 1);
        setenv("LAZARET_CRASH", at, 1);
        execl("/proc/self/exe", "test_rotate", (char *)NULL);
        _exit(127);
    }
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int rewrap_and_die(void)
{
    struct db *db;
    struct keyring *k;
    struct jobs *j;
    uint8_t scope[16];
    struct err e;
    struct resealed r;
    if (db_open(getenv("REWRAP_DB"), false, &db, &e) || keyring_open(getenv("REWRAP_KEY"), db, &k, &e) ||
        scope_gateway(db, "default", scope, &e) || jobs_open(db, k, scope, &j, &e) ||
        job_reseal(j, KEY_REST_US, NULL, &r, &e))
        fprintf(stderr, "%s\n", e.detail);
    return 1; /* it was to be killed */
}

/* The store is the other process's meanwhile. */
static void another_is_killed(struct shop *s, const char *at)
{
    struct err e;
    char path[160];
    snprintf(path, sizeof path, "%s", s->h.db_path);
    jobs_close(s->jobs);
    keyring_close(s->h.keyring);
    db_close(s->h.db);
    killed_in_between(s, at);
    CHECK_OK(db_open(path, false, &s->h.db, &e));
    CHECK_OK(keyring_open(s->h.key_path, s->h.db, &s->h.keyring, &e));
    CHECK_OK(jobs_open(s->h.db, s->h.keyring, s->h.scope, &s->jobs, &e));
}

TEST(a_kill_between_two_pages_leaves_every_key_under_one_of_the_two_and_the_next_goes_on)
{
    static struct crowd c;
    struct shop s;
    shop_open(&s);
    gather(&s, &c);
    rotate(&s);
    another_is_killed(&s, "rewrap_page:1");
    int64_t moved = under_epoch(&s, 2);
    CHECK(moved > 0 && moved < SUBJECTS);
    CHECK_INT(under_epoch(&s, 1), SUBJECTS - moved);
    all_there(&s, &c);
    reseal(&s, KEY_REST_US);
    CHECK_INT(under_epoch(&s, 2), SUBJECTS);
    reseal(&s, 0);
    all_there(&s, &c);
    CHECK_INT(under_epoch(&s, 1), 0);
    shop_close(&s);
}

/* --- what the study is found by --- */

struct known {
    struct study study;
    struct alias alias[SUBJECTS];
    uint8_t subject[SUBJECTS][16];
};

static int put_aliases(struct tx *tx, void *arg, struct err *e)
{
    struct known *x = arg;
    for (int i = 0; i < SUBJECTS; i++)
        if (alias_store(tx, &x->study, &x->alias[i], e))
            return -1;
    return 0;
}

static int read_aliases(struct tx *tx, void *arg, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct known *x = arg;
    uint8_t got[16];
    for (int i = 0; i < SUBJECTS; i++) {
        if (alias_subject(tx, &x->study, x->alias[i].holder, x->alias[i].number, a, got, e) != 1)
            return -1;
        CHECK(memcmp(got, x->subject[i], sizeof got) == 0);
    }
    return 0;
}

static void all_known(struct shop *s, struct known *x)
{
    struct err e;
    study_close(&x->study);
    CHECK_OK(study_open(s->h.db, s->h.keyring, s->h.scope, &x->study, &e));
    CHECK_OK(tx_run(s->h.db, read_aliases, x, &e));
}

TEST(what_aliases_mean_moves_too_and_a_kill_between_two_pages_leaves_all_of_them_known)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    static const char *const holder[] = {"doctor", "monitor", "project:019a4c516f2b7c319d1e3b5a7c9e1f20"};
    static struct known x;
    struct shop s;
    struct err e;
    shop_open(&s);
    CHECK_OK(study_open(s.h.db, s.h.keyring, s.h.scope, &x.study, &e));
    for (int i = 0; i < SUBJECTS; i++) {
        memcpy(x.subject[i], (uint8_t[16]){(uint8_t)i, (uint8_t)(i >> 8), 2}, 16);
        CHECK_OK(alias_make(&x.study, holder[i % COUNT(holder)], x.subject[i], a, &x.alias[i], &e));
    }
    CHECK_OK(tx_run(s.h.db, put_aliases, &x, &e));
    CHECK_INT(rotate(&s), 7);               /* clients, aliases, three edges, glasses, projects */
    another_is_killed(&s, "reseal_page:2"); /* the first is that of the endpoint */
    int64_t moved = under_newest(&s, "alias", "subject", "alias");
    CHECK(moved > 0 && moved < SUBJECTS);
    all_known(&s, &x);
    CHECK_INT(reseal(&s, KEY_REST_US).rows, SUBJECTS - moved);
    CHECK_INT(under_newest(&s, "alias", "subject", "alias"), SUBJECTS);
    CHECK_INT(reseal(&s, 0).destroyed, 7);
    all_known(&s, &x);
    study_close(&x.study);
    shop_close(&s);
}

/* A place that is in neither list is sealed under a key that nothing renews, or nobody has thought of it. */
TEST(every_place_is_sealed_anew_by_a_rotation_or_is_known_not_to_be)
{
    static const enum place resealed[] = {
#define RESEAL(domain, table, by, also, column, place, how) PLACE_##place,
#include "jobs/reseal.def"
    };
    static const enum place not_under_a_domain[] = {
        PLACE_JOB_BUNDLE,    PLACE_JOB_PLAN,      PLACE_JOB_RESULT, PLACE_JOB_VENDOR_LOG, PLACE_JOB_FEEDBACK, /* a job's own key */
        PLACE_PERSON_DETAIL, PLACE_HOME_GENERAL,  PLACE_NOTE_TEXT,  PLACE_SCREENING_FINDING,
        PLACE_CONTACT_ENTRY, PLACE_CONSENT_SHEET, PLACE_INSTALLATION_SENSORS, PLACE_INSTALLATION_INFO, PLACE_TICKET_BODY,
        PLACE_DOCUMENT_KEY,  PLACE_DOCUMENT_CARD, PLACE_SENSOR_CARD, PLACE_STREAM_CARD, /* a subject's */
        PLACE_DOMAIN_KEY,    PLACE_BLIND_KEY,     /* the root key */
        PLACE_SUBJECT_KEY,   PLACE_AUDIT_KEY,     /* keys/subject.h; kept */
        PLACE_LOGIN_COOKIE,                       /* minutes old, in a browser */
    };
    static const enum place all[] = {
#define PLACE(name, table, column) PLACE_##name,
#include "store/places.def"
    };
    for (size_t i = 0; i < COUNT(all); i++) {
        int n = 0;
        for (size_t k = 0; k < COUNT(resealed); k++)
            n += resealed[k] == all[i];
        for (size_t k = 0; k < COUNT(not_under_a_domain); k++)
            n += not_under_a_domain[k] == all[i];
        if (!n)
            fail_msg("place %zu of places.def is in no list", i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_sealed_moves_to_the_new_key_and_the_old_one_is_destroyed_when_it_has_rested),
        T(a_key_that_something_is_still_under_is_not_destroyed),
        T(an_erased_job_is_not_brought_back),
        T(names_of_staff_move_too),
        T(passwords_of_accounts_move_too),
        T(of_a_clients_negotiations_the_newest_are_found_and_few_others_are_there),
        T(bundles_kept_for_a_negotiation_move_too_and_are_forgotten_when_they_expire),
        T(keys_of_subjects_move_to_the_new_key_of_their_domain_in_whatever_scope),
        T(a_kill_between_two_pages_leaves_every_key_under_one_of_the_two_and_the_next_goes_on),
        T(what_aliases_mean_moves_too_and_a_kill_between_two_pages_leaves_all_of_them_known),
        T(every_place_is_sealed_anew_by_a_rotation_or_is_known_not_to_be),
    };
    if (getenv("REWRAP_DB"))
        return rewrap_and_die();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_thread_end();
    return failed;
}
