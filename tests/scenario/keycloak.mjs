#!/usr/bin/env node
// timeout: 700
// keycloak.mjs   the realm for Keycloak (packaging/keycloak) is sound and has no secret in it; and where LAZARET_KEYCLOAK names an unpacked Keycloak
// (26, with a JDK 17 or 21), it is started with that realm, and people sign in there in each role, sign out, and are signed out.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Server, check, contains, done, same, skip, sleep, tempFolder, test, top, until } from './lib.mjs';
import { Jar } from './realm.mjs';

const text = fs.readFileSync(path.join(top, 'packaging/keycloak/lazaret-realm.json'), 'utf8');
const roles = { dottore: 'doctor', iit: 'installer', imt: 'monitor', unimi: 'researcher', dpo: 'auditor', admin: 'admin' };
await test('the realm for Keycloak lets in nobody it should not, and has no secret in it', () => {
  const r = JSON.parse(text), [c] = r.clients;
  same([r.registrationAllowed, r.resetPasswordAllowed, r.bruteForceProtected, r.users, r.clients.length], [false, false, true, undefined, 1], 'the realm');
  same([c.publicClient, c.implicitFlowEnabled, c.directAccessGrantsEnabled, c.serviceAccountsEnabled, c.fullScopeAllowed], [true, false, false, false, false], 'the client');
  same(c.attributes['pkce.code.challenge.method'], 'S256', 'PKCE');
  same(c.redirectUris, ['https://lazaret.example/auth/callback'], 'where it sends people');
  check(!text.includes('*') && !/secret|credential|password"|privateKey/i.test(text), 'a wildcard or a secret');
  same(r.roles.realm.map((x) => x.name), Object.keys(roles), 'the roles');
  same(r.scopeMappings, [{ client: 'lazaret', roles: Object.keys(roles) }], 'the roles of a token');
});

const keycloak = process.env.LAZARET_KEYCLOAK;
if (!keycloak) {
  skip('people sign in at a real Keycloak', 'LAZARET_KEYCLOAK names no unpacked Keycloak');
  done();
} else {
  const freePort = () => new Promise((ok) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => ok(port)); }); });
  const port = await freePort(), at = await freePort(), home = `http://localhost:${port}`, issuer = `http://localhost:${at}/realms/lazaret`;
  const box = path.join(tempFolder(), 'keycloak'), password = randomBytes(18).toString('base64url');
  fs.cpSync(keycloak, box, { recursive: true });
  const realm = JSON.parse(text.replaceAll('https://lazaret.example', home));
  realm.users = Object.keys(roles).map((r) => ({ username: `u-${r}`, firstName: r, lastName: 'x', email: `${r}@lazaret.example`, enabled: true, emailVerified: true,
    credentials: [{ type: 'password', value: password, temporary: false }], realmRoles: [r] }));
  fs.mkdirSync(path.join(box, 'data/import'), { recursive: true });
  fs.writeFileSync(path.join(box, 'data/import/lazaret-realm.json'), JSON.stringify(realm));
  let log = '';
  const kc = spawn(path.join(box, 'bin/kc.sh'), ['start-dev', '--import-realm', '--db', 'dev-mem', '--http-host', '127.0.0.1', '--http-port', String(at), '--hostname', `http://localhost:${at}`],
    { detached: true, env: { ...process.env, KC_BOOTSTRAP_ADMIN_USERNAME: 'root', KC_BOOTSTRAP_ADMIN_PASSWORD: password } });
  process.on('exit', () => { try { process.kill(-kc.pid, 'SIGKILL'); } catch { /* it has ended */ } });
  for (const s of [kc.stdout, kc.stderr]) s.on('data', (d) => { log += d; });
  const ready = () => fetch(`${issuer}/.well-known/openid-configuration`).then((r) => r.ok, () => false);
  for (let i = 0; !(await ready()); i++) { check(i < 500 && kc.exitCode === null, `Keycloak does not get ready:\n${log.slice(-3000)}`); await sleep(1000); }
  const server = new Server();
  await server.start(['--listen', `127.0.0.1:${port}`, '--public-url', home, '--staff-issuer', issuer, '--staff-http', 'on', '--staff-client', 'lazaret', '--staff-approval', 'token']);

  const signIn = async (user) => {
    const jar = new Jar(), theirs = new Jar();
    let r = await jar.go(`${home}/auth/login?return=/api/v1/me`);
    r = await theirs.go(r.headers.get('location'));
    const action = /action="([^"]+)"/.exec(await r.text())[1].replaceAll('&amp;', '&');
    r = await theirs.go(action, { method: 'POST', body: new URLSearchParams({ username: user, password, credentialId: '' }) });
    check(r.headers.get('location')?.startsWith(home), `${r.status} ${(await r.text()).slice(0, 1500)}`);
    r = await jar.go(r.headers.get('location'), { headers: { Accept: 'text/html' } });
    return { jar, theirs, status: r.status, text: await r.text(), me: () => jar.go(`${home}/api/v1/me`) };
  };
  for (const [theirs, ours] of Object.entries(roles))
    await test(`${theirs} signs in at Keycloak and is ${ours} here; signs out here, and then there`, async () => {
      const v = await signIn(`u-${theirs}`);
      same(v.status, 200, v.text);
      const me = await (await v.me()).json();
      same([me.name, me.role], [`u-${theirs}`, ours], 'who');
      const out = await (await v.jar.go(`${home}/auth/logout`, { method: 'POST', headers: { 'X-Lazaret': '1' } })).json();
      contains(out.url, `${issuer}/protocol/openid-connect/logout`);
      const there = await v.theirs.go(out.url);
      same([there.status, there.headers.get('location')], [302, `${home}/auth/signed-out`], 'there');
      same((await v.me()).status, 401, 'here');
    });
  await test('who is signed out at Keycloak is signed out here, by the back channel', async () => {
    const v = await signIn('u-dottore');
    same((await v.me()).status, 200, 'before');
    const base = `http://localhost:${at}`;
    const { access_token } = await (await fetch(`${base}/realms/master/protocol/openid-connect/token`, { method: 'POST',
      body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username: 'root', password }) })).json();
    const admin = (method, where) => fetch(`${base}/admin/realms/lazaret/${where}`, { method, headers: { Authorization: `Bearer ${access_token}` } });
    const [{ id }] = await (await admin('GET', 'users?username=u-dottore')).json();
    same((await admin('POST', `users/${id}/logout`)).status, 204, 'the administrator');
    await until('the session ends', async () => (await v.me()).status === 401, 5000);
    check(server.audit().some((x) => x.obj?.type === 'Session' && x.why === "the provider's logout"), 'the audit log');
  });
  same((await server.stop()).code, 0, 'exit');
  process.kill(-kc.pid, 'SIGTERM');
  done();
}
