/* gate.h -- what a role's statements may touch, held by the database itself: the last gate, when all others were passed
 * by mistake.
 *
 * A gate is a name and what is granted, column by column. A body calls tx_gate, and until it calls tx_ungate (or ends)
 * its statements can name nothing else, whatever their text says:
 *   - SQLite: the authorizer is asked about every table and column while a statement is prepared; prepared statements
 *     are kept by their gate and their text. It cannot tell the columns of an INSERT apart, and knows no rows;
 *   - PostgreSQL: a role "lazaret_NAME" (NOLOGIN) with column GRANTs, taken for the rest of the transaction; row level
 *     security cuts the rows to the scope and the actor that were named, and of an emergency to the one person.
 * Both stop a statement that names too much by mistake, not code that means to leave the gate: tx_ungate is there for
 * all.
 * A statement that a gate stops is ERR_GATE: the program's own mistake, and nothing of it has happened. */
#ifndef STORE_GATE_H
#define STORE_GATE_H

#include "base/buf.h"
#include "store/db.h"

enum { GATES_MAX = 16, GATE_GRANTS_MAX = 32, GATE_COLUMNS_MAX = 24 };

struct gate_grant {
    const char *table;
    const char *read[GATE_COLUMNS_MAX], *insert[GATE_COLUMNS_MAX], *update[GATE_COLUMNS_MAX]; /* each ends with NULL */
    bool remove;
};

/* Lives as long as the program: prepared statements are kept by its address. */
struct gate {
    const char *name; /* a-z_ */
    struct gate_grant grant[GATE_GRANTS_MAX];
    int grants;
};

/* One person, by the keys of all that is known of them; 16 bytes each. */
struct gate_one {
    const uint8_t *person, *home, *data;
};

/* Who is behind a gate. */
struct gate_actor {
    const uint8_t *scope, *actor; /* 16 bytes each */
    const struct gate_one *one;   /* whom alone the gate "emergency" shows; NULL: nobody */
};

/* Makes the database know these gates, and that they grant this and nothing else. PostgreSQL: makes the roles where
 * they are missing, which takes CREATEROLE or an administrator who made them (ERR_STORE with the words for it); does
 * nothing when the same gates were installed before. Blocks for a commit. */
int gate_install(struct db *db, const struct gate *const *gates, int n, struct err *e);

/* What gate_install does for one of them, for an administrator to read and run. */
void gate_sql(const struct gate *gate, struct buf *out);

/* In a body. */
int tx_gate(struct tx *tx, const struct gate *gate, const struct gate_actor *who, struct err *e);
int tx_ungate(struct tx *tx, struct err *e);

#endif
