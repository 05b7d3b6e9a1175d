#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 480
// matrix.mjs   every route, every method, every kind of caller, every kind of object: the answer is the one that a person typed here.
//
// What is expected comes from the study's table of roles and entities (one line of it stands before the rows it is about; R read, W write,
// blank: nothing) and from docs/operating.md, never from src/policy: two people wrote the same rules down, and this holds one against the
// other. A route without a row here fails, and a row without a route.
import fs from 'node:fs';
import path from 'node:path';
import { all, ask, bearer, callers, diagnosis, keys, page as asked, plain, roles, server, sessions, signIn, things } from './callers.mjs';

const page = { ...asked, 'If-Match': '*' }; /* whatever it is by now: a change that says no version is another test's */
import { check, cliJson, done, opening, same, test, top, until } from './lib.mjs';

const anybody = 'anybody';       /* public: the same answer whoever asks, and a wrong key does no harm */
const ownPage = 'page';          /* so, too, but what changes something must come from a page of this server: X-Lazaret */
const browser = 'browser';       /* whoever has a session, whatever the role; to everybody else 401 */
const account = 'account';       /* so, too, but somebody signed in another way is told 403 */
const everyone = `client ${roles.join(' ')}`;
// id: what stands in the path: [missing, malformed, another's (if there is such)] and what each is answered to who may ask, where it is not 404.
const job = { id: ['01890000-0000-7000-8000-000000000000', 'seven', things.other.job], malformed: 422 };
const endpoint = { ...job, id: [job.id[0], 'seven', things.other.endpoint] };
const event = { ...job, id: [job.id[0], 'seven', things.other.event] };
const person = { id: ['4503599627370000', 'seven'], malformed: 422 };
const record = { id: ['4503599627370000', 'seven'] };
const key = { ...job, id: [job.id[0], 'seven', things.passkey.other] };
const glass = { id: [job.id[0], 'seven'], malformed: 422 };
const entry = { id: ['4503599627370000', 'seven'] };
const tile = { id: ['x999/999', 'seven'] };
const staffer = { id: [job.id[0], 'seven'], malformed: 422 };
const file = { id: ['nothing.js', '%2e%2e%2fdata.key'] };
const role = (c) => ({ role: c.is === 'monitor' ? 'doctor' : 'monitor' }); /* one they do not hold: changes nothing */

// route, who may, what the plain request is answered to who may (the body is {}, or an empty form), and: scope, a program's token needs it; id
const table = [
  // operating.md, Looking: /health, /readyz, /metrics; the API as a page
  ['GET /health', anybody, 200],
  ['GET /readyz', anybody, 200],
  ['GET /metrics', anybody, 200],
  ['GET /openapi.json', anybody, 200],
  ['GET /v1/openapi.json', anybody, 200],
  ['GET /docs', anybody, 200],
  ['GET /docs/:file', anybody, 404, file],
  // The gateway: programs; a doctor, who sends Bundles of their own in the page and sees what came of those; an admin sees how everybody's jobs
  // stand and may cancel them, but not what was sent, decided or answered. operating.md, By a key of its own: the scopes
  ['POST /v1/diagnose', 'client doctor', 422, { scope: 'Bundle.c' }],
  ['GET /v1/jobs', 'client doctor admin', 200, { scope: 'GuidanceResponse.s' }],
  ['POST /v1/negotiate', 'client doctor', 422, { scope: 'Bundle.c' }],
  ['GET /v1/jobs/:job_id/decision', 'client doctor', 404, { scope: 'GuidanceResponse.r', ...job }],
  ['GET /v1/jobs/:job_id', 'client doctor admin', 404, { scope: 'GuidanceResponse.r', ...job, everybodys: { admin: 200 } }],
  ['PUT /v1/jobs/:job_id', 'client doctor', 422, { scope: 'Bundle.c', ...job }],
  ['DELETE /v1/jobs/:job_id', 'client doctor admin', 404, { scope: 'GuidanceResponse.d', ...job, everybodys: { admin: 409 } }],
  ['POST /v1/jobs/:job_id/cancel', 'client doctor admin', 404, { scope: 'GuidanceResponse.d', ...job, everybodys: { admin: 409 } }],
  ['POST /v1/jobs/:job_id/erase', 'client doctor', 404, { scope: 'GuidanceResponse.d', ...job }],
  ['GET /v1/jobs/:job_id/events', 'client doctor admin', 404, { scope: 'GuidanceResponse.r', ...job, everybodys: { admin: 200 } }],
  ['POST /v1/jobs/:job_id/replay', 'client doctor', 404, { scope: 'Bundle.c', ...job }],
  ['GET /v1/webhook-endpoints', 'client', 200, { scope: 'Subscription.s' }],
  ['POST /v1/webhook-endpoints', 'client', 422, { scope: 'Subscription.c' }],
  ['DELETE /v1/webhook-endpoints/:endpoint_id', 'client', 404, { scope: 'Subscription.d', ...endpoint }],
  ['POST /v1/webhook-endpoints/:endpoint_id/rotate', 'client', 404, { scope: 'Subscription.u', ...endpoint }],
  ['POST /v1/webhook-endpoints/:endpoint_id/enable', 'client', 404, { scope: 'Subscription.u', ...endpoint }],
  ['GET /v1/webhook-endpoints/:endpoint_id/deliveries', 'client', 404, { scope: 'Subscription.r', ...endpoint }],
  ['POST /v1/deliveries/:event_id/redeliver', 'client', 404, { scope: 'Subscription.u', ...event }],
  ['GET /v1/models', 'client doctor auditor admin', 200, { scope: 'PlanDefinition.s' }],
  ['GET /v1/models/:key/versions/:version', 'client doctor auditor admin', 404, { scope: 'PlanDefinition.r', id: ['1.0.0', '%00'] }],
  // operating.md, CDS Hooks: as with /v1; a service is a model
  ['GET /cds-services', 'client doctor auditor admin', 200, { scope: 'PlanDefinition.s' }],
  ['POST /cds-services/:service', 'client doctor', 404, { scope: 'Bundle.c', id: ['nothing', '%00'] }],
  ['POST /cds-services/:service/feedback', 'client doctor', 404, { scope: 'Bundle.c', id: ['nothing', '%00'] }],
  ['GET /fhir/R4/PlanDefinition', 'client doctor auditor admin', 200, { scope: 'PlanDefinition.s' }],
  ['POST /fhir/R4/PlanDefinition/_search', 'client doctor auditor admin', 200, { scope: 'PlanDefinition.s' }],
  ['GET /fhir/R4/PlanDefinition/:plan', 'client doctor auditor admin', 404, { scope: 'PlanDefinition.r', id: ['nothing', '%00'] }],
  ['GET /fhir/R4/PlanDefinition/:plan/$data-requirements', 'client doctor auditor admin', 404, { scope: 'PlanDefinition.r', id: ['nothing', '%00'] }],
  // operating.md, The audit log, for others: the checkpoint, hashes and proofs are public
  ['GET /audit/checkpoint', anybody, 200],
  ['GET /audit/tile/:level/*tile', anybody, 404, tile],
  ['GET /audit/entries/:index/proof', anybody, 404, entry],
  // Audit log: doctor "own accesses", auditor R (reading is logged), admin "integrity status only": no entry
  ['GET /audit/tile/entries/*tile', 'auditor', 404, tile],
  ['GET /api/v1/audit', 'doctor auditor', 200],
  ['GET /fhir/R4/AuditEvent', 'doctor auditor', 200],
  ['GET /fhir/R4/AuditEvent/:event', 'doctor auditor', 404, entry],
  // The study's records as FHIR, each as the record's own row below: Patient is PatientDetail and PatientGeneral, of which a doctor has both
  ['GET /fhir/R4/metadata', anybody, 200],
  ['GET /fhir/R4/OperationDefinition/:operation', anybody, 404, { id: ['nothing', '%00'] }],
  // The gateway in FHIR: as /v1/diagnose and /v1/jobs
  ['POST /fhir/R4/$diagnose', 'client doctor', 422, { scope: 'Bundle.c' }],
  ['GET /fhir/R4/$async/:job_id', 'client doctor', 404, { scope: 'GuidanceResponse.r', ...job }],
  ['DELETE /fhir/R4/$async/:job_id', 'client doctor admin', 404, { scope: 'GuidanceResponse.d', ...job, everybodys: { admin: 409 } }],
  ['GET /fhir/R4/GuidanceResponse/:job_id', 'client doctor', 404, { scope: 'GuidanceResponse.r', ...job }],
  ['GET /fhir/R4/Patient', 'doctor', 200, { some: 'installer', says: 400 }],
  ['POST /fhir/R4/Patient/_search', 'doctor', 200, { some: 'installer', says: 400 }],
  ['GET /fhir/R4/Patient/:patient_id', 'doctor installer', 404, record],
  ['GET /fhir/R4/RelatedPerson', 'doctor', 400],
  ['POST /fhir/R4/RelatedPerson/_search', 'doctor', 400],
  ['GET /fhir/R4/RelatedPerson/:contact_id', 'doctor', 404, record],
  ['GET /fhir/R4/Observation', 'monitor researcher', 200, { some: 'doctor', says: 400 }],
  ['POST /fhir/R4/Observation/_search', 'monitor researcher', 200, { some: 'doctor', says: 400 }],
  ['GET /fhir/R4/Observation/:screening', 'doctor monitor researcher', 404, record],
  ['GET /fhir/R4/Observation/:screening/_history/:version', 'doctor monitor researcher', 404, record],
  ['GET /fhir/R4/Task', 'doctor installer monitor', 200],
  ['POST /fhir/R4/Task/_search', 'doctor installer monitor', 200],
  ['GET /fhir/R4/Task/:ticket_id', 'doctor installer monitor', 404, record],
  ['GET /fhir/R4/DocumentReference', 'doctor installer monitor', 400],
  ['POST /fhir/R4/DocumentReference/_search', 'doctor installer monitor', 400],
  ['GET /fhir/R4/DocumentReference/:document_id', 'doctor installer monitor', 404, record],
  ['GET /fhir/R4/Consent', 'doctor monitor researcher auditor', 400],
  ['POST /fhir/R4/Consent/_search', 'doctor monitor researcher auditor', 400],
  ['GET /fhir/R4/Consent/:patient_id', 'doctor monitor researcher auditor', 404, record],
  ['GET /fhir/R4/Consent/:patient_id/_history/:version', 'doctor monitor researcher auditor', 404, record],
  // operating.md: for everybody, what they did themselves; who one is
  ['GET /api/v1/me/accesses', everyone, 200],
  ['GET /api/v1/me', everyone, 200],
  ['POST /auth/token', anybody, 400],
  ['GET /.well-known/smart-configuration', anybody, 200],
  ['GET /fhir/R4/.well-known/smart-configuration', anybody, 200],
  // PatientDetail: doctor R W, installer, monitor, researcher, auditor and admin nothing
  ['GET /api/v1/patients', 'doctor', 200],
  ['POST /api/v1/patients', 'doctor', 422],
  ['POST /api/v1/patients/search', 'doctor', 422],
  ['GET /api/v1/patients/:patient_id', 'doctor', 404, person],
  ['PUT /api/v1/patients/:patient_id', 'doctor', 404, person],
  ['DELETE /api/v1/patients/:patient_id', 'doctor', 404, person],
  // Contacts: of PatientGeneral the surname, address and phone alone are the installer's, so these are the doctor's (R W)
  ['GET /api/v1/patients/:patient_id/contacts', 'doctor', 404, person],
  ['POST /api/v1/patients/:patient_id/contacts', 'doctor', 422, person],
  ['PUT /api/v1/patients/:patient_id/contacts', 'doctor', 404, { ...person, body: () => [] }],
  ['GET /api/v1/contacts/:contact_id', 'doctor', 404, person],
  ['PUT /api/v1/contacts/:contact_id', 'doctor', 404, person],
  ['DELETE /api/v1/contacts/:contact_id', 'doctor', 404, person],
  // Screening: doctor R W, monitor and researcher "R c p": with consent, under pseudonyms
  ['GET /api/v1/patients/:patient_id/screenings', 'doctor monitor researcher', 404, person],
  ['POST /api/v1/patients/:patient_id/screenings', 'doctor', 422, person],
  ['GET /api/v1/screenings', 'doctor monitor researcher', 200],
  // Medical notes: doctor R W, nobody else of the staff
  ['GET /api/v1/patients/:patient_id/notes', 'doctor', 404, person],
  // Consent: doctor R W, monitor and researcher "status only", auditor R
  ['GET /api/v1/patients/:patient_id/consent', 'doctor monitor researcher auditor', 404, person],
  ['PUT /api/v1/patients/:patient_id/consent', 'doctor', 422, person],
  ['POST /api/v1/patients/:patient_id/consent/withdraw', 'doctor', 404, person],
  // Installation details: doctor R, installer R W (assigned), monitor R W p; so of others there is none of a number they have
  ['GET /api/v1/installations', 'doctor installer monitor', 200],
  ['GET /api/v1/installations/:patient_id', 'doctor installer monitor', 404, person],
  ['POST /api/v1/installations/:patient_id', 'installer monitor', 404, person],
  ['PUT /api/v1/installations/:patient_id', 'installer monitor', 404, person],
  // PatientGeneral: doctor R W, installer R (only assigned homes, only while a ticket is open)
  ['GET /api/v1/installations/:patient_id/info', 'doctor installer', 404, person],
  // Tickets, messages: doctor R, installer R W, monitor R W p. operating.md, Homes and tickets: an installer takes, a monitor takes away
  ['GET /api/v1/installations/:patient_id/tickets', 'doctor installer monitor', 404, person],
  ['POST /api/v1/installations/:patient_id/tickets', 'installer monitor', 422, person],
  ['GET /api/v1/tickets', 'doctor installer monitor', 200],
  ['POST /api/v1/tickets', 'installer monitor', 422],
  ['GET /api/v1/tickets/:ticket_id', 'doctor installer monitor', 404, person],
  ['GET /api/v1/tickets/:ticket_id/messages', 'doctor installer monitor', 404, person],
  ['POST /api/v1/tickets/:ticket_id/messages', 'installer monitor', 422, person],
  ['POST /api/v1/tickets/:ticket_id/close', 'installer monitor', 404, person],
  ['POST /api/v1/tickets/:ticket_id/reopen', 'installer monitor', 404, person],
  ['POST /api/v1/tickets/:ticket_id/take', 'installer', 404, person],
  ['POST /api/v1/tickets/:ticket_id/release', 'installer monitor', 404, person],
  // Documents (home map, sheet): doctor R, installer R W (assigned), monitor "R p, redacted": which there are, not what they say
  ['GET /api/v1/installations/:patient_id/documents', 'doctor installer monitor', 404, person],
  ['POST /api/v1/installations/:patient_id/documents', 'installer', 422, person],
  ['GET /api/v1/documents/:document_id', 'doctor installer', 404, person],
  ['DELETE /api/v1/documents/:document_id', 'installer', 404, person],
  // Sensors: of "Installation details" what hangs there is the installer's R W (assigned), the doctor's R; what a monitor sees is the stream alone, whose label nobody writes
  ['GET /api/v1/installations/:patient_id/sensors', 'doctor installer', 404, person],
  ['POST /api/v1/installations/:patient_id/sensors', 'installer', 422, person],
  ['GET /api/v1/sensors/:sensor_id', 'doctor installer', 404, person],
  ['POST /api/v1/sensors/:sensor_id/remove', 'installer', 404, person],
  // Stream metadata: doctor "R c", monitor "R c p", researcher "R c p (cohort)", installer nothing; closed by who treats and who watches
  ['GET /api/v1/patients/:patient_id/streams', 'doctor monitor researcher', 404, person],
  ['GET /api/v1/installations/:patient_id/streams', 'doctor monitor researcher', 404, person],
  ['GET /api/v1/streams/:stream_id', 'doctor monitor researcher', 404, person],
  ['POST /api/v1/streams/:stream_id/close', 'doctor monitor', 404, person],
  // Break-glass: doctor and monitor "g", DPO/auditor "review"
  ['GET /api/v1/break-glass', 'doctor monitor auditor', 200],
  ['POST /api/v1/break-glass', 'doctor monitor', 422],
  ['POST /api/v1/break-glass/:glass_id/end', 'doctor monitor', 404, glass],
  ['POST /api/v1/break-glass/:glass_id/review', 'auditor', 422, glass],
  // Export (2.6): a researcher requests, the DPO approves; the researcher reads the cohort, and nobody else does in this way
  ['GET /api/v1/projects', 'researcher auditor', 200],
  ['POST /api/v1/projects', 'researcher', 422],
  ['GET /api/v1/projects/:project_id', 'researcher auditor', 404, glass],
  ['POST /api/v1/projects/:project_id/decision', 'auditor', 422, glass],
  ['POST /api/v1/projects/:project_id/end', 'researcher auditor', 404, glass],
  ['GET /api/v1/projects/:project_id/screenings', 'researcher', 404, glass],
  ['GET /api/v1/projects/:project_id/streams', 'researcher', 404, glass],
  // Users, grants: doctor, admin propose; DPO/auditor, admin approve and read. A doctor reads what they proposed.
  ['GET /api/v1/people', 'doctor auditor admin', 200],
  ['POST /api/v1/people', 'doctor admin', 422],
  ['POST /api/v1/people/:person_id/roles', 'doctor admin', 422, staffer],
  ['POST /api/v1/people/:person_id/roles/:role/approve', 'auditor admin', 404, staffer],
  ['DELETE /api/v1/people/:person_id/roles/:role', 'auditor admin', 404, staffer],
  ['POST /api/v1/people/:person_id/suspend', 'auditor admin', 404, staffer],
  ['POST /api/v1/people/:person_id/resume', 'auditor admin', 404, staffer],
  // operating.md, Signing in with a browser. What ends the session is asked at the end.
  ['GET /auth/login', anybody, 302],
  ['GET /auth/callback', anybody, 400],
  ['POST /auth/backchannel', anybody, 400],
  ['GET /auth/signed-out', anybody, 200],
  ['GET /auth/session', browser, 200],
  ['POST /auth/role', browser, 403, { body: role }],
  ['POST /auth/logout', browser, 200, { last: true }],
  // operating.md, Staff without an identity provider
  ['GET /', ownPage, 200],
  ['GET /app/*page', ownPage, 200, file],
  ['GET /auth', ownPage, 200],
  ['GET /assets/:file', ownPage, 404, file],
  ['GET /auth/ways', ownPage, 200],
  ['GET /auth/invitation', ownPage, 404],
  ['POST /auth/invitation', ownPage, 422],
  ['POST /auth/invitation/passkey/options', ownPage, 422],
  ['POST /auth/invitation/passkey', ownPage, 422],
  ['POST /auth/password', ownPage, 422],
  ['POST /auth/passkey/options', ownPage, 200],
  ['POST /auth/passkey', ownPage, 422],
  ['GET /auth/passkeys', account, 200],
  ['POST /auth/passkey/register/options', account, 200],
  ['POST /auth/passkey/register', account, 422],
  ['DELETE /auth/passkeys/:passkey_id', account, 404, key],
  ['POST /auth/password/change', account, 422],
  ['POST /auth/step-up/options', account, 200],
  ['POST /auth/step-up', account, 422],
].map(([route, who, answer, more = {}]) => { const [method, at] = route.split(' '); return { route, method, at, who, answer, ...more }; });

function expected(row, c) {
  const unsafe = row.method !== 'GET';
  if (row.who === ownPage && unsafe && !c.x) return 403;
  if ([anybody, ownPage].includes(row.who)) return row.answer;
  if (c.is === 'both') return 400;
  if (c.session && unsafe && !c.x) return 403;
  if (row.who === browser) return c.session && c.is !== 'stranger' ? row.answer : 401;
  if (c.is === 'stranger') return 401;
  if (c.is === 'nobody') return 403;
  if (row.who === account) return c.session ? row.answer : 403;
  if (row.some?.split(' ').includes(c.is)) return row.says;
  if (!row.who.split(' ').includes(c.is)) return 403;
  return c.scopes && row.scope && !c.scopes.includes(row.scope) ? 403 : row.answer;
}
const fill = (row, id) => row.at.replace(':level', '0').replace(':role', 'doctor').replace(':key', 'nobody').replace(/[:*]\w+/, id ?? '');
const forms = ['POST /auth/token', 'POST /auth/backchannel'];
const send = (row, c, method = row.method, id = row.id?.[0]) => ask(method, fill(row, id), {
  headers: { ...(c.x ? page : {}), ...c.headers },
  ...(['POST', 'PUT'].includes(method) ? { body: forms.includes(row.route) || row.at.endsWith('/_search') ? '' : row.body?.(c) ?? {} } : {}) });

let combinations = 0;
const differences = [];
const differs = (what, got, want) => { combinations++; if (got !== want) differences.push(`${what}: got ${got}, want ${want}`); };
async function none(work) {
  const before = combinations;
  differences.length = 0;
  await work();
  const found = differences.sort();
  console.log(`# ${combinations - before} combinations, ${found.length} differences`);
  same(found.length, 0, `differences\n${found.slice(0, 200).join('\n')}\n`);
}
const rows = table.filter((r) => !r.last);

await test('every route has a row here, every row is a route', () => {
  const text = fs.readFileSync(path.join(top, 'src/api/routes.def'), 'utf8');
  const routes = [...text.matchAll(/^ROUTE\((\w+), *"([^"]+)"/gm)].map((m) => `${m[1]} ${m[2]}`);
  check(routes.length > 60 && routes.length === text.match(/^ROUTE\(/gm).length, `${routes.length} routes were understood`);
  const typed = table.map((r) => r.route);
  same(typed.filter((r, i) => typed.indexOf(r) !== i), [], 'rows twice');
  same(routes.filter((r) => !typed.includes(r)), [], 'routes without a row');
  same(typed.filter((r) => !routes.includes(r)), [], 'rows without a route');
});
await until('something of the audit log is signed', async () => (await ask('GET', '/audit/checkpoint')).status === 200);

await test('every caller at every route', () => none(() =>
  all(rows.flatMap((row) => callers.map((c) => [row, c])), async ([row, c]) => {
    const r = await send(row, c);
    differs(`${row.route}, ${c.name}`, r.status, expected(row, c));
    if (r.status === 401) differs(`${row.route}, ${c.name}: WWW-Authenticate`, /^Bearer realm="lazaret"/.test(r.headers['www-authenticate']), true);
  })));

const few = callers.filter((c) => ['nobody at all', 'a key', 'an expired token', 'doctor', 'admin', 'doctor and monitor', 'auditor in a browser',
  'auditor in a browser without X-Lazaret', 'a cookie and a key'].includes(c.name));
await test('HEAD is GET without a body', () => none(() =>
  all(rows.filter((r) => r.method === 'GET').flatMap((row) => few.map((c) => [row, c])), async ([row, c]) => {
    const r = await send(row, c, 'HEAD');
    differs(`HEAD ${row.at}, ${c.name}`, `${r.status} ${r.text}`, `${expected(row, c)} `);
  })));

await test('another\'s, a missing and a malformed id', () => none(() =>
  all(rows.filter((r) => r.id).flatMap((row) => callers.map((c) => [row, c])), async ([row, c]) => {
    const want = expected(row, c), [missing, malformed, another] = row.id;
    const bad = await send(row, c, row.method, malformed);
    differs(`${row.route}, ${c.name}, malformed`, bad.status, want === row.answer ? row.malformed ?? row.answer : want);
    if (!another) return;
    const seen = row.everybodys?.[c.is];
    if (seen && want === row.answer) return differs(`${row.route}, ${c.name}, anybody's`, (await send(row, c, row.method, another)).status, seen);
    const [theirs, absent] = [await send(row, c, row.method, another), await send(row, c, row.method, missing)];
    differs(`${row.route}, ${c.name}, another's`, theirs.status, want);
    differs(`${row.route}, ${c.name}, another's and missing are told apart`, plain(theirs), plain(absent));
  })));

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
const answered = new Map();
for (const { at, method } of table) answered.set(at, [...answered.get(at) ?? [], ...(method === 'GET' ? ['GET', 'HEAD'] : [method])]);
await test('a method that an address does not answer is 405, with those that it does, whoever asks', () => none(async () => {
  same(few.length, 9, 'callers');
  const list = [...answered].flatMap(([at, has]) => methods.filter((m) => !has.includes(m)).flatMap((m) => few.map((c) => [table.find((r) => r.at === at), m, c, has])));
  await all(list, async ([row, method, c, has]) => {
    const r = await send(row, c, method);
    differs(`${method} ${row.at}, ${c.name}`, `${r.status} ${r.headers.allow?.split(', ').sort()}`, `405 ${[...has].sort()}`);
  });
}));
await test('an address that is none is 404, whoever asks', () => none(() =>
  all(['/v1', '/assets', '/app', '/v2/jobs', '/api/v1/patient', '/v1/jobs/', '/v1/jobs/a/b/c', '/api/v1/patients/1/', '/V1/jobs', '/auth/', '/v1//jobs', '/api/v1/users', '/admin']
    .flatMap((at) => methods.flatMap((m) => few.map((c) => [at, m, c]))), async ([at, method, c]) => {
    differs(`${method} ${at}, ${c.name}`, (await send({ at, route: '' }, c, method)).status, 404);
  })));

// ---- one's own

const mine = things.bot, bot = { headers: bearer(keys.bot) }, doctor = { headers: { ...sessions.doctor, ...page } };
const patient = { first_name: 'Anna', last_name: 'Rossi', codice_fiscale: 'RSSNNA80A41H501L' };
await test('who may, can: what is one\'s own', () => none(async () => {
  const step = async (what, want, method, at, options) => { const r = await ask(method, at, options); differs(what, r.status, want); return r; };
  for (const at of ['', '/events']) await step(`one's job${at}`, 200, 'GET', `/v1/jobs/${mine.job}${at}`, bot);
  await step('a job that is there is another one', 409, 'PUT', `/v1/jobs/${mine.job}`, { ...bot, body: diagnosis('bot', { priority: 'stat' }) });
  await step('a Bundle', 202, 'POST', '/v1/diagnose', { ...bot, body: diagnosis('bot') });
  const again = await step('a job again', 202, 'POST', `/v1/jobs/${mine.job}/replay`, bot);
  await step('ended', 409, 'DELETE', `/v1/jobs/${mine.job}`, bot);
  await step('ended', 409, 'POST', `/v1/jobs/${mine.job}/cancel`, bot);
  await step('deliveries', 200, 'GET', `/v1/webhook-endpoints/${mine.endpoint}/deliveries`, bot);
  await step('redelivered', 202, 'POST', `/v1/deliveries/${mine.event}/redeliver`, bot);
  await step('erased', 200, 'POST', `/v1/jobs/${mine.job}/erase`, bot);
  await step('what was erased', 410, 'GET', `/v1/jobs/${mine.job}`, bot);
  let ended;
  await until('the job ends', async () => !['QUEUED', 'PROCESSING'].includes((ended = (await ask('GET', `/v1/jobs/${again.json.job_id}`, bot)).json).status), 60000);
  differs('what was replayed before', `${ended.status} ${ended.error?.message}`, 'COMPLETED undefined');
  await step('rotated', 200, 'POST', `/v1/webhook-endpoints/${mine.endpoint}/rotate`, bot);
  await step('enabled', 204, 'POST', `/v1/webhook-endpoints/${mine.endpoint}/enable`, bot);
  await step('removed', 204, 'DELETE', `/v1/webhook-endpoints/${mine.endpoint}`, bot);
  const { id: me } = (await ask('GET', '/api/v1/me', doctor)).json, admin = { headers: { ...sessions.admin, ...page } };
  const own = (await step('a doctor\'s Bundle', 202, 'POST', '/v1/diagnose', { ...doctor, body: diagnosis(me) })).json.job_id;
  await until('the doctor\'s job ends', async () => (await ask('GET', `/v1/jobs/${own}`, doctor)).json.status === 'COMPLETED', 60000);
  const seen = (await step('an admin looks at it', 200, 'GET', `/v1/jobs/${own}`, admin)).json;
  differs('what an admin sees of it', `${seen.status} ${seen.result}`, 'COMPLETED null');
  differs('what the doctor sees of it', Boolean((await step('own', 200, 'GET', `/v1/jobs/${own}`, doctor)).json.result), true);
  for (const at of ['decision', 'erase']) await step(`an admin asks for more: ${at}`, 403, at === 'erase' ? 'POST' : 'GET', `/v1/jobs/${own}/${at}`, admin);
  for (const [who, c] of [['another doctor', sessions.second], ['a program', bot.headers]]) await step(who, 404, 'GET', `/v1/jobs/${own}`, { headers: { ...c, ...page } });
  const queue = (await step('the queue', 200, 'GET', '/v1/jobs?limit=100', admin)).json.jobs;
  differs('whose jobs an admin sees', queue.find((x) => x.job_id === own)?.client === me && queue.some((x) => x.client === 'other') && !queue.some((x) => 'result' in x), true);
  differs('whose jobs a doctor sees', (await step('own jobs', 200, 'GET', '/v1/jobs', doctor)).json.jobs.map((x) => x.job_id).join(), own);
  await step('another client\'s name', 403, 'POST', '/v1/diagnose', { ...doctor, body: diagnosis('bot') });
  differs('programs that are listed', JSON.stringify(cliJson(['client', 'list', '--data', server.dir, '--json']).map((x) => x.client)), '["bot","other"]');
  const key_ = cliJson(['client', 'rotate', me, '--data', server.dir, '--json']).api_key;
  await step('a key that is made for the doctor\'s row', 401, 'GET', '/v1/jobs', { headers: bearer(key_) });
  await step('a model', 200, 'GET', '/v1/models/news2/versions/stable', bot);
  const installs = { headers: { ...sessions.installer, ...page } }, watches = { headers: { ...sessions.monitor, ...page } };
  const [{ json: { patient_id: id } }, { i, m }] = await opening(['i', 'm'], async (as) => (await ask('GET', '/api/v1/tickets?limit=100', as === 'i' ? installs : watches)).json,
    () => step('enrolled', 201, 'POST', '/api/v1/patients', { ...doctor, body: patient }));
  for (const c of callers.filter((x) => x.x)) {
    const want = c.is === 'doctor' ? 200 : expected(table.find((r) => r.at === '/api/v1/patients/:patient_id'), c);
    await step(`${c.name} asks for somebody of the study`, want, 'GET', `/api/v1/patients/${id}`, c);
  }
  const write = { message: { body: 'x' } };
  for (const [what, want, method, at, who, body] of [
    ['a home that is not given', 404, 'GET', `/api/v1/installations/${i.patient_id}`, installs], ['where it is', 404, 'GET', `/api/v1/installations/${i.patient_id}/info`, installs],
    ['taken', 200, 'POST', `/api/v1/tickets/${i.ticket_id}/take`, installs], ['where it is, now', 200, 'GET', `/api/v1/installations/${i.patient_id}/info`, installs],
    ['given', 200, 'GET', `/api/v1/installations/${i.patient_id}`, installs], ['its details', 201, 'POST', `/api/v1/installations/${i.patient_id}`, installs, { pets: 'none' }],
    ['changed', 200, 'PUT', `/api/v1/installations/${i.patient_id}`, installs, { pets: 'one' }], ['of a monitor', 200, 'PUT', `/api/v1/installations/${m.patient_id}`, watches, { internet_type: 'dsl' }],
    ['a household of a monitor', 422, 'PUT', `/api/v1/installations/${m.patient_id}`, watches, { pets: 'one' }], ['a doctor reads it', 200, 'GET', `/api/v1/installations/${id}`, doctor],
    ['a doctor is told where', 200, 'GET', `/api/v1/installations/${id}/info`, doctor], ['a doctor reads its tickets', 200, 'GET', `/api/v1/installations/${id}/tickets`, doctor],
    ['opened', 201, 'POST', `/api/v1/installations/${m.patient_id}/tickets`, watches, write], ['opened', 201, 'POST', `/api/v1/tickets?patient_id=${i.patient_id}`, installs, write],
    ['written', 201, 'POST', `/api/v1/tickets/${m.ticket_id}/messages`, watches, { body: 'x' }], ['read', 200, 'GET', `/api/v1/tickets/${i.ticket_id}/messages`, installs],
    ['a ticket', 200, 'GET', `/api/v1/tickets/${m.ticket_id}`, watches], ['closed', 200, 'POST', `/api/v1/tickets/${m.ticket_id}/close`, watches],
    ['reopened', 200, 'POST', `/api/v1/tickets/${i.ticket_id}/reopen`, installs], ['released', 200, 'POST', `/api/v1/tickets/${m.ticket_id}/release`, watches]]) await step(what, want, method, at, { ...who, body });
  for (const r of roles) {
    const at = (await ask('GET', '/api/v1/me/accesses?limit=1', { headers: sessions[r] })).json.entries[0].idx;
    const ownEntry = { doctor: 200, auditor: 200 }[r] ?? 403, of0 = { doctor: 404, auditor: 200 }[r] ?? 403;
    await step(`${r}'s own entry`, ownEntry, 'GET', `/fhir/R4/AuditEvent/${at}`, { headers: sessions[r] });
    await step(`an entry of somebody else, ${r}`, of0, 'GET', '/fhir/R4/AuditEvent/0', { headers: sessions[r] });
    await step(`a tile of entries, ${r}`, r === 'auditor' ? 200 : 403, 'GET', '/audit/tile/entries/000', { headers: sessions[r] });
  }
  const list = (await ask('GET', '/api/v1/audit?limit=100', { headers: sessions.doctor })).json.entries;
  differs('entries that a doctor reads are of the doctor', list.filter((x) => x.actor?.id !== me).length, 0);
  for (const at of ['/audit/tile/0/000', '/audit/entries/0/proof']) await step(at, 200, 'GET', at);
  await step('a passkey', 204, 'DELETE', `/auth/passkeys/${things.passkey.own}`, doctor);
}));
await test('acting in one\'s role, and signing out', () => none(async () => {
  const row = table.find((r) => r.last);
  for (const c of callers.filter((x) => !x.session)) differs(`${row.route}, ${c.name}`, (await send(row, c)).status, expected(row, c));
  for (const r of roles) {
    const headers = { ...await signIn(`${r}s`), ...page };
    const chosen = await ask('POST', '/auth/role', { headers, body: { role: r } });
    differs(`${r} acts as ${r}`, chosen.status, 200);
    if (chosen.headers['set-cookie']) headers.Cookie = chosen.headers['set-cookie'][0].split(';')[0];
    differs(`${r} signs out without X-Lazaret`, (await ask('POST', '/auth/logout', { headers: { Cookie: headers.Cookie } })).status, 403);
    differs(`${r} signs out`, (await ask('POST', '/auth/logout', { headers })).status, 200);
    differs(`${r} is signed out`, (await ask('GET', '/api/v1/me', { headers: { Cookie: headers.Cookie } })).status, 401);
  }
}));
console.log(`# ${combinations} combinations in all`);
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
