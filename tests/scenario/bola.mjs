#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// bola.mjs   one program's ids in every place where another's can stand; members that no schema has in every object of every body; and what
// a write answers is no more than a read shows to the same role.
import { randomUUID } from 'node:crypto';
import { all, ask, bearer, diagnosis, invite, keys, page as asked, passkey, plain, server, sessions, signIn, things, tokenForm, PASSWORD } from './callers.mjs';
import { check, done, opening, same, test, until } from './lib.mjs';

const bot = { headers: bearer(keys.bot) }, other = { headers: bearer(keys.other) };
const page = { ...asked, 'If-Match': '*' }; // whatever it is by now: who is not to change it is not to know
const doctor = { headers: { ...sessions.doctor, ...page } }, second = { headers: { ...sessions.second, ...page } };
const missing = '01890000-0000-7000-8000-000000000000';

// ---- ids, swapped

// Everything that `other` can see of what is theirs, without times of last use.
const belongings = async () => JSON.stringify([await Promise.all(['/v1/jobs', `/v1/jobs/${things.other.job}`, '/v1/webhook-endpoints', `/v1/webhook-endpoints/${things.other.endpoint}/deliveries`]
  .map(async (at) => plain(await ask('GET', at, other)))), (await ask('GET', '/auth/passkeys', second)).json]);
const before = await belongings();
const ids = { job: things.other.job, endpoint: things.other.endpoint, event: things.other.event, passkey: things.passkey.other };
const places = [['GET', '/v1/jobs/ID'], ['DELETE', '/v1/jobs/ID'], ['POST', '/v1/jobs/ID/cancel'], ['POST', '/v1/jobs/ID/erase'], ['GET', '/v1/jobs/ID/events'],
  ['POST', '/v1/jobs/ID/replay'], ['POST', '/v1/jobs/ID/replay?model=ckd-epi-2021@1.0.0'], ['DELETE', '/v1/webhook-endpoints/ID'], ['POST', '/v1/webhook-endpoints/ID/rotate'],
  ['POST', '/v1/webhook-endpoints/ID/rotate?keep_hours=0'], ['POST', '/v1/webhook-endpoints/ID/enable'], ['GET', '/v1/webhook-endpoints/ID/deliveries'],
  ['POST', '/v1/deliveries/ID/redeliver'], ['DELETE', '/auth/passkeys/ID', doctor]];
await test('in the path: every id of somebody else, of whatever kind, is one that is not there', async () => {
  for (const [method, at, who = bot] of places) {
    const absent = await ask(method, at.replace('ID', missing), who);
    for (const [kind, id] of Object.entries(ids))
      for (const form of [id, id.toUpperCase()])
        same(plain(await ask(method, at.replace('ID', form), who)), plain(await ask(method, at.replace('ID', form === id ? missing : missing.toUpperCase()), who)), `${method} ${at}, ${kind}`);
    same(absent.status, 404, `${method} ${at}: ${absent.text}`);
  }
});
// Medians of many pairs, taken in turn so that whatever else the machine does is in both. A difference counts when it is more than a
// millisecond and than half of the whole, three times one after the other: far less than what opening a record takes under load would be one.
await test('in time: an id of somebody else takes as long as one that is not there', async () => {
  const told = [];
  const took = async (method, at, who) => {
    const begun = performance.now();
    await ask(method, at, who);
    return performance.now() - begun;
  };
  const medians = async (method, at, id, who) => {
    const theirs = [], none = [];
    for (let i = 0; i < 100; i++)
      for (const k of i % 2 ? [0, 1] : [1, 0]) (k ? theirs : none).push(await took(method, at.replace('ID', k ? id : missing), who));
    return [theirs, none].map((list) => list.sort((a, b) => a - b)[list.length >> 1]);
  };
  for (const [method, at, id, who = bot] of [['GET', '/v1/jobs/ID', ids.job], ['GET', '/v1/jobs/ID/events', ids.job], ['POST', '/v1/jobs/ID/erase', ids.job],
    ['POST', '/v1/jobs/ID/replay', ids.job], ['GET', '/v1/webhook-endpoints/ID/deliveries', ids.endpoint], ['DELETE', '/v1/webhook-endpoints/ID', ids.endpoint],
    ['POST', '/v1/deliveries/ID/redeliver', ids.event], ['DELETE', '/auth/passkeys/ID', ids.passkey, doctor]]) {
    let a, b;
    for (let i = 0; i < 3; i++) {
      [a, b] = await medians(method, at, id, who);
      if (Math.abs(a - b) < Math.max(1, Math.min(a, b) / 2)) break;
      check(i < 2, `${method} ${at}: ${a.toFixed(2)} ms for another's id, ${b.toFixed(2)} ms for none`);
    }
    told.push(`${method} ${at} ${a.toFixed(2)} ${b.toFixed(2)}`);
  }
  console.log(`# ms, another's and none: ${told.join('; ')}`);
});
await test('one\'s own ids of another kind are not there either', async () => {
  for (const [method, at, who = bot] of places)
    for (const [kind, id] of Object.entries(things.bot))
      if (!at.includes({ job: '/jobs/', endpoint: '-endpoints/', event: '/deliveries/ID' }[kind]))
        same(plain(await ask(method, at.replace('ID', id), who)), plain(await ask(method, at.replace('ID', missing), who)), `${method} ${at}, ${kind}`);
});
await test('an id that somebody else has is as good as any: it is one\'s own job by that name, and theirs stays theirs', async () => {
  const own = await ask('PUT', `/v1/jobs/${things.bot.job}`, { ...bot, body: diagnosis('bot', { priority: 'stat' }) });
  same(own.status, 409, own.text);
  const id = things.other.job, fresh = randomUUID(), body = diagnosis('bot');
  const [theirs, nobodys] = [await ask('PUT', `/v1/jobs/${id}`, { ...bot, body }), await ask('PUT', `/v1/jobs/${fresh}`, { ...bot, body })];
  same([theirs.status, theirs.json.job_id, theirs.headers.location, Object.keys(theirs.json)], [202, id, `/v1/jobs/${id}`, Object.keys(nobodys.json)], theirs.text);
  same(Object.keys(theirs.headers).sort(), Object.keys(nobodys.headers).sort(), 'headers');
  const again = await ask('PUT', `/v1/jobs/${id}`, { ...bot, body }), changed = await ask('PUT', `/v1/jobs/${id}`, { ...bot, body: diagnosis('bot', { priority: 'stat' }) });
  same([again.headers['idempotent-replayed'], again.headers.location, again.text, changed.status], ['true', `/v1/jobs/${id}`, theirs.text, 409], 'sent again');
  const hers = (await ask('GET', `/v1/jobs/${id}`, other)).json;
  for (const at of [id, fresh]) {
    const done_ = await until(`job ${at}`, async () => { const r = await ask('GET', `/v1/jobs/${at}`, bot); return r.json.status === 'COMPLETED' && r; });
    same([done_.json.job_id, done_.json.created_at === hers.created_at], [at, false], done_.text);
    check((await ask('GET', '/v1/jobs?limit=100', bot)).json.jobs.some((j) => j.job_id === at), 'the list');
    const event = await ask('GET', `/v1/jobs/${at}/events`, bot);
    check(event.text.includes(`"job_id":"${at}"`), event.text);
    const replay = (await ask('POST', `/v1/jobs/${at}/replay`, bot)).json.job_id;
    same((await ask('GET', `/v1/jobs/${replay}`, bot)).json.replay_of, at, 'a replay of it');
    await until('its delivery', async () => (await ask('GET', `/v1/webhook-endpoints/${things.bot.endpoint}/deliveries?limit=100`, bot)).json.deliveries.some((d) => d.job_id === at));
    const erased = await ask('POST', `/v1/jobs/${at}/erase`, bot);
    same([erased.status, erased.json.job_id, (await ask('GET', `/v1/jobs/${at}`, bot)).status], [200, at, 410], erased.text);
  }
  same((await ask('GET', `/v1/jobs/${id}`, other)).json, hers, 'theirs');
  // The store's own id is another one each time, so what the audit log tells a client of its own says nothing either.
  const entries = (await ask('GET', '/api/v1/me/accesses?limit=100', bot)).json.entries.filter((x) => x.obj?.type === 'Job' && x.out === 'permit').map((x) => x.obj.id);
  check(!entries.includes(id) && !entries.includes(fresh), 'an id that was chosen is in the audit log');
});
// Whose home is given to the installer, and every number that each of the three roles has of it.
const nobody = 4503599627370000;
const installer = { headers: { ...sessions.installer, ...page } }, monitor = { headers: { ...sessions.monitor, ...page } };
const of = { doctor, installer, monitor };
const [enrolled, opened] = await opening(Object.keys(of), async (as) => (await ask('GET', '/api/v1/tickets?limit=100', of[as])).json,
  () => ask('POST', '/api/v1/patients', { ...doctor, body: { first_name: 'Bruno', last_name: 'Provvisorio', codice_fiscale: 'STP9876543210987' } }));
same(enrolled.status, 201, enrolled.text);
const numbers = Object.fromEntries(Object.entries(opened).map(([name, t]) => [name, { who: of[name], home: t.patient_id, ticket: t.ticket_id }]));
same((await ask('POST', `/api/v1/tickets/${numbers.installer.ticket}/take`, installer)).status, 200, 'taken');
const homes = [['GET', '/api/v1/installations/ID', 'home'], ['PUT', '/api/v1/installations/ID', 'home', { internet_type: 'dsl' }], ['POST', '/api/v1/installations/ID', 'home', { internet_type: 'dsl' }],
  ['GET', '/api/v1/installations/ID/info', 'home'], ['GET', '/api/v1/installations/ID/tickets', 'home'], ['GET', '/api/v1/installations/ID/documents', 'home'],
  ['GET', '/api/v1/documents/ID', 'document'], ['DELETE', '/api/v1/documents/ID', 'document'], ['POST', '/api/v1/installations/ID/tickets', 'home', { message: { body: 'x' } }],
  ['POST', '/api/v1/tickets?patient_id=ID', 'home', { message: { body: 'x' } }], ['GET', '/api/v1/tickets?cursor=ID', 'ticket'], ['GET', '/api/v1/tickets/ID', 'ticket'], ['GET', '/api/v1/tickets/ID/messages', 'ticket'],
  ['POST', '/api/v1/tickets/ID/messages', 'ticket', { body: 'x' }], ['POST', '/api/v1/tickets/ID/close', 'ticket'], ['POST', '/api/v1/tickets/ID/reopen', 'ticket'],
  ['GET', '/api/v1/installations/ID/sensors', 'home'], ['POST', '/api/v1/installations/ID/sensors', 'home', { kind: 'motion' }], ['GET', '/api/v1/sensors/ID', 'sensor'], ['POST', '/api/v1/sensors/ID/remove', 'sensor'],
  ['GET', '/api/v1/installations/ID/streams', 'home'], ['GET', '/api/v1/streams/ID', 'stream'], ['POST', '/api/v1/streams/ID/close', 'stream'], ['POST', '/api/v1/tickets/ID/take', 'ticket'], ['POST', '/api/v1/tickets/ID/release', 'ticket'], ['GET', '/api/v1/patients/ID', 'person']];
await test('of homes and tickets: each number of another role, and of another kind, is one that is not there', async () => {
  for (const [method, at, kind, body] of homes)
    for (const [role, { who }] of Object.entries(numbers)) {
      const of = (id) => ask(method, at.replace('ID', id), { ...who, body });
      const absent = await of(nobody);
      check([403, 404].includes(absent.status), `${method} ${at}, ${role}: ${absent.status} ${absent.text}`);
      for (const [other, theirs] of Object.entries(numbers))
        for (const is of ['home', 'ticket'])
          if (other !== role || (is !== kind && !(role === 'doctor' && is === 'home'))) same(plain(await of(theirs[is])), plain(absent), `${method} ${at}, ${role}: the ${is} of ${other}`);
    }
  const [t] = (await ask('GET', `/api/v1/installations/${numbers.doctor.home}/tickets`, doctor)).json;
  same([t.status, t.taken, t.ticket_id], ['open', true, numbers.doctor.ticket], 'after all that');
});
await test('in the query: a cursor of somebody else\'s list shows one\'s own', async () => {
  for (let i = 0; i < 2; i++) for (const [name, who] of [['bot', bot], ['other', other]]) same((await ask('POST', '/v1/diagnose', { ...who, body: diagnosis(name) })).status, 202, name);
  const { next } = (await ask('GET', '/v1/jobs?limit=1', other)).json;
  check(next, 'there is no next page');
  const mine = (await ask('GET', '/v1/jobs?limit=100', bot)).json.jobs.map((j) => j.job_id);
  const r = await ask('GET', `/v1/jobs?cursor=${encodeURIComponent(next)}`, bot);
  same([r.status, r.json.jobs.filter((j) => !mine.includes(j.job_id))], [200, []], r.text);
  for (const cursor of [1, 999999999]) same((await ask('GET', `/v1/webhook-endpoints/${things.other.endpoint}/deliveries?cursor=${cursor}`, bot)).status, 404, 'deliveries');
  for (const q of ['client=other', 'client_id=other', 'owner=other', 'scope=x', 'role=operator', 'all=1', 'actor=other']) {
    const { jobs } = (await ask('GET', `/v1/jobs?${q}`, bot)).json;
    if (jobs) same(jobs.filter((j) => !mine.includes(j.job_id)), [], q);
    const { entries } = (await ask('GET', `/api/v1/me/accesses?limit=100&${q}`, bot)).json;
    if (entries) same(entries.filter((x) => x.actor.id !== 'bot'), [], q);
    const seen = (await ask('GET', `/api/v1/audit?limit=100&${q}`, doctor)).json.entries;
    const me = (await ask('GET', '/api/v1/me', doctor)).json.id;
    if (seen) same(seen.filter((x) => x.actor.id !== me), [], q);
  }
});
await test('in the body: nobody is somebody else, and sends nothing to where somebody else receives', async () => {
  for (const [method, at] of [['POST', '/v1/diagnose'], ['PUT', '/v1/jobs/01890000-0000-7000-8000-0000000000aa']]) {
    const theirs = await ask(method, at, { ...bot, body: diagnosis('other') }), nobodys = await ask(method, at, { ...bot, body: diagnosis('nobody') });
    same([theirs.status, plain(theirs)], [403, plain(nobodys)], `${method} ${at}`);
  }
  const r = await ask('POST', '/v1/diagnose', { ...other, body: diagnosis('other', { webhook_url: (await ask('GET', '/v1/webhook-endpoints', bot)).json.endpoints[0].url }) });
  same(r.status, 422, r.text);
  const form = tokenForm('system/*.rs');
  same((await ask('POST', '/auth/token', { body: new URLSearchParams({ ...form, client_id: 'other' }).toString() })).status, 401, 'a token for another client');
});
await test('in Idempotency-Key: somebody else\'s is as new', async () => {
  const made = await ask('POST', '/v1/diagnose', { headers: { ...other.headers, 'Idempotency-Key': 'of other' }, body: diagnosis('other') });
  const mine = (body) => ask('POST', '/v1/diagnose', { headers: { ...bot.headers, 'Idempotency-Key': 'of other' }, body });
  const body = diagnosis('bot'); // it has the time in it
  const [first, again, changed] = [await mine(body), await mine(body), await mine(diagnosis('bot', { priority: 'stat' }))];
  same([first.status, first.headers['idempotent-replayed'], first.json.job_id === made.json.job_id], [202, undefined, false], first.text);
  same([again.headers['idempotent-replayed'], again.json.job_id, changed.status], ['true', first.json.job_id, 422], 'one\'s own');
});
await test('a passkey of somebody else is not registered again, and does not sign in the first', async () => {
  const options = await ask('POST', '/auth/passkey/register/options', second);
  const stolen = await ask('POST', '/auth/passkey/register', { ...doctor, body: { label: 'x', credential: passkey(options.json.challenge, 'a challenge of the second') } });
  same(stolen.status, 401, `another's challenge: ${stolen.text}`);
  const mine = await ask('POST', '/auth/passkey/register/options', doctor);
  const again = await ask('POST', '/auth/passkey/register', { ...doctor, body: { label: 'x', credential: passkey(mine.json.challenge, 'of the second') } });
  same(again.status, 409, again.text);
});
await test('a number of the study is of one kind of thing, and to another role of nothing', async () => {
  const enrol = async (code) => (await ask('POST', '/api/v1/patients', { ...doctor, body: { first_name: 'B', last_name: 'O', codice_fiscale: code, contacts: [{ alias: 'x' }] } })).json;
  const [one, two] = [await enrol('STP5550000000001'), await enrol('STP5550000000002')];
  const consented = await ask('PUT', `/api/v1/patients/${one.patient_id}/consent`, { ...doctor, body: { version: '1', signed_at: '2026-03-01', purposes: ['monitoring'] } });
  same(consented.status, 200, consented.text);
  const monitor = { headers: { ...sessions.monitor, ...page } };
  const data = (await ask('GET', '/api/v1/screenings', monitor)).json.concat({})[0].data_id ?? 7; /* none without a screening */
  const absent = '4503599627370000', edit = { alias: 'y' };
  const forms = [['GET', 'patients/ID'], ['PUT', 'patients/ID', { phone: '1' }], ['DELETE', 'patients/ID'], ['GET', 'patients/ID/contacts'], ['POST', 'patients/ID/contacts', edit], ['PUT', 'patients/ID/contacts', []], ['GET', 'patients/ID/screenings'],
    ['POST', 'patients/ID/screenings', { neuro_diag: 'x' }], ['GET', 'patients/ID/notes'], ['GET', 'patients/ID/consent'], ['PUT', 'patients/ID/consent', { version: '1', signed_at: '2026-03-01', purposes: ['research'] }], ['POST', 'patients/ID/consent/withdraw'],
    ['GET', 'contacts/ID'], ['PUT', 'contacts/ID', edit], ['DELETE', 'contacts/ID']];
  for (const [method, at, body] of forms) {
    const send = async (id) => plain(await ask(method, `/api/v1/${at.replace('ID', id)}`, { ...doctor, body }));
    const none = await send(absent);
    check(none.startsWith('[404'), `${method} ${at}: ${none}`);
    for (const id of at.startsWith('contacts') ? [one.patient_id, data] : [one.contacts[0].id, data]) same(await send(id), none, `${method} ${at}, ${id}`);
  }
  const other = await ask('PUT', `/api/v1/patients/${two.patient_id}/contacts`, { ...doctor, body: [{ id: one.contacts[0].id, alias: 'stolen' }] });
  same([other.status, (await ask('GET', `/api/v1/contacts/${one.contacts[0].id}`, doctor)).json.alias], [422, 'x'], 'a contact of somebody else is not taken over');
  for (const id of [one.patient_id, one.contacts[0].id]) for (const at of ['screenings', 'consent']) same((await ask('GET', `/api/v1/patients/${id}/${at}`, monitor)).status, 404, `the doctor's number, ${at}`);
});
await test('after all this what is somebody else\'s is as it was', async () => {
  const now = JSON.parse(await belongings()), was = JSON.parse(before);
  for (const i of [1, 2]) same(now[0][i], was[0][i], 'the job and the endpoints');
  same(now[1], was[1], 'the passkeys');
});

// ---- members that no schema has

const CANARY = 'canary-7d1f';
const extra = ['role', 'roles', 'scope', 'id', 'job_id', 'client', 'client_name', 'owner', 'staff', 'patient_id', 'rev', 'state', 'status', 'created_at', 'admin', 'approved', 'enabled',
  'webhook_secret', 'secret', 'result', 'replay_of', 'attempts', '__proto__', 'constructor'];
// The JSON of `body` with one more member, first in one of its objects: as text, for __proto__ to be one.
function* injected(body) {
  const text = JSON.stringify(body);
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"' && text[i - 1] !== '\\') inString = !inString;
    if (inString || text[i] !== '{') continue;
    for (const name of extra) yield { at: text.slice(Math.max(0, i - 20), i + 1), name, text: `${text.slice(0, i + 1)}${JSON.stringify(name)}:"${CANARY}"${text[i + 1] === '}' ? '' : ','}${text.slice(i + 1)}` };
  }
}
let injections = 0, patient, contact; // the last two: somebody of the study, and whom to call for them
const pathOf = (route) => route.replace('PATIENT', patient).replace('CONTACT', contact);
// A body each time for those that are good once; `undo` for an answer that made something. Returns how often each status was answered.
async function inject(route, who, make, { ok = [], look = () => '', undo, at = 8 } = {}) {
  const [method, target] = pathOf(route).split(' ');
  const statuses = {};
  await all([...injected(await make())].map((x, i) => [x, i]), async ([x, i]) => {
    const text = undo ? [...injected(await make())][i].text : x.text;
    JSON.parse(text);
    const r = await ask(method, target.replace('ID', randomUUID()), { headers: { ...who.headers, 'Content-Type': 'application/json' }, body: text });
    injections++;
    statuses[r.status] = (statuses[r.status] ?? 0) + 1;
    const where = `${route}: "${x.name}" behind ${x.at}: ${r.status} ${r.text.slice(0, 300)}`;
    check([400, 409, 422, ...ok].includes(r.status), where);
    if (r.status >= 400) return;
    check(!r.text.includes(CANARY) && !(await look(r)).includes(CANARY), `kept: ${where}`);
    await undo?.(r);
  }, at);
  return statuses;
}
await test('a Bundle with members that FHIR has not is refused; one with those that it has says nothing of them', async () => {
  const look = async (r) => (await ask('GET', `/v1/jobs/${r.json.job_id}`, bot)).text;
  for (const route of ['POST /v1/diagnose', 'PUT /v1/jobs/ID']) {
    const s = await inject(route, bot, () => diagnosis('bot'), { ok: [202], look });
    check(s[422] >= extra.length && s[400] > extra.length, JSON.stringify(s));
  }
});
await test('an endpoint, a person, an invitation, a sign-in, a proof and a password with such members are refused, and without them good', async () => {
  const session = { headers: { ...page } }, anybody = { headers: page };
  for (const [route, who, status, body] of [
    ['POST /v1/webhook-endpoints', bot, 201, { url: 'https://ehr.example/x', payload: 'thin' }],
    ['POST /api/v1/patients', doctor, 201, { first_name: 'Olena', last_name: 'Shevchenko', codice_fiscale: 'STP1234567890123', contacts: [{ alias: 'x', phone_no: '1' }] }],
    [`PUT /api/v1/installations/${numbers.installer.home}`, installer, 200, { pets: 'one', internet_type: null }],
    [`POST /api/v1/installations/${numbers.monitor.home}/tickets`, monitor, 201, { message: { body: 'x', sender: 'y' }, category: 'maintenance' }],
    [`POST /api/v1/tickets/${numbers.monitor.ticket}/messages`, monitor, 201, { body: 'x' }],
    ['POST /api/v1/patients/search', doctor, 200, { name: 'olena' }],
    ['PUT /api/v1/patients/PATIENT', doctor, 200, { neuro_diag: 'MCI', home_address: 'x' }],
    ['POST /api/v1/patients/PATIENT/contacts', doctor, 201, { alias: 'x', email: 'x@y.example' }],
    ['PUT /api/v1/patients/PATIENT/contacts', doctor, 200, [{ alias: 'x' }, { alias: 'y' }]],
    ['PUT /api/v1/contacts/CONTACT', doctor, 200, { alias: 'x' }],
    ['POST /api/v1/patients/PATIENT/screenings', doctor, 201, { neuro_diag: 'AD', age_class: '70-79' }],
    ['PUT /api/v1/patients/PATIENT/consent', doctor, 200, { version: '1', signed_at: '2026-03-01', purposes: ['research'] }],
    ['POST /auth/invitation', anybody, 200, { code: invite('ines', 'monitor'), password: PASSWORD }],
    ['POST /auth/invitation/passkey/options', anybody, 200, { code: invite('pia', 'monitor') }],
    ['POST /auth/step-up', session, 204, { password: PASSWORD }],
    ['POST /auth/password', anybody, 200, { name: 'doctors', password: PASSWORD }],
    ['POST /auth/password/change', session, 200, { old: PASSWORD, new: 'hqz4 rnd8 wk3' }]]) {
    same(Object.keys(await inject(route, who, () => body)), ['422'], route);
    const r = await ask(...pathOf(route).split(' '), { ...who, body });
    if (route === 'POST /api/v1/patients') [patient, contact] = [r.json.patient_id, r.json.contacts[0].id];
    if (route.endsWith('PATIENT/contacts') && r.status === 200) contact = r.json[0].id;
    same(r.status, status, `${route} without: ${r.text}`);
    if (route === 'POST /auth/invitation') session.headers.Cookie = r.headers['set-cookie'][0].split(';')[0];
  }
});
await test('a choice of a role with more than it is none', async () => {
  const who = { headers: { ...await signIn('monitors'), ...page } };
  same(Object.keys(await inject('POST /auth/role', who, () => ({ role: 'monitor' }))), ['422'], 'what was answered');
  same((await ask('POST', '/auth/role', { ...who, body: { role: 'monitor' } })).status, 200, 'without');
});
await test('a passkey\'s own members are the browser\'s, and what is not known of them is not kept', async () => {
  const make = async () => ({ label: 'x', credential: passkey((await ask('POST', '/auth/passkey/register/options', doctor)).json.challenge, 'a third') });
  const s = await inject('POST /auth/passkey/register', doctor, make, { ok: [201], at: 1, look: async () => (await ask('GET', '/auth/passkeys', doctor)).text,
    undo: async (r) => same((await ask('DELETE', `/auth/passkeys/${r.json.id}`, doctor)).status, 204, 'undone') });
  check(s[422] >= extra.length && s[201] > 0 && !s[409], JSON.stringify(s));
});
await test('a token\'s form with parameters that are not of it gives what it gives without', async () => {
  for (const name of ['role', 'sub', 'client', 'id', 'exp', 'expires_in', 'aud', 'resource']) {
    const r = await ask('POST', '/auth/token', { body: new URLSearchParams({ ...tokenForm('system/Bundle.c'), [name]: CANARY }).toString() });
    check(!r.text.includes(CANARY), r.text);
    if (r.status === 200) same(r.json.scope, 'system/Bundle.c', name);
  }
});
await test('a member twice is refused', async () => {
  for (const [method, at, who, text] of [['POST', '/auth/role', doctor, '{"role":"doctor","role":"admin"}'], ['POST', '/v1/webhook-endpoints', bot, '{"url":"https://a.example/","url":"https://b.example/"}'],
    ['POST', '/v1/diagnose', bot, `{"client_id":"bot",${JSON.stringify(diagnosis('other')).slice(1)}`], ['POST', '/api/v1/patients', doctor, '{"first_name":"A","first_name":"B","last_name":"C","codice_fiscale":"RSSNNA80A41H501L"}']])
    same((await ask(method, at, { headers: { ...who.headers, 'Content-Type': 'application/json' }, body: text })).status, 422, `${method} ${at}`);
});
await test('nothing of it is anywhere', async () => {
  console.log(`# ${injections} injections`);
  for (const [at, who] of [['/v1/jobs?limit=100', bot], ['/v1/webhook-endpoints', bot], ['/api/v1/patients', doctor], ['/auth/session', doctor], ['/auth/passkeys', doctor], ['/api/v1/me', doctor],
    ['/api/v1/audit?limit=100', { headers: sessions.auditor }]]) {
    const r = await ask('GET', at, who);
    check(r.status === 200 && !r.text.includes(CANARY), `${at}: ${r.status} ${r.text.slice(0, 500)}`);
  }
  same((await ask('GET', '/api/v1/me', doctor)).json.roles, ['doctor'], 'roles');
  check(!server.log.includes(CANARY), 'the log has it');
  same(server.findPlain([CANARY]), [], 'in the clear');
  check(JSON.stringify(server.audit()).includes(CANARY) === false, 'the audit log has it');
});

// ---- a write answers no more than a read shows

function* fields(v, at = '') {
  if (Array.isArray(v)) for (const x of v) yield* fields(x, at);
  else if (v && typeof v === 'object') for (const [k, x] of Object.entries(v)) { yield at + k; yield* fields(x, `${at}${k}.`); }
}
// What is of the write and not of the thing: each with why.
const ofTheWrite = { request_id: 'the request', eta_seconds: 'an estimate, at that moment', links: 'where to read', 'links.self': 'where to read', webhook_secret: 'shown once, and never again',
  old_valid_until: 'shown once, with the secret', erased_at: 'the receipt', audit: 'the receipt', 'audit.index': 'the receipt', 'audit.leaf': 'the receipt' };
function within(write, read, what) {
  check(write.status >= 200 && write.status < 300 && write.json, `${what}: ${write.status} ${write.text}`);
  const may = new Set([...fields(read), ...Object.keys(ofTheWrite)]);
  same([...new Set(fields(write.json))].filter((f) => !may.has(f)), [], what);
}
await test('of jobs and endpoints', async () => {
  const made = await ask('POST', '/v1/diagnose', { ...bot, body: diagnosis('bot') });
  const job = async (id) => (await ask('GET', `/v1/jobs/${id}`, bot)).json;
  within(made, await job(made.json.job_id), 'a job');
  const put = await ask('PUT', '/v1/jobs/01890000-0000-7000-8000-0000000000cc', { ...bot, body: diagnosis('bot') });
  within(put, await job(put.json.job_id), 'a job under an id');
  const again = await ask('POST', `/v1/jobs/${things.bot.job}/replay`, bot);
  within(again, await job(again.json.job_id), 'a job again');
  within(await ask('POST', `/v1/jobs/${things.bot.job}/erase`, bot), { job_id: 0 }, 'an erasure');
  const endpoint = await ask('POST', '/v1/webhook-endpoints', { ...bot, body: { url: 'https://ehr.example/a3' } });
  const list = (await ask('GET', '/v1/webhook-endpoints', bot)).json.endpoints;
  within(endpoint, list, 'an endpoint');
  check(!JSON.stringify(list).includes(endpoint.json.webhook_secret) && !('webhook_secret' in list[0]), 'the secret is shown again');
  within(await ask('POST', `/v1/webhook-endpoints/${endpoint.json.endpoint_id}/rotate`, bot), list, 'a new secret');
});
await test('of somebody of the study, and in every role but the doctor\'s a refusal says nothing of what was sent', async () => {
  const body = { first_name: 'Anna', last_name: 'Rossi', codice_fiscale: 'RSSNNA80A41H501L', home_address: 'Via Glicini 7', phone: '+39 06 7777777', medical_notes: 'stabile', neuro_diag: 'MCI', age_class: '40-49' };
  for (const role of ['installer', 'monitor', 'researcher', 'auditor', 'admin']) {
    const r = await ask('POST', '/api/v1/patients', { headers: { ...sessions[role], ...page }, body });
    same([r.status, Object.keys(r.json).sort()], [403, ['detail', 'request_id']], role);
    for (const v of Object.values(body)) check(!r.text.includes(v), `${role}: ${r.text}`);
  }
  const made = await ask('POST', '/api/v1/patients', { ...doctor, body });
  const at = `/api/v1/patients/${made.json.patient_id}`, read = async (path) => (await ask('GET', path, doctor)).json;
  within(made, await read(at), 'a person');
  within(await ask('PUT', at, { ...doctor, body: { neuro_diag: 'AD' } }), await read(at), 'a person changed');
  const called = await ask('POST', `${at}/contacts`, { ...doctor, body: { alias: 'x' } });
  within(called, await read(`/api/v1/contacts/${called.json.id}`), 'a contact');
  within(await ask('PUT', `/api/v1/contacts/${called.json.id}`, { ...doctor, body: { email: 'y' } }), await read(`/api/v1/contacts/${called.json.id}`), 'a contact changed');
  within(await ask('PUT', `${at}/contacts`, { ...doctor, body: [{ alias: 'z' }] }), await read(`${at}/contacts`), 'contacts');
  within(await ask('POST', `${at}/screenings`, { ...doctor, body: { neuro_diag: 'PD' } }), await read(`${at}/screenings`), 'a screening');
  within(await ask('PUT', `${at}/consent`, { ...doctor, body: { version: '1', signed_at: '2026-03-01', purposes: ['research'] } }), await read(`${at}/consent`), 'a consent');
  within(await ask('POST', `${at}/consent/withdraw`, doctor), await read(`${at}/consent`), 'a consent withdrawn');
  const twice = await ask('POST', '/api/v1/patients', { ...doctor, body });
  same(twice.status, 409, twice.text);
  for (const v of Object.values(body)) check(!twice.text.includes(v), `a conflict repeats what was sent: ${twice.text}`);
});
await test('of homes and tickets', async () => {
  for (const [who, n, body] of [[installer, numbers.installer, { pets: 'two', internet_type: 'fibre', date_start: '2026-03-01' }], [monitor, numbers.monitor, { internet_type: 'dsl', date_end: '2027-03-01' }]]) {
    const put = await ask('PUT', `/api/v1/installations/${n.home}`, { ...who, body });
    within(put, (await ask('GET', `/api/v1/installations/${n.home}`, who)).json, 'a home');
    const made = await ask('POST', `/api/v1/installations/${n.home}/tickets`, { ...who, body: { message: { body: 'x' } } });
    within(made, (await ask('GET', `/api/v1/tickets/${made.json.ticket_id}`, who)).json, 'a ticket');
    within(await ask('POST', `/api/v1/tickets/${made.json.ticket_id}/messages`, { ...who, body: { body: 'y' } }), (await ask('GET', `/api/v1/tickets/${made.json.ticket_id}/messages`, who)).json, 'a message');
    within(await ask('POST', `/api/v1/tickets/${made.json.ticket_id}/close`, who), (await ask('GET', `/api/v1/tickets/${made.json.ticket_id}`, who)).json, 'closed');
  }
});
await test('of sessions and credentials', async () => {
  const session = async (who) => (await ask('GET', '/auth/session', who)).json;
  const headers = { ...await signIn('monitors'), ...page };
  const signed = await ask('POST', '/auth/password', { headers: page, body: { name: 'monitors', password: PASSWORD } });
  within(signed, await session({ headers }), 'a sign-in');
  const chosen = await ask('POST', '/auth/role', { headers, body: { role: 'monitor' } });
  within(chosen, await session({ headers: { ...headers, Cookie: chosen.headers['set-cookie'][0].split(';')[0] } }), 'a role');
  const options = await ask('POST', '/auth/passkey/register/options', second);
  const made = await ask('POST', '/auth/passkey/register', { ...second, body: { label: 'y', credential: passkey(options.json.challenge, 'a fourth') } });
  within(made, (await ask('GET', '/auth/passkeys', second)).json.passkeys, 'a passkey');
});
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
