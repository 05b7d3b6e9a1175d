/* contact_int.h -- a patient's contacts, from within what reads and enrols patients. */
#ifndef STUDY_CONTACT_INT_H
#define STUDY_CONTACT_INT_H

#include "study/contact.h"
#include "study/study_int.h"

enum view contact_view(const struct caller *c);

/* Rows as they are read in a body, and what the caller calls them; opened after it. */
struct contact_rows {
    struct rows rows; /* id, rev, entry */
    int64_t number[CONTACTS_MAX];
};
/* In a body behind the gate: after tx_wait they are there, and contact_numbers says what they are called. */
int contact_ask(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t person[16], struct arena *a,
                struct contact_rows *ret, struct err *e);
int contact_numbers(struct tx *tx, const struct study *s, const struct caller *c, struct arena *a,
                    struct contact_rows *ret, struct err *e);
/* All three. */
int contact_rows(struct tx *tx, const struct study *s, const struct caller *c, const uint8_t person[16],
                 struct arena *a, struct contact_rows *ret, struct err *e);
int contact_open(const struct study *s, const struct caller *c, const uint8_t person[16], const struct contact_rows *r,
                 struct arena *a, struct contact_list *ret, struct err *e);

/* New ones, sealed before the body. */
struct contact_new {
    struct study_key key; /* of them all */
    int n;
    struct contact_row {
        uint8_t id[16];
        int64_t rev;
        struct slice entry;
        struct alias known; /* of a new one */
        bool fresh;
    } row[CONTACTS_MAX];
};
int contact_seal(const struct study *s, const struct caller *c, const uint8_t person[16], const struct contact_list *l,
                 struct arena *a, struct contact_new *ret, struct err *e);
/* In a body behind the gate, with the aliases of those that are new; their key goes into the store outside of it. */
int contact_insert(struct tx *tx, const struct study *s, const uint8_t person[16], const struct contact_new *n,
                   struct err *e);
/* What the caller may read of them, with the numbers they have now: a write shows no more than reading would. */
void contact_show(const struct caller *c, const struct contact_list *l, const struct contact_new *n, struct arena *a,
                  struct contact_list *ret);

#endif
