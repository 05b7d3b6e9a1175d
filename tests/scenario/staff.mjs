#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// staff.mjs   staff sign in at a real identity provider (oidc-provider, with the addresses and claims of Keycloak) by code and PKCE, and call with
// the access token: roles proposed and approved, one active role, suspension, keys that change, a provider that is away.
import { Server, check, cli, cliJson, contains, done, same, test, until } from './lib.mjs';
import { Realm, key, users } from './realm.mjs';

const realm = new Realm();
await realm.start();
const settings = ['--staff-issuer', realm.issuer, '--staff-http', 'on'];
const server = new Server();
await server.start(settings);
const tokens = {};
const me = async (token, headers = {}, s = server) => {
  const r = await s.request({ path: '/api/v1/me', headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...headers } });
  return { status: r.status, headers: r.headers, json: JSON.parse(r.text) };
};
const user = (verb, who, ...options) => cli([...verb.split(' '), who, '--data', server.dir, ...options]);
const good = (r) => same(r.code, 0, r.stderr);
const list = () => cliJson(['user', 'list', '--data', server.dir, '--json']);

await test('whoever signs in for the first time is known, and has no right', async () => {
  for (const u of Object.keys(users)) tokens[u] = (await realm.signIn(u)).access_token;
  const r = await me(tokens.alice);
  same(r.status, 403, JSON.stringify(r.json));
  same(r.json.detail, 'you are known now, but have no role here yet: somebody who manages accounts has to approve one; proposed: doctor', 'detail');
  const [alice] = list();
  same([alice.name, alice.subject, alice.state, alice.roles.length, alice.proposals], ['alice', 'alice', 'pending', 0, [{ role: 'doctor', proposed_by: 'provider' }]], 'the row');
});
await test('approved, each role is the one they act in', async () => {
  for (const [u, role] of [['alice', 'doctor'], ['ivo', 'installer'], ['mara', 'monitor'], ['rita', 'researcher'], ['dario', 'auditor'], ['adam', 'admin']]) {
    same((await me(tokens[u])).status, 403, u);
    good(user('user approve', u, '--role', role, '--by', 'chief'));
    const r = await me(tokens[u]);
    same([r.status, r.json.kind, r.json.name, r.json.subject, r.json.role, r.json.roles], [200, 'staff', u, u, role, [role]], u);
  }
  same((await me(tokens.nobody)).status, 403, 'a token without a role of ours');
});
await test('who holds two roles chooses one', async () => {
  await me(tokens.both);
  for (const role of ['doctor', 'researcher']) good(user('user approve', 'both', '--role', role, '--by', 'chief'));
  const r = await me(tokens.both);
  same([r.status, r.json.detail], [403, 'you hold several roles: choose one by the header Lazaret-Role: doctor, researcher'], 'without the header');
  for (const [said, role] of [['doctor', 'doctor'], ['unimi', 'researcher']]) {
    const x = await me(tokens.both, { 'Lazaret-Role': said });
    same([x.status, x.json.role, x.json.roles], [200, role, ['doctor', 'researcher']], said);
  }
  for (const said of ['monitor', 'admin', 'client', 'operator', 'x']) {
    const x = await me(tokens.both, { 'Lazaret-Role': said });
    same([x.status, x.json.detail], [403, 'Lazaret-Role names no role that you hold: doctor, researcher'], said);
  }
  same((await me(tokens.alice, { 'Lazaret-Role': 'researcher' })).status, 403, 'a role of others');
});
await test('roles that must be apart are refused by the sentence of the policy', async () => {
  await me(tokens.apart);
  good(user('user approve', 'apart', '--role', 'installer', '--by', 'chief'));
  const r = user('user approve', 'apart', '--role', 'monitor', '--by', 'chief');
  check(r.code !== 0, 'both were granted');
  contains(r.stderr, 'together they know at which address a stream was recorded');
  same((await me(tokens.apart)).json.role, 'installer', 'role');
});
await test('a role that sees people takes two, and one name is one', async () => {
  await me(tokens.sam);
  good(user('role remove', 'sam', '--role', 'doctor', '--by', 'chief'));
  good(user('role add', 'sam', '--role', 'doctor', '--by', 'chief'));
  const alone = user('user approve', 'sam', '--role', 'doctor', '--by', 'chief');
  check(alone.code !== 0, 'approved by who proposed it');
  contains(alone.stderr, "needs somebody else's approval");
  same((await me(tokens.sam)).status, 403, 'sam');
  const first = cliJson(['user', 'approve', 'nobody', '--role', 'monitor', '--by', 'chief', '--data', server.dir, '--json']);
  same(first.done, 'proposed', 'approving what nobody proposed');
  same((await me(tokens.nobody)).status, 403, 'nobody');
  good(user('user approve', 'sam', '--role', 'doctor', '--by', 'deputy'));
  same((await me(tokens.sam)).json.role, 'doctor', 'sam');
});
await test('suspended, nothing works from the next request on; resumed, it does; a role removed is gone', async () => {
  good(user('user suspend', 'alice', '--by', 'chief'));
  const at = Date.now();
  const r = await me(tokens.alice);
  same([r.status, r.json.detail], [403, 'your account is suspended'], 'suspended');
  check(Date.now() - at < 1000, 'it took more than a second');
  good(user('user resume', 'alice', '--by', 'chief'));
  same((await me(tokens.alice)).status, 200, 'resumed');
  good(user('role remove', 'rita', '--role', 'researcher', '--by', 'chief'));
  same((await me(tokens.rita)).status, 403, 'without the role');
});
await test('all of it is in the audit log, and no name is in the log or the records', async () => {
  const why = server.audit().filter((x) => ['Grant', 'Staff'].includes(x.obj?.type)).map((x) => `${x.actor?.id?.length === 36 ? 'ID' : x.actor?.id} ${x.why}`);
  for (const w of ['ID pending', 'provider doctor', 'chief approved doctor', 'chief suspended', 'chief resumed', 'chief removed researcher', 'chief proposed doctor', 'deputy approved doctor'])
    check(why.includes(w), `no entry '${w}' in ${why}`);
  for (const word of ['alice', 'eyJ']) check(!server.log.includes(word), `the log says ${word}`);
  same(server.findPlain(['alice', tokens.alice.slice(0, 40), tokens.alice.slice(-40)]), [], 'found in the clear');
});
await test('what is wrong with a token is said, and nothing of it', async () => {
  const [h, c, s] = tokens.alice.split('.');
  const part = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');
  for (const [token, says] of [[`${h}.${c}.${s.slice(0, -6)}AAAAAA`, 'signature'], [`${part({ alg: 'none' })}.${c}.`, 'not signed by'], ['a.b.c', 'base64url'],
    [`${h}.${part({ ...JSON.parse(Buffer.from(c, 'base64url')), realm_access: { roles: ['admin'] } })}.${s}`, 'signature'], [(await realm.signIn('alice')).id_token, ''],
    [`${h}.${'A'.repeat(8000)}.${'A'.repeat(9000)}`, '']]) {
    const r = await me(token);
    check(r.status === 401 || r.status === 431, `${says}: ${r.status}`);
    contains(r.json.detail ?? '', says);
    if (r.status === 401) contains(r.headers['www-authenticate'], 'invalid_token');
    check(!JSON.stringify(r.json).includes(c.slice(0, 20)), 'the answer holds the token');
  }
  realm.audience = 'other';
  contains((await me((await realm.signIn('alice')).access_token)).json.detail, 'audience');
  realm.audience = undefined;
  same((await me('lz_nobody')).json.detail, "send your API key as 'Authorization: Bearer KEY'", 'a key is a key');
  const bot = server.addClient('bot');
  const r = await me(bot.api_key);
  same([r.status, r.json.kind, r.json.role, r.json.name], [200, 'client', 'client', 'bot'], 'a client');
  same((await server.request({ path: '/v1/webhook-endpoints', headers: { Authorization: `Bearer ${tokens.alice}` } })).status, 403, 'a doctor does not see what is the clients\'');
});
await test('a key the provider changed is fetched once, and strangers do not make it be fetched again', async () => {
  const old = tokens.alice;
  await realm.stop();
  realm.keys = [key('two')];
  await realm.start();
  const asked = realm.asked;
  tokens.alice = (await realm.signIn('alice')).access_token;
  const together = await Promise.all(Array.from({ length: 6 }, () => me(tokens.alice)));
  same(together.map((r) => r.status), Array(6).fill(200), 'with the new key');
  same(realm.asked - asked, 1, 'how often the provider was asked');
  contains((await me(old)).json.detail, 'does not have', 'a key that was withdrawn');
  const part = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');
  for (let i = 0; i < 20; i++) same((await me(`${part({ alg: 'RS256', kid: `k${i}` })}.${part({})}.AAAA`)).status, 401, 'unknown');
  same(realm.asked - asked, 1, 'how often the provider was asked');
});
await test('while the provider is away its keys serve on', async () => {
  const fresh = (await realm.signIn('mara')).access_token;
  await realm.stop();
  same([(await me(tokens.alice)).status, (await me(fresh)).status], [200, 200], 'known and new token');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
});
await test('a server that never reached it answers 503, soon, and works when it is back; commands work while stopped', async () => {
  good(user('user suspend', 'ivo', '--by', 'chief'));
  await server.start(settings);
  const at = Date.now();
  const r = await me(tokens.alice);
  same([r.status, r.json.detail], [503, "sign-ins cannot be checked now: the identity provider does not answer"], 'away');
  check(r.headers['retry-after'] && Date.now() - at < 3000, `it took ${Date.now() - at} ms`);
  await realm.start();
  await until('it is back', async () => (await me(tokens.alice)).status === 200, 8000);
});
await test('where tokens are trusted their roles count as they stand, but for those that must be apart', async () => {
  same((await server.stop()).code, 0, 'exit');
  await server.start([...settings, '--staff-approval', 'token', '--staff-roles', 'resource_access.lazaret.roles']);
  for (const [u, role] of [['alice', 'doctor'], ['mara', 'monitor'], ['rita', 'researcher'], ['dario', 'auditor'], ['adam', 'admin']]) {
    const token = (await realm.signIn(u)).access_token;
    same((await me(token)).json.role, role, u);
  }
  const apart = await me((await realm.signIn('apart')).access_token);
  same([apart.status, apart.json.detail], [403, 'of your roles (installer, monitor) none counts, because one person may not hold them together'], 'apart');
  same((await me((await realm.signIn('ivo')).access_token)).json.detail, 'your account is suspended', 'who is suspended here stays so');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
});
await test('settings that would let in anybody are refused', async () => {
  for (const [options, says] of [[['--staff-issuer', realm.issuer], 'staff.http'], [['--staff-issuer', 'http://id.example/realms/x', '--staff-http', 'on'], 'https'],
    [['--staff-issuer', 'https://user@id.example'], 'https'], [[...settings, '--staff-audience', ''], 'audience'], [[...settings, '--staff-approval', 'yes'], 'local or token']]) {
    const r = cli(['serve', '--data', server.dir, '--listen', '127.0.0.1:0', ...options]);
    check(r.code !== 0 && r.code !== null, `it started with ${options}`);
    contains(r.stderr, says);
  }
});
await realm.stop();
done();
