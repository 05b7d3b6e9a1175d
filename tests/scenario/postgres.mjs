#!/usr/bin/env node
// alone: answers and restarts are timed
// timeout: 240
// postgres.mjs   a store several processes share: workers of their own, killed while they run; and a PostgreSQL that is killed,
// paused and comes back. Its cluster is its own.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Server, build, check, cli, cliJson, contains, done, program, same, sleep, tempFolder, test, top, until } from './lib.mjs';

const { Cluster } = createRequire(import.meta.url)('../cluster.cjs');
const cluster = await Cluster.make();
process.on('exit', () => cluster.stop());

const measured = new Date(Date.now() - 3600e3).toISOString();
const observation = (code, value) => ({ resource: { resourceType: 'Observation', status: 'final', subject: { reference: 'Patient/p1' },
  code: { coding: [{ system: 'http://loinc.org', code }] }, effectiveDateTime: measured, ...value } });
const patient = { resource: { resourceType: 'Patient', id: 'p1', gender: 'male', birthDate: '1970-01-01' } };
const mood = JSON.parse(fs.readFileSync(path.join(top, 'tests/data/models/moody/manifest.json'))).inputs.mood.anyOf[0];
const body = {
  ckd: JSON.stringify({ client_id: 'bot', target_diagnosis: 'ckd', fhir_bundle: { resourceType: 'Bundle', type: 'collection', entry: [patient,
    observation('2160-0', { valueQuantity: { value: 1.0, system: 'http://unitsofmeasure.org', code: 'mg/dL' } })] } }),
  hangs: JSON.stringify({ client_id: 'bot', target_diagnosis: 'mood', fhir_bundle: { resourceType: 'Bundle', type: 'collection', entry: [patient,
    { resource: { resourceType: 'Condition', subject: { reference: 'Patient/p1' }, code: { coding: [{ system: 'http://snomed.info/sct', code: '77386006' }] },
      verificationStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'refuted' }] } } },
    { resource: { resourceType: 'Observation', status: 'final', subject: { reference: 'Patient/p1' }, code: { coding: [mood] },
      effectiveDateTime: measured, valueQuantity: { value: 4, system: 'http://unitsofmeasure.org', code: '1' } } }] } }),
};

function makeServer(name) {
  const dir = path.join(tempFolder(), 'data');
  const url = cluster.create(name);
  const server = new Server(dir);
  server.options = ['--store', url];
  return server;
}
const keyed = (s) => ({ Authorization: `Bearer ${s.clients.bot.api_key}`, 'Content-Type': 'application/json' });
const accepted = async (s, what) => {
  const r = await send(s, what);
  same(r.status, 202, r.text);
  return JSON.parse(r.text).job_id;
};
const send = (s, what = 'ckd', headers = {}) => s.request({ method: 'POST', path: '/v1/diagnose', headers: { ...keyed(s), ...headers }, body: body[what] });
const look = async (s, id) => JSON.parse((await s.request({ path: `/v1/jobs/${id}`, headers: keyed(s) })).text);

const workers = new Set();
process.on('exit', () => { for (const p of workers) p.kill('SIGKILL'); });
function work(s, options = []) {
  const p = spawn(program, ['work', '--data', s.dir, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  workers.add(p);
  p.log = '';
  p.stderr.on('data', (d) => { p.log += d; });
  p.ended = new Promise((end) => p.on('exit', (code, signal) => { workers.delete(p); end({ code, signal }); }));
  return new Promise((ready, fail) => {
    p.stdout.on('data', (d) => { if (String(d).includes('lazaret works')) ready(p); });
    p.ended.then(({ code, signal }) => fail(new Error(`work ended with ${code ?? signal}: ${p.log.slice(-1000)}`)));
  });
}

await test('a folder remembers its store, and a store elsewhere needs a folder of its own', async () => {
  const s = makeServer('remembers');
  const first = cli(['client', 'list', '--data', s.dir, '--store', cluster.url('remembers')]);
  check(first.code !== 0, 'a store without records was taken');
  contains(first.stderr, "'lazaret serve' would make them", 'the refusal');
  await s.start(s.options);
  s.addClient('bot');
  same((await s.stop()).code, 0, 'exit');
  same(fs.statSync(path.join(s.dir, 'store')).mode & 0o777, 0o600, 'mode of DIR/store');
  same(cliJson(['client', 'list', '--data', s.dir, '--json']).length, 1, 'clients, without --store');
  fs.renameSync(`${s.dir}.key`, `${s.dir}.key.away`);
  const none = cli(['client', 'list', '--data', s.dir]);
  contains(none.stderr, 'is not there: bring it back', 'without its key');
  fs.renameSync(`${s.dir}.key.away`, `${s.dir}.key`);
  fs.truncateSync(path.join(s.dir, 'store'));
  contains(cli(['client', 'list', '--data', s.dir]).stderr, 'say it once more: --store', 'a start that was cut short while it wrote that');
  check(!fs.existsSync(path.join(s.dir, 'lazaret.db')), 'a store of its own was made');
  cliJson(['client', 'list', '--data', s.dir, '--store', cluster.url('remembers'), '--json']);
  same(cliJson(['client', 'list', '--data', s.dir, '--json']).length, 1, 'clients, without --store again');
  const file = new Server();
  await file.start();
  await file.stop();
  contains(cli(['client', 'list', '--data', file.dir, '--store', cluster.url('remembers')]).stderr, 'needs a folder of its own', 'a folder with a file');
  contains(cli(['work', '--data', file.dir]).stderr, 'its workers are threads', 'work on a file');
  contains(cli(['serve', '--data', path.join(tempFolder(), 'x'), '--store', 'mysql://x']).stderr, 'postgres://USER@HOST/DATABASE', 'another kind of store');
  const gone = cli(['serve', '--data', path.join(tempFolder(), 'x'), '--store', 'postgres://lazaret@127.0.0.1:1/x']);
  check(gone.code === 1 && gone.stderr.includes('connect to PostgreSQL'), `no server there: ${gone.stderr}`);
});

await test('who joins a store leaves its models as its operator has them, and can bring the files that are missing', async () => {
  const s = makeServer('joins');
  await s.start([...s.options, '--workers', '0']);
  const copy = path.join(tempFolder(), 'news2');
  fs.cpSync(path.join(build, 'models/news2'), copy, { recursive: true });
  const manifest = path.join(copy, 'manifest.json');
  fs.chmodSync(manifest, 0o644);
  fs.writeFileSync(manifest, fs.readFileSync(manifest, 'utf8').replace('"1.0.0"', '"1.0.1"'));
  const { digest } = cliJson(['model', 'add', copy, '--data', s.dir, '--json']);
  cliJson(['model', 'promote', 'news2@1.0.1', 'stable', '--rank', '50', '--data', s.dir, '--json']);
  same((await s.stop()).code, 0, 'exit');
  const other = path.join(tempFolder(), 'data');
  fs.copyFileSync(`${s.dir}.key`, `${other}.key`);
  fs.chmodSync(`${other}.key`, 0o400);
  const w = await work({ dir: other }, ['--store', cluster.url('joins'), '--workers', '1']);
  w.kill('SIGTERM');
  same((await w.ended).code, 0, `exit of the worker\n${w.log.slice(-500)}`);
  const stable = cliJson(['model', 'list', '--data', s.dir, '--json']).filter((m) => m.stable && m.key === 'news2');
  same(stable.map((m) => [m.version, m.rank]), [['1.0.1', 50]], 'which news2 is stable');
  same(fs.readdirSync(path.join(other, 'models')), [], 'models of the folder that joined');
  cliJson(['model', 'add', copy, '--data', other, '--json']);
  same(fs.readdirSync(path.join(other, 'models')), [digest.slice(7)], 'its models, when one was added that the store has');
});

await test('of several hosts neither one that says nothing nor one that is none keeps from the next', async () => {
  const silent = net.createServer(() => {});
  await new Promise((ready) => silent.listen(0, '127.0.0.1', ready));
  const url = cluster.create('several');
  const dir = path.join(tempFolder(), 'data');
  cliJson(['client', 'add', 'bot', '--data', dir, '--store', url.replace('127.0.0.1:', `127.0.0.1:${silent.address().port},127.0.0.1:`), '--json']);
  for (const hosts of ['nowhere.invalid,127.0.0.1:', '127.0.0.1:1,127.0.0.1:'])
    same(cliJson(['client', 'list', '--data', dir, '--store', url.replace('127.0.0.1:', hosts), '--json']).map((c) => c.client), ['bot'], hosts);
  silent.close();
});

await test('jobs are run by workers of their own, who can be cancelled and drain when told to stop', async () => {
  const s = makeServer('works');
  await s.start([...s.options, '--workers', '0']);
  s.addClient('bot');
  cliJson(['model', 'add', path.join(top, 'tests/data/models/moody'), '--data', s.dir, '--json']);
  cliJson(['model', 'promote', 'moody@1.0.0', 'stable', '--data', s.dir, '--json']);
  const waiting = await accepted(s);
  await sleep(300);
  same((await look(s, waiting)).status, 'QUEUED', 'without a worker');
  const w = [await work(s, ['--workers', '1']), await work(s, ['--workers', '1'])];
  await until('the job', async () => (await look(s, waiting)).status === 'COMPLETED');
  const many = await Promise.all(Array.from({ length: 20 }, async () => await accepted(s)));
  for (const id of many) await until(`job ${id}`, async () => (await look(s, id)).status === 'COMPLETED');
  for (const id of many) same((await look(s, id)).attempts, 1, 'attempts');
  const hanging = await accepted(s, 'hangs');
  await until('it runs', async () => (await look(s, hanging)).status === 'PROCESSING');
  const asked = Date.now();
  same((await s.request({ method: 'DELETE', path: `/v1/jobs/${hanging}`, headers: keyed(s) })).status, 202, 'cancel');
  await until('it is cancelled', async () => (await look(s, hanging)).status === 'CANCELLED', 1500);
  console.log(`# cancelled through another process after ${Date.now() - asked} ms`);
  for (const p of w) p.kill('SIGTERM');
  for (const p of w) same((await p.ended).code, 0, `exit of a worker\n${p.log.slice(-500)}`);
  same(cliJson(['audit', 'verify', '--data', s.dir, '--json']).entries > 40, true, 'audit entries');
  same((await s.stop()).code, 0, `exit\n${s.log.slice(-1000)}`);
});

await test('a worker that is killed loses its lease, and the job is run once more by another', async () => {
  const s = makeServer('killed');
  await s.start([...s.options, '--workers', '0']);
  s.addClient('bot');
  cliJson(['model', 'add', path.join(top, 'tests/data/models/moody'), '--data', s.dir, '--json']);
  cliJson(['model', 'promote', 'moody@1.0.0', 'stable', '--data', s.dir, '--json']);
  const w = await work(s, ['--workers', '1']);
  const id = await accepted(s, 'hangs');
  await until('it runs', async () => (await look(s, id)).status === 'PROCESSING');
  w.kill('SIGKILL');
  await w.ended;
  const died = Date.now();
  const other = await work(s, ['--workers', '1']);
  await until('another try', async () => (await look(s, id)).attempts === 2, 13000);
  const took = Date.now() - died;
  console.log(`# taken over after ${took} ms (lease 10 s)`);
  check(took < 12000, `taken over after ${took} ms`);
  await until('its end', async () => (await look(s, id)).status === 'FAILED', 20000);
  same((await look(s, id)).error.code, 'TIMEOUT', 'error');
  other.kill('SIGTERM');
  await other.ended;
  same((await s.stop()).code, 0, 'exit');
});

// Answers while PostgreSQL is away must be quick refusals; nothing that was accepted may be missing afterwards.
async function away(name, leave, back) {
  const s = makeServer(name);
  await s.start(s.options);
  s.addClient('bot');
  const accepted = [];
  const go = async () => { const r = await send(s); if (r.status === 202) accepted.push(JSON.parse(r.text).job_id); return r.status; };
  for (let i = 0; i < 10; i++) same(await go(), 202, 'before');
  await leave();
  const begun = Date.now();
  const refused = await Promise.all(Array.from({ length: 30 }, go));
  const slowest = Date.now() - begun;
  check(refused.every((c) => c === 503), `while it is away: ${refused}`);
  check(slowest < 9000, `the refusals took ${slowest} ms`);
  same((await s.request({ path: '/readyz' })).status, 503, 'readyz');
  same((await s.request({ path: '/health' })).status, 200, 'health');
  await back();
  await until('it is accepted again', async () => (await go()) === 202, 15000);
  await until('it is ready again', async () => (await s.request({ path: '/readyz' })).status === 200, 10000); /* other connections may still have to be given up */
  for (const id of accepted) await until(`job ${id}`, async () => (await look(s, id)).status === 'COMPLETED', 20000);
  console.log(`# ${name}: slowest of 30 refusals ${slowest} ms; ${accepted.length} accepted, all there`);
  same((await s.stop()).code, 0, `exit\n${s.log.slice(-1000)}`);
}

await test('a PostgreSQL that is killed is refused for and found again', () =>
  away('pg_killed', () => cluster.kill(), () => cluster.start()));

await test('a PostgreSQL that is paused is noticed within seconds', () =>
  away('pg_paused', () => cluster.pause(), () => cluster.resume()));

for (const p of workers) p.kill('SIGKILL');
cluster.stop();
done();
