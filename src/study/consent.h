/* consent.h -- what the people of the study agreed to: recorded, read, withdrawn.
 *
 * Consent is about somebody's data, so its rows are found by the data's nick and not by the person: whether data may be
 * read for a purpose is then known to who sees nothing but data. It is asked in the transaction of the read, every
 * time: withdrawing and such reads exclude each other, so in the audit log no permitted one comes behind the
 * withdrawal. What was agreed to (which sheet, when signed) is sealed under the data's own key. Each record is a
 * version beside those before it; the newest counts. Knows nothing of HTTP. */
#ifndef STUDY_CONSENT_H
#define STUDY_CONSENT_H

#include "study/study.h"

enum consent_state {
#define STATE(name, text, what) CONSENT_##name,
#include "study/consent.def"
    CONSENT_STATES
};
enum consent_purpose {
#define PURPOSE(name, bit, text, reason, what) CONSENT_##name = bit,
#include "study/consent.def"
};

struct consent {
    int64_t rev;
    enum consent_state state;
    unsigned purposes;    /* bits of consent_purpose */
    bool whole;           /* not its state and purposes alone: */
    struct slice version; /* of the information sheet */
    struct slice sheet;   /* SHA-256 of it, hexadecimal; {NULL,0}: not said */
    struct slice signed_at, withdrawn_at, author;
};

/* What is asked for: NULL, or a sentence with *field (NULL: the whole). Purposes, version and signed_at are needed. */
const char *consent_form(const struct json *j, struct arena *a, struct consent *ret, const char **field);
void consent_put(struct json_out *o, const struct consent *c);

/* Of whom or whose data the caller calls so: 1 and the newest, cut to their view; 0: nobody, or none was recorded. */
int consent_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                 struct arena *a, struct consent *ret, struct err *e);
/* The version with this number, of whom the caller sees all of it (ERR_NOT_ALLOWED of others): 1; 0: there is none. */
int consent_version(const struct study *s, const struct caller *c, int64_t id, int64_t rev,
                    const struct audit_entry *audit, struct arena *a, struct consent *ret, struct err *e);
/* Its names: "active"; the purposes one by one, from the bit 1 on: NULL at the end. */
const char *consent_state_name(enum consent_state s);
struct consent_purpose_row {
    unsigned bit;
    const char *name, *reason; /* reason: v3-ActReason */
};
const struct consent_purpose_row *consent_purposes(int *ret_n);
/* 1 and what was recorded; 0. After a withdrawal, too: somebody may agree again. */
int consent_record(const struct study *s, const struct caller *c, int64_t id, const struct consent *n,
                   const struct study_revs *only, const struct audit_entry *audit, struct arena *a, struct consent *ret,
                   struct err *e);
/* 1; 0: nobody. ERR_CONFLICT: there is no active one. */
int consent_withdraw(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                     const struct audit_entry *audit, struct arena *a, struct consent *ret, struct err *e);

#endif
