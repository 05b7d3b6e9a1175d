/* contact.h -- who is to be called for a patient: relatives, neighbours, a family doctor.
 *
 * Each is sealed by itself under the patient's own key for contacts, and is known to a role by a number of that role's
 * own (an alias), as patients are. Only who may see a contact of this very patient finds it under its number. Every
 * call is one transaction behind the caller's gate with one audit entry, which names the patient and not the contact.
 * A list is replaced as a whole or not at all. Knows nothing of HTTP. */
#ifndef STUDY_CONTACT_H
#define STUDY_CONTACT_H

#include "study/study.h"

enum contact_field {
#define CONTACT(name, most, what) CONTACT_##name,
#include "study/contact.def"
#undef CONTACT
    CONTACT_FIELDS
};
enum { CONTACTS_MAX = 20 }; /* of one patient */

struct contact {
    int64_t id; /* the caller's alias; 0: none, or new */
    int64_t rev;
    int64_t patient;                    /* of one that is read by itself: whose it is, as the caller calls them */
    struct slice value[CONTACT_FIELDS]; /* {NULL,0}: not there, or not shown */
};
struct contact_list {
    struct contact *contact;
    int n;
    int64_t rev; /* of the list: each change of one of them is one of it */
};
struct contact_edit {
    struct contact to;
    bool said[CONTACT_FIELDS];
};

/* The members of a JSON object or of an array of them: NULL, or a sentence that repeats no value, with *field the
 * member that is wrong (NULL: the whole). In a list `id` says which one of those that are there is meant. */
const char *contact_form(const struct json *j, uint32_t node, struct arena *a, struct contact_edit *ret,
                         const char **field);
const char *contacts_form(const struct json *j, uint32_t node, struct arena *a, struct contact_list *ret,
                          const char **field);
void contact_put(struct json_out *o, const struct contact *c);
void contacts_put(struct json_out *o, const struct contact_list *l);

/* Of the patient with this number: 1; 0: the caller knows nobody by it. */
int contact_all(const struct study *s, const struct caller *c, int64_t patient, const struct audit_entry *audit,
                struct arena *a, struct contact_list *ret, struct err *e);
/* ERR_BAD_REQUEST: there are CONTACTS_MAX. */
int contact_add(const struct study *s, const struct caller *c, int64_t patient, const struct contact *n,
                const struct audit_entry *audit, struct arena *a, struct contact *ret, struct err *e);
/* These, in this order, and no others; `only`: if the list's rev is one of these, else ERR_PRECONDITION.
 * ERR_BAD_REQUEST: an id is not of this patient's contacts, or is there twice. */
int contact_replace(const struct study *s, const struct caller *c, int64_t patient, const struct contact_list *to,
                    const struct study_revs *only, const struct audit_entry *audit, struct arena *a,
                    struct contact_list *ret, struct err *e);

/* The one with this number: 1; 0: the caller knows none by it. */
int contact_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                 struct arena *a, struct contact *ret, struct err *e);
/* What was said of it; `only`: if its rev is one of these, else ERR_PRECONDITION. ERR_BAD_REQUEST: nothing would
 * be left of it. */
int contact_change(const struct study *s, const struct caller *c, int64_t id, const struct contact_edit *edit,
                   const struct study_revs *only, const struct audit_entry *audit, struct arena *a, struct contact *ret,
                   struct err *e);
/* The same; *ret: what it was. */
int contact_remove(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                   const struct audit_entry *audit, struct arena *a, struct contact *ret, struct err *e);

#endif
