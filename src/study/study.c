#include "base/own.h"
#include "keys/first.h"
#include "study/study_int.h"

#include <stdio.h>

#include "base/wipe.h"
#include "study/roster.h"

int study_open(struct db *db, struct keyring *k, const uint8_t scope[16], struct study *ret, struct err *e)
{
    static const enum blind_column column[] = {BLIND_ALIAS,       BLIND_PATIENT_PERSON, BLIND_PATIENT_DATA,
                                               BLIND_HOME_HOME,   BLIND_HOME_HOUSE,     BLIND_STREAM_STREAM,
                                               BLIND_STREAM_DATA, BLIND_STREAM_HOUSE, BLIND_SENSOR_STREAM};
    static const char *const domain[] = {"alias", "edge.patient", "edge.home", "edge.stream", "glass", "project"};
    const struct first_keys want = {domain, COUNT(domain), column, COUNT(column)};
    if (keyring_first(k, scope, &want, e))
        return -1;
    *ret = (struct study){.db = db, .keyring = k, .scope = scope};
    return roster_open(&ret->roster, e);
}

void study_close(struct study *s)
{
    roster_close(s->roster);
    s->roster = NULL;
}

int study_enter(struct tx *tx, const struct study *s, const struct caller *c, struct err *e)
{
    const struct gate *gate = policy_gate(c->role);
    if (!gate)
        return err_set(e, ERR_GATE, "%s has no part in the study's records", role_name(c->role));
    return tx_gate(tx, gate, &(struct gate_actor){s->scope, c->id, NULL}, e);
}

int study_enter_one(struct tx *tx, const struct study *s, const struct caller *c, const struct bond *b, bool bound,
                    struct err *e)
{
    const struct gate *gate = c->role == ROLE_EMERGENCY ? policy_gate(c->role) : NULL;
    const struct gate_one one = {b->person, bound ? b->home : NULL, bound ? b->data_nick : NULL};
    if (!gate)
        return err_set(e, ERR_GATE, "%s is not how one person is opened", role_name(c->role));
    return tx_gate(tx, gate, &(struct gate_actor){s->scope, c->id, &one}, e);
}

int study_leave(struct tx *tx, const struct audit_entry *entry, struct err *e)
{
    return tx_ungate(tx, e) || audit_append(tx, entry, e) ? -1 : 0;
}

int study_leave_absent(struct tx *tx, const struct audit_entry *entry, struct err *e)
{
    struct audit_entry absent = *entry;
    absent.outcome = "deny";
    absent.why = "absent";
    return study_leave(tx, &absent, e);
}

const char *study_holder(const struct caller *c)
{
    return role_name(c->role);
}

int study_audit_number(struct tx *tx, const struct study *s, const uint8_t person[16], struct arena *a, int64_t *ret,
                       struct err *e)
{
    struct rows r;
    if (alias_ask(tx, s, STUDY_AUDIT_HOLDER, person, a, &r, e) || tx_wait(tx, e))
        return -1;
    *ret = r.n ? r.cell[0].i : 0;
    return 0;
}

void study_name_in_audit(struct audit_entry *entry, int64_t number, char *text)
{
    snprintf(text, ALIAS_AUDIT_TEXT, "%lld", (long long)number);
    entry->object_id = text;
}

static struct seal_place place_for(const uint8_t *scope, const uint8_t *subject, enum place place, const uint8_t *row,
                                   int64_t rev)
{
    struct seal_place at = place_of(place, scope, row, (uint32_t)rev);
    at.subject = subject;
    return at;
}

int study_unseal(const struct study *s, const uint8_t subject[16], enum subject_domain d, enum place place,
                 const uint8_t row[16], int64_t rev, struct slice sealed, struct arena *a, struct slice *ret,
                 struct err *e)
{
    struct key key;
    struct seal_place at = place_for(s->scope, subject, place, row, rev);
    if (keyring_subject_open(s->keyring, s->scope, subject, d, &key, e))
        return -1;
    int rc = seal_open(&key, &at, sealed, a, ret, e);
    key_wipe(&key);
    return rc;
}

int study_seal_again(const struct study *s, const uint8_t subject[16], enum subject_domain d, enum place place,
                     const uint8_t row[16], int64_t rev, struct slice plain, struct arena *a, struct slice *ret,
                     struct err *e)
{
    struct key key;
    struct seal_place at = place_for(s->scope, subject, place, row, rev);
    if (keyring_subject_open(s->keyring, s->scope, subject, d, &key, e))
        return -1;
    int rc = seal(&key, &at, plain, a, ret, e);
    key_wipe(&key);
    return rc;
}

int study_seal(const struct subject_key *k, enum place place, const uint8_t row[16], int64_t rev, struct slice plain,
               struct arena *a, struct slice *ret, struct err *e)
{
    struct seal_place at = place_for(k->scope, k->subject, place, row, rev);
    return seal(&k->key, &at, plain, a, ret, e);
}

bool study_is_of(const struct study_revs *only, int64_t rev)
{
    for (int i = 0; i < only->n; i++)
        if (only->rev[i] == rev)
            return true;
    return only->n == 0;
}

int study_key(const struct study *s, const uint8_t subject[16], enum subject_domain d, struct study_key *ret,
              struct err *e)
{
    struct study_key k = {.key.domain = d};
    struct err none;
    memcpy(k.key.scope, s->scope, 16);
    memcpy(k.key.subject, subject, 16);
    int rc = keyring_subject_open(s->keyring, s->scope, subject, d, &k.key.key, &none);
    k.fresh = rc && none.code == ERR_NOT_FOUND;
    if (k.fresh)
        rc = keyring_subject_make(s->keyring, s->scope, subject, d, &k.key, e);
    else if (rc)
        *e = none;
    if (!rc)
        *ret = k;
    wipe(&k, sizeof k);
    return rc;
}

int study_store_key(struct tx *tx, const struct study_key *k, struct err *e)
{
    return k->fresh ? keyring_subject_store(tx, &k->key, e) : 0;
}

bool study_text_fits(struct slice text, int least, int most, bool lines)
{
    int n = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c < ' ' && !(lines && c == '\n')) || c == 0x7f)
            return false;
        n += (c & 0xC0) != 0x80; /* a character of UTF-8 begins */
    }
    return n >= least && n <= most && utf8_valid(text);
}
