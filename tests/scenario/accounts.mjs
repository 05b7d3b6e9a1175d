#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// accounts.mjs   people without an identity provider, in a real browser with a virtual authenticator: invited by the command, a password or a
// passkey set, signing in, a counter that goes back, another page's requests, lock-out that outlives kill -9, lost credentials replaced.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { isThere, launch } from './chromium.mjs';
import { Server, check, cli, cliJson, contains, done, same, skip, test, top } from './lib.mjs';

const server = new Server();
await server.start();
const home = () => `http://localhost:${server.port}`;
const PASSWORD = 'xkq7 vmw2 pt9';
const OTHER = 'hqz4 rnd8 wk3';
const add = (name, role = 'auditor', by = 'root') => cliJson(['user', 'add', name, '--role', role, '--by', by, '--data', server.dir, '--json']);
const jar = {};
// A program that is no browser, and says X-Lazaret as our page does; keeps the cookie of `who`.
async function ask(method, at, body, { who, headers = {} } = {}) {
  const r = await server.request({ method, path: at, body: body && JSON.stringify(body), headers: { 'X-Lazaret': '1',
    ...(body ? { 'Content-Type': 'application/json' } : {}), ...(jar[who] ? { Cookie: jar[who] } : {}), ...headers } });
  const cookie = r.headers['set-cookie']?.[0];
  if (who && cookie) jar[who] = cookie.split(';')[0];
  return { status: r.status, headers: r.headers, cookie, json: r.text ? JSON.parse(r.text) : undefined };
}
const signIn = (name, password, options) => ask('POST', '/auth/password', { name, password }, options);

await test('an invitation is printed once, with a link whose secret no server sees', () => {
  const r = cli(['user', 'add', 'Anna', '--role', 'doctor', '--by', 'root', '--data', server.dir]);
  same(r.code, 0, r.stderr);
  contains(r.stdout, 'Anna: doctor is proposed');
  check(new RegExp(`${home()}/auth#[\\w-]{22}\\n`).test(r.stdout), r.stdout);
  contains(r.stdout, 'somebody else has to approve it: lazaret user approve Anna --role doctor --by NAME');
  const again = cli(['user', 'add', 'anna', '--role', 'doctor', '--data', server.dir]);
  check(again.code !== 0 && again.stderr.includes("'lazaret user invite'"), again.stderr);
  const [anna] = cliJson(['user', 'list', '--data', server.dir, '--json']);
  same([anna.name, anna.subject, anna.state, anna.proposals], ['anna', 'anna', 'pending', [{ role: 'doctor', proposed_by: 'root' }]], 'the list');
});

await test('it is accepted once with a password; then name and password sign in, and the cookie is for this host and its pages alone', async () => {
  const { invitation } = add('dario');
  const shown = await ask('GET', '/auth/invitation', undefined, { headers: { 'Lazaret-Invitation': invitation } });
  same([shown.status, shown.json.name, shown.json.role, shown.json.passkeys], [200, 'dario', 'auditor', true], JSON.stringify(shown.json));
  const weak = await ask('POST', '/auth/invitation', { code: invitation, password: 'passwordpassword' });
  same(weak.status, 422, JSON.stringify(weak.json));
  const role = await ask('POST', '/auth/invitation', { code: invitation, password: PASSWORD, role: 'doctor' });
  same(role.status, 422, 'a role of one\'s own choice');
  const r = await ask('POST', '/auth/invitation', { code: invitation, password: PASSWORD }, { who: 'dario' });
  same(r.status, 200, JSON.stringify(r.json));
  check(/^__Host-lazaret=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/.test(r.cookie), r.cookie);
  const twice = await ask('POST', '/auth/invitation', { code: invitation, password: PASSWORD });
  same([twice.status, twice.json.detail.startsWith('this invitation is not valid')], [404, true], JSON.stringify(twice.json));
  const me = await ask('GET', '/api/v1/me', undefined, { who: 'dario' });
  same([me.status, me.json.kind, me.json.role], [200, 'staff', 'auditor'], JSON.stringify(me.json));
  const second = await signIn('DARIO', PASSWORD, { who: 'second' });
  same([second.status, second.json.how], [200, 'password'], JSON.stringify(second.json));
});

await test('a name that nobody has gets the same answer', async () => {
  const [known, unknown] = [await signIn('dario', OTHER), await signIn('ghost', OTHER)];
  for (const r of [known, unknown]) { delete r.json.request_id; delete r.headers['x-request-id']; delete r.headers.date; }
  same([known.status, known.json, known.headers], [unknown.status, unknown.json, unknown.headers], 'the two answers');
  same(known.json.detail, 'the name or the password is wrong', 'detail');
});

await test('another site\'s page can neither sign in nor use the cookie', async () => {
  for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }, { 'Sec-Fetch-Site': 'none' }]) {
    same((await signIn('dario', PASSWORD, { headers })).status, 403, JSON.stringify(headers));
    same((await ask('POST', '/auth/passkey/register/options', undefined, { who: 'dario', headers })).status, 403, JSON.stringify(headers));
  }
  const bare = await server.request({ method: 'POST', path: '/auth/passkey/register/options', headers: { Cookie: jar.dario } });
  same(bare.status, 403, bare.text);
  const origin = (o) => server.request({ method: 'POST', path: '/auth/passkey/register/options', headers: { 'X-Lazaret': '1', Cookie: jar.dario, Origin: o } });
  same((await origin('https://evil.example')).status, 403, 'a foreign origin');
  same((await origin(home())).status, 200, 'our origin');
  same((await ask('GET', '/api/v1/me', undefined, { headers: { Cookie: '__Host-lazaret=AAAA' } })).status, 401, 'a made-up cookie');
});

await test('a password is changed with the old one; the other sessions end', async () => {
  same((await ask('POST', '/auth/password/change', { old: OTHER, new: OTHER }, { who: 'dario' })).status, 401, 'the wrong old one');
  same((await ask('POST', '/auth/password/change', { old: PASSWORD, new: 'dariodario1234' }, { who: 'dario' })).status, 422, 'a weak new one');
  same((await ask('POST', '/auth/password/change', { old: PASSWORD, new: OTHER }, { who: 'dario' })).status, 200, 'changed');
  same((await ask('GET', '/api/v1/me', undefined, { who: 'dario' })).status, 200, 'this session');
  same((await ask('GET', '/api/v1/me', undefined, { who: 'second' })).status, 401, 'the other session');
  same((await ask('POST', '/auth/step-up', { password: PASSWORD }, { who: 'dario' })).status, 401, 'proved again by the old password');
  same((await ask('POST', '/auth/step-up', { password: OTHER }, { who: 'dario' })).status, 204, 'proved again');
});

await test('after five failures a name waits, also after kill -9 between them, and whether it exists or not', async () => {
  add('elsa');
  for (const name of ['elsa', 'nobody-at-all']) {
    for (let i = 0; i < 5; i++) {
      same((await signIn(name, OTHER)).status, 401, `failure ${i + 1} of ${name}`);
      if (i === 2) {
        server.process.kill('SIGKILL');
        await server.ended;
        await server.start();
      }
    }
    const r = await signIn(name, PASSWORD);
    same(r.status, 429, JSON.stringify(r.json));
    const wait = Number(r.headers['retry-after']);
    check(wait > 5 && wait <= 30, `Retry-After: ${wait}`);
    server.process.kill('SIGKILL');
    await server.ended;
    await server.start();
    same((await signIn(name, PASSWORD)).status, 429, 'after a kill');
  }
});

await test('a second invitation ends sessions, password and passkeys', async () => {
  const r = cliJson(['user', 'invite', 'dario', '--by', 'root', '--data', server.dir, '--json']);
  same((await ask('GET', '/api/v1/me', undefined, { who: 'dario' })).status, 401, 'the session');
  same((await signIn('dario', OTHER)).status, 401, 'the password');
  same((await ask('POST', '/auth/invitation', { code: r.invitation, password: PASSWORD }, { who: 'dario' })).status, 200, 'accepted');
});

await test('somebody who is suspended is told so only with the right password', async () => {
  same(cli(['user', 'suspend', 'dario', '--by', 'root', '--data', server.dir]).code, 0, 'suspended');
  same((await ask('GET', '/api/v1/me', undefined, { who: 'dario' })).status, 401, 'the session');
  same((await signIn('dario', OTHER)).status, 401, 'a wrong password');
  same((await signIn('dario', PASSWORD)).status, 403, 'the right one');
  same(cli(['user', 'resume', 'dario', '--by', 'root', '--data', server.dir]).code, 0, 'resumed');
});

// ---- in a browser

if (!isThere) {
  skip('passkeys in a browser', 'there is no chromium');
  await server.stop();
  done();
  process.exit();
}
const browser = await launch();
const seen = { violations: [], elsewhere: [], errors: [] };
async function open(at) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.effectiveDirective} ${e.blockedURI}`));
  });
  page.on('request', (q) => { if (!q.url().startsWith(home())) seen.elsewhere.push(q.url()); });
  page.on('pageerror', (e) => seen.errors.push(String(e)));
  const cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal',
    hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await page.goto(at);
  return { page, context, cdp, authenticatorId };
}
const said = (page, part) => page.getByText(part).first().waitFor({ timeout: 20000 });
const signedIn = (page) => page.getByRole('navigation', { name: 'Main' }).waitFor({ timeout: 20000 });
const account = async (page) => {
  await page.goto(`${home()}/app/account`);
  await page.getByRole('heading', { name: 'My account' }).waitFor();
};
const again = async (v) => {
  await v.context.clearCookies();
  await v.page.goto(`${home()}/auth`);
  await v.page.getByRole('button', { name: 'Sign in with a passkey' }).click();
};
let b;

await test('an invitation is accepted with a passkey, its code leaves the address', async () => {
  const { url } = add('petra');
  b = await open(url);
  await b.page.getByRole('heading', { name: 'Welcome, petra' }).waitFor();
  await said(b.page, 'You were invited as Auditor.');
  same(b.page.url(), `${home()}/auth`, 'the address');
  await b.page.getByLabel('Name of the device').fill('phone');
  await b.page.getByRole('button', { name: 'Make a passkey' }).click();
  await signedIn(b.page);
  await account(b.page);
  await said(b.page, 'phone');
  await said(b.page, 'not used yet');
  same(await b.page.evaluate(() => document.cookie), '', 'what scripts see of the cookie');
  await said(b.page, 'petra, Auditor');
});

await test('the passkey signs in without a name', async () => {
  await again(b);
  await signedIn(b.page);
  await account(b.page);
  await said(b.page, 'last used this minute');
});

await test('a password signs in by the page, too, and a wrong one is said', async () => {
  const d = await open(`${home()}/auth`);
  await d.page.getByLabel('Name', { exact: true }).fill('dario');
  await d.page.getByLabel('Password', { exact: true }).fill(OTHER);
  await d.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await said(d.page, 'the name or the password is wrong');
  await d.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await d.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await signedIn(d.page);
  await account(d.page);
  await said(d.page, 'dario, Auditor');
  await d.page.getByLabel('Name of the device').fill('dario\'s stick');
  await d.page.getByRole('button', { name: 'Add a passkey' }).click();
  await d.page.getByRole('button', { name: 'Remove dario\'s stick' }).click();
  await said(d.page, 'dario\'s stick was removed');
  await d.context.close();
});

await test('the only way in is not removed', async () => {
  await b.page.getByRole('button', { name: 'Remove phone' }).click();
  await said(b.page, 'this is your only way in');
});

await test('a counter that goes back is that of a copy: refused', async () => {
  const { credentials: [c] } = await b.cdp.send('WebAuthn.getCredentials', { authenticatorId: b.authenticatorId });
  check(c.signCount > 0 && c.isResidentCredential, JSON.stringify(c));
  await b.cdp.send('WebAuthn.clearCredentials', { authenticatorId: b.authenticatorId });
  await b.cdp.send('WebAuthn.addCredential', { authenticatorId: b.authenticatorId, credential: { ...c, signCount: 0 } });
  await again(b);
  await said(b.page, 'counter went back');
  await b.cdp.send('WebAuthn.clearCredentials', { authenticatorId: b.authenticatorId });
  await b.cdp.send('WebAuthn.addCredential', { authenticatorId: b.authenticatorId, credential: { ...c, signCount: c.signCount + 5 } });
  await b.page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await signedIn(b.page);
});

await test('who was not verified by the device is refused', async () => {
  await b.cdp.send('WebAuthn.setUserVerified', { authenticatorId: b.authenticatorId, isUserVerified: false });
  await again(b);
  await said(b.page, 'The device did not do it');
  await b.cdp.send('WebAuthn.setUserVerified', { authenticatorId: b.authenticatorId, isUserVerified: true });
});

await test('a passkey that another origin asked for is refused', async () => {
  // The same host, so the browser gives the passkey, but another port: another page than ours.
  const other = http.createServer((q, r) => r.writeHead(200, { 'Content-Type': 'text/html' }).end('<!DOCTYPE html><title>x</title>'));
  await new Promise((ok) => other.listen(0, '127.0.0.1', ok));
  const options = (await ask('POST', '/auth/passkey/options')).json;
  await b.page.goto(`http://localhost:${other.address().port}/`);
  seen.elsewhere.length = 0;
  const credential = await b.page.evaluate(async (o) => {
    const bytes = (t) => Uint8Array.from(atob(t.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    const text = (x) => btoa(String.fromCharCode(...new Uint8Array(x))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
    const c = await navigator.credentials.get({ publicKey: { ...o, challenge: bytes(o.challenge), allowCredentials: [] } });
    return { id: c.id, type: c.type, response: { clientDataJSON: text(c.response.clientDataJSON), authenticatorData: text(c.response.authenticatorData),
      signature: text(c.response.signature), userHandle: text(c.response.userHandle) } };
  }, options);
  const r = await ask('POST', '/auth/passkey', { credential });
  same([r.status, r.json.detail.includes('another page')], [401, true], JSON.stringify(r.json));
  other.close();
});

await test('nothing offends the page\'s policy, and nobody else is asked', async () => {
  await b.page.goto(`${home()}/auth`);
  const r = await server.request({ path: '/auth' });
  contains(r.headers['content-security-policy'], "default-src 'none'; script-src 'self'");
  same(await b.page.evaluate(() => window.violations), [], 'violations');
  same([seen.elsewhere, seen.errors], [[], []], 'elsewhere and errors');
});
await browser.close();

await test('neither names nor passwords nor codes are in the store or the log; the audit log has ids', async () => {
  await server.stop();
  same(server.findPlain(['petra', 'dario', PASSWORD, OTHER, 'argon2id']), [], 'in the store');
  for (const word of ['petra', 'dario', PASSWORD, OTHER]) check(!server.log.includes(word), `the log says ${word}`);
  const audit = server.audit();
  const text = JSON.stringify(audit);
  for (const word of ['petra', 'dario', PASSWORD]) check(!text.includes(word), `the audit log says ${word}`);
  const has = (f) => check(audit.some(f), `no such entry: ${f}`);
  has((x) => x.act === 'create' && x.obj?.type === 'Invitation' && x.actor?.id === 'root');
  has((x) => x.act === 'update' && x.obj?.type === 'Account' && x.why === 'password by invitation');
  has((x) => x.out === 'deny' && x.obj?.type === 'Account' && x.obj?.id && x.why === 'TOKEN');
  has((x) => x.out === 'deny' && x.why === 'RATE' && x.obj?.type === 'Account');
  has((x) => x.act === 'execute' && x.obj?.type === 'Passkey' && x.why === 'used');
});
done();
