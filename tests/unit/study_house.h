/* study_house.h -- a house with a study in it: gates, keys, and the people who act in the test. */
#ifndef STUDY_HOUSE_H
#define STUDY_HOUSE_H

#include "house.h"

#include "policy/policy.h"
#include "store/gate.h"
#include "study/study.h"

/* A new one. Each of the callers gets its scope, and a row as staff with its id, of which the first byte counts. */
static inline void study_house_build(struct house *h, struct study *study, struct caller *const *all, size_t n)
{
    struct err e;
    const struct gate *gate[ROLE_COUNT];
    house_build(h);
    CHECK_OK(gate_install(h->db, gate, policy_gates(gate), &e));
    CHECK_OK(study_open(h->db, h->keyring, h->scope, study, &e));
    for (size_t i = 0; i < n; i++) {
        char sql[512];
        memcpy(all[i]->scope, h->scope, 16);
        snprintf(sql, sizeof sql,
                 "INSERT INTO staff (scope, id, who, person, state, created_at, changed_at) "
                 "SELECT id, CAST(x'%02x' || zeroblob(15) AS BLOB), x'%02x', x'00', 'active', 0, 0 FROM scope;",
                 all[i]->id[0], all[i]->id[0]);
        house_sql(h, sql);
    }
}

static inline void study_house_raze(struct house *h, struct study *study)
{
    study_close(study);
    house_raze(h);
}

/* What the caller's role calls the ticket that was opened last, or first: within one minute its lists do not say which
 * that is. */
static inline int64_t study_house_ticket(const struct house *h, const struct caller *c, bool last)
{
    OWN_ARENA struct arena *a = arena_new(4096);
    struct err e;
    struct rows r;
    CHECK_INT(db_rows(h->db, a, &r, &e,
                      "SELECT a.number FROM ticket t JOIN alias a ON a.scope = t.scope AND a.subject_index = "
                      "t.alias_index WHERE t.scope = $1 AND a.holder = $2 ORDER BY t.opened_at * $3 LIMIT 1",
                      V_ID(h->scope), V_STR(role_name(c->role)), V_INT(last ? -1 : 1)),
              1);
    return r.cell[0].i;
}

/* C4: none of the words stands in clear in a file of the store. On PostgreSQL it is up to the scenarios, which dump it. */
static inline void study_house_hides(const struct house *h, const char *const *word, size_t n)
{
    char path[200];
    struct err e;
    if (house_shared())
        return;
    CHECK_OK(db_scrub(h->db, &e));
    for (int wal = 0; wal < 2; wal++) {
        snprintf(path, sizeof path, "%s%s", h->db_path, wal ? "-wal" : "");
        OWN_FILE FILE *f = fopen(path, "rb");
        static char text[1 << 24];
        size_t size = f ? fread(text, 1, sizeof text, f) : 0;
        for (size_t i = 0; i < n; i++)
            if (memmem(text, size, word[i], strlen(word[i])))
                fail_msg("%s in %s", word[i], path);
    }
}

#endif
