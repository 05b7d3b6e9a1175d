/* stream_int.h -- streams, as what makes and ends them has to do with them. */
#ifndef STUDY_STREAM_INT_H
#define STUDY_STREAM_INT_H

#include "study/stream.h"
#include "study/study_int.h"

/* What a card is, as the JSON that is sealed, and back; the card never changes, so its revision is always 1. */
struct slice stream_card_text(const struct stream_card *c, bool label, struct arena *a);
int stream_card_take(struct slice text, enum view view, struct arena *a, struct stream_card *ret, struct err *e);

/* A stream that is not stored yet, with its edge. Wipe it (wipe). */
struct stream_new {
    struct stream_ends ends; /* the caller's, but for the stream */
    struct stream_edge edge;
    struct subject_key key;
    struct alias known[3];
    struct slice card;
    int64_t now;
};
/* Before the body; n->ends' house, data and epoch are known. */
int stream_make(const struct study *s, const struct stream_card *c, struct arena *a, struct stream_new *n,
                struct err *e);
/* In a body, outside of any gate. */
int stream_store(struct tx *tx, const struct study *s, const struct stream_new *n, struct err *e);

/* In a body, outside of any gate: it and its sensor end now, unless they have. How many ended, or -1. */
int stream_end(struct tx *tx, const struct study *s, const uint8_t stream[16], enum stream_why why, int64_t now,
               struct err *e);
/* All of somebody's data. */
int stream_end_all(struct tx *tx, const struct study *s, const uint8_t data[16], enum stream_why why, struct arena *a,
                   struct err *e);
/* The record of one and of its sensor, and the numbers of both, are gone; neither its key nor its edge. How many rows,
 * or -1. */
int stream_erase(struct tx *tx, const struct study *s, const uint8_t stream[16], struct err *e);

/* The statement of lists: its plan is tested. */
extern const char stream_list_sql[], sensor_list_sql[], sensor_count_sql[];

#endif
