/* import.h -- a manifest made of what CliniSandbox's registry said of a model.
 *
 * That was a row (key, name, version, ..) whose required_fhir_resources is {"required_observations": [{"code",
 * "display", "mandatory"}]}: LOINC codes that have to be in the Bundle, and nothing about units, ranges or age. Each
 * becomes an input with `presence`. How the model is run and what it answers was said nowhere (it had no program), so
 * that comes from `program`: a JSON object with `runtime` and `output` as a manifest has them, and whichever of title,
 * license, intendedUse, contraindications, modelCard, population and selftest. Nothing is made up: what neither says
 * is not in the manifest. */
#ifndef MODELS_IMPORT_H
#define MODELS_IMPORT_H

#include "base/arena.h"
#include "base/err.h"

/* `old`: the row, or its required_fhir_resources alone. `key`, `version` (or NULL): instead of the row's; a version of
 * fewer than three numbers is filled up with zeros. *ret is a manifest's text in the arena, not yet checked
 * (manifest_parse). ERR_BAD_JSON, ERR_BAD_REQUEST (with the place), ERR_NO_MEMORY. */
int import_manifest(struct arena *a, struct slice old, struct slice program, const char *key, const char *version,
                    struct slice *ret, struct err *e);

#endif
