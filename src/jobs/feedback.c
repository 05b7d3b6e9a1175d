#include "jobs/feedback.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/rnd.h"
#include "jobs/job_int.h"

struct said {
    const struct feedback *what;
    uint8_t id[16];
    struct slice sealed;
};

struct saying {
    struct jobs *j;
    const struct caller *caller;
    const struct said *list;
    size_t n;
    struct arena *arena;
    struct audit_entry audit;
    bool found;
};

static const char *outcome_of(const struct feedback *f)
{
    return f->accepted ? "accepted" : "overridden";
}

/* The one that is not there, for the log. Always 0 but for a failure. */
static int absent(struct jobs *j, const struct caller *caller, const uint8_t job[16], const char *why,
                  const struct audit_entry *audit, struct err *e)
{
    char text[UUID_TEXT];
    struct audit_entry entry = *audit;
    entry.scope = caller->scope;
    entry.object = "Job";
    entry.object_id = uuid_text(job, text);
    entry.outcome = "deny";
    entry.why = why;
    return audit_note(j->db, &entry, e) ? -1 : 0;
}

/* Sealed with the key of its job. 1, 0: there is no such job of the caller's and the model's; -1. */
static int seal_one(struct jobs *j, const struct caller *caller, struct slice model, struct said *s,
                    const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct rows r;
    struct key key;
    const uint8_t *job = s->what->job;
    if (db_rows(j->db, a, &r, e,
                "SELECT job.client, job.key, job.erased_at, m.key FROM job JOIN model_version m ON m.scope = job.scope "
                "AND m.digest = job.model WHERE job.scope = $1 AND job.id = $2",
                V_ID(caller->scope), V_ID(job)) < 0)
        return -1;
    const struct val *v = r.n ? row_at(&r, 0, 0) : NULL;
    if (!v || v[0].s.n != 16 || memcmp(v[0].s.p, caller->id, 16) != 0)
        return absent(j, caller, job, v ? "not-own" : "absent", audit, e);
    if (v[2].kind != VAL_NULL || !slice_eq(v[3].s, model))
        return absent(j, caller, job, v[2].kind != VAL_NULL ? "erased" : "absent", audit, e);
    struct seal_place at = job_place(PLACE_JOB_KEY, caller->scope, job, caller->id);
    if (keyring_unwrap(j->keyring, &at, v[1].s, a, &key, e))
        return -1;
    uuid7(s->id);
    at = job_place(PLACE_JOB_FEEDBACK, caller->scope, s->id, caller->id);
    int rc = seal(&key, &at, s->what->sheet, a, &s->sealed, e);
    key_wipe(&key);
    return rc ? -1 : 1;
}

/* Where bodies run beside each other: what is counted of a job next stays so until the end of this one. */
static int hold_job(struct tx *tx, const struct saying *x, const uint8_t *job, struct err *e)
{
    struct rows r;
    return tx_shared(tx) && tx_rows(tx, x->arena, &r, e, "SELECT 1 FROM job WHERE scope = $1 AND id = $2 FOR UPDATE",
                                    V_ID(x->caller->scope), V_ID(job)) < 0
               ? -1
               : 0;
}

static int add_body(struct tx *tx, void *arg, struct err *e)
{
    struct saying *x = arg;
    struct rows r;
    char text[UUID_TEXT];
    int64_t now = clock_now_us();
    x->found = true;
    for (size_t i = 0; i < x->n; i++) {
        const struct said *s = &x->list[i];
        struct audit_entry entry = x->audit;
        if (hold_job(tx, x, s->what->job, e))
            return -1;
        int made =
            tx_exec(tx, e,
                    "INSERT INTO job_feedback (scope, id, job, outcome, at, created_at, sheet) SELECT $1, $2, id, "
                    "$3, $4, $5, $6 FROM job WHERE scope = $1 AND id = $7 AND erased_at IS NULL",
                    V_ID(x->caller->scope), V_ID(s->id), V_STR(outcome_of(s->what)), V_INT(s->what->at_us),
                    V_INT(now + (int64_t)i), V_BLOB(s->sealed), V_ID(s->what->job));
        if (made < 0 || tx_rows(tx, x->arena, &r, e, "SELECT count(*) FROM job_feedback WHERE scope = $1 AND job = $2",
                                V_ID(x->caller->scope), V_ID(s->what->job)) < 0)
            return -1;
        if (row_at(&r, 0, 0)->i > FEEDBACK_JOB_MAX)
            return err_set(e, ERR_RULE, "a job has %d feedbacks", FEEDBACK_JOB_MAX);
        x->found &= made == 1;
        entry.scope = x->caller->scope;
        entry.object = "Job";
        entry.object_id = uuid_text(s->what->job, text);
        entry.why = made == 1 ? outcome_of(s->what) : "erased";
        entry.outcome = made == 1 ? entry.outcome : "deny";
        entry.rows = made;
        if (audit_append(tx, &entry, e))
            return -1;
    }
    return 0;
}

int feedback_add(struct jobs *j, const struct caller *caller, struct slice model, const struct feedback *list, size_t n,
                 const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct said *said = arena_take(a, n * sizeof *said);
    if (!said)
        return err_set(e, ERR_NO_MEMORY, "%zu feedbacks", n);
    for (size_t i = 0; i < n; i++) {
        said[i].what = &list[i];
        int there = seal_one(j, caller, model, &said[i], audit, a, e);
        if (there <= 0)
            return there;
    }
    struct saying x = {.j = j, .caller = caller, .list = said, .n = n, .arena = a, .audit = *audit};
    return tx_run(j->db, add_body, &x, e) ? -1 : x.found;
}

int feedback_of(struct jobs *j, const uint8_t job[16], const uint8_t client[16], const struct key *key, struct arena *a,
                struct slice *ret, struct err *e)
{
    struct rows r;
    struct buf b = buf_in(a, FEEDBACK_TEXT_MAX);
    struct json_out o = json_out(&b);
    char when[CLOCK_TEXT];
    *ret = (struct slice){NULL, 0};
    if (db_rows(j->db, a, &r, e,
                "SELECT id, outcome, at, sheet FROM job_feedback WHERE scope = $1 AND job = $2 ORDER BY created_at, id",
                V_ID(j->scope), V_ID(job)) < 0)
        return -1;
    json_open(&o, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        struct slice sheet;
        struct seal_place at = job_place(PLACE_JOB_FEEDBACK, j->scope, (const uint8_t *)v[0].s.p, client);
        if (v[0].s.n != 16)
            return err_set(e, ERR_STORE, "an id that is none");
        if (seal_open(key, &at, v[3].s, a, &sheet, e))
            return -1;
        json_open(&o, '{');
        json_pair(&o, "outcome", v[1].s);
        json_pair_str(&o, "at", clock_text(v[2].i, when));
        if (sheet.n > 2) { /* its members, without its braces */
            buf_byte(&b, ',');
            buf_add(&b, sheet.p + 1, sheet.n - 2);
        }
        json_close(&o, '}');
    }
    json_close(&o, ']');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "what was said of a job");
    if (r.n)
        *ret = buf_text(&b);
    return 0;
}

int feedback_forget(struct tx *tx, const uint8_t *scope, const uint8_t *job, struct err *e)
{
    return tx_put(tx, e, "DELETE FROM job_feedback WHERE scope = $1 AND job = $2", V_ID(scope), V_ID(job));
}
