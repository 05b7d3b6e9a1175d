/* disposition.h -- Content-Disposition (RFC 6266, 7578) and the parameters of header fields (RFC 9110 5.6.6, RFC 8187):
 * how a file's name is told in both directions. Pure. */
#ifndef HTTP_DISPOSITION_H
#define HTTP_DISPOSITION_H

#include "base/buf.h"

/* The next "; name=value" off *rest, the value without its quotes, in the arena. 1; 0: there are no more; -1: it is
 * malformed, or memory is out. Inside quotes a backslash stands before a quote or a backslash only: browsers write any
 * other one as it is. */
int field_param(struct slice *rest, struct arena *a, struct slice *ret_name, struct slice *ret_value);

struct disposition {
    struct slice type;           /* "attachment", "form-data" */
    struct slice name, filename; /* {NULL,0}: not there; filename* goes before filename. Any text: nothing is checked */
};
/* -1: malformed; a parameter twice is, too, and filename* of another charset than UTF-8. */
int disposition_read(struct slice field, struct arena *a, struct disposition *ret);

/* attachment; filename="..."; filename*=UTF-8''...: the first in ASCII, with _ for what is none. The name is UTF-8
 * without control characters. */
void disposition_write(struct buf *b, struct slice filename);

#endif
