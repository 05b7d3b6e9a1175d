/* sealed.c -- does every stored value of every job still open? */
#include "base/own.h"
#include "base/rnd.h"
#include "jobs/feedback.h"
#include "jobs/job_int.h"

enum { PAGE = 20 };

/* An erased job has nothing to open. */
static const char page_of_jobs[] = "SELECT id, client, key, bundle, plan, result, vendor_log FROM job WHERE scope = $1 "
                                   "AND id > $2 AND erased_at IS NULL "
                                   "ORDER BY id LIMIT $3";

static int open_row(struct jobs *j, const struct val *v, struct arena *a, struct err *e)
{
    static const enum place place[] = {PLACE_JOB_BUNDLE, PLACE_JOB_PLAN, PLACE_JOB_RESULT, PLACE_JOB_VENDOR_LOG};
    struct key key;
    struct slice plain;
    if (v[0].s.n != 16 || v[1].s.n != 16)
        return err_set(e, ERR_STORE, "an id that is none");
    const uint8_t *id = (const uint8_t *)v[0].s.p, *client = (const uint8_t *)v[1].s.p;
    struct seal_place at = job_place(PLACE_JOB_KEY, j->scope, id, client);
    if (keyring_unwrap(j->keyring, &at, v[2].s, a, &key, e))
        return -1;
    int rc = 0;
    for (size_t i = 0; i < COUNT(place) && !rc; i++) {
        at = job_place(place[i], j->scope, id, client);
        if (v[3 + i].kind != VAL_NULL)
            rc = seal_open(&key, &at, v[3 + i].s, a, &plain, e);
    }
    rc = rc || feedback_of(j, id, client, &key, a, &plain, e) ? -1 : 0;
    key_wipe(&key);
    return rc;
}

int job_check_sealed(struct jobs *j, struct progress *p, int64_t *ret, struct err *e)
{
    uint8_t after[16] = {0};
    struct rows r;
    {
        OWN_ARENA struct arena *a = arena_new(64 * 1024);
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "check the jobs");
        if (db_rows(j->db, a, &r, e, "SELECT count(*) FROM job WHERE erased_at IS NULL") < 0)
            return -1;
        progress_begin(p, "opening the jobs", row_at(&r, 0, 0)->i);
    }
    *ret = 0;
    for (int got = PAGE; got == PAGE;) {
        OWN_ARENA struct arena *a = arena_new(1u << 30);
        char text[UUID_TEXT];
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "check the jobs");
        if (p->stop)
            return err_set(e, ERR_BUSY, "the check was told to end");
        got = db_rows(j->db, a, &r, e, page_of_jobs, V_ID(j->scope), V_ID(after), V_INT(PAGE));
        if (got < 0)
            return -1;
        for (int i = 0; i < got; i++, progress_add(p, 1)) {
            if (open_row(j, row_at(&r, i, 0), a, e))
                return err_in(e, "job %s",
                              row_at(&r, i, 0)->s.n == 16 ? uuid_text((const uint8_t *)row_at(&r, i, 0)->s.p, text)
                                                          : "?");
            memcpy(after, row_at(&r, i, 0)->s.p, 16);
        }
        *ret += got;
    }
    return 0;
}
