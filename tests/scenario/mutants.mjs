#!/usr/bin/env node
// Every element of R4, in the smallest document that has it, with each defect that it can have: each is found, as an error at the
// line and column where it stands. All are judged in one run of `lazaret fhir validate`, as NDJSON. The elements are those the tables
// are made from (tests/unit/test_fhir_data.c holds them against pure R4).
//
// Where LAZARET_FHIR_DATA names published examples, defects are put into those, too, by chance (MUTANT_SEED; N times as many).
// timeout: 300
// soak: with N, N times as many defects in published examples
import test from 'node:test';
import assert from 'node:assert';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { placesOf } from './fhir_text.mjs';

const build = process.env.BUILD || 'build-test';
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'mutants-'));
test.after(() => fs.rmSync(folder, { recursive: true }));

// --- the definitions

const ELEMENTS = new Map();
for (const line of fs.readFileSync(`${build}/src/fhir/fhir_elements.tsv`, 'utf8').split('\n').slice(1).filter(Boolean)) {
  const [name, min, max, types, binding, values] = line.split('\t');
  ELEMENTS.set(name, { name, min: Number(min), many: max !== '1' && max !== '0', types: types.split('|').filter(Boolean), binding,
    values });
}
const isResource = (root) => ELEMENTS.has(`${root}.implicitRules`) && root !== 'DomainResource' && root !== 'Resource';
const upper = (s) => s[0].toUpperCase() + s.slice(1);
const bare = (type) => type.replace(/\(.*/, '');
const SYSTEM = { 'System.String': 'string' };

// Good and bad values of each primitive type, from the chapter on data types.
const PRIMITIVES = {
  base64Binary: ['QUJD', ['QUJ', 'QU?D', 'A===']],
  boolean: [true, ['true', 1, 'yes']],
  canonical: ['http://x.org/a|1', ['a b', 'a\tb']],
  code: ['x', [' x', 'x ', 'x  y', 'x\ty']],
  date: ['2020-02-29', ['2021-02-29', '2020-13', '20200101', '2020-1-1', '2020-01-01T10:00:00Z', '01/02/2020']],
  dateTime: ['2020-01-01T10:00:00Z', ['2020-01-01T10:00:00', '2020-01-01T10:00Z', '2020-01-01T24:01:00Z', '2020-02-30',
    '2020-01-01 10:00:00Z']],
  decimal: [1.5, ['1.5', true]],
  id: ['a-1.B', ['a_b', 'a/b', 'x'.repeat(65), 'a b']],
  instant: ['2020-01-01T10:00:00.5+02:00', ['2020-01-01', '2020-01-01T10:00:00', '2020-06-31T10:00:00Z']],
  integer: [1, [1.5, '1', 2147483648, -2147483649]],
  markdown: ['*x*', [1, false]],
  oid: ['urn:oid:1.2.3', ['1.2.3', 'urn:oid:3.1', 'urn:oid:1.02']],
  positiveInt: [1, [0, -1, 1.5, '1']],
  string: ['x', [1, true, '\u0001x']],
  time: ['10:00:00', ['10:00', '24:00:00', '10:00:00Z', '10:61:00']],
  unsignedInt: [0, [-1, 1.5, '1']],
  uri: ['urn:x', ['a b', 'a\nb']],
  url: ['http://x.org', ['a b']],
  uuid: ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520', ['c757873d-ec9a-4326-a141-556f43239520',
    'urn:uuid:C757873D-EC9A-4326-A141-556F43239520', 'urn:uuid:1']],
  xhtml: ['<div xmlns="http://www.w3.org/1999/xhtml">x</div>', ['x', '<div>x',
    '<div xmlns="http://www.w3.org/1999/xhtml"><script/></div>', 1]],
};
// A code of its list; media types have a grammar, and it would let a word pass (R4's own examples have "xml").
const isEnumerated = (e) => e.binding === 'required' && e.types[0] === 'code' && !/mimetypes/.test(e.values);
const EXTENSION = { extension: [{ url: 'urn:x', valueCode: 'x' }] };

function goodValue(type) {
  const t = SYSTEM[type] || bare(type);
  if (PRIMITIVES[t]) return PRIMITIVES[t][0];
  if (t === 'Resource') return { resourceType: 'Basic', code: { text: 'x' } };
  return t === 'Extension' ? { url: 'urn:x', valueCode: 'x' } : EXTENSION;
}

// --- the smallest document that has an element

// The steps to an element of a resource, each its name in JSON and whether it repeats; of a choice as `type`.
function stepsInside(name, type) {
  const all = name.split('.');
  return all.slice(1).map((step, i) => {
    const e = ELEMENTS.get(all.slice(0, i + 2).join('.'));
    return { name: step.replace('[x]', upper(bare(type || e.types[0] || 'x'))), many: e.many };
  });
}

// Where a type can be seen: the first place of a resource that has it, with few elements above it.
const HOSTS = new Map();
for (const e of ELEMENTS.values()) {
  const [root, ...steps] = e.name.split('.');
  if (!isResource(root) || !steps.length) continue;
  for (const type of e.types) {
    const at = HOSTS.get(bare(type));
    if (!at || at.steps.length > steps.length) HOSTS.set(bare(type), { root, steps: stepsInside(e.name, type) });
  }
}

// The resource and the steps to an element; of a type's element, through a place that has the type. null: it can be nowhere.
function stepsTo(name) {
  const root = name.split('.')[0];
  if (isResource(root)) return { root, steps: stepsInside(name) };
  const host = HOSTS.get(root);
  if (!host || PRIMITIVES[root] || ['Element', 'BackboneElement', 'Resource', 'DomainResource'].includes(root)) return null;
  return { root: host.root, steps: [...host.steps, ...stepsInside(name)] };
}

// The document, and the FHIRPath of the object that holds the element, which becomes `held`.
function makeDocument(name, held) {
  const { root, steps } = stepsTo(name);
  const document = { resourceType: root };
  let object = document;
  let where = root;
  for (const step of steps.slice(0, -1)) {
    const inner = {};
    object[step.name] = step.many ? [inner] : inner;
    where += `.${step.name}${step.many ? '[0]' : ''}`;
    object = inner;
  }
  Object.assign(object, held);
  return { document, where };
}

// --- the defects of one element: what the object that holds it becomes, and where the error must stand

function* defectsOf(e) {
  const last = e.name.split('.').pop();
  const choice = last.endsWith('[x]');
  const base = last.replace('[x]', '');
  const types = e.types.length ? e.types : ['BackboneElement'];
  const names = choice ? types.map((t) => base + upper(bare(t))) : [base];
  const name = names[0];
  const type = types[0].startsWith('#') ? 'BackboneElement' : SYSTEM[types[0]] || bare(types[0]);
  const good = goodValue(type);
  const put = (value) => (e.many ? [value] : value);
  const item = e.many ? `${name}[0]` : name;

  yield { kind: 'unknown-property', hold: { [name]: put(good), zzz: 1 }, at: 'zzz#' };
  yield { kind: 'property-case', hold: { [upper(name)]: put(good) }, at: `${upper(name)}#` };
  yield { kind: 'null-value', hold: { [name]: null }, at: name };
  yield { kind: 'empty-object', hold: { [name]: put({}) }, at: item };
  if (e.many) {
    yield { kind: 'object-for-array', hold: { [name]: good }, at: name };
    yield { kind: 'empty-array', hold: { [name]: [] }, at: name };
    yield { kind: 'array-in-array', hold: { [name]: [[good]] }, at: item };
  } else {
    yield { kind: 'array-for-scalar', hold: { [name]: [good] }, at: name };
  }
  if (!PRIMITIVES[type]) yield { kind: 'string-for-object', hold: { [name]: put('x') }, at: item };
  if (typeof good === 'string') yield { kind: 'empty-string', hold: { [name]: put('') }, at: item };
  if (e.min > 0) yield { kind: 'missing-required', hold: EXTENSION, at: '', says: ` ${choice ? last : name}` };
  if (names.length > 1)
    yield { kind: 'two-choice-types', hold: { [name]: good, [names[1]]: goodValue(types[1]) }, at: `${names[1]}#` };
  if (choice && !types.map(bare).includes('Dosage')) yield { kind: 'wrong-choice-type', hold: { [`${base}Dosage`]: EXTENSION },
    at: `${base}Dosage#` };
  for (let i = 0; i < types.length; i++) {
    const t = SYSTEM[types[i]] || bare(types[i]);
    const one = names[choice ? i : 0];
    for (const bad of PRIMITIVES[t]?.[1] ?? [])
      yield { kind: `bad-${t}`, hold: { [one]: put(bad) }, at: e.many ? `${one}[0]` : one };
  }
  if (isEnumerated(e))
    yield { kind: 'bad-required-code', hold: { [name]: put('no-such-code!') }, at: item };
  if (e.binding === 'required' && type === 'CodeableConcept' && !/LL379|ucum-units/.test(e.values))
    yield { kind: 'bad-required-coding', hold: { [name]: put({ coding: [{ system: 'urn:x', code: 'no-such-code' }] }) }, at: item };
  const targets = /^Reference\((.*)\)$/.exec(types[0])?.[1].split(',');
  if (targets && !choice && !targets.includes('Resource') && !targets.includes('Basic'))
    yield { kind: 'wrong-target', hold: { [name]: put({ reference: 'Basic/1' }) }, at: `${item}.reference` };
}

// --- the run

function judge(lines, name) {
  fs.writeFileSync(`${folder}/${name}.ndjson`, `${lines.join('\n')}\n`);
  const ran = spawnSync(`${build}/lazaret`, ['fhir', 'validate', '--max', '1000', '--json', `${folder}/${name}.ndjson`],
    { maxBuffer: 1 << 30 });
  const errors = new Map();
  for (const i of JSON.parse(ran.stdout.toString()).issues) {
    if (i.severity !== 'error') continue;
    if (!errors.has(i.line)) errors.set(i.line, []);
    errors.get(i.line).push(i);
  }
  return errors;
}

function report(mutants, errors, what) {
  const count = new Map();
  const wrong = [];
  mutants.forEach((m, i) => {
    count.set(m.kind, (count.get(m.kind) || 0) + 1);
    const told = errors.get(i + 1) || [];
    if (!told.some((x) => x.column === m.column && (!m.says || x.text.includes(m.says))))
      wrong.push(`${m.kind} of ${m.name}, column ${m.column}: ` +
        `${told.map((x) => `${x.column} ${x.text}`).join('; ').slice(0, 200) || 'not told'}; ${m.line.slice(0, 200)}`);
  });
  console.log(`# ${mutants.length} ${what}: ${[...count].map(([k, n]) => `${k} ${n}`).sort().join(', ')}`);
  console.log(`# ${wrong.length} not told, or elsewhere`);
  assert.deepEqual(wrong.slice(0, 20), []);
}

test('each defect of each element is told where it stands', () => {
  const mutants = [];
  let seen = 0;
  for (const e of ELEMENTS.values()) {
    if (!e.name.includes('.') || !stepsTo(e.name)) continue;
    seen++;
    for (const d of defectsOf(e)) {
      const made = makeDocument(e.name, d.hold);
      const line = JSON.stringify(made.document);
      const at = d.at ? `${made.where}.${d.at}` : made.where;
      mutants.push({ kind: d.kind, name: e.name, says: d.says, line, column: placesOf(line).get(at) });
    }
  }
  assert.ok(seen > 7000, `${seen} elements`);
  report(mutants, judge(mutants.map((m) => m.line), 'elements'), 'defects');
});

// --- defects by chance, in published examples

const data = process.env.LAZARET_FHIR_DATA;
const N = Number(process.env.N || 1);
let seed = Number(process.env.MUTANT_SEED || 1);
const chance = (n) => { // the same numbers from the same seed, everywhere
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
};
const pick = (list) => list[chance(list.length)];

// What element a property of an object is; of a choice the type is in its name.
function elementAt(base, key) {
  const e = ELEMENTS.get(`${base}.${key}`);
  if (e) return { e, type: e.types[0] || 'BackboneElement' };
  for (let i = key.length - 1; i > 0; i--) {
    const choice = ELEMENTS.get(`${base}.${key.slice(0, i)}[x]`);
    const type = choice?.types.find((t) => upper(bare(t)) === key.slice(i));
    if (type) return { e: choice, type };
  }
  return null;
}

function* nodesOf(object, base, where, steps) {
  for (const [key, value] of Object.entries(object)) {
    const found = key === 'resourceType' || key.startsWith('_') ? null : elementAt(base, key);
    if (!found) continue;
    const { e } = found;
    const type = SYSTEM[found.type] || bare(found.type);
    const items = Array.isArray(value) ? value : [value];
    for (let i = 0; i < items.length; i++) {
      const at = Array.isArray(value) ? `${key}[${i}]` : key;
      yield { e, type, key, index: Array.isArray(value) ? i : -1, steps, holder: where, where: `${where}.${at}`, value: items[i] };
      if (items[i] === null || typeof items[i] !== 'object') continue;
      const inner = found.type.startsWith('#') ? found.type.slice(1) : type === 'Resource' ? items[i].resourceType
        : type === 'BackboneElement' || type === 'Element' ? e.name : type;
      yield* nodesOf(items[i], inner, `${where}.${at}`, [...steps, ...(Array.isArray(value) ? [key, i] : [key])]);
    }
  }
}

// One defect of the node; null: this kind cannot be had there.
const KINDS = {
  'missing-required': (n, o) => (n.e.min > 0 && n.index <= 0 && Object.keys(o).length > 2 && !o[`_${n.key}`] && (n.index < 0
    || o[n.key].length === 1)
    ? (delete o[n.key], { at: n.holder, says: ` ${n.e.name.split('.').pop()}` }) : null),
  'unknown-property': (n, o) => { o[`x${n.key}`] = 1; return { at: `${n.holder}.x${n.key}#` }; },
  'property-case': (n, o) => {
    if (o[`_${n.key}`]) return null;
    o[upper(n.key)] = o[n.key];
    delete o[n.key];
    return { at: `${n.holder}.${upper(n.key)}#` };
  },
  'null-value': (n, o) => { o[n.key] = null; return { at: `${n.holder}.${n.key}` }; },
  'empty-array': (n, o) => (n.index >= 0 ? (o[n.key] = [], { at: `${n.holder}.${n.key}` }) : null),
  'object-for-array': (n, o) => (n.index >= 0 ? ([o[n.key]] = o[n.key], { at: `${n.holder}.${n.key}` }) : null),
  'array-for-scalar': (n, o) => (n.index < 0 ? (o[n.key] = [o[n.key]], { at: `${n.holder}.${n.key}` }) : null),
  'empty-object': (n, o, put) => { put({}); return { at: n.where }; },
  'string-for-object': (n, o, put) => (PRIMITIVES[n.type] ? null : (put('x'), { at: n.where })),
  'number-for-string': (n, o, put) => (typeof n.value === 'string' ? (put(7), { at: n.where }) : null),
  'text-of-a-value': (n, o, put) => (['number', 'boolean'].includes(typeof n.value) ? (put(String(n.value)), { at: n.where }) : null),
  'empty-string': (n, o, put) => (typeof n.value === 'string' ? (put(''), { at: n.where }) : null),
  'bad-value': (n, o, put) => (PRIMITIVES[n.type] ? (put(pick(PRIMITIVES[n.type][1])), { at: n.where }) : null),
  'bad-required-code': (n, o, put) => (isEnumerated(n.e) ? (put('no-such-code!'), { at: n.where }) : null),
  'two-choice-types': (n, o) => {
    const other = n.e.name.endsWith('[x]') && n.e.types.find((t) => bare(t) !== n.type);
    if (!other) return null;
    const name = n.e.name.split('.').pop().replace('[x]', upper(bare(other)));
    o[name] = goodValue(other);
    return { at: `${n.holder}.${name}#` };
  },
  'empty-extension': (n, o) => {
    if (o.resourceType) return null; // some resources have none
    (o.extension ||= []).push({ url: 'urn:x' });
    return { at: `${n.holder}.extension[${o.extension.length - 1}]`, says: 'ext-1' };
  },
};

// Defects of the text, which no reader of JSON should take.
const TEXTS = {
  truncated: (t) => t.slice(0, 1 + chance(t.length - 1)),
  'trailing comma': (t) => t.replace(/}$/, ',}'),
  'trailing garbage': (t) => `${t}${pick(['x', '}', ' {}', ',', '1'])}`,
  NaN: (t) => t.replace(/^\{/, '{"x":NaN,'),
  'a leading zero': (t) => t.replace(/^\{/, '{"x":01,'),
  'a plus': (t) => t.replace(/^\{/, '{"x":+1,'),
  'a point alone': (t) => t.replace(/^\{/, '{"x":1.,'),
  'a comment': (t) => t.replace(/^\{/, '{/* x */'),
  'single quotes': (t) => t.replace(/"resourceType"/, "'resourceType'"),
  'a bare key': (t) => t.replace(/"resourceType"/, 'resourceType'),
  'a key twice': (t) => t.replace(/("resourceType":"\w+")/, '$1,$1'),
  'a control character': (t) => t.replace(/"resourceType":"/, '"x":"a\u0001","resourceType":"'),
  'half a surrogate pair': (t) => t.replace(/^\{/, '{"x":"\\ud800",'),
  'an escape that is none': (t) => t.replace(/^\{/, '{"x":"\\x41",'),
};

test('defects put into published examples are told where they stand', { skip: !data
  && 'LAZARET_FHIR_DATA names no folder with published examples' }, () => {
  const mutants = [];
  const texts = [];
  const controls = [];
  const names = JSON.parse(fs.readFileSync(`${data}/manifest.json`, 'utf8'))
    .filter((m) => m.expect === 'valid' && /^official-examples\/.*\.json$/.test(m.file)).map((m) => m.file);
  for (const name of names) {
    const bytes = fs.readFileSync(`${data}/${name}`, 'utf8').replace(/^\uFEFF/, '');
    if (bytes.length > 30000) continue;
    const whole = JSON.parse(bytes);
    controls.push(JSON.stringify(whole));
    const nodes = [...nodesOf(whole, whole.resourceType, whole.resourceType, [])];
    for (let i = 0, tries = 0; i < 8 * N && tries < 200 * N; tries++) {
      const node = pick(nodes);
      const kind = pick(Object.keys(KINDS));
      const document = structuredClone(whole);
      const holder = node.steps.reduce((o, s) => o[s], document);
      const put = (v) => { if (node.index < 0) holder[node.key] = v; else holder[node.key][node.index] = v; };
      const made = KINDS[kind](node, holder, put);
      const line = JSON.stringify(document);
      const column = made && placesOf(line).get(made.at);
      if (!made) continue;
      mutants.push({ kind, name: `${name} ${node.where}`, says: made.says, line, column });
      i++;
    }
    const text = pick(Object.keys(TEXTS));
    texts.push({ kind: text, name, line: TEXTS[text](JSON.stringify(whole)) });
  }
  assert.deepEqual([...judge(controls, 'controls')].slice(0, 3), [], 'untouched they are valid');
  report(mutants, judge(mutants.map((m) => m.line), 'examples'), `defects in ${controls.length} examples`);
  const refused = judge(texts.map((t) => t.line), 'texts');
  assert.deepEqual(texts.filter((t, i) => !refused.has(i + 1)).map((t) => `${t.kind} in ${t.name}`), []);
});
