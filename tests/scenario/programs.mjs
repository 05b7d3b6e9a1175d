#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 300
// programs.mjs   programs sign in by a key of their own (SMART Backend Services, with openid-client and with assertions made here) and by a
// certificate (curl --cert): what is registered, what a token covers, what is refused, and what a kill leaves of an assertion that was used.
import { spawnSync } from 'node:child_process';
import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Server, check, cli, cliJson, contains, done, same, sleep, tempFolder, test, top } from './lib.mjs';

const require = createRequire(new URL('../clients/package.json', import.meta.url));
const { Issuer } = require('openid-client');
const box = tempFolder();
const file = (name, text) => { fs.writeFileSync(path.join(box, name), text); return path.join(box, name); };

// ---- keys

const kinds = { RS384: ['rsa', { modulusLength: 2048 }], PS256: ['rsa', { modulusLength: 2048 }], ES384: ['ec', { namedCurve: 'P-384' }], ES256: ['ec', { namedCurve: 'P-256' }] };
function key(kid, alg) {
  const pair = generateKeyPairSync(...kinds[alg]);
  return { kid, alg, private: pair.privateKey, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid }, whole: { ...pair.privateKey.export({ format: 'jwk' }), kid } };
}
const set = (...keys) => JSON.stringify({ keys: keys.map((k) => k.jwk ?? k) });
const rsa = key('r1', 'RS384'), ec = key('e1', 'ES384'), other = key('o1', 'ES256'), stranger = key('e1', 'ES384');
const part = (x) => Buffer.from(typeof x === 'string' ? x : JSON.stringify(x)).toString('base64url');
function signed(header, claims, k) {
  const text = `${part(header)}.${part(claims)}`;
  const how = { key: k.private, dsaEncoding: 'ieee-p1363', ...(header.alg?.startsWith('PS') ? { padding: 6, saltLength: -1 } : {}) };
  return `${text}.${sign(`sha${k.alg.slice(2)}`, Buffer.from(text), how).toString('base64url')}`;
}
const now = () => Math.floor(Date.now() / 1000);

// ---- the server

const server = new Server();
await server.start();
const base = () => `http://127.0.0.1:${server.port}`;
const client = (verb, name, ...options) => cli(['client', verb, name, '--data', server.dir, ...options]);
const good = (r) => same(r.code, 0, r.stderr);
const fails = (r, word) => { check(r.code !== 0, `accepted: ${r.stdout}`); contains(r.stderr, word); };
server.addClient('bot');
server.addClient('other');
server.addClient('plain');
const claims = (name = 'bot', more = {}) => ({ iss: name, sub: name, aud: `${base()}/auth/token`, exp: now() + 120, jti: randomUUID(), ...more });
const assertion = (k = ec, name = 'bot', more = {}, header = {}) => signed({ alg: k.alg, kid: k.kid, typ: 'JWT', ...header }, claims(name, more), k);
const form = (a, scope = 'system/Bundle.c', more = {}) => new URLSearchParams({ grant_type: 'client_credentials',
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: a, ...(scope === null ? {} : { scope }), ...more }).toString();
async function ask(body, s = server) {
  const r = await s.request({ method: 'POST', path: '/auth/token', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body });
  return { ...r, json: JSON.parse(r.text) };
}
async function token(scope, k = ec, name = 'bot') {
  const r = await ask(form(assertion(k, name), scope));
  same(r.status, 200, r.text);
  return r.json.access_token;
}
async function refused(body, status, error, says) {
  const r = await ask(body);
  same([r.status, r.json.error], [status, error], r.text);
  contains(r.json.error_description, says);
  same(r.headers['cache-control'], 'no-store', 'Cache-Control');
  return r;
}
const call = (method, at, authorization, s = server) => s.request({ method, path: at, headers: authorization ? { Authorization: authorization } : {} });

// ---- what is registered

await test('a key set of public keys that are long enough is taken, nothing else', () => {
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey.export({ format: 'jwk' });
  for (const [text, says] of [['{', 'not JSON'], ['[]', 'RFC 7517'], ['{"keys":[]}', 'has no key'], [set(ec.whole), 'private or shared secret'], [set(rsa.whole), 'private or shared secret'],
    [set({ kty: 'oct', k: 'c2VjcmV0', kid: 's' }), 'private or shared secret'], [set({ ...short, kid: 's' }), '2048'], [set({ ...curve, kid: 'c' }), 'P-384'],
    [set({ ...ec.jwk, kid: undefined }), 'kid'], [set(ec, stranger), 'kid of its own'], [set({ ...ec.jwk, use: 'enc' }), 'use'], [set({ ...rsa.jwk, e: 'AQ' }), 'exponent'],
    [set(...Array.from({ length: 9 }, (_, i) => ({ ...ec.jwk, kid: `k${i}` }))), 'at most 8'], [`{"keys":[],"keys":[${JSON.stringify(ec.jwk)}]}`, 'not JSON'], [`${' '.repeat(20000)}${set(ec)}`, '16384']])
    fails(client('keys', 'bot', '--jwks', file('bad.json', text)), says);
  fails(client('keys', 'nobody', '--jwks', file('ec.json', set(ec))), 'no client named');
  const sample = fs.readFileSync(path.join(top, 'examples/sepsis-complete.json'), 'utf8').replaceAll(/@\w+@/g, new Date(Date.now() - 60000).toISOString());
  cli(['diagnose', file('bundle.json', sample), '--model', 'sepsis', '--data', server.dir]); /* makes the operator's own client */
  check(cliJson(['client', 'list', '--data', server.dir, '--json']).some((c) => c.client === 'operator'), 'there is no client of the operator');
  fails(client('keys', 'operator', '--jwks', file('ec.json', set(ec))), 'no client named operator');
  fails(client('keys', 'bot'), 'one of --jwks');
  fails(client('keys', 'bot', '--remove'), 'no key set');
  good(client('keys', 'bot', '--jwks', file('both.json', set(rsa, ec))));
  good(client('keys', 'other', '--jwks', file('other.json', set(other))));
  const list = cliJson(['client', 'list', '--data', server.dir, '--json']);
  same(list.filter((c) => c.client !== 'operator').map((c) => [c.client, c.keys]), [['bot', ['r1', 'e1']], ['other', ['o1']], ['plain', []]], 'client list');
  same(server.audit().filter((x) => x.route === 'lazaret client keys').map((x) => [x.actor.id, x.out]), [['operator', 'permit'], ['operator', 'permit']], 'audit');
});
await test('discovery says where, and how', async () => {
  for (const at of ['/.well-known/smart-configuration', '/fhir/R4/.well-known/smart-configuration']) {
    const r = await call('GET', at);
    const j = JSON.parse(r.text);
    same([r.status, j.token_endpoint, j.token_endpoint_auth_methods_supported, j.grant_types_supported], [200, `${base()}/auth/token`, ['private_key_jwt'], ['client_credentials']], at);
    check(['RS384', 'ES384'].every((x) => j.token_endpoint_auth_signing_alg_values_supported.includes(x)), r.text);
    check(!/none|HS/.test(j.token_endpoint_auth_signing_alg_values_supported), r.text);
    check(j.scopes_supported.includes('system/Bundle.c') && j.capabilities.includes('client-confidential-asymmetric'), r.text);
  }
});

// ---- tokens

await test('openid-client signs in by what discovery says, with RS384 and ES384', async () => {
  const found = JSON.parse((await call('GET', '/.well-known/smart-configuration')).text);
  const issuer = new Issuer(found);
  for (const k of [rsa, ec]) {
    const c = new issuer.Client({ client_id: 'bot', token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: k.alg }, { keys: [k.whole] });
    const t = await c.grant({ grant_type: 'client_credentials', scope: 'system/Bundle.c system/GuidanceResponse.rs' });
    same([t.token_type, t.scope, t.expires_at - now() <= 300 && t.expires_at - now() > 290], ['bearer', 'system/Bundle.c system/GuidanceResponse.rs', true], k.alg);
    const r = await call('GET', '/v1/jobs', `Bearer ${t.access_token}`);
    same(r.status, 200, r.text);
    const me = JSON.parse((await call('GET', '/api/v1/me', `Bearer ${t.access_token}`)).text);
    same([me.kind, me.name, me.role], ['client', 'bot', 'client'], 'me');
  }
});
await test('the answer has the form of RFC 6749, and the token is in no record', async () => {
  const r = await ask(form(assertion(rsa), 'system/*.rs'));
  same([r.status, r.headers['cache-control'], r.headers.pragma, Object.keys(r.json), r.json.token_type, r.json.expires_in, r.json.scope],
    [200, 'no-store', 'no-cache', ['access_token', 'token_type', 'expires_in', 'scope'], 'bearer', 300, 'system/GuidanceResponse.rs system/PlanDefinition.rs system/Subscription.rs'], r.text);
  same(server.findPlain([r.json.access_token, r.json.access_token.slice(3)]), [], 'records');
  check(!server.log.includes(r.json.access_token.slice(3)), 'the log has it');
  const made = server.audit().filter((x) => x.obj?.type === 'Token' && x.out === 'permit');
  same([made.length, made.at(-1).actor.id, made.at(-1).act], [3, 'bot', 'create'], 'audit');
});
await test('a token does what its scopes cover, and is told which it lacks', async () => {
  for (const [scope, method, at, needs] of [
    ['system/Bundle.c', 'GET', '/v1/jobs', 'system/GuidanceResponse.s'], ['system/GuidanceResponse.s', 'GET', '/v1/jobs', null],
    ['system/GuidanceResponse.s', 'GET', `/v1/jobs/${randomUUID()}`, 'system/GuidanceResponse.r'], ['system/GuidanceResponse.r', 'GET', `/v1/jobs/${randomUUID()}`, null],
    ['system/GuidanceResponse.rs', 'DELETE', `/v1/jobs/${randomUUID()}`, 'system/GuidanceResponse.d'], ['system/GuidanceResponse.rs', 'POST', '/v1/diagnose', 'system/Bundle.c'],
    ['system/*.rs', 'POST', '/v1/webhook-endpoints', 'system/Subscription.c'], ['system/Subscription.cruds', 'GET', '/v1/models', 'system/PlanDefinition.s'],
    ['system/*.cruds', 'GET', '/v1/models', null]]) {
    const r = await call(method, at, `Bearer ${await token(scope)}`);
    if (needs === null) check(r.status === 200 || r.status === 404, `${scope}: ${method} ${at}: ${r.status} ${r.text}`);
    else same([r.status, r.headers['www-authenticate']], [403, `Bearer realm="lazaret", error="insufficient_scope", scope="${needs}"`], `${scope}: ${method} ${at}`);
  }
  const denied = server.audit().filter((x) => x.why === 'SCOPE');
  check(denied.length === 6 && denied.every((x) => x.out === 'deny' && x.actor.id === 'bot'), JSON.stringify(denied));
});
await test('no scope widens: what the policy does not give a client, no token has', async () => {
  const t = await token('system/*.cruds');
  same((await call('GET', '/v1/jobs/00000000-0000-7000-8000-000000000000', `Bearer ${t}`)).status, 404, 'another client\'s job');
  await refused(form(assertion(), 'system/Patient.rs'), 400, 'invalid_scope', 'nothing that is granted');
  for (const scope of ['', 'x', 'system/Bundle', 'system/Bundle.', 'system/Bundle.sc', 'system/Bundle.d', 'user/Bundle.c', 'SYSTEM/Bundle.c', 'system/bundle.c', 'system/Bundle.write', `${'x'.repeat(2000)} system/Bundle.c`])
    await refused(form(assertion(), scope), 400, 'invalid_scope', 'scope');
  await refused(form(assertion(), null), 400, 'invalid_scope', 'scope is missing');
});
await test('an assertion that is wrong in one point is refused', async () => {
  const secret = (text) => createHmac('sha256', JSON.stringify(ec.jwk)).update(text).digest('base64url');
  const mac = () => { const t = `${part({ alg: 'HS256', kid: 'e1' })}.${part(claims())}`; return `${t}.${secret(t)}`; };
  for (const [what, a] of [['none', `${part({ alg: 'none' })}.${part(claims())}.`], ['HS256 by the public key', mac()], ['another key of the same name', assertion(stranger)],
    ['the key of another client', assertion(other)], ['another client by one\'s own key', assertion(ec, 'other')], ['nobody', assertion(ec, 'nobody')], ['a client without keys', assertion(ec, 'plain')],
    ['iss and sub differ', assertion(ec, 'bot', { sub: 'other' })], ['expired', assertion(ec, 'bot', { exp: now() - 60 })], ['too far ahead', assertion(ec, 'bot', { exp: now() + 900 })],
    ['another audience', assertion(ec, 'bot', { aud: 'https://other.example/token' })], ['two audiences', assertion(ec, 'bot', { aud: [`${base()}/auth/token`, 'https://other.example'] })],
    ['no jti', assertion(ec, 'bot', { jti: undefined })], ['no exp', assertion(ec, 'bot', { exp: undefined })], ['no audience', assertion(ec, 'bot', { aud: undefined })],
    ['an access token', assertion(ec, 'bot', {}, { typ: 'at+jwt' })], ['keys from elsewhere', assertion(ec, 'bot', {}, { jku: 'https://evil.example/jwks' })], ['no token', 'x']]) {
    const r = await ask(form(a));
    same([r.status, r.json.error], [401, 'invalid_client'], `${what}: ${r.text}`);
  }
  const plain = (await ask(form(assertion(ec, 'plain')))).json.error_description, none = (await ask(form(assertion(ec, 'nobody')))).json.error_description;
  same([plain, (await ask(form(assertion(stranger)))).json.error_description], [none, none], 'who has no key is told nothing of who has');
  same((await ask(form(assertion(ec, 'bot', { aud: base() })))).status, 200, 'the issuer as the audience');
});
await test('a form that is wrong is refused in the words of RFC 6749', async () => {
  await refused(form(assertion()).replace('client_credentials', 'password'), 400, 'unsupported_grant_type', 'client_credentials');
  await refused(form(assertion()).replace('jwt-bearer', 'saml2-bearer'), 400, 'invalid_request', 'jwt-bearer');
  await refused(`${form(assertion())}&grant_type=client_credentials`, 400, 'invalid_request', 'more than once');
  await refused(`${form(assertion())}&scope=system%2FBundle.c`, 400, 'invalid_request', 'more than once');
  await refused('grant_type=client_credentials', 400, 'invalid_request', 'client_assertion_type');
  await refused('', 400, 'invalid_request', 'grant_type');
  await refused(form(assertion(), 'system/Bundle.c', { client_id: 'other' }), 401, 'invalid_client', 'client_id');
  same((await ask(form(assertion(), 'system/Bundle.c', { client_id: 'bot' }))).status, 200, 'client_id of the same');
  const r = await server.request({ method: 'POST', path: '/auth/token', headers: { 'Content-Type': 'application/json' }, body: '{}' });
  same([r.status, JSON.parse(r.text).error], [415, 'invalid_request'], r.text);
});
await test('an assertion is good once, also when it comes many times at once', async () => {
  const a = form(assertion());
  const all = await Promise.all(Array.from({ length: 12 }, () => ask(a)));
  same(all.filter((r) => r.status === 200).length, 1, 'how many got a token');
  check(all.filter((r) => r.status !== 200).every((r) => r.status === 401 && r.json.error_description.includes('used before')), all.map((r) => r.text).join('\n'));
  const jti = randomUUID();
  same((await ask(form(assertion(ec, 'bot', { jti })))).status, 200, 'the first of this jti');
  await refused(form(assertion(ec, 'bot', { jti, exp: now() + 200 })), 401, 'invalid_client', 'used before');
  same((await ask(form(assertion(other, 'other', { jti })))).status, 200, 'the same jti of another client');
});
await test('an assertion that was used before a kill is refused after it, and its token lives on', async () => {
  const port = server.port, a = form(assertion(ec, 'bot', { exp: now() + 250 }));
  const r = await ask(a);
  same(r.status, 200, r.text);
  const p = server.process;
  p.kill('SIGKILL');
  await server.ended;
  await server.start(['--public-url', `http://127.0.0.1:${port}`]);
  await refused(a, 401, 'invalid_client', 'used before');
  same((await call('GET', '/api/v1/me', `Bearer ${r.json.access_token}`)).status, 200, 'its token');
  await server.stop();
  await server.start();
});
await test('a token ends with the key, the key set and the client', async () => {
  const lives = async (t) => (await call('GET', '/api/v1/me', `Bearer ${t}`)).status === 200;
  for (const change of [() => { server.clients.bot.api_key = cliJson(['client', 'rotate', 'bot', '--data', server.dir, '--json']).api_key; },
    () => good(client('keys', 'bot', '--jwks', file('ec.json', set(ec)))), () => good(client('keys', 'bot', '--remove'))]) {
    const t = await token('system/Bundle.c'), theirs = await token('system/Bundle.c', other, 'other');
    check(await lives(t) && await lives(theirs), 'a fresh token');
    change();
    check(!(await lives(t)), 'the token is good after the change');
    check(await lives(theirs), 'another client\'s token ended');
  }
  same((await ask(form(assertion()))).status, 401, 'without keys');
  good(client('keys', 'bot', '--jwks', file('both.json', set(rsa, ec))));
  const r = await call('GET', '/api/v1/me', 'Bearer lt_nobodys');
  same([r.status, r.headers['www-authenticate']], [401, 'Bearer realm="lazaret", error="invalid_token"'], r.text);
});
await test('failed sign-ins are counted as wrong keys are, and audited', async () => {
  const before = server.audit().filter((x) => x.route === '/auth/token' && x.why === 'ASSERTION').length;
  await ask(form(assertion(stranger)));
  const after = server.audit().filter((x) => x.route === '/auth/token' && x.why === 'ASSERTION');
  same([after.length - before, after.at(-1).out, after.at(-1).actor?.id ?? null], [1, 'deny', null], 'audit');
  const strict = new Server();
  await strict.start(['--limit-denied-rate', '1', '--limit-denied-burst', '2']);
  const codes = [];
  for (let i = 0; i < 5; i++) codes.push((await ask(form(assertion(stranger)), strict)).status);
  check(codes[0] === 401 && codes.includes(429), codes.join(' '));
  same((await call('GET', '/v1/jobs', 'Bearer lz_wrong', strict)).status, 429, 'and wrong keys with them');
  await strict.stop();
});

// ---- fetched key sets

await test('a key set is fetched from where the client publishes it, and asked again for a key it lacks', async () => {
  let keys = set(ec), asked = 0;
  const site = http.createServer((q, r) => { asked++; if (q.url.startsWith('/away')) r.writeHead(302, { Location: '/jwks' }).end(); else r.end(keys); });
  await new Promise((ok) => site.listen(0, '127.0.0.1', ok));
  site.unref();
  const url = `http://127.0.0.1:${site.address().port}/jwks`;
  fails(client('keys', 'plain', '--jwks-url', url), 'program.http');
  await server.stop();
  await server.start(['--program-http', 'on']);
  for (const bad of ['http://example.com/jwks', 'https://user@example.com/', 'ftp://x/', 'x']) fails(client('keys', 'plain', '--jwks-url', bad), 'https://HOST');
  good(client('keys', 'plain', '--jwks-url', url));
  same(cliJson(['client', 'list', '--data', server.dir, '--json']).find((c) => c.client === 'plain').jwks_url, url, 'client list');
  const all = await Promise.all(Array.from({ length: 8 }, () => ask(form(assertion(ec, 'plain')))));
  same([all.map((r) => r.status), asked], [Array(8).fill(200), 1], 'eight at once ask once');
  keys = set(ec, other);
  same((await ask(form(assertion(other, 'plain')))).status, 401, 'a key that is new is not asked for within 30 s');
  same(asked, 1, 'asked');
  same((await ask(form(assertion(ec, 'plain', {}, { jku: url })))).status, 200, 'jku is the URL that is registered');
  for (const [text, at] of [[set(ec.whole), '/jwks'], ['x', '/jwks'], [set(ec), '/away'], [`${' '.repeat(300000)}${set(ec)}`, '/jwks']]) {
    keys = text;
    good(client('keys', 'plain', '--jwks-url', `${url.replace('/jwks', at)}?${Math.random()}`));
    same((await ask(form(assertion(ec, 'plain')))).status, 401, `${at}: ${text.slice(0, 40)}`);
  }
  check(server.log.includes('the keys of a client were not fetched'), 'the log says nothing');
});
await server.stop();

// ---- certificates

const openssl = (...words) => { const r = spawnSync('openssl', words, { encoding: 'utf8', cwd: box }); check(r.status === 0, `openssl ${words.join(' ')}: ${r.stderr}`); return r.stdout; };
function authority(name) {
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`);
}
function certificate(name, ca, { subject = `/O=Ward/CN=${name}`, usage = 'clientAuth', days = 2, more = [] } = {}) {
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  file(`${name}.ext`, `extendedKeyUsage=${usage}\nsubjectAltName=IP:127.0.0.1\n`);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', String(days), '-extfile', `${name}.ext`, '-out', `${name}.pem`, ...more);
}
authority('ca');
authority('foreign');
certificate('server', 'ca', { usage: 'serverAuth' });
certificate('bot', 'ca');
certificate('bot2', 'ca', { subject: '/O=Ward/CN=bot' });
certificate('unknown', 'ca');
certificate('forged', 'foreign', { subject: '/O=Ward/CN=bot' });
certificate('expired', 'ca', { subject: '/O=Ward/CN=bot', days: -1 });
certificate('wrong', 'ca', { subject: '/O=Ward/CN=bot', usage: 'serverAuth' });
const tls = ['--tls', 'on', '--tls-cert', path.join(box, 'server.pem'), '--tls-key', path.join(box, 'server.key'), '--tls-client-ca', path.join(box, 'ca.pem')];
function curl(cert, at = '/api/v1/me', ...more) {
  const r = spawnSync('curl', ['-s', '--max-time', '10', '--cacert', path.join(box, 'ca.pem'), ...(cert ? ['--cert', path.join(box, `${cert}.pem`), '--key', path.join(box, `${cert}.key`)] : []),
    '-w', '\n%{http_code}', ...more, `https://127.0.0.1:${server.port}${at}`], { encoding: 'utf8' });
  const [text, status] = [r.stdout.slice(0, r.stdout.lastIndexOf('\n')), Number(r.stdout.slice(r.stdout.lastIndexOf('\n') + 1))];
  return { failed: r.status !== 0, status, json: text.startsWith('{') ? JSON.parse(text) : null, text };
}
const cert = (name) => path.join(box, `${name}.pem`);

await test('a program is who its certificate was registered for', async () => {
  await server.start(tls);
  same(curl('bot').status, 401, 'before it is registered');
  fails(client('cert', 'bot', '--file', file('empty.pem', 'x')), 'not one certificate');
  fails(client('cert', 'bot'), '--file');
  fails(client('cert', 'bot', '--remove'), 'no such certificate');
  good(client('cert', 'bot', '--file', cert('bot')));
  fails(client('cert', 'other', '--file', cert('bot')), 'registered already');
  const r = curl('bot');
  same([r.status, r.json?.name, r.json?.role], [200, 'bot', 'client'], r.text);
  same(curl('bot', '/v1/jobs').status, 200, 'what a client may do');
  same(curl('bot2').status, 401, 'another certificate of the same subject');
  same(curl('unknown').status, 401, 'one that is registered for nobody');
  same(curl(null).status, 401, 'no certificate');
  same(curl(null, '/health').status, 200, 'what is open to all');
  const [bot] = cliJson(['client', 'list', '--data', server.dir, '--json']);
  same([bot.certificates.length, bot.certificates[0].by, bot.certificates[0].subject], [1, 'certificate', 'CN=bot,O=Ward'], 'client list');
});
await test('a chain, a time or a purpose that does not hold ends the handshake', () => {
  for (const name of ['forged', 'expired', 'wrong']) check(curl(name, '/health').failed, `${name}: was let in`);
});
await test('by subject, any certificate of the authority is theirs', () => {
  good(client('cert', 'other', '--file', cert('bot'), '--subject'));
  same(curl('bot').json?.name, 'bot', 'the certificate itself goes before its subject');
  same(curl('bot2').json?.name, 'other', 'the subject');
  check(curl('forged', '/health').failed, 'another authority\'s of the same subject was let in');
  good(client('cert', 'other', '--remove'));
  same(curl('bot2').status, 401, 'after it was removed');
});
await test('a key or a token goes before the certificate, and a wrong one is not made good by it', () => {
  same(curl('bot', '/api/v1/me', '-H', `Authorization: Bearer ${server.clients.other.api_key}`).json?.name, 'other', 'the key\'s client');
  same(curl('bot', '/api/v1/me', '-H', 'Authorization: Bearer lz_wrong').status, 401, 'a wrong key');
});
await test('no header is believed, whatever a proxy would say in it', async () => {
  const pem = encodeURIComponent(fs.readFileSync(cert('bot'), 'utf8'));
  const headers = ['X-SSL-Client-Cert', 'X-Client-Cert', 'SSL-Client-Cert', 'X-Forwarded-Client-Cert', 'X-SSL-Client-Verify: SUCCESS\r\nX-SSL-Client-DN', 'Client-Cert'];
  for (const h of headers) same(curl(null, '/api/v1/me', '-H', `${h}: ${pem}`).status, 401, h);
  await server.stop();
  for (const [how, says] of [[['--tls', 'proxy'], 'tls.client_ca needs tls = on'], [[], 'tls.client_ca needs tls = on']])
    contains(cli(['serve', '--data', server.dir, '--listen', '127.0.0.1:0', ...how, '--tls-client-ca', cert('ca')]).stderr, says);
  contains(cli(['serve', '--data', server.dir, '--listen', '127.0.0.1:0', ...tls.slice(0, 6), '--tls-client-ca', cert('empty')]).stderr, 'authorities of clients');
  contains(cli(['serve', '--data', server.dir, '--listen', '127.0.0.1:0', '--tls-client-cert', 'need']).stderr, 'tls.client_ca');
});
await test('a connection that outlives its certificate is nobody\'s', async () => {
  const end = new Date(Date.now() + 6000);
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=short', '-keyout', 'short.key', '-out', 'short.csr');
  file('ca.conf', '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nextendedKeyUsage=clientAuth\n');
  file('index.txt', '');
  file('serial', '77');
  openssl('ca', '-batch', '-config', 'ca.conf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-in', 'short.csr', '-out', 'short.pem', '-notext',
    '-startdate', '20200101000000Z', '-enddate', `${end.toISOString().replace(/[-:T]|\.\d+/g, '')}`);
  await server.start(tls);
  good(client('cert', 'other', '--file', cert('short')));
  const read = (name) => fs.readFileSync(path.join(box, name));
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, cert: read('short.pem'), key: read('short.key'), ca: read('ca.pem') });
  const first = await server.request({ path: '/api/v1/me', agent });
  same([first.status, JSON.parse(first.text).name], [200, 'other'], first.text);
  await sleep(Math.max(0, end - Date.now()) + 1100);
  const second = await server.request({ path: '/api/v1/me', agent });
  same([second.status, second.socket === first.socket], [401, true], second.text);
  agent.destroy();
  check(curl('short', '/health').failed, 'a new connection was let in');
  good(client('cert', 'other', '--remove'));
  await server.stop();
});
await test('needed, it is needed of everybody', async () => {
  await server.start([...tls, '--tls-client-cert', 'need']);
  check(curl(null, '/health').failed, 'no certificate was let in');
  same(curl('bot').json?.name, 'bot', 'who has one');
  good(client('cert', 'bot', '--remove', '--file', cert('bot')));
  same(curl('bot').status, 401, 'after it was removed');
  await server.stop();
});
done();
