/* ticket_int.h -- the ticket that is opened with a new patient, and what the two halves of tickets share. */
#ifndef STUDY_TICKET_INT_H
#define STUDY_TICKET_INT_H

#include "study/house_int.h"
#include "study/ticket.h"

/* A ticket that is not stored yet, with its first message. */
struct ticket_new {
    uint8_t id[16], entry[16], house[16];
    struct names names;
    enum ticket_category category;
    struct slice body; /* sealed */
    int64_t now;
};

/* The house of a new patient, with the ticket that asks to have its sensors mounted. Its author is whoever enrols: the
 * program writes it for them, since their role opens no tickets. */
struct ticket_first {
    struct house_new house;
    struct subject_key key;
    struct ticket_new ticket;
};
/* Before the body. Wipe it (wipe). */
int ticket_first_make(const struct study *s, const uint8_t house[16], struct arena *a, struct ticket_first *ret,
                      struct err *e);
/* In a body, outside of any gate. */
int ticket_first_store(struct tx *tx, const struct study *s, const struct caller *c, const struct ticket_first *f,
                       struct err *e);

/* A ticket's row as both halves read it. */
#define TICKET_COLUMNS                                                                                                 \
    "t.id, t.house_nick, t.category, t.state, t.rev, t.opened_at, t.closed_at, t.last_at, t.last_role, t.installer, "  \
    "t.entries, t.installer_turn, t.monitor_turn"
enum {
    TICKET_ID,
    TICKET_HOUSE,
    TICKET_CATEGORY,
    TICKET_STATE,
    TICKET_REV,
    TICKET_OPENED,
    TICKET_CLOSED_AT,
    TICKET_LAST,
    TICKET_LAST_ROLE,
    TICKET_INSTALLER,
    TICKET_ENTRY_COUNT,
    TICKET_INSTALLER_TURN,
    TICKET_MONITOR_TURN,
    TICKET_ALIAS /* of the list's statement alone: by which the caller's number is found */
};
/* But for the two numbers. */
void ticket_take(const struct val *v, const struct caller *c, struct ticket *ret);
/* In a body, behind the caller's gate: the row of the ticket they call so. 1, 0, -1. */
int ticket_find(struct tx *tx, const struct study *s, const struct caller *c, int64_t number, struct arena *a,
                struct rows *ret, struct err *e);

/* By what a role's lists are in order: of two roles that are told the same minute, each has an order of its own. */
enum ticket_order { TICKET_BY_TIME, TICKET_BY_INSTALLER, TICKET_BY_MONITOR, TICKET_ORDERS };
enum ticket_order ticket_order_of(const struct caller *c);
/* In a body, behind the caller's gate: where a page of tickets begins, in the caller's order: behind the ticket that
 * the caller calls `after`, or, of 0, before all there could be. -1 ERR_NOT_FOUND: there is none of that number. */
int ticket_begin(struct tx *tx, const struct study *s, const struct caller *c, int64_t after, bool oldest_first,
                 struct arena *a, int64_t *ret_at, uint8_t ret_id[16], struct err *e);

/* The statements of lists: their plans are tested. */
extern const char ticket_messages_sql[];
/* By: the order; is it of one category, of one house, in one state, the caller's own? */
extern const char *const ticket_list_sql[TICKET_ORDERS][2][2][2][2], *const ticket_count_sql[2][2][2][2];
extern const char *const ticket_search_sql[TICKET_ORDERS][2][2], *const ticket_search_count_sql[2];

#endif
