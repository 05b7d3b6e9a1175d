#!/usr/bin/env node
// alone: a job that hangs must still hang when it is cancelled; beside others it comes to the end of its own time
// timeout: 240
// stores: sqlite postgres
// backup.mjs   lazaret db: a backup taken while jobs are accepted, and restored on a clean place, has them all, byte for byte; what is no
// whole backup of this root key is refused; what was erased stays erased; an old store is migrated, a newer one refused.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { settings, token } from './issuer.mjs';
import { Server, build, check, cli, cliJson, contains, database, done, filesBelow, program, same, sleep, tempFolder, test, top, until } from './lib.mjs';

const postgres = process.env.STORE === 'postgres';
const box = tempFolder();
const fails = (r, sentence) => {
  check(r.code === 1, `ended with ${r.code ?? r.signal}, want 1: ${r.stdout}${r.stderr}`);
  contains(r.stderr, sentence, 'standard error');
};

// A password of its own in the URL; the server trusts it anyway.
const password = 'pw-canary-51';
const withPassword = (url) => url.replace('postgres://lazaret@', `postgres://lazaret:${password}@`);
const server = new Server();
if (postgres) {
  server.url = withPassword(server.url);
  fs.writeFileSync(path.join(server.dir, 'store'), `${server.url}\n`, { mode: 0o600 });
}

// pg_dump and pg_restore, but their words are written down, and they take long enough for something to happen meanwhile.
const words = path.join(box, 'words');
const bin = path.join(box, 'bin');
fs.mkdirSync(bin);
for (const tool of ['pg_dump', 'pg_restore'])
  fs.writeFileSync(path.join(bin, tool), `#!/bin/sh\necho "${tool} $*" >> ${words}\nsleep 0.2\n/usr/bin/${tool} "$@"\ncode=$?\nsleep 0.1\nexit $code\n`, { mode: 0o755 });
const env = { PATH: `${bin}:${process.env.PATH}` };

// Statements past the program, while it is stopped.
function sql(text, url = server.url, dir = server.dir) {
  const r = postgres ? spawnSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', text], { encoding: 'utf8' })
    : spawnSync('python3', ['-c', 'import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nc.executescript(sys.argv[2])\nc.commit()', path.join(dir, 'lazaret.db'), text],
      { encoding: 'utf8' });
  check(r.status === 0, `${text}: ${r.stderr}`);
}

const keyed = () => ({ Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/json' });
const news2 = `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle('news2')}}`;
const send = async (body = news2) => {
  const r = await server.request({ method: 'POST', path: '/v1/diagnose', headers: keyed(), body });
  same(r.status, 202, r.text);
  return JSON.parse(r.text).job_id;
};
const look = (id) => server.request({ path: `/v1/jobs/${id}`, headers: keyed() });
const status = async (id) => JSON.parse((await look(id)).text).status;
const completed = (id) => until(`job ${id}`, async () => (await status(id)) === 'COMPLETED');

const mood = JSON.parse(fs.readFileSync(path.join(top, 'tests/data/models/moody/manifest.json'))).inputs.mood.anyOf[0];
const hangs = JSON.stringify({ client_id: 'bot', target_diagnosis: 'mood', fhir_bundle: { resourceType: 'Bundle', type: 'collection', entry: [
  { resource: { resourceType: 'Patient', id: 'p1', gender: 'male', birthDate: '1970-01-01' } },
  { resource: { resourceType: 'Condition', subject: { reference: 'Patient/p1' }, code: { coding: [{ system: 'http://snomed.info/sct', code: '77386006' }] },
    verificationStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'refuted' }] } } },
  { resource: { resourceType: 'Observation', status: 'final', subject: { reference: 'Patient/p1' }, code: { coding: [mood] },
    effectiveDateTime: new Date(Date.now() - 3600e3).toISOString(), valueQuantity: { value: 4, system: 'http://unitsofmeasure.org', code: '1' } } }] } });

// What there is, as its operator sees it.
const exported = () => cliJson(['job', 'list', '--last', '1000', '--data', server.dir, '--json']).map((j) => cli(['job', 'show', j.job_id, '--data', server.dir]).stdout);
const backup = path.join(box, 'backup');
const kept = path.join(box, 'kept'); // the folder that was lost, and its ledger
const ledger = `${server.dir}.erased`;
const key = `${server.dir}.key`;
// The program beside a server that is asked by this process meanwhile.
const start = (args) => new Promise((end) => {
  const p = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const r = { stdout: '', stderr: '' };
  p.stdout.on('data', (d) => { r.stdout += d; });
  p.stderr.on('data', (d) => { r.stderr += d; });
  p.on('close', (code) => end({ code, ...r }));
});
// A version that is not there yet.
const late = path.join(box, 'late-model');
fs.cpSync(path.join(build, 'models/news2'), late, { recursive: true });
fs.chmodSync(path.join(late, 'manifest.json'), 0o644);
fs.writeFileSync(path.join(late, 'manifest.json'), fs.readFileSync(path.join(late, 'manifest.json'), 'utf8').replace('"1.0.0"', '"1.0.1"'));
const target = () => (postgres ? ['--store', withPassword(database())] : []);
let first; // what is refused leaves it empty
const empty = () => (first ??= target());
const restore = (more = [], options = {}) => cli(['db', 'restore', backup, '--data', server.dir, '--json', ...more], { env, ...options });
const nothing = () => same(fs.existsSync(server.dir), false, 'something was written');
let before; // job: its answer
let erased, running, unfinished;

const slow = { ...env, LAZARET_FAULT: 'late-copy slow-copy' }; // the same for a store that is a file
const withStaff = ['--workers', '2', ...settings()];
await server.start(withStaff, slow);
const doctor = { Authorization: `Bearer ${token('doc', ['doctor'])}`, 'Content-Type': 'application/json' };
const patient = async (id) => {
  const r = await server.request({ path: `/api/v1/patients/${id}`, headers: doctor });
  return [r.status, JSON.parse(r.text).first_name];
};
const enrol = async (name, code) => JSON.parse((await server.request({ method: 'POST', path: '/api/v1/patients', headers: doctor,
  body: JSON.stringify({ first_name: name, last_name: 'Provvisorio', codice_fiscale: code }) })).text).patient_id;
const enrolled = [await enrol('Anna', 'STP1234567890123'), await enrol('Bruno', 'ENI1234567890123')];
let readable; // after one of them was erased
server.addClient('bot');
cliJson(['model', 'add', path.join(top, 'tests/data/models/moody'), '--data', server.dir, '--json']);
cliJson(['model', 'promote', 'moody@1.0.0', 'stable', '--data', server.dir, '--json']);

await test('a backup is made while jobs are accepted', async () => {
  const ids = await Promise.all(Array.from({ length: 12 }, () => send()));
  for (const id of ids) await completed(id);
  [running, unfinished] = [await send(hangs), await send(hangs)];
  await until('both run', async () => (await status(running)) === 'PROCESSING' && (await status(unfinished)) === 'PROCESSING');
  before = new Map(await Promise.all(ids.map(async (id) => [id, (await look(id)).text])));
  const p = spawn(program, ['db', 'backup', path.relative(process.cwd(), backup), '--data', server.dir, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '', sent = 0, ended = null;
  for (const s of [p.stdout, p.stderr]) s.on('data', (d) => { out += d; });
  p.on('exit', (code) => { ended = code; });
  const load = Promise.all(Array.from({ length: 4 }, async () => { for (; ended === null; sent++) { await send(); await sleep(100); } }));
  await until('it has begun', () => fs.existsSync(`${backup}.unfinished`));
  fails(await start(['db', 'check', '--data', server.dir]), "other long work is being done");
  same((await start(['model', 'add', late, '--data', server.dir])).code, 0, 'a model is added meanwhile');
  console.log(`# the model was added ${ended === null ? 'during' : 'after'} the backup`);
  await load;
  same(ended, 0, out);
  check(sent > 0, 'nothing was accepted meanwhile');
  const said = JSON.parse(out);
  same([said.store, said.backup], [postgres ? 'postgres' : 'sqlite', backup], 'the answer');
  console.log(`# ${sent} jobs were accepted during the backup of ${said.bytes} bytes`);
});
await test('it holds neither the root key nor a socket, and is its owner\'s alone', () => {
  const hex = fs.readFileSync(key, 'utf8').trim(), raw = Buffer.from(hex, 'hex');
  const forms = [raw, Buffer.from(hex), Buffer.from(hex.toUpperCase()), ...[0, 1, 2].map((cut) => Buffer.from(raw.subarray(cut, cut + 30).toString('base64'))),
    ...[0, 1, 2].map((cut) => Buffer.from(raw.subarray(cut, cut + 30).toString('base64url')))];
  const files = filesBelow(backup);
  check(files.length > 10, `only ${files.length} files`);
  for (const f of files) {
    const text = fs.readFileSync(f);
    for (const form of forms) check(!text.includes(form), `${path.relative(backup, f)} holds the root key`);
    same(fs.statSync(f).mode & 0o777, 0o600, f);
  }
  for (const d of fs.readdirSync(backup, { recursive: true, withFileTypes: true }).concat({ isDirectory: () => true, parentPath: box, path: box, name: 'backup' }))
    if (d.isDirectory()) same(fs.statSync(path.join(d.parentPath ?? d.path, d.name)).mode & 0o777, 0o700, d.name);
    else check(d.isFile(), `${d.name} is no file`);
  check(!files.some((f) => /sock|lock|\.key/.test(path.basename(f))), 'the socket, the lock or a key');
});
await test('db check reads everything, while the server runs', () => {
  const r = cliJson(['db', 'check', '--data', server.dir, '--json']);
  same(r.map((x) => [x.what, x.holds]), ['schema', 'store', 'audit', 'jobs', 'sealed', 'documents', 'models'].map((w) => [w, true]), JSON.stringify(r));
  contains(cli(['db', 'check', '--data', server.dir]).stdout, 'opens with its key', 'for a person');
  contains(cli(['db', 'migrate', '--data', server.dir]).stdout, 'there is nothing to do', 'migrate');
});
await test('a name that is taken is refused, and a second backup is another folder', () => {
  fails(cli(['db', 'backup', backup, '--data', server.dir]), 'is there already');
  const r = cli(['db', 'backup', path.join(box, 'no/where'), '--data', server.dir]);
  same(r.code, 2, 'a folder that is not there');
  contains(r.stderr, 'No such file', 'standard error');
});
await test('what is erased after the backup is in the ledger', async () => {
  erased = [...before.keys()][3];
  fs.copyFileSync(ledger, path.join(box, 'ledger.old'));
  same((await server.request({ method: 'POST', path: `/v1/jobs/${erased}/erase`, headers: keyed() })).status, 200, 'erase');
  contains(fs.readFileSync(ledger, 'utf8'), erased, 'the ledger');
  await server.request({ method: 'DELETE', path: `/v1/jobs/${running}`, headers: keyed() });
  await until('it is cancelled', async () => (await status(running)) === 'CANCELLED');
  cliJson(['job', 'erase', running, '--data', server.dir, '--json']);
  contains(fs.readFileSync(ledger, 'utf8'), running, 'the ledger, of one that ran at the time of the backup');
  same(fs.statSync(ledger).mode & 0o777, 0o600, 'its mode');
});
await test('a server that is told to end gives a backup up and leaves nothing of it', async () => {
  const cut = path.join(box, 'cut');
  const asked = start(['db', 'backup', cut, '--data', server.dir]);
  await until('it has begun', () => fs.existsSync(`${cut}.unfinished`));
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-1000)}`);
  fails(await asked, 'told to end');
  same(fs.readdirSync(box).filter((n) => n.startsWith('cut')), [], 'what is left');
});
await test('a person is erased, and the ledger names whose keys were destroyed', async () => {
  await server.start(withStaff, slow);
  same((await server.request({ method: 'DELETE', path: `/api/v1/patients/${enrolled[0]}`, headers: doctor })).status, 200, 'erased');
  readable = await Promise.all(enrolled.map(patient));
  same(readable.map(([status]) => status), [404, 200], 'who is read');
  const lines = fs.readFileSync(ledger, 'utf8').split('\n').filter((l) => l.startsWith('subject '));
  same(lines.length, 5, 'a person, their data, stream, home and house');
  for (const l of lines) check(/^subject [0-9a-f-]{36} [0-9a-f-]{36} \d{4}-\d\d-\d\dT[\d:.]+Z$/.test(l), l);
});
await test('on a terminal it says how far it is', () => {
  const shown = path.join(box, 'shown');
  const r = spawnSync('script', ['-qec', `${program} db backup ${shown} --data ${server.dir}`, '/dev/null'], { encoding: 'utf8', env: { ...process.env, ...env } });
  contains(r.stdout, '\r\x1b[K', 'the terminal');
  check(/(copying|dumping) the (database|models)|reading it again|checking the models/.test(r.stdout), r.stdout);
});
await test('the server ends, and its folder is lost', async () => {
  await server.request({ method: 'DELETE', path: `/v1/jobs/${unfinished}`, headers: keyed() });
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-1000)}`);
  fs.renameSync(server.dir, kept);
});

// ---- what is refused, and leaves nothing

await test('without its root key, or with another, a restore says which one it needs', () => {
  const id = JSON.parse(fs.readFileSync(path.join(backup, 'manifest.json'))).root_id;
  fs.renameSync(key, `${key}.kept`);
  fails(restore(empty()), `root key of fingerprint ${id}`);
  check(restore(empty()).stderr.includes(key), 'it does not say where it goes');
  fs.writeFileSync(key, `${'5a'.repeat(32)}\n`, { mode: 0o400 });
  fails(restore(empty()), `root key of fingerprint ${id}`);
  fs.rmSync(key);
  fs.renameSync(`${key}.kept`, key);
  nothing();
});
await test('one byte changed in any file of the backup is found before anything is written', () => {
  const into = empty();
  for (const f of filesBelow(backup)) {
    const whole = fs.readFileSync(f), bent = Buffer.from(whole);
    bent[Math.floor(Math.random() * bent.length)] ^= 1 << Math.floor(Math.random() * 8);
    fs.writeFileSync(f, bent);
    const r = restore(into);
    check(r.code === 1 && r.stdout === '', `${path.relative(backup, f)}: ended with ${r.code}: ${r.stdout}${r.stderr}`);
    fs.writeFileSync(f, whole);
  }
  nothing();
});
await test('a restore without the ledger of erasures, or with an older one, is refused', () => {
  fs.renameSync(ledger, `${ledger}.kept`);
  fails(restore(empty()), 'bring the ledger of erasures');
  fs.writeFileSync(path.join(box, 'ledger.other'), 'lazaret-erased 1 0123456789abcdef\n');
  fails(restore([...empty(), '--erased', path.join(box, 'ledger.other')]), 'is not the ledger of erasures of this store');
  fs.renameSync(`${ledger}.kept`, ledger);
  nothing();
});
await test('a folder or a database that is not empty is refused', () => {
  fs.mkdirSync(server.dir);
  fs.writeFileSync(path.join(server.dir, 'x'), '');
  fails(restore(empty()), 'is not empty');
  fs.rmSync(server.dir, { recursive: true });
  if (postgres) fails(restore(['--store', server.url]), 'that database is not empty');
  else contains(restore(['--store', 'postgres://x@127.0.0.1:1/x']).stderr, 'leave --store away', 'with --store');
  if (postgres) contains(restore().stderr, 'say into which empty database', 'without --store');
  nothing();
});

await test('a backup of a newer program is refused', () => {
  const f = path.join(backup, 'manifest.json'), whole = fs.readFileSync(f, 'utf8');
  fs.writeFileSync(f, whole.replace(/"schema":\d+/, '"schema":9999'));
  fails(restore(empty()), 'this backup has schema 9999');
  fs.writeFileSync(f, whole);
  fails(cli(['db', 'restore', box, '--data', server.dir]), 'is no backup of lazaret');
  nothing();
});

// ---- the way back

await test('restored, every job that was accepted before is there, byte for byte; what was erased is not', async () => {
  const into = empty();
  const r = restore(into);
  check(r.code === 0, `restore: ${r.stdout}${r.stderr}`);
  const said = JSON.parse(r.stdout);
  same([said.erased_again, said.subjects_erased_again, said.checks.every((x) => x.holds)], [2, 3, true], r.stdout); // those of the five who had keys
  if (postgres) server.url = into[1];
  same(fs.readdirSync(server.dir).sort(), postgres ? ['models', 'store'] : ['lazaret.db', 'models'], 'the folder');
  same(cliJson(['job', 'list', '--last', '1000', '--data', server.dir, '--json']).find((j) => j.job_id === unfinished).state, 'QUEUED', 'what ran when the backup was made');
  await server.start(withStaff);
  same(await Promise.all(enrolled.map(patient)), readable, 'who is read');
  const patients = JSON.parse((await server.request({ path: '/api/v1/patients', headers: doctor })).text);
  same(patients.map((p) => p.first_name).sort(), readable.flatMap(([, name]) => name ?? []).sort(), 'the list');
  for (const [id, text] of before) {
    const got = await look(id);
    if (id === erased) same(got.status, 410, 'the erased one');
    else same(got.text, text, `job ${id}`);
  }
  same((await look(running)).status, 410, 'the one erased after it had run');
  await until('it runs again', async () => (await status(unfinished)) === 'PROCESSING');
  await server.request({ method: 'DELETE', path: `/v1/jobs/${unfinished}`, headers: keyed() });
  await completed(await send());
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-1000)}`);
});
await test('restored twice is refused', () => fails(restore(empty()), 'is not empty'));
await test('a backup of before an erasure, restored with no ledger at all, is what it says it is', () => {
  const other = path.join(box, 'other');
  fs.copyFileSync(key, `${other}.key`);
  fs.chmodSync(`${other}.key`, 0o400);
  const r = cli(['db', 'restore', backup, '--data', other, '--erased', 'none', '--json', ...target()], { env });
  check(r.code === 0, r.stderr);
  same(JSON.parse(r.stdout).erased_again, 0, 'erased');
  const shown = cliJson(['job', 'show', erased, '--data', other, '--json']);
  same(shown.result.score, 0, 'so the key is in every older backup, and the ledger is what keeps it erased');
});
if (postgres) {
  await test('no password is among the words of a child', () => {
    const text = fs.readFileSync(words, 'utf8');
    check(/^pg_dump .*dbname=/m.test(text) && /^pg_restore .*dbname=/m.test(text), text);
    check(!text.includes(password), text);
  });
  await test('without pg_dump it is said which package has it', () =>
    fails(cli(['db', 'backup', path.join(box, 'second'), '--data', server.dir], { env: { PATH: path.join(box, 'empty') } }), 'apt-get install postgresql-client'));
}
await test('a second backup, of the stopped store, is made and its models are looked at', () => {
  const second = path.join(box, 'second');
  contains(cli(['db', 'backup', second, '--data', server.dir]).stdout, 'is whole', 'for a person');
  const older = path.join(box, 'older');
  fs.copyFileSync(key, `${older}.key`);
  fs.chmodSync(`${older}.key`, 0o400);
  const from = (file) => cli(['db', 'restore', second, '--data', older, '--erased', file, '--json', ...target()], { env });
  fails(from(path.join(box, 'ledger.old')), 'is older than the backup');
  same(fs.existsSync(`${older}.erased`), false, 'a ledger was made');
  const r2 = from(ledger);
  check(r2.code === 0, r2.stderr);
  for (const id of [erased, running]) contains(fs.readFileSync(`${older}.erased`, 'utf8'), id, 'the ledger that was given is the new folder\'s');
  const file = filesBelow(path.join(server.dir, 'models'))[0], whole = fs.readFileSync(file), mode = fs.statSync(file).mode & 0o777;
  fs.chmodSync(file, 0o644);
  fs.writeFileSync(file, Buffer.concat([whole, Buffer.from('\n')]));
  fs.chmodSync(file, mode);
  const r = cli(['db', 'check', '--data', server.dir, '--json']);
  same([r.code, JSON.parse(r.stdout).filter((x) => !x.holds).map((x) => x.what)], [1, ['models']], r.stdout);
  fails(cli(['db', 'backup', path.join(box, 'third'), '--data', server.dir]), 'the files of');
  same(fs.readdirSync(box).filter((n) => n.startsWith('third')), [], 'what is left of it');
  fs.chmodSync(file, 0o644);
  fs.writeFileSync(file, whole);
  fs.chmodSync(file, mode);
});

if (!postgres) await test('a row that refers to one that is not there is found by db check', () => {
  sql("INSERT INTO webhook_event (scope, id, endpoint, job, kind, created_at) VALUES (x'00', x'01', x'02', x'03', 'x', 0)");
  const r = cli(['db', 'check', '--data', server.dir]);
  sql("DELETE FROM webhook_event WHERE scope = x'00'");
  same(r.code, 1, r.stdout);
  contains(r.stdout, 'store    BAD', 'for a person');
});

// ---- schemas

await test('a job that was given to another client does not open, and db check says so', () => {
  const on = (t) => sql(t);
  cliJson(['client', 'add', 'other', '--data', server.dir, '--json']);
  const swap = (from, to) => on(`UPDATE job SET client = (SELECT id FROM client WHERE name = '${to}') WHERE client = (SELECT id FROM client WHERE name = '${from}')`);
  swap('bot', 'other');
  const r = cli(['db', 'check', '--data', server.dir, '--json']);
  swap('other', 'bot');
  same([r.code, JSON.parse(r.stdout).filter((x) => !x.holds).map((x) => x.what)], [1, ['sealed']], r.stdout);
});
await test('a store of schema 3, with its data, is brought to the present, and what it tells stays the same', () => {
  const had = exported();
  sql(`DROP TABLE project; DROP TABLE job_feedback; DROP TABLE negotiation; DROP TABLE sensor; DROP TABLE stream; ALTER TABLE job DROP COLUMN progress; DROP TABLE ticket_entry; DROP TABLE ticket; DROP TABLE installation; DROP INDEX job_chosen; ALTER TABLE job DROP COLUMN chosen; DROP TABLE audit_cosignature; DROP TABLE audit_witness; DROP TABLE glass; DROP TABLE passkey; DROP TABLE invitation; DROP TABLE account; DROP TABLE challenge_used; DROP TABLE sign_in_failure;
       DROP TABLE session_cookie; DROP TABLE session; DROP TABLE logout_token;
       DROP TABLE client_assertion; DROP TABLE client_token; DROP TABLE client_cert; DROP TABLE client_keys;
       DROP TABLE document_piece; DROP TABLE document;
       DROP TABLE visit; DROP TABLE alias; DROP TABLE stream_edge; DROP TABLE home_edge; DROP TABLE patient_edge;
       DROP TABLE consent; DROP TABLE contact; DROP TABLE screening; DROP TABLE note; DROP TABLE home; DROP TABLE person; DROP TABLE gate_installed;
       DROP TABLE subject_key; DROP TABLE blind_key; DROP TABLE root_key;
       DROP TABLE audit_leaf; DROP INDEX audit_by_time;
       DROP TABLE audit_key; DROP TABLE audit_tile; DROP TABLE audit_checkpoint;
       DROP TABLE role_grant; DROP TABLE staff;
       DROP INDEX event_ended; DROP INDEX job_erased;
       DROP INDEX job_poison; ALTER TABLE job DROP COLUMN input;
       DROP TABLE model_signature; DROP TABLE model_signer;
       ALTER TABLE client DROP COLUMN rate; ALTER TABLE client DROP COLUMN burst; DROP TABLE model_selftest;
       ALTER TABLE model_alias DROP COLUMN rank; DELETE FROM schema_version WHERE number > 3;`);
  const dry = cliJson(['db', 'migrate', '--dry-run', '--data', server.dir, '--json']);
  same([dry.from, dry.done], [3, false], 'dry run');
  same(cliJson(['db', 'migrate', '--dry-run', '--data', server.dir, '--json']).from, 3, 'the dry run changed something');
  const did = cliJson(['db', 'migrate', '--data', server.dir, '--json']);
  same([did.from, did.to, did.done], [3, dry.to, true], 'migrate');
  check(had.length > 12, `only ${had.length} jobs`);
  same(exported(), had, 'the jobs');
  same(cliJson(['db', 'check', '--data', server.dir, '--json']).every((x) => x.holds), true, 'check');
});
await test('a newer schema is refused in a sentence, by serve and by db', () => {
  sql("INSERT INTO schema_version (number, name, applied_at) VALUES (9999, 'future', 0)");
  for (const verb of [['serve', '--listen', '127.0.0.1:0'], ['db', 'migrate'], ['db', 'migrate', '--dry-run'], ['db', 'check'], ['db', 'backup', path.join(box, 'newer')]])
    fails(cli([...verb, '--data', server.dir], { timeout: 15000 }), '9999');
  contains(cli(['serve', '--listen', '127.0.0.1:0', '--data', server.dir], { timeout: 15000 }).stderr, 'the data were written by a newer program', 'serve');
});
done();
