// types.mjs OPENAPI.json OUT.d.ts   the API's schemas and operations as TypeScript, for web/src/app/api.ts.
//
// Operations are keyed 'METHOD /path'. A schema of ours is an object, a list, an enumeration or a plain type, perhaps nullable.
import fs from 'node:fs';

const [from, to] = process.argv.slice(2);
const api = JSON.parse(fs.readFileSync(from, 'utf8'));
const quoted = (s) => (/^[A-Za-z_]\w*$/.test(s) ? s : JSON.stringify(s));
const note = (s, pad = '') => (s?.description ? `${pad}/** ${s.description.replace(/\*\//g, '* /')} */\n` : '');

function type(s) {
  if (!s || Object.keys(s).length === 0) return 'unknown';
  if (s.$ref) return s.$ref.split('/').pop();
  if (s.const !== undefined) return JSON.stringify(s.const);
  if (s.enum) return s.enum.map((x) => JSON.stringify(x)).join(' | ');
  const kinds = [s.type ?? (s.properties ? 'object' : 'unknown')].flat();
  return kinds.map((k) => {
    if (k === 'integer') return 'number';
    if (k === 'array') return `(${type(s.items)})[]`;
    if (k !== 'object') return k;
    if (!s.properties) return 'Record<string, unknown>';
    const required = new Set(s.required ?? []);
    return `{\n${Object.entries(s.properties).map(([n, p]) => `${note(p, '  ')}  ${quoted(n)}${required.has(n) ? '' : '?'}: ${type(p)};\n`).join('')}}`;
  }).join(' | ');
}
const content = (x) => Object.entries(x?.content ?? {}).find(([media]) => media.startsWith('application/json'))?.[1].schema;
let out = '// Made by web/tools/types.mjs of /openapi.json.\n\n';
for (const [name, s] of Object.entries(api.components.schemas)) out += `${note(s)}export type ${name} = ${type(s)};\n\n`;
out += 'export interface Operations {\n';
for (const [at, methods] of Object.entries(api.paths))
  for (const [method, o] of Object.entries(methods)) {
    const given = (where) => (o.parameters ?? []).map((p) => (p.$ref ? api.components.parameters[p.$ref.split('/').pop()] : p)).filter((p) => p.in === where);
    const fields = (where, all) => `{ ${given(where).map((p) => `${quoted(p.name)}${all || p.required ? '' : '?'}: ${type(p.schema)}`).join('; ')} }`;
    const good = Object.entries(o.responses).find(([status]) => status.startsWith('2'))?.[1];
    const body = content(o.requestBody);
    out += `${note({ description: o.summary }, '  ')}  ${JSON.stringify(`${method.toUpperCase()} ${at}`)}: { path: ${fields('path', true)}; query: ${fields('query')}; body: ${body ? type(body) : 'undefined'}; answer: ${content(good) ? type(content(good)) : 'undefined'} };\n`;
  }
fs.writeFileSync(to, `${out}}\n`);
