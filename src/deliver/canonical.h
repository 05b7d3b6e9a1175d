/* canonical.h -- JSON as Python's json.dumps(obj, sort_keys=True) writes it, byte for byte.
 *
 * Receivers of the old service verify a signature either over the raw body or over what they get by parsing it and
 * dumping it again this way. Sending exactly this form satisfies both: keys sorted by code point, ", " and ": ",
 * everything beyond ASCII as \uXXXX, whole numbers as they are, others as the shortest text that reads back to the same
 * double. */
#ifndef DELIVER_CANONICAL_H
#define DELIVER_CANONICAL_H

#include "base/json.h"

void canonical_write(struct buf *b, const struct json *j, uint32_t node);

#endif
