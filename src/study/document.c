#include "study/document.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/chunked.h"
#include "study/house_int.h"

enum {
    PIECE_CHUNKS = 16,
    PIECE_TEXT = PIECE_CHUNKS * CHUNK_TEXT,
    PIECE_SEALED = PIECE_CHUNKS * CHUNK_SEALED,
    SWEEP_PIECES = 16, /* in one transaction: 4 MiB of log */
    CARD_MAX = 2048
};

static const char *holder_of(const struct caller *c)
{
    return role_name(c->role);
}

/* --- whose installation --- */

static bool shown(const struct caller *c, const char *field)
{
    return view_shows(policy_view(c->role, ENTITY_DOCUMENT, ACTION_READ), slice_of(field));
}

/* In a body, behind the gate: was the house given to them, where their view says so? 1, 0, -1. */
static int is_given(struct tx *tx, const struct study *s, const struct caller *c, enum action action,
                    const uint8_t house[16], struct arena *a, struct err *e)
{
    enum view view = policy_view(c->role, ENTITY_DOCUMENT, action);
    return view == VIEW_NONE ? err_set(e, ERR_NOT_ALLOWED, "%s does not do that with documents", holder_of(c))
                             : house_given(tx, s, c, view, house, a, e);
}

static int find_given_house(struct tx *tx, const struct study *s, const struct caller *c, enum action action,
                            int64_t number, struct arena *a, uint8_t ret[16], struct err *e)
{
    int found = house_find(tx, s, c, number, a, ret, e);
    return found > 0 ? is_given(tx, s, c, action, ret, a, e) : found;
}

/* --- sealing --- */

static struct seal_place place_in(const struct study *s, const uint8_t house[16], enum place place, const uint8_t *id)
{
    struct seal_place at = place_of(place, s->scope, id, 1);
    at.subject = house;
    return at;
}

/* What binds a file's chunks to where they lie. */
enum { CONTEXT = 15 + 32 };
static struct slice context_of(const struct study *s, const uint8_t id[16], char out[CONTEXT])
{
    memcpy(out, "laz/v1/document", 15);
    memcpy(out + 15, s->scope, 16);
    memcpy(out + 31, id, 16);
    return (struct slice){out, CONTEXT};
}

/* title, kind, type and size as JSON. */
static struct slice card_text(const struct document *d, struct arena *a)
{
    struct buf b = buf_in(a, CARD_MAX);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_key(&o, "title");
    json_put(&o, d->title);
    json_key(&o, "kind");
    json_put(&o, d->kind);
    json_pair_str(&o, "type", document_media(d->type));
    json_pair_int(&o, "size", d->size);
    json_close(&o, '}');
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

static int card_take(struct slice text, struct arena *a, struct document *ret, struct err *e)
{
    struct json j;
    struct json_fault f;
    if (json_parse(a, text, &j, &f))
        return err_set(e, ERR_KEYS, "what is written of a document is malformed");
    uint32_t size = json_get_kind(&j, 0, "size", JSON_NUMBER);
    ret->title = json_get_text(&j, 0, "title", a);
    ret->kind = json_get_text(&j, 0, "kind", a);
    if (!ret->title.p || !ret->kind.p || !size || !slice_int(json_raw(&j, size), 0, INT64_MAX, &ret->size) ||
        !document_type_named(json_get_text(&j, 0, "type", a), &ret->type))
        return err_set(e, ERR_KEYS, "what is written of a document is malformed");
    return 0;
}

/* --- sending --- */

struct document_upload {
    const struct study *s;
    const struct caller *c;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    struct arena *arena;
    struct document_new n;
    struct document d;
    uint8_t id[16], house[16];
    struct names names;
    struct subject_key fresh; /* of a house that has had no document */
    bool has_fresh, found, begun, done;
    struct key key, file; /* the house's, and the file's own */
    struct slice wrapped, card;
    uint8_t head[CHUNKED_HEAD];
    struct chunked chunked;
    struct document_check check;
    int64_t lease, number; /* of the next piece */
    size_t text_n;
    char *text, *sealed; /* a piece being filled, and sealed */
    size_t sealed_n;
};

static int find_body(struct tx *tx, void *arg, struct err *e)
{
    struct document_upload *u = arg;
    struct arena_mark mark = arena_mark(u->arena);
    int got = study_enter(tx, u->s, u->c, e)
                  ? -1
                  : find_given_house(tx, u->s, u->c, ACTION_CREATE, u->n.installation, u->arena, u->house, e);
    arena_rewind(u->arena, mark);
    u->found = got > 0;
    return got < 0 ? -1 : got ? tx_ungate(tx, e) : study_leave_absent(tx, &u->audit, e);
}

/* The house's key, made if it has none yet. */
static int take_key(struct document_upload *u, struct err *e)
{
    const struct study *s = u->s;
    u->has_fresh = false;
    if (keyring_subject_open(s->keyring, s->scope, u->house, SUBJECT_DOCUMENT, &u->key, e) == 0)
        return 0;
    if (e->code != ERR_NOT_FOUND ||
        keyring_subject_make(s->keyring, s->scope, u->house, SUBJECT_DOCUMENT, &u->fresh, e))
        return -1;
    u->has_fresh = true;
    u->key = u->fresh.key;
    return 0;
}

static int make_file_key(struct document_upload *u, struct err *e)
{
    struct seal_place at = place_in(u->s, u->house, PLACE_DOCUMENT_KEY, u->id);
    return seal(&u->key, &at, (struct slice){(char *)u->file.secret, KEY_BYTES}, u->arena, &u->wrapped, e);
}

/* The house first: where it is being forgotten at the same moment, either this is seen by that, or there is none. */
static int begin_body(struct tx *tx, void *arg, struct err *e)
{
    struct document_upload *u = arg;
    int64_t turn = house_turn(ROLE_MONITOR, GRAIN_HOME, u->d.created_at, names_number(&u->names, "monitor"));
    return house_lock(tx, u->s, u->house, e) || study_enter(tx, u->s, u->c, e) ||
                   tx_put(tx, e,
                          "INSERT INTO document (scope, id, house_nick, alias_index, file_key, head, created_at, "
                          "lease_until, monitor_turn) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                          V_ID(u->s->scope), V_ID(u->id), V_ID(u->house), V_ID(u->names.of[0].index),
                          V_BLOB(u->wrapped), V_BYTES(u->head, CHUNKED_HEAD), V_INT(u->d.created_at), V_INT(u->lease),
                          V_INT(turn)) ||
                   tx_ungate(tx, e) || (u->has_fresh && keyring_subject_store(tx, &u->fresh, e))
               ? -1
               : 0;
}

/* Two may send the first document of a house: the one who comes late takes the other's key. */
static int store_row(struct document_upload *u, struct err *e)
{
    for (int tries = 0;; tries++) {
        if (take_key(u, e) || make_file_key(u, e))
            return -1;
        if (tx_run_lazy(u->s->db, begin_body, u, e) == 0)
            return 0;
        if (!u->has_fresh || e->code == ERR_GONE || e->code == ERR_NOT_FOUND || tries == 3)
            return -1;
    }
}

static int prepare(struct document_upload *u, struct err *e)
{
    uint8_t salt[CHUNKED_SALT];
    char context[CONTEXT];
    rnd_bytes(u->id, sizeof u->id);
    rnd_bytes(salt, sizeof salt);
    key_make(&u->file);
    chunked_begin(u->file.secret, salt, context_of(u->s, u->id, context), &u->chunked, u->head);
    u->d.created_at = clock_now_us();
    u->lease = clock_steady_us() + DOCUMENT_LEASE_US;
    u->text = arena_take(u->arena, PIECE_TEXT);
    u->sealed = arena_take(u->arena, PIECE_SEALED);
    if (!u->text || !u->sealed)
        return err_set(e, ERR_NO_MEMORY, "a document's pieces");
    return names_make(u->s, u->id, u->arena, &u->names, e);
}

int document_begin(const struct study *s, const struct caller *c, const struct document_new *n,
                   const struct audit_entry *audit, struct arena *a, struct document_upload **ret, struct err *e)
{
    struct document_upload *u = TAKE_NEW(a, struct document_upload);
    if (!u)
        return err_set(e, ERR_NO_MEMORY, "a document");
    *u = (struct document_upload){.s = s, .c = c, .audit = *audit, .arena = a, .n = *n};
    u->audit.object = "Document";
    u->d = (struct document){.title = arena_copy(a, n->title), .type = n->type};
    u->check = document_check_of(n->type);
    if (!u->d.title.p)
        return err_set(e, ERR_NO_MEMORY, "a document's name");
    if (tx_run(s->db, find_body, u, e))
        return -1;
    if (!u->found)
        return err_set(e, ERR_NOT_FOUND, "no such installation of this role");
    u->begun = prepare(u, e) == 0 && store_row(u, e) == 0;
    if (!u->begun)
        document_abandon(u);
    else
        *ret = u;
    return u->begun ? 0 : -1;
}

static int piece_body(struct tx *tx, void *arg, struct err *e)
{
    const struct document_upload *u = arg;
    int64_t now = clock_steady_us(), lease = now + DOCUMENT_LEASE_US;
    int n = tx_exec(tx, e, "UPDATE document SET lease_until = $1 WHERE scope = $2 AND id = $3 AND lease_until > $4",
                    V_INT(lease), V_ID(u->s->scope), V_ID(u->id), V_INT(now));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_GONE, "a document took too long to come, or its house is being forgotten");
    return tx_put(tx, e, "INSERT INTO document_piece (scope, document, number, sealed) VALUES ($1, $2, $3, $4)",
                  V_ID(u->s->scope), V_ID(u->id), V_INT(u->number), V_BYTES(u->sealed, u->sealed_n));
}

/* What has come of a piece; at the end with the short chunk that says so. Need not be durable before document_finish
 * is: what a crash undoes of it is behind its lease. */
static int store_piece(struct document_upload *u, struct err *e)
{
    bool last = u->text_n < PIECE_TEXT;
    size_t at = 0;
    u->sealed_n = 0;
    while (at < u->text_n || (last && !u->chunked.ended)) {
        size_t n = u->text_n - at < CHUNK_TEXT ? u->text_n - at : CHUNK_TEXT;
        if (chunked_seal(&u->chunked, (struct slice){u->text + at, n}, (uint8_t *)u->sealed + u->sealed_n))
            return err_set(e, ERR_KEYS, "sealing failed");
        u->sealed_n += n + CHUNK_MORE;
        at += n;
    }
    if (tx_run_lazy(u->s->db, piece_body, u, e))
        return -1;
    u->number++;
    u->text_n = 0;
    return 0;
}

int document_write(struct document_upload *u, struct slice bytes, struct err *e)
{
    const char *fault = document_check(&u->check, bytes);
    if (fault)
        return err_set(e, ERR_MEDIA_TYPE, "%s", fault);
    u->d.size += (int64_t)bytes.n;
    while (bytes.n) {
        size_t room = PIECE_TEXT - u->text_n, n = bytes.n < room ? bytes.n : room;
        memcpy(u->text + u->text_n, bytes.p, n);
        u->text_n += n;
        bytes = (struct slice){bytes.p + n, bytes.n - n};
        if (u->text_n == PIECE_TEXT && store_piece(u, e))
            return -1;
    }
    return 0;
}

/* They may have given it back meanwhile: asked again. */
static int finish_body(struct tx *tx, void *arg, struct err *e)
{
    struct document_upload *u = arg;
    struct arena_mark mark = arena_mark(u->arena);
    if (study_enter(tx, u->s, u->c, e))
        return -1;
    int given = is_given(tx, u->s, u->c, ACTION_CREATE, u->house, u->arena, e);
    arena_rewind(u->arena, mark);
    if (given <= 0)
        return given ? -1 : err_set(e, ERR_NOT_FOUND, "the installation was taken away while its document came");
    int n = tx_exec(tx, e,
                    "UPDATE document SET lease_until = NULL, card = $1, author = $2, author_role = $3 WHERE scope = $4 "
                    "AND id = $5 AND lease_until > $6",
                    V_BLOB(u->card), V_ID(u->c->id), V_STR(holder_of(u->c)), V_ID(u->s->scope), V_ID(u->id),
                    V_INT(clock_steady_us()));
    if (n != 1)
        return n < 0 ? -1 : err_set(e, ERR_GONE, "a document took too long to come");
    return tx_ungate(tx, e) || names_store(tx, u->s, &u->names, e) || audit_append(tx, &u->audit, e) ? -1 : 0;
}

int document_finish(struct document_upload *u, struct slice kind, struct document *ret, struct err *e)
{
    const char *fault = document_check_end(&u->check);
    struct seal_place at = place_in(u->s, u->house, PLACE_DOCUMENT_CARD, u->id);
    if (fault)
        return err_set(e, ERR_MEDIA_TYPE, "%s", fault);
    u->d.kind = arena_copy(u->arena, kind);
    struct slice card = card_text(&u->d, u->arena);
    if (!u->d.kind.p || !card.p)
        return err_set(e, ERR_NO_MEMORY, "a document's card");
    if (store_piece(u, e) || seal(&u->key, &at, card, u->arena, &u->card, e))
        return -1;
    u->audit.rows = 1;
    snprintf(u->audit_id, sizeof u->audit_id, "%lld", (long long)names_number(&u->names, "audit"));
    u->audit.object_id = u->audit_id;
    if (tx_run(u->s->db, finish_body, u, e))
        return -1;
    u->done = true;
    u->d.id = names_number(&u->names, holder_of(u->c));
    u->d.author = slice_of(holder_of(u->c));
    *ret = u->d;
    document_abandon(u);
    return 0;
}

/* --- removing --- */

/* In a body: from here on nobody reads it, or writes to it. */
static int blank(struct tx *tx, const struct study *s, const uint8_t id[16], struct err *e)
{
    return tx_exec(tx, e,
                   "UPDATE document SET lease_until = 0, file_key = NULL, card = NULL, author = NULL WHERE scope = $1 "
                   "AND id = $2",
                   V_ID(s->scope), V_ID(id));
}

struct sweeping {
    const struct study *s;
    int64_t now;
    uint8_t id[16];
    struct arena *arena;
    int64_t from; /* the number of a piece */
    bool found;
};

/* The next one to go is blanked, if it is not. */
static int sweep_find_body(struct tx *tx, void *arg, struct err *e)
{
    struct sweeping *x = arg;
    struct rows r;
    int n = tx_rows(tx, x->arena, &r, e,
                    "SELECT id, file_key FROM document WHERE scope = $1 AND lease_until <= $2 ORDER BY lease_until, id "
                    "LIMIT 1 " DB_SKIP_LOCKED,
                    V_ID(x->s->scope), V_INT(x->now));
    if (n < 0)
        return -1;
    x->found = n > 0;
    if (n > 0)
        memcpy(x->id, r.cell[0].s.p, 16);
    return n > 0 && row_at(&r, 0, 1)->kind != VAL_NULL && blank(tx, x->s, x->id, e) < 0 ? -1 : 0;
}

static int sweep_pieces_body(struct tx *tx, void *arg, struct err *e)
{
    const struct sweeping *x = arg;
    return tx_put(tx, e,
                  "DELETE FROM document_piece WHERE scope = $1 AND document = $2 AND number >= $3 AND number < $4",
                  V_ID(x->s->scope), V_ID(x->id), V_INT(x->from), V_INT(x->from + SWEEP_PIECES));
}

static int sweep_row_body(struct tx *tx, void *arg, struct err *e)
{
    const struct sweeping *x = arg;
    return tx_put(
               tx, e,
               "DELETE FROM alias WHERE scope = $1 AND subject_index = (SELECT alias_index FROM document WHERE scope = "
               "$1 AND id = $2)",
               V_ID(x->s->scope), V_ID(x->id)) ||
                   tx_put(tx, e, "DELETE FROM document WHERE scope = $1 AND id = $2 AND lease_until = 0",
                          V_ID(x->s->scope), V_ID(x->id))
               ? -1
               : 0;
}

/* Blanked before: its pieces, and then its row. By their numbers: to look for the first that is left would mean to
 * read, each time, past all that are deleted already. */
static int sweep_one(struct sweeping *x, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(16 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "sweep a document");
    if (db_rows(x->s->db, a, &r, e,
                "SELECT coalesce(max(number), -1) FROM document_piece WHERE scope = $1 AND document = $2",
                V_ID(x->s->scope), V_ID(x->id)) < 0)
        return -1;
    int64_t last = row_at(&r, 0, 0)->i;
    for (x->from = 0; x->from <= last; x->from += SWEEP_PIECES)
        if (tx_run_lazy(x->s->db, sweep_pieces_body, x, e))
            return -1;
    return tx_run(x->s->db, sweep_row_body, x, e);
}

int document_sweep(const struct study *s, int64_t now_us, int *ret, struct err *e)
{
    *ret = 0;
    for (;; ++*ret) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct sweeping x = {.s = s, .now = now_us, .arena = a};
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "sweep documents");
        if (tx_run(s->db, sweep_find_body, &x, e) || (x.found && sweep_one(&x, e)))
            return -1;
        if (!x.found)
            return *ret ? db_scrub(s->db, e) : 0;
    }
}

static int recover_body(struct tx *tx, void *arg, struct err *e)
{
    const struct study *s = arg;
    return tx_put(tx, e, "UPDATE document SET lease_until = 1 WHERE scope = $1 AND lease_until > 1", V_ID(s->scope));
}

int document_recover(const struct study *s, struct err *e)
{
    return tx_run(s->db, recover_body, (void *)s, e);
}

static int blank_body(struct tx *tx, void *arg, struct err *e)
{
    struct sweeping *x = arg;
    return blank(tx, x->s, x->id, e) < 0 ? -1 : 0;
}

void document_abandon(struct document_upload *u)
{
    struct err e;
    if (!u)
        return;
    if (u->begun && !u->done) {
        struct sweeping x = {.s = u->s};
        memcpy(x.id, u->id, 16);
        if (tx_run(u->s->db, blank_body, &x, &e) || sweep_one(&x, &e))
            log_err(LOG_WARN, "a document that did not come whole is removed later", &e);
    }
    u->done = true;
    key_wipe(&u->key);
    key_wipe(&u->file);
    chunked_wipe(&u->chunked);
    wipe(&u->fresh, sizeof u->fresh);
}

/* --- reading --- */

/* What other roles know exactly, this one may not join with it. */
static bool is_told_coarsely(const struct caller *c)
{
    const struct view_row *v = view_row(policy_view(c->role, ENTITY_DOCUMENT, ACTION_READ));
    return v && v->as == AS_ALIAS && v->reach == REACH_EVERY;
}

static void coarsen(const struct caller *c, struct document *d)
{
    static const int64_t day = INT64_C(86400000000);
    if (!is_told_coarsely(c))
        return;
    d->created_at -= d->created_at % day;
    int64_t size = 1024;
    while (size < d->size)
        size *= 2;
    d->size = size;
}

/* v: id, card, created_at, author_role or NULL. Not in a body. */
static int open_row(const struct study *s, const struct caller *c, const uint8_t house[16], const struct val *v,
                    struct arena *a, struct document *ret, struct err *e)
{
    struct key key;
    struct slice text;
    struct seal_place at = place_in(s, house, PLACE_DOCUMENT_CARD, (const uint8_t *)v[0].s.p);
    if (keyring_subject_open(s->keyring, s->scope, house, SUBJECT_DOCUMENT, &key, e))
        return -1;
    int rc = seal_open(&key, &at, v[1].s, a, &text, e) || card_take(text, a, ret, e) ? -1 : 0;
    key_wipe(&key);
    ret->created_at = v[2].i;
    if (v[3].kind == VAL_TEXT && shown(c, "author"))
        ret->author = v[3].s;
    if (!shown(c, "title"))
        ret->title = (struct slice){NULL, 0};
    if (!shown(c, "kind"))
        ret->kind = (struct slice){NULL, 0};
    if (!rc)
        coarsen(c, ret);
    return rc;
}

struct listing {
    const struct study *s;
    const struct caller *c;
    int64_t installation, after;
    int limit;
    struct arena *arena;
    struct audit_entry audit;
    uint8_t house[16];
    bool found;
    struct rows rows, count;
    int n; /* shown: without the one that says that there are more */
    int64_t number[DOCUMENTS_PAGE];
};
_Static_assert(DOCUMENTS_PAGE <= (int)DB_MANY, "of a whole page is asked at once");

#define LISTED(author, by)                                                                                             \
    "SELECT id, card, created_at, " author " FROM document WHERE scope = $1 AND house_nick = $2 AND lease_until IS "   \
    "NULL AND (" by ", id) > ($3, $4) ORDER BY " by ", id LIMIT $5"
/* By: does the caller see the author (whose column is named only by who may name it), are they told times coarsely? */
const char *const document_list_sql[2][2] = {
    {LISTED("NULL", "created_at"), LISTED("NULL", "monitor_turn")},
    {LISTED("author_role", "created_at"), LISTED("author_role", "monitor_turn")},
};

static int list_rows(struct tx *tx, struct listing *x, int64_t at, const uint8_t *id, struct err *e)
{
    struct val v[] = {V_NULL, V_ID(x->s->scope), V_ID(x->house), V_INT(at), V_ID(id), V_INT(x->limit + 1)};
    return tx_ask_n(tx, x->arena, &x->rows, e, document_list_sql[shown(x->c, "author")][is_told_coarsely(x->c)], v, 5);
}

static int list_page(struct tx *tx, struct listing *x, struct err *e)
{
    uint8_t id[16] = {0};
    struct rows r = {.n = 0};
    int found = 1;
    if (x->after) {
        found = alias_subject(tx, x->s, holder_of(x->c), x->after, x->arena, id, e);
        if (found > 0)
            found = tx_rows(tx, x->arena, &r, e,
                            is_told_coarsely(x->c)
                                ? "SELECT monitor_turn FROM document WHERE scope = $1 AND id = $2 AND house_nick = $3"
                                : "SELECT created_at FROM document WHERE scope = $1 AND id = $2 AND house_nick = $3",
                            V_ID(x->s->scope), V_ID(id), V_ID(x->house));
        if (found <= 0)
            return found ? -1 : err_set(e, ERR_NOT_FOUND, "the page begins behind a document that is not there");
    }
    if (list_rows(tx, x, r.n ? r.cell[0].i : INT64_MIN, id, e) ||
        tx_ask(tx, x->arena, &x->count, e,
               "SELECT count(*) FROM document WHERE scope = $1 AND house_nick = $2 AND lease_until IS NULL",
               V_ID(x->s->scope), V_ID(x->house)) ||
        tx_wait(tx, e))
        return -1;
    x->n = x->rows.n < x->limit ? x->rows.n : x->limit;
    return 0;
}

static int number_rows(struct tx *tx, struct listing *x, struct err *e)
{
    uint8_t index[DOCUMENTS_PAGE][BLIND_BYTES];
    for (int i = 0; i < x->n; i++)
        if (alias_index(x->s, (const uint8_t *)row_at(&x->rows, i, 0)->s.p, index[i], e))
            return -1;
    return alias_numbers(tx, x->s, holder_of(x->c), (const uint8_t(*)[BLIND_BYTES])index, x->n, x->arena, x->number, e);
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct listing *x = arg;
    if (study_enter(tx, x->s, x->c, e))
        return -1;
    int got = find_given_house(tx, x->s, x->c, ACTION_READ, x->installation, x->arena, x->house, e);
    x->found = got > 0;
    if (got <= 0)
        return got ? -1 : study_leave_absent(tx, &x->audit, e);
    if (list_page(tx, x, e) || number_rows(tx, x, e))
        return -1;
    x->audit.rows = x->n;
    return study_leave(tx, &x->audit, e);
}

int document_list(const struct study *s, const struct caller *c, int64_t installation, int64_t after, int limit,
                  const struct audit_entry *audit, struct arena *a, struct document_page *ret, struct err *e)
{
    struct listing x = {.s = s, .c = c, .installation = installation, .after = after, .limit = limit, .arena = a};
    x.audit = *audit;
    x.audit.object = "Document";
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    if (!x.found)
        return 0;
    struct document_page page = {.n = x.n, .all = x.count.cell[0].i};
    page.document = arena_take(a, (size_t)(page.n + 1) * sizeof *page.document);
    if (!page.document)
        return err_set(e, ERR_NO_MEMORY, "a page of documents");
    for (int i = 0; i < page.n; i++) {
        page.document[i] = (struct document){.id = x.number[i]};
        if (open_row(s, c, x.house, row_at(&x.rows, i, 0), a, &page.document[i], e))
            return err_in(e, "a page of documents");
    }
    if (x.rows.n > limit)
        page.next = x.number[limit - 1];
    *ret = page;
    return 1;
}

/* --- one of them --- */

struct looking {
    const struct study *s;
    const struct caller *c;
    int64_t number;
    enum action action;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    uint8_t id[16], house[16];
    const struct study_revs *only; /* of one that is to be removed */
    bool found, about;             /* about: its content is not asked for, which the view may not show */
    int64_t house_number;
    struct rows rows; /* id, card, created_at, author_role, house_nick, file_key, head */
};

/* In a body, behind the gate: the document they call so, of a house that is given to them. 1, 0, -1. */
static int find_document(struct tx *tx, struct looking *x, struct err *e)
{
    int got = alias_subject(tx, x->s, holder_of(x->c), x->number, x->arena, x->id, e);
    if (got > 0 && x->about)
        got = tx_rows(
            tx, x->arena, &x->rows, e,
            shown(x->c, "author")
                ? "SELECT id, card, created_at, author_role, house_nick FROM document WHERE scope = $1 AND id = $2 "
                  "AND lease_until IS NULL"
                : "SELECT id, card, created_at, NULL, house_nick FROM document WHERE scope = $1 AND id = $2 AND "
                  "lease_until IS NULL",
            V_ID(x->s->scope), V_ID(x->id));
    else if (got > 0)
        got =
            tx_rows(tx, x->arena, &x->rows, e,
                    "SELECT id, card, created_at, author_role, house_nick, file_key, head FROM document WHERE scope = "
                    "$1 AND id = $2 AND lease_until IS NULL",
                    V_ID(x->s->scope), V_ID(x->id));
    if (got <= 0)
        return got;
    memcpy(x->house, row_at(&x->rows, 0, 4)->s.p, 16);
    return is_given(tx, x->s, x->c, x->action, x->house, x->arena, e);
}

static int look_body(struct tx *tx, void *arg, struct err *e)
{
    struct looking *x = arg;
    int found = study_enter(tx, x->s, x->c, e) ? -1 : find_document(tx, x, e);
    x->found = found > 0;
    if (found <= 0)
        return found ? -1 : study_leave_absent(tx, &x->audit, e);
    if (x->only && !study_is_of(x->only, DOCUMENT_REV))
        return err_set(e, ERR_PRECONDITION, "a document is never of another revision");
    if (x->about && house_numbers(tx, x->s, x->c, (const uint8_t(*)[16])x->house, 1, x->arena, &x->house_number, e))
        return -1;
    if (tx_ungate(tx, e) || names_audit(tx, x->s, x->id, x->arena, &x->audit, x->audit_id, e) ||
        (x->action == ACTION_DELETE && blank(tx, x->s, x->id, e) < 0))
        return -1;
    x->audit.rows = 1;
    return audit_append(tx, &x->audit, e);
}

static int look(struct looking *x, enum action action, const struct audit_entry *audit, struct err *e)
{
    x->action = action;
    x->audit = *audit;
    x->audit.object = "Document";
    return tx_run(x->s->db, look_body, x, e);
}

int document_about(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                   struct arena *a, struct document *ret, struct err *e)
{
    struct looking x = {.s = s, .c = c, .number = id, .arena = a, .about = true};
    struct document d = {.id = id};
    if (look(&x, ACTION_READ, audit, e))
        return -1;
    if (!x.found)
        return 0;
    if (open_row(s, c, x.house, row_at(&x.rows, 0, 0), a, &d, e))
        return -1;
    d.installation = x.house_number;
    *ret = d;
    return 1;
}

struct document_reading {
    const struct study *s;
    uint8_t id[16];
    struct chunked chunked;
    int64_t number, left; /* the next piece; bytes that are to come */
    struct arena *piece;  /* of the piece that was given out */
    char *text;
};

static int begin_reading(const struct looking *x, const struct document *d, struct document_reading *r, struct err *e)
{
    const struct val *v = row_at(&x->rows, 0, 0);
    struct seal_place at = place_in(x->s, x->house, PLACE_DOCUMENT_KEY, x->id);
    struct key key;
    struct slice file = {NULL, 0};
    char context[CONTEXT];
    if (keyring_subject_open(x->s->keyring, x->s->scope, x->house, SUBJECT_DOCUMENT, &key, e))
        return -1;
    int rc = seal_open(&key, &at, v[5].s, x->arena, &file, e);
    key_wipe(&key);
    if (rc)
        return -1;
    if (file.n != KEY_BYTES || v[6].s.n != CHUNKED_HEAD ||
        chunked_resume((const uint8_t *)file.p, context_of(x->s, x->id, context), (const uint8_t *)v[6].s.p,
                       &r->chunked))
        return err_set(e, ERR_KEYS, "a document's key does not open it: it was changed or moved");
    r->s = x->s;
    r->left = d->size;
    memcpy(r->id, x->id, 16);
    r->text = arena_take(x->arena, PIECE_TEXT);
    return r->text ? 0 : err_set(e, ERR_NO_MEMORY, "a document's pieces");
}

int document_readable(const struct caller *c, struct err *e)
{
    return shown(c, "content")
               ? 0
               : err_set(e, ERR_NOT_ALLOWED, "%s sees which documents there are, not what they say", holder_of(c));
}

int document_open(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                  struct arena *a, struct document *ret, struct document_reading **ret_reading, struct err *e)
{
    struct looking x = {.s = s, .c = c, .number = id, .arena = a};
    struct document d = {.id = id};
    struct document_reading *r = TAKE_NEW(a, struct document_reading);
    if (document_readable(c, e))
        return -1;
    if (!r)
        return err_set(e, ERR_NO_MEMORY, "a document");
    if (look(&x, ACTION_READ, audit, e))
        return -1;
    if (!x.found)
        return 0;
    if (open_row(s, c, x.house, row_at(&x.rows, 0, 0), a, &d, e) || begin_reading(&x, &d, r, e)) {
        document_close(r);
        return -1;
    }
    *ret = d;
    *ret_reading = r;
    return 1;
}

/* The chunks of a piece; only what is whole and in its place is given out. */
static int open_piece(struct document_reading *r, struct slice sealed, struct slice *ret, struct err *e)
{
    size_t n = 0;
    if (!sealed.n)
        return err_set(e, ERR_KEYS, "a piece of a document is empty");
    for (size_t at = 0, len; at < sealed.n; at += len) {
        len = sealed.n - at < CHUNK_SEALED ? sealed.n - at : CHUNK_SEALED;
        if (n + CHUNK_TEXT > PIECE_TEXT ||
            chunked_open(&r->chunked, (struct slice){sealed.p + at, len}, (uint8_t *)r->text + n))
            return err_set(e, ERR_KEYS, "a piece of a document does not open: it was changed or moved");
        n += len - CHUNK_MORE;
    }
    *ret = (struct slice){r->text, n};
    r->left -= (int64_t)n;
    return r->left < 0 ? err_set(e, ERR_KEYS, "a document is longer than it was") : 0;
}

int document_next(struct document_reading *r, struct slice *ret, struct err *e)
{
    if (r->chunked.ended)
        return r->left ? err_set(e, ERR_KEYS, "a document is shorter than it was") : 0;
    OWN_ARENA struct arena *a = arena_new(2 << 20);
    struct rows rows;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "a document's piece");
    int n = db_rows(r->s->db, a, &rows, e,
                    "SELECT p.sealed FROM document_piece p JOIN document d ON d.scope = p.scope AND d.id = p.document "
                    "WHERE p.scope = $1 AND p.document = $2 AND p.number = $3 AND d.lease_until IS NULL",
                    V_ID(r->s->scope), V_ID(r->id), V_INT(r->number));
    if (n <= 0)
        return n ? -1 : err_set(e, ERR_GONE, "a document was removed while it was read");
    r->number++;
    if (open_piece(r, rows.cell[0].s, ret, e))
        return -1;
    return ret->n ? 1 : document_next(r, ret, e);
}

void document_close(struct document_reading *r)
{
    if (r)
        chunked_wipe(&r->chunked);
}

/* --- all of them --- */

/* v: as find_document has it. */
static int read_whole(const struct study *s, const struct val *v, struct arena *a, struct err *e)
{
    static const struct caller nobody = {.role = ROLE_DOCTOR}; /* whose view shows all of a document */
    struct looking x = {.s = s, .arena = a, .rows = {1, 7, (struct val *)v}};
    struct document d = {0};
    struct document_reading r = {0};
    struct slice piece;
    memcpy(x.id, v[0].s.p, 16);
    memcpy(x.house, v[4].s.p, 16);
    int more = open_row(s, &nobody, x.house, v, a, &d, e) || begin_reading(&x, &d, &r, e) ? -1 : 1;
    while (more > 0)
        more = document_next(&r, &piece, e);
    chunked_wipe(&r.chunked);
    return more;
}

/* Is it there still? Else it was removed while it was read. 1, 0, -1. */
static int is_there(const struct study *s, const struct val *id, struct arena *a, struct err *e)
{
    struct rows r;
    return db_rows(s->db, a, &r, e, "SELECT 1 FROM document WHERE scope = $1 AND id = $2 AND lease_until IS NULL",
                   V_ID(s->scope), *id);
}

int document_check_sealed(const struct study *s, struct progress *p, int64_t *ret, struct err *e)
{
    uint8_t behind[16] = {0};
    progress_begin(p, "reading every document", 0);
    for (*ret = 0; !p->stop; progress_add(p, 1)) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct rows r;
        struct err why, other;
        if (!a)
            return err_set(e, ERR_NO_MEMORY, "a document that is checked");
        int n = db_rows(s->db, a, &r, e,
                        "SELECT id, card, created_at, NULL, house_nick, file_key, head FROM document WHERE scope = $1 "
                        "AND id > $2 AND lease_until IS NULL ORDER BY id LIMIT 1",
                        V_ID(s->scope), V_ID(behind));
        if (n <= 0)
            return n;
        memcpy(behind, r.cell[0].s.p, 16);
        if (read_whole(s, r.cell, a, &why) == 0)
            ++*ret;
        else if (is_there(s, &r.cell[0], a, &other) != 0)
            return err_set(e, ERR_STORE, "a document does not open: %s", why.detail);
    }
    return 0;
}

int document_remove(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                    const struct audit_entry *audit, struct arena *a, struct err *e)
{
    struct looking x = {.s = s, .c = c, .number = id, .arena = a, .only = only};
    struct err later;
    if (look(&x, ACTION_DELETE, audit, e))
        return -1;
    if (!x.found)
        return 0;
    struct sweeping w = {.s = s};
    memcpy(w.id, x.id, 16);
    if (sweep_one(&w, &later)) /* unreadable it is already */
        log_err(LOG_WARN, "what is left of a removed document is swept later", &later);
    return db_scrub(s->db, e) ? -1 : 1;
}

/* --- as JSON --- */

void document_put(struct json_out *o, const struct document *d)
{
    char when[CLOCK_TEXT];
    json_open(o, '{');
    json_pair_int(o, "id", d->id);
    if (d->title.p)
        json_pair(o, "file_name", d->title);
    if (d->kind.p)
        json_pair(o, "file_type", d->kind);
    json_pair_str(o, "content_type", document_media(d->type));
    json_pair_int(o, "size", d->size);
    json_key(o, "created_at");
    json_put_str(o, clock_text(d->created_at, when));
    if (d->author.p) {
        json_key(o, "author");
        json_put(o, d->author);
    }
    json_close(o, '}');
}
