#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// records_fhir.mjs   the study's records as FHIR R4, asked for by fhir-kit-client: each role reads and searches what it sees, page by page, and nothing
// else; every body is valid FHIR by our own validator; the same questions at /api/v1 find the same people. What each role is told is typed here.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { settings, token } from './issuer.mjs';
import { Server, answersFolder, check, cli, cliJson, contains, done, filesBelow, opening, same, test, top } from './lib.mjs';

const Client = createRequire(path.join(top, 'tests/clients/package.json'))('fhir-kit-client');
const server = new Server();
await server.start(settings());
const people = Object.fromEntries(['doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin'].map((role) => [role, token(`the-${role}`, [role])]));
const site = `http://localhost:${server.port}`, base = `http://127.0.0.1:${server.port}/fhir/R4`;
const as = Object.fromEntries(Object.entries(people).map(([role, t]) => [role, new Client({ baseUrl: base, bearerToken: t })]));
const raw = async (role, target, { method = 'GET', body, headers = {} } = {}) => {
  const r = await server.request({ method, path: target.startsWith('/') ? target : `/fhir/R4/${target}`, body, headers: { Authorization: `Bearer ${people[role]}`, ...headers } });
  return { ...r, json: r.text ? JSON.parse(r.text) : undefined };
};
const api = async (role, method, at, body, headers = {}) => {
  const r = await raw(role, `/api/v1/${at}`, { method, body: body && JSON.stringify(body), headers: { ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers } });
  check(r.status < 300, `${role}: ${method} ${at}: ${r.status} ${r.text}`);
  return r;
};

// ---- every body that anybody is told is kept, and judged at the end

const bodies = [];
const kept = (b) => { bodies.push(b); return b; };
const read = async (role, type, id) => kept(await as[role].read({ resourceType: type, id: String(id) }));
const search = async (role, type, params = {}) => kept(await as[role].resourceSearch({ resourceType: type, searchParams: params }));
const post = async (role, type, params) => kept(await as[role].resourceSearch({ resourceType: type, searchParams: params, options: { postSearch: true } }));
const found = (b) => (b.entry ?? []).filter((x) => x.search.mode === 'match').map((x) => x.resource);
const ids = async (role, type, params) => found(await search(role, type, params)).map((x) => x.id);
const refused = async (status, ...how) => {
  const r = await raw(...how);
  same([r.status, r.headers['content-type'], r.json?.resourceType], [status, 'application/fhir+json', 'OperationOutcome'], `${how.slice(0, 2)}: ${r.text}`);
  return kept(r.json).issue.map((x) => `${x.code} ${x.details.text}`).join('; ');
};
/* All pages: the records, and how many each said there are. */
async function all(role, type, params) {
  const list = [], totals = new Set();
  for (let b = await search(role, type, params), pages = 0; b; b = b.link.some((x) => x.relation === 'next') ? kept(await as[role].nextPage({ bundle: b }).catch((e) => { throw new Error(`next page: ${JSON.stringify(e.response ?? e)} ${e.message} ${e.cause}`); })) : null, pages++) {
    check(pages < 50, 'the pages do not end');
    totals.add(b.total);
    list.push(...found(b));
  }
  return { list, totals: [...totals] };
}

// ---- the study

const folk = [
  { first_name: 'Annunziata', last_name: 'Quarantotti', codice_fiscale: 'STP8123456789012', gender: 'female', date_of_birth: '1948-03-05', place_of_birth: 'Genova', home_address: 'Via dei Glicini 7',
    phone: '+39 06 5550199', neuro_diag: 'MCI-canary', age_class: '70-79', medical_notes: 'Zephyrine', date_join: '2026-03-01',
    contacts: [{ alias: 'Ermenegildo (figlio)', phone_no: '+39 333 5550177', email: 'gildo@posta.example' }, { alias: 'Dr. Verdi' }] },
  { first_name: 'Anna', last_name: 'Rossi', codice_fiscale: 'RSSNNA50E57D969K', date_join: '2026-03-02', home_address: 'Via Roma 1', neuro_diag: 'AD', age_class: '70-79' },
  { first_name: 'Nicolò', last_name: "D'Amico", codice_fiscale: 'ENI8123456789013', date_of_birth: '1951-12-31', date_join: '2026-03-03', date_exit: '2026-09-01' },
  { first_name: 'Rossana', last_name: 'Bianchi, Neri', codice_fiscale: 'STP8123456789014', date_join: '2026-03-04' },
  { first_name: 'Ross', last_name: 'Müller', codice_fiscale: 'STP8123456789015', date_of_birth: '1951-01-01', date_join: '2026-03-05' },
];
const canaries = ['Annunziata', 'Quarantotti', 'STP8123456789012', 'Glicini', '5550199', 'MCI-canary', 'Zephyrine', 'Ermenegildo', 'gildo@posta'];
const id = [], enrol = async (p) => id.push((await api('doctor', 'POST', 'patients', p)).json.patient_id);
const tickets = async (role) => (await api(role, 'GET', 'tickets')).json;
const [, home] = await opening(['doctor', 'installer', 'monitor'], tickets, () => enrol(folk[0])); // the ticket of Anna's home, to each of them
for (const p of folk.slice(1)) await enrol(p);
const [anna, rossi, nicolo, rossana, ross] = id.map(String);
await api('doctor', 'POST', `patients/${anna}/screenings`, { neuro_diag: 'AD-canary', age_class: '80-89' });
await api('doctor', 'PUT', `patients/${anna}/consent`, { version: 'IT-3', signed_at: '2026-03-01', purposes: ['monitoring', 'research'] });
await api('doctor', 'POST', `patients/${anna}/consent/withdraw`);
await api('doctor', 'PUT', `patients/${anna}/consent`, { version: 'IT-4', signed_at: '2026-04-02', purposes: ['monitoring', 'treatment'] });
same(String(home.doctor.patient_id), anna, 'whose ticket it is');
await api('installer', 'POST', `tickets/${home.installer.ticket_id}/take`);
const pdf = '%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n';
const plan = (await api('installer', 'POST', `installations/${home.installer.patient_id}/documents?file_type=plan`, undefined, {}).catch(() => null))
  ?? await raw('installer', `/api/v1/installations/${home.installer.patient_id}/documents?file_type=plan`, { method: 'POST', body: pdf, headers: { 'Content-Type': 'application/pdf', 'Content-Disposition': 'attachment; filename="pianta.pdf"' } });
same(plan.status, 201, plan.text);

// ---- what a doctor is told

const PATIENT = { resourceType: 'Patient', id: anna, active: true, gender: 'female', birthDate: '1948-03-05',
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace', valueAddress: { text: 'Genova' } }],
  identifier: [{ system: 'http://hl7.it/sid/stp', value: 'STP8123456789012' }], name: [{ family: 'Quarantotti', given: ['Annunziata'] }] };
const sorted = (x) => (Array.isArray(x) ? x.map(sorted) : x && typeof x === 'object' ? Object.fromEntries(Object.keys(x).sort().map((k) => [k, sorted(x[k])])) : x);
const alike = (got, want, what) => same(sorted(got), sorted(want), what);
const PSEUDED = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'PSEUDED' }];
const SUBSETTED = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' }];
const without = (x, ...keys) => Object.fromEntries(Object.entries(x).filter(([k]) => !keys.includes(k)));

await test('a doctor reads who somebody is and where they live, whole', async () => {
  const p = await read('doctor', 'Patient', anna);
  alike(without(p, 'meta'), { ...PATIENT, telecom: [{ system: 'phone', value: '+39 06 5550199' }], address: [{ text: 'Via dei Glicini 7' }] }, 'Patient');
  same([Object.keys(p.meta), /^[\d.]+$/.test(p.meta.versionId)], [['versionId'], true], JSON.stringify(p.meta));
  const r = await raw('doctor', `Patient/${anna}`);
  same([r.headers.etag, r.headers['content-type']], [`W/"${p.meta.versionId}"`, 'application/fhir+json'], 'ETag');
  for (const [tag, status] of [[r.headers.etag, 304], [`"x", ${r.headers.etag}`, 304], ['*', 304], ['W/"0"', 200]])
    same((await raw('doctor', `Patient/${anna}`, { headers: { 'If-None-Match': tag } })).status, status, tag);
  await api('doctor', 'PUT', `patients/${anna}`, { phone: '+39 06 5550198' });
  same((await raw('doctor', `Patient/${anna}`, { headers: { 'If-None-Match': r.headers.etag } })).status, 200, 'changed since');
  await api('doctor', 'PUT', `patients/${anna}`, { phone: '+39 06 5550199' });
  same((await read('doctor', 'Patient', rossi)).identifier, [{ system: 'http://hl7.it/sid/codiceFiscale', value: 'RSSNNA50E57D969K' }], 'a tax code');
  same([(await read('doctor', 'Patient', nicolo)).identifier[0].system, (await read('doctor', 'Patient', nicolo)).active], ['http://hl7.it/sid/eni', false], 'ENI; left the study');
});
await test('in a searchset each is who they are, marked as cut, with a total', async () => {
  const b = await search('doctor', 'Patient');
  same([b.type, b.total, found(b).map((x) => x.id)], ['searchset', 5, [ross, rossana, nicolo, rossi, anna]], 'the newest first');
  alike(found(b)[4], { ...PATIENT, meta: { tag: SUBSETTED } }, 'Patient');
  same(b.link.map((x) => [x.relation, x.url]), [['self', `${site}/fhir/R4/Patient`]], 'links');
  same(b.entry.map((x) => x.fullUrl), found(b).map((x) => `${site}/fhir/R4/Patient/${x.id}`), 'fullUrl');
});
await test('a contact is a RelatedPerson, found by its patient and its words', async () => {
  const l = found(await search('doctor', 'RelatedPerson', { patient: anna }));
  alike(l.map((x) => without(x, 'id', 'meta')), [
    { resourceType: 'RelatedPerson', patient: { reference: `Patient/${anna}` }, name: [{ text: 'Ermenegildo (figlio)' }],
      telecom: [{ system: 'phone', value: '+39 333 5550177' }, { system: 'email', value: 'gildo@posta.example' }] },
    { resourceType: 'RelatedPerson', patient: { reference: `Patient/${anna}` }, name: [{ text: 'Dr. Verdi' }] }], 'contacts');
  same(l.map((x) => Number(x.id)), (await api('doctor', 'GET', `patients/${anna}/contacts`)).json.map((x) => x.id), 'the same at /api/v1');
  alike(await read('doctor', 'RelatedPerson', l[0].id), l[0], 'read by itself');
  const [gildo, verdi] = l.map((x) => x.id);
  for (const [params, want] of [[{ name: 'verdi' }, [verdi]], [{ name: 'erm' }, [gildo]], [{ 'name:contains': 'negild' }, [gildo]], [{ 'name:exact': 'Dr. Verdi' }, [verdi]], [{ 'name:exact': 'dr. verdi' }, []],
    [{ 'email:missing': 'true' }, [verdi]], [{ 'phone:missing': 'false' }, [gildo]], [{ phone: '+39 333 5550177' }, [gildo]], [{ email: 'gildo@posta.example' }, [gildo]], [{ _id: gildo }, [gildo]], [{ _count: 1 }, [gildo]]])
    same(await ids('doctor', 'RelatedPerson', { patient: `Patient/${anna}`, ...params }), want, JSON.stringify(params));
  same(await ids('doctor', 'RelatedPerson', { patient: rossi, _id: gildo }), [], 'of somebody else');
  contains(await refused(400, 'doctor', 'RelatedPerson?name=verdi'), 'required patient');
});
await test('a screening is an Observation, and the one before it, too', async () => {
  const l = found(await search('doctor', 'Observation', { subject: `Patient/${anna}` }));
  same(l.map((x) => x.id), [`${anna}-2`, `${anna}-1`], 'the newest first');
  const { effectiveDateTime, performer, meta, ...rest } = l[0];
  const code = (c, text) => ({ coding: [{ system: 'urn:lazaret:fhir:CodeSystem:study', code: c }], text });
  alike(rest, { resourceType: 'Observation', id: `${anna}-2`, status: 'final', code: code('screening', 'screening'), subject: { reference: `Patient/${anna}` },
    component: [{ code: code('neuro_diag', 'diagnosis'), valueString: 'AD-canary' }, { code: code('age_class', 'age class'), valueString: '80-89' }] }, 'Observation');
  same([meta.versionId, meta.lastUpdated, performer[0].identifier.system], ['1', effectiveDateTime, 'urn:lazaret:fhir:identifier:actor'], 'by whom and when');
  alike(await read('doctor', 'Observation', `${anna}-1`), l[1], 'read by itself');
  alike(kept(await as.doctor.vread({ resourceType: 'Observation', id: `${anna}-1`, version: '1' })), l[1], 'its only version');
  const versions = (await api('doctor', 'GET', `patients/${anna}/screenings`)).json;
  same(l.map((x) => [x.effectiveDateTime, x.component[0].valueString]), versions.map((v) => [v.ts, v.neuro_diag]), 'the same at /api/v1');
  const [second, first] = l.map((x) => x.id), t = effectiveDateTime;
  for (const [params, want] of [[{ date: `ge${t}` }, [second]], [{ date: `lt${t}` }, [first]], [{ date: t.slice(0, 10) }, [second, first]], [{ date: 'lt2020' }, []], [{ _sort: 'date' }, [first, second]], [{ _sort: '-date', _count: 1 }, [second]],
    [{ _lastUpdated: `le${t}`, _sort: '_lastUpdated' }, [first, second]], [{ code: 'screening' }, [second, first]], [{ code: 'urn:lazaret:fhir:CodeSystem:study|screening' }, [second, first]], [{ code: 'http://loinc.org|screening' }, []], [{ status: 'final' }, [second, first]],
    [{ status: 'preliminary,amended' }, []], [{ _id: first }, [first]]])
    same(await ids('doctor', 'Observation', { patient: anna, ...params }), want, JSON.stringify(params));
  same((await all('doctor', 'Observation', { patient: anna, _count: 1 })).list.map((x) => x.id), [second, first], 'page by page');
  contains(await refused(400, 'doctor', 'Observation'), 'required patient');
});
await test('consent has versions: what holds, what was withdrawn, what was before', async () => {
  const c = await read('doctor', 'Consent', anna);
  const reason = (code) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code });
  alike(c, { resourceType: 'Consent', id: anna, meta: { versionId: '3' }, status: 'active', scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0', display: 'Consent Document' }] }], patient: { reference: `Patient/${anna}` }, dateTime: '2026-04-02',
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }], text: 'IT-4' },
    provision: { type: 'permit', period: { start: '2026-04-02' }, purpose: [reason('TREAT'), reason('HOPERAT')] } }, 'Consent');
  const old = [];
  for (const version of ['1', '2', '3']) old.push(kept(await as.doctor.vread({ resourceType: 'Consent', id: anna, version })));
  same(old.map((x) => [x.meta.versionId, x.status, x.policyRule.text, x.provision.purpose.map((p) => p.code).join(), 'end' in x.provision.period]),
    [['1', 'active', 'IT-3', 'HOPERAT,HRESCH', false], ['2', 'inactive', 'IT-3', 'HOPERAT,HRESCH', true], ['3', 'active', 'IT-4', 'TREAT,HOPERAT', false]], 'versions');
  for (const at of ['0', '4', 'x', '9999999999']) await refused(404, 'doctor', `Consent/${anna}/_history/${at}`);
  for (const [params, n] of [[{}, 1], [{ status: 'active' }, 1], [{ status: 'inactive' }, 0], [{ date: '2026-04' }, 1], [{ date: 'gt2026-04-02' }, 0], [{ date: 'ne2026-04-02' }, 0]])
    same((await search('doctor', 'Consent', { patient: anna, ...params })).total, n, JSON.stringify(params));
  same((await search('doctor', 'Consent', { patient: rossi })).total, 0, 'none was recorded');
  await refused(404, 'doctor', `Consent/${rossi}`);
  contains(await refused(400, 'doctor', 'Consent?status=active'), 'required patient');
});

// ---- names and numbers

await test('names, tax codes and days of birth find whom /api/v1 finds, and more exactly', async () => {
  const by = async (params) => (await ids('doctor', 'Patient', params)).sort();
  const these = (...x) => [...x].sort();
  for (const [params, want] of [
    [{ name: 'ross' }, these(rossi, rossana, ross)], [{ family: 'ross' }, these(rossi)], [{ given: 'ross' }, these(rossana, ross)], [{ name: 'anna' }, these(rossi)], [{ name: 'ann' }, these(rossi, anna)],
    [{ 'name:contains': 'ann' }, these(rossi, anna)], [{ 'given:exact': 'Ross' }, these(ross)], [{ 'given:exact': 'ross' }, []], [{ 'name:exact': 'Müller' }, these(ross)], [{ 'name:exact': 'Muller' }, []], [{ family: 'mueller' }, these(ross)], [{ family: 'müll' }, these(ross)],
    [{ name: 'nicolo damico' }, these(nicolo)], [{ family: 'bianchi\\, neri' }, these(rossana)], [{ family: 'bianchi,rossi' }, these(rossana, rossi)], [{ 'family:exact': 'Bianchi\\, Neri' }, these(rossana)],
    [{ identifier: 'RSSNNA50E57D969K' }, these(rossi)], [{ identifier: 'rssnna50e57d969k' }, these(rossi)], [{ identifier: 'http://hl7.it/sid/codiceFiscale|RSSNNA50E57D969K' }, these(rossi)], [{ identifier: 'http://hl7.it/sid/stp|RSSNNA50E57D969K' }, []],
    [{ identifier: 'http://hl7.it/sid/stp|STP8123456789012,http://hl7.it/sid/eni|ENI8123456789013' }, these(anna, nicolo)], [{ identifier: 'nobody' }, []], [{ identifier: 'RSSNNA50E57D969K', family: 'bianchi' }, []],
    [{ birthdate: '1950-05-17' }, these(rossi)], [{ birthdate: '1951' }, these(nicolo, ross)], [{ birthdate: 'ge1951-12' }, these(nicolo)], [{ birthdate: 'lt1950' }, these(anna)], [{ birthdate: 'le1950-05' }, these(anna, rossi)], [{ birthdate: 'gt1950-05-17' }, these(nicolo, ross)],
    [{ birthdate: 'sa1950' }, these(nicolo, ross)], [{ birthdate: 'eb1951' }, these(anna, rossi)], [{ birthdate: 'ne1951' }, these(anna, rossi)], [{ birthdate: '1951-01-01,1948' }, these(ross, anna)], [{ 'birthdate:missing': 'true' }, these(rossana)],
    [{ 'birthdate:missing': 'false', active: 'true' }, these(anna, rossi, ross)], [{ active: 'false' }, these(nicolo)], [{ _id: anna }, these(anna)], [{ _id: `${anna},${ross},7` }, these(anna, ross)], [{ _id: `${anna},${ross}`, family: 'm' }, these(ross)], [{ _id: 'x' }, []]]) {
    same(await by(params), want, JSON.stringify(params));
    same((await search('doctor', 'Patient', { ...params, _summary: 'count' })).total, want.length, `how many: ${JSON.stringify(params)}`);
  }
  for (const [name, n] of [['ross', 3], ['nicolo damico', 1]]) {
    const l = (await api('doctor', 'POST', 'patients/search', { name })).json.map((x) => String(x.patient_id));
    same(l.sort(), await by({ name }), `the same at /api/v1: ${name}`);
    same(l.length, n, name);
  }
  same(await ids('doctor', 'Patient', { birthdate: 'gt1900', _sort: 'birthdate' }), [anna, rossi, ross, nicolo], 'in the order of days');
  same(await ids('doctor', 'Patient', { birthdate: 'gt1900', _sort: '-birthdate' }), [nicolo, ross, rossi, anna], 'and the other way');
  same(await ids('doctor', 'Patient', { _sort: 'family' }), [rossana, nicolo, ross, anna, rossi], 'in the order of names');
});
await test('page after page tells everybody once; a name is in no address; a page is its caller\'s own', async () => {
  for (const params of [{}, { _sort: 'family' }, { _sort: '-birthdate' }, { 'name:contains': 'o' }]) {
    const whole = await ids('doctor', 'Patient', params);
    const { list, totals } = await all('doctor', 'Patient', { ...params, _count: 2 });
    same([list.map((x) => x.id), totals], [whole, [whole.length]], JSON.stringify(params));
  }
  const b = await post('doctor', 'Patient', { 'name:contains': 'o', _count: 1 });
  const next = b.link.find((x) => x.relation === 'next').url;
  check(new RegExp(`^${site}/fhir/R4/Patient\\?_page=[\\w-]+$`).test(next), `what is followed: ${next}`);
  same(found(kept(await as.doctor.nextPage({ bundle: b }))).length, 1, 'the next page');
  contains(await refused(400, 'doctor', `${next.slice(site.length)}&family=x`), '_page');
  contains(await refused(400, 'doctor', `${next.slice(site.length, -4)}AAAA`), '_page');
  people.second = token('another-doctor', ['doctor']);
  contains(await refused(400, 'second', next.slice(site.length)), '_page');
  same(found(await post('doctor', 'Patient', { family: 'quarant' })).map((x) => x.id), [anna], 'a form');
  same((await raw('doctor', 'Patient/_search', { method: 'POST', body: 'family=quarant', headers: { 'Content-Type': 'application/json' } })).status, 415, 'no form');
  same((await raw('doctor', 'Patient/_search')).status, 405, 'GET');
});
await test('what is asked for and not understood is refused, or passed over when that is asked for', async () => {
  for (const [q, says] of [['nickname=x', 'not-supported nickname'], ['name:below=x', 'modifier'], ['birthdate=ap1950', 'prefix'], ['birthdate=1950-13', 'a date is written'], ['birthdate=', 'no value'], ['_count=-1', '_count'], ['_sort=gender', '_sort'],
    ['_summary=text', '_summary'], ['_total=exact', '_total'], ['_format=xml', '_format'], ['_cursor=x', '_cursor'], ['_cursor=7', '_cursor'], ['name=a%5Cb', 'backslash'], [`name=${'x'.repeat(201)}`, '200 bytes'], [`_id=${Array(21).fill(1).join()}`, '20 values'],
    [Array(17).fill('name=a').join('&'), '16 parameters'], ['active=maybe', 'true or false'], ['name=%00', 'control'], ['name=%ff', 'UTF-8'], ['_count=1&_count=2', 'twice'], ['identifier=|', 'token'], ['_id=1&_id=2', 'once']])
    contains(await refused(400, 'doctor', `Patient?${q}`), says, q);
  const r = await raw('doctor', 'Patient?nickname=x&family=quarant', { headers: { Prefer: 'handling=lenient' } });
  same([r.status, found(kept(r.json)).map((x) => x.id), r.json.total], [200, [anna], 1], r.text);
  same(r.json.entry.find((x) => x.search.mode === 'outcome').resource.issue.map((x) => [x.severity, x.code, x.diagnostics]), [['warning', 'not-supported', 'nickname']], 'what was passed over');
  check(r.json.entry.every((x) => x.fullUrl), 'an entry without fullUrl');
  same(r.json.link[0].url, `${site}/fhir/R4/Patient?family=quarant`, 'what was understood');
  same((await raw('doctor', 'Patient?nickname=x', { headers: { Prefer: 'handling=strict' } })).status, 400, 'strict');
  same(['total' in (await search('doctor', 'Patient', { _total: 'none' })), (await search('doctor', 'Patient', { _count: 0 })).entry, (await search('doctor', 'Patient', { _count: 500 })).entry.length], [false, undefined, 5], 'results');
});

// ---- homes: tickets and files, to three roles

const number = (system, n) => ({ identifier: { system: `urn:lazaret:fhir:identifier:${system}`, value: String(n) } });
await test('tickets are Tasks, under each role\'s own numbers', async () => {
  const want = { doctor: { reference: `Patient/${anna}` }, installer: { reference: `Patient/${home.installer.patient_id}` }, monitor: { type: 'Location', ...number('house', home.monitor.patient_id) } };
  for (const role of ['doctor', 'installer', 'monitor']) {
    const t = await read(role, 'Task', home[role].ticket_id);
    const { authoredOn, lastModified, meta, ...rest } = t;
    alike(rest, { resourceType: 'Task', id: String(home[role].ticket_id), status: 'accepted', intent: 'order', code: { coding: [{ system: 'urn:lazaret:fhir:CodeSystem:ticket-category', code: 'installation' }] }, for: want[role] }, role);
    same([authoredOn, meta.lastUpdated, meta.security, meta.tag], [home[role].ts, lastModified, role === 'doctor' ? undefined : PSEUDED, undefined], role);
    if (role !== 'doctor') check(/:00\.000000Z$/.test(authoredOn) && /:00\.000000Z$/.test(lastModified), `${role} is told a time exactly: ${authoredOn}`);
    same(await ids(role, 'Task', { patient: String(home[role].patient_id) }), [String(home[role].ticket_id)], `${role}, of one home`);
    same(await ids(role, 'Task'), (await tickets(role)).map((x) => String(x.ticket_id)), `${role}: the same at /api/v1`);
  }
  const minute = home.monitor.ts, [newest] = await tickets('doctor');
  for (const [role, params, n] of [['doctor', { status: 'requested' }, 4], ['doctor', { status: 'accepted' }, 1], ['doctor', { status: 'requested,accepted' }, 5], ['doctor', { status: 'completed' }, 0], ['doctor', { status: 'draft' }, 0],
    ['doctor', { code: 'installation' }, 5], ['doctor', { code: 'maintenance,uninstallation' }, 0], ['doctor', { 'authored-on': 'lt2020' }, 0], ['doctor', { 'authored-on': 'ge2020', modified: 'ge2020' }, 5], ['doctor', { patient: rossi, status: 'requested' }, 1],
    ['doctor', { patient: rossi, _id: String(home.doctor.ticket_id) }, 0], ['doctor', { patient: anna, subject: rossi }, 0], ['doctor', { _id: String(home.doctor.ticket_id), status: 'requested' }, 0], ['doctor', { _lastUpdated: 'ge2020' }, 5],
    /* what is finer than the role is told finds nothing finer */
    ['monitor', { 'authored-on': `eb${minute}` }, 0], ['monitor', { 'authored-on': `lt${minute.replace(/:00\.000000Z$/, ':00.000001Z')}`, patient: String(home.monitor.patient_id) }, 1],
    ['monitor', { 'authored-on': `ge${minute.replace(/:00\.000000Z$/, ':00.000001Z')}`, patient: String(home.monitor.patient_id) }, 0]])
    same((await search(role, 'Task', params)).total, n, `${role} ${JSON.stringify(params)}`);
  const up = await all('doctor', 'Task', { _sort: 'authored-on', _count: 2 }), down = await all('doctor', 'Task', { _sort: '-authored-on', _count: 2 });
  same([up.list.map((x) => x.id).reverse(), down.list[0].id, up.totals], [down.list.map((x) => x.id), String(newest.ticket_id), [5]], 'up and down');
  contains(await refused(400, 'doctor', 'Task?authored-on=2026-01,2026-03'), 'one date at a time');
});
await test('files are DocumentReferences, with the way to what they say for who may read it', async () => {
  for (const role of ['doctor', 'installer', 'monitor']) {
    const at = role === 'doctor' ? anna : String(home[role].patient_id);
    const l = found(await search(role, 'DocumentReference', { patient: at }));
    const d = (await api(role, 'GET', `installations/${at}/documents`)).json.documents;
    same([l.length, l[0].id], [1, String(d[0].id)], `${role}: the same at /api/v1`);
    const { date, author, meta, content: [{ attachment }], ...rest } = l[0];
    const subject = role === 'monitor' ? { type: 'Patient', ...number('house', at) } : { reference: `Patient/${at}` };
    const named = role === 'monitor' ? {} : { type: { text: 'plan' }, description: 'pianta.pdf' }; /* what a file is called may say whose it is */
    alike(rest, { resourceType: 'DocumentReference', id: l[0].id, status: 'current', subject, ...named }, role);
    same(attachment.title, named.description, `${role}: title`);
    same([attachment.url, attachment.size, attachment.contentType], [role === 'monitor' ? undefined : `${site}/api/v1/documents/${l[0].id}`, role === 'monitor' ? 1024 : pdf.length, 'application/pdf'], role);
    same([author?.[0].display, meta.security, meta.tag], { doctor: ['installer', undefined, undefined], installer: ['installer', PSEUDED, undefined], monitor: [undefined, PSEUDED, SUBSETTED] }[role], role);
    if (role === 'monitor') contains(date, 'T00:00:00.000000Z', 'a day');
    else same((await server.request({ path: new URL(attachment.url).pathname, headers: { Authorization: `Bearer ${people[role]}` } })).text, pdf, 'what it says');
    alike(await read(role, 'DocumentReference', l[0].id), l[0], `${role}, read by itself`);
    for (const [params, n] of [[{ date: 'ge2026' }, 1], [{ date: 'lt2020' }, 0], [{ status: 'current' }, 1], [{ status: 'superseded' }, 0], [{ _id: l[0].id }, 1], [{ _sort: '-date' }, 1]]) same((await search(role, 'DocumentReference', { patient: at, ...params })).total, n, `${role} ${JSON.stringify(params)}`);
  }
  contains(await refused(400, 'doctor', 'DocumentReference'), 'required patient');
});

// ---- what the others are told, and are not

await test('an installer knows whom they visit, by the home, and only while they do', async () => {
  const at = String(home.installer.patient_id);
  alike(await read('installer', 'Patient', at), { resourceType: 'Patient', id: at, meta: { tag: SUBSETTED }, name: [{ family: 'Quarantotti' }], telecom: [{ system: 'phone', value: '+39 06 5550199' }], address: [{ text: 'Via dei Glicini 7' }] }, 'Patient');
  check(/^W\/"[0-9a-f]{32}"$/.test((await raw('installer', `Patient/${at}`)).headers.etag), 'ETag');
  same(await ids('installer', 'Patient', { _id: at }), [at], 'searched');
  contains(await refused(400, 'installer', 'Patient'), 'one _id');
  contains(await refused(400, 'installer', 'Patient?family=quarant'), 'one _id');
  const other = String((await tickets('installer')).find((t) => t.patient_id !== home.installer.patient_id).patient_id);
  await refused(404, 'installer', `Patient/${other}`);
  same((await search('installer', 'Patient', { _id: other })).total, 0, 'another home');
});
await test('a monitor knows data and homes, and no people', async () => {
  const [o, ...more] = found(await search('monitor', 'Observation'));
  const data = o.subject.identifier.value;
  alike(without(o, 'effectiveDateTime'), { resourceType: 'Observation', id: `${data}-2`, meta: { versionId: '1', lastUpdated: o.effectiveDateTime.replace('Z', '.000000Z'), security: PSEUDED, tag: SUBSETTED }, status: 'final', code: o.code,
    subject: { type: 'Patient', ...number('data', data) }, component: o.component }, 'Observation');
  same([more.length, o.component.map((c) => c.valueString)], [0, ['AD-canary', '80-89']], 'of whom it consents, alone');
  same((await api('monitor', 'GET', 'screenings')).json.map((x) => `${x.data_id}-${x.version}`), [o.id], 'the same at /api/v1');
  same(await ids('monitor', 'Observation', { patient: data }), [`${data}-2`, `${data}-1`], 'all of theirs');
  contains(await refused(400, 'monitor', 'Observation?date=2026'), 'too-costly date');
  const c = await read('monitor', 'Consent', data);
  alike(without(c, 'scope', 'category', 'policyRule'), { resourceType: 'Consent', id: data, meta: { security: PSEUDED, tag: SUBSETTED }, status: 'active', patient: { type: 'Patient', ...number('data', data) },
    provision: { type: 'permit', purpose: c.provision.purpose } }, 'Consent');
  same([c.policyRule.text, c.provision.purpose.map((p) => p.code)], [undefined, ['TREAT', 'HOPERAT']], 'for what');
  contains(await refused(403, 'monitor', `Consent/${data}/_history/1`), 'forbidden');
});
await test('who sees nothing of it is refused, and what is somebody else\'s number is nobody', async () => {
  const types = ['Patient', 'RelatedPerson', 'Observation', 'Task', 'DocumentReference', 'Consent'];
  const may = { doctor: types, installer: ['Patient', 'Task', 'DocumentReference'], monitor: ['Observation', 'Task', 'DocumentReference', 'Consent'], researcher: ['Observation', 'Consent'], auditor: ['Consent'], admin: [] };
  const number_of = { Patient: anna, RelatedPerson: (await ids('doctor', 'RelatedPerson', { patient: anna }))[0], Observation: `${anna}-1`, Task: String(home.doctor.ticket_id), DocumentReference: (await ids('doctor', 'DocumentReference', { patient: anna }))[0], Consent: anna };
  for (const role of Object.keys(may))
    for (const type of types) {
      const allowed = may[role].includes(type);
      await refused(allowed ? role === 'doctor' ? 404 : 404 : 403, role, `${type}/${role === 'doctor' ? '7' : number_of[type]}`);
      if (!allowed) await refused(403, role, type);
    }
  same((await search('researcher', 'Observation')).total, 0, 'there is no project');
  same((await raw('doctor', `Patient/${anna}`, { headers: { Authorization: 'Bearer x' } })).status, 401, 'nobody');
});
await test('no value joins what two roles are told: ids, references and identifiers of all they can read', async () => {
  const of = { doctor: [['Task', {}], ['Patient', {}], ['Observation', { patient: anna }], ['RelatedPerson', { patient: anna }], ['DocumentReference', { patient: anna }], ['Consent', { patient: anna }]],
    installer: [['Task', {}], ['DocumentReference', { patient: String(home.installer.patient_id) }], ['Patient', { _id: String(home.installer.patient_id) }]], monitor: [['Task', {}], ['Observation', {}], ['DocumentReference', { patient: String(home.monitor.patient_id) }]] };
  const told = {};
  for (const [role, asked] of Object.entries(of)) {
    const text = [];
    for (const [type, params] of asked) text.push(...found(await search(role, type, params)).map((x) => JSON.stringify(x)));
    told[role] = new Set(text.join().match(/\d{9,}/g).filter((n) => !folk.some((p) => p.codice_fiscale.endsWith(n))));
    check(told[role].size >= 6, `${role}: ${told[role].size} numbers`);
  }
  for (const [a, b] of [['doctor', 'installer'], ['doctor', 'monitor'], ['installer', 'monitor']]) same([...told[a]].filter((n) => told[b].has(n)), [], `${a} and ${b}`);
});
await test('an emergency opens the one Patient, to be read, and nothing else', async () => {
  const patient = { doctor: anna, monitor: String(home.monitor.patient_id) };
  for (const role of ['doctor', 'monitor']) {
    people[role] = token(`the-${role}`, [role], { auth_time: Math.floor(Date.now() / 1000) });
    const glass = (await api(role, 'POST', 'break-glass', { subject: Number(patient[role]), reason: 'danger', text: 'A neighbour heard a fall behind the door.' })).json;
    const headers = { 'Lazaret-Break-Glass': glass.id };
    const r = await raw(role, `Patient/${patient[role]}`, { headers });
    same([r.status, kept(r.json).name, r.json.id, r.json.meta.tag], [200, [{ family: 'Quarantotti', given: ['Annunziata'] }], patient[role], undefined], `${role}: ${r.text}`);
    for (const at of ['Patient', `Patient/${rossi}`, 'Patient/7', `Consent/${patient[role]}`, `RelatedPerson?patient=${patient[role]}`, `Observation?patient=${patient[role]}`, 'Task']) await refused(403, role, at, { headers });
    await api(role, 'POST', `break-glass/${glass.id}/end`);
  }
});

// ---- the audit log, and nothing of anybody elsewhere

await test('a search is one entry, with how many; so is a read; so is a refusal', async () => {
  const entry = async (...how) => { const r = await raw(...how); const x = cliJson(['audit', 'show', '--last', '40', '--data', server.dir, '--json']).filter((e) => e.req === r.headers['x-request-id']); return x.map((e) => [e.act, e.obj.type, e.out, e.n, e.actor.role].join(' ')); };
  for (const [role, at, want] of [['doctor', 'Patient?_count=3', 'read Patient permit 3 doctor'], ['doctor', 'Patient?family=ross', 'read Patient permit 1 doctor'], ['doctor', `Patient/${anna}`, 'read Patient permit 1 doctor'], ['doctor', 'Patient/7', 'read Patient deny 0 doctor'],
    ['doctor', 'Patient?_id=7', 'read Patient deny 0 doctor'], ['doctor', 'Task?_count=2', 'read Ticket permit 2 doctor'], ['doctor', `Observation?patient=${anna}&code=nothing`, 'read Screening permit 0 doctor'], ['doctor', `RelatedPerson?patient=${anna}`, 'read Contact permit 2 doctor'],
    ['doctor', `Consent/${anna}/_history/1`, 'read Consent permit 1 doctor'], ['monitor', 'Patient', 'read PatientGeneral deny 0 monitor'], ['monitor', 'Observation', 'read Screening permit 1 monitor']])
    same(await entry(role, at), [want], at);
});
await test('the capability statement says what there is: each of it answers, and there is nothing else', async () => {
  const c = kept(await as.doctor.capabilityStatement());
  const said = Object.fromEntries(c.rest[0].resource.map((r) => [r.type, r.interaction.map((x) => x.code).join()]));
  same(said, { AuditEvent: 'search-type,read', OperationDefinition: 'read', GuidanceResponse: 'read', Patient: 'search-type,read', RelatedPerson: 'search-type,read', Observation: 'search-type,read,vread', Task: 'search-type,read', DocumentReference: 'search-type,read', Consent: 'search-type,read,vread', PlanDefinition: 'search-type,read' }, 'resources');
  for (const r of c.rest[0].resource)
    for (const p of r.searchParam ?? []) {
      const role = r.type === 'AuditEvent' ? 'auditor' : 'doctor', value = { date: '2026', reference: anna, token: p.name === 'active' ? 'true' : p.name === 'outcome' ? '0' : '1', string: 'x' }[p.type];
      const q = `${r.type}?${p.name}=${value}${['Patient', 'AuditEvent', 'Task', 'PlanDefinition'].includes(r.type) || ['patient', 'subject', '_id'].includes(p.name) ? '' : `&patient=${anna}`}`;
      same((await raw(role, q)).status, 200, q);
    }
  same([c.fhirVersion, c.kind, c.format], ['4.0.1', 'instance', ['application/fhir+json']], 'statement');
  same((await server.request({ path: '/fhir/R4/metadata' })).status, 200, 'to anybody');
});
await test(`every body was valid FHIR R4`, () => {
  const box = answersFolder('records'), files = bodies.map((b, i) => { const f = path.join(box, `${i}.json`); fs.writeFileSync(f, JSON.stringify(b)); return f; });
  check(files.length > 250, `${files.length} bodies`);
  for (let i = 0; i < files.length; i += 100) {
    const r = cli(['fhir', 'validate', ...files.slice(i, i + 100)]);
    same(r.code, 0, `${r.stdout.slice(0, 3000)}${r.stderr}`);
  }
  console.log(`# ${files.length} bodies`);
});
same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
await test('nothing of anybody is in the log or in a file', () => {
  for (const word of [...canaries, 'quarant', 'family', '_page=']) check(!server.log.includes(word), `the log says ${word}`);
  for (const f of filesBelow(server.dir)) { const bytes = fs.readFileSync(f); for (const word of canaries) check(!bytes.includes(word), `${word} in ${f}`); }
});
done();
