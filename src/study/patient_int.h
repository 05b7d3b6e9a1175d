/* patient_int.h -- a patient's parts: each sealed by itself, each of one entity of the policy. */
#ifndef STUDY_PATIENT_INT_H
#define STUDY_PATIENT_INT_H

#include "study/contact_int.h"
#include "study/patient.h"
#include "study/study_int.h"

enum patient_part { PART_DETAIL, PART_GENERAL, PART_FINDING, PART_NOTE, PART_PLAIN, PARTS };
enum patient_kind { KIND_TEXT, KIND_DAY, KIND_SEX, KIND_FISCAL };

struct patient_field_row {
    const char *name, *wire, *shows;
    enum patient_part part;
    enum patient_kind kind;
    bool must;
    size_t most;
};
const struct patient_field_row *patient_field_row(enum patient_field f);

/* The entities of the parts; PLAIN is DETAIL's. */
enum view patient_part_view(const struct caller *c, enum patient_part part);


/* Who wrote a version, and when. */
struct written {
    const char *author;
    int64_t at;
};
/* The part's fields as the JSON that is sealed, and back. {NULL,0} of a part without any field; with `by` one that says
 * that there is nothing (any more). */
struct slice patient_part_text(const struct patient *p, enum patient_part part, const struct written *by,
                               struct arena *a);
int patient_part_take(struct slice text, enum patient_part part, enum view view, struct arena *a, struct patient *ret,
                      struct err *e);
bool patient_part_is_empty(const struct patient *p, enum patient_part part);
/* No control characters, but for line ends and tabs in `lines`. */
bool patient_plain_text(struct slice s, bool lines);

/* `was` with what the edit says: 0 and a patient, or how many faults. */
int patient_merge(const struct patient *was, const struct patient_edit *edit, struct arena *a, struct patient *ret,
                  struct patient_fault ret_faults[PATIENT_FAULTS]);

struct slice patient_day_text(int64_t day, struct arena *a);
int64_t patient_day(struct slice s);
/* The days of a row. */
void patient_take_days(const struct val *join, const struct val *leave, struct arena *a, struct patient *ret);
/* What of `p` the caller may read: a write shows no more than reading would. */
void patient_show(const struct caller *c, const struct patient *p, struct patient *ret);

/* --- reading one, in steps --- */

struct looking {
    const struct study *s;
    const struct caller *c;
    int64_t id;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    struct bond bond;
    int64_t forgets;                         /* when the bond was looked for (keys/hint.h) */
    bool bound;                              /* the rest of the bond is known, too */
    bool by_data;                            /* no: of the bond the data alone */
    struct rows person, home, finding, note; /* the sealed part first; person: detail, rev, id, joined_on, left_on,
                                                contacts_rev */
    struct contact_rows contacts;
    struct rows number;  /* what the audit log calls them */
    struct rows tickets; /* of their house (house_take) */
};
struct looking patient_looking(const struct study *s, const struct caller *c, int64_t id,
                               const struct audit_entry *audit, struct arena *a);
/* In a body, behind the caller's gate after it: whom they call so. 1, 0, -1. */
int patient_enter(struct tx *tx, struct looking *x, struct err *e);
/* The same for who may be told of data and not of people: whose or which data they call so. */
int patient_enter_data(struct tx *tx, struct looking *x, struct err *e);
/* In a body: nobody is called so; that somebody tries numbers is seen. */
int patient_absent(struct tx *tx, const struct looking *x, struct err *e);
/* In a body: enters the gate, finds whom they call so and reads the rows of all parts they see; 1: it is outside of the
 * gate again. 0, -1. */
int patient_all(struct tx *tx, struct looking *x, struct err *e);
/* What patient_all has read is one of these versions, or there are none. */
bool patient_is_of(const struct looking *x, const struct patient_match *only);
/* In a body: leaves the gate, and the entry that says so of this person. */
int patient_leave(struct tx *tx, struct looking *x, int64_t rows, struct err *e);
/* After the body. */
int patient_open(const struct looking *x, struct patient *ret, struct err *e);

/* Everybody who lives in a home of the status, as far as the caller may walk there; in `a`, in the order of their ids.
 * Of UNKNOWN, which is of who has no home, too: who it is not (`but`). Blocks for a transaction per few hundred homes.
 */
struct person_set {
    const uint8_t (*id)[16];
    int n;
    bool but;
};
int patient_of_status(const struct study *s, const struct caller *c, enum installation_status status, struct arena *a,
                      struct person_set *ret, struct err *e);

/* --- writing a part --- */

struct part_new {
    struct study_key key;
    uint8_t row[16];
    int64_t rev;
    struct slice sealed; /* {NULL,0}: there is nothing to say */
};
/* The part of `p`, sealed for its row: `row` (NULL: a new one) as version `rev`. */
int patient_seal_part(const struct study *s, const struct bond *b, const struct patient *p, enum patient_part part,
                      const uint8_t *row, int64_t rev, const struct written *by, struct arena *a, struct part_new *to,
                      struct err *e);
/* In a body, outside of the gate: the keys that were made for them. */
int patient_store_keys(struct tx *tx, const struct part_new *part, int n, struct err *e);
void patient_wipe_parts(struct part_new *part, int n);
/* In a body behind the gate: a version of a screening, while the person is there. ERR_CONSENT: it was withdrawn;
 * ERR_CONFLICT: somebody was first. */
int screening_insert(struct tx *tx, const struct study *s, const struct bond *b, const struct part_new *p,
                     struct arena *a, struct err *e);
/* In a body behind the gate: the newest screening of each of 1 to DB_MANY, as rows (finding, rev, id, data_nick) after
 * tx_wait; and the row of one of them, NULL: none. */
int screening_ask_newest(struct tx *tx, const struct study *s, const uint8_t (*data)[16], int n, struct arena *a,
                         struct rows *ret, struct err *e);
const struct val *screening_newest_of(const struct rows *r, const uint8_t data[16]);
/* The blind indices of a tax code: of the code, and of what it is without omocodia (*ret_has_base). */
struct fiscal_index {
    uint8_t code[BLIND_BYTES], base[BLIND_BYTES];
    bool has_base;
};
int patient_fiscal_index(const struct study *s, struct slice code, struct fiscal_index *ret, struct err *e);
/* In a body behind the gate: is somebody else in the study whose code differs from this one by omocodia alone? */
int patient_has_twin(struct tx *tx, const struct study *s, const uint8_t person[16], const struct fiscal_index *f,
                     struct arena *a, struct err *e);

#endif
