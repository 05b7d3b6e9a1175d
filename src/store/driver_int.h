/* driver_int.h -- what differs between databases, and nothing else. */
#ifndef STORE_DRIVER_INT_H
#define STORE_DRIVER_INT_H

#include "store/gate.h"

enum { PARAMS_MAX = 102 }; /* of one statement */

struct db_driver {
    const char *name; /* also of its sections in a migration */
    bool serial;      /* bodies run one after the other */
    bool roles;       /* gates are roles, which have to be made */
    int (*open)(const char *path, bool create, struct db **ret, struct err *e);
    void (*close)(struct db *db);
    int (*run)(struct db *db, tx_body *body, void *arg, bool lazy, struct err *e); /* lazy: tx_run_lazy */
    int (*query)(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
                 int n); /* a and ret NULL: the number of rows changed */
    int (*put)(struct tx *tx, struct err *e, const char *sql, const struct val *v, int n);
    /* NULL, both: asked is answered */
    int (*ask)(struct tx *tx, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
               int n);
    int (*wait)(struct tx *tx, struct err *e);
    int (*read)(struct db *db, struct arena *a, struct rows *ret, struct err *e, const char *sql, const struct val *v,
                int n);
    void (*when_durable)(struct tx *tx, bool *ret);               /* NULL: not here */
    int (*script)(struct tx *tx, const char *sql, struct err *e); /* several statements, of a migration */
    /* gate NULL: out of it */
    int (*gate)(struct tx *tx, const struct gate *gate, const struct gate_actor *who, struct err *e);
    int (*scrub)(struct db *db, struct err *e); /* NULL: nothing to do */
    int (*analyze)(struct db *db, struct err *e); /* NULL: it plans without having counted */
    int (*check)(struct db *db, struct err *e);
    int (*copy)(struct db *db, const char *to, struct progress *p, struct err *e);
    int (*load)(struct db *db, const char *from, struct progress *p, struct err *e); /* NULL: the copy is the store */
};

extern const struct db_driver db_sqlite, db_postgres;

/* Every driver's own structs begin with these. */
struct db {
    const struct db_driver *driver;
};
struct tx {
    const struct db_driver *driver;
};

/* Where several processes may start at once, one after the other changes the schema; held until the body's end. */
int db_lock_schema(struct tx *tx, struct arena *a, struct err *e);

#endif
