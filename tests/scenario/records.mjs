#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// records.mjs   a patient's record by the prototype's routes and members, with tokens as Keycloak makes them: enrolled, listed, found, changed,
// contacts, versions, consent, erased. What a client, an insider or an attacker could observe of the prototype's faults has a case each.
import fs from 'node:fs';
import { settings, token } from './issuer.mjs';
import { Server, check, cliJson, contains, done, filesBelow, same, test } from './lib.mjs';

const server = new Server();
await server.start(settings());
// The realm's names of roles, and what else Keycloak puts into a token.
const keycloak = (sub, ...roles) => token(sub, [...roles, 'offline_access', 'uma_authorization', 'default-roles-serenade'], { azp: 'dottori-fe', session_state: 'x', acr: '1', scope: 'openid email profile',
  resource_access: { account: { roles: ['manage-account', 'view-profile'] } }, email_verified: false });
const people = { doc: keycloak('doc', 'dottore'), second: keycloak('second', 'dottore'), iit: keycloak('iit', 'iit'), imt: keycloak('imt', 'imt'), unimi: keycloak('unimi', 'unimi'), dpo: keycloak('dpo', 'dpo'),
  root: keycloak('root', 'admin'), both: keycloak('both', 'dottore', 'unimi') };
async function ask(as, method, at, body, headers = {}) {
  const r = await server.request({ method, path: `/api/v1/${at}`, body: body === undefined ? undefined : JSON.stringify(body),
    headers: { Authorization: `Bearer ${people[as]}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers } });
  return { ...r, json: r.text ? JSON.parse(r.text) : undefined };
}
async function good(status, ...what) {
  const r = await ask(...what);
  same(r.status, status, `${what[0]}: ${what[1]} ${what[2]}: ${r.text.slice(0, 500)}`);
  return r;
}
const members = (x) => Object.keys(x).sort();
const sorted = (x) => Object.fromEntries(members(x).map((k) => [k, x[k]]));
const rossi = { first_name: 'Àurelia', last_name: "Quarantòtti D'Amico", codice_fiscale: 'STP8123456789012', neuro_diag: 'MCI-canary', age_class: '70-79', home_address: 'Via dei Glicini 7',
  contacts: [{ alias: 'Ermenegildo', phone_no: '+39 333 5550199', email: 'gildo@posta.example' }, { alias: 'Dr. Verdi', phone_no: null, email: null }], medical_notes: 'Zephyrine',
  date_join: '2026-03-01T00:00:00.000Z', date_exit: null };
const canaries = ['Àurelia', 'Aurelia', 'AURELIA', 'Quarant', 'QUARANT', 'STP8123456789012', 'Glicini', '5550199', 'Ermenegildo', 'gildo@posta', 'MCI-canary', 'Zephyrine', 'Cypripedium', 'Tigli 9'];
let id, contacts;

await test('what the prototype\'s page sends enrols somebody, and what is answered has the members it shows', async () => {
  const r = await good(201, 'doc', 'POST', 'patients', rossi);
  id = r.json.patient_id;
  ({ contacts } = r.json);
  check(Number.isSafeInteger(id) && id > 0 && id < 2 ** 52, `an id: ${id}`);
  same(contacts.map(({ alias, phone_no, email }) => ({ alias, phone_no, email })), rossi.contacts, 'contacts');
  const read = (await good(200, 'doc', 'GET', `patients/${id}`)).json;
  same(read, r.json, 'a write shows what reading shows');
  for (const [k, v] of Object.entries({ ...rossi, date_join: '2026-03-01' })) if (k !== 'contacts') same(read[k] ?? null, v, k);
  const cf = (await good(201, 'doc', 'POST', 'patients', { first_name: 'Anna', last_name: 'Rossi', codice_fiscale: 'RSSNNA50E57D969K' })).json;
  same([cf.gender, cf.date_of_birth, typeof cf.age], ['female', '1950-05-17', 'number'], JSON.stringify(cf));
  const list = await good(200, 'doc', 'GET', 'patients');
  check(Array.isArray(list.json), list.text);
  same([list.json.length, list.headers['x-total-count'], list.headers.link], [2, '2', undefined], 'the list');
  const one = list.json.find((p) => p.patient_id === id);
  same([one.first_name, one.neuro_diag, one.date_join, /^#[0-9a-f]{6}$/.test(one.hue)], [rossi.first_name, rossi.neuro_diag, '2026-03-01', true], JSON.stringify(one));
  check(!list.text.includes('RSSNNA50E57D969K') && !list.text.includes('Zephyrine'), `a list tells more than it takes to find somebody: ${list.text}`);
});
await test('a field that is changed is what it was changed to, and no other one is (defect 17)', async () => {
  for (const [field, value] of [['neuro_diag', 'AD-canary'], ['age_class', '80-89'], ['home_address', 'Via dei Tigli 9'], ['medical_notes', 'Cypripedium'], ['date_exit', '2026-09-01'], ['date_exit', null], ['first_name', 'Àurelia Maria']]) {
    const before = (await good(200, 'doc', 'GET', `patients/${id}`)).json;
    const r = await good(200, 'doc', 'PUT', `patients/${id}`, { [field]: value });
    const want = { ...before, [field]: value };
    if (value === null) delete want[field];
    same(sorted(r.json), sorted(want), field);
    same((await good(200, 'doc', 'GET', `patients/${id}`)).json, r.json, `${field}, read again`);
  }
  const versions = (await good(200, 'doc', 'GET', `patients/${id}/screenings`)).json;
  same(versions.map((v) => [v.version, v.neuro_diag, v.age_class]), [[3, 'AD-canary', '80-89'], [2, 'AD-canary', '70-79'], [1, 'MCI-canary', '70-79']], 'screenings, the newest first');
  same((await good(200, 'doc', 'GET', `patients/${id}/notes`)).json.map((v) => [v.version, v.medical_notes]), [[2, 'Cypripedium'], [1, 'Zephyrine']], 'notes');
  const page = await good(200, 'doc', 'GET', `patients/${id}/screenings?limit=2`);
  const rest = await server.request({ path: /^<(.*)>; rel="next"$/.exec(page.headers.link)[1], headers: { Authorization: `Bearer ${people.doc}` } });
  same([page.headers['x-total-count'], JSON.parse(rest.text).map((v) => v.version)], ['3', [1]], 'pages of versions');
});
await test('whoever is told who to be by another role reads nothing by writing nothing (defects 8, 10)', async () => {
  for (const as of ['iit', 'imt', 'unimi', 'dpo', 'root'])
    for (const [method, at, body] of [['PUT', `patients/${id}`, {}], ['GET', `patients/${id}`], ['GET', 'patients'], ['POST', 'patients/search', { name: 'aurelia' }], ['GET', `patients/${id}/contacts`], ['PUT', `patients/${id}/contacts`, []],
      ['POST', `patients/${id}/contacts`, { alias: 'x' }], ['GET', `contacts/${contacts[0].id}`], ['PUT', `contacts/${contacts[0].id}`, {}], ['DELETE', `contacts/${contacts[0].id}`], ['GET', `patients/${id}/notes`], ['DELETE', `patients/${id}`]]) {
      const r = await good(403, as, method, at, body);
      same(members(r.json), ['detail', 'request_id'], `${as}: ${method} ${at}`);
    }
  for (const as of ['imt', 'unimi']) await good(404, as, 'GET', `patients/${id}/screenings`); /* the doctor's number says nothing to them */
});
await test('somebody with two roles acts in one of them, the same on every route (defect 11)', async () => {
  for (const at of ['patients', `patients/${id}`, `patients/${id}/screenings`]) contains((await good(403, 'both', 'GET', at)).text, 'Lazaret-Role');
  for (const at of ['patients', `patients/${id}`]) {
    await good(200, 'both', 'GET', at, undefined, { 'Lazaret-Role': 'doctor' });
    await good(403, 'both', 'GET', at, undefined, { 'Lazaret-Role': 'researcher' });
  }
});
await test('a number is of one kind of thing, and of nobody by guessing (defects 9, 12)', async () => {
  const absent = async (as, method, at, body) => { const r = await good(404, as, method, at, body); delete r.json.request_id; return JSON.stringify(r.json); };
  const none = await absent('doc', 'GET', 'contacts/7');
  for (const n of [1, 2, id, id + 1, contacts[0].id + 1]) for (const [method, body] of [['GET'], ['PUT', { alias: 'x' }], ['DELETE']]) same(await absent('doc', method, `contacts/${n}`, body), none, `${method} contacts/${n}`);
  for (const n of [1, contacts[0].id, id - 1]) for (const [method, at, body] of [['GET', ''], ['PUT', '', { phone: '1' }], ['DELETE', ''], ['GET', '/contacts'], ['PUT', '/contacts', []], ['GET', '/screenings'], ['GET', '/notes'], ['GET', '/consent']])
    same(await absent('doc', method, `patients/${n}${at}`, body), none, `${method} patients/${n}${at}`);
  const ids = [];
  for (let i = 0; i < 8; i++) ids.push((await good(201, 'doc', 'POST', 'patients', { first_name: `N${i}`, last_name: 'Provvisorio', codice_fiscale: `ENI${String(2000000000000 + i)}` })).json.patient_id);
  same(ids.filter((n) => ids.some((m) => m !== n && Math.abs(m - n) < 2 ** 30)), [], 'numbers that lie close together');
});
await test('contacts are replaced as a whole or not at all (defect 18)', async () => {
  const was = (await good(200, 'doc', 'GET', `patients/${id}/contacts`)).json;
  for (const bad of [[{ alias: 'x' }, { email: 'e'.repeat(300) }], [{ alias: 'x' }, {}], [{ alias: 'x', patient_id: 7 }], [{ id: 7, alias: 'x' }], [{ ...was[0] }, { ...was[0] }], {}, [7], Array(21).fill({ alias: 'x' })]) {
    await good(422, 'doc', 'PUT', `patients/${id}/contacts`, bad);
    same((await good(200, 'doc', 'GET', `patients/${id}/contacts`)).json, was, 'after a refusal');
  }
  const now = (await good(200, 'doc', 'PUT', `patients/${id}/contacts`, [{ alias: 'Nuova', phone_no: '1' }, { ...was[0], email: null }])).json;
  same(now.map((c) => [c.alias, c.email]), [['Nuova', null], ['Ermenegildo', null]], 'the order is the one that was sent');
  same(now[1].id, was[0].id, 'who stays keeps their number');
  await good(404, 'doc', 'GET', `contacts/${was[1].id}`);
  await good(200, 'doc', 'PUT', `patients/${id}/contacts`, []);
  same((await good(200, 'doc', 'GET', `patients/${id}`)).json.contacts, [], 'none');
  const made = await Promise.all(Array.from({ length: 12 }, (_, i) => good(201, i % 2 ? 'doc' : 'second', 'POST', `patients/${id}/contacts`, { alias: `c${i}` }).catch((e) => e)));
  const there = (await good(200, 'doc', 'GET', `patients/${id}/contacts`)).json;
  const added = made.filter((r) => r.status === 201);
  check(made.every((r) => r.status === 201 || / 409/.test(String(r.message ?? r)) || /got 409/.test(r.message)), made.map((r) => r.message).join('\n'));
  same(there.map((c) => c.id).sort(), added.map((r) => r.json.id).sort(), 'each that was said to be added is there, once');
  same((await good(200, 'doc', 'DELETE', `contacts/${there[0].id}`)).json, there[0], 'the answer is who it was');
  same((await good(200, 'doc', 'PUT', `contacts/${there[1].id}`, { phone_no: '+39 1' })).json, { ...there[1], phone_no: '+39 1' }, 'one member');
});
await test('a half-enrolled person is nowhere: all of it or nothing, and a wrong code is a sentence (defects 15, 16)', async () => {
  const before = (await good(200, 'doc', 'GET', 'patients')).headers['x-total-count'];
  for (const body of [{ first_name: 'A', last_name: 'B', codice_fiscale: 'STP0000000000001', contacts: [{ alias: 'x' }, { email: 'e'.repeat(300) }] }, { first_name: 'A', last_name: 'B', codice_fiscale: 'XXXXXX00X00X000X' },
    { first_name: 'A', last_name: 'B', codice_fiscale: 'STP1' }, { first_name: 'A', last_name: 'B' }, { first_name: 'A', last_name: 'B', codice_fiscale: 'STP0000000000001', date_join: '2026-03-02', date_exit: '2026-03-01' },
    { first_name: 'A', last_name: 'B', codice_fiscale: 'STP0000000000001', contacts: 'none' }])
    await good(422, 'doc', 'POST', 'patients', body);
  const r = await good(200, 'doc', 'GET', 'patients');
  same(r.headers['x-total-count'], before, 'people');
});
await test('a tax code that is there is refused without being said; one that differs by omocodia is somebody else, with a warning (defect 29)', async () => {
  const mario = { first_name: 'Mario', last_name: 'Bianchi', codice_fiscale: 'BNCMRA60A01F205Z' };
  const first = await good(201, 'doc', 'POST', 'patients', mario);
  check(!first.json.warnings, first.text);
  const twice = await good(409, 'doc', 'POST', 'patients', mario);
  for (const part of ['BNCMRA', 'Mario', 'Bianchi', String(first.json.patient_id)]) check(!twice.text.includes(part), twice.text);
  const twin = (await good(201, 'doc', 'POST', 'patients', { ...mario, codice_fiscale: 'BNCMRA60A01F20RU' })).json;
  same([twin.warnings?.length, twin.date_of_birth], [1, '1960-01-01'], JSON.stringify(twin));
  contains(twin.warnings[0], 'omocodia');
  const taken = await good(409, 'doc', 'PUT', `patients/${twin.patient_id}`, { codice_fiscale: mario.codice_fiscale });
  check(!taken.text.includes('BNCMRA'), taken.text);
  const [a, b] = await Promise.all(['doc', 'second'].map((as) => ask(as, 'POST', 'patients', { first_name: 'C', last_name: 'D', codice_fiscale: '12345678903' })));
  same([a.status, b.status].sort(), [201, 409], 'two at the same moment');
  const other = (await good(201, 'doc', 'POST', 'patients', { first_name: 'E', last_name: 'F', codice_fiscale: 'ENI9999999999999' })).json.patient_id;
  await good(200, 'doc', 'PUT', `patients/${other}`, { codice_fiscale: 'ENI9999999999998' });
  await good(201, 'doc', 'POST', 'patients', { first_name: 'G', last_name: 'H', codice_fiscale: 'ENI9999999999999' }); /* it is nobody's any more */
});
await test('of changes to one version one is made, and without a version none is lost', async () => {
  const tag = (await good(200, 'doc', 'GET', `patients/${id}`)).headers.etag;
  check(/^"[0-9.]+"$/.test(tag), tag);
  const race = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(i % 2 ? 'doc' : 'second', 'PUT', `patients/${id}`, { phone: `+39 ${i}` }, { 'If-Match': tag })));
  same(race.map((r) => r.status).sort(), [200, ...Array(7).fill(412)], 'statuses');
  const now = await good(200, 'doc', 'GET', `patients/${id}`);
  const won = race.find((r) => r.status === 200);
  same([now.json, now.headers.etag], [won.json, won.headers.etag], 'what the one was told');
  for (const [header, status] of [['"x"', 412], ['x', 412], [`W/${now.headers.etag}`, 412], [`"x", ${now.headers.etag}`, 200], ['*', 200]]) await good(status, 'doc', 'PUT', `patients/${id}`, { phone: '+39 06 1' }, { 'If-Match': header });
  same((await good(200, 'doc', 'GET', `patients/${id}`)).headers.etag, now.headers.etag.replace(/\.(\d+)\./, (_, n) => `.${Number(n) + 1}.`), 'what changes nothing makes no version');
  const both = await Promise.all([['doc', { home_address: 'Via dei Tigli 9/b' }], ['second', { medical_notes: 'third' }], ['doc', { neuro_diag: 'race' }]].map(([as, body]) => ask(as, 'PUT', `patients/${id}`, body)));
  same(both.map((r) => r.status), [200, 200, 200], 'of different things');
  const all = (await good(200, 'doc', 'GET', `patients/${id}`)).json;
  same([all.home_address, all.medical_notes, all.neuro_diag], ['Via dei Tigli 9/b', 'third', 'race'], 'all of them are there');
});
await test('people are found by the beginnings of their names, however they are written, and are listed in any order', async () => {
  const find = async (name, more = {}) => (await good(200, 'second', 'POST', 'patients/search', { name, ...more })).json.map((p) => p.last_name);
  const q = rossi.last_name;
  for (const words of ['aurelia', 'QUARANT', 'quarantotti', 'd’amico', "d'am", 'maria aur', '  Àur   Quar ']) same(await find(words), [q], words);
  for (const words of ['urelia', 'aureliax', 'aurelia rossi', '7', '%', '_', "' OR 1=1"]) same(await find(words), [], words);
  await good(200, 'doc', 'PUT', `patients/${id}`, { first_name: 'Brunilde' });
  same([await find('aurelia'), await find('brunilde')], [[], [q]], 'after a change');
  same([await find('brunilde', { in_study: false }), await find('brunilde', { in_study: true })], [[], [q]], 'who left');
  for (const [body, field] of [[{}, 'name'], [{ name: '' }, 'name'], [{ name: 'x'.repeat(201) }, 'name'], [{ name: 'x', limit: 0 }, 'limit'], [{ name: 'x', sort: 'x' }, 'body']])
    same((await good(422, 'doc', 'POST', 'patients/search', body)).json.detail[0].loc.at(-1), field, JSON.stringify(body));
  const byName = (p) => [p.last_name.normalize('NFD').toUpperCase().replace(/[^A-Z ]/g, ''), p.first_name.toUpperCase().replace(/[^A-Z ]/g, '')].join(' ');
  const births = new Map();
  for (const p of (await good(200, 'doc', 'GET', 'patients')).json) births.set(p.patient_id, (await good(200, 'doc', 'GET', `patients/${p.patient_id}`)).json.date_of_birth);
  const born = (p) => births.get(p.patient_id);
  same((await good(200, 'doc', 'GET', 'patients?sort=-name&in_study=true')).json.map((p) => p.patient_id), (await good(200, 'doc', 'GET', 'patients?sort=name&in_study=true')).json.map((p) => p.patient_id).reverse(), 'turned round');
  for (const [sort, key] of [['name', byName], ['-name', byName], ['date_join', (p) => p.date_join], ['-date_join', (p) => p.date_join], ['date_of_birth', (p) => born(p)], ['-date_of_birth', (p) => born(p)]]) {
    const seen = [];
    for (let at = `patients?sort=${sort}&limit=4`; at;) {
      const r = await good(200, 'doc', 'GET', at);
      seen.push(...r.json);
      check(r.json.length <= 4, r.text);
      at = /^<\/api\/v1\/(.*)>; rel="next"$/.exec(r.headers.link ?? '')?.[1];
      if (!at) same(Number(r.headers['x-total-count']), seen.length, 'how many there are');
    }
    const keys = seen.map(key).filter((k) => k !== undefined);
    same(keys, sort[0] === '-' ? [...keys].sort().reverse() : [...keys].sort(), sort);
    same(new Set(seen.map((p) => p.patient_id)).size, seen.length, 'nobody twice');
  }
  for (const at of ['patients?sort=first_name', 'patients?in_study=x', 'patients?limit=101', 'patients?cursor=x']) await good(422, 'doc', 'GET', at);
});
let data;
await test('data are read under a pseudonym while somebody consents to it, and not a moment longer', async () => {
  same((await good(200, 'imt', 'GET', 'screenings')).json, [], 'before');
  await good(404, 'doc', 'GET', `patients/${id}/consent`);
  const sheet = { version: '2.1', sheet_sha256: 'ab'.repeat(32), signed_at: '2026-03-01', purposes: ['research'] };
  await good(200, 'doc', 'PUT', `patients/${id}/consent`, sheet);
  same((await good(200, 'imt', 'GET', 'screenings')).json, [], 'consent to something else');
  const c = (await good(200, 'doc', 'PUT', `patients/${id}/consent`, { ...sheet, purposes: ['research', 'monitoring'] })).json;
  same([c.state, c.purposes, c.record, c.version, c.sheet_sha256], ['active', ['monitoring', 'research'], 2, '2.1', sheet.sheet_sha256], 'consent');
  const r = await good(200, 'imt', 'GET', 'screenings');
  same([r.json.length, members(r.json[0]), r.json[0].neuro_diag], [1, ['age_class', 'data_id', 'neuro_diag', 'ts', 'version'], 'race'], r.text);
  data = r.json[0].data_id;
  same((await good(200, 'imt', 'GET', `patients/${data}/screenings`)).json.length, 4, 'its versions');
  const status = await good(200, 'imt', 'GET', `patients/${data}/consent`);
  same(status.json, { state: 'active', purposes: ['monitoring', 'research'] }, 'that they consent, and no more');
  same([status.headers.etag, (await good(200, 'doc', 'GET', `patients/${id}/consent`)).headers.etag], [undefined, '"2"'], 'nor how often they were asked');
  const doctors = [(await good(200, 'doc', 'GET', `patients/${id}`)).text, (await good(200, 'doc', 'GET', 'patients')).text].join();
  check(!doctors.includes(String(data)) && !r.text.includes(String(id)), 'a number that both roles see');
  await good(404, 'doc', 'GET', `patients/${data}`);
  same((await good(200, 'unimi', 'GET', 'screenings')).json, [], 'a researcher of no project');
  for (const [body, field] of [[{}, 'version'], [{ ...sheet, purposes: ['x'] }, 'purposes'], [{ ...sheet, signed_at: '1.3.26' }, 'signed_at'], [{ ...sheet, sheet_sha256: 'ab' }, 'sheet_sha256'], [{ ...sheet, state: 'active' }, 'body']])
    same((await good(422, 'doc', 'PUT', `patients/${id}/consent`, body)).json.detail[0].loc.at(-1), field, JSON.stringify(body));
  // A hundred readers, and a withdrawal in their middle: no permitted read comes behind it in the log.
  let withdrawn;
  const reads = await Promise.all(Array.from({ length: 101 }, async (_, i) => (i === 50
    ? (withdrawn = await good(200, 'doc', 'POST', `patients/${id}/consent/withdraw`)) && undefined
    : { i, ...await ask('imt', 'GET', i % 2 ? 'screenings' : `patients/${data}/screenings`) })));
  same(withdrawn.json.state, 'withdrawn', withdrawn.text);
  const at = Number(withdrawn.headers['lazaret-audit']);
  const told = reads.filter((x) => x && x.text.includes('race'));
  same(told.filter((x) => Number(x.headers['lazaret-audit']) > at).map((x) => x.headers['lazaret-audit']), [], `told behind entry ${at}`);
  same([(await good(200, 'imt', 'GET', 'screenings')).json, (await ask('imt', 'GET', `patients/${data}/screenings`)).status], [[], 404], 'after');
  for (const [method, path, body] of [['POST', `patients/${id}/screenings`, { neuro_diag: 'x' }], ['PUT', `patients/${id}`, { age_class: 'x' }], ['POST', `patients/${id}/consent/withdraw`]]) await good(409, 'doc', method, path, body);
  await good(200, 'doc', 'PUT', `patients/${id}`, { medical_notes: 'Zephyrine again' }); /* treating goes on */
});
await test('every disclosure is one entry that does not say whom it was of, by any name', async () => {
  for (const [as, method, at, body, type, n] of [['doc', 'GET', `patients/${id}/contacts`, undefined, 'Contact', 11], ['doc', 'GET', `patients/${id}/notes`, undefined, 'Note', 4], ['doc', 'GET', `patients/${id}/screenings`, undefined, 'Screening', 4],
    ['doc', 'GET', `patients/${id}/consent`, undefined, 'Consent', 1], ['doc', 'POST', 'patients/search', { name: 'brunilde' }, 'Patient', 1], ['doc', 'PUT', `patients/${id}`, { phone: '+39 2' }, 'Patient', 1], ['imt', 'GET', 'screenings', undefined, 'Screening', 0]]) {
    const r = await good(200, as, method, at, body);
    const [entry] = cliJson(['audit', 'show', '--last', '1', '--data', server.dir, '--json']);
    same([entry.obj.type, entry.out, entry.idx], [type, 'permit', Number(r.headers['lazaret-audit'])], JSON.stringify(entry));
    if (type !== 'Contact') same(entry.n, n, `${at}: ${JSON.stringify(entry)}`);
    check(!JSON.stringify(entry).includes(String(id)), 'the entry has the number the doctor knows them by');
  }
});
await test('what one did oneself is told by the numbers one knows: people, their homes, tickets, contacts', async () => {
  const [ticket] = (await good(200, 'doc', 'GET', `installations/${id}/tickets`)).json, [contact] = (await good(200, 'doc', 'GET', `patients/${id}/contacts`)).json;
  for (const [at, type, number] of [[`patients/${id}`, 'Patient', id], [`patients/${id}/notes`, 'Note', id], [`patients/${id}/consent`, 'Consent', id], [`installations/${id}`, 'Installation', id],
    [`tickets/${ticket.ticket_id}`, 'Ticket', ticket.ticket_id], [`contacts/${contact.id}`, 'Contact', id]]) {
    await good(200, 'doc', 'GET', at);
    const [mine] = (await good(200, 'doc', 'GET', 'me/accesses?limit=1')).json.entries;
    same([mine.obj.type, mine.obj.id], [type, String(number)], at);
  }
});
await test('who was changed since they were read is not erased by whoever says what they read', async () => {
  const one = (await good(201, 'doc', 'POST', 'patients', { first_name: 'I', last_name: 'L', codice_fiscale: 'ENI7777777777777' })).json.patient_id;
  const tag = (await good(200, 'doc', 'GET', `patients/${one}`)).headers.etag;
  for (const [method, at, body] of [['PUT', '', { phone: '+39 7' }], ['PUT', '', { medical_notes: 'x' }], ['POST', '/screenings', { neuro_diag: 'x' }], ['POST', '/contacts', { alias: 'x' }]]) {
    const { etag } = (await good(200, 'doc', 'GET', `patients/${one}`)).headers;
    check((await ask('second', method, `patients/${one}${at}`, body)).status < 300, at);
    await good(412, 'doc', 'DELETE', `patients/${one}`, undefined, { 'If-Match': etag });
  }
  for (const header of ['"x"', tag, `W/${tag}`]) await good(412, 'doc', 'DELETE', `patients/${one}`, undefined, { 'If-Match': header });
  await good(200, 'doc', 'DELETE', `patients/${one}`, undefined, { 'If-Match': `"x", ${(await good(200, 'doc', 'GET', `patients/${one}`)).headers.etag}` });
  await good(404, 'doc', 'DELETE', `patients/${one}`, undefined, { 'If-Match': tag });
});
await test('who is erased is nobody to anybody, and the receipt is in the signed log', async () => {
  const there = (await good(200, 'doc', 'GET', `patients/${id}/contacts`)).json;
  await good(200, 'doc', 'PUT', `patients/${id}/consent`, { version: '2.2', signed_at: '2026-04-01', purposes: ['monitoring'] });
  const races = await Promise.all([ask('doc', 'DELETE', `patients/${id}`), ...Array.from({ length: 6 }, (_, i) => ask('second', 'PUT', `patients/${id}`, { neuro_diag: `late${i}`, phone: `${i}` })),
    ...Array.from({ length: 6 }, (_, i) => ask('second', 'POST', `patients/${id}/contacts`, { alias: `late${i}` }))]);
  const r = races[0];
  same(r.status, 200, r.text);
  check(races.slice(1).every((x) => [200, 201, 404, 409].includes(x.status)), races.map((x) => `${x.status} ${x.text.slice(0, 100)}`).join('\n'));
  same([members(r.json), Number(r.headers['lazaret-audit'])], [['audit', 'erased_at', 'erasure', 'patient_id'], r.json.audit.index], r.text);
  const [entry] = server.audit(100).filter((x) => x.idx === r.json.audit.index);
  same([entry.act, entry.obj, entry.why, entry.out], ['delete', { id: r.json.erasure, type: 'Patient' }, 'erased', 'permit'], JSON.stringify(entry));
  for (const [method, at, body] of [['GET', ''], ['PUT', '', { phone: '1' }], ['DELETE', ''], ['GET', '/contacts'], ['GET', '/notes'], ['GET', '/screenings'], ['GET', '/consent'], ['POST', '/screenings', { neuro_diag: 'x' }]]) await good(404, 'doc', method, `patients/${id}${at}`, body);
  await good(404, 'doc', 'GET', `contacts/${there[0].id}`);
  await good(404, 'imt', 'GET', `patients/${data}/screenings`);
  same([(await good(200, 'imt', 'GET', 'screenings')).json, (await good(200, 'doc', 'POST', 'patients/search', { name: 'brunilde' })).json], [[], []], 'lists');
  const again = (await good(201, 'doc', 'POST', 'patients', rossi)).json; /* the same person may come again, as somebody new */
  check(again.patient_id !== id, 'the number of who was erased');
  await good(200, 'doc', 'DELETE', `patients/${again.patient_id}`);
});
await test('no file, no line of the log and no entry of the audit log says anything of them', async () => {
  same(server.findPlain(canaries), [], 'in the clear');
  const entries = JSON.stringify(server.audit());
  for (const c of canaries) check(!entries.includes(c), `the audit log has ${c}`);
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
  for (const c of canaries) check(!server.log.includes(c), `the log has ${c}`);
  for (const f of filesBelow(server.dir)) for (const c of canaries) check(!fs.readFileSync(f).includes(c), `${c} in ${f}`);
});
done();
