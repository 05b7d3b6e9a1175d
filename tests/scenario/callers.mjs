// callers.mjs -- one server, and whoever may ask it: programs with keys and with tokens, staff with tokens and with sessions, people with a
// passkey, and all sorts of strangers. Not a scenario itself, so not executable.
import { createHash, createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { publicPem, settings, token } from './issuer.mjs';
import { Server, cli, cliJson, same, tempFolder, until } from './lib.mjs';

export const home = 'http://localhost:1';
export const PASSWORD = 'xkq7 vmw2 pt9';
export const roles = ['doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin'];
const json = 'application/json', form = 'application/x-www-form-urlencoded';
const agent = new http.Agent({ keepAlive: true, maxSockets: 24 });
const receiver = http.createServer((q, r) => q.resume().on('end', () => r.writeHead(204).end()));
await new Promise((ready) => receiver.listen(0, '127.0.0.1', ready));
receiver.unref();

export const server = new Server();
await server.start([...settings(), '--staff-client', 'lazaret-web', '--public-url', home, '--staff-accounts', 'on', '--limit-denied-rate', '0',
  '--webhook-allow', '127.0.0.1']);

// body: an object goes as JSON, a text as a form.
export async function ask(method, at, { headers = {}, body } = {}) {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const r = await server.request({ method, path: at, agent, body: text, headers: { ...(body === undefined ? {} : { 'Content-Type': typeof body === 'string' ? form : json }), ...headers } });
  return { ...r, json: /json/.test(r.headers['content-type']) && r.text && !/ndjson/.test(r.headers['content-type']) ? JSON.parse(r.text) : undefined };
}
// The answer without what belongs to this one request.
export function plain(r) {
  const headers = { ...r.headers };
  for (const h of ['date', 'x-request-id', 'lazaret-audit', 'keep-alive', 'connection']) delete headers[h];
  const body = r.json ? { ...r.json } : r.text;
  delete body.request_id;
  return JSON.stringify([r.status, headers, body]);
}
// Many at a time.
export async function all(list, work, at = 24) {
  const rest = [...list];
  await Promise.all(Array.from({ length: at }, async () => { while (rest.length) await work(rest.shift()); }));
}
export const bearer = (text) => ({ Authorization: `Bearer ${text}` });

// ---- programs

export const keys = { bot: server.addClient('bot', ['--webhook', `http://127.0.0.1:${receiver.address().port}`]).api_key, other: server.addClient('other').api_key };
const own = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const jwks = path.join(tempFolder(), 'jwks.json');
fs.writeFileSync(jwks, JSON.stringify({ keys: [{ ...own.publicKey.export({ format: 'jwk' }), kid: 'k1' }] }));
cliJson(['client', 'keys', 'bot', '--jwks', jwks, '--data', server.dir, '--json']);
export function tokenForm(scope) {
  const part = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');
  const text = `${part({ alg: 'ES384', kid: 'k1' })}.${part({ iss: 'bot', sub: 'bot', aud: `${home}/auth/token`, exp: Math.floor(Date.now() / 1000) + 200, jti: randomUUID() })}`;
  return { grant_type: 'client_credentials', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', scope,
    client_assertion: `${text}.${sign('sha384', Buffer.from(text), { key: own.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}` };
}
async function smart(scope) {
  const r = await ask('POST', '/auth/token', { body: new URLSearchParams(tokenForm(scope)).toString() });
  same(r.status, 200, r.text);
  return r.json.access_token;
}
const now = Date.now();
export const diagnosis = (client, more = {}) => ({ client_id: client, target_diagnosis: 'ckd', fhir_bundle: JSON.parse(bundle('patient scr(time=NOW-1H)', now)), ...more });

// What each of the two programs has: an ended job, an endpoint, an event that was delivered to it.
async function thingsOf(client) {
  const headers = bearer(keys[client]);
  const made = await ask('POST', '/v1/webhook-endpoints', { headers, body: { url: `http://127.0.0.1:${receiver.address().port}/${client}` } });
  same(made.status, 201, made.text);
  const job = await ask('POST', '/v1/diagnose', { headers: { ...headers, 'Idempotency-Key': 'shared' }, body: diagnosis(client) });
  same(job.status, 202, job.text);
  const delivered = await until('a delivery', async () => (await ask('GET', `/v1/webhook-endpoints/${made.json.endpoint_id}/deliveries`, { headers })).json.deliveries[0], 30000);
  return { job: job.json.job_id, endpoint: made.json.endpoint_id, event: delivered.event_id };
}
export const things = { bot: await thingsOf('bot'), other: await thingsOf('other') };

// ---- people with accounts here, and a device in software

const sha256 = (b) => createHash('sha256').update(b).digest();
export function passkey(challenge, id) {
  const { x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  const cose = Buffer.concat([Buffer.from('a5010203262001215820', 'hex'), Buffer.from(x, 'base64url'), Buffer.from('225820', 'hex'), Buffer.from(y, 'base64url')]);
  const data = Buffer.concat([sha256('localhost'), Buffer.from('4500000000', 'hex'), Buffer.alloc(16), Buffer.from([0, id.length]), Buffer.from(id), cose]);
  const attestation = Buffer.concat([Buffer.from([0xa3, 0x63, ...Buffer.from('fmt'), 0x64, ...Buffer.from('none'), 0x67, ...Buffer.from('attStmt'), 0xa0, 0x68,
    ...Buffer.from('authData'), 0x58, data.length]), data]);
  return { id: Buffer.from(id).toString('base64url'), type: 'public-key', response: { attestationObject: attestation.toString('base64url'),
    clientDataJSON: Buffer.from(JSON.stringify({ type: 'webauthn.create', challenge, origin: home })).toString('base64url') } };
}
export const page = { 'X-Lazaret': '1' };
const cookieOf = (r) => r.headers['set-cookie'][0].split(';')[0];
export async function signIn(name) {
  const r = await ask('POST', '/auth/password', { headers: page, body: { name, password: PASSWORD } });
  same(r.status, 200, r.text);
  return { Cookie: cookieOf(r) };
}
export function invite(name, ...held) {
  const of = (verb, role, by) => cli([...verb.split(' '), name, '--role', role, '--by', by, '--data', server.dir, '--json']);
  const r = of('user add', held[0], 'root');
  same(r.code, 0, r.stderr);
  for (const role of held.slice(1)) of('role add', role, 'root');
  for (const role of held) of('user approve', role, 'chief');
  return JSON.parse(r.stdout).invitation;
}
async function account(name, ...held) {
  const r = await ask('POST', '/auth/invitation', { headers: page, body: { code: invite(name, ...held), password: PASSWORD } });
  same(r.status, 200, r.text);
  return { Cookie: cookieOf(r) };
}
export async function addPasskey(session, id) {
  const headers = { ...session, ...page };
  const options = await ask('POST', '/auth/passkey/register/options', { headers });
  same(options.status, 200, options.text);
  const r = await ask('POST', '/auth/passkey/register', { headers, body: { label: id, credential: passkey(options.json.challenge, id) } });
  same(r.status, 201, r.text);
  return r.json.id;
}
export const sessions = {};
for (const role of roles) sessions[role] = await account(`${role}s`, role);
sessions.second = await account('second', 'doctor');
sessions.two = await account('two', 'doctor', 'researcher');
sessions.chosen = await account('chosen', 'doctor', 'researcher');
sessions.chosen = { Cookie: cookieOf(await ask('POST', '/auth/role', { headers: { ...sessions.chosen, ...page }, body: { role: 'researcher' } })) };
things.passkey = { own: await addPasskey(sessions.doctor, 'of the first'), other: await addPasskey(sessions.second, 'of the second') };

// ---- everybody
// is: the role they act in; 'stranger' (401), 'nobody' (known, no role that counts: 403), 'both' (signs in two ways: 400). x: sends X-Lazaret.

const caller = (name, is, headers, more = {}) => ({ name, is, headers, x: true, ...more });
const staff = (name, is, held, headers = {}) => caller(name, is, { ...bearer(token(name.replace(/\W/g, '-'), held)), ...headers });
const wrong = (name, ...how) => caller(name, 'stranger', bearer(token('eve', ['doctor', 'auditor'], ...how)));
const past = Math.floor(now / 1000) - 600;
export const scopes = ['Bundle.c', 'GuidanceResponse.r', 'GuidanceResponse.s', 'GuidanceResponse.d', 'PlanDefinition.r', 'PlanDefinition.s',
  'Subscription.c', 'Subscription.r', 'Subscription.u', 'Subscription.d', 'Subscription.s'];
const apart = ['installer monitor', 'admin doctor', 'admin installer', 'admin monitor', 'admin researcher', 'admin auditor', 'researcher auditor'].map((p) => p.split(' '));
const together = ['doctor installer', 'doctor monitor', 'doctor researcher', 'doctor auditor', 'installer researcher', 'installer auditor', 'monitor researcher',
  'monitor auditor'].map((p) => p.split(' '));
const aliases = { dottore: 'doctor', iit: 'installer', imt: 'monitor', unimi: 'researcher', dpo: 'auditor' };
const session = (name, is, cookie, x) => caller(name, is, cookie, { session: true, x });

export const callers = [
  caller('nobody at all', 'stranger', {}),
  caller('no header X-Lazaret', 'stranger', {}, { x: false }),
  caller('a key', 'client', bearer(keys.bot)),
  caller('a key that is none', 'stranger', bearer(`${keys.bot.slice(0, -4)}AAAA`)),
  caller('a key without Bearer', 'stranger', { Authorization: keys.bot }),
  caller('a name and a password', 'stranger', { Authorization: `Basic ${Buffer.from(`doctors:${PASSWORD}`).toString('base64')}` }),
  caller('a token with every scope', 'client', bearer(await smart('system/*.cruds')), { scopes }),
  ...await Promise.all(scopes.map(async (s) => caller(`a token with ${s}`, 'client', bearer(await smart(`system/${s}`)), { scopes: [s] }))),
  caller('an access token that is none', 'stranger', bearer('lt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')),
  wrong('an expired token', { exp: past }),
  wrong('a token not valid yet', { nbf: past + 1200 }),
  wrong('a token that never ends', { exp: undefined }),
  wrong('a token for others', { aud: 'other' }),
  wrong('a token for nobody', { aud: undefined }),
  wrong('a token of others', { iss: 'http://127.0.0.1:1' }),
  wrong('a token with alg none', {}, { alg: 'none' }, () => Buffer.alloc(0)),
  wrong('a token signed with the public key as secret', {}, { alg: 'HS256' }, (text) => createHmac('sha256', publicPem).update(text).digest()),
  wrong('a token with a signature of zeros', {}, {}, () => Buffer.alloc(256)),
  wrong('an ID token', { typ: 'ID' }),
  staff('without a role', 'nobody', []),
  staff('with roles of others', 'nobody', ['superuser', 'offline_access']),
  ...['client', 'operator', 'anonymous', 'participant', 'Doctor'].map((r) => staff(`calls itself ${r}`, 'nobody', [r])),
  ...roles.map((r) => staff(r, r, [r])),
  ...roles.map((r) => staff(`${r} who wants to be ${r === 'doctor' ? 'auditor' : 'doctor'}`, 'nobody', [r], { 'Lazaret-Role': r === 'doctor' ? 'auditor' : 'doctor' })),
  ...Object.entries(aliases).map(([a, r]) => staff(`${a} by another name`, r, [a])),
  ...together.flatMap(([a, b]) => [staff(`${a} and ${b}`, 'nobody', [a, b]), ...[a, b].map((r) => staff(`${a} and ${b} as ${r}`, r, [a, b], { 'Lazaret-Role': r }))]),
  ...apart.flatMap(([a, b]) => [staff(`${a} with ${b}`, 'nobody', [a, b]), ...[a, b].map((r) => staff(`${a} with ${b} as ${r}`, 'nobody', [a, b], { 'Lazaret-Role': r }))]),
  ...roles.flatMap((r) => [session(`${r} in a browser`, r, sessions[r], true), session(`${r} in a browser without X-Lazaret`, r, sessions[r], false)]),
  session('two roles in a browser', 'nobody', sessions.two, true),
  session('two roles in a browser, one named by a header', 'nobody', { ...sessions.two, 'Lazaret-Role': 'researcher' }, true),
  session('two roles in a browser, one chosen', 'researcher', sessions.chosen, true),
  session('two roles in a browser, one chosen, the other named by a header', 'nobody', { ...sessions.chosen, 'Lazaret-Role': 'doctor' }, true),
  session('a made-up cookie', 'stranger', { Cookie: `__Host-lazaret=${'A'.repeat(43)}` }, true),
  caller('a cookie and a key', 'both', { ...sessions.doctor, ...bearer(keys.bot) }),
];
