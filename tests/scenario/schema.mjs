// schema.mjs -- as much of JSON Schema as the API's description uses; an unknown word is a fault, so that nothing is promised
// unchecked. Not a scenario itself, so not executable.
const known = new Set(['$ref', 'type', 'required', 'properties', 'additionalProperties', 'items', 'enum', 'minimum', 'maximum', 'minLength',
  'maxLength', 'format', 'description', 'const', 'anyOf', 'default', 'minItems', 'maxItems']);
const kind = (v) => (v === null ? 'null' : Array.isArray(v) ? 'array' : Number.isInteger(v) ? 'integer' : typeof v);

export const follow = (api, ref) =>
  ref.replace(/^#\//, '').split('/').reduce((at, part) => at?.[part.replace(/~1/g, '/').replace(/~0/g, '~')], api);

// What is wrong with v, a sentence each.
export function* faults(api, v, schema, at = '$') {
  for (const k of Object.keys(schema)) if (!known.has(k)) yield `${at}: the schema says ${k}, which is not checked here`;
  if (schema.$ref) yield* faults(api, v, follow(api, schema.$ref), at);
  if (schema.anyOf && !schema.anyOf.some((s) => faults(api, v, s, at).next().done)) yield `${at}: none of anyOf fits`;
  const types = [schema.type ?? []].flat();
  if (types.length && !types.includes(kind(v)) && !(types.includes('number') && kind(v) === 'integer')) yield `${at}: ${kind(v)}, want ${types}`;
  if (schema.enum && !schema.enum.includes(v)) yield `${at}: ${v} is none of ${schema.enum}`;
  if (v < schema.minimum || v > schema.maximum) yield `${at}: ${v} is out of bounds`;
  if (typeof v === 'string' && (v.length < schema.minLength || v.length > schema.maxLength)) yield `${at}: too short or too long`;
  if (schema.format === 'uuid' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(v)) yield `${at}: ${v} is no UUID`;
  if (schema.format === 'date-time' && Number.isNaN(Date.parse(v))) yield `${at}: ${v} is no time`;
  if (kind(v) === 'object') {
    for (const k of schema.required ?? []) if (!Object.hasOwn(v, k)) yield `${at}.${k}: is not there`;
    for (const [k, x] of Object.entries(v)) {
      if (schema.properties && Object.hasOwn(schema.properties, k)) yield* faults(api, x, schema.properties[k], `${at}.${k}`);
      else if (schema.additionalProperties === false) yield `${at}.${k}: is not allowed`;
    }
  }
  if (kind(v) === 'array' && (v.length < schema.minItems || v.length > schema.maxItems)) yield `${at}: too few or too many`;
  if (kind(v) === 'array' && schema.items) for (const [i, x] of v.entries()) yield* faults(api, x, schema.items, `${at}[${i}]`);
}
