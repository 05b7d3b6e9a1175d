// casefile.mjs -- reads tests/cases/*.case and the Bundle snippets; tests/cases/README.md says how they are written.
import fs from 'node:fs';
import path from 'node:path';
import { Mismatch, check, top } from './lib.mjs';

const folder = path.join(top, 'tests/cases');

// ---- words that stand for something: @NOW-2H@, @BUNDLE news2 -temp@, @job@

const second = { S: 1, M: 60, H: 3600, D: 86400 };
// "NOW-2H" as an instant, "TODAY-55Y-10D" as a date; undefined when it is no time.
export function timeOf(word, now = Date.now()) {
  const m = /^(NOW|TODAY)((?:[+-]\d+[SMHDY])*)$/.exec(word);
  if (!m) return undefined;
  const t = new Date(now);
  for (const [, n, unit] of m[2].matchAll(/([+-]\d+)([SMHDY])/g)) {
    if (unit === 'Y') t.setUTCFullYear(t.getUTCFullYear() + Number(n));
    else t.setTime(t.getTime() + Number(n) * 1000 * second[unit]);
  }
  return m[1] === 'NOW' ? t.toISOString().replace(/\.\d+Z$/, 'Z') : t.toISOString().slice(0, 10);
}

// bundles/snippets: "NAME = TEMPLATE key=value ..." is a resource, "NAME : NAME NAME ..." a list of them.
const snippets = new Map(fs.readFileSync(path.join(folder, 'bundles/snippets'), 'utf8').split('\n')
  .filter((l) => l.trim() && !l.startsWith('#'))
  .map((l) => {
    const [, name, kind, rest] = /^(\S+)\s+([=:])\s+(.*)$/.exec(l);
    return [name, { kind, words: rest.trim().split(/\s+/) }];
  }));
const templates = new Map(fs.readdirSync(path.join(folder, 'bundles')).filter((f) => f.endsWith('.json'))
  .map((f) => [f.slice(0, -5), fs.readFileSync(path.join(folder, 'bundles', f), 'utf8')]));

const pairs = (list) => list.map((p) => [p.slice(0, p.indexOf('=')), p.slice(p.indexOf('=') + 1)]);

function resource(name, id, given) {
  const s = snippets.get(name) || { kind: '=', words: [name] };
  const [template, ...preset] = s.words;
  check(s.kind === '=' && templates.has(template), `there is no snippet or template named '${name}'`);
  const value = new Map([['id', id], ...pairs(preset), ...given]);
  const text = templates.get(template).replace(/@([a-z_]+)(?:=([^@]*))?@/g, (_, key, otherwise) => {
    const v = value.get(key) ?? otherwise;
    check(v !== undefined, `snippet ${name} needs ${key}=`);
    return timeOf(v) ?? v;
  });
  try {
    return JSON.parse(text) && text;
  } catch (e) {
    throw new Error(`snippet ${name}: ${e.message}\n${text}`);
  }
}

// "news2 -temp temp(value=38.1,time=NOW-20H) rr#2(status=amended)": the text of a collection Bundle.
export function bundle(words) {
  const part = new Map();
  const add = (word) => {
    const m = /^(-?)([a-z0-9-]+)(#\w+)?(?:\((.*)\))?$/i.exec(word);
    check(m, `'${word}' is no snippet`);
    const [, minus, name, extra = '', given] = m;
    if (minus) check(part.delete(name + extra), `there is no ${name} to leave out`);
    else if (snippets.get(name)?.kind === ':') snippets.get(name).words.forEach(add);
    else part.set(name + extra, { name, id: (name + extra).replace('#', '-'), given: given ? pairs(given.split(',')) : [] });
  };
  words.split(/\s+|\+(?=[a-z-]+(?:[(#+]|$))/).filter(Boolean).forEach(add);
  const entry = [...part.values()].map(({ name, id, given }) => {
    const text = resource(name, id, given);
    const r = JSON.parse(text);
    return `{"fullUrl":"https://ehr.example/fhir/${r.resourceType}/${r.id}","resource":${text.trim()}}`;
  });
  return `{"resourceType":"Bundle","type":"collection","entry":[${entry.join(',\n')}]}`;
}

// Every @...@ of a text that is known; expectations such as @UUID@ stay for match(). Inside, a name is $name or ${name}.
export function fill(text, names) {
  return text.replace(/@([^@\n]+)@/g, (_, given) => {
    if (Object.hasOwn(names, given)) return names[given];
    const word = given.replace(/\$(?:(\w+)|\{(\w+)\})/g, (as, a, b) => names[a ?? b] ?? as);
    if (word.startsWith('BUNDLE ')) return bundle(word.slice(7));
    const repeat = /^REPEAT (.+) x (\d+)$/.exec(word);
    if (repeat) return Array.from({ length: Number(repeat[2]) }, (_, i) => repeat[1].replaceAll('#', i)).join('');
    return timeOf(word) ?? `@${word}@`;
  });
}

// ---- what an answer is held against

const is = {
  UUID: (v) => typeof v === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(v),
  TIME: (v) => typeof v === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/.test(v),
  ANY: () => true,
  INT: (v) => Number.isInteger(v),
  BOOL: (v) => typeof v === 'boolean',
  TEXT: (v) => typeof v === 'string' && v.length > 0,
};
// '*' is any text, '?' any one character.
const glob = (pattern) => new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.')}$`, 's');

function matchWord(got, word, names, at) {
  const [, name, test] = /^(?:([a-z_]\w*)=)?(.+)$/.exec(word);
  let holds;
  if (is[test]) holds = is[test](got);
  else if (test.startsWith('NEAR ')) holds = typeof got === 'number' && Math.abs(got - Number(test.slice(5))) <= 0.00005;
  else if (test.startsWith('LIKE ')) holds = typeof got === 'string' && glob(test.slice(5)).test(got);
  else throw new Error(`unknown expectation @${word}@`);
  check(holds, `${at}: got ${JSON.stringify(got)}, want @${test}@`);
  if (name) names[name] = got;
}

// Objects: what is expected must be there (`exact`: and nothing else); "@ABSENT@" must not. Arrays: item by item; a last
// "..." lets more follow.
export function match(got, want, names, { exact = false, at = 'body' } = {}) {
  if (typeof want === 'string' && /^@[^@]+@$/.test(want)) {
    matchWord(got, want.slice(1, -1), names, at);
  } else if (Array.isArray(want)) {
    check(Array.isArray(got), `${at}: got ${JSON.stringify(got)?.slice(0, 300)}, want a list`);
    const more = want.at(-1) === '...';
    const list = more ? want.slice(0, -1) : want;
    check(more ? got.length >= list.length : got.length === list.length,
      `${at}: ${got.length} items, want ${list.length}${more ? ' or more' : ''}: ${JSON.stringify(got).slice(0, 1500)}`);
    list.forEach((w, i) => match(got[i], w, names, { exact, at: `${at}[${i}]` }));
  } else if (want && typeof want === 'object') {
    check(got && typeof got === 'object' && !Array.isArray(got), `${at}: got ${JSON.stringify(got)?.slice(0, 300)}, want an object`);
    for (const [k, w] of Object.entries(want)) {
      if (w === '@ABSENT@') check(!Object.hasOwn(got, k), `${at}.${k}: is there: ${JSON.stringify(got[k])}`);
      else check(Object.hasOwn(got, k), `${at}.${k}: is not there: ${JSON.stringify(got).slice(0, 1500)}`);
      if (w !== '@ABSENT@') match(got[k], w, names, { exact, at: `${at}.${k}` });
    }
    if (exact)
      for (const k of Object.keys(got)) check(Object.hasOwn(want, k), `${at}.${k}: was not expected: ${JSON.stringify(got[k])}`);
  } else if (!Object.is(got, want)) {
    throw new Mismatch(`${at}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}

export function matchHeader(headers, name, pattern) {
  const got = headers[name.toLowerCase()];
  if (pattern === '-') check(got === undefined, `header ${name}: is there: ${got}`);
  else check(got !== undefined && glob(pattern).test(got), `header ${name}: got ${got}, want ${pattern}`);
}

// ---- the files

const requestLine = /^([A-Z]+|@\w+@) (\/\S*|@\w+@)$/;
const headerLine = /^([A-Za-z-]+): (.*)$/;

function readRequest(line) {
  const [, method, target] = requestLine.exec(line);
  return { method, target, headers: [], body: undefined, status: '', answerHeaders: [], has: [], not: [], audit: [] };
}

// The lines of one section of a step.
function takeSection(step, head, lines) {
  while (lines.length && !lines.at(-1).trim()) lines.pop();
  const answer = /^(\d{3}|@\w+@)( exactly)?(?: within (\d+)s)?$/.exec(head);
  if (answer) {
    step.status = answer[1];
    step.exact = Boolean(answer[2]);
    step.within = Number(answer[3] || 0);
    while (lines.length && headerLine.test(lines[0])) step.answerHeaders.push(headerLine.exec(lines.shift()).slice(1));
    step.json = lines.join('\n').trim();
  } else if (head === 'has' || head === 'not') {
    step[head].push(...lines.filter(Boolean));
  } else if (/^audit( of @\w+@)?$/.test(head)) {
    step.audit.push({ of: /@(\w+)@/.exec(head)?.[1], rows: lines.filter((l) => l.trim() && l.trim() !== 'none') });
  } else {
    throw new Error(`'-- ${head}' is no section`);
  }
}

function takeRequest(step, lines) {
  while (lines.length && lines[0].trim()) {
    const m = headerLine.exec(lines.shift());
    if (!m) throw new Error(`a header is 'Name: value', in ${step.method} ${step.target}`);
    step.headers.push(m.slice(1));
  }
  const body = lines.join('\n').trim();
  if (body) step.body = body;
}

// The first line names the columns; the last column of a row takes what is left of its line.
function readRows([head, ...lines]) {
  const columns = head.trim().split(/\s+/);
  const cell = new RegExp(`^${'(\\S+)\\s+'.repeat(columns.length - 1)}(.*)$`);
  return [columns, ...lines.map((l) => {
    const m = cell.exec(l.trim());
    if (!m) throw new Error(`a row has fewer than its ${columns.length} columns: ${l}`);
    return m.slice(1);
  })];
}

function readCase(name, lines) {
  const one = { name, steps: [], rows: [] };
  let step;
  let head;
  let kept = [];
  const close = () => {
    if (head === 'rows') one.rows = readRows(kept.filter((l) => l.trim()));
    else if (head !== undefined) takeSection(step, head, kept);
    else if (step) takeRequest(step, kept);
    kept = [];
  };
  for (const line of lines) {
    const section = /^-- (.+)$/.exec(line);
    if (section) {
      close();
      head = section[1].trim();
    } else if (requestLine.test(line) && head !== 'rows' && (head !== undefined || !step)) {
      close();
      one.steps.push((step = readRequest(line)));
      head = undefined;
    } else {
      kept.push(line);
    }
  }
  close();
  for (const s of one.steps) if (!s.status) throw new Error(`'${name}': ${s.method} ${s.target} has no '-- STATUS'`);
  return one;
}

// { settings: [[word, ...]], cases: [{name, steps, values}] }, a case for each of its rows.
export function readCases(file) {
  const parts = fs.readFileSync(file, 'utf8').split('\n').filter((l) => !/^#( |$)/.test(l)).join('\n').split(/^== /m);
  const settings = parts[0].split('\n').filter((l) => l.trim()).map((l) => l.trim().split(/\s+/));
  const cases = parts.slice(1).flatMap((text) => {
    const [name, ...lines] = text.split('\n');
    const one = readCase(name.trim(), lines);
    if (!one.rows.length) return [{ ...one, values: {} }];
    const [columns, ...rows] = one.rows;
    return rows.map((r) => {
      const values = Object.fromEntries(columns.map((c, i) => [c, r[i]]));
      return { ...one, name: fill(name.trim(), values), values };
    });
  });
  return { settings, cases };
}

export const caseFiles = (only = '') => fs.readdirSync(folder).filter((f) => f.endsWith('.case') && f.includes(only)).sort()
  .map((f) => path.join(folder, f));
