/* record_int.h -- what the addresses of the study's records have in common. */
#ifndef API_RECORD_INT_H
#define API_RECORD_INT_H

#include "api/api_int.h"

/* The id in the path, a number that this service gave; 422 when it is none. `loc`: "path/patient_id". */
int api_record_id(struct api_request *q, struct slice text, const char *loc, int64_t *ret, struct err *e);
/* 404: nobody, or nothing, of this number that the role knows. Always -1. */
int api_record_absent(struct err *e);
/* ?limit= (1 to `most`, else `most`) and ?cursor= (0: from the start). */
int api_page_asked(struct api_request *q, int most, int *ret_limit, int64_t *ret_cursor, struct err *e);
/* What a list says of itself beside its body, which is an array: X-Total-Count, and of a page that is not the last Link
 * (RFC 8288) rel="next", with all other parameters as they were. `next` 0: it is the last. */
void api_page_told(struct api_request *q, int64_t all, int64_t next, int limit);
/* The body's JSON object; 422 when it is none. */
int api_object(struct api_request *q, struct json *ret, struct err *e);
/* 422 of one member (NULL: the body) with a sentence. Always -1. */
int api_form_refused(struct api_request *q, const char *field, const char *text, struct err *e);

/* The tags that If-Match names, without quotes: their number, at most `most` (more are passed over, and so are weak
 * ones, which never match); 0: whatever version it is, because the header is not there or is *. What is no tag matches
 * nothing: {"",0}. */
int api_if_match(const struct api_request *q, struct slice *ret, int most);
void api_tag(struct api_request *q, const char *tag);
/* The same of what has revisions. */
struct study_revs api_revs(const struct api_request *q);
void api_tag_rev(struct api_request *q, int64_t rev);

#endif
