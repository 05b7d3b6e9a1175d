/* study_int.h -- what the records of the study have in common: the caller's gate, sealing for a subject, aliases,
 * edges. */
#ifndef STUDY_STUDY_INT_H
#define STUDY_STUDY_INT_H

#include "keys/blind.h"
#include "keys/subject.h"
#include "policy/policy.h"
#include "store/place.h"
#include "study/study.h"

/* --- in a body: the caller's statements, and the program's own after them --- */

int study_enter(struct tx *tx, const struct study *s, const struct caller *c, struct err *e);
/* The same of the one person whom the caller, in the role EMERGENCY, may see. */
struct bond;
int study_enter_one(struct tx *tx, const struct study *s, const struct caller *c, const struct bond *b, bool bound,
                    struct err *e);
/* The entry about it, appended outside of the gate. */
int study_leave(struct tx *tx, const struct audit_entry *entry, struct err *e);

/* The same, when what was asked for is not there: that somebody tried is an entry, too. */
int study_leave_absent(struct tx *tx, const struct audit_entry *entry, struct err *e);
/* What the caller's role calls subjects: the holder of its aliases; and who the audit log is as a holder. */
const char *study_holder(const struct caller *c);
#define STUDY_AUDIT_HOLDER "audit"
/* In a body, outside of the gate: the number the audit log calls somebody by. */
int study_audit_number(struct tx *tx, const struct study *s, const uint8_t person[16], struct arena *a, int64_t *ret,
                       struct err *e);
/* Who the entry is about, by a number that only the table of aliases leads back from. ALIAS_AUDIT_TEXT bytes. */
void study_name_in_audit(struct audit_entry *entry, int64_t number, char *text);

/* So many characters of UTF-8, none of them control characters but, in `lines`, line feeds. */
bool study_text_fits(struct slice text, int least, int most, bool lines);

/* --- sealed values --- */

/* Under the subject's key of that domain, which is opened (that may wait for the store: not in a body). */
int study_unseal(const struct study *s, const uint8_t subject[16], enum subject_domain d, enum place place,
                 const uint8_t row[16], int64_t rev, struct slice sealed, struct arena *a, struct slice *ret,
                 struct err *e);
int study_seal_again(const struct study *s, const uint8_t subject[16], enum subject_domain d, enum place place,
                     const uint8_t row[16], int64_t rev, struct slice plain, struct arena *a, struct slice *ret,
                     struct err *e);
/* Under a fresh key that is not stored yet. */
int study_seal(const struct subject_key *k, enum place place, const uint8_t row[16], int64_t rev, struct slice plain,
               struct arena *a, struct slice *ret, struct err *e);

/* A subject's key, to seal with: theirs, or a fresh one that is stored with the first value under it. Wipe it (wipe).
 */
struct study_key {
    struct subject_key key; /* .key alone is filled in of one that is there */
    bool fresh;
};
/* Before the body. ERR_GONE: it was destroyed. */
int study_key(const struct study *s, const uint8_t subject[16], enum subject_domain d, struct study_key *ret,
              struct err *e);
/* In a body, outside of the gate. ERR_CONFLICT: somebody else made one meanwhile. */
int study_store_key(struct tx *tx, const struct study_key *k, struct err *e);

/* --- edges: which person, data, house and home belong together --- */

struct bond {
    uint8_t person[16], home[16], data_nick[16], house_nick[16], stream[16];
};
void bond_make(struct bond *ret); /* random */

struct bond_rows {
    struct slice patient, home, stream; /* the sealed ends */
    uint8_t id[3][16], index[7][BLIND_BYTES];
};
int bond_seal(const struct study *s, const struct bond *b, struct arena *a, struct bond_rows *ret, struct err *e);
/* In a body, behind the gate of whoever enrols. */
int bond_store(struct tx *tx, const struct study *s, const struct bond_rows *r, struct err *e);
/* In a body: the rest of a bond, from its person on, as far as the gate lets. 1, 0 (there is none), -1. */
int bond_of_person(struct tx *tx, const struct study *s, const uint8_t person[16], struct arena *a, struct bond *ret,
                   struct err *e);
/* The same by a hint of it (keys/hint.h), of all edges at once: after tx_wait, bond_holds says whether they are still
 * so. 1, 0, -1. */
struct bond_edges {
    struct rows patient, stream, home;
};
int bond_ask(struct tx *tx, const struct study *s, const struct bond *hint, struct arena *a, struct bond_edges *ret,
             struct err *e);
int bond_holds(const struct study *s, const struct bond_edges *x, const struct bond *hint, struct arena *a,
               struct err *e);
/* In a body, as far as the gate lets: one edge from each of `n`, 1 to DB_MANY. One statement; `ret` is there after
 * tx_wait, and bond_take_hop says where each leads. ret_found[i]: ret[i] is known (of several, always the same). */
enum hop { HOP_PERSON_DATA, HOP_DATA_HOUSE, HOP_HOUSE_DATA, HOP_DATA_PERSON };
int bond_ask_hop(struct tx *tx, const struct study *s, enum hop h, const uint8_t (*from)[16], int n, struct arena *a,
                 struct rows *ret, struct err *e);
int bond_take_hop(const struct study *s, enum hop h, const struct rows *r, const uint8_t (*from)[16], int n,
                  struct arena *a, uint8_t (*ret)[16], bool *ret_found, struct err *e);
/* In a body, as far as the gate lets: who lives in any of the 1 to DB_MANY houses, in `a`, each once. How many, or -1.
 */
int bond_persons(struct tx *tx, const struct study *s, const uint8_t (*house)[16], int n, struct arena *a,
                 uint8_t (**ret)[16], struct err *e);
/* Two of them, one after the other: of up to DB_MANY. */
enum walk { WALK_PERSON_HOUSE, WALK_HOUSE_PERSON };
int bond_walk(struct tx *tx, const struct study *s, enum walk w, const uint8_t (*from)[16], int n, struct arena *a,
              uint8_t (*ret)[16], bool *ret_found, struct err *e);
/* In a body: the home of a house. 1, 0, -1. */
int bond_home_of_house(struct tx *tx, const struct study *s, const uint8_t house[16], struct arena *a, uint8_t ret[16],
                       struct err *e);
/* In a body, outside of any gate: the person that a random key is, or whose data it is, or who lives in that house. 1,
 * 0, -1: ERR_CONFLICT, several people live there. */
int bond_person_of(struct tx *tx, const struct study *s, const uint8_t any[16], struct arena *a, uint8_t ret[16],
                   struct err *e);

/* A stream's ends. Each bond has one edge whose stream has no record; streams that are registered add theirs. epoch:
 * how many times the links of these data were made anew before (research: governance 1.4). */
struct stream_ends {
    uint8_t stream[16], house[16], data[16];
    uint32_t epoch;
};
enum stream_end { BY_STREAM, BY_HOUSE, BY_DATA };
/* In a body, as far as the gate lets: the edges that have this end. How many, or -1. */
int bond_streams(struct tx *tx, const struct study *s, enum stream_end by, const uint8_t end[16], struct arena *a,
                 struct stream_ends **ret, struct err *e);
/* The same of 1 to DB_MANY people's data. */
int bond_streams_of(struct tx *tx, const struct study *s, const uint8_t (*data)[16], int n, struct arena *a,
                    struct stream_ends **ret, struct err *e);
struct stream_edge {
    uint8_t id[16], index[3][BLIND_BYTES];
    struct slice ends; /* sealed */
};
int bond_stream_seal(const struct study *s, const struct stream_ends *x, struct arena *a, struct stream_edge *ret,
                     struct err *e);
/* In a body. */
int bond_stream_store(struct tx *tx, const struct study *s, const struct stream_edge *x, struct err *e);

/* In a body, outside of any gate: DB_MANY of a table's edges, of those behind `cursor`, are of the next epoch, sealed
 * anew in rows of other ids; the cursor goes on behind them. How many (0: there are no more), or -1. */
enum bond_edge { BOND_PATIENT, BOND_HOME, BOND_STREAM, BOND_EDGES };
int bond_renew(struct tx *tx, const struct study *s, enum bond_edge which, uint8_t cursor[BLIND_BYTES], struct arena *a,
               struct err *e);

/* In a body, outside of any gate: do others' streams come from this bond's house? 1, 0, -1. */
int bond_shares_home(struct tx *tx, const struct study *s, const struct bond *b, struct arena *a, struct err *e);
/* In a body, outside of any gate: its edges are gone; that of the home stays with `others`. */
int bond_erase(struct tx *tx, const struct study *s, const struct bond *b, bool others, struct err *e);

/* --- aliases: what a holder calls a subject --- */

enum { ALIAS_AUDIT_TEXT = 24 };
struct alias {
    const char *holder;
    int64_t number;
    struct slice sealed;
    uint8_t index[BLIND_BYTES];
};
/* A new number; before the body. */
int alias_make(const struct study *s, const char *holder, const uint8_t subject[16], struct arena *a, struct alias *ret,
               struct err *e);
/* In a body. */
int alias_store(struct tx *tx, const struct study *s, const struct alias *x, struct err *e);
/* In a body: whom the number means to the holder. 1, 0, -1. */
int alias_subject(struct tx *tx, const struct study *s, const char *holder, int64_t number, struct arena *a,
                  uint8_t ret[16], struct err *e);
/* The two halves of it, with tx_wait between them. */
int alias_ask_subject(struct tx *tx, const struct study *s, const char *holder, int64_t number, struct arena *a,
                      struct rows *ret, struct err *e);
int alias_take_subject(const struct study *s, const char *holder, int64_t number, const struct rows *r, struct arena *a,
                       uint8_t ret[16], struct err *e);
/* In a body: what the holder calls each of up to DB_MANY subjects; 0 where it has no name for one. `index`: of
 * alias_index. */
int alias_numbers(struct tx *tx, const struct study *s, const char *holder, const uint8_t (*index)[BLIND_BYTES], int n,
                  struct arena *a, int64_t *ret, struct err *e);
/* The two halves of it, with tx_wait between them. */
int alias_ask_numbers(struct tx *tx, const struct study *s, const char *holder, const uint8_t (*index)[BLIND_BYTES],
                      int n, struct arena *a, struct rows *ret, struct err *e);
void alias_take_numbers(const struct rows *r, const uint8_t (*index)[BLIND_BYTES], int n, int64_t *ret);
/* In a body: what the holder calls the one subject, as rows (number) after tx_wait. */
int alias_ask(struct tx *tx, const struct study *s, const char *holder, const uint8_t subject[16], struct arena *a,
              struct rows *ret, struct err *e);
int alias_index(const struct study *s, const uint8_t subject[16], uint8_t ret[BLIND_BYTES], struct err *e);

#endif
