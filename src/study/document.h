/* document.h -- files of an installation: plans of a home, sheets of what was mounted. Stored sealed, piece by piece,
 * in the store itself, in memory that does not grow with them.
 *
 *     key of the house, domain DOCUMENT    keys/subject.h: destroyed when the house is to be forgotten
 *      +- file key                         random, one per document, sealed in its row
 *          +- 16 chunks a piece            crypto/chunked.h, context "laz/v1/document" | scope | id: rows of
 * document_piece
 *
 * Why rows and not files beside the store: a backup, a restore and a transaction then hold all of it, on SQLite and on
 * PostgreSQL alike, and no file can be left behind that no row knows. A piece is a transaction of its own, so that no
 * write-ahead log holds more than one.
 *
 * A document that is coming is a row with a lease, seen by nobody; document_finish takes the lease away. Whoever is
 * killed or hangs up leaves the lease: document_sweep removes what is behind it. Removing one blanks its key in one
 * transaction, with which all of it is unreadable, and its pieces after that, a few at a time.
 *
 * Who sees what is the policy's (DOCUMENT): each call is behind the caller's gate and leaves one entry in the log.
 * Documents are named by numbers of the caller's role. For a role that sees houses under a pseudonym alone, size and
 * day are coarse: exact ones, which other roles know too, would say which house it is. Knows nothing of HTTP. */
#ifndef STUDY_DOCUMENT_H
#define STUDY_DOCUMENT_H

#include "base/progress.h"
#include "study/document_check.h"
#include "study/study.h"

enum { DOCUMENTS_PAGE = 100, DOCUMENT_REV = 1 /* of every document, which never becomes another */ };
#define DOCUMENT_LEASE_US INT64_C(3600000000)

struct document {
    int64_t id;               /* the caller's number of it */
    struct slice title, kind; /* the file's name; what whoever sent it calls its kind; {NULL,0}: not shown */
    enum document_type type;
    int64_t size, created_at;
    struct slice author;  /* the role it was sent in; {NULL,0}: not shown */
    int64_t installation; /* of one that is asked about by itself: whose it is, as the caller calls it */
};

/* --- sending one --- */

struct document_upload;
struct document_new {
    int64_t installation; /* the caller's number of it */
    struct slice title;   /* document_name_fault says NULL of it */
    enum document_type type;
};
/* ERR_NOT_FOUND: the caller knows no such installation, or it was not given to them; the log says that they tried.
 * `audit` says who and how, here and below. The upload lies in `a`, which outlives it; some 600 KiB. */
int document_begin(const struct study *s, const struct caller *c, const struct document_new *n,
                   const struct audit_entry *audit, struct arena *a, struct document_upload **ret, struct err *e);
/* Checks, seals and stores. ERR_MEDIA_TYPE: it is not what it was said to be, with a sentence that may be told;
 * ERR_GONE: the lease ran out. Blocks for commits. After an error: document_abandon. */
int document_write(struct document_upload *u, struct slice bytes, struct err *e);
/* It is there, durably: *ret. */
int document_finish(struct document_upload *u, struct slice kind, struct document *ret, struct err *e);
/* Reads every document of the study to its last byte. -1 (ERR_STORE) with the first that does not open; *ret: how many
 * did. One that is removed meanwhile is passed over. p->stop ends it early, as if there were no more. */
int document_check_sealed(const struct study *s, struct progress *p, int64_t *ret, struct err *e);
/* It never was. If that fails, document_sweep finds it. NULL is fine, and after document_finish nothing is done. */
void document_abandon(struct document_upload *u);

/* --- reading --- */

struct document_page {
    struct document *document; /* the oldest first */
    int n;
    int64_t all;  /* of the installation */
    int64_t next; /* the id to go on behind; 0: there are no more */
};
/* 1; 0: no such installation. `after`: an id, 0 from the start (ERR_NOT_FOUND: none of it); `limit`: 1 to
 * DOCUMENTS_PAGE. */
int document_list(const struct study *s, const struct caller *c, int64_t installation, int64_t after, int limit,
                  const struct audit_entry *audit, struct arena *a, struct document_page *ret, struct err *e);

/* What is known of one, not what it says. 1; 0: no such document. */
int document_about(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                   struct arena *a, struct document *ret, struct err *e);
/* Does the caller's view show what documents say, and not only which there are? ERR_NOT_ALLOWED, with a sentence. */
int document_readable(const struct caller *c, struct err *e);
struct document_reading;
/* 1 and *ret, once the log says that it is read; 0: no such document. ERR_NOT_ALLOWED: the caller's view shows no
 * content. The reading lies in `a`; some 600 KiB. */
int document_open(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                  struct arena *a, struct document *ret, struct document_reading **ret_reading, struct err *e);
/* 1: *ret, not empty, is more of it, gone with the next call; 0: that was all, and it is whole. ERR_GONE: it was
 * removed meanwhile. */
int document_next(struct document_reading *r, struct slice *ret, struct err *e);
void document_close(struct document_reading *r); /* wipes its keys; NULL is fine */

/* 1: it is unreadable for good, and its pieces are gone but for what the sweep finds; 0: no such document. */
int document_remove(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                    const struct audit_entry *audit, struct arena *a, struct err *e);

/* --- keeping house --- */

/* Removes what no document has any more: of broken uploads whose lease has ended at `now`, and of removed ones. In
 * small transactions. *ret: how many documents are gone. */
int document_sweep(const struct study *s, int64_t now_us, int *ret, struct err *e);
/* When nobody else can be sending (a store of one process, which starts): every lease ends. */
int document_recover(const struct study *s, struct err *e);

/* As JSON: what is shown of it. */
void document_put(struct json_out *o, const struct document *d);

#endif
