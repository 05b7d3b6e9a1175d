#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 400
// signin.mjs   staff sign in with a browser (Debian's Chromium, and one of a few lines) at a real identity provider and have a session here: its
// cookie, what must come with it, roles, times, renewal, signing out here and there, and what must not let anybody in.
import { createHash, createSign, createPrivateKey, randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { isThere, launch } from './chromium.mjs';
import { Server, check, cli, contains, done, program, same, skip, sleep, tempFolder, test, top, until } from './lib.mjs';
import { Jar, P, Realm, users } from './realm.mjs';

const MINUTE = 60e6;
const freePort = () => new Promise((ok) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => ok(port)); }); });
const port = await freePort(), home = `http://localhost:${port}`;
const client = { client_id: 'lazaret', token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [`${home}/auth/callback`],
  post_logout_redirect_uris: [`${home}/auth/signed-out`], backchannel_logout_uri: `${home}/auth/backchannel`, backchannel_logout_session_required: true };
const realm = new Realm({ clients: [client] });
await realm.start();

// The wall clock of the server.
const wall = path.join(tempFolder(), 'clock');
fs.writeFileSync(wall, Buffer.alloc(8));
const clock = fs.openSync(wall, 'r+');
const set = (us) => { const b = Buffer.alloc(8); b.writeBigInt64LE(BigInt(us)); fs.writeSync(clock, b, 0, 8, 0); };
const clockMoves = fs.readFileSync(program).includes('LAZARET_CLOCK');

const server = new Server();
const settings = ['--listen', `127.0.0.1:${port}`, '--public-url', home, '--staff-issuer', realm.issuer, '--staff-http', 'on', '--staff-client', 'lazaret'];
const start = (...more) => server.start([...settings, ...more], { LAZARET_CLOCK: wall });
const restart = async (...more) => { same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`); await start(...more); };
await start();
const user = (verb, who, ...options) => { const r = cli([...verb.split(' '), who, '--data', server.dir, ...options]); same(r.code, 0, r.stderr); };
const html = { Accept: 'text/html' };
const ours = { 'X-Lazaret': '1' };

// From the provider's door back to ours: the address the browser is sent to.
async function atProvider(url, user, theirs) {
  let r = await theirs.go(url), at;
  for (let i = 0; i < 8; i++) {
    at = r.headers.get('location');
    check(at, `sign-in of ${user}: ${r.status} ${(await r.text()).slice(0, 500)}`);
    at = String(new URL(at, realm.issuer));
    if (at.startsWith(home)) return at;
    r = await theirs.go(at.includes('/interaction/') ? `${at}?user=${user}` : at);
  }
  throw new Error(`sign-in of ${user} goes round in a circle`);
}
class Visitor {
  constructor() { this.jar = new Jar(); this.theirs = new Jar(); }
  async signIn(user, back) {
    const r = await this.jar.go(`${home}/auth/login${back ? `?return=${encodeURIComponent(back)}` : ''}`);
    same(r.status, 302, await r.text());
    this.answer = await atProvider(r.headers.get('location'), user, this.theirs);
    this.page = await this.jar.go(this.answer, { headers: html });
    this.text = await this.page.text();
    return this;
  }
  get cookie() { return this.jar.cookies['__Host-lazaret']; }
  set cookie(c) { this.jar.cookies['__Host-lazaret'] = c; }
  async ask(path, options = {}) {
    const r = await this.jar.go(home + path, options);
    const text = await r.text();
    let json; try { json = JSON.parse(text); } catch { json = null; }
    return { status: r.status, json, text, headers: r.headers };
  }
  me(headers = {}) { return this.ask('/api/v1/me', { headers }); }
  post(path, body, headers = ours) {
    return this.ask(path, { method: 'POST', headers: { ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers }, body: body && JSON.stringify(body) });
  }
}
const signedIn = async (user) => { const v = await new Visitor().signIn(user); same(v.page.status, 200, v.text); return v; };
const ended = (why) => server.audit().filter((x) => x.obj?.type === 'Session' && x.act === 'delete' && x.why === why).length;

await test('whoever signs in for the first time is told what happens next, and has no session', async () => {
  for (const u of Object.keys(users)) {
    const v = await new Visitor().signIn(u);
    same([v.page.status, v.page.headers.get('content-type'), v.cookie], [403, 'text/html; charset=utf-8', undefined], u);
    contains(v.text, 'You have no role here yet');
    contains(v.text, 'When they have approved a role, sign in again');
  }
  for (const [u, role] of [['alice', 'doctor'], ['ivo', 'installer'], ['mara', 'monitor'], ['rita', 'researcher'], ['dario', 'auditor'], ['adam', 'admin'], ['both', 'doctor'], ['both', 'researcher'], ['sam', 'doctor']])
    user('user approve', u, '--role', role, '--by', 'chief');
});
await test('approved, they are signed in, in their role', async () => {
  for (const [u, role] of [['alice', 'doctor'], ['ivo', 'installer'], ['mara', 'monitor'], ['rita', 'researcher'], ['dario', 'auditor'], ['adam', 'admin']]) {
    const v = await new Visitor().signIn(u, '/api/v1/me?x=1');
    same([v.page.status, v.page.headers.get('refresh')], [200, '0; url=/api/v1/me?x=1'], v.text);
    const r = await v.me();
    same([r.status, r.json.kind, r.json.name, r.json.subject, r.json.role], [200, 'staff', u, u, role], u);
    same(r.headers.get('cache-control'), 'no-store', 'cache');
    const s = await v.ask('/auth/session');
    same([s.status, s.json.name, s.json.role, s.json.roles, s.json.problem, s.json.how, s.json.sessions.length], [200, u, role, [role], null, 'oidc', 1], u);
  }
});
await test('ASVS 3.3, 7.2: the cookie is one of 256 bits that no script, no other site and no plain connection gets; it is new at each sign-in', async () => {
  const v = await new Visitor();
  v.cookie = 'A'.repeat(43); // planted
  await v.signIn('alice');
  const cookies = v.page.headers.get('set-cookie').split(/,\s*(?=__Host)/);
  const own = cookies.find((c) => c.startsWith('__Host-lazaret='));
  check(/^__Host-lazaret=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/.test(own), own);
  check(cookies.some((c) => /^__Host-lazaret-login=; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=0$/.test(c)), cookies.join(' | '));
  check(v.cookie !== 'A'.repeat(43), 'the planted cookie was taken');
  check((await signedIn('alice')).cookie !== v.cookie, 'the same twice');
  const login = (await new Jar().go(`${home}/auth/login`)).headers;
  check(/^__Host-lazaret-login=[\w+/=]+; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=600$/.test(login.get('set-cookie')), login.get('set-cookie'));
  const to = new URL(login.get('location')).searchParams;
  same([to.get('response_type'), to.get('code_challenge_method'), to.get('redirect_uri'), to.get('client_id')], ['code', 'S256', `${home}/auth/callback`, 'lazaret'], 'the request');
});
await test('ASVS 3.5: with the cookie nothing changes without the header, from another site, or beside an Authorization header', async () => {
  const v = await signedIn('alice');
  for (const headers of [{}, { 'X-Lazaret': '0' }, { ...ours, 'Sec-Fetch-Site': 'cross-site' }, { ...ours, 'Sec-Fetch-Site': 'same-site' }, { ...ours, 'Sec-Fetch-Site': 'none' },
    { ...ours, Origin: 'http://evil.example' }, { ...ours, Origin: 'null' }, { ...ours, Origin: `${home}.evil.example` }])
    for (const [at, body] of [['/auth/role', { role: 'doctor' }], ['/auth/logout'], ['/v1/diagnose', {}]]) {
      const r = await v.post(at, body, headers);
      same(r.status, 403, `${at} ${JSON.stringify(headers)}: ${r.text}`);
      contains(r.text, 'X-Lazaret: 1');
    }
  same((await v.post('/auth/role', { role: 'doctor' }, { ...ours, 'Sec-Fetch-Site': 'same-origin', Origin: home })).status, 200, 'from our page');
  const both = await v.me({ Authorization: 'Bearer lz_nobody' });
  same([both.status, both.json.detail], [400, "send an Authorization header or a session's cookie, not both"], 'both');
  same((await v.me()).status, 200, 'the session lives');
});
await test('who is signed in with a browser changes a record of the study only with its version: 428 without (RFC 6585)', async () => {
  const v = await signedIn('alice');
  const put = (headers) => v.ask('/api/v1/patients/7', { method: 'PUT', body: '{"phone":"1"}', headers: { ...ours, 'Content-Type': 'application/json', ...headers } });
  const r = await put({});
  same([r.status, r.json.detail], [428, 'say what you change: read it, and send its ETag as If-Match'], 'without');
  same((await put({ 'If-Match': '"1"' })).status, 404, 'with one: then it is looked for');
});
await test('who holds two roles chooses one, and changes it; the cookie changes with it', async () => {
  const v = await signedIn('both');
  const r = await v.me();
  same([r.status, r.json.detail], [403, 'you hold several roles: choose one by POST /auth/role: doctor, researcher'], 'none yet');
  contains((await v.ask('/auth/session')).json.problem, 'choose one');
  for (const role of ['doctor', 'researcher']) {
    const before = v.cookie;
    const c = await v.post('/auth/role', { role });
    same([c.status, c.json.role, v.cookie === before], [200, role, false], c.text);
    same((await v.me()).json.role, role, role);
  }
  for (const role of ['monitor', 'admin', 'participant']) same((await v.post('/auth/role', { role })).status, 403, role);
  for (const body of [{}, { role: 7 }, { role: 'client' }]) same((await v.post('/auth/role', body)).status, 422, JSON.stringify(body));
  same((await v.me({ 'Lazaret-Role': 'doctor' })).status, 403, 'the header');
  same((await v.me()).json.role, 'researcher', 'still');
});
await test('a role removed and a suspension are true with the next request', async () => {
  const v = await signedIn('sam');
  same((await v.me()).status, 200, 'sam');
  user('role remove', 'sam', '--role', 'doctor', '--by', 'chief');
  same((await v.me()).status, 403, 'without the role');
  const w = await signedIn('rita');
  user('user suspend', 'rita', '--by', 'chief');
  same((await w.me()).status, 401, 'suspended');
  const again = await new Visitor().signIn('rita');
  same(again.page.status, 403, 'suspended');
  contains(again.text, 'Your account is suspended');
  user('user resume', 'rita', '--by', 'chief');
  same((await w.me()).status, 401, 'the session is gone for good');
  same((await (await signedIn('rita')).me()).status, 200, 'resumed');
});
await test('an answer that belongs to no sign-in of this browser lets nobody in', async () => {
  const victim = new Visitor(), other = new Visitor();
  const begun = await victim.jar.go(`${home}/auth/login`);
  await other.jar.go(`${home}/auth/login`);
  const good = new URL(await atProvider(begun.headers.get('location'), 'alice', victim.theirs));
  const without = (k) => { const u = new URL(good); u.searchParams.delete(k); return u; };
  const having = (k, v) => { const u = new URL(good); u.searchParams.set(k, v); return u; };
  const refused = async (jar, url, says) => {
    const r = await jar.go(url, { headers: html });
    const text = await r.text();
    check(r.status === 400 || r.status === 401, `${r.status}: ${text}`);
    contains(text, says);
    check(!(r.headers.get('set-cookie') ?? '').includes('__Host-lazaret='), 'a session was begun');
  };
  const copy = () => Object.assign(new Jar(), { cookies: { ...victim.jar.cookies } });
  await refused(new Jar(), good, 'no sign-in was begun in this browser');
  await refused(Object.assign(new Jar(), { cookies: { ...other.jar.cookies } }), good, 'another sign-in');
  await refused(copy(), having('state', 'x'.repeat(43)), 'another sign-in');
  await refused(copy(), without('state'), 'another sign-in');
  await refused(copy(), having('iss', 'http://evil.example'), 'iss');
  await refused(copy(), without('iss'), 'iss');
  await refused(copy(), having('error', 'access_denied'), 'cancelled');
  await refused(copy(), without('code'), 'no code');
  await refused(copy(), having('code', 'x'), 'did not take the code');
  const broken = copy(); broken.cookies['__Host-lazaret-login'] = broken.cookies['__Host-lazaret-login'].replace(/^(.{40})./, (_, a) => `${a}!`);
  await refused(broken, good, 'no sign-in was begun');
  const used = copy();
  same((await victim.jar.go(good)).status, 200, 'the good one');
  await refused(used, good, 'did not take the code'); // a second time
  const nonce = new Visitor(), begin = await nonce.jar.go(`${home}/auth/login`), to = new URL(begin.headers.get('location'));
  to.searchParams.set('nonce', 'another');
  await refused(nonce.jar, await atProvider(String(to), 'alice', nonce.theirs), 'nonce');
});
await test('after a sign-in the browser goes to a path of ours, nowhere else', async () => {
  for (const back of ['https://evil.example', '//evil.example', '/\\evil.example', 'evil', '/a b', '/a;b', '/\r\nX: y', `/${'a'.repeat(512)}`, ''])
    same((await new Jar().go(`${home}/auth/login?return=${encodeURIComponent(back)}`)).status, 422, back);
});
await test('signed out, the cookie is worth nothing; the provider is asked to end its session, too', async () => {
  const v = await signedIn('alice'), cookie = v.cookie;
  const r = await v.post('/auth/logout');
  same([r.status, r.json.ended, v.cookie], [200, 1, undefined], r.text);
  const to = new URL(r.json.url);
  same([to.origin + to.pathname, to.searchParams.get('client_id'), to.searchParams.get('post_logout_redirect_uri')],
    [`${realm.issuer}${P}/logout`, 'lazaret', `${home}/auth/signed-out`], 'where to go');
  same(to.searchParams.get('id_token_hint').split('.').length, 3, 'the hint');
  v.cookie = cookie;
  const again = await v.me();
  same([again.status, again.json.detail], [401, 'you are not signed in, or your session has ended: sign in again'], 'the old cookie');
  same(v.cookie, undefined, 'the cookie is taken away');
  const one = await signedIn('mara'), two = await signedIn('mara');
  same((await one.post('/auth/logout?all=1')).json.ended >= 2, true, 'everywhere');
  same((await two.me()).status, 401, 'the other browser');
  same((await v.post('/auth/logout')).status, 401, 'nobody signs out');
  contains((await v.ask('/auth/signed-out')).text, 'You are signed out');
});

// ---- logout tokens

const part = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');
function logoutToken(claims, header = {}, k = realm.keys[0]) {
  const text = `${part({ alg: 'RS256', typ: 'logout+jwt', kid: k.kid, ...header })}.${part({ iss: realm.issuer, aud: 'lazaret', iat: Math.floor(Date.now() / 1000),
    jti: randomBytes(8).toString('hex'), events: { 'http://schemas.openid.net/event/backchannel-logout': {} }, ...claims })}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(createPrivateKey({ key: k, format: 'jwk' })).toString('base64url')}`;
}
const backchannel = (token) => fetch(`${home}/auth/backchannel`, { method: 'POST', body: new URLSearchParams({ logout_token: token }) });
await test('a logout token ends the sessions it names, once; one that is none ends nothing', async () => {
  const v = await signedIn('alice');
  const now = Math.floor(Date.now() / 1000);
  for (const [claims, header, says] of [[{}, {}, 'neither who'], [{ sub: 'alice', nonce: 'n' }, {}, 'nonce'], [{ sub: 'alice', events: {} }, {}, 'events'], [{ sub: 'alice', events: undefined }, {}, 'events'],
    [{ sub: 'alice', aud: 'other' }, {}, 'aud'], [{ sub: 'alice', iss: 'http://evil.example' }, {}, 'iss'], [{ sub: 'alice', iat: now - 600 }, {}, 'too old'], [{ sub: 'alice', iat: now + 600 }, {}, 'too old'],
    [{ sub: 'alice', iat: undefined }, {}, 'iat'], [{ sub: 'alice', exp: now - 120 }, {}, 'too old'], [{ sub: 'alice', jti: undefined }, {}, 'jti'], [{ sub: 'alice' }, { typ: 'at+jwt' }, 'typ'],
    [{ sub: 'alice' }, { alg: 'none' }, 'not signed by']]) {
    const r = await backchannel(logoutToken(claims, header)), text = await r.text();
    same(r.status, 400, text);
    contains(text, says);
  }
  const [h, c, s] = logoutToken({ sub: 'alice' }).split('.');
  same((await backchannel(`${h}.${c}.${s.slice(0, -6)}AAAAAA`)).status, 400, 'a broken signature');
  same((await fetch(`${home}/auth/backchannel`, { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } })).status, 415, 'no form');
  same((await v.me()).status, 200, 'still signed in');
  same((await backchannel(logoutToken({ sid: 'another' }))).status, 200, 'a session nobody has');
  same((await v.me()).status, 200, 'still signed in');
  const token = logoutToken({ sub: 'alice' });
  const r = await backchannel(token);
  same([r.status, r.headers.get('cache-control')], [200, 'no-store'], await r.text());
  same((await v.me()).status, 401, 'signed out');
  same((await backchannel(token)).status, 400, 'the same again');
});

// ---- renewal

await test('tokens are renewed here; what the provider withdraws is withdrawn, and a refusal ends the session', async () => {
  await realm.stop();
  realm.ttl = { AccessToken: 4 };
  await realm.start();
  await restart('--staff-approval', 'token');
  const v = await signedIn('both');
  same((await v.me()).status, 403, 'two roles');
  await v.post('/auth/role', { role: 'doctor' });
  users.both = ['researcher'];
  await sleep(3500);
  const r = await v.me();
  same([r.status, r.json.detail], [403, 'you are no doctor any more: choose a role by POST /auth/role: researcher'], 'a role that was withdrawn');
  same((await v.post('/auth/role', { role: 'researcher' })).status, 200, 'what is left');
  realm.refused = 503;
  await sleep(3500);
  same((await v.me()).status, 200, 'a provider that is away does not end it');
  realm.refused = 400;
  const w = new Visitor();
  realm.refused = false;
  await w.signIn('alice');
  realm.refused = 400;
  await sleep(3500);
  same((await w.me()).status, 401, 'refused');
  realm.refused = false;
  same(ended('refused by the provider'), 1, 'in the audit log');
  users.both = ['doctor', 'researcher'];
});
await test('where access tokens are opaque the roles are those of the ID token', async () => {
  await realm.stop();
  realm.opaque = true;
  realm.ttl = {};
  await realm.start();
  same((await (await signedIn('dario')).me()).json.role, 'auditor', 'dario');
  realm.opaque = false;
});
await test('a client with a secret, from a file', async () => {
  await realm.stop();
  const secret = randomBytes(24).toString('base64url') + '%+/:&=';
  realm.clients = [{ ...client, token_endpoint_auth_method: 'client_secret_basic', client_secret: secret }];
  await realm.start();
  const file = path.join(tempFolder(), 'secret');
  fs.writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  await restart('--staff-client-secret-file', file);
  same((await (await signedIn('alice')).me()).status, 200, 'alice');
  fs.writeFileSync(file, 'wrong\n');
  await restart('--staff-client-secret-file', file);
  const v = await new Visitor().signIn('alice');
  same(v.page.status, 503, v.text);
  check(!server.log.includes(secret) && !server.log.includes('wrong'), 'the secret is in the log');
  same(server.findPlain([secret]), [], 'the secret is in the store');
});

// ---- times

await realm.stop();
realm.clients = [{ ...client, grant_types: ['authorization_code'] }];
await realm.start();
await restart();
if (!clockMoves) {
  skip('ASVS 7.3: it ends when idle, and after its time', 'this build has no faults');
} else {
  await test('ASVS 7.3.1: it ends after half an hour without a request; looking at it does not keep it', async () => {
    const v = await signedIn('alice');
    set(29 * MINUTE);
    same((await v.me()).status, 200, 'after 29 minutes');
    set(58 * MINUTE);
    same((await v.ask('/auth/session')).status, 200, 'a look after 58');
    set(60 * MINUTE);
    same((await v.me()).status, 401, 'after 31 idle ones');
    set(0);
    same((await v.me()).status, 401, 'the clock put back does not bring it back');
  });
  await test('ASVS 7.3.2: it ends after ten hours in any case', async () => {
    const v = await signedIn('alice');
    for (let m = 20; m < 600; m += 20) { set(m * MINUTE); same((await v.me()).status, 200, `after ${m} minutes`); }
    set(600 * MINUTE);
    same((await v.me()).status, 401, 'after ten hours');
    set(0);
  });
  await test('the cookie is replaced; a copy of the old one that is used later ends the session', async () => {
    const v = await signedIn('alice'), old = v.cookie;
    set(16 * MINUTE);
    const together = await Promise.all([v.me(), v.me(), v.me(), v.me()]);
    same(together.map((r) => r.status), [200, 200, 200, 200], 'at once');
    const fresh = v.cookie;
    check(fresh !== old, 'the cookie is the same');
    same((await v.me()).status, 200, 'the new one');
    const thief = new Visitor();
    thief.cookie = old;
    set(16.5 * MINUTE);
    same((await thief.me()).status, 200, 'a request under way');
    set(18 * MINUTE);
    thief.cookie = old;
    same((await thief.me()).status, 401, 'late');
    same((await v.me()).status, 401, 'whoever has the new one');
    same(ended('copied cookie'), 1, 'in the audit log');
    set(0);
  });
  await test('a sign-in that was begun is good for ten minutes', async () => {
    const v = new Visitor(), r = await v.jar.go(`${home}/auth/login`);
    const at = await atProvider(r.headers.get('location'), 'alice', v.theirs);
    set(11 * MINUTE);
    const late = await v.jar.go(at, { headers: html });
    same(late.status, 400, 'late');
    contains(await late.text(), 'too long ago');
    set(0);
  });
}
await test('without the provider nobody begins, and who is signed in stays so', async () => {
  const v = await signedIn('alice');
  await realm.stop();
  same((await v.me()).status, 200, 'alice');
  await restart();
  same((await v.me()).status, 200, 'after a restart');
  const r = await new Jar().go(`${home}/auth/login`, { headers: html });
  same(r.status, 503, 'login');
  contains(await r.text(), 'Signing in is not possible now');
  same((await v.post('/auth/logout')).json.url, '/auth/signed-out', 'signing out works');
  await realm.start();
  await until('it is back', async () => (await new Jar().go(`${home}/auth/login`)).status === 302, 8000);
});

// ---- a real browser

if (!isThere) {
  skip('in a real browser', 'there is no chromium');
} else {
  const browser = await launch();
  const context = await browser.newContext({ bypassCSP: true });
  const enter = async (page, who, back) => {
    await page.goto(`${home}/auth/login?return=${back}`);
    if (page.url().startsWith(realm.issuer)) {
      await page.fill('input[name=user]', who);
      await page.fill('input[name=password]', who);
      await page.click('button');
    }
    await page.waitForURL(`${home}${back}`);
  };
  const inside = (page, at, options) => page.evaluate(async ([url, o]) => { const r = await fetch(url, o); return { status: r.status, json: await r.json().catch(() => null) }; }, [at, options]);
  await test('in Chromium: sign in, who one is, no script sees the cookie, a second tab, a role, signing out at the provider', async () => {
    const page = await context.newPage();
    await enter(page, 'both', '/auth/session');
    same(JSON.parse(await page.innerText('pre')).name, 'both', 'the page');
    same(await page.evaluate('document.cookie'), '', 'document.cookie');
    const [cookie] = (await context.cookies(home)).filter((c) => c.name === '__Host-lazaret');
    same([cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path, cookie.expires], [true, true, 'Strict', '/', -1], 'the cookie');
    same((await inside(page, '/auth/role', { method: 'POST', body: '{"role":"doctor"}', headers: { 'Content-Type': 'application/json' } })).status, 403, 'without the header');
    const json = { 'Content-Type': 'application/json', 'X-Lazaret': '1' };
    same((await inside(page, '/auth/role', { method: 'POST', body: '{"role":"doctor"}', headers: json })).json.role, 'doctor', 'a role');
    const second = await context.newPage();
    await second.goto(`${home}/api/v1/me`);
    same(JSON.parse(await second.innerText('pre')).role, 'doctor', 'the second tab');
    await inside(second, '/auth/role', { method: 'POST', body: '{"role":"researcher"}', headers: json });
    same((await inside(page, '/api/v1/me')).json.role, 'researcher', 'the first tab');
    const evil = await context.newPage(); // 127.0.0.1 is another site than localhost
    await evil.goto(`${realm.issuer}/.well-known/openid-configuration`);
    await evil.setContent(`<form method="post" action="${home}/auth/logout?all=1"><button>win</button></form>`);
    await evil.click('button');
    await evil.waitForURL(`${home}/auth/logout?all=1`);
    contains(await evil.innerText('body'), 'you are not signed in'); // the cookie did not come along
    same((await inside(page, '/api/v1/me')).status, 200, 'still signed in');
    const out = await inside(page, '/auth/logout', { method: 'POST', headers: json });
    await page.goto(out.json.url);
    await page.click('button[value=yes], button[autofocus]');
    await page.waitForURL(`${home}/auth/signed-out`);
    same((await inside(second, '/api/v1/me')).status, 401, 'the second tab');
    await page.goto(`${home}/auth/login`);
    check(page.url().startsWith(realm.issuer) && await page.isVisible('input[name=password]'), `the provider knows them still: ${page.url()}`);
  });
  await test('in Chromium: signing out at the provider ends the session here, by the back channel', async () => {
    const page = await context.newPage();
    await enter(page, 'alice', '/api/v1/me');
    const there = await context.newPage();
    await there.goto(`${realm.issuer}${P}/logout?client_id=lazaret`);
    await there.click('button[value=yes], button[autofocus]');
    await until('the session ends', async () => (await inside(page, '/api/v1/me')).status === 401, 5000);
  });
  await test('in Chromium: a sign-in in one tab while another was begun says so, and the next try works', async () => {
    const fresh = await browser.newContext();
    const one = await fresh.newPage(), two = await fresh.newPage();
    await one.goto(`${home}/auth/login?return=/api/v1/me`);
    await two.goto(`${home}/auth/login?return=/auth/session`);
    await one.fill('input[name=user]', 'mara');
    await one.fill('input[name=password]', 'mara');
    await one.click('button');
    await one.waitForSelector('h1');
    contains(await one.innerText('body'), 'a newer one was begun in this browser');
    await one.click('a');
    await one.waitForURL(`${home}/`);
    await one.goto(`${home}/api/v1/me`);
    same(JSON.parse(await one.innerText('pre')).role, 'monitor', 'mara');
  });
  await browser.close();
}

if (server.url)
  await test('a session of one server is one of every server on the same store', async () => {
    const dir = path.join(tempFolder(), 'data'), there = await freePort();
    fs.mkdirSync(dir, { mode: 0o700 });
    fs.writeFileSync(path.join(dir, 'store'), `${server.url}\n`, { mode: 0o600 });
    fs.copyFileSync(`${server.dir}.key`, `${dir}.key`);
    fs.chmodSync(`${dir}.key`, 0o400);
    const other = new Server(dir);
    await other.start(['--listen', `127.0.0.1:${there}`, ...settings.slice(2)]);
    const v = await signedIn('alice');
    const at = (path, options = {}) => v.jar.go(`http://localhost:${there}${path}`, options);
    same((await (await at('/api/v1/me')).json()).name, 'alice', 'at the other one');
    same((await at('/auth/logout', { method: 'POST', headers: ours })).status, 200, 'signed out there');
    v.cookie = 'A'.repeat(43);
    same((await v.me()).status, 401, 'here');
    same((await other.stop()).code, 0, 'exit');
  });

// ---- TLS

await test('a provider over TLS is believed by the authorities that staff.ca names, and by no others', async () => {
  const box = tempFolder(), file = (name) => path.join(box, name);
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', file('key'), '-out', file('cert'), '-days', '1', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost'], { encoding: 'utf8' });
  same(made.status, 0, made.stderr);
  const safe = new Realm({ clients: [client], tls: { key: fs.readFileSync(file('key')), cert: fs.readFileSync(file('cert')) } });
  await safe.start();
  const plain = realm.issuer;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // of the browser of a few lines, here
  try {
    realm.issuer = safe.issuer;
    const tls = ['--staff-issuer', safe.issuer, '--staff-http', 'off'];
    const replaced = settings.filter((x, i) => !/^--staff-(issuer|http)$/.test(x) && !/^--staff-(issuer|http)$/.test(settings[i - 1]));
    same((await server.stop()).code, 0, 'exit');
    await server.start([...replaced, ...tls]);
    same((await new Jar().go(`${home}/auth/login`)).status, 503, 'without staff.ca');
    same((await server.stop()).code, 0, 'exit');
    await server.start([...replaced, ...tls, '--staff-ca', file('cert')]);
    const v = await new Visitor().signIn('alice');
    same(v.page.status, 403, v.text); // of another issuer, so somebody else, whom nobody has approved
    contains(v.text, 'proposed: doctor');
  } finally {
    realm.issuer = plain;
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    await safe.stop();
  }
  await restart();
});

await test('no token, no cookie and no name is in the log, the audit log or the store', async () => {
  const v = await signedIn('alice');
  await v.me();
  const words = ['alice', 'eyJ', v.cookie, createHash('sha256').update(v.cookie).digest('base64url')];
  for (const w of words) check(!server.log.includes(w), `the log says ${w}`);
  for (const w of ['alice', 'eyJ', v.cookie]) check(!JSON.stringify(server.audit()).includes(w), `the audit log says ${w}`);
  same(server.findPlain(['alice', 'eyJ', v.cookie]), [], 'found in the clear');
});
await test('settings that cannot be meant are refused', async () => {
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
  for (const [options, says] of [[['--staff-client', 'lazaret'], 'needs staff.issuer and public.url'], [[...settings.slice(2), '--public-url', 'http://lazaret.example'], 'public.url is https'],
    [[...settings.slice(2), '--public-url', `${home}/`], 'public.url is https'], [[...settings.slice(2), '--staff-client-secret-file', '/nowhere'], '/nowhere'], [['--session-idle-min', '0'], 'session.idle_min']]) {
    const r = cli(['serve', '--data', server.dir, '--listen', '127.0.0.1:0', ...options], { timeout: 10000 });
    check(r.code !== 0 && r.code !== null, `it started with ${options}`);
    contains(r.stderr, says);
  }
});
await realm.stop();
done();
