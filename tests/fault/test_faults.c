/* Every kind of request, with memory, files and commits failing at every point: the answer is the whole right one and what it
 * says is durable, or it is 500 or 503 and discloses nothing; and the same request then succeeds without anybody's help. */
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "fault.h"
#include "world.h"

#include "identity/desk.h"
#include "audit/verify.h"
#include "jwk.h"

enum { POINTS = 30 }; /* tried of each row and kind, without N */

enum job { NO_JOB, DONE, BROKEN, WAITING, ABSENT, GUIDANCE, FAILURE, JOBS };
enum body {
    NONE, ASSERTION, UNSIGNED, /* forms */
    COMPLETE, TOGETHER, INCOMPLETE, INVALID, UNKNOWN_TARGET, NO_JSON, NO_FIELDS, UNKNOWN_FIELD, OTHERS_NAME, WEBHOOK,
    PARAMETERS, NO_PARAMETERS, BODIES
};
enum with_key { NO_KEY, FRESH_KEY, SAME_KEY, REUSED_KEY };

static struct world w;
static struct arena *life;
static struct slice body[BODIES];
static char job_path[JOBS][64];

#define FORM "application/x-www-form-urlencoded"

static struct programs *programs;
static EVP_PKEY *program_key;
enum { IN, OVER, COOKIES };
static char cookie[COOKIES][80]; /* "__Host-lazaret=..." */

static const struct row {
    const char *name;
    enum http_method method;
    const char *path;
    enum job job;
    enum who who;
    enum body body;
    enum with_key key;
    const char *header, *value;
    int want, audits; /* entries that a right answer leaves */
    bool body_changes; /* from one asking to the next */
    int jobs;          /* that a right answer makes; 0: one, of an acceptance */
} row[] = {
    {"health", HTTP_GET, "/health", .want = 200},
    {"ready", HTTP_GET, "/readyz", .want = 200},
    {"metrics", HTTP_GET, "/metrics", .want = 200},
    {"openapi", HTTP_GET, "/openapi.json", .want = 200},
    {"the page", HTTP_GET, "/docs", .want = 200},
    {"a file of the page", HTTP_GET, "/docs/swagger-ui.css", .want = 200},
    {"the same compressed", HTTP_GET, "/docs/swagger-ui.css", .header = "Accept-Encoding", .value = "gzip", .want = 200},
    {"a Bundle is accepted", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = COMPLETE, .key = FRESH_KEY, .want = 202, .audits = 1},
    {"a Bundle is accepted with a webhook", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = WEBHOOK, .key = FRESH_KEY,
     .want = 202, .audits = 1},
    {"several jobs are accepted, all or none", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = TOGETHER, .key = FRESH_KEY, .want = 202,
     .audits = 2, .jobs = 2},
    {"an accepted one is replayed", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = COMPLETE, .key = SAME_KEY, .want = 202, .audits = 1},
    {"a key is used for another body", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = INCOMPLETE, .key = REUSED_KEY,
     .want = 422, .audits = 1},
    {"data are missing", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = INCOMPLETE, .key = FRESH_KEY, .want = 409, .audits = 1},
    {"data are missing, as problem", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = INCOMPLETE, .header = "Accept",
     .value = "application/problem+json", .want = 409, .audits = 1},
    {"the Bundle is invalid", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = INVALID, .want = 400, .audits = 1},
    {"the target is unknown", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = UNKNOWN_TARGET, .want = 400, .audits = 1},
    {"the body is no JSON", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = NO_JSON, .want = 422},
    {"fields are missing", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = NO_FIELDS, .want = 422},
    {"a field is unknown", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = UNKNOWN_FIELD, .want = 422},
    {"nobody asks", HTTP_POST, "/v1/diagnose", .body = COMPLETE, .want = 401, .audits = 1},
    {"a stranger asks", HTTP_GET, .job = DONE, .who = STRANGER, .want = 401, .audits = 1},
    {"a client gives another's name", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = OTHERS_NAME, .want = 403, .audits = 1},
    {"no such address", HTTP_GET, "/v1/nothing", .who = ALPHA, .want = 404},
    {"no such method", HTTP_PUT, "/v1/diagnose", .who = ALPHA, .want = 405},
    {"the body's type is another", HTTP_POST, "/v1/diagnose", .who = ALPHA, .body = COMPLETE, .header = "Content-Type",
     .value = "text/plain", .want = 415},
    {"a waiting job", HTTP_GET, .job = WAITING, .who = ALPHA, .want = 200},
    {"a finished job", HTTP_GET, .job = DONE, .who = ALPHA, .want = 200, .audits = 1},
    {"a failed job", HTTP_GET, .job = BROKEN, .who = ALPHA, .want = 200, .audits = 1},
    {"a finished job, as a GuidanceResponse", HTTP_GET, .job = GUIDANCE, .who = ALPHA, .want = 200, .audits = 1},
    {"a failed job, as a GuidanceResponse", HTTP_GET, .job = FAILURE, .who = ALPHA, .want = 200, .audits = 1},
    {"another's, as a GuidanceResponse", HTTP_GET, .job = GUIDANCE, .who = BETA, .want = 404, .audits = 1},
    {"data are missing, in FHIR", HTTP_POST, "/fhir/R4/$diagnose", .who = ALPHA, .body = PARAMETERS, .want = 200, .audits = 1,
     .body_changes = true},
    {"no parameters", HTTP_POST, "/fhir/R4/$diagnose", .who = ALPHA, .body = NO_PARAMETERS, .want = 422},
    {"what the operation takes", HTTP_GET, "/fhir/R4/OperationDefinition/diagnose", .want = 200},
    {"a job that is not there", HTTP_GET, .job = ABSENT, .who = ALPHA, .want = 404, .audits = 1},
    {"another's job", HTTP_GET, .job = DONE, .who = BETA, .want = 404, .audits = 1},
    {"another's job, as FHIR", HTTP_GET, .job = DONE, .who = BETA, .header = "Accept", .value = "application/fhir+json",
     .want = 404, .audits = 1},
    {"a program signs in", HTTP_POST, "/auth/token", .body = ASSERTION, .header = "Content-Type", .value = FORM, .want = 200, .audits = 1},
    {"nobody's key signed this", HTTP_POST, "/auth/token", .body = UNSIGNED, .header = "Content-Type", .value = FORM,
     .want = 401, .audits = 1},
    {"a token does what it covers", HTTP_GET, .job = DONE, .who = PROGRAM, .want = 200, .audits = 1},
    {"and nothing else", HTTP_GET, "/v1/models", .who = PROGRAM, .want = 403, .audits = 1},
    {"where programs sign in", HTTP_GET, "/.well-known/smart-configuration", .want = 200},
    {"what is signed of the audit log", HTTP_GET, "/audit/checkpoint", .want = 200},
    {"hashes of its tree", HTTP_GET, "/audit/tile/0/000.p/2", .want = 200},
    {"a proof", HTTP_GET, "/audit/entries/1/proof", .want = 200},
    {"what one did oneself", HTTP_GET, "/api/v1/me/accesses", .who = ALPHA, .want = 200, .audits = 1, .body_changes = true},
    {"entries, asked for by a client", HTTP_GET, "/api/v1/audit", .who = ALPHA, .want = 403, .audits = 1},
    {"AuditEvents, asked for by a client", HTTP_GET, "/fhir/R4/AuditEvent", .who = ALPHA, .want = 403, .audits = 1},
    {"an emergency access, asked for by a client", HTTP_POST, "/api/v1/break-glass", .who = ALPHA, .body = NO_JSON,
     .want = 403, .audits = 1},
    {"emergency accesses, asked for by a client", HTTP_GET, "/api/v1/break-glass", .who = ALPHA, .want = 403, .audits = 1},
    {"a client as in an emergency", HTTP_GET, "/v1/models", .who = ALPHA, .header = "Lazaret-Break-Glass",
     .value = "01890000-0000-7000-8000-000000000000", .want = 403, .audits = 1},
    {"a job's id is none", HTTP_GET, "/v1/jobs/1", .who = ALPHA, .want = 422},
    {"somebody signed in", HTTP_GET, "/api/v1/me", .header = "Cookie", .value = cookie[IN], .want = 200},
    {"somebody's session", HTTP_GET, "/auth/session", .header = "Cookie", .value = cookie[IN], .want = 200},
    {"a session that is over", HTTP_GET, "/api/v1/me", .header = "Cookie", .value = cookie[OVER], .want = 401, .audits = 1},
    {"nobody signs out", HTTP_POST, "/auth/logout", .want = 401, .audits = 1},
    {"without the header", HTTP_POST, "/auth/logout", .header = "Cookie", .value = cookie[IN], .want = 403, .audits = 1},
};

/* --- what there is before the faults --- */

static void add_client(enum who who, const char *name, const char *origin)
{
    struct client_secrets s;
    struct err e;
    CHECK_OK(client_add(w.app.api.db, w.app.api.keyring, w.app.api.scope, name, origin, &operator_does, life, &s, &e));
    snprintf(w.bearer[who], sizeof w.bearer[who], "Bearer %s", s.api_key);
}

static struct slice job_id(struct slice answer)
{
    char *at = memmem(answer.p, answer.n, "\"job_id\":\"", 10);
    return at ? (struct slice){at + 10, UUID_TEXT - 1} : (struct slice){NULL, 0};
}

static void add_job(enum job job, const char *key, bool end, const char *error)
{
    struct question q = {HTTP_POST, "/v1/diagnose", ALPHA, body[COMPLETE], key, NULL, NULL};
    struct answer r;
    struct err e;
    world_ask(&w, &q, SHIM_ARENA, 0, false, life, &r);
    CHECK_INT(r.status, 202);
    snprintf(job_path[job], sizeof job_path[job], "/v1/jobs/%.*s", SLICE_FMT(job_id(r.body)));
    if (end) {
        struct job_claim c;
        CHECK_INT(job_claim(w.app.api.jobs, 60000000, life, &c, &e), 1);
        CHECK_INT(job_finish(w.app.api.jobs, &c, SLICE("{\"score\":7}"), SLICE("said"), error, life, &e), 1);
        job_claim_end(w.app.api.jobs, &c);
    }
}

/* Good once, so a new one each time. */
static struct slice assertion(struct arena *a)
{
    static int jti;
    char *claims = arena_printf(a, "{\"iss\":\"alpha\",\"sub\":\"alpha\",\"aud\":\"http://gw\",\"exp\":%lld,\"jti\":\"j%d\"}",
                                (long long)(clock_now_us() / 1000000 + 200), jti++);
    struct slice text = jws_sign(a, "{\"alg\":\"ES256\",\"kid\":\"k1\"}", claims, program_key, "ES256");
    return slice_of(arena_printf(a, "grant_type=client_credentials&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3A"
                                    "client-assertion-type%%3Ajwt-bearer&client_assertion=%.*s&scope=system/GuidanceResponse.r",
                                 SLICE_FMT(text)));
}

static int keep_token(struct tx *tx, void *arg, struct err *e)
{
    (void)arg; /* longer than these tests take */
    return tx_exec(tx, e, "UPDATE client_token SET until = 9000000000000000") < 0 ? -1 : 0;
}

static void add_program(void)
{
    struct programs_config c = {.db = w.app.api.db, .scope = w.app.api.scope, .issuer = "http://gw"};
    struct question q = {HTTP_POST, "/auth/token", NOBODY, {NULL, 0}, NULL, "Content-Type", FORM};
    struct answer r;
    struct err e;
    char jwk[2048];
    program_key = EVP_EC_gen("P-256");
    jwk_of_ec(program_key, "P-256", 32, jwk);
    CHECK_OK(programs_start(&c, &programs, &e));
    w.app.api.programs = programs;
    CHECK_OK(program_keys(w.app.api.db, w.app.api.scope, "alpha", arena_printf(life, "{\"keys\":[%s]}", jwk), NULL, false,
                          &operator_does, life, &e));
    q.body = assertion(life);
    world_ask(&w, &q, SHIM_ARENA, 0, false, life, &r);
    CHECK_INT(r.status, 200);
    snprintf(w.bearer[PROGRAM], sizeof w.bearer[PROGRAM], "Bearer %.46s", strstr(r.body.p, "lt_"));
    CHECK_OK(tx_run(w.app.api.db, keep_token, NULL, &e));
}

static void add_session(int which)
{
    uint8_t who[32];
    struct person p;
    struct session_new x = {.how = SESSION_PASSWORD};
    struct arrival a = {.who = who, .issuer = "https://id.example", .subject = "mara", .name = "mara", .by = "provider"};
    const char *text;
    enum desk_done done;
    struct session s;
    struct caller c;
    struct err e;
    const struct people *all = &w.app.api.sessions.people;
    CHECK_OK(person_hash(all, PERSON_WHO, a.issuer, SLICE("mara"), who, &e));
    if (person_find(all, who, life, &p, &e) == 0) {
        CHECK_OK(person_arrive(all, &a, NULL, life, &p, &e));
        CHECK_OK(desk_approve(all, SLICE("mara"), ROLE_AUDITOR, "chief", life, &done, &e));
    }
    memcpy(x.staff, p.id, 16);
    CHECK_OK(session_open(&w.app.api.sessions, &x, NULL, life, &text, &e));
    snprintf(cookie[which], sizeof cookie[which], "__Host-lazaret=%s", text);
    struct session_ask q = {.cookie = slice_of(text)};
    CHECK_INT(session_identify(&w.app.api.sessions, &q, life, &s, &c, &e), 1);
    if (which == OVER)
        CHECK_OK(session_end(&w.app.api.sessions, s.id, "signed out", NULL, &e));
}

static int prepare(void **unused)
{
    struct err e;
    (void)unused;
    life = arena_new(64 << 20);
    CHECK_OK(world_begin(&w, &e) || world_open(&w, true, &e));
    if (!w.app.sandbox)
        fail_msg("models cannot run here: %s", w.app.sandbox_error.detail);
    w.app.api.sessions = (struct sessions){.people = {w.app.api.db, w.app.api.keyring, w.app.api.scope},
                                           .idle_us = INT64_C(3600000000),
                                           .life_us = INT64_C(7200000000)};
    w.app.api.config.url = "";
    add_session(IN);
    add_session(OVER);
    add_client(ALPHA, "alpha", "https://example.org");
    add_client(BETA, "beta", NULL);
    snprintf(w.bearer[STRANGER], sizeof w.bearer[STRANGER], "Bearer lz_%043d", 0);
    body[COMPLETE] = world_body(life, "alpha", "sepsis", NULL, "sepsis-complete.json", NULL, NULL);
    body[TOGETHER] = world_body(life, "alpha", "sepsis", "\"policy\":\"all-ready\",", "sepsis-complete.json", NULL, NULL);
    body[INCOMPLETE] = world_body(life, "alpha", "sepsis", NULL, "sepsis-incomplete.json", NULL, NULL);
    body[INVALID] = world_body(life, "alpha", "sepsis", NULL, "sepsis-complete.json", "\"status\": \"final\"",
                               "\"status\": \"done\", \"colour\": \"red\"");
    body[UNKNOWN_TARGET] = world_body(life, "alpha", "gout", NULL, "sepsis-complete.json", NULL, NULL);
    body[UNKNOWN_FIELD] = world_body(life, "alpha", "sepsis", "\"colour\":1,", "sepsis-complete.json", NULL, NULL);
    body[OTHERS_NAME] = world_body(life, "beta", "sepsis", NULL, "sepsis-complete.json", NULL, NULL);
    /* texts with escapes have to be copied to be read, and that can fail */
    body[WEBHOOK] = world_body(life, "\\u0061lpha", "\\u0073epsis", "\"webhook_url\":\"https:\\/\\/example.org\\/hook\",",
                               "sepsis-complete.json", NULL, NULL);
    static const char bundle[] = "\"fhir_bundle\":";
    const char *at = memmem(body[INCOMPLETE].p, body[INCOMPLETE].n, bundle, sizeof bundle - 1);
    CHECK(at != NULL);
    at += sizeof bundle - 1; /* up to the brace that closes the request */
    body[PARAMETERS] = slice_of(arena_printf(life, "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"target\",\"valueCode\":"
                                                   "\"sepsis\"},{\"name\":\"data\",\"resource\":%.*s}]}",
                                             (int)(body[INCOMPLETE].n - (size_t)(at - body[INCOMPLETE].p) - 1), at));
    body[NO_PARAMETERS] = SLICE("{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"t\\u0061rget\"},{}]}");
    body[NO_JSON] = SLICE("{\"client_id\":\"alpha\",,}");
    body[NO_FIELDS] = SLICE("{\"client_id\":7,\"webhook_url\":\"https://other.org/\"}");
    body[UNSIGNED] = SLICE("grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&"
                           "client_assertion=eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhbHBoYSIsInN1YiI6ImFscGhhIn0.c2ln&scope=system/Bundle.c");
    add_program();
    add_job(DONE, "done", true, NULL);
    add_job(BROKEN, "broken", true, "CRASHED");
    add_job(WAITING, "same", false, NULL);
    CHECK_INT(audit_checkpoint(w.app.signer, &(struct err){.code = ERR_NONE}), 0);
    snprintf(job_path[GUIDANCE], sizeof job_path[GUIDANCE], "/fhir/R4/GuidanceResponse%s", strrchr(job_path[DONE], '/'));
    snprintf(job_path[FAILURE], sizeof job_path[FAILURE], "/fhir/R4/GuidanceResponse%s", strrchr(job_path[BROKEN], '/'));
    snprintf(job_path[ABSENT], sizeof job_path[ABSENT], "/v1/jobs/01890000-0000-7000-8000-000000000000");
    return 0;
}

static int clean_up(void **unused)
{
    (void)unused;
    EVP_PKEY_free(program_key);
    world_close(&w);
    world_remove(&w);
    arena_free(life);
    return 0;
}

/* --- one request, once with a fault and once without --- */

static int64_t audits(void) { return world_look(&w, "SELECT count(*) FROM audit", (struct slice){NULL, 0}); }
static int64_t all_jobs(void) { return world_look(&w, "SELECT count(*) FROM job", (struct slice){NULL, 0}); }

static struct question question_of(const struct row *x, const char *fresh, struct arena *a)
{
    static const char *const key[] = {[NO_KEY] = NULL, [SAME_KEY] = "same", [REUSED_KEY] = "same"};
    return (struct question){.method = x->method, .path = x->job ? job_path[x->job] : x->path, .who = x->who,
                             .body = x->body == ASSERTION ? assertion(a) : body[x->body],
                             .key = x->key == FRESH_KEY ? fresh : key[x->key], .header = x->header, .value = x->value};
}

/* The job that an answer names is there, and is the one its key stands for. */
static void check_accepted(const struct row *x, const struct question *q, const struct answer *r, long n)
{
    uint8_t id[UUID_BYTES], hash[SHA256_BYTES];
    CHECK_AT(uuid_parse(job_id(r->body), id), "%s %ld", x->name, n);
    sha256(slice_of(q->key), hash);
    struct slice job = {(char *)id, sizeof id}, key = {(char *)hash, sizeof hash};
    CHECK_AT(world_look(&w, "SELECT webhook FROM job WHERE id = $1", job) == (x->body == WEBHOOK), "%s %ld", x->name, n);
    int64_t jobs = world_look(&w, "SELECT count(*) FROM job, idempotency i WHERE i.job = job.id AND i.key_hash = $1", key);
    CHECK_AT(jobs == 1, "%s %ld", x->name, n);
    CHECK_AT(world_look(&w, "SELECT count(*) FROM idempotency WHERE job = $1", job) == 1, "%s %ld", x->name, n);
}

static void check_store(const char *what, long n)
{
    struct err e = {.detail = ""};
    int64_t entries;
    CHECK_AT(job_check_invariants(w.app.api.jobs, &e) == 0, "%s %ld: %s", what, n, e.detail);
    CHECK_AT(audit_verify(w.app.api.db, &entries, &e) == 0, "%s %ld: %s", what, n, e.detail);
}

static bool has(struct slice s, const char *z) { return memmem(s.p ? s.p : "", s.n, z, strlen(z)) != NULL; }

/* Two acceptances, whose ids and times differ, and whose eta_seconds may have more digits. */
static bool like(const struct slice *a, const struct slice *b)
{
    return a->n < b->n + 5 && b->n < a->n + 5 && has(*a, "\"request_id\":\"asked\"}");
}

/* But for the entry's index, which is another each time, and not told at all where it could not be read. */
static struct slice fields_of(const struct answer *r, struct arena *a)
{
    static const char name[] = "Lazaret-Audit: ";
    const char *from = r->fields.n ? memmem(r->fields.p, r->fields.n, name, sizeof name - 1) : NULL;
    if (!from)
        return r->fields;
    size_t before = (size_t)(from - r->fields.p), left = r->fields.n - before;
    const char *end = memchr(from, '\n', left);
    size_t n = end ? (size_t)(end + 1 - from) : left;
    char *out = arena_take(a, r->fields.n);
    memcpy(out, r->fields.p, before);
    memcpy(out + before, from + n, left - n);
    return (struct slice){out, r->fields.n - n};
}

/* `right`: the answer without fault; of an acceptance only the length is the same each time. */
static void check_answer(const struct row *x, const struct question *q, const struct answer *r, const struct answer *right,
                         enum shim kind, long n)
{
    const char *what = shim_name[kind];
    if (r->status != x->want) {
        CHECK_AT(r->status == 500 || r->status == 503, "%s, %s %ld: %d %.*s", x->name, what, n, r->status, SLICE_FMT(r->body));
        CHECK_AT(!has(r->body, "score") && !has(r->body, "\"result\":{"), "%s, %s %ld: %.*s", x->name, what, n, SLICE_FMT(r->body));
        return;
    }
    if (x->want == 202)
        check_accepted(x, q, r, n);
    if (x->body == ASSERTION)
        CHECK_AT(has(r->body, "\"access_token\":\"lt_") && has(r->body, "\"scope\":\"system/GuidanceResponse.r\"}"), "%s, %s %ld: %.*s",
                 x->name, what, n, SLICE_FMT(r->body));
    if (!right->body.p || x->body == INCOMPLETE || x->body == ASSERTION || strcmp(x->name, "metrics") == 0 ||
        x->body_changes)
        return;
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct slice got = fields_of(r, a), want = fields_of(right, a);
    bool same = x->key == FRESH_KEY ? like(&r->body, &right->body) && got.n == want.n
                                    : slice_eq(r->body, right->body) && slice_eq(got, want);
    CHECK_AT(same, "%s, %s %ld: %.*s%.*s", x->name, what, n, SLICE_FMT(r->fields), SLICE_FMT(r->body));
}

static long one(const struct row *x, enum shim kind, long n, const struct answer *right, struct arena *a, struct answer *ret)
{
    char fresh[80];
    struct answer again;
    static int turn;
    snprintf(fresh, sizeof fresh, "fresh-%06d", turn++);
    struct question q = question_of(x, fresh, a);
    int64_t entries = audits(), jobs = all_jobs();
    long hits = world_ask(&w, &q, kind, n, false, a, ret);
    check_answer(x, &q, ret, right, kind, n);
    int64_t more = audits() - entries;
    CHECK_AT(ret->status == x->want ? more == x->audits : more <= x->audits, "%s, %s %ld: %d, %lld entries", x->name,
             shim_name[kind], n, ret->status, (long long)more);
    CHECK_AT(hits >= n || ret->status == x->want, "%s, %s %ld: %d without a fault", x->name, shim_name[kind], n, ret->status);
    if (n) {
        q = question_of(x, fresh, a);
        world_ask(&w, &q, kind, 0, false, a, &again);
        CHECK_AT(again.status == x->want, "%s, %s %ld: %d the second time", x->name, shim_name[kind], n, again.status);
        if (x->want == 202) {
            check_accepted(x, &q, &again, n);
            CHECK_AT(ret->status != 202 || slice_eq(job_id(ret->body), job_id(again.body)), "%s, %s %ld", x->name, shim_name[kind], n);
            CHECK_AT(like(&again.body, &right->body), "%s, %s %ld: %.*s", x->name, shim_name[kind], n, SLICE_FMT(again.body));
        }
        check_store(x->name, n);
    }
    int64_t made = x->want == 202 && x->key == FRESH_KEY ? x->jobs ? x->jobs : 1 : 0;
    CHECK_AT(all_jobs() - jobs == made, "%s, %s %ld: %lld jobs", x->name, shim_name[kind], n, (long long)(all_jobs() - jobs));
    return hits;
}

static void walk(enum shim kind)
{
    long tried = 0, points = 0;
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(64 << 20);
        struct answer right = {0}, r;
        one(&row[i], SHIM_KINDS - 1, 0, &(struct answer){0}, a, &r); /* warm: statements prepared, pages read */
        long mine = one(&row[i], kind, 0, &(struct answer){0}, a, &right), step = fault_stride(mine, POINTS);
        for (long n = 1;; n += step, tried++) {
            OWN_ARENA struct arena *b = arena_new(64 << 20);
            if (one(&row[i], kind, n, &right, b, &r) < n)
                break;
        }
        points += mine;
    }
    print_message("# %s: %ld of %ld points in %zu kinds of request\n", shim_name[kind], tried, points, COUNT(row));
    fault_walked();
}

TEST(every_request_is_answered_rightly_or_refused_when_an_allocation_fails) { walk(SHIM_ARENA); }
TEST(every_request_is_answered_rightly_or_refused_when_the_system_has_no_memory) { walk(SHIM_CALLOC); }
TEST(every_request_is_answered_rightly_or_refused_when_sqlite_has_no_memory) { walk(SHIM_SQLITE_ALLOC); }
TEST(every_request_is_answered_rightly_or_refused_when_a_transaction_fails) { walk(SHIM_COMMIT); }

TEST(every_request_is_answered_rightly_or_refused_when_a_write_fails)
{
    walk(SHIM_WRITE_IOERR);
    walk(SHIM_WRITE_FULL);
    walk(SHIM_WRITE_SHORT);
    walk(SHIM_SYNC);
    walk(SHIM_TRUNCATE);
}

TEST(while_the_disk_is_full_what_needs_no_writing_is_answered_and_the_rest_refused)
{
    static const enum shim kind[] = {SHIM_COMMIT, SHIM_WRITE_FULL, SHIM_SYNC};
    for (size_t k = 0; k < COUNT(kind); k++) {
        int64_t jobs = all_jobs(), entries = audits();
        for (size_t i = 0; i < COUNT(row); i++) {
            OWN_ARENA struct arena *a = arena_new(64 << 20);
            struct question q = question_of(&row[i], "full", a);
            struct answer r;
            world_ask(&w, &q, kind[k], 1, true, a, &r);
            CHECK_AT(r.status == (row[i].audits ? 503 : row[i].want), "%s, %s: %d", row[i].name, shim_name[kind[k]], r.status);
        }
        CHECK_INT(all_jobs(), jobs);
        CHECK_INT(audits(), entries);
        check_store(shim_name[kind[k]], 0);
    }
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(64 << 20);
        struct answer r;
        one(&row[i], SHIM_ARENA, 0, &(struct answer){0}, a, &r);
    }
    fault_walked();
}

TEST(what_was_accepted_is_there_after_reopening)
{
    struct err e;
    int64_t before = all_jobs(), entries = audits();
    programs_stop(programs);
    world_close(&w);
    CHECK_OK(world_open(&w, true, &e));
    CHECK_INT(all_jobs(), before);
    CHECK_INT(audits(), entries);
    CHECK_OK(db_check(w.app.api.db, &e));
    check_store("reopened", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(every_request_is_answered_rightly_or_refused_when_an_allocation_fails),
                                       T(every_request_is_answered_rightly_or_refused_when_the_system_has_no_memory),
                                       T(every_request_is_answered_rightly_or_refused_when_sqlite_has_no_memory),
                                       T(every_request_is_answered_rightly_or_refused_when_a_transaction_fails),
                                       T(every_request_is_answered_rightly_or_refused_when_a_write_fails),
                                       T(while_the_disk_is_full_what_needs_no_writing_is_answered_and_the_rest_refused),
                                       T(what_was_accepted_is_there_after_reopening)};
    shim_install();
    log_set_level((enum log_level)(LOG_ERROR + 1)); /* every fault is an error line */
    int failed = cmocka_run_group_tests(tests, prepare, clean_up);
    arena_thread_end();
    return failed;
}
