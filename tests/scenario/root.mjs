#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 300
// root.mjs   where the root key comes from (a file, a credential of systemd, a token), what is refused, and another root key taking its
// place from each to each, with backups made before and after.
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, cli, contains, database, done, same, tempFolder, test, until } from './lib.mjs';

const postgres = process.env.STORE === 'postgres';
const box = tempFolder();
const at = (name) => path.join(box, name);
const secret = (name, text, mode = 0o400) => {
  fs.rmSync(at(name), { force: true });
  fs.writeFileSync(at(name), text, { mode });
  fs.chmodSync(at(name), mode);
  return at(name);
};
const hex = () => `${crypto.randomBytes(32).toString('hex')}\n`;

// ---- a token of SoftHSM, with a key that stays on it and one that could be copied off it

const PIN = '471147';
const library = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so', '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so']
  .find((f) => fs.existsSync(f));
fs.mkdirSync(at('tokens'));
fs.writeFileSync(at('softhsm.conf'), `directories.tokendir = ${at('tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`);
fs.mkdirSync(at('creds'), { mode: 0o500 });
fs.chmodSync(at('creds'), 0o700);
const env = { SOFTHSM2_CONF: at('softhsm.conf'), CREDENTIALS_DIRECTORY: at('creds') };
function tool(name, ...words) {
  const r = spawnSync(name, words, { encoding: 'utf8', env: { ...process.env, ...env } });
  check(r.status === 0, `${name} ${words.join(' ')}: ${r.error ?? r.stderr}`);
}
tool('softhsm2-util', '--init-token', '--free', '--label', 'lazaret', '--so-pin', '12345678', '--pin', PIN);
for (const label of ['root', 'other'])
  tool('pkcs11-tool', '--module', library, '--token-label', 'lazaret', '--login', '--pin', PIN, '--keygen', '--key-type', 'aes:32', '--label', label, '--sensitive');
tool('pkcs11-tool', '--module', library, '--token-label', 'lazaret', '--login', '--pin', PIN, '--keygen', '--key-type', 'aes:16', '--label', 'short', '--sensitive');
tool('pkcs11-tool', '--module', library, '--token-label', 'lazaret', '--login', '--pin', PIN, '--keygen', '--key-type', 'aes:32', '--label', 'copied', '--sensitive', '--extractable');
const pin = secret('pin', PIN);
const token = (object = 'root', more = `module-path=${library}&pin-source=file:${pin}`, name = 'lazaret') => `pkcs11:token=${name};object=${object};type=secret-key?${more}`;

// ---- a server with a root key of some kind

const run = (words, more = {}) => cli(words, { env: { ...env, ...more } });
const json = (words) => {
  const r = run([...words, '--json']);
  check(r.code === 0, `lazaret ${words.join(' ')} ended with ${r.code}: ${r.stderr}`);
  return JSON.parse(r.stdout);
};
function fails(r, sentence) {
  same(r.code, 1, `exit of what should fail with '${sentence}': ${r.stdout}${r.stderr}`);
  contains(r.stderr, sentence, 'stderr');
  check(![PIN, ...secrets].some((s) => r.stderr.includes(s)), 'a secret is in a message');
}
const secrets = [];
const server = new Server(at('data'));
const on = (source, ...words) => [...words, '--data', server.dir, ...(source ? ['--keys-root', source] : [])];
async function sends() {
  const r = await server.request({ method: 'POST', path: '/v1/diagnose', body: `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle('news2')}}`,
    headers: { Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/json' } });
  same(r.status, 202, r.text);
  return JSON.parse(r.text).job_id;
}
const job = async (id) => (await server.request({ path: `/v1/jobs/${id}`, headers: { Authorization: `Bearer ${server.clients.bot.api_key}` } })).status;
const jobs = [];
async function works(source, kind) {
  jobs.push(await sends());
  for (const id of jobs) same(await job(id), 200, `job ${id}`);
  const s = json(on(source, 'keys', 'status'));
  same(s.root_kind, kind, 'kind of root key');
  same(json(on(source, 'db', 'check')).filter((x) => !x.holds), [], 'what does not hold');
  return s;
}
const rotate = (source, to) => json(on(source, 'keys', 'rotate', '--root', ...(to ? ['--to', to] : [])));
const restored = () => postgres ? ['--store', database()] : [];

await test('a folder is made with a root key that only a token opens', async () => {
  await server.start(['--keys-root', token()], env);
  server.addClient('bot');
  const s = await works(token(), 'pkcs11');
  check(!fs.existsSync(`${server.dir}.key`), 'there is a root key file');
  same(fs.statSync(`${server.dir}.wrapped`).mode & 0o7777, 0o400, 'mode of the wrapped root key');
  contains(s.root_key, `x-wrapped=${server.dir}.wrapped`, 'the source');
  contains(run(on(token(), 'keys', 'status')).stdout, 'wrapped by a key on a token', 'status');
  await server.stop();
  await server.start(['--keys-root', token()], env);
  await works(token(), 'pkcs11');
});
await test('a backup made with it is restored with it', async () => {
  same(run(on(token(), 'db', 'backup', at('backup.token'))).code, 0, 'backup');
  await server.stop();
  const into = at('from-token');
  fails(run(['db', 'restore', at('backup.token'), '--data', into, '--keys-root', token('root', `module-path=${library}&pin-source=file:${pin}&x-wrapped=${at('none')}`), ...restored()]), 'root key of fingerprint');
  fs.copyFileSync(`${server.dir}.wrapped`, `${into}.wrapped`);
  fs.chmodSync(`${into}.wrapped`, 0o400);
  fs.copyFileSync(`${server.dir}.erased`, `${into}.erased`);
  const r = run(['db', 'restore', at('backup.token'), '--data', into, '--keys-root', token(), '--json', ...restored()]);
  same(r.code, 0, r.stderr);
});
await test('without the token, its PIN or its key, or with one that can be copied, nothing opens', () => {
  const none = (source, sentence) => fails(run(on(source, 'keys', 'status')), sentence);
  none(token('root', undefined, 'elsewhere'), 'is not there');
  none(token('nothing'), 'names no AES keys');
  none(token('other'), 'decrypt the wrapped root key');
  none(token('short'), 'has 16 bytes');
  none(token('copied'), 'can be copied off its token');
  none(token('root', `module-path=${library}&pin-source=file:${secret('pin.wrong', '0000')}`), 'sign in with the PIN');
  none(token('root', `module-path=${library}&pin-source=file:${secret('pin.open', PIN, 0o444)}`), 'may be read by others');
  none(token('root', `module-path=${library}&pin-source=file:${at('pin.none')}`), 'read the PIN file');
  none(token('root', `module-path=${library}`), 'does not say where');
  none(token('root', `module-path=${library}&pin-value=0000`), 'would be seen by others');
  none(token('root', `module-path=${library}&pin-source=|cat`), 'pin-source of keys.root is');
  none(token('root', `module-path=libsofthsm2.so&pin-source=file:${pin}`), 'not an absolute path');
  none(token('root', `module-path=${at('pin')}&pin-source=file:${pin}`), 'could not be loaded');
  none('pkcs11:token=%zz', 'no URI of PKCS #11');
  none('pkcs11:', 'does not say where');
  none('vault:here', 'is file:PATH');
  const wrapped = fs.readFileSync(`${server.dir}.wrapped`, 'utf8');
  for (const bad of [wrapped.replace(/.\n$/, (c) => (c[0] === '0' ? '1\n' : '0\n')), wrapped.replace('aes-gcm', 'aes-ecb'), '', wrapped.slice(0, -3)])
    none(token('root', `module-path=${library}&pin-source=file:${pin}&x-wrapped=${secret('bent', bad)}`), bad.startsWith('lazaret-root 1 aes-gcm') && bad.length === wrapped.length ? 'decrypt' : 'form of one');
});
await test('while the server runs, another root key is wrapped by the same token', async () => {
  await server.start(['--keys-root', token()], env);
  const before = json(on(token(), 'keys', 'status')).root_id;
  const r = rotate(token());
  same([r.old_root_id, r.setting_changes], [before, false], 'what was replaced');
  check(r.rewrapped >= 3, `${r.rewrapped} wraps`);
  await works(token(), 'pkcs11');
  check(fs.existsSync(`${server.dir}.wrapped.old-${before}`), 'the old one is not kept');
  await server.stop();
  await server.start(['--keys-root', token()], env);
  same((await works(token(), 'pkcs11')).root_id, r.root_id, 'the root key after a start');
});
await test('a credential of systemd takes the place of the token, and is refused when others may read it', async () => {
  const missing = run(on(token(), 'keys', 'rotate', '--root', '--to', 'creds:root'));
  fails(missing, 'systemd alone makes those');
  const line = hex();
  secrets.push(line.trim());
  secret('creds/root', line);
  const r = rotate(token(), 'creds:root');
  same(r.setting_changes, true, 'the setting has to follow');
  const s = await works(token(), 'creds');
  contains(s.next.join(' '), 'Set keys.root = creds:root', 'what is to be done');
  await server.stop();
  fails(run(on(token(), 'keys', 'status')), 'not the one these data were made with');
  fails(run(on(token(), 'keys', 'status')), 'creds:root');
  fails(run(on('creds:root', 'keys', 'status'), { CREDENTIALS_DIRECTORY: '' }), 'systemd gave none');
  fails(run(on('creds:../root', 'keys', 'status')), 'without a path');
  for (const mode of [0o404, 0o420, 0o460]) {
    fs.chmodSync(at('creds/root'), mode);
    fails(run(on('creds:root', 'keys', 'status')), 'may be read by others');
  }
  fs.chmodSync(at('creds/root'), 0o440); // how systemd's ACL for the unit's user looks
  await server.start(['--keys-root', 'creds:root'], env);
  same((await works('creds:root', 'creds')).root_id, r.root_id, 'the root key');
  fails(run(on('creds:root', 'keys', 'rotate', '--root')), '--to creds:NAME');
});
await test('a backup from before a rotation opens with the root key of then, which is named', async () => {
  const file = at('first.key');
  const first = rotate('creds:root', `file:${file}`);
  await server.stop();
  const source = `file:${file}`;
  await server.start(['--keys-root', source], env);
  await works(source, 'file');
  same(run(on(source, 'db', 'backup', at('backup.before'))).code, 0, 'backup');
  secrets.push(fs.readFileSync(file, 'utf8').trim());
  const second = rotate(source);
  same(second.old_root_id, first.root_id, 'what was replaced');
  const s = await works(source, 'file');
  contains(s.next.join(' '), `${file}.old-${first.root_id} is a root key that was replaced`, 'what is to be done');
  same(s.replaced_root_keys.length, 4, 'root keys of before');
  same(run(on(source, 'db', 'backup', at('backup.after'))).code, 0, 'backup');
  contains(run(on(source, 'doctor')).stdout, 'is a root key that a rotation replaced', 'doctor');
  await server.stop();
  for (const [name, key] of [['before', `${file}.old-${first.root_id}`], ['after', file]]) {
    const into = at(`restored.${name}`);
    fs.copyFileSync(`${server.dir}.erased`, `${into}.erased`); // the ledger is the same store's, whatever its root key
    const words = (k) => ['db', 'restore', at(`backup.${name}`), '--data', into, '--keys-root', `file:${k}`, ...restored()];
    if (name === 'before') {
      fails(run(words(file)), 'which a rotation has put aside');
      fails(run(words(file)), key);
    }
    const r = run([...words(key), '--json']);
    same(r.code, 0, r.stderr);
    same(JSON.parse(r.stdout).checks.filter((x) => !x.holds), [], 'what does not hold');
  }
  await server.start(['--keys-root', source], env);
  await works(source, 'file');
});
await test('what systemd-creds has encrypted is what it hands over', async () => {
  const line = hex(), sealed = at('root.cred');
  const r = spawnSync('systemd-creds', ['encrypt', '--with-key=host', '--name=root', '-', sealed], { input: line, encoding: 'utf8' });
  if (r.error || r.status !== 0) return console.log(`# systemd-creds cannot encrypt here: ${(r.error ?? r.stderr).toString().slice(0, 200)}`);
  check(!fs.readFileSync(sealed).includes(line.trim()), 'it is in the clear');
  const back = spawnSync('systemd-creds', ['decrypt', '--name=root', sealed, '-'], { encoding: 'utf8' });
  same(back.stdout, line, 'what comes back');
});
await test('every rotation is in the audit log', async () => {
  const rotations = json(['audit', 'show', '--data', server.dir, '--keys-root', `file:${at('first.key')}`, '--last', '10000']).filter((x) => x.why === 'root');
  same(rotations.length, 4, 'entries');
  await until('the server is there', () => server.process);
});
await server.stop();
done();
