#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 600
// openapi.mjs   everything /openapi.json says is so: every example of src/api/examples.json is sent to a real server, in order, and
// answered as it stands there; every status an operation is said to answer has an example; every header and parameter is one; a
// linter of others finds nothing to complain of.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { bundle, match, timeOf } from './casefile.mjs';
import { Server, build, check, cliJson, contains, described, done, program, same, sleep, tempFolder, test, top } from './lib.mjs';
import { faults, follow } from './schema.mjs';

const examples = JSON.parse(fs.readFileSync(path.join(top, 'src/api/examples.json'), 'utf8'));
const servers = {};
// An identity provider with one key, as far as a server asks it; `token` is somebody's with these roles.
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = http.createServer((q, r) => r.end(JSON.stringify(q.url.endsWith('/keys') ? { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] }
  : q.url.endsWith('/token') ? { access_token: token(['doctor', 'researcher']), token_type: 'Bearer', id_token: jwt({ aud: 'lazaret-web', iat: now(), nonce }) }
    : { issuer: issuer(), jwks_uri: `${issuer()}/keys`, authorization_endpoint: `${issuer()}/auth`, token_endpoint: `${issuer()}/token` })));
let nonce; // of the sign-in that ends next
const now = () => Math.floor(Date.now() / 1000);
const issuer = () => `http://127.0.0.1:${provider.address().port}`;
await new Promise((ready) => provider.listen(0, '127.0.0.1', ready));
function jwt(claims, header = {}) {
  const part = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');
  const text = `${part({ alg: 'RS256', kid: 'k', ...header })}.${part({ iss: issuer(), sub: 'f3a1', exp: now() + 300, preferred_username: 'alice', ...claims })}`;
  return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
}
const token = (roles, more = {}) => jwt({ aud: 'lazaret', typ: 'Bearer', iat: now(), realm_access: { roles }, ...more });
const staff = ['--staff-issuer', issuer(), '--staff-http', 'on'];
const browser = [...staff, '--staff-client', 'lazaret-web', '--public-url', 'http://localhost:1'];
// Who asks, where it is not a client.
const people = { 'an installer': token(['installer'], { sub: 'i257' }), 'a monitor': token(['monitor'], { sub: 'm0n1' }), 'a monitor whose home is full': token(['monitor'], { sub: 'm0n2' }),
  "the doctor's auditor": token(['auditor'], { sub: 'a0d1' }), 'a doctor who signed in an hour ago': token(['doctor'], { auth_time: Math.floor(Date.now() / 1000) - 3600 }),
  'a researcher': token(['researcher'], { sub: 'r357' }), 'a researcher with many projects': token(['researcher'], { sub: 'r358' }), "the researcher's auditor": token(['auditor'], { sub: 'a0d3' }), 'an admin': token(['admin'], { sub: 'adm1' }), "the admin's auditor": token(['auditor'], { sub: 'a0d2' }), 'an auditor': token(['auditor']), 'a doctor': token(['doctor']), 'somebody with two roles': token(['doctor', 'researcher']), 'somebody new': token(['doctor']), 'somebody with a broken token': 'e30.e30.AAAA' };
// What an example may say is given: a server of its own kind, started when it is needed.
const kinds = { 'a worker': [], 'no accounts': ['--staff-accounts', 'off'], 'no passkeys': ['--public-url', 'https://192.0.2.1'],
  'too many failures': ['--limit-denied-rate', '1', '--limit-denied-burst', '1'], 'no patience': ['--limit-denied-rate', '1', '--limit-denied-burst', '1'], 'an auditor': [...staff, '--staff-approval', 'token'],
  'an admin': [...staff, '--staff-approval', 'token', '--staff-accounts', 'on'],
  'a researcher': [...staff, '--staff-approval', 'token'], 'a researcher with many projects': [...staff, '--staff-approval', 'token'],
  'a doctor': [...staff, '--staff-approval', 'token'], 'whoever has to say a version': [...staff, '--staff-approval', 'token', '--study-if-match', 'on'], 'no jail': [], 'every worker busy': ['--workers', '1'], 'as many endpoints as may be': [],
  'somebody with two roles': [...staff, '--staff-approval', 'token'], 'somebody new': staff, 'somebody with a broken token': staff,
  'a monitor whose home is full': [...staff, '--staff-approval', 'token'], 'somebody signed in': [...browser, '--staff-approval', 'token'], 'somebody signs in': browser };
// Who asks the server of somebody else.
const beside = { 'an installer': 'a doctor', 'a monitor': 'a doctor', "the doctor's auditor": 'a doctor', "the admin's auditor": 'an admin', "the researcher's auditor": 'a researcher', 'a doctor who signed in an hour ago': 'a doctor' };
// Takes what is delivered.
const receiver = http.createServer((q, r) => q.resume().on('end', () => r.writeHead(204).end()));
await new Promise((ready) => receiver.listen(0, '127.0.0.1', ready));
// A copy of the program without what builds sandboxes.
function alone() {
  const folder = tempFolder();
  fs.copyFileSync(program, path.join(folder, 'lazaret'));
  fs.chmodSync(path.join(folder, 'lazaret'), 0o755);
  fs.symlinkSync(path.join(build, 'models'), path.join(folder, 'models'));
  return path.join(folder, 'lazaret');
}
// A model that hangs for two seconds each time, fifteen times before anybody's turn.
async function occupy(s) {
  const m = cliJson(['model', 'add', path.join(top, 'tests/data/models/moody'), '--data', s.dir, '--json']);
  cliJson(['model', 'promote', `${m.key}@${m.version}`, 'stable', '--data', s.dir, '--json']);
  const { api_key } = s.addClient('other');
  const body = `{"client_id":"other","target_diagnosis":"mood","priority":"stat","fhir_bundle":${bundle('patient pregnancy(verified=refuted) mood(value=4)')}}`;
  for (let i = 0; i < 15; i++) {
    const r = await s.request({ method: 'POST', path: '/v1/diagnose', headers: { Authorization: `Bearer ${api_key}`, 'Content-Type': 'application/json' }, body });
    same(r.status, 202, `a job that hangs: ${r.text.slice(0, 300)}`);
  }
}
// Somebody goes to the provider; what they come back with is kept under these names.
async function begin(s, code, state, login) {
  const r = await s.request({ path: '/auth/login' });
  const to = new URL(r.headers.location).searchParams;
  names[code] = 'SplxlOBeZQQYbYS6WxSbIA';
  names[state] = to.get('state');
  names[login] = r.headers['set-cookie'][0].split(';')[0];
  nonce = to.get('nonce');
}
async function signIn(s) {
  await begin(s, 'auth_code', 'state', 'login');
  names.logout = jwt({ aud: 'lazaret-web', iat: now(), jti: 'j', sub: 'nobody', events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, { typ: 'logout+jwt' });
}
async function fillEndpoints(s) {
  for (let i = 0; i < 100; i++) {
    const r = await s.request({ method: 'POST', path: '/v1/webhook-endpoints', body: `{"url":"https://ehr.example/${i}"}`,
      headers: { Authorization: `Bearer ${s.clients.bot.api_key}`, 'Content-Type': 'application/json' } });
    if (r.status !== 201) return check(i > 0, `an endpoint: ${r.text}`);
  }
}
// A researcher with as many open projects as may be.
async function fillProjects(s) {
  for (let i = 0; i < 20; i++) {
    const r = await s.request({ method: 'POST', path: '/api/v1/projects', headers: { Authorization: `Bearer ${people['a researcher with many projects']}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ title: `Number ${i}`, question: 'Is this one too many?', data: ['streams'], until: timeOf('TODAY+90D') }) });
    same(r.status, 201, `a project: ${r.text}`);
  }
}
// A home with as many open tickets as may be.
async function fillHome(s) {
  const ask = async (who, method, path, body) => JSON.parse((await s.request({ method, path, body: body && JSON.stringify(body),
    headers: { Authorization: `Bearer ${who}`, 'Content-Type': 'application/json' } })).text);
  const monitor = people['a monitor whose home is full'];
  await ask(people['a doctor'], 'POST', '/api/v1/patients', { first_name: 'Olena', last_name: 'Shevchenko', codice_fiscale: 'STP1234567890123' });
  [{ patient_id: names.full_home }] = await ask(monitor, 'GET', '/api/v1/tickets');
  for (let i = 1; i < 20; i++) check((await ask(monitor, 'POST', `/api/v1/installations/${names.full_home}/tickets`, { message: { body: `number ${i}` } })).ticket_id, 'a ticket');
}
const names = { get assertion() { return assertion(); } };
const invite = (s, name) => cliJson(['user', 'add', name, '--role', 'auditor', '--by', 'root', '--data', s.dir, '--json']).invitation;
const signInHere = (s, body, at = '/auth/password') => s.request({ method: 'POST', path: at, body: JSON.stringify(body), headers: { 'X-Lazaret': '1', 'Content-Type': 'application/json' } });
// An address with no failure left: one that counts right before it is asked, not one that is refused itself when the next is almost free again.
let ghosts = 0;
async function fail(s) {
  for (let i = 0; i < 40; i++) {
    if ((await signInHere(s, { name: `ghost${++ghosts}`, password: 'x' })).status !== 429) return;
    await sleep(50);
  }
}
async function serverOf(who = 'a worker') {
  const given = beside[who] ?? who;
  check(kinds[given], `examples.json says "given": "${given}", which is not made here`);
  if (!servers[given]) {
    const s = (servers[given] = new Server(undefined, given === 'no jail' ? alone() : program));
    await s.start([...kinds[given], '--webhook-allow', '127.0.0.1', '--limit-document-mib', '1', '--limit-header-ms', '3000']);
    s.addClient('bot', ['--webhook', `http://127.0.0.1:${receiver.address().port}`]);
    if (given === 'a worker') Object.assign(names, { code: invite(s, 'anna'), code_two: invite(s, 'bea'), code_three: invite(s, 'carla'), bot_key: `Bearer ${s.clients.bot.api_key}` });
    if (given === 'no passkeys') names.code_address = invite(s, 'anna');
    if (given === 'too many failures') {
      const r = await signInHere(s, { code: invite(s, 'anna'), password: 'xkq7 vmw2 pt9' }, '/auth/invitation');
      names.session_strict = r.headers['set-cookie'][0].split(';')[0];
    }
    if (given === 'a researcher') cliJson(['study', 'demo', '--patients', '40', '--data', s.dir, '--json']);
    if (given === 'a researcher with many projects') await fillProjects(s);
    if (given === 'every worker busy') await occupy(s);
    if (given === 'as many endpoints as may be') await fillEndpoints(s);
    if (given === 'a monitor whose home is full') await fillHome(s);
    if (given === 'somebody signed in') await signIn(s);
    if (given === 'somebody signs in') await begin(s, 'code_new', 'state_new', 'login_new');
  }
  return servers[given];
}
const first = await serverOf();
// What bot signs in with at the token endpoint: each assertion is good once.
const own = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const jwks = path.join(tempFolder(), 'jwks.json');
fs.writeFileSync(jwks, JSON.stringify({ keys: [{ ...own.publicKey.export({ format: 'jwk' }), kid: 'k1' }] }));
cliJson(['client', 'keys', 'bot', '--jwks', jwks, '--data', first.dir, '--json']);
function assertion() {
  const part = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');
  const text = `${part({ alg: 'ES384', kid: 'k1' })}.${part({ iss: 'bot', sub: 'bot', aud: `http://127.0.0.1:${first.port}/auth/token`,
    exp: Math.floor(Date.now() / 1000) + 200, jti: randomUUID() })}`;
  return `${text}.${sign('sha384', Buffer.from(text), { key: own.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}
const description = (await first.request({ path: '/openapi.json' })).text;
const api = described(description);
const template = (route) => route.replace(/[:*](\w+)/g, '{$1}');
const operationOf = (route) => {
  const [method, at] = route.split(' ');
  return api.paths[template(at)]?.[method.toLowerCase()];
};
const operations = Object.entries(api.paths).flatMap(([at, o]) => Object.entries(o).map(([method, operation]) => ({ at, method, operation, name: `${method.toUpperCase()} ${at}` })));
// Who is asked for nothing; and what only a session of a browser may.
const open = (o) => JSON.stringify(o.security) === '[]';
const bySession = (o) => o.operation.security?.[0]?.session !== undefined;

// ---- words

// "@job@" to what was kept; "@NOW-2H@" to an instant.
function sent(v) {
  if (Array.isArray(v)) return v.map(sent);
  if (v && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, sent(x)]));
  const word = typeof v === 'string' && /^@(.+)@$/s.exec(v)?.[1];
  if (!word) return v;
  const value = names[/^[a-z_]+/.exec(word)?.[0]] ?? timeOf(word);
  check(value !== undefined, `an example says @${word}@, which nothing before it has kept`);
  return value;
}
// "@INT 3@" to "@INT@", "@job@" to what was kept; part: lists may go on.
function wanted(v, part) {
  if (Array.isArray(v)) return [...v.map((x) => wanted(x, part)), ...(part ? ['...'] : [])];
  if (v && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, wanted(x, part)]));
  const word = typeof v === 'string' && /^@(.+)@$/s.exec(v)?.[1];
  if (!word) return v;
  if (Object.hasOwn(names, word)) return names[word];
  const [, name, kind, more] = /^(?:([a-z_]+)=)?([A-Z]+)(?: (.*))?$/s.exec(word) ?? [];
  check(kind, `an example says @${word}@, which is no word`);
  return `@${name ? `${name}=` : ''}${kind === 'NEAR' ? `NEAR ${more}` : kind}@`;
}

// ---- a device with passkeys, in software: what it makes and answers, for the challenge that was kept last

const { privateKey: deviceKey, publicKey: devicePublic } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const sha256 = (b) => createHash('sha256').update(b).digest();
const text64 = (b) => Buffer.from(b).toString('base64url');
const clientData = (type, challenge) => Buffer.from(JSON.stringify({ type, challenge, origin: `http://localhost:${first.port}` }));
function make(challenge, id) {
  const { x, y } = devicePublic.export({ format: 'jwk' });
  const cose = Buffer.concat([Buffer.from('a5010203262001215820', 'hex'), Buffer.from(x, 'base64url'), Buffer.from('225820', 'hex'), Buffer.from(y, 'base64url')]);
  const data = Buffer.concat([sha256('localhost'), Buffer.from('4500000000', 'hex'), Buffer.alloc(16), Buffer.from([0, id.length]), Buffer.from(id), cose]);
  const head = Buffer.from([0xa3, 0x63, ...Buffer.from('fmt'), 0x64, ...Buffer.from('none'), 0x67, ...Buffer.from('attStmt'), 0xa0, 0x68, ...Buffer.from('authData'), 0x58, data.length]);
  Object.assign(names, { credential: text64(id), client: text64(clientData('webauthn.create', challenge)), attestation: text64(Buffer.concat([head, data])) });
}
function use(challenge) {
  const data = Buffer.concat([sha256('localhost'), Buffer.from('0500000000', 'hex')]), client = clientData('webauthn.get', challenge);
  Object.assign(names, { credential: text64('the first device'), client_used: text64(client), data: text64(data), handle: text64(Buffer.from(names.owner.replace(/-/g, ''), 'hex')),
    signature: text64(sign('sha256', Buffer.concat([data, sha256(client)]), deviceKey)) });
}
// Of two homes an installer is told the tickets in no order that would say which is whose: that is seen as the doctor enrols, and set right when both were told.
const homes = [];
async function seeHome() {
  const r = await servers['a doctor'].request({ path: '/api/v1/tickets', headers: { Authorization: `Bearer ${people['an installer']}` } });
  homes.push(...JSON.parse(r.text).filter((x) => homes.every((h) => h.ticket_id !== x.ticket_id)));
}
const setRight = () => Object.assign(names, { older_ticket: homes[0].ticket_id, older_home: homes[0].patient_id, ticket: homes[1].ticket_id, home: homes[1].patient_id });
const follows = { patient: seeHome, newer: seeHome, older_home: setRight, new_challenge: (c) => make(c, 'the first device'), more_challenge: (c) => make(c, 'the second device'), ask_challenge: use };

// ---- one example

const form = 'application/x-www-form-urlencoded', multipart = 'multipart/form-data';
const mediaOf = (operation) => Object.keys(operation.requestBody?.content ?? { 'application/json': 0 })[0];

// A form with files, as a browser sends it.
const parts = (fields) => `${Object.entries(fields).map(([k, v]) => `--b0undary\r\nContent-Disposition: form-data; name="${k}"${k === 'file' ? '; filename="Piano terra.pdf"\r\nContent-Type: application/pdf' : ''}\r\n\r\n${v}\r\n`).join('')}--b0undary--\r\n`;

async function ask(x) {
  const server = await serverOf(x.given);
  const [method, at] = x.route.split(' ');
  const query = new URLSearchParams(sent(x.query ?? {})).toString();
  const target = at.replace(/([:*])(\w+)/g, (_, kind, p) => {
    check(x.path?.[p], `${x.route}, ${x.name}: no path.${p}`);
    return kind === '*' ? sent(x.path[p]) : encodeURIComponent(sent(x.path[p]));
  });
  const headers = { ...sent(x.headers ?? {}), ...(x.accept ? { Accept: x.accept } : {}) };
  if (!open(operationOf(x.route)) && !bySession({ operation: operationOf(x.route) })) headers.Authorization = `Bearer ${people[x.given] ?? server.clients.bot.api_key}`;
  const media = x.body && mediaOf(operationOf(x.route));
  if (x.body) headers['Content-Type'] = media;
  if (media === multipart) headers['Content-Type'] = `${multipart}; boundary=b0undary`;
  const body = x.body && (media === multipart ? parts(sent(x.body)) : media === form ? new URLSearchParams(sent(x.body)).toString() : JSON.stringify(sent(x.body)));
  if (x.raw) return server.request({ method, path: target + (query && `?${query}`), headers, body: x.raw });
  if (body?.includes('@STALLS@')) headers['Content-Length'] = body.length + 1;
  if (x.given === 'too many failures') await fail(server);
  return server.request({ method, path: target + (query && `?${query}`), headers, body });
}

const documents = (media, text) => (/[/+]json$/.test(media) ? [text] : /ndjson$/.test(media) ? text.split('\n').filter(Boolean) : []);
// The answer is one the description promises, and has the form it promises.
function promised(r, operation, where) {
  const answer = operation.responses[r.status];
  check(answer, `${where}: ${r.status} is not said to be answered: ${r.text.slice(0, 300)}`);
  const media = r.headers['content-type'];
  if (!answer.content) return same(r.text, '', `${where}: body`);
  check(answer.content[media], `${where}: ${r.status} is not said to be ${media}`);
  for (const text of documents(media, r.text)) same([...faults(api, JSON.parse(text), answer.content[media].schema)], [], `${where}: faults`);
  if (answer.headers['Retry-After']) check(r.headers['retry-after'], `${where}: Retry-After is not there`);
}

function judge(x, r) {
  check(r.status === x.status, `got ${r.status}, want ${x.status}: ${r.text.slice(0, 1500)}`);
  promised(r, operationOf(x.route), x.name);
  const media = r.headers['content-type'];
  if (x.accept) same(media, x.accept, 'media type');
  if (x.answer === undefined) return;
  const [json] = documents(media, r.text).slice(-1);
  if (json) match(JSON.parse(json), wanted(x.answer, x.match === 'part'), names, { exact: x.match !== 'part' });
  else contains(r.text, x.answer);
}

// A header, or a part of a text: "/^id: (\\d+)$/m".
function kept(r, of) {
  if (of === 'cookie') return r.headers['set-cookie'][0].split(';')[0];
  const [, pattern, flags] = /^\/(.*)\/(\w*)$/.exec(of) ?? [];
  if (of === 'set-cookie') return r.headers[of].find((c) => /^__Host-lazaret=./.test(c)).split(';')[0];
  const value = pattern ? new RegExp(pattern, flags).exec(r.text)?.[1] : r.headers[of];
  check(value, `there is no ${of} to keep`);
  return value;
}

async function run(x) {
  const end = Date.now() + (x.within ?? 0) * 1000;
  for (;;) {
    const had = Object.keys(follows).map((name) => [name, names[name]]), r = await ask(x);
    try {
      judge(x, r);
      for (const [name, of] of Object.entries(x.keeps ?? {})) names[name] = kept(r, of);
      for (const [name, before] of had) if (names[name] !== before) await follows[name](names[name]);
      return;
    } catch (e) {
      if (Date.now() >= end) throw e;
      await sleep(25);
    }
  }
}

const words = new Set(['route', 'name', 'summary', 'path', 'query', 'headers', 'body', 'raw', 'form', 'status', 'answer', 'accept', 'match', 'given', 'within', 'keeps']);
await test('examples are of a route, have words that are known, and a name of their own', () => {
  const seen = new Set();
  for (const x of examples) {
    const at = `${x.route}, ${x.name}, ${x.status}`;
    check(operationOf(x.route), `${at}: there is no such route`);
    for (const k of Object.keys(x)) check(words.has(k), `${at}: "${k}" is no word of an example`);
    check(x.name && !seen.has(at), `${at}: there is another one`);
    seen.add(at);
  }
});
for (const x of examples) await test(`${x.route}: ${x.name}, ${x.status}`, () => run(x));

// ---- what every operation of a kind answers

const sample = (o) => o.at.replace(/\{\w+\}/g, '01890000-0000-7000-8000-000000000000');
// Who may do it: a client, or somebody of the study.
const doer = (o) => (o.at.endsWith('/review') ? "the doctor's auditor" : o.at.endsWith('/decision') && o.at.includes('/projects/') ? "the researcher's auditor" : o.at.includes('/projects') ? 'a researcher' : { PatientDetail: 'a doctor', Contact: 'a doctor', Screening: 'a doctor', Note: 'a doctor', Consent: 'a doctor', BreakGlass: 'a doctor', Installation: 'an installer', PatientGeneral: 'an installer', Ticket: 'an installer', Sensor: 'an installer', Stream: 'a monitor',
  TicketEntry: 'an installer', Assignment: 'an installer', Document: 'an installer', Grant: 'an admin' }[o.operation.tags[0]]);
const send = (o, more = {}, server = servers[beside[doer(o)] ?? doer(o)] ?? first) => server.request({ method: o.method.toUpperCase(), path: sample(o),
  ...(o.operation.requestBody ? { body: '{}' } : {}), ...more,
  headers: { ...(bySession(o) && !more.headers?.Authorization ? { Cookie: names.session }
      : { Authorization: `Bearer ${people[doer(o)] ?? server.clients.bot.api_key}` }),
    'X-Lazaret': '1', 'Content-Type': mediaOf(o.operation), Accept: 'application/json', ...more.headers } });
const common = {};
function held(o, r, status) {
  same(r.status, status, o.name);
  promised(r, o.operation, o.name);
  if ([401, 415, 429].includes(status)) { /* the others may come from before the router, in other words */
    const shown = Object.values(o.operation.responses[status].content['application/json'].examples).map((x) => x.value.detail);
    check(shown.includes(JSON.parse(r.text).detail), `${o.name}: ${status} says ${r.text}, its examples ${shown}`);
  }
  (common[o.name] ??= new Set()).add(String(status));
}
await test('without a key, 401, where one is needed', async () => {
  for (const o of operations.filter((x) => !open(x.operation))) held(o, await send(o, { headers: { Authorization: 'Bearer lz_nobody', Accept: 'application/json' } }), 401);
});
await test('with an access token that does not cover it, 403, and which scope does', async () => {
  const token = async (scope) => JSON.parse((await first.request({ method: 'POST', path: '/auth/token', headers: { 'Content-Type': form },
    body: new URLSearchParams({ ...examples.find((x) => x.route === 'POST /auth/token').body, client_assertion: assertion(), scope }).toString() })).text).access_token;
  const [send1, see] = [await token('system/Bundle.c'), await token('system/PlanDefinition.s')];
  for (const o of operations.filter((x) => x.operation.security === undefined || ['Job', 'Model'].includes(x.operation.tags[0]))) { /* what programs do */
    const makesJobs = ['/v1/diagnose', '/v1/negotiate', '/fhir/R4/$diagnose', '/v1/jobs/{job_id}/replay', '/cds-services/{service}', '/cds-services/{service}/feedback'].includes(o.at) || (o.method === 'put' && o.at === '/v1/jobs/{job_id}');
    const r = await send(o, { headers: { Authorization: `Bearer ${makesJobs ? see : send1}` } });
    held(o, r, 403);
    check(/^Bearer realm="lazaret", error="insufficient_scope", scope="system\/\w+\.[cruds]"$/.test(r.headers['www-authenticate']), `${o.name}: ${r.headers['www-authenticate']}`);
  }
});
await test('where there is a body: another type is 415, no JSON is 422, too much is 413', async () => {
  for (const o of operations.filter((x) => x.operation.requestBody)) {
    const kib = Number(/At most (\d+) KiB/.exec(o.operation.requestBody.description)?.[1] ?? 1024 + 64); /* of documents: what they were started with */
    held(o, await send(o, { headers: { 'Content-Type': 'text/plain', ...(mediaOf(o.operation) === multipart ? { 'Content-Encoding': 'gzip' } : {}) } }), 415);
    if (![form, multipart].includes(mediaOf(o.operation))) held(o, await send(o, { body: '{' }), 422);
    held(o, await send(o, { body: ' '.repeat(kib * 1024 + 1) }), 413);
  }
});
await test('what would write over what others wrote says what it was made from, where that is asked of everybody: else 428', async () => {
  const strict = await serverOf('whoever has to say a version');
  const which = operations.filter((x) => x.operation.responses[428]);
  same(which.map((x) => x.name).sort(), ['DELETE /api/v1/contacts/{contact_id}', 'PUT /api/v1/contacts/{contact_id}', 'PUT /api/v1/installations/{patient_id}',
    'PUT /api/v1/patients/{patient_id}', 'PUT /api/v1/patients/{patient_id}/consent', 'PUT /api/v1/patients/{patient_id}/contacts'], 'which');
  for (const o of which) {
    held(o, await send(o, {}, strict), 428);
    check((await send(o, { headers: { 'If-Match': '"1"' } }, strict)).status !== 428, `${o.name}: with a version`);
    same((await send(o, { headers: { 'If-None-Match': '*' } }, strict)).status === 428, !o.at.endsWith('/consent'), `${o.name}: as the first, which a consent alone can be`);
    check((await send(o)).status !== 428, `${o.name}: of who sends a token, where it is not asked of them`);
  }
});
await test('a client that asks too often is told 429, and when to come again', async () => {
  const strict = new Server();
  await strict.start(['--limit-client-rate', '1', '--limit-client-burst', '1', '--limit-denied-rate', '1', '--limit-denied-burst', '1']);
  strict.addClient('bot');
  for (const o of operations.filter((x) => !open(x.operation))) {
    let r;
    for (let i = 0; i < 10 && r?.status !== 429; i++) /* one a second may pass; what no client may do is refused to strangers */
      r = await send(o, bySession(o) || o.operation.tags[0] === 'Audit' || doer(o) ? { headers: { Authorization: 'Bearer lz_nobody' } } : {}, strict);
    held(o, r, 429);
  }
  same((await strict.stop()).code, 0, 'exit');
});
await test('a server with all it can do answers 503 and when to come again', async () => {
  const busy = new Server();
  await busy.start(['--limit-in-flight', '1']);
  busy.addClient('bot');
  const slow = net.connect(busy.port, '127.0.0.1');
  slow.write('POST /v1/diagnose HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{');
  await sleep(300);
  for (const o of operations) held(o, await send(o, {}, busy), 503);
  slow.destroy();
  same((await busy.stop()).code, 0, 'exit');
});
await test('every status that an operation is said to answer was answered here', () => {
  for (const o of operations) {
    const shown = new Set(examples.filter((x) => operationOf(x.route) === o.operation).map((x) => String(x.status)));
    for (const status of Object.keys(o.operation.responses))
      check(shown.has(status) || common[o.name]?.has(status), `${o.name} is said to answer ${status}: give an example of it in src/api/examples.json`);
    check([...shown].some((s) => s < '400'), `${o.name}: no example of success`);
  }
});
await test('every answer that is JSON shows an example', () => {
  for (const o of operations)
    for (const [status, answer] of Object.entries(o.operation.responses))
      check(!answer.content?.['application/json'] || Object.keys(answer.content['application/json'].examples ?? {}).length, `${o.name} ${status}: no example`);
});
await test('every parameter and every header of an answer is used by an example', () => {
  for (const o of operations)
    for (const p of o.operation.parameters)
      check(p.example !== undefined, `${o.name}: no example sends the ${p.in} parameter ${p.name} and succeeds`);
});

// ---- the description as a document

function* values(v) {
  if (v && typeof v === 'object') for (const x of Object.values(v)) yield* values(x);
  else yield v;
}
await test('its examples are plain: no word of the test is left in them', () => {
  for (const v of values(api.paths)) check(!(typeof v === 'string' && /^@.*@$/s.test(v)), `it says ${v}`);
});
// "@TEXT this@" to this, "@INT 3@" to 3, "@job@" to what "@job=UUID@" is; an instant to any.
const keptWords = new Map([...JSON.stringify(examples).matchAll(/"@([a-z_]+)=((?:[^"\\]|\\.)*)@"/g)].map(([, name, word]) => [name, word]));
function plain(v) {
  if (Array.isArray(v)) return v.map(plain);
  if (v && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]));
  const word = typeof v === 'string' && /^@(.+)@$/s.exec(v)?.[1];
  if (!word) return v;
  const [, kind, more] = /^([A-Z]+)(?: (.*))?/s.exec(keptWords.get(word) ?? word.replace(/^[a-z_]+=/, '')) ?? ['', 'UUID'];
  if (kind === 'TEXT' || (kind === 'ANY' && more)) return more;
  if (kind === 'BOOL') return more === 'true';
  if (kind === 'TODAY') return timeOf(word);
  if (kind === 'INT' || kind === 'NEAR') return Number(more);
  return kind === 'NOW' ? '@TIME@' : `@${kind}@`;
}
await test('its examples are those of examples.json', () => {
  for (const x of examples) {
    const o = operationOf(x.route);
    const media = x.accept ?? 'application/json';
    if (x.answer !== undefined) match(o.responses[x.status].content[media].examples[x.name].value, plain(x.answer), {}, { exact: true, at: `${x.route} ${x.name}` });
    if (x.body && x.status !== 422) match(o.requestBody.content[mediaOf(o)].examples[x.name].value, plain(x.body), {}, { exact: true, at: `${x.route} ${x.name}` });
  }
});
await test('its examples have the form it describes', () => {
  for (const o of operations)
    for (const [status, answer] of [...Object.entries(o.operation.responses), ['body', o.operation.requestBody ?? {}]])
      for (const [media, content] of Object.entries(answer.content ?? {}))
        for (const [name, x] of Object.entries(content.examples ?? {}))
          same([...faults(api, x.value, content.schema)], [], `${o.name} ${status} ${media} ${name}`);
});
await test('a request id is on every answer that says so, and the references lead somewhere', async () => {
  check((await send(operations[0])).headers['x-request-id'] && follow(api, '#/components/headers/X-Request-ID'), 'X-Request-ID');
});
const require = createRequire(path.join(top, 'tests/tools/package.json'));
await test('Redocly, with all it recommends, finds nothing to mend', async () => {
  const { createConfig, lintFromString } = require('@redocly/openapi-core');
  const config = await createConfig({ extends: ['recommended-strict'], rules: { 'operation-operationId-unique': 'error',
    'operation-operationId-url-safe': 'error', 'tag-description': 'error', 'tags-alphabetical': 'off', 'no-invalid-media-type-examples': 'error',
    'no-invalid-schema-examples': 'error', 'operation-tag-defined': 'error', 'operation-description': 'off', 'operation-2xx-response': 'off' /* a redirect is one, too */, 'no-path-trailing-slash': 'error',
    'operation-4xx-response': 'off', 'path-parameters-defined': 'error', 'no-unused-components': 'error', 'parameter-description': 'error' } });
  const found = await lintFromString({ source: description, absoluteRef: 'openapi.json', config });
  same(found.map((p) => `${p.ruleId}: ${p.message.slice(0, 300)} at ${p.location[0]?.pointer}`), [], 'problems');
});
for (const s of Object.values(servers)) await test('the end', async () => same((await s.stop()).code, 0, `exit\n${s.log.slice(-2000)}`));
provider.close();
receiver.closeAllConnections();
receiver.close();
done();
