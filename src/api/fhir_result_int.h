/* fhir_result_int.h -- a result while it is written; shared by fhir_result.c and fhir_finding.c. */
#ifndef API_FHIR_RESULT_INT_H
#define API_FHIR_RESULT_INT_H

#include "api/fhir_result.h"
#include "fhir/write.h"

struct made {
    const struct fhir_result *r;
    const struct manifest *m;
    struct arena *arena;
    struct json output, plan;
    struct slice subject;  /* n == 0: not known */
    uint32_t sources;      /* node in plan of what it came from; 0: not known */
    struct slice of, when; /* of the newest datum it came from; when it was made */
    const char *device;    /* what references call the model by */
};

/* "urn:uuid:...", made of the job, a word and a number. */
struct slice made_name(const struct made *x, const char *word, size_t nth);
void made_open_entry(struct json_out *o, struct slice name, const char *type);
void made_close_entry(struct json_out *o);
void made_put_sources(struct json_out *o, const struct made *x, const char *key, bool measured);

/* How many findings there are, and what references call each by. */
size_t finding_count(const struct made *x);
struct slice finding_name(const struct made *x, size_t nth);
void finding_put_all(struct json_out *o, const struct made *x);

#endif
