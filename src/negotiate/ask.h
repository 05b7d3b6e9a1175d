/* ask.h -- what is missing, as questions for a person: a FHIR R4 Questionnaire, and its answers as facts.
 *
 * A question is made for each input of the shown candidate that is missing and can be cured; its linkId is the input's
 * name. The QuestionnaireResponse is put into the Bundle as one more entry and counts there like an Observation of the
 * input's first code, final, taken when it was `authored`: for every model of the negotiation, not only for the one
 * that asked. `questionnaire` is ASK_CANONICAL with the model's key, a `|` and its version; of another one nothing
 * counts. */
#ifndef NEGOTIATE_ASK_H
#define NEGOTIATE_ASK_H

#include "negotiate/negotiate.h"

#define ASK_CANONICAL "urn:lazaret:fhir:Questionnaire:"

/* The Questionnaire for what this candidate lacks, as a JSON object; `id` NULL: without. Null when there is nothing to
 * ask. */
void ask_write(const struct candidate *c, const char *id, struct json_out *o);
/* How many questions it has. */
size_t ask_count(const struct candidate *c);

#endif
