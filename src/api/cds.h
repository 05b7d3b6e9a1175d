/* cds.h -- CDS Hooks 2.0: each stable model is a service of the hook patient-view, its id the model's key.
 *
 * What a service asks for ahead (its prefetch templates) is made of the model's inputs; what it is sent becomes one
 * Bundle, which goes the way of every other (intake.h). The client's own FHIR server is never called: fhirServer and
 * fhirAuthorization of a request are not read, since an address that a client gives is not one to connect to. What was
 * not sent is answered with 412.
 *
 * A key of prefetch that is not there was not asked for. null, or a search that found nothing, was asked for and is not
 * there: of a condition or drug that asserts its absence. An OperationOutcome is an answer the client did not get. */
#ifndef API_CDS_H
#define API_CDS_H

#include "api/api_int.h"
#include "api/intake.h"

#define CDS_HOOK      "patient-view"
#define CDS_PATIENT   "patient" /* the key of prefetch under which the patient comes */
#define CDS_TOPICS    "urn:lazaret:fhir:CodeSystem:target"
#define CDS_ASK       "urn:lazaret:fhir:StructureDefinition:ask"
#define CDS_OVERRIDES "urn:lazaret:fhir:CodeSystem:override-reason"

/* --- what is asked for (cds_prefetch.c) --- */

/* The input's or condition's search, to be filled in by the client: "Observation?patient={{context.patientId}}&...". An
 * input that comes with the patient has none: n == 0. */
struct slice cds_input_template(const struct input *in, struct arena *a);
struct slice cds_condition_template(const struct condition *k, struct arena *a);
/* {"patient": "Patient/{{context.patientId}}", NAME: TEMPLATE, ...} */
void cds_write_templates(const struct manifest *m, struct json_out *o, struct arena *a);

/* --- what came (cds_request.c) --- */

enum cds_sent {
    CDS_NOT_ASKED, /* no such key */
    CDS_NOTHING,   /* null, or an empty search */
    CDS_FAILED,    /* an OperationOutcome instead */
    CDS_SENT
};
struct cds_request {
    struct api_request *q;
    struct json json;
    struct slice patient; /* context.patientId */
    struct slice instance;
    uint32_t prefetch; /* 0: none */
};
/* The body as JSON, and then whether it has the form of a call. 0; -1 with q's issues filled in. */
int cds_request_parse(struct api_request *q, struct cds_request *ret, struct err *e);
int cds_request_read(struct cds_request *r, struct err *e);
enum cds_sent cds_request_has(const struct cds_request *r, struct slice key);

/* The Bundle of it all: the patient, then what came under each key, each resource once. */
struct cds_bundle {
    struct json json; /* node 0 */
    struct {
        struct slice key;
        int entry; /* of the search; -1: the resource itself */
    } * from;      /* of each entry of the Bundle */
    size_t entries;
};
int cds_bundle_make(const struct cds_request *r, struct cds_bundle *ret, struct err *e);
/* "Bundle.entry[3].resource.status" as the client sent it: "prefetch.scr.entry[0].resource.status". */
const char *cds_bundle_where(const struct cds_bundle *b, const char *path, struct arena *a);

/* --- what is answered (cds_card.c) --- */

/* A card: of the result, of why there is none, or of a job that is not done yet. The same job gives the same card. */
void cds_write_card(struct json_out *o, const struct model *m, const uint8_t job[16], const struct job_view *v,
                    struct arena *a);

#endif
