#include "jobs/watch.h"

#include <time.h>

#include "base/rnd.h"
#include "jobs/job_int.h"

void jobs_changed(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    j->changes++;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

void jobs_changed_wait(struct jobs *j, uint64_t *seen, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&j->lock);
    while (j->changes == *seen)
        if (pthread_cond_timedwait(&j->changed, &j->lock, &until))
            break;
    *seen = j->changes;
    pthread_mutex_unlock(&j->lock);
}

/* id, state, attempts, error, updated_at, progress */
static void take_now(const struct rows *r, int i, struct job_now *ret)
{
    const struct val *v = row_at(r, i, 0);
    *ret = (struct job_now){.state = job_state_named(v[1].s),
                            .attempts = (int)v[2].i,
                            .error = v[3].kind == VAL_NULL ? NULL : v[3].s.p,
                            .updated_at = v[4].i,
                            .progress = v[5].kind == VAL_NULL ? -1 : (int)v[5].i};
    memcpy(ret->id, v[0].s.p, v[0].s.n < 16 ? v[0].s.n : 16);
}

int job_watch(struct jobs *j, const struct caller *caller, const uint8_t id[16], const struct audit_entry *audit,
              struct arena *a, struct job_now *ret, struct err *e)
{
    struct rows r;
    char text[UUID_TEXT];
    struct audit_entry entry = *audit;
    if (db_rows(j->db, a, &r, e,
                "SELECT id, state, attempts, error, updated_at, progress, client FROM job WHERE scope = $1 AND id = $2",
                V_ID(j->scope), V_ID(id)) < 0)
        return -1;
    struct slice client = r.n ? row_at(&r, 0, 6)->s : (struct slice){NULL, 0};
    bool own = client.n == 16 && (!caller || memcmp(client.p, caller->id, 16) == 0);
    entry.scope = j->scope;
    entry.object = "Job";
    entry.object_id = uuid_text(id, text);
    if (!own) {
        entry.outcome = "deny";
        entry.why = r.n ? "not-own" : "absent";
    }
    if (audit_note(j->db, &entry, e))
        return -1;
    if (own)
        take_now(&r, 0, ret);
    return own;
}

int job_watched(struct jobs *j, const uint8_t id[][16], int n, struct arena *a, struct job_now *ret, struct err *e)
{
    struct rows r;
#define ID(i) V_ID(id[(i) < n ? (i) : 0])
    _Static_assert(WATCH_MAX == 16, "as many as the query has");
    if (n < 1 || n > WATCH_MAX)
        return n == 0 ? 0 : err_set(e, ERR_INTERNAL, "%d jobs cannot be looked at in one go", n);
    if (db_rows(j->db, a, &r, e,
                "SELECT id, state, attempts, error, updated_at, progress FROM job WHERE scope = $1 AND id IN ($2, $3, "
                "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
                V_ID(j->scope), ID(0), ID(1), ID(2), ID(3), ID(4), ID(5), ID(6), ID(7), ID(8), ID(9), ID(10), ID(11),
                ID(12), ID(13), ID(14), ID(15)) < 0)
        return -1;
#undef ID
    for (int i = 0; i < r.n && i < n; i++)
        take_now(&r, i, &ret[i]);
    return r.n;
}

int job_waiting(struct jobs *j, const struct caller *caller, int most, struct arena *a, struct err *e)
{
    struct rows r;
    return db_rows(j->db, a, &r, e,
                   "SELECT count(*) FROM (SELECT 1 FROM job WHERE scope = $1 AND client = $2 AND state = 'QUEUED' "
                   "LIMIT $3) AS waiting",
                   V_ID(caller->scope), V_ID(caller->id), V_INT(most)) < 0
               ? -1
               : (int)row_at(&r, 0, 0)->i;
}
