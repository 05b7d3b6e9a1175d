#include "study/roster.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/wipe.h"
#include "study/letters.h"
#include "study/patient_int.h"

enum { NAME_MAX_ = 96, FIRST = 256, WORDS_MAX = 8, ARENA = 64 << 20 };

/* name: words of A to Z, the last name's first, each followed by a blank. */
struct row {
    uint8_t id[16];
    int64_t rev;
    bool left, seen;
    uint8_t given_at;                         /* where in it the first name begins */
    int32_t born;                             /* the day; NOT_KNOWN */
    int64_t joined;                           /* the day */
    uint8_t exact[2][crypto_shorthash_BYTES]; /* of family and given name, as they are written */
    char name[NAME_MAX_];
};
#define NOT_KNOWN INT32_MIN

struct roster {
    pthread_mutex_t lock;     /* guards what follows */
    struct row *row;          /* by their ids; sodium_malloc */
    const struct row **order; /* by their names */
    int n, room;
    int64_t sums[3]; /* of the people and revisions it was made from */
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

int roster_open(struct roster **ret, struct err *e)
{
    struct roster *r = sodium_malloc(sizeof *r);
    if (!r)
        return err_set(e, ERR_NO_MEMORY, "a roster");
    memset(r, 0, sizeof *r);
    crypto_shorthash_keygen(r->hash_key);
    pthread_mutex_init(&r->lock, NULL);
    *ret = r;
    return 0;
}

void roster_close(struct roster *r)
{
    if (!r)
        return;
    sodium_free(r->row);
    sodium_free(r->order);
    pthread_mutex_destroy(&r->lock);
    sodium_free(r);
}

/* --- names as letters --- */

/* Adds the words of a text, each folded, to name[*n]; what does not fit is left out. */
static void add_words(struct slice text, char name[NAME_MAX_], size_t *n)
{
    while (text.n) {
        struct slice word = slice_cut(&text, ' ');
        struct letters l = letters_of(word, LETTERS_AE);
        size_t at = *n;
        char c;
        while ((c = letters_next(&l)) != 0 && at < NAME_MAX_ - 2)
            name[at++] = c;
        if (at > *n)
            name[at++] = ' ';
        *n = at;
    }
    name[*n] = 0;
}

static bool has_word(const char *name, const char *begins, size_t n)
{
    for (const char *at = name; *at; at = strchr(at, ' ') + 1)
        if (strncmp(at, begins, n) == 0)
            return true;
    return false;
}

/* `words` as add_words makes them. */
static bool fits(const struct row *r, const char *words)
{
    for (const char *at = words; *at; at = strchr(at, ' ') + 1)
        if (!has_word(r->name, at, (size_t)(strchr(at, ' ') - at)))
            return false;
    return true;
}

static void hash_name(const struct roster *r, struct slice text, uint8_t ret[crypto_shorthash_BYTES])
{
    crypto_shorthash(ret, (const uint8_t *)text.p, text.n, r->hash_key);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct row *)a)->id, ((const struct row *)b)->id, 16);
}

static int by_name(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
    int c = strcmp(x->name, y->name);
    return c ? c : memcmp(x->id, y->id, 16);
}

static struct row *row_of(const struct roster *r, const uint8_t id[16], int n)
{
    struct row key;
    memcpy(key.id, id, 16);
    return n ? bsearch(&key, r->row, (size_t)n, sizeof *r->row, by_id) : NULL;
}

/* --- held against the store --- */

static void sort(struct roster *r)
{
    for (int i = 0; i < r->n; i++)
        r->order[i] = &r->row[i];
    qsort(r->order, (size_t)r->n, sizeof *r->order, by_name);
}

static int make_room(struct roster *r, int want, struct err *e)
{
    int room = r->room ? r->room : FIRST;
    while (room < want)
        room *= 2;
    if (room == r->room)
        return 0;
    struct row *row = sodium_malloc((size_t)room * sizeof *row);
    const struct row **order = sodium_malloc((size_t)room * sizeof *order);
    if (!row || !order) {
        sodium_free(row);
        sodium_free(order);
        return err_set(e, ERR_NO_MEMORY, "a roster of %d", want);
    }
    if (r->n)
        memcpy(row, r->row, (size_t)r->n * sizeof *row);
    sodium_free(r->row);
    sodium_free(r->order);
    r->row = row;
    r->order = order;
    r->room = room;
    sort(r); /* the order names rows where they were */
    return 0;
}

static int take_row(const struct study *s, struct roster *r, const struct val *v, struct arena *a, struct err *e)
{
    const uint8_t *id = (const uint8_t *)v[0].s.p;
    struct slice text;
    struct json j;
    struct json_fault where;
    struct row *to = row_of(r, id, r->n);
    size_t n = 0;
    if (study_unseal(s, id, SUBJECT_IDENTITY, PLACE_PERSON_DETAIL, id, v[1].i, v[2].s, a, &text, e))
        return -1;
    if (json_parse(a, text, &j, &where))
        return err_set(e, ERR_KEYS, "a patient's name");
    memset(to->name, 0, sizeof to->name);
    struct slice family = json_get_text(&j, 0, patient_field_row(PATIENT_last_name)->name, a),
                 given = json_get_text(&j, 0, patient_field_row(PATIENT_first_name)->name, a),
                 born = json_get_text(&j, 0, patient_field_row(PATIENT_date_of_birth)->name, a);
    add_words(family, to->name, &n);
    to->given_at = (uint8_t)n;
    add_words(given, to->name, &n);
    hash_name(r, family, to->exact[0]);
    hash_name(r, given, to->exact[1]);
    to->born = born.n ? (int32_t)patient_day(born) : NOT_KNOWN;
    to->rev = v[1].i;
    to->left = v[3].kind != VAL_NULL;
    to->joined = v[4].i;
    return 0;
}

/* Opens the names of up to a hundred: rows id, rev, detail, left_on, joined_on. Who was erased meanwhile is left out.
 */
static int take_rows(const struct study *s, struct roster *r, const struct rows *rows, struct arena *a, struct err *e)
{
    struct subject_want want[DB_MANY];
    struct err gone;
    for (int i = 0; i < rows->n; i++)
        want[i] = (struct subject_want){(const uint8_t *)row_at(rows, i, 0)->s.p, SUBJECT_IDENTITY};
    if (keyring_subject_fetch(s->keyring, s->scope, want, rows->n, e))
        return -1;
    for (int i = 0; i < rows->n; i++)
        if (take_row(s, r, row_at(rows, i, 0), a, &gone) && gone.code != ERR_GONE) {
            *e = gone;
            return -1;
        }
    return 0;
}

static int take_new(const struct study *s, struct roster *r, const uint8_t (*id)[16], int n, struct err *e)
{
    for (int at = 0; at < n; at += DB_MANY) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct val v[2 + DB_MANY] = {V_NULL, V_ID(s->scope)};
        struct rows rows;
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "a roster");
        db_many(v + 2, id + at, 16, n - at);
        if (db_rows_n(s->db, a, &rows, e,
                      "SELECT id, rev, detail, left_on, joined_on FROM person WHERE scope = $1 AND id IN (" DB_HUNDRED_2
                      ")",
                      v, 1 + DB_MANY) < 0 ||
            take_rows(s, r, &rows, a, e))
            return -1;
    }
    return 0;
}

/* rows: id, rev, by id. Marks who is there, adds who is new (with revision 0) behind the others, and lists whose name
 * is to be opened. How many, or -1. */
static int compare(struct roster *r, const struct rows *rows, uint8_t (*stale)[16], struct err *e)
{
    int known = r->n, stales = 0;
    if (make_room(r, r->n + rows->n, e))
        return -1;
    for (int i = 0; i < known; i++)
        r->row[i].seen = false;
    for (int i = 0; i < rows->n; i++) {
        const uint8_t *id = (const uint8_t *)row_at(rows, i, 0)->s.p;
        struct row *at = row_of(r, id, known);
        if (!at) {
            at = &r->row[r->n++];
            memset(at, 0, sizeof *at);
            memcpy(at->id, id, 16);
        }
        at->seen = true;
        if (at->rev != row_at(rows, i, 1)->i)
            memcpy(stale[stales++], id, 16);
    }
    return stales;
}

static void drop_gone(struct roster *r)
{
    int n = 0;
    for (int i = 0; i < r->n; i++)
        if (r->row[i].seen) {
            if (n != i)
                r->row[n] = r->row[i];
            n++;
        }
    wipe(&r->row[n], (size_t)(r->n - n) * sizeof *r->row);
    r->n = n;
}

/* Read before the rows: what comes between is seen again. A revision is one more, and a mark is random, so people who
 * come and go do not make up for each other. */
static int read_sums(const struct study *s, struct arena *a, int64_t ret[3], struct err *e)
{
    struct rows r;
    if (db_rows(s->db, a, &r, e,
                "SELECT count(*), CAST(coalesce(sum(rev), 0) AS BIGINT), CAST(coalesce(sum(mark), 0) AS BIGINT) FROM "
                "person WHERE scope = $1",
                V_ID(s->scope)) < 0)
        return -1;
    for (int i = 0; i < 3; i++)
        ret[i] = r.cell[i].i;
    return 0;
}

static int refresh(const struct study *s, struct roster *r, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(ARENA);
    struct rows rows;
    int64_t sums[3];
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "a roster");
    if (read_sums(s, a, sums, e))
        return -1;
    if (r->n && memcmp(sums, r->sums, sizeof sums) == 0)
        return 0;
    if (db_rows(s->db, a, &rows, e, "SELECT id, rev FROM person WHERE scope = $1 ORDER BY id", V_ID(s->scope)) < 0)
        return -1;
    uint8_t(*stale)[16] = arena_take(a, (size_t)(rows.n + 1) * sizeof *stale);
    int was = r->n, n = stale ? compare(r, &rows, stale, e) : err_set(e, ERR_NO_MEMORY, "a roster");
    if (n < 0)
        return -1;
    bool gone = r->n != rows.n;
    if (n == 0 && !gone && was == r->n)
        return memcpy(r->sums, sums, sizeof sums), 0;
    drop_gone(r);
    qsort(r->row, (size_t)r->n, sizeof *r->row, by_id);
    int rc = take_new(s, r, (const uint8_t(*)[16])stale, n, e);
    sort(r);
    if (!rc)
        memcpy(r->sums, sums, sizeof sums);
    return rc;
}

/* --- asked --- */

static int find(const struct roster *r, const char *words, enum roster_who who, const uint8_t *after, int limit,
                struct roster_found *ret)
{
    bool behind = !after;
    ret->n = 0;
    ret->all = 0;
    ret->more = false;
    for (int i = 0; i < r->n; i++) {
        const struct row *x = r->order[i];
        bool is_after = after && memcmp(x->id, after, 16) == 0;
        if (x->rev && (who == ROSTER_ALL || (who == ROSTER_LEFT) == x->left) && fits(x, words)) {
            ret->all++;
            ret->more |= behind && ret->n == limit;
            if (behind && ret->n < limit)
                memcpy(ret->id[ret->n++], x->id, 16);
        }
        behind |= is_after;
    }
    return behind;
}

int roster_find(const struct study *s, struct slice name, enum roster_who who, const uint8_t *after, int limit,
                struct roster_found *ret, struct err *e)
{
    struct roster *r = s->roster;
    char words[NAME_MAX_] = "";
    size_t n = 0;
    add_words(name, words, &n);
    pthread_mutex_lock(&r->lock);
    int rc = refresh(s, r, e);
    if (!rc)
        rc = name.n && !n ? (*ret = (struct roster_found){.n = 0}, 1) : find(r, words, who, after, limit, ret);
    pthread_mutex_unlock(&r->lock);
    wipe(words, sizeof words);
    return rc;
}

/* --- asked by more than a name --- */

static bool text_fits(const struct roster *r, const struct row *x, const struct roster_word *w, struct slice text)
{
    char words[NAME_MAX_] = "", part[NAME_MAX_];
    size_t n = 0, from = w->part == ROSTER_GIVEN ? x->given_at : 0,
           to = w->part == ROSTER_FAMILY ? x->given_at : strlen(x->name);
    uint8_t hash[crypto_shorthash_BYTES];
    bool fit = true;
    if (w->how == ROSTER_EXACT) {
        hash_name(r, text, hash);
        return (w->part != ROSTER_GIVEN && memcmp(hash, x->exact[0], sizeof hash) == 0) ||
               (w->part != ROSTER_FAMILY && memcmp(hash, x->exact[1], sizeof hash) == 0);
    }
    add_words(text, words, &n);
    memcpy(part, x->name + from, to - from);
    part[to - from] = 0;
    for (char *at = words, *end; fit && *at; at = end + 1) {
        end = strchr(at, ' ');
        *end = 0;
        fit = w->how == ROSTER_CONTAINS ? strstr(part, at) != NULL : has_word(part, at, (size_t)(end - at));
    }
    wipe(words, sizeof words);
    wipe(part, sizeof part);
    return fit && n;
}

static bool word_fits(const struct roster *r, const struct row *x, const struct roster_word *w)
{
    for (int i = 0; i < w->texts; i++)
        if (text_fits(r, x, w, w->text[i]))
            return true;
    return false;
}

static bool born_fits(const struct row *x, const struct roster_born *b)
{
    if (b->missing || x->born == NOT_KNOWN)
        return b->missing && x->born == NOT_KNOWN;
    for (int i = 0; i < b->ranges; i++)
        if ((b->days[i].since <= x->born && x->born < b->days[i].until) != b->days[i].not )
            return true;
    return b->known;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static bool is_one(const struct row *x, const struct roster_query *q)
{
    return !q->only || (q->onlys && bsearch(x->id, q->only, (size_t)q->onlys, 16, by_bytes)) != q->but;
}

static bool all_fit(const struct roster *r, const struct row *x, const struct roster_query *q)
{
    bool fit = x->rev && (q->who == ROSTER_ALL || (q->who == ROSTER_LEFT) == x->left) && is_one(x, q);
    for (int i = 0; fit && i < q->borns; i++)
        fit = born_fits(x, &q->born[i]);
    for (int i = 0; fit && i < q->words; i++)
        fit = word_fits(r, x, &q->word[i]);
    return fit;
}

static int by_birth(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
    return x->born != y->born ? (x->born > y->born ? 1 : -1) : by_name(a, b);
}

static int by_joined(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
    return x->joined != y->joined ? (x->joined > y->joined ? 1 : -1) : by_id(x, y);
}

/* The order they are asked for in: NULL, it is that of the roster, or memory is out. */
static const struct row **sorted(const struct roster *r, const struct roster_query *q, struct arena *a)
{
    const struct row **order = arena_take(a, (size_t)(r->n + 1) * sizeof *order);
    if (!order)
        return NULL;
    for (int i = 0; i < r->n; i++)
        order[i] = r->order[i];
    if (q->order != ROSTER_BY_NAME)
        qsort(order, (size_t)r->n, sizeof *order, q->order == ROSTER_BY_BIRTH ? by_birth : by_joined);
    for (int i = 0; q->descending && i < r->n / 2; i++) {
        const struct row *x = order[i];
        order[i] = order[r->n - 1 - i];
        order[r->n - 1 - i] = x;
    }
    return order;
}

static int search(const struct roster *r, const struct roster_query *q, const uint8_t *after, int limit,
                  struct roster_found *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(ARENA);
    const struct row **order = a ? sorted(r, q, a) : NULL;
    bool behind = !after;
    if (!order)
        return err_set(e, ERR_NO_MEMORY, "a roster in another order");
    *ret = (struct roster_found){.n = 0};
    for (int i = 0; i < r->n; i++) {
        const struct row *x = order[i];
        if (all_fit(r, x, q)) {
            ret->all++;
            ret->more |= behind && ret->n == limit;
            if (behind && ret->n < limit)
                memcpy(ret->id[ret->n++], x->id, 16);
        }
        behind |= after && memcmp(x->id, after, 16) == 0;
    }
    return behind;
}

int roster_search(const struct study *s, const struct roster_query *q, const uint8_t *after, int limit,
                  struct roster_found *ret, struct err *e)
{
    struct roster *r = s->roster;
    pthread_mutex_lock(&r->lock);
    int rc = refresh(s, r, e);
    if (!rc)
        rc = search(r, q, after, limit, ret, e);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

void roster_forget(const struct study *s, const uint8_t person[16])
{
    struct roster *r = s->roster;
    pthread_mutex_lock(&r->lock);
    struct row *at = row_of(r, person, r->n);
    if (at) {
        wipe(at->name, sizeof at->name);
        wipe(at->exact, sizeof at->exact);
        wipe(&at->born, sizeof at->born);
        at->rev = 0;
        sort(r);
    }
    pthread_mutex_unlock(&r->lock);
}
