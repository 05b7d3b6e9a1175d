/* floor_pg.c -- how many accepted jobs, or audit entries, PostgreSQL takes from a bare loop of libpq.
 *
 *     floor_pg [-t S] [-c N] [-n | -a] [-s] URL
 *
 * URL is a database of lazaret with jobs in it. Rows of the same average sizes (random bytes) are written into copies
 * of its tables, with their indexes but without foreign keys, in a schema of their own that is dropped afterwards: by N
 * (1) connections, a thread each, for S seconds (2). A transaction is what one answer of the server writes: a job, its
 * idempotency row and its audit entry; with -n without the idempotency row, with -a the audit entry alone.
 *
 * All of a transaction travels at once (libpq's pipeline), from BEGIN to COMMIT; with -s every statement waits for its
 * answer, as a loop of PQexecPrepared does. Everything is prepared and binary. Nothing is sealed, parsed or asked, so
 * what a server reaches is a part of this. Prints one line of JSON. */
#include <endian.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/rnd.h"
#include "exchange.h"

enum { KEY, BUNDLE, PLAN, ANSWER, TRACE, ENTRY, SIZES, BYTES_MAX = 1 << 20, CONNECTIONS_MAX = 128, PARAMS_MAX = 10 };

static char noise[BYTES_MAX], filler[BYTES_MAX];
static int size_of[SIZES];

static struct {
    const char *url;
    int connections;
    double seconds;
    bool job, idempotency, stepwise;
} opt = {.connections = 1, .seconds = 2, .job = true, .idempotency = true};

struct worker {
    pthread_t thread;
    PGconn *pg;
    int64_t ends, bodies;
};

/* --- one connection --- */

static PGconn *connect_pg(void)
{
    PGconn *pg = PQconnectdb(opt.url);
    if (PQstatus(pg) != CONNECTION_OK)
        stop("%s", PQerrorMessage(pg));
    return pg;
}

static PGresult *checked(PGconn *pg, PGresult *r, const char *what)
{
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_PIPELINE_SYNC)
        stop("%s: %s", what, PQerrorMessage(pg));
    return r;
}

static void run(PGconn *pg, const char *sql)
{
    PQclear(checked(pg, PQexec(pg, sql), sql));
}

static void prepare(PGconn *pg, const char *name, const char *sql)
{
    PQclear(checked(pg, PQprepare(pg, name, sql, 0, NULL), sql));
}

static void prepare_all(PGconn *pg)
{
    prepare(pg, "begin", "BEGIN");
    prepare(pg, "commit", "COMMIT");
    prepare(
        pg, "job",
        "INSERT INTO lazaret_floor.job (scope, id, client, model, state, key, bundle, plan, not_before, webhook, "
        "trace, created_at, updated_at, turn) VALUES ($1, $2, $1, $3, 'QUEUED', $4, $5, $6, $7, 0, $8, $7, $7, $7)");
    prepare(pg, "idempotency",
            "INSERT INTO lazaret_floor.idempotency (scope, client, key_hash, digest, job, status, body, created_at) "
            "VALUES ($1, $1, $2, $3, $4, 202, $5, $6)");
    prepare(pg, "audit", "INSERT INTO lazaret_floor.audit_pending (scope, at, entry, leaf) VALUES ($1, $2, $3, $4)");
}

/* --- a transaction --- */

struct params {
    int n;
    const char *value[PARAMS_MAX];
    int length[PARAMS_MAX], format[PARAMS_MAX];
};

static void add(struct params *p, const void *value, int n)
{
    p->value[p->n] = value;
    p->length[p->n] = n;
    p->format[p->n++] = 1;
}

static void send_one(PGconn *pg, const char *name, const struct params *p)
{
    if (opt.stepwise)
        PQclear(checked(pg, PQexecPrepared(pg, name, p->n, p->value, p->length, p->format, 1), name));
    else if (!PQsendQueryPrepared(pg, name, p->n, p->value, p->length, p->format, 1))
        stop("%s: %s", name, PQerrorMessage(pg));
}

static void send_job(PGconn *pg, const uint64_t *now, const uint8_t id[UUID_BYTES])
{
    struct params p = {.n = 0};
    add(&p, noise, 16);
    add(&p, id, UUID_BYTES);
    add(&p, noise, 32);
    add(&p, noise, size_of[KEY]);
    add(&p, noise, size_of[BUNDLE]);
    add(&p, noise, size_of[PLAN]);
    add(&p, now, 8);
    add(&p, filler, size_of[TRACE]);
    send_one(pg, "job", &p);
}

static void send_idempotency(PGconn *pg, const uint64_t *now, const uint8_t id[UUID_BYTES], const uint8_t hash[32])
{
    struct params p = {.n = 0};
    add(&p, noise, 16);
    add(&p, hash, 32);
    add(&p, noise, 32);
    add(&p, id, UUID_BYTES);
    add(&p, filler, size_of[ANSWER]);
    add(&p, now, 8);
    send_one(pg, "idempotency", &p);
}

static void send_audit(PGconn *pg, const uint64_t *now)
{
    struct params p = {.n = 0};
    add(&p, noise, 16);
    add(&p, now, 8);
    add(&p, noise, size_of[ENTRY]);
    add(&p, noise, 32);
    send_one(pg, "audit", &p);
}

/* The results of `n` statements and of the sync behind them. */
static void receive(PGconn *pg, int n)
{
    if (!PQpipelineSync(pg))
        stop("sync: %s", PQerrorMessage(pg));
    for (int i = 0; i < n; i++) {
        PQclear(checked(pg, PQgetResult(pg), "a statement"));
        PQclear(PQgetResult(pg)); /* the NULL that ends it */
    }
    PQclear(checked(pg, PQgetResult(pg), "sync"));
}

static void *work(void *arg)
{
    static const struct params none = {.n = 0};
    struct worker *w = arg;
    for (int64_t at = now_ns(); at < w->ends; at = now_ns(), w->bodies++) {
        uint64_t now = htobe64((uint64_t)(1800000000000000 + at / 1000));
        uint8_t id[UUID_BYTES], hash[32];
        uuid7(id);
        rnd_bytes(hash, sizeof hash);
        send_one(w->pg, "begin", &none);
        if (opt.job)
            send_job(w->pg, &now, id);
        if (opt.job && opt.idempotency)
            send_idempotency(w->pg, &now, id, hash);
        send_audit(w->pg, &now);
        send_one(w->pg, "commit", &none);
        if (!opt.stepwise)
            receive(w->pg, 3 + opt.job + (opt.job && opt.idempotency));
    }
    return NULL;
}

/* --- the database --- */

static void read_sizes(PGconn *pg)
{
    static const char *const sql[SIZES] = {
        [KEY] = "SELECT avg(length(key))::int FROM (SELECT key FROM job LIMIT 1000) x",
        [BUNDLE] = "SELECT avg(length(bundle))::int FROM (SELECT bundle FROM job LIMIT 1000) x",
        [PLAN] = "SELECT avg(length(plan))::int FROM (SELECT plan FROM job LIMIT 1000) x",
        [ANSWER] = "SELECT avg(length(body))::int FROM (SELECT body FROM idempotency LIMIT 1000) x",
        [TRACE] = "SELECT avg(length(trace))::int FROM (SELECT trace FROM job LIMIT 1000) x",
        [ENTRY] = "SELECT avg(length(entry))::int FROM (SELECT entry FROM audit LIMIT 1000) x",
    };
    for (int i = 0; i < SIZES; i++) {
        if ((i == ANSWER && !opt.idempotency) || (i != ENTRY && !opt.job))
            continue;
        PGresult *r = checked(pg, PQexec(pg, sql[i]), sql[i]);
        if (PQgetisnull(r, 0, 0))
            stop("the database holds nothing to go by: %s", sql[i]);
        size_of[i] = number_of(PQgetvalue(r, 0, 0), 0, BYTES_MAX);
        PQclear(r);
    }
}

static void make_tables(PGconn *pg)
{
    run(pg, "SET client_min_messages = warning");
    run(pg, "DROP SCHEMA IF EXISTS lazaret_floor CASCADE");
    run(pg, "CREATE SCHEMA lazaret_floor");
    run(pg, "CREATE TABLE lazaret_floor.job (LIKE job INCLUDING ALL)");
    run(pg, "CREATE TABLE lazaret_floor.idempotency (LIKE idempotency INCLUDING ALL)");
    run(pg, "CREATE TABLE lazaret_floor.audit_pending (LIKE audit_pending INCLUDING ALL)");
    run(pg, "CREATE SEQUENCE lazaret_floor.seq");
    run(pg, "ALTER TABLE lazaret_floor.audit_pending ALTER seq SET DEFAULT nextval('lazaret_floor.seq')");
}

static void measure(struct worker *w)
{
    int64_t start = now_ns(), bodies = 0;
    for (int i = 0; i < opt.connections; i++) {
        w[i].ends = start + (int64_t)(opt.seconds * 1e9);
        if (pthread_create(&w[i].thread, NULL, work, &w[i]))
            stop("no thread");
    }
    for (int i = 0; i < opt.connections; i++) {
        pthread_join(w[i].thread, NULL);
        bodies += w[i].bodies;
    }
    double took = (double)(now_ns() - start) / 1e9;
    printf("{\"connections\":%d,\"stepwise\":%s,\"bodies\":%lld,\"per_s\":%.1f}\n", opt.connections,
           opt.stepwise ? "true" : "false", (long long)bodies, (double)bodies / took);
}

static void read_options(int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "t:c:nas")) != -1;) {
        switch (o) {
        case 't': opt.seconds = seconds_of(optarg); break;
        case 'c': opt.connections = number_of(optarg, 1, CONNECTIONS_MAX); break;
        case 'n': opt.idempotency = false; break;
        case 'a': opt.job = false; break;
        case 's': opt.stepwise = true; break;
        default: exit(2);
        }
    }
    if (argc - optind != 1 || opt.seconds <= 0)
        stop("usage: floor_pg [-t SECONDS] [-c CONNECTIONS] [-n] [-a] [-s] URL");
    opt.url = argv[optind];
}

int main(int argc, char **argv)
{
    static struct worker worker[CONNECTIONS_MAX];
    read_options(argc, argv);
    rnd_bytes(noise, sizeof noise);
    memset(filler, 'x', sizeof filler);
    PGconn *pg = connect_pg();
    read_sizes(pg);
    make_tables(pg);
    for (int i = 0; i < opt.connections; i++) {
        worker[i].pg = connect_pg();
        prepare_all(worker[i].pg);
        if (!opt.stepwise && !PQenterPipelineMode(worker[i].pg))
            stop("no pipeline");
    }
    measure(worker);
    for (int i = 0; i < opt.connections; i++)
        PQfinish(worker[i].pg);
    run(pg, "DROP SCHEMA lazaret_floor CASCADE");
    PQfinish(pg);
    return 0;
}
