/* pg_tool_int.h -- pg_dump and pg_restore as children. */
#ifndef STORE_PG_TOOL_INT_H
#define STORE_PG_TOOL_INT_H

#include "base/err.h"
#include "base/progress.h"

/* Everything of the database `url` into the new file `to`, of one snapshot, without owners and rights. */
int pg_tool_dump(const char *url, const char *to, struct progress *p, struct err *e);
/* And into an empty database, all of it or nothing. Both: ERR_CONFIG naming the package when the program is not there,
 * ERR_STORE with the first line it said, ERR_BUSY when p->stop was set. */
int pg_tool_restore(const char *url, const char *from, struct progress *p, struct err *e);

#endif
