#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 180
// homes.mjs   homes and tickets of the study, as the prototype's clients ask for them, with bearer tokens as Keycloak makes them: installations with
// info and tickets, tickets with messages, close and what follows. Each defect of the prototype that somebody can see has a case that fails on
// it. What two roles can take out has no number and no name in common.
import fs from 'node:fs';
import { settings, token } from './issuer.mjs';
import { fits, mask, secretOf } from './mask.mjs';
import { Server, check, cliJson, contains, done, filesBelow, opening, same, test } from './lib.mjs';

const postgres = process.env.STORE === 'postgres';
const server = new Server();
await server.start(settings());
// As Keycloak says it: realm roles beside its own, azp, a session, scopes; the prototype's names of the roles.
const keycloak = (sub, role) => token(sub, ['default-roles-serenade', 'offline_access', 'uma_authorization', role],
  { azp: 'dottori-fe', aud: ['lazaret', 'account'], sid: 'a1b2', session_state: 'a1b2', acr: '1', scope: 'openid profile email', resource_access: { account: { roles: ['manage-account'] } } });
const people = { doctor: keycloak('dora', 'dottore'), installer: keycloak('ivo', 'iit'), second: keycloak('ida', 'iit'), monitor: keycloak('mia', 'imt'), researcher: keycloak('rita', 'unimi'),
  auditor: keycloak('dario', 'dpo'), admin: keycloak('ada', 'admin') };
const ask = async (as, method, path, body, headers = {}) => {
  const r = await server.request({ method, path: `/api/v1${path}`, body: body && JSON.stringify(body),
    headers: { Authorization: `Bearer ${people[as]}`, ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers } });
  return { ...r, json: r.text ? JSON.parse(r.text) : undefined };
};
const ok = async (as, method, path, body, headers) => {
  const r = await ask(as, method, path, body, headers);
  check(r.status === 200 || r.status === 201, `${as}: ${method} ${path}: ${r.status} ${r.text}`);
  return r.json;
};
const refused = async (status, says, ...how) => {
  const r = await ask(...how);
  same(r.status, status, `${how.slice(0, 3)}: ${r.text}`);
  contains(r.text, says, `${how.slice(0, 3)}`);
  if (status === 409) check(r.headers['lazaret-audit'], `${how.slice(0, 3)}: no entry says that it was tried`);
};
let enrolments = 0;
const opened = {}; // of each of them, the ticket that came with the last home
const enrolled = async (more) => (await ok('doctor', 'POST', '/patients', { first_name: 'Annunziata', last_name: 'Quarantotti', home_address: 'Via dei Glicini 7', phone: '+39 06 5550199',
  codice_fiscale: `STP${String(1000000000000 + enrolments++)}`, date_join: '2026-03-01', ...more })).patient_id;
const staff = ['doctor', 'installer', 'second', 'monitor'];
const listed = (as) => ok(as, 'GET', '/tickets?limit=100');
const enrol = async (more = {}) => {
  const [id, fresh] = await opening(staff, listed, () => enrolled(more));
  return Object.assign(opened, fresh), id;
};
const plain = (r) => JSON.stringify([r.status, { ...r.json, request_id: 0 }]);
const seconds = (from) => (from.endsWith('Z') ? Date.parse(from) / 1000 : NaN);
const anna = await enrol();
const ticket = { ...opened };
const mine = ticket.installer;

// ---- the prototype's flow, from enrolment to the end

await test('with a patient there is a home and its first ticket, at once and as a whole (defect 16)', async () => {
  for (const as of ['doctor', 'installer', 'monitor'])
    same([ticket[as].category, ticket[as].status, ticket[as].last_sender], ['installation', 'open', 'doctor'], as);
  same([(await ok('doctor', 'GET', `/patients/${anna}`)).status, (await ok('doctor', 'GET', `/installations/${anna}`)).status], ['opening', 'opening'], 'status');
  const count = async () => Number((await ask('monitor', 'GET', '/tickets')).headers['x-total-count']);
  const before = await count();
  await refused(409, 'tax code', 'doctor', 'POST', '/patients', { first_name: 'A', last_name: 'B', codice_fiscale: 'STP1000000000000' });
  await refused(422, 'codice_fiscale', 'doctor', 'POST', '/patients', { first_name: 'A', last_name: 'B', codice_fiscale: 'RSSNNA80A41H501X' });
  same(await count(), before, 'who was not enrolled has no ticket');
});
await test('an installer is told of a home that was given to them, while a ticket is open, and of no other', async () => {
  await refused(404, 'not yours', 'installer', 'GET', `/installations/${mine.patient_id}/info`);
  same(await ok('installer', 'GET', '/installations'), [], 'nothing is given yet');
  await ok('installer', 'POST', `/tickets/${mine.ticket_id}/messages`, { body: 'Ci vado domani. Zephyrine', sender: 'qualcun altro' });
  same(await ok('installer', 'GET', `/installations/${mine.patient_id}/info`), { last_name: 'Quarantotti', home_address: 'Via dei Glicini 7', phone: '+39 06 5550199' }, 'info');
  same((await ok('installer', 'GET', '/installations')).map((x) => [x.patient_id, x.status]), [[mine.patient_id, 'opening']], 'given');
  same(await ok('second', 'GET', '/installations'), [], 'not to another');
  for (const [as, status] of [['second', 404], ['monitor', 403], ['researcher', 403], ['auditor', 403], ['admin', 403]])
    same((await ask(as, 'GET', `/installations/${ticket[as]?.patient_id ?? mine.patient_id}/info`)).status, status, as);
});
await test('its details are written once, changed from then on, and a second time breaks nothing (defects 14, 17, 18)', async () => {
  const at = `/installations/${mine.patient_id}`;
  const details = { apartment_type: 'bilocale', internet_type: 'fibra', pets: 'Micifuz', habits_notes: 'dorme fino alle dieci' };
  const made = await ask('installer', 'POST', at, details);
  same([made.status, made.headers.etag], [201, '"2"'], made.text);
  await refused(409, 'change them with PUT', 'installer', 'POST', at, details);
  for (const as of ['installer', 'doctor', 'monitor']) same((await ask(as, 'GET', `/installations/${as === 'doctor' ? anna : ticket[as].patient_id}`)).status, 200, `${as}, after that`);
  await ok('installer', 'PUT', at, { internet_type: 'adsl' });
  const { apartment_type, internet_type, pets } = await ok('installer', 'GET', at);
  same([apartment_type, internet_type, pets], ['bilocale', 'adsl', 'Micifuz'], 'what was left out stays, what was sent is so');
  same((await ok('doctor', 'GET', `/installations/${anna}`)).pets, 'Micifuz', 'a doctor');
});
await test('a change names what it was made from, if it says so (RFC 9110)', async () => {
  const at = `/installations/${mine.patient_id}`, { etag } = (await ask('installer', 'GET', at)).headers;
  const [one, two] = await Promise.all(['a', 'b'].map((visitors) => ask('installer', 'PUT', at, { visitors }, { 'If-Match': etag })));
  same([one.status, two.status].sort(), [200, 412], `${one.text} ${two.text}`);
  await refused(412, 'read it again', 'installer', 'PUT', at, { visitors: 'c' }, { 'If-Match': etag });
  await refused(412, 'read it again', 'installer', 'PUT', at, { visitors: 'c' }, { 'If-Match': `W/${etag}` });
  same((await ask('installer', 'PUT', at, { visitors: 'c' }, { 'If-Match': '*' })).status, 200, 'any');
  const { headers } = await ask('installer', 'GET', at);
  same((await ask('installer', 'PUT', at, { visitors: null }, { 'If-Match': `"7", ${headers.etag}` })).status, 200, 'one of two');
});
await test('many changes at once, and none is lost', async () => {
  const at = `/installations/${mine.patient_id}`;
  const sent = { flatmates: 'one', pets: 'Micifuz', visitors: 'a nurse', appliances: 'oven' };
  const all = await Promise.all(Object.entries(sent).map(([k, v]) => ask('installer', 'PUT', at, { [k]: v })));
  same(all.map((r) => r.status), [200, 200, 200, 200], all.map((r) => r.text).join());
  const now = await ok('installer', 'GET', at);
  for (const [k, v] of Object.entries(sent)) same(now[k], v, k);
});
await test('who writes is whose session it is: a sender that is sent is passed over (defect 26)', async () => {
  for (const sender of ['doctor', '~serenade', '', null, 7]) await ok('monitor', 'POST', `/tickets/${ticket.monitor.ticket_id}/messages`, { body: 'Arrivano i dati?', sender });
  await ok('installer', 'POST', `/tickets/${mine.ticket_id}/messages`, { body: 'Sì.' });
  const seen = await ok('monitor', 'GET', `/tickets/${ticket.monitor.ticket_id}/messages`);
  same(seen.map((m) => [m.sender, m.mine]), [['doctor', false], ['installer', false], ...Array(5).fill(['monitor', true]), ['installer', false]], 'senders');
  same((await ok('installer', 'GET', `/tickets/${mine.ticket_id}/messages`)).map((m) => m.mine), [false, true, ...Array(5).fill(false), true], 'to an installer');
  same(seen.map((m) => m.number), [1, 3, 4, 5, 6, 7, 8, 9], 'that it was taken stands between');
});
await test('closed it takes no message, is not closed again, and can be opened again (defect 20)', async () => {
  const at = `/tickets/${mine.ticket_id}`;
  same((await ok('installer', 'POST', `${at}/close`)).status, 'closed', 'closed');
  await refused(409, 'closed already', 'monitor', 'POST', `/tickets/${ticket.monitor.ticket_id}/close`);
  await refused(409, 'reopen it first', 'installer', 'POST', `${at}/messages`, { body: 'E poi' });
  await refused(404, 'not yours', 'installer', 'GET', `/installations/${mine.patient_id}/info`);
  const { status, date_start, date_end } = await ok('doctor', 'GET', `/installations/${anna}`);
  same([status, Math.abs(seconds(date_start) - Date.now() / 1000) < 60, date_end], ['open', true, undefined], 'since it was closed, sensors work');
  same((await ok('monitor', 'POST', `/tickets/${ticket.monitor.ticket_id}/reopen`)).status, 'open', 'open again');
  await refused(409, 'is open', 'installer', 'POST', `${at}/reopen`);
  await ok('installer', 'GET', `/installations/${mine.patient_id}/info`);
  same((await ok('installer', 'GET', at)).history.map((x) => [x.what, x.sender]), [['reopened', 'monitor'], ['closed', 'installer'], ['taken', 'installer']], 'its history');
  const { etag } = (await ask('installer', 'GET', at)).headers;
  await ok('installer', 'POST', `${at}/close`, undefined, { 'If-Match': etag });
  await refused(412, 'read it again', 'installer', 'POST', `${at}/reopen`, undefined, { 'If-Match': etag });
});
await test('written by many at the same moment, every message is there, with a number of its own', async () => {
  await enrol();
  const { installer: i, monitor: m } = opened;
  const all = await Promise.all(Array.from({ length: 12 }, (_, n) => ask(n % 2 ? 'installer' : 'monitor', 'POST', `/tickets/${(n % 2 ? i : m).ticket_id}/messages`, { body: `${n}` })));
  same(all.map((r) => r.status), Array(12).fill(201), all.map((r) => r.text).join());
  const seen = await ok('monitor', 'GET', `/tickets/${m.ticket_id}/messages`);
  same([new Set(seen.map((x) => x.number)).size, seen.slice(1).map((x) => Number(x.body)).sort((a, b) => a - b)], [13, Array.from({ length: 12 }, (_, n) => n)], 'messages');
});
await test('closed at the same moment by two, it is closed by one', async () => {
  await enrol();
  const { installer: i, monitor: m } = opened;
  const both = await Promise.all([ask('installer', 'POST', `/tickets/${i.ticket_id}/close`), ask('monitor', 'POST', `/tickets/${m.ticket_id}/close`)]);
  same(both.map((r) => r.status).sort(), [200, 409], both.map((r) => r.text).join());
  const said = await Promise.all(['installer', 'monitor'].map(async (as) => (await ok(as, 'GET', `/tickets/${(as === 'monitor' ? m : i).ticket_id}`)).history.length));
  same(said, [1, 1], 'the history');
});
await test('taken at the same moment by two, it is taken by one', async () => {
  await enrol();
  const { installer: i, second: s } = opened;
  same(i.ticket_id, s.ticket_id, 'one role has one number');
  const both = await Promise.all(['installer', 'second'].map((as) => ask(as, 'POST', `/tickets/${i.ticket_id}/take`)));
  same(both.map((r) => r.status).sort(), [200, 409], both.map((r) => r.text).join());
  const infos = await Promise.all(['installer', 'second'].map((as) => ask(as, 'GET', `/installations/${i.patient_id}/info`)));
  same(infos.map((r) => r.status), both.map((r) => (r.status === 200 ? 200 : 404)), 'and the home goes with it');
});
await test('homes are listed by what they are like, each page of them, and a total of these', async () => {
  const pages = async (as, query) => {
    const seen = [];
    for (let next = `/installations?limit=2${query}`; next;) {
      const r = await ask(as, 'GET', next);
      same(r.status, 200, `${next}: ${r.text}`);
      seen.push(...r.json);
      if (!r.headers.link) same(Number(r.headers['x-total-count']), seen.length, `${as}: total of ${query}`);
      next = r.headers.link && /^<\/api\/v1(.*)>; rel="next"$/.exec(r.headers.link)[1];
    }
    return seen.map((h) => [h.patient_id, h.status]);
  };
  const ticket = opened.installer.ticket_id; // a home of each kind, of which one is given to nobody
  await ok('installer', 'POST', `/tickets/${ticket}/close`).catch(() => 0);
  await enrol();
  for (const as of ['doctor', 'installer', 'monitor']) {
    const all = await pages(as, '');
    check(new Set(all.map(([, s]) => s)).size > (as === 'installer' ? 0 : 1), `${as}: all homes are alike`);
    for (const status of ['opening', 'open', 'pause', 'closing', 'closed', 'unknown']) same(await pages(as, `&status=${status}`), all.filter(([, s]) => s === status), `${as}: ${status}`);
  }
  await refused(422, "'opening'", 'doctor', 'GET', '/installations?status=lost');
});
await test('tickets are listed by state, category and who has taken them, each page of them, and a total of what was asked for', async () => {
  const all = async (as, query) => {
    const seen = [];
    for (let next = `/tickets?limit=2${query}`; next;) {
      const r = await ask(as, 'GET', next);
      same(r.status, 200, `${next}: ${r.text}`);
      seen.push(...r.json);
      same(Number(r.headers['x-total-count']) >= seen.length, true, 'total');
      if (!r.headers.link) same(Number(r.headers['x-total-count']), seen.length, `total of ${query}`);
      next = r.headers.link && /^<\/api\/v1(.*)>; rel="next"$/.exec(r.headers.link)[1];
    }
    return seen;
  };
  const whole = await all('installer', '');
  check(whole.length > 3 && whole.some((t) => t.mine) && whole.some((t) => !t.mine), 'tickets of all kinds');
  for (const [query, is] of [['&mine=true', (t) => t.mine], ['&state=open', (t) => t.status === 'open'], ['&category=installation', (t) => t.category === 'installation'],
    ['&category=uninstallation', () => false], ['&mine=true&state=open&category=installation', (t) => t.mine && t.status === 'open' && t.category === 'installation']])
    same((await all('installer', query)).map((t) => t.ticket_id), whole.filter(is).map((t) => t.ticket_id), query);
  const home = whole.find((t) => t.mine).patient_id;
  same((await ok('installer', 'GET', `/installations/${home}/tickets?mine=true&category=installation`)).map((t) => t.ticket_id),
    whole.filter((t) => t.mine && t.patient_id === home && t.category === 'installation').map((t) => t.ticket_id), 'of one home');
});
await test('a doctor lists the people of one status, in any order, a page at a time', async () => {
  for (const sort of ['-date_join', 'date_join', 'name', '-date_of_birth']) {
    const everybody = await ok('doctor', 'GET', `/patients?sort=${sort}`);
    for (const status of ['opening', 'open', 'pause', 'closing', 'closed', 'unknown']) {
      const want = everybody.filter((p) => p.status === status).map((p) => p.patient_id), got = [];
      for (let at = `/patients?sort=${sort}&status=${status}&limit=2`; at;) {
        const r = await ask('doctor', 'GET', at);
        same([r.status, r.headers['x-total-count']], [200, String(want.length)], r.text);
        got.push(...r.json.map((p) => p.patient_id));
        at = /<\/api\/v1([^>]+)>; rel="next"/.exec(r.headers.link ?? '')?.[1];
      }
      same(got, want, `${sort} ${status}`);
    }
  }
  await refused(422, 'opening, open, pause', 'doctor', 'GET', '/patients?status=Quarantotti');
});
await test('what a list does not know, or is told twice, is refused with what it takes, and not repeated', async () => {
  for (const [as, path, says] of [['monitor', '/tickets?status=open', 'this list takes limit, cursor, state, category, mine'], ['monitor', '/installations?Quarantotti=1', 'takes limit, cursor, status'],
    ['doctor', '/patients?name=Quarantotti', 'this list takes limit, cursor, sort, in_study, status'], ['doctor', '/patients?limit=2&limit=3', 'given twice'], ['monitor', '/tickets?category=other', 'uninstallation'],
    ['monitor', '/tickets?mine=no', 'true, or be left out']]) {
    const r = await ask(as, 'GET', path);
    same(r.status, 422, `${path}: ${r.text}`);
    contains(r.text, says, path);
    check(!r.text.includes('Quarantotti'), 'it is repeated');
  }
});
await test('a monitor opens tickets, takes homes away, and never learns where they are', async () => {
  const at = `/installations/${ticket.monitor.patient_id}`;
  const [broken, { installer: i }] = await opening(['installer'], listed, () => ok('monitor', 'POST', `${at}/tickets`, { message: { body: 'Un sensore tace.', sender: 'imt' }, category: 'maintenance' }));
  same([broken.status, broken.category, broken.taken, (await ok('doctor', 'GET', `/patients/${anna}`)).status], ['open', 'maintenance', false, 'pause'], 'opened');
  await ok('installer', 'POST', `/tickets/${i.ticket_id}/take`);
  await refused(409, 'somebody else', 'second', 'POST', `/tickets/${i.ticket_id}/release`);
  await ok('monitor', 'POST', `/tickets/${broken.ticket_id}/release`);
  await refused(404, 'not yours', 'installer', 'GET', `/installations/${mine.patient_id}/info`);
  await ok('monitor', 'POST', `/tickets/${broken.ticket_id}/close`);
  const end = await ok('monitor', 'POST', `/tickets?patient_id=${ticket.monitor.patient_id}`, { message: { body: 'Fine.' }, category: 'uninstallation' });
  const home = await ok('monitor', 'GET', at);
  same([home.status, home.date_end?.slice(10)], ['closing', 'T00:00:00.000000Z'], 'the end, to the day');
  same(Object.keys(home).sort(), ['date_delta', 'date_end', 'date_start', 'hue', 'internet_type', 'patient_id', 'status'], 'what a monitor sees');
  await ok('monitor', 'POST', `/tickets/${end.ticket_id}/close`);
  same((await ok('doctor', 'GET', `/patients/${anna}`)).status, 'closed', 'closed');
});

// ---- what the prototype did wrong

const numbersOf = (v, at = '') => (Array.isArray(v) ? v.flatMap((x) => numbersOf(x, at)) : v && typeof v === 'object' ? Object.entries(v).flatMap(([k, x]) => numbersOf(x, k)) : [[at, v]]);
// Everything a role can take out of homes and tickets, page by page.
async function dump(as) {
  const all = [];
  for (const list of ['/installations', '/tickets']) {
    for (let at = `${list}?limit=2`; at;) {
      const r = await ask(as, 'GET', at);
      same(r.status, 200, r.text);
      all.push(r.json);
      at = /<\/api\/v1([^>]+)>; rel="next"/.exec(r.headers.link ?? '')?.[1];
    }
  }
  for (const t of all.flat().filter((x) => x.ticket_id)) all.push(await ok(as, 'GET', `/tickets/${t.ticket_id}`), await ok(as, 'GET', `/tickets/${t.ticket_id}/messages`), await ok(as, 'GET', `/installations/${t.patient_id}/tickets`));
  for (const h of all.flat().filter((x) => x.patient_id && !x.ticket_id)) all.push(await ok(as, 'GET', `/installations/${h.patient_id}`));
  return numbersOf(all);
}
await test('what two roles take out has no number, no name and no exact time in common (defects 5, 7; A5)', async () => {
  const known = { number: 'a place in a ticket', hue: 'made of a number that is compared', date_delta: 'seconds since a time that is cut' };
  const taken = {};
  for (const as of ['doctor', 'installer', 'monitor']) taken[as] = (await dump(as)).filter(([k]) => !known[k]);
  for (const [a, b] of [['doctor', 'installer'], ['doctor', 'monitor'], ['installer', 'monitor']]) {
    const ids = (as) => new Set(taken[as].filter(([, v]) => typeof v === 'number').map(([, v]) => v));
    check(ids(a).size > 4 && ids(b).size > 4, 'too little was taken out');
    same([...ids(a)].filter((v) => ids(b).has(v)), [], `numbers of ${a} and ${b}`);
  }
  const times = (as, unit) => taken[as].filter(([, v]) => /^\d{4}-\d\d-\d\dT/.test(v) && seconds(v) % unit);
  same([times('installer', 60), times('monitor', 60), times('doctor', 1)], [[], [], []], 'times that are not cut');
  same(times('monitor', 86400).filter(([k]) => k === 'date_start' || k === 'date_end'), [], 'a monitor: of homes the day');
  for (const as of ['installer', 'monitor']) check(!JSON.stringify(taken[as]).includes('Annunziata') && !JSON.stringify(taken[as]).includes('Glicini'), `${as} is told who or where`);
});
await test('from what two roles call one home does not follow what they call another; of the prototype\'s mask it did (defect 5)', async () => {
  const follows = (pairs) => {
    const secret = secretOf(...pairs[0]);
    return secret !== undefined && pairs.slice(1).every(([a, b]) => fits(a, b, secret));
  };
  const numbers = [];
  for (let i = 0; i < 3; i++) numbers.push([await enrol(), opened.installer.patient_id, opened.monitor.patient_id]);
  check(follows(numbers.map(([d]) => [d, mask(d, 1234567890123457n)])), 'the attack does not find what it is for');
  for (const [a, b] of [[0, 1], [0, 2], [1, 2]]) check(!follows(numbers.map((n) => [n[a], n[b]])), `${a} and ${b}`);
});
await test('a hue is made of the caller\'s own number (defect 7)', async () => {
  const hues = {};
  for (const as of ['doctor', 'installer', 'monitor']) {
    const of = new Map();
    for (const t of [...await ok(as, 'GET', '/tickets'), ...await ok(as, 'GET', '/installations')]) {
      check(/^#[0-9a-f]{6}$/.test(t.hue), `a hue: ${t.hue}`);
      same(of.get(t.patient_id) ?? t.hue, t.hue, 'one number, one hue');
      of.set(t.patient_id, t.hue);
    }
    hues[as] = [...of.values()];
  }
  for (const [a, b] of [['doctor', 'installer'], ['doctor', 'monitor'], ['installer', 'monitor']])
    same(hues[a].filter((h) => hues[b].includes(h)), [], `hues that ${a} and ${b} both see`);
});
await test('numbers of people say nothing to an installer, nor theirs to anybody else (defects 8, 9)', async () => {
  const absent = plain(await ask('installer', 'GET', '/installations/4503599627370000'));
  for (const id of [anna, ticket.monitor.patient_id, ticket.doctor.ticket_id, mine.ticket_id]) same(plain(await ask('installer', 'GET', `/installations/${id}`)), absent, `${id}`);
  for (const n of [anna, mine.patient_id, mine.ticket_id, ticket.monitor.patient_id, ticket.monitor.ticket_id]) check(Number.isSafeInteger(n) && n > 0 && n < 2 ** 52, `${n}`);
});
await test('nobody reads by writing: an empty change answers what reading does (defect 10)', async () => {
  check([403, 405].includes((await ask('installer', 'PUT', `/patients/${anna}`, {})).status), 'an installer changes a patient');
  const at = `/installations/${ticket.monitor.patient_id}`;
  same(Object.keys(await ok('monitor', 'PUT', at, {})).sort(), Object.keys(await ok('monitor', 'GET', at)).sort(), 'a monitor');
  await refused(404, 'not yours', 'second', 'PUT', `/installations/${mine.patient_id}`, {});
});
await test('who holds two roles acts in one, on every route the same (defect 11)', async () => {
  people.two = token('duo', ['dottore', 'imt'], { azp: 'dottori-fe' });
  for (const path of ['/installations', '/tickets', `/installations/${anna}`]) {
    await refused(403, 'choose one', 'two', 'GET', path);
    const seen = await Promise.all(['doctor', 'monitor'].map((role) => ask('two', 'GET', path, undefined, { 'Lazaret-Role': role })));
    same([seen[0].status, seen[1].status], [200, path.endsWith(String(anna)) ? 404 : 200], path);
  }
});
await test('the clients of other programs, and answers of the provider, are none of ours (defect 13)', async () => {
  people.other = token('ivo', ['iit'], { aud: 'wewe', azp: 'wewe' });
  const r = await ask('other', 'GET', '/tickets');
  same(r.status, 401, r.text);
  check(!/<html|active|keycloak/i.test(r.text), r.text);
});
await test('a home about which nothing was written, and one without anything, break no list (defects 15, 18)', async () => {
  await enrol({ home_address: undefined, phone: undefined });
  for (const as of ['doctor', 'installer', 'monitor']) for (const list of ['/installations', '/tickets']) same((await ask(as, 'GET', list)).status, 200, `${as} ${list}`);
});
await test('lists go page by page, show each once and say how many there are (defect 19)', async () => {
  for (let i = 0; i < 30; i++) await enrol();
  const lists = [];
  for (const as of ['doctor', 'monitor']) {
    const seen = [];
    for (let at = '/installations?limit=7'; at;) {
      const r = await ask(as, 'GET', at);
      same(r.status, 200, r.text);
      seen.push(...r.json.map((x) => x.patient_id));
      same(Number(r.headers['x-total-count']), enrolments, 'how many there are');
      at = /<\/api\/v1([^>]+)>; rel="next"/.exec(r.headers.link ?? '')?.[1];
    }
    same([seen.length, new Set(seen).size], [enrolments, enrolments], as);
    lists.push(seen);
  }
  same(lists[1], [...lists[1]].sort((a, b) => a - b), 'in the order of numbers that nobody else has');
  const closed = await ok('doctor', 'GET', '/tickets?state=closed&limit=2'), r = await ask('doctor', 'GET', '/tickets?state=closed&limit=2');
  check(closed.every((t) => t.status === 'closed') && r.headers.link.includes('state=closed'), r.headers.link);
});
await test('every look is one entry of the audit log that does not say whom it was about (defect 30)', async () => {
  for (const [as, path, type, n] of [['monitor', '/installations?limit=3', 'Installation', 3], ['monitor', '/tickets?limit=3', 'Ticket', 3], ['monitor', `/installations/${ticket.monitor.patient_id}`, 'Installation', 1],
    ['monitor', `/tickets/${ticket.monitor.ticket_id}`, 'Ticket', 1], ['monitor', `/tickets/${ticket.monitor.ticket_id}/messages?limit=3`, 'TicketEntry', 3], ['doctor', `/installations/${anna}/info`, 'PatientGeneral', 1]]) {
    const r = await ask(as, 'GET', path), [entry] = cliJson(['audit', 'show', '--last', '1', '--data', server.dir, '--json']);
    same(r.status, 200, r.text);
    same([entry.act, entry.obj.type, entry.out, entry.n, entry.actor.role, entry.idx], ['read', type, 'permit', n, as, Number(r.headers['lazaret-audit'])], JSON.stringify(entry));
    for (const own of [anna, ticket.monitor.patient_id, ticket.monitor.ticket_id]) check(!JSON.stringify(entry).includes(String(own)), 'a number of a role');
  }
  same((await ask('monitor', 'GET', '/tickets/7')).status, 404, 'absent');
  const [entry] = cliJson(['audit', 'show', '--last', '1', '--data', server.dir, '--json']);
  same([entry.out, entry.why, entry.obj.type], ['deny', 'absent', 'Ticket'], 'that somebody tried');
});
await test('what is wrong is said with how to mend it, and not repeated', async () => {
  for (const [body, says] of [[{ message: {} }, 'Field required'], [{ message: { body: '' } }, '1 to 8000'], [{ message: { body: 'x'.repeat(8001) } }, '1 to 8000'], [{ message: { body: 'Zephyr\u0007' } }, 'control'],
    [{}, 'Field required'], [{ message: { body: 'x' }, category: 'party' }, "'maintenance'"], [{ message: { body: 'x' }, patient_id: 7 }, 'Extra inputs']]) {
    const r = await ask('monitor', 'POST', `/installations/${ticket.monitor.patient_id}/tickets`, body);
    same(r.status, 422, r.text);
    contains(r.text, says, JSON.stringify(body).slice(0, 60));
    check(!r.text.includes('party') && !r.text.includes('Zephyr'), r.text);
  }
  for (const [path, says] of [['/tickets?limit=0', '1 to 100'], ['/tickets?state=lost', "'open'"], ['/installations?cursor=x', 'a number that'], ['/tickets/x', 'a number that']]) await refused(422, says, 'monitor', 'GET', path);
  const long = 'x'.repeat(8000);
  await ok('monitor', 'POST', `/tickets/${opened.monitor.ticket_id}/messages`, { body: long });
  same((await ok('monitor', 'GET', `/tickets/${opened.monitor.ticket_id}/messages`)).at(-1).body.length, 8000, 'the longest');
});
await test('no page of another origin is let in with what is told here (defect 25)', async () => {
  const r = await ask('monitor', 'GET', '/tickets', undefined, { Origin: 'https://evil.example' });
  same([r.headers['access-control-allow-origin'], r.headers['access-control-allow-credentials'], r.headers['cache-control']], [undefined, undefined, 'no-store'], 'headers');
});
await test('no file and no line of the log says anything of a home or of what was written', async () => {
  same((await server.stop()).code, 0, 'exit');
  const places = [...filesBelow(server.dir).map((f) => [f, fs.readFileSync(f)]), ['the log', Buffer.from(server.log)]];
  check(places.some(([f]) => postgres || f.endsWith('db')), 'no file was read');
  for (const [where, bytes] of places) for (const c of ['Quarantotti', 'Glicini', 'Micifuz', 'Zephyrine', 'dorme fino', 'sensore tace']) check(!bytes.includes(c), `${c} in ${where}`);
});
done();
