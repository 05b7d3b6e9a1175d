/* audit_int.h -- reading the audit log under the caller's view: what audit.c and auditevent.c share. */
#ifndef API_AUDIT_INT_H
#define API_AUDIT_INT_H

#include "api/api_int.h"
#include "audit/search.h"

/* The caller's view of Audit. */
enum view api_audit_view(const struct api_request *q);
/* Cuts the filter to the caller's view; -1: it has no entries, which is denied and audited. */
int api_audit_scope(struct api_request *q, struct audit_filter *f, struct err *e);
/* Cuts it to what the caller did. */
void api_audit_own(const struct api_request *q, struct audit_filter *f);
/* Of who sees their own entries: things of the study by the numbers of their role. What the log itself calls them is
 * the same for all roles, and would tell two of them that they looked at one thing. */
int api_audit_names(struct api_request *q, struct audit_found *x, int n, struct err *e);
/* Into the log that `rows` entries are read. Before they are told. */
int api_audit_read(struct api_request *q, const char *id, int rows, struct err *e);
/* "1764058123456789_4711": where the last page ended, and the next one begins; NULL: there is none. */
bool api_audit_cursor(struct slice text, struct audit_filter *f);
const char *api_audit_next(struct api_request *q, const struct audit_page *p);

#endif
