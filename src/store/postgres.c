/* postgres.c -- the store that many processes share: a pool of connections, a transaction a body.
 *
 * Round trips are what a statement costs here, so every connection stays in libpq's pipeline mode: BEGIN travels with
 * the first statement of a body, and what a body only puts (tx_put) or asks for later (tx_ask) travels with its next
 * question or with COMMIT. A body of puts alone is one round trip.
 *
 * Bodies run at READ COMMITTED, beside each other. After a serialization failure, a deadlock or a lost race for a
 * unique key the body is run again from its start; so it is when the connection was found dead before its COMMIT was
 * sent. When the answer to COMMIT is lost nobody knows how it ended: ERR_STORE, and nothing is told as accepted.
 *
 * A server that is away, paused or unreachable is noticed by our own deadline (ANSWER_MS), since its kernel may go on
 * acknowledging for it; the connection is dropped, and for RETRY_MS after a failed attempt nobody else waits for a new
 * one. Everything recovers with the next connection that can be made. */
#include <endian.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "base/rnd.h"
#include "store/driver_int.h"
#include "store/pg_tool_int.h"

enum {
    POOL_MAX = 16,
    STATEMENTS = 512,
    SENT_MAX = 256, /* commands on their way; more are waited for */
    ANSWER_MS = 5000,
    SCRIPT_MS = 600000,
    CONNECT_MS = 3000,
    RETRY_MS = 250,
    HOST_MAX = 256,
    RUNS_MAX = 5 /* of a body that lost a race */
};

/* pg_type.oid of what goes over the wire; stable since there is a PostgreSQL. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25 };

enum sent { SENT_PREPARE, SENT_EXEC, SENT_SYNC };

struct statement {
    const char *sql;
    bool sent; /* its PREPARE is on its way or has succeeded */
};

struct conn {
    struct conn *next;
    PGconn *pg;
    bool broken;
    bool began, committing; /* of the body in work */
    char state[6];          /* SQLSTATE of what went wrong in it */
    struct statement statement[STATEMENTS];
    struct {
        enum sent kind;
        struct statement *statement; /* of a PREPARE */
        const char *sql;
        struct arena *arena; /* of a tx_ask: its rows go there */
        struct rows *rows;
    } sent[SENT_MAX];
    int sents;
};

/* One of those a URL names. */
struct host {
    char name[HOST_MAX], address[HOST_MAX], port[HOST_MAX];
};

struct pg_db {
    struct db base;
    char *url;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t back;  /* a connection came back, or its place did */
    struct conn *idle;
    int open;
    int64_t retry_at; /* monotonic: no new connection before */
};

struct pg_tx {
    struct tx base;
    struct conn *conn;
    bool lazy;
};

/* --- errors --- */

static int gone(struct conn *c, struct err *e, const char *what)
{
    c->broken = true;
    return err_set(e, ERR_STORE, "%s: no answer from PostgreSQL", what);
}

/* Only the primary message: its detail repeats values. */
static int fail(struct conn *c, struct err *e, const PGresult *r, const char *what)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    if (!state || PQstatus(c->pg) != CONNECTION_OK || strncmp(state, "57P", 3) == 0)
        return gone(c, e, what);
    if (!*c->state)
        snprintf(c->state, sizeof c->state, "%s", state);
    enum err_code code = strncmp(state, "23", 2) == 0 || strcmp(state, "P0001") == 0 ? ERR_CONFLICT
                         : strcmp(state, "42501") == 0                               ? ERR_GATE
                                                                                     : ERR_STORE;
    return err_set(e, code, "%s: %s (%s)", what, message ? message : "?", state);
}

static bool lost_race(const char *state)
{
    return strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0 || strcmp(state, "23505") == 0 ||
           strcmp(state, "55P03") == 0;
}

/* --- waiting --- */

/* Sends what is buffered and waits until a whole result is here. */
static int await(struct conn *c, int ms)
{
    int64_t until = clock_mono_us() + ms * 1000LL;
    for (;;) {
        int unsent = PQflush(c->pg);
        if (unsent < 0)
            return -1;
        if (!unsent && !PQisBusy(c->pg)) /* of what was read already, as when several results came at once */
            return 0;
        int64_t left = until - clock_mono_us();
        struct pollfd p = {PQsocket(c->pg), (short)(POLLIN | (unsent ? POLLOUT : 0)), 0};
        if (left <= 0 || (poll(&p, 1, (int)(left / 1000) + 1) < 0 && errno != EINTR) || !PQconsumeInput(c->pg))
            return -1;
    }
}

/* --- connections --- */

static void conn_close(struct conn *c)
{
    if (!c)
        return;
    PQfinish(c->pg);
    free(c);
}

static int connected(PGconn *pg)
{
    int64_t until = clock_mono_us() + CONNECT_MS * 1000LL;
    for (PostgresPollingStatusType s = PGRES_POLLING_WRITING; s != PGRES_POLLING_OK; s = PQconnectPoll(pg)) {
        int64_t left = until - clock_mono_us();
        if (s == PGRES_POLLING_FAILED || left <= 0)
            return -1;
        struct pollfd p = {PQsocket(pg), s == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};
        if (poll(&p, 1, (int)(left / 1000) + 1) < 0 && errno != EINTR)
            return -1;
    }
    return 0;
}

/* Words of libpq and the server about an address, cut to a line. */
static int no_connection(PGconn *pg, struct err *e)
{
    const char *message = PQerrorMessage(pg);
    return err_set(e, ERR_STORE, "connect to PostgreSQL: %.*s", (int)strcspn(message, "\n"),
                   *message ? message : "it does not answer");
}

/* Remarks of the server would go to stderr, among the log's lines. */
static void no_notice(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

/* The i-th of "a,b,c"; one alone is everybody's. */
static void nth_of(const char *list, int i, char ret[HOST_MAX])
{
    struct slice rest = slice_of(list ? list : ""), one = slice_cut(&rest, ',');
    for (bool several = rest.p; several && i > 0; i--)
        one = slice_cut(&rest, ',');
    snprintf(ret, HOST_MAX, "%.*s", SLICE_FMT(one));
}

/* The hosts a URL names; of one alone ret stays empty: what is not said again is as the URL says. */
static int hosts_of(const char *url, int i, struct host *ret)
{
    const char *value[3] = {NULL};
    PQconninfoOption *list = PQconninfoParse(url, NULL);
    int n = 1;
    *ret = (struct host){.name = ""};
    for (const PQconninfoOption *o = list; o && o->keyword; o++)
        for (int k = 0; k < 3; k++)
            if (strcmp(o->keyword, (const char *[]){"host", "hostaddr", "port"}[k]) == 0)
                value[k] = o->val;
    for (const char *p = value[1] ? value[1] : value[0]; p && (p = strchr(p, ',')) != NULL; p++)
        n++;
    if (n > 1) {
        nth_of(value[0], i, ret->name);
        nth_of(value[1], i, ret->address);
        nth_of(value[2], i, ret->port);
        if (value[2] && !*ret->port) /* "h1,h2:5433" */
            snprintf(ret->port, sizeof ret->port, "5432");
    }
    PQconninfoFree(list);
    return n;
}

/* Each host has its own time: libpq goes on to the next from one that refuses, but not from one that says nothing. */
static PGconn *connect_to(const char *url, const struct host *h)
{
    static const char *const key[] = {"dbname",          "host",    "hostaddr",         "port", "application_name",
                                      "client_encoding", "options", "tcp_user_timeout", NULL};
    /* what this program's own stall may cost others; and that a row by its key is cheap, as it is on no turning disk:
     * else a hundred keys cost more than a table of ten thousand rows, which is then read whole for every page */
    const char *value[] = {url,
                           h->name,
                           h->address,
                           h->port,
                           "lazaret",
                           "UTF8",
                           "-c lock_timeout=4000 -c idle_in_transaction_session_timeout=15000 -c random_page_cost=1.1",
                           "5000",
                           NULL};
    return PQconnectStartParams(key, value, 1);
}

static int conn_open(const char *url, struct conn **ret, struct err *e)
{
    struct host h;
    struct conn *c = calloc(1, sizeof *c);
    int rc = -1;
    if (!c)
        return err_set(e, ERR_NO_MEMORY, "open the store");
    for (int i = 0; rc && i < hosts_of(url, i, &h); i++) {
        PQfinish(c->pg);
        c->pg = connect_to(url, &h);
        if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD || (rc = connected(c->pg)))
            rc = no_connection(c->pg, e);
    }
    if (rc) {
        conn_close(c);
        return -1;
    }
    PQsetNoticeProcessor(c->pg, no_notice, NULL);
    if (PQsetnonblocking(c->pg, 1) || !PQenterPipelineMode(c->pg)) {
        conn_close(c);
        return err_set(e, ERR_STORE, "PostgreSQL's connection has no pipeline");
    }
    *ret = c;
    return 0;
}

/* An idle connection has nothing to say; one that has was closed, or is about to be. */
static bool alive(struct conn *c)
{
    struct pollfd p = {PQsocket(c->pg), POLLIN, 0};
    return poll(&p, 1, 0) == 0;
}

static struct conn *idle_one(struct pg_db *d)
{
    for (struct conn *c; (c = d->idle) != NULL;) {
        d->idle = c->next;
        if (alive(c))
            return c;
        d->open--;
        conn_close(c);
    }
    return NULL;
}

/* With the lock held: an idle connection, or a place for a new one, or -1. */
static int wait_for_place(struct pg_db *d, struct conn **ret, struct err *e)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ANSWER_MS / 1000;
    for (;;) {
        *ret = idle_one(d);
        if (*ret || d->open < POOL_MAX)
            break;
        if (pthread_cond_timedwait(&d->back, &d->lock, &until))
            return err_set(e, ERR_STORE, "all connections to PostgreSQL are busy");
    }
    if (*ret)
        return 0;
    if (clock_mono_us() < d->retry_at)
        return err_set(e, ERR_STORE, "PostgreSQL was away a moment ago");
    d->open++;
    return 0;
}

static void give_place_back(struct pg_db *d, bool failed)
{
    pthread_mutex_lock(&d->lock);
    d->open--;
    if (failed)
        d->retry_at = clock_mono_us() + RETRY_MS * 1000LL;
    pthread_cond_signal(&d->back);
    pthread_mutex_unlock(&d->lock);
}

static struct conn *take(struct pg_db *d, struct err *e)
{
    struct conn *c = NULL;
    pthread_mutex_lock(&d->lock);
    int rc = wait_for_place(d, &c, e);
    pthread_mutex_unlock(&d->lock);
    if (rc || c)
        return rc ? NULL : c;
    if (conn_open(d->url, &c, e)) {
        give_place_back(d, true);
        return NULL;
    }
    return c;
}

static void give(struct pg_db *d, struct conn *c)
{
    if (c->broken) {
        conn_close(c);
        give_place_back(d, false);
        return;
    }
    pthread_mutex_lock(&d->lock);
    c->next = d->idle;
    d->idle = c;
    pthread_cond_signal(&d->back);
    pthread_mutex_unlock(&d->lock);
}

/* --- sending --- */

static int remember(struct conn *c, enum sent kind, struct statement *st, const char *sql)
{
    c->sent[c->sents].kind = kind;
    c->sent[c->sents].statement = st;
    c->sent[c->sents].rows = NULL;
    c->sent[c->sents++].sql = sql;
    return 0;
}

static struct statement *statement_of(struct conn *c, const char *sql)
{
    size_t at = ((uintptr_t)sql >> 3) % STATEMENTS, i = at;
    do {
        if (c->statement[i].sql == sql || !c->statement[i].sql) {
            c->statement[i].sql = sql;
            return &c->statement[i];
        }
        i = (i + 1) % STATEMENTS;
    } while (i != at);
    return NULL; /* more texts than places: prepared each time, without a name */
}

static int send_prepare(struct conn *c, struct statement *st, const char *name, const char *sql, const struct val *v,
                        int n)
{
    static const Oid oid[] = {[VAL_NULL] = 0, [VAL_INT] = OID_INT8, [VAL_TEXT] = OID_TEXT, [VAL_BLOB] = OID_BYTEA};
    static const char mark[] = DB_SKIP_LOCKED, words[] = "FOR UPDATE SKIP LOCKED";
    Oid type[PARAMS_MAX] = {0}; /* gcc -O3 cannot see that n of them are written */
    char text[4096];
    const char *at = strstr(sql, mark);
    for (int i = 0; i < n; i++)
        type[i] = oid[v[i].kind];
    if (at) {
        int len = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - sql), sql, words, at + sizeof mark - 1);
        sql = len < (int)sizeof text ? text : sql;
    }
    if (!PQsendPrepare(c->pg, name, sql, n, type))
        return -1;
    return remember(c, SENT_PREPARE, st, sql == text ? "a claim" : sql);
}

static int send_bound(struct conn *c, const char *name, const struct val *v, int n)
{
    const char *value[PARAMS_MAX] = {NULL}; /* as above */
    uint64_t number[PARAMS_MAX];
    int length[PARAMS_MAX] = {0}, format[PARAMS_MAX] = {0};
    for (int i = 0; i < n; i++) {
        format[i] = 1;
        if (v[i].kind == VAL_INT) {
            number[i] = htobe64((uint64_t)v[i].i);
            value[i] = (const char *)&number[i];
            length[i] = 8;
        } else {
            value[i] = v[i].kind == VAL_NULL ? NULL : v[i].s.p ? v[i].s.p : "";
            length[i] = (int)v[i].s.n;
        }
    }
    return PQsendQueryPrepared(c->pg, name, n, value, length, format, 1) ? 0 : -1;
}

/* Puts one statement, and its PREPARE where it is new, into the pipeline. */
static int send_statement(struct conn *c, const char *sql, const struct val *v, int n, struct err *e)
{
    char name[16] = "";
    struct statement *st = statement_of(c, sql);
    if (n > PARAMS_MAX)
        return err_set(e, ERR_INTERNAL, "more than %d parameters: %s", PARAMS_MAX, sql);
    if (st)
        snprintf(name, sizeof name, "s%d", (int)(st - c->statement));
    if (!st || !st->sent) {
        if (send_prepare(c, st, name, sql, v, n))
            return gone(c, e, sql);
        if (st)
            st->sent = true;
    }
    metric_add(METRIC_STATEMENTS, 1);
    if (send_bound(c, name, v, n))
        return gone(c, e, sql);
    return remember(c, SENT_EXEC, NULL, sql);
}

static int send_words(struct conn *c, const char *sql, struct err *e)
{
    if (!PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 1))
        return gone(c, e, sql);
    return remember(c, SENT_EXEC, NULL, sql);
}

static int send_sync(struct conn *c, struct err *e)
{
    return PQpipelineSync(c->pg) ? remember(c, SENT_SYNC, NULL, "sync") : gone(c, e, "sync");
}

/* --- receiving --- */

/* The result of the oldest command on its way, and the NULL behind it; NULL: none came. */
static PGresult *next_result(struct conn *c, int ms)
{
    PGresult *r = await(c, ms) ? NULL : PQgetResult(c->pg);
    if (r && PQresultStatus(r) != PGRES_PIPELINE_SYNC) {
        PGresult *end = await(c, ms) ? r : PQgetResult(c->pg);
        if (end) {
            if (end != r)
                PQclear(end);
            PQclear(r);
            return NULL;
        }
    }
    return r;
}

static int take_cell(const PGresult *r, int row, int col, struct arena *a, struct val *ret)
{
    const uint8_t *p = (const uint8_t *)PQgetvalue(r, row, col);
    int n = PQgetlength(r, row, col);
    int64_t v = 0;
    *ret = V_NULL;
    if (PQgetisnull(r, row, col))
        return 0;
    switch (PQftype(r, col)) {
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
    case OID_BOOL:
        for (int i = 0; i < n; i++)
            v = (int64_t)((uint64_t)v << 8 | p[i]);
        *ret = V_INT(n == 4 ? (int32_t)v : n == 2 ? (int16_t)v : v);
        return 0;
    case OID_BYTEA: ret->kind = VAL_BLOB; break;
    default: ret->kind = VAL_TEXT; break;
    }
    ret->s = arena_copy(a, (struct slice){(const char *)p, (size_t)n});
    return ret->s.p ? 0 : -1;
}

static int take_rows(const PGresult *r, struct arena *a, struct rows *ret, struct err *e)
{
    int n = PQntuples(r), cols = PQnfields(r);
    struct val *cell = n ? arena_take(a, (size_t)n * (size_t)cols * sizeof *cell) : NULL;
    *ret = (struct rows){.cols = cols};
    for (int row = 0; row < n; row++)
        for (int col = 0; col < cols; col++)
            if (!cell || take_cell(r, row, col, a, &cell[row * cols + col]))
                return err_set(e, ERR_NO_MEMORY, "%d rows", n);
    ret->n = n;
    ret->cell = cell;
    return n;
}

/* Takes the results of everything on its way. 0, or -1 with the first failure. *ret: the last statement's result. */
static int receive(struct conn *c, PGresult **ret, int ms, struct err *e)
{
    int rc = 0, n = c->sents, last = n - 1;
    c->sents = 0;
    metric_add(METRIC_TRIPS, 1);
    while (last >= 0 && c->sent[last].kind == SENT_SYNC)
        last--;
    for (int i = 0; i < n; i++) {
        PGresult *r = next_result(c, ms);
        if (!r) {
            gone(c, e, c->sent[i].sql);
            return -1;
        }
        ExecStatusType s = PQresultStatus(r);
        bool ok = s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_PIPELINE_SYNC;
        if (!ok && c->sent[i].statement)
            c->sent[i].statement->sent = false;
        if (!ok && rc == 0)
            rc = s == PGRES_PIPELINE_ABORTED ? err_set(e, ERR_STORE, "%s: the transaction had failed", c->sent[i].sql)
                                             : fail(c, e, r, c->sent[i].sql);
        if (ok && rc == 0 && c->sent[i].rows && take_rows(r, c->sent[i].arena, c->sent[i].rows, e) < 0)
            rc = -1;
        if (ret && i == last && ok)
            *ret = r;
        else
            PQclear(r);
    }
    return rc;
}

/* --- bodies --- */

static int send_begin(struct pg_tx *tx, struct err *e)
{
    struct conn *c = tx->conn;
    if (c->began)
        return 0;
    c->began = true;
    return send_words(c, "BEGIN", e) || (tx->lazy && send_words(c, "SET LOCAL synchronous_commit = off", e)) ? -1 : 0;
}

static int flush_request(struct conn *c, struct err *e)
{
    return PQsendFlushRequest(c->pg) ? 0 : gone(c, e, "flush");
}

static int pg_query(struct tx *base, struct arena *a, struct rows *ret, struct err *e, const char *sql,
                    const struct val *v, int n)
{
    struct pg_tx *tx = (struct pg_tx *)base;
    PGresult *r = NULL;
    if (send_begin(tx, e) || send_statement(tx->conn, sql, v, n, e) || flush_request(tx->conn, e) ||
        receive(tx->conn, &r, ANSWER_MS, e)) {
        PQclear(r);
        return -1;
    }
    int64_t changed = 0;
    slice_int(slice_of(PQcmdTuples(r)), 0, INT32_MAX, &changed); /* "" where a statement changes nothing */
    int rc = ret ? take_rows(r, a, ret, e) : (int)changed;
    PQclear(r);
    return rc;
}

static int pg_wait(struct tx *base, struct err *e)
{
    struct conn *c = ((struct pg_tx *)base)->conn;
    return c->sents && (flush_request(c, e) || receive(c, NULL, ANSWER_MS, e)) ? -1 : 0;
}

static int pg_put(struct tx *base, struct err *e, const char *sql, const struct val *v, int n)
{
    struct pg_tx *tx = (struct pg_tx *)base;
    if (tx->conn->sents > SENT_MAX - 8 && pg_wait(base, e))
        return -1;
    return send_begin(tx, e) || send_statement(tx->conn, sql, v, n, e) ? -1 : 0;
}

static int pg_ask(struct tx *base, struct arena *a, struct rows *ret, struct err *e, const char *sql,
                  const struct val *v, int n)
{
    struct conn *c = ((struct pg_tx *)base)->conn;
    *ret = (struct rows){.n = 0};
    if (pg_put(base, e, sql, v, n))
        return -1;
    c->sent[c->sents - 1].arena = a;
    c->sent[c->sents - 1].rows = ret;
    return 0;
}

/* --- gates: roles, taken for the rest of the transaction --- */

/* "" of nobody, which no row is of. */
static void hex_id(const uint8_t *id, char ret[33])
{
    ret[0] = 0;
    for (int i = 0; id && i < 16; i++)
        snprintf(ret + 2 * i, 3, "%02x", id[i]);
}

static int pg_gate(struct tx *tx, const struct gate *gate, const struct gate_actor *who, struct err *e)
{
    static const struct gate_actor nobody = {NULL, NULL, NULL};
    static const struct gate_one none = {NULL, NULL, NULL};
    const struct gate_actor *actor = gate ? who : &nobody;
    const struct gate_one *one = actor->one ? actor->one : &none;
    char role[64] = "none", id[5][33];
    if (gate)
        snprintf(role, sizeof role, "lazaret_%s", gate->name);
    hex_id(actor->scope, id[0]);
    hex_id(actor->actor, id[1]);
    hex_id(one->person, id[2]);
    hex_id(one->home, id[3]);
    hex_id(one->data, id[4]);
    return tx_put(tx, e,
                  "SELECT set_config('lazaret.scope', $1, true), set_config('lazaret.actor', $2, true), "
                  "set_config('lazaret.person', $3, true), set_config('lazaret.home', $4, true), "
                  "set_config('lazaret.data', $5, true), set_config('role', $6, true)",
                  V_STR(id[0]), V_STR(id[1]), V_STR(id[2]), V_STR(id[3]), V_STR(id[4]), V_STR(role));
}

/* COMMIT is only as good as its tag: a transaction that had failed answers ROLLBACK. */
static int commit(struct conn *c, struct err *e)
{
    PGresult *r = NULL;
    if (fault_hit(FAULT_WRITE))
        return err_set(e, ERR_STORE, "a fault a test asked for");
    c->committing = true; /* from here on nobody knows, if the connection breaks */
    if (send_words(c, "COMMIT", e) || send_sync(c, e))
        return -1;
    int rc = receive(c, &r, ANSWER_MS, e);
    if (!rc && strcmp(PQcmdStatus(r), "COMMIT") != 0)
        rc = err_set(e, ERR_STORE, "a transaction was rolled back at its end");
    PQclear(r);
    return rc;
}

/* Whatever state the pipeline and the transaction are in, afterwards both are at rest, or the connection is broken. */
static void settle(struct conn *c)
{
    struct err e;
    if (c->broken || (!c->began && !c->sents))
        return;
    if (send_sync(c, &e) || send_words(c, "ROLLBACK", &e) || send_sync(c, &e))
        return;
    receive(c, NULL, ANSWER_MS, &e);
    if (!c->broken && PQtransactionStatus(c->pg) != PQTRANS_IDLE)
        c->broken = true;
}

/* A body that is over waits for no more rows, and where they were to go may be gone. */
static void forget_asked(struct conn *c)
{
    for (int i = 0; i < c->sents; i++)
        c->sent[i].rows = NULL;
}

static int run_once(struct pg_tx *tx, tx_body *body, void *arg, struct err *e)
{
    struct conn *c = tx->conn;
    c->began = c->committing = false;
    *c->state = 0;
    int rc = body(&tx->base, arg, e);
    forget_asked(c);
    if (!rc && c->began)
        rc = commit(c, e);
    if (rc)
        settle(c);
    return rc ? -1 : 0;
}

static void pause_before(int run)
{
    uint32_t r;
    rnd_bytes(&r, sizeof r);
    usleep((1u << run) * 500 + r % 1000);
}

static int pg_run(struct db *db, tx_body *body, void *arg, bool lazy, struct err *e)
{
    struct pg_db *d = (struct pg_db *)db;
    for (int run = 1;; run++) {
        struct pg_tx tx = {{db->driver}, take(d, e), lazy};
        if (!tx.conn)
            return -1;
        int64_t start = clock_mono_us();
        int rc = run_once(&tx, body, arg, e);
        bool again = tx.conn->broken ? !tx.conn->committing && run == 1
                                     : lost_race(tx.conn->state) && run < (e->code == ERR_CONFLICT ? 2 : RUNS_MAX);
        give(d, tx.conn);
        if (rc == 0) {
            metric_add(METRIC_COMMITS, 1);
            metric_add(METRIC_BODIES, 1);
            metric_observe(HISTOGRAM_COMMIT, clock_mono_us() - start);
        }
        if (rc == 0 || !again)
            return rc;
        pause_before(run);
    }
}

/* --- scripts, reads --- */

/* The subset of SQL that migrations are written in, in PostgreSQL's words. */
static char *translated(const char *sql)
{
    static const struct {
        const char *from, *to;
    } word[] = {{"BLOB", "BYTEA"}, {"INTEGER", "BIGINT"}, {"STRICT", ""}};
    char *out = malloc(strlen(sql) * 2 + 1), *to = out;
    for (const char *p = sql; out && *p;) {
        size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
        const char *put = NULL;
        for (size_t i = 0; n && i < COUNT(word); i++)
            if (strlen(word[i].from) == n && memcmp(word[i].from, p, n) == 0)
                put = word[i].to;
        size_t m = put ? strlen(put) : n ? n : 1;
        memcpy(to, put ? put : p, m);
        to += m;
        p += n ? n : 1;
    }
    if (out)
        *to = 0;
    return out;
}

static int pg_script(struct tx *base, const char *sql, struct err *e)
{
    struct pg_tx *tx = (struct pg_tx *)base;
    struct conn *c = tx->conn;
    OWN_MEM char *text = translated(sql);
    if (!text)
        return err_set(e, ERR_NO_MEMORY, "a migration");
    if (send_begin(tx, e) || send_sync(c, e) || receive(c, NULL, ANSWER_MS, e))
        return -1;
    if (!PQexitPipelineMode(c->pg) || !PQsendQuery(c->pg, text))
        return gone(c, e, "script");
    int rc = 0;
    for (PGresult *r; !c->broken;) {
        if (await(c, SCRIPT_MS))
            return gone(c, e, "script");
        if (!(r = PQgetResult(c->pg)))
            break;
        if (PQresultStatus(r) == PGRES_FATAL_ERROR)
            rc = fail(c, e, r, "script");
        PQclear(r);
    }
    return PQenterPipelineMode(c->pg) ? rc : gone(c, e, "script");
}

static int read_once(struct conn *c, struct arena *a, struct rows *ret, struct err *e, const char *sql,
                     const struct val *v, int n)
{
    PGresult *r = NULL;
    c->began = c->committing = false;
    int rc = send_statement(c, sql, v, n, e) || send_sync(c, e) || receive(c, &r, ANSWER_MS, e) ? -1 : 0;
    if (!rc)
        rc = take_rows(r, a, ret, e);
    PQclear(r);
    settle(c);
    return rc;
}

static int pg_read(struct db *db, struct arena *a, struct rows *ret, struct err *e, const char *sql,
                   const struct val *v, int n)
{
    struct pg_db *d = (struct pg_db *)db;
    for (int run = 1;; run++) {
        struct conn *c = take(d, e);
        if (!c)
            return -1;
        int rc = read_once(c, a, ret, e, sql, v, n);
        bool again = c->broken && run == 1;
        give(d, c);
        if (rc >= 0 || !again)
            return rc;
    }
}

/* What PostgreSQL cannot vouch for: settings under which an answered commit can be lost. */
static int pg_check(struct db *db, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "check");
    if (pg_read(db, a, &r, e,
                "SELECT current_setting('fsync'), current_setting('full_page_writes'), "
                "current_setting('synchronous_commit')",
                NULL, 0) < 0)
        return -1;
    for (int i = 0; i < 3; i++)
        if (slice_is(row_at(&r, 0, i)->s, "off"))
            return err_set(e, ERR_STORE, "PostgreSQL runs with %s = off: what was answered can be lost with the power",
                           (const char *[]){"fsync", "full_page_writes", "synchronous_commit"}[i]);
    return 0;
}

static int pg_copy(struct db *db, const char *to, struct progress *p, struct err *e)
{
    progress_begin(p, "dumping the database", 0);
    return pg_tool_dump(((struct pg_db *)db)->url, to, p, e);
}

static int analyze_body(struct tx *tx, void *arg, struct err *e)
{
    (void)arg;
    return pg_script(tx, "ANALYZE", e);
}

static int pg_analyze(struct db *db, struct err *e)
{
    return pg_run(db, analyze_body, NULL, true, e);
}

static int pg_load(struct db *db, const char *from, struct progress *p, struct err *e)
{
    progress_begin(p, "loading the database", 0);
    return pg_tool_restore(((struct pg_db *)db)->url, from, p, e) || pg_analyze(db, e) ? -1 : 0;
}

/* --- open and close --- */

static void pg_shut(struct db *db)
{
    struct pg_db *d = (struct pg_db *)db;
    for (struct conn *c = d->idle, *next; c; c = next) {
        next = c->next;
        conn_close(c);
    }
    pthread_cond_destroy(&d->back);
    pthread_mutex_destroy(&d->lock);
    free(d->url);
    free(d);
}

static int pg_open(const char *url, bool create, struct db **ret, struct err *e)
{
    (void)create; /* the database is made by whoever runs the server */
    struct pg_db *d = calloc(1, sizeof *d);
    char *copy = strdup(url);
    pthread_condattr_t attr;
    if (!d || !copy) {
        free(d);
        free(copy);
        return err_set(e, ERR_NO_MEMORY, "open the store");
    }
    d->base.driver = &db_postgres;
    d->url = copy;
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->back, &attr);
    pthread_condattr_destroy(&attr);
    struct conn *c = take(d, e);
    if (!c) {
        pg_shut(&d->base);
        return -1;
    }
    give(d, c);
    *ret = &d->base;
    return 0;
}

const struct db_driver db_postgres = {
    .name = "postgres",
    .serial = false,
    .open = pg_open,
    .close = pg_shut,
    .run = pg_run,
    .query = pg_query,
    .put = pg_put,
    .ask = pg_ask,
    .wait = pg_wait,
    .read = pg_read,
    .script = pg_script,
    .gate = pg_gate,
    .roles = true,
    .analyze = pg_analyze,
    .check = pg_check,
    .copy = pg_copy,
    .load = pg_load,
};
