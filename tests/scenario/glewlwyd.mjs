#!/usr/bin/env node
// timeout: 120
// glewlwyd.mjs   a second, independent identity provider (Debian's glewlwyd, written in C): its access tokens as Bearer, where roles are one text
// with commas, and signing in with a browser under a client with a secret. Started headless on loopback with a database of its own.
import { spawn, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import zlib from 'node:zlib';
import { Server, check, cli, contains, done, same, sleep, tempFolder, test, until } from './lib.mjs';
import { Jar } from './realm.mjs';

const freePort = () => new Promise((ok) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => ok(port)); }); });
const at = await freePort(), port = await freePort(), home = `http://localhost:${port}`, base = `http://127.0.0.1:${at}`, issuer = `${base}/api/oidc`;
const box = tempFolder(), secret = randomBytes(18).toString('base64url'), password = randomBytes(18).toString('base64url');
const database = path.join(box, 'glewlwyd.db');
const made = spawnSync('sqlite3', [database], { input: zlib.gunzipSync(fs.readFileSync('/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz')), encoding: 'utf8' });
same(made.status, 0, made.stderr);
fs.writeFileSync(path.join(box, 'conf'), `port=${at}
bind_address="127.0.0.1"
external_url="${base}"
login_url="login.html"
api_prefix="api"
static_files_path="/usr/share/glewlwyd/webapp/"
allow_origin="*"
log_mode="console"
log_level="ERROR"
cookie_domain=""
cookie_secure=0
session_expiration=3600
session_key="GLEWLWYD2_SESSION_ID"
admin_session_authentication="cookie"
profile_session_authentication="cookie"
login_api_enabled=true
max_post_size=1048576
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
use_secure_connection=false
secure_connection_key_file="/nowhere"
secure_connection_pem_file="/nowhere"
secure_connection_ca_file="/nowhere"
hash_algorithm="SHA512"
database={ type="sqlite3"; path="${database}"; };
static_files_mime_types=({ extension=".html"; mime_type="text/html"; })
`);
const provider = spawn('glewlwyd', [`--config=${path.join(box, 'conf')}`], { stdio: ['ignore', 'pipe', 'pipe'] });
let log = '';
for (const s of [provider.stdout, provider.stderr]) s.on('data', (d) => { log += d; });
process.on('exit', () => provider.kill('SIGKILL'));
await until(`glewlwyd answers ${log}`, () => fetch(`${base}/config`).then((r) => r.ok, () => false), 15000);

// ---- what an administrator sets up

const admin = new Jar();
const api = async (jar, method, where, body) => {
  const r = await jar.go(`${base}/api${where}`, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  check(r.ok, `${method} ${where}: ${r.status} ${await r.text()} ${log.slice(-500)}`);
};
await api(admin, 'POST', '/auth', { username: 'admin', password: 'password' });
const many = { multiple: true, read: true, write: true };
await api(admin, 'PUT', '/mod/user/database', { module: 'database', name: 'database', display_name: 'db', readonly: false,
  parameters: { 'use-glewlwyd-connection': true, 'pbkdf2-iterations': 1000, 'data-format': { roles: { ...many, 'profile-read': true } } } });
await api(admin, 'PUT', '/mod/user/database/reset', {}).catch(() => {});
await api(admin, 'PUT', '/mod/client/database', { module: 'database', name: 'database', display_name: 'db', readonly: false, parameters: { 'use-glewlwyd-connection': true,
  'pbkdf2-iterations': 1000, 'data-format': { redirect_uri: many, authorization_type: many, client_secret: { read: true, write: true }, token_endpoint_auth_method: many } } });
const people = { alice: [['doctor', 'researcher'], 'doctor'], ivo: [['iit'], 'installer'] };
for (const [name, [roles]] of Object.entries(people))
  await api(admin, 'POST', '/user', { username: name, name, email: `${name}@lazaret.example`, password, roles, enabled: true, scope: ['openid', 'g_profile'] });
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs1', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
await api(admin, 'POST', '/mod/plugin', { module: 'oidc', name: 'oidc', display_name: 'OIDC', parameters: { iss: issuer, 'jwt-type': 'rsa', 'jwt-key-size': '256', key: privateKey, cert: publicKey,
  'access-token-duration': 300, 'refresh-token-duration': 1800, 'code-duration': 60, 'refresh-token-rolling': true, 'allow-non-oidc': true, 'auth-type-code-enabled': true,
  'auth-type-token-enabled': false, 'auth-type-id-token-enabled': true, 'auth-type-none-enabled': true, 'auth-type-password-enabled': false, 'auth-type-client-enabled': false,
  'auth-type-refresh-enabled': true, 'auth-type-device-enabled': false, scope: [], 'additional-parameters': [{ 'user-parameter': 'roles', 'token-parameter': 'roles' }],
  claims: [{ name: 'roles', 'user-property': 'roles', type: 'string', mandatory: true, 'on-demand': false, scope: [] }], 'name-claim': 'mandatory', 'name-claim-scope': [],
  'email-claim': 'no', 'email-claim-scope': [], 'scope-claim': 'no', 'scope-claim-scope': [],
  'address-claim': { type: 'no', formatted: '', street_address: '', locality: '', region: '', postal_code: '', country: '', mandatory: false }, 'allowed-scope': ['openid'],
  'service-documentation': '', 'op-policy-uri': '', 'op-tos-uri': '', 'jwks-show': true, 'jwks-x5c': [], 'request-parameter-allow': true, 'request-maximum-exp': 3600,
  'pkce-allowed': true, 'pkce-method-plain-allowed': false, 'pkce-required': true, 'introspection-revocation-allowed': false, 'subject-type': 'public',
  'session-management-allowed': true, 'session-cookie-name': 'GLEWLWYD2_OIDC_SID', 'session-cookie-expiration': 3600, 'front-channel-logout-allowed': false, 'back-channel-logout-allowed': true,
  'oauth-as-iss-id': true, 'resource-allowed': false } });
const redirect = `${home}/auth/callback`;
await api(admin, 'POST', '/client', { client_id: 'lazaret-web', name: 'web', confidential: true, client_secret: secret, password: secret, redirect_uri: [redirect],
  authorization_type: ['code', 'refresh_token'], token_endpoint_auth_method: ['client_secret_basic'], enabled: true, scope: [] });

// A plugin just added may take a moment to answer; who asked it too early would have to wait until Lazaret asks again.
await until('its discovery document', () => fetch(`${issuer}/.well-known/openid-configuration`).then((r) => r.ok, () => false), 15000);

// ---- here

const file = path.join(box, 'secret');
fs.writeFileSync(file, secret, { mode: 0o600 });
const server = new Server();
await server.start(['--listen', `127.0.0.1:${port}`, '--public-url', home, '--staff-issuer', issuer, '--staff-http', 'on', '--staff-audience', 'openid', '--staff-roles', 'roles',
  '--staff-client', 'lazaret-web', '--staff-client-secret-file', file, '--staff-scopes', 'openid']);
// Name and password there, consent to the client, and the answer of its door.
async function answerOf(url, name) {
  const jar = new Jar();
  await api(jar, 'POST', '/auth', { username: name, password });
  await api(jar, 'PUT', '/auth/grant/lazaret-web', { scope: 'openid' });
  const r = await jar.go(`${url}&g_continue`);
  const to = r.headers.get('location') ?? '';
  check(to.startsWith(redirect), `${r.status} ${to} ${await r.text()}`);
  return to;
}
const visit = async (name) => {
  const jar = new Jar();
  const begun = await jar.go(`${home}/auth/login`);
  same(begun.status, 302, `${await begun.text()} ${server.log.slice(-1000)}`);
  const r = await jar.go(await answerOf(begun.headers.get('location'), name), { headers: { Accept: 'text/html' } });
  return { jar, status: r.status, text: await r.text() };
};
await test('who comes from glewlwyd is known, with the roles of a text with commas proposed', async () => {
  const v = await visit('alice');
  same(v.status, 403, v.text);
  contains(v.text, 'proposed: doctor, researcher');
  same((await visit('ivo')).status, 403, 'ivo');
  const names = JSON.parse(cli(['user', 'list', '--data', server.dir, '--json']).stdout);
  for (const [name, [, role]] of Object.entries(people)) {
    const { id } = names.find((x) => x.name === name);
    const r = cli(['user', 'approve', id, '--role', role, '--by', 'chief', '--data', server.dir]);
    same(r.code, 0, r.stderr);
  }
});
await test('approved, they have a session', async () => {
  for (const [name, [, role]] of Object.entries(people)) {
    const v = await visit(name);
    same(v.status, 200, v.text);
    const me = await (await v.jar.go(`${home}/api/v1/me`)).json();
    same([me.name, me.role], [name, role], name);
    const out = await v.jar.go(`${home}/auth/logout`, { method: 'POST', headers: { 'X-Lazaret': '1' } });
    same(out.status, 200, 'out');
    same((await v.jar.go(`${home}/api/v1/me`)).status, 401, 'signed out');
  }
});
await test('its access token is taken as Bearer', async () => {
  const verifier = randomBytes(32).toString('base64url');
  const to = await answerOf(`${issuer}/auth?${new URLSearchParams({ client_id: 'lazaret-web', response_type: 'code', redirect_uri: redirect, scope: 'openid', state: 's', nonce: 'n',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' })}`, 'ivo');
  const r = await fetch(`${issuer}/token`, { method: 'POST', headers: { Authorization: `Basic ${Buffer.from(`lazaret-web:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code: new URL(to).searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier }) });
  const { access_token } = await r.json();
  const me = await server.request({ path: '/api/v1/me', headers: { Authorization: `Bearer ${access_token}` } });
  same([me.status, JSON.parse(me.text).role], [200, 'installer'], me.text);
});
same((await server.stop()).code, 0, 'exit');
provider.kill('SIGTERM');
await sleep(50);
done();
