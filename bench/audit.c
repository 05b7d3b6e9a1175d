/* audit.c -- what the audit log's tree costs an entry, and how fast a log is verified.
 *
 *     audit [-t S] FOLDER
 *
 * Appends entries for S seconds (2) in FOLDER, 64 a transaction, without the tree and with the keeper that signs it
 * meanwhile, as in a server; then verifies. Prints one line of JSON: microseconds an entry (`cpu`: of the processor,
 * all threads) and entries a second. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/checkpoint.h"
#include "audit/tree.h"
#include "audit/verify.h"
#include "base/clock.h"
#include "base/own.h"
#include "exchange.h"
#include "keys/root.h"

enum {
    BATCH = 64,
    FILL = 64,
    /* batches in one transaction */ LONG = 300000,
    /* entries of a log that is verified */ ENTRY = 290 /* bytes of one of these */
};

static int batch(struct tx *tx, void *scope, struct err *e)
{
    const struct audit_entry x = {.scope = scope,
                                  .actor = "bench",
                                  .role = "client",
                                  .action = "read",
                                  .object = "Job",
                                  .object_id = "0af76519-16cd-43dd-8448-eb211c80319c",
                                  .outcome = "permit",
                                  .request = "0af7651916cd43dd",
                                  .route = "/v1/jobs/:job_id",
                                  .trace = "0af7651916cd43dd8448eb211c80319c",
                                  .rows = 1};
    for (int i = 0; i < BATCH; i++)
        if (audit_append(tx, &x, e))
            return -1;
    return 0;
}

static int fill(struct tx *tx, void *scope, struct err *e)
{
    for (int i = 0; i < FILL; i++)
        if (batch(tx, scope, e))
            return -1;
    return 0;
}

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

struct cost {
    double us, cpu;
};

static struct cost measure(struct db *db, struct audit_signer *s, uint8_t *scope, double seconds)
{
    struct err e;
    int64_t begun = clock_mono_us(), n = 0;
    double cpu = cpu_us();
    struct audit_keeper *keeper = NULL;
    if (s && audit_keeper_start(s, &keeper, &e))
        stop("keeper: %s", e.detail);
    while (clock_mono_us() - begun < (int64_t)(seconds * 1e6)) {
        if (tx_run(db, batch, scope, &e))
            stop("append: %s", e.detail);
        n += BATCH;
    }
    audit_keeper_stop(keeper);
    return (struct cost){(double)(clock_mono_us() - begun) / (double)n, (cpu_us() - cpu) / (double)n};
}

/* What a verifier cannot do without: the leaf and the node of each entry, of entries that are in memory already. */
static double hashes_per_cpu_s(int64_t n)
{
    static char entry[ENTRY];
    struct tree t = {.size = 0};
    double cpu = cpu_us();
    for (int64_t i = 0; i < n; i++) {
        struct tree_hash leaf;
        memcpy(entry, &i, sizeof i);
        tree_leaf((struct slice){entry, sizeof entry}, &leaf);
        tree_add(&t, &leaf);
    }
    return (double)n * 1e6 / (cpu_us() - cpu);
}

static int add_scope(struct tx *tx, void *scope, struct err *e)
{
    return tx_exec(tx, e, "INSERT INTO scope (id, kind, name, created_at) VALUES ($1, 'gateway', 'bench', 0)",
                   V_ID(scope)) < 0
               ? -1
               : 0;
}

int main(int argc, char **argv)
{
    double seconds = 2;
    uint8_t scope[ID_BYTES] = {1};
    char path[4096], key[4096];
    struct db *db;
    struct keyring *k;
    struct audit_signer *s;
    struct audit_report r = {.progress = NULL};
    struct err e;
    for (int o; (o = getopt(argc, argv, "t:")) != -1;)
        seconds = o == 't' ? seconds_of(optarg) : 0;
    if (seconds <= 0 || argc != optind + 1)
        stop("usage: audit [-t S] FOLDER");
    snprintf(path, sizeof path, "%s/audit.db", argv[optind]);
    snprintf(key, sizeof key, "%s/audit.key", argv[optind]);
    if (db_open(path, true, &db, &e) || db_migrate(db, &e) || tx_run(db, add_scope, scope, &e) || root_make(key, &e) ||
        keyring_open(key, db, &k, &e) || audit_signer_open(db, k, scope, "", &s, &e))
        stop("%s", e.detail);
    struct cost floor = measure(db, NULL, scope, seconds / 2);
    if (audit_checkpoint(s, &e))
        stop("sign: %s", e.detail);
    struct cost tree = measure(db, s, scope, seconds), after = measure(db, NULL, scope, seconds / 2);
    floor.us = (floor.us + after.us) / 2;
    floor.cpu = (floor.cpu + after.cpu) / 2;
    int64_t count = 0;
    while (count < LONG)
        if (tx_run(db, fill, scope, &e) || audit_count(db, &count, &e))
            stop("append: %s", e.detail);
    if (audit_checkpoint(s, &e))
        stop("sign: %s", e.detail);
    int64_t begun = clock_mono_us();
    double cpu = cpu_us();
    if (audit_verify_with(db, audit_signer_key(s), (struct slice){NULL, 0}, &r, &e))
        stop("verify: %s", e.detail);
    cpu = cpu_us() - cpu;
    printf("{\"floor_us\":%.2f,\"floor_cpu_us\":%.2f,\"us\":%.2f,\"cpu_us\":%.2f,\"entries\":%lld,\"checkpoints\":%lld,"
           "\"verify_per_s\":%.0f,\"verify_per_cpu_s\":%.0f,\"hashes_per_cpu_s\":%.0f}\n",
           floor.us, floor.cpu, tree.us, tree.cpu, (long long)r.entries, (long long)r.checkpoints,
           (double)r.entries * 1e6 / (double)(clock_mono_us() - begun), (double)r.entries * 1e6 / cpu,
           hashes_per_cpu_s(r.entries));
    audit_signer_close(s);
    keyring_close(k);
    db_close(db);
    return 0;
}
