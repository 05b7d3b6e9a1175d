#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 300
// unlinked.mjs   A5: everything each role can take out by any route, with headers, and then any two of them held against each other: no number, name,
// file name, colour, exact time or size is in both, no list is in an order that both have, and what a role can put together is what the policy says.
import fs from 'node:fs';
import path from 'node:path';
import { settings, token } from './issuer.mjs';
import { Server, check, cli, done, opening, same, test, top } from './lib.mjs';

const server = new Server();
await server.start(settings());
const people = Object.fromEntries(['doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin'].map((role) => [role, token(`the-${role}`, [role], { auth_time: Math.floor(Date.now() / 1000) })]));
const ask = async (as, method, at, body, headers = {}) => {
  const r = await server.request({ method, path: at, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    headers: { Authorization: `Bearer ${people[as]}`, ...(body === undefined || headers['Content-Type'] ? {} : { 'Content-Type': 'application/json' }), ...headers } });
  return { ...r, json: /json/.test(r.headers['content-type'] ?? '') && r.text ? JSON.parse(r.text) : undefined };
};
const ok = async (...how) => {
  const r = await ask(...how);
  check(r.status === 200 || r.status === 201, `${how.slice(0, 3)}: ${r.status} ${r.text}`);
  return r.json;
};

// ---- a study in which much happens in one minute, so that times alone join nothing

const HOMES = 7, homes = [];
for (let i = 0; i < HOMES; i++) {
  const [{ patient_id: patient }, { installer: i_, monitor: m }] = await opening(['installer', 'monitor'], (as) => ok(as, 'GET', '/api/v1/tickets?limit=100'), () => ok('doctor', 'POST', '/api/v1/patients', { first_name: `Nome${i}`, last_name: `Cognome${i}`, codice_fiscale: `STP${7000000000000 + i}`, home_address: `Via dei Platani ${i}`,
    phone: `+39 06 555010${i}`, neuro_diag: i < 5 ? 'MCI' : 'AD', age_class: '70-79', medical_notes: `Nota ${i}`, contacts: [{ alias: `Figlio${i}`, phone_no: `+39 333 00000${i}` }] }));
  await ok('doctor', 'PUT', `/api/v1/patients/${patient}/consent`, { version: '1.2', signed_at: '2026-03-01', purposes: ['treatment', 'monitoring', 'research'] });
  homes.push({ patient, house: i_.patient_id, watched: m.patient_id, of: { doctor: patient, installer: i_.patient_id, monitor: m.patient_id } });
  await ok('installer', 'POST', `/api/v1/tickets/${i_.ticket_id}/messages`, { body: `Ci vado, numero ${i}` });
  await ok('installer', 'POST', `/api/v1/installations/${i_.patient_id}`, { apartment_type: `bilocale ${i}`, pets: `gatto${i}` });
  for (const kind of ['temperature', 'power']) await ok('installer', 'POST', `/api/v1/installations/${i_.patient_id}/sensors`, { kind, label: `ST-${1000 + i}-${kind}` });
  for (const n of [1, 2]) {
    const r = await ask('installer', 'POST', `/api/v1/installations/${i_.patient_id}/documents?file_type=pianta${i}`, `a;b\n${'x'.repeat(3000 + 100 * i + n)};1\n`,
      { 'Content-Type': 'text/csv', 'Content-Disposition': `attachment; filename="casa-Cognome${i}-${n}.csv"` });
    same(r.status, 201, r.text);
  }
}
await ok('doctor', 'POST', '/api/v1/break-glass', { subject: homes[0].patient, reason: 'emergency', text: 'She does not answer the door.' });

const project = await ok('researcher', 'POST', '/api/v1/projects', { title: 'Sonno e diagnosi', question: 'Come cambia il sonno prima della diagnosi?', data: ['screenings', 'streams'], until: new Date(Date.now() + 864e5 * 30).toISOString().slice(0, 10) });
await ok('auditor', 'POST', `/api/v1/projects/${project.id}/decision`, { decision: 'approved', reason: 'Nulla di meno risponderebbe.' });

// ---- what each of them can take out: every route that reads, with every number of their own

// How a route is filled: by numbers that are found under these keys, in what was taken out so far.
const keyOf = { patient_id: ['patient_id', 'data_id'], contact_id: ['id'], ticket_id: ['ticket_id'], document_id: ['id'], sensor_id: ['sensor_id'], stream_id: ['stream_id'], project_id: ['id'] };
const routes = [...fs.readFileSync(path.join(top, 'src/api/routes.def'), 'utf8').matchAll(/^ROUTE\(GET, +"((?:\/api\/v1|\/fhir\/R4)[^"]*)"/gm)].map(([, at]) => at).filter((at) => !at.includes('.well-known') && !at.endsWith('/metadata'));
const late = /audit|accesses|AuditEvent/;
const fhir = (x) => x.route.startsWith('/fhir/R4');
const taken = {}; // role: [{route, key, value}], with headers as keys of their own
async function takeOut(as) {
  const got = (taken[as] = []), numbers = {}, lists = {};
  const note = (route, key, v) => {
    if (Array.isArray(v)) v.forEach((x) => note(route, key, x));
    else if (v && typeof v === 'object') for (const [k, x] of Object.entries(v)) note(route, k, x);
    else if (v !== null && v !== undefined && typeof v !== 'boolean') {
      got.push({ route, key, value: v });
      if (Number.isSafeInteger(v) || (key === 'id' && route.endsWith('/projects'))) (numbers[key] ??= new Set()).add(v);
    }
  };
  const read = async (route, at) => {
    delete lists[at];
    for (let page = at; page;) {
      const r = await ask(as, 'GET', page);
      if (r.status !== 200) return;
      note(route, '', r.json ?? r.text);
      for (const h of ['etag', 'content-disposition', 'location']) if (r.headers[h]) note(route, h, r.headers[h]);
      if (r.json?.resourceType === 'Bundle') (lists[at.replace(/[?].*/, '')] ??= []).push(...(r.json.entry ?? []).map((x) => x.resource));
      const list = Array.isArray(r.json) ? r.json : r.json?.documents ?? r.json?.projects;
      if (list) (lists[at.replace(/[?].*/, '')] ??= []).push(...list);
      const { next, link } = r.json ?? {};
      page = /<([^>]+)>; rel="next"/.exec(r.headers.link ?? '')?.[1] ?? (typeof next === 'string' && `${at}${at.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(next)}`);
      if (fhir({ route }) && Array.isArray(link)) page = link.find((l) => l.relation === 'next')?.url.replace(/^.*AuditEvent/, '/fhir/R4/AuditEvent');
    }
  };
  for (let round = 0; round < 2; round++)
    for (const route of routes.filter((at) => !late.test(at))) {
      const param = /:(\w+)/.exec(route)?.[1];
      if (!param) { if (!round) await read(route, route); continue; }
      if (round === 0 && param !== 'patient_id') continue;
      for (const n of new Set((keyOf[param] ?? [param]).flatMap((k) => [...numbers[k] ?? []]))) await read(route, route.replace(/:\w+/, n));
    }
  for (const route of routes.filter((at) => late.test(at))) { /* what was looked at stands in the log by now */
    const ids = route.includes(':') ? [...numbers.idx ?? []].slice(0, 20) : [''];
    for (const n of ids) await read(route, route.replace(/:\w+/, n) + (route.includes(':') ? '' : fhir({ route }) ? '?_count=100' : '?limit=100'));
  }
  if (as === 'doctor') note('/api/v1/patients/search', '', await ok(as, 'POST', '/api/v1/patients/search', { name: 'nome' }));
  return lists;
}
const lists = {};
for (const as of Object.keys(people)) lists[as] = await takeOut(as);

// ---- what may be in two of them, and why; typed here, one by one

// Words of the API itself: of a list in the description, the same of everybody.
const api = JSON.parse((await server.request({ path: '/openapi.json' })).text);
const words = new Set(['doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin', 'read', 'create', 'update', 'delete', 'local', 'message', '', 'text/csv', 'document']);
(function collect(v) {
  if (!v || typeof v !== 'object') return;
  for (const x of v.enum ?? []) words.add(x);
  for (const x of Object.values(v)) collect(x);
}(api));
const units = new Set(['Cel', 'W']);
const isTime = (v) => /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?$/.test(v);
const everywhere = {
  body: 'the text of a ticket that both read', what: 'a word for what was done with one', number: 'a place in a ticket', version: 'which version of a screening it is: 1, 2, 3', epoch: 'a count', etag: 'a count of changes',
  idx: 'an entry of the log has one index to whoever made it and to an auditor; each is somebody\'s own', leaf: 'the same entry\'s hash', t: 'when somebody asked, not what about', req: 'the id of one request', trace: 'the same',
  scope: 'the study, which all of them are in', route: 'an address of the API', actor: 'who of the staff asked', n: 'a count', v: 'a version of the log', date_delta: 'seconds since a time that is cut', type: 'a noun of the log', why: 'a word of the log', role: 'who of the staff' };
const between = {
  // 1.2 of the policy's research: PatientGeneral is the installer's while a ticket is open, Installation details, Documents and what hangs there are R to a doctor
  'doctor installer': { last_name: 1, home_address: 1, phone: 1, apartment_type: 1, pets: 1, label: 1, file_name: 1, file_type: 1, 'content-disposition': 1, size: 1, created_at: 1, '': 'a document itself' },
  // Screening: R to a doctor, R c p to a monitor
  'doctor monitor': { neuro_diag: 1, age_class: 1 },
  'monitor researcher': { neuro_diag: 1, age_class: 1 },
  'doctor researcher': { neuro_diag: 1, age_class: 1 },
  'doctor auditor': { text: 'why the glass was broken, for whoever reviews it' },
  'monitor auditor': { text: 'the same' },
  'researcher auditor': { id: 'a project, which one proposes and the other decides about', title: 1, question: 1, owner: 1, decided_by: 1, reason: 1 },
  'researcher admin': { id: 'who of the staff decided, whose account an administrator manages', owner: 1, decided_by: 1 },
  'auditor admin': { subject: 'what a provider or the program calls somebody of the staff: /api/v1/people is both\'s' },
};
const roles = Object.keys(people);
const pairs = roles.flatMap((a, i) => roles.slice(i + 1).map((b) => [a, b]));
const asText = (v) => String(v);

await test('every route that reads was asked by everybody, and those who may were told something', () => {
  check(routes.length >= 25, `only ${routes.length} routes`);
  const least = { doctor: 400, installer: 250, monitor: 250, auditor: 100 };
  for (const [as, n] of Object.entries(least)) check(taken[as].length > n, `${as} took out ${taken[as].length} values`);
  const asked = new Set(Object.values(taken).flat().map((x) => x.route));
  const silent = routes.filter((r) => !asked.has(r));
  same(silent.filter((r) => !/break-glass|\/fhir\/R4\/(?!AuditEvent)/.test(r)), [], 'routes that told nobody anything');
});
await test('any two: no number is in what both took out', () => {
  for (const [a, b] of pairs) {
    const of = (as) => new Map(taken[as].filter((x) => !everywhere[x.key] && !fhir(x)).flatMap((x) => (/^\d{4,}$/.test(asText(x.value)) ? [[Number(x.value), x]] : [])));
    const allowed = between[`${a} ${b}`] ?? {}, theirs = of(b);
    const shared = [...of(a)].filter(([n, x]) => theirs.has(n) && !(allowed[x.key] && allowed[theirs.get(n).key]));
    same(shared.slice(0, 5).map(([n, x]) => `${x.route} ${x.key} ${n}, ${theirs.get(n).route} ${theirs.get(n).key}`), [], `${a} and ${b}`);
  }
});
await test('any two: no name, label, file name, colour or other text, but what the policy lets both read', () => {
  for (const [a, b] of pairs) {
    const allowed = between[`${a} ${b}`] ?? {};
    const of = (as) => new Map(taken[as].filter((x) => typeof x.value === 'string' && x.value.length > 3 && !everywhere[x.key] && !words.has(x.value) && !units.has(x.value) && !isTime(x.value) && !fhir(x)
      && !/^\d+$/.test(x.value)).map((x) => [x.value, x]));
    const theirs = of(b);
    const shared = [...of(a)].filter(([v, x]) => theirs.has(v) && !(allowed[x.key] && allowed[theirs.get(v).key]));
    /* who of the staff somebody is, an auditor and an administrator see by the log: not whom of the study they saw */
    same(shared.filter(([, x]) => !(x.route === '/api/v1/me' || (x.key === 'id' && /audit|accesses/.test(x.route)))).slice(0, 5).map(([v, x]) => `${x.route} ${x.key} ${v.slice(0, 40)}`), [], `${a} and ${b}`);
  }
});
// What a model asks for (PlanDefinition) is of nobody, and is full of codes that are numbers.
await test('as FHIR, too: what an entry is about is called by the reader\'s own number, or by none', () => {
  const own = (as) => new Set(taken[as].filter((x) => !fhir(x)).map((x) => asText(x.value)));
  const numbers = (as) => new Set(taken[as].filter((x) => fhir(x) && !/PlanDefinition/.test(x.route)).flatMap((x) => asText(x.value).match(/(?<![-\w])\d{9,16}(?![-\w])/g) ?? []));
  for (const as of roles) for (const other of roles)
    if (as !== other) same([...numbers(as)].filter((n) => own(other).has(n) || numbers(other).has(n)).slice(0, 5), [], `${as} and ${other}`);
});
await test('each time is cut for the role: to the minute, of homes and data to the day for who knows them by a pseudonym', () => {
  const uncut = (as, unit, of) => taken[as].filter((x) => isTime(x.value) && x.value.length > 10 && of(x) && !/glass|audit|accesses|AuditEvent/.test(x.route) && Date.parse(x.value) / 1000 % unit);
  same(uncut('installer', 60, (x) => x.key !== 'created_at' && !(/DocumentReference/.test(x.route) && /^(lastUpdated|date|creation)$/.test(x.key))).slice(0, 3), [], 'installer');
  same(uncut('monitor', 60, () => true).slice(0, 3), [], 'monitor');
  same(uncut('monitor', 86400, (x) => /^date_(start|end)$|created_at/.test(x.key)).slice(0, 3), [], 'monitor, of homes and streams');
  same(taken.monitor.filter((x) => /screenings/.test(x.route) && x.key === 'ts' && !/T00:00:00Z$/.test(x.value)), [], 'monitor, of screenings');
});
await test('a researcher is told times by four weeks alone, and of everybody in the order of the project\'s own numbers', () => {
  const times = taken.researcher.filter((x) => /^date_(start|end)$/.test(x.key));
  check(times.length >= 2 * HOMES, `${times.length} times`);
  same(times.filter((x) => Date.parse(x.value) / 1000 % (28 * 86400)), [], 'cut');
  for (const part of ['screenings', 'streams']) {
    const data = lists.researcher[`/api/v1/projects/${project.id}/${part}`].map((x) => x.data_id);
    same([data.length, data.join()], [HOMES, [...data].sort((x, y) => x - y).join()], part);
  }
});
await test('sizes of files that a monitor sees are those of many files', () => {
  const sizes = taken.monitor.filter((x) => x.key === 'size').map((x) => x.value);
  check(sizes.length >= HOMES * 2, `${sizes.length} sizes`);
  same(sizes.filter((n) => n & (n - 1)), [], 'sizes that are no power of two');
});
await test('no list that two of them have is in one order', () => {
  const orderOf = (as, at, key) => (lists[as][at] ?? []).map((x) => homes.findIndex((h) => h.of[as] === x[key]));
  for (const at of ['/api/v1/installations']) {
    const order = Object.fromEntries(['doctor', 'installer', 'monitor'].map((as) => [as, orderOf(as, at, 'patient_id')]));
    for (const o of Object.values(order)) same([...o].sort((x, y) => x - y), homes.map((_, i) => i), 'all of them');
    for (const [a, b] of [['doctor', 'installer'], ['doctor', 'monitor'], ['installer', 'monitor']])
      check(order[a].join() !== order[b].join(), `${at}: ${a} and ${b} see the order ${order[a]}`); /* by chance 1 in 5,040 */
  }
  for (const as of ['installer', 'monitor', 'doctor']) {
    const ids = (lists[as]['/api/v1/installations'] ?? []).map((x) => x.patient_id);
    if (as !== 'doctor') same(ids, [...ids].sort((x, y) => x - y), `${as}: in the order of their own numbers`);
  }
  for (const [as, part, key] of [['installer', 'sensors', 'sensor_id'], ['monitor', 'streams', 'stream_id'], ['doctor', 'streams', 'stream_id'], ['doctor', 'sensors', 'sensor_id']])
    for (const h of homes) {
      const ids = lists[as][`/api/v1/installations/${h.of[as]}/${part}`].map((x) => x[key]);
      same([ids.length, ids.join()], [2, [...ids].sort((x, y) => x - y).join()], `${as}: ${part} in the order of their own numbers`);
    }
});
// Tickets of one minute, and documents of one day, have one time to whoever is told it so: two roles that had them in one order could join them by their place.
await test('what is told to be of one time, each role has in the order of its own numbers: tickets, documents, as FHIR, too', () => {
  const falls = (ids) => ids.every((x, i) => !i || ids[i - 1] > x), rises = (ids) => ids.every((x, i) => !i || ids[i - 1] < x);
  const byTime = (list, time, id) => [...list.reduce((all, x) => all.set(time(x), [...all.get(time(x)) ?? [], Number(id(x))]), new Map())];
  let together = 0;
  for (const as of ['installer', 'monitor'])
    for (const [at, time, id] of [['/api/v1/tickets', (x) => x.ts, (x) => x.ticket_id], ['/fhir/R4/Task', (x) => x.authoredOn, (x) => x.id]]) {
      same(lists[as][at].length, HOMES, `${as}: ${at}`);
      for (const [when, ids] of byTime(lists[as][at], time, id)) {
        check(falls(ids), `${as}: ${at}: of ${when}: ${ids}`);
        together = Math.max(together, ids.length);
      }
    }
  check(together >= 4, `only ${together} tickets are of one minute`);
  const order = Object.fromEntries(['doctor', 'installer', 'monitor'].map((as) => [as, lists[as]['/api/v1/tickets'].map((x) => homes.findIndex((h) => h.of[as] === x.patient_id))]));
  check(order.installer.join() !== order.monitor.join(), `installer and monitor see ${order.monitor}`);
  for (const h of homes)
    for (const [when, ids] of byTime(lists.monitor[`/api/v1/installations/${h.watched}/documents`], (x) => x.created_at, (x) => x.id)) check(rises(ids), `monitor: documents of ${when}: ${ids}`);
  const all = homes.map((h) => lists.monitor[`/api/v1/installations/${h.watched}/documents`].length);
  same([...new Set(all)], [2], 'documents of each home');
});
// 1.4 of the research: Doctor {P,I,S} joins all; Tech {I} sees a home with its address; Monitor {S} sees data and the house they come from, never a name or an address.
await test('what each can put together of one person is what the policy says, in words and in what they took out', () => {
  const told = { doctor: 'names, addresses, health, streams', installer: 'addresses', monitor: 'health, streams', researcher: 'health, streams', auditor: 'nothing', admin: 'nothing' };
  for (const [as, words_] of Object.entries(told)) {
    const r = cli(['policy', '--as', as]);
    check(r.stdout.includes(`Of one person it can put together: ${words_}.`), `${as}: ${r.stdout.split('\n').find((l) => l.includes('put together'))}`);
  }
  const has = (as, pattern) => taken[as].some((x) => pattern.test(asText(x.value)));
  const seen = Object.fromEntries(roles.map((as) => [as, [has(as, /^Nome\d/), has(as, /Platani/), taken[as].some((x) => x.key === 'neuro_diag'), taken[as].some((x) => x.key === 'stream_id')]]));
  same(seen, { doctor: [true, true, true, true], installer: [false, true, false, false], monitor: [false, false, true, true], researcher: [false, false, true, false], auditor: [false, false, false, false],
    admin: [false, false, false, false] }, 'name, address, health, streams');
  for (const h of homes) { // an installer has the address by their number of the house, a monitor the streams by theirs, and neither number is the other's
    check(taken.monitor.some((x) => x.route.endsWith('/streams') && x.value === h.watched) && !taken.monitor.some((x) => x.value === h.house), 'a monitor');
    check(taken.installer.some((x) => x.value === h.house) && !taken.installer.some((x) => x.value === h.watched), 'an installer');
  }
});
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
