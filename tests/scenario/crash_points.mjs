#!/usr/bin/env node
// crash_points.mjs   the server is killed at every point of src/base/crash_points.def, started again, and what the table says must
// hold, holds: what was answered is there, nothing is there twice, an event reaches its receiver once, or twice with one id, the
// audit log verifies, and the work goes on.
// At the end the same eyes look at a server that answers before it commits, and have to see that the job is lost.
// stores: sqlite postgres
// timeout: 600
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, cli, cliJson, database, done, program, same, skip, sleep, tempFolder, test, top, until } from './lib.mjs';

const postgres = process.env.STORE === 'postgres';
const WORLDS = 4; // at a time
const READY_MS = 2000 * (postgres ? 2 : 1);
const LEASE_MS = 10000;
const CLAIM_MS = 30000; // how long another process may be delivering an event

const points = [...fs.readFileSync(path.join(top, 'src/base/crash_points.def'), 'utf8')
  .matchAll(/^CRASH_POINT\((\w+),\s+(\w+),\s+(\w+),\s+"([^"]*)"\)/gm)].map(([, name, during, leaves, where]) => ({ name, during, leaves, where }));

// ---- one receiver for all; what it got, by job

const got = new Map();
const hook = http.createServer((q, r) => {
  let text = '';
  q.on('data', (d) => { text += d; });
  q.on('end', () => {
    const { job_id: id, result, status } = JSON.parse(text);
    if (!got.has(id)) got.set(id, []);
    got.get(id).push({ event: q.headers['webhook-id'], told: JSON.stringify([status, result]) });
    r.writeHead(204).end();
  });
});
await new Promise((ready) => hook.listen(0, '127.0.0.1', ready));
const origin = `http://127.0.0.1:${hook.address().port}`;

// ---- a world: one server, one client

const options = ['--webhook-allow', '127.0.0.1', '--workers', '1', '--log-level', 'error'];
let slowest = 0;
let longest = 0;

class World {
  constructor() { this.server = new Server(path.join(tempFolder(), 'data')); }

  async start(env = {}) {
    const begun = performance.now();
    await this.server.start(options, env);
    slowest = Math.max(slowest, performance.now() - begun);
  }

  // The process ends by the kill of the point, and by nothing else.
  async killed(name) {
    const how = await Promise.race([this.server.ended, sleep(20000)]);
    if (!how) {
      this.server.process.kill('SIGKILL');
      await this.server.ended;
    }
    check(how, `the server never came to ${name}`);
    same(how.signal, 'SIGKILL', `how the server ended\n${this.server.log.slice(-1500)}`);
    this.at = Date.now();
  }

  ask(method, where, body, key) {
    return this.server.request({ method, path: where, body, headers: { Authorization: `Bearer ${this.key}`,
      ...(body ? { 'Content-Type': 'application/json' } : {}), ...(key ? { 'Idempotency-Key': key } : {}) } });
  }

  // The job's id, or null when nobody answered.
  async send(key) {
    this.body ??= `{"client_id":"ehr","target_diagnosis":"news2","webhook_url":"${origin}/","fhir_bundle":${bundle('news2')}}`;
    const r = await this.ask('POST', '/v1/diagnose', this.body, key).catch(() => null);
    if (!r) return null;
    same(r.status, 202, `status of ${r.text.slice(0, 300)}`);
    return JSON.parse(r.text).job_id;
  }

  async jobs() { return JSON.parse((await this.ask('GET', '/v1/jobs?limit=100')).text).jobs.map((j) => j.job_id); }
  async job(id) {
    const r = await this.ask('GET', `/v1/jobs/${id}`);
    return { status: r.status, ...JSON.parse(r.text), code: r.status };
  }
  ended(id) {
    return until(`job ${id} has ended`, async () => {
      const j = await this.job(id);
      return ['COMPLETED', 'FAILED'].includes(j.status) && j;
    }, LEASE_MS + 20000);
  }
  // All of this client's jobs have ended and been told of.
  async settled() {
    for (const id of await this.jobs()) {
      const j = await this.ended(id);
      if (j.code === 200) same(j.status, 'COMPLETED', `job ${id}: ${JSON.stringify(j.error)}`);
      await until(`the event of job ${id}`, () => got.get(id)?.length, CLAIM_MS + 15000);
    }
  }
  // The store has it, too, that the event was taken: killed before, the server tells of it again.
  async recorded() {
    const get = async (where) => JSON.parse((await this.ask('GET', `/v1/webhook-endpoints${where}`)).text);
    const { endpoints: [{ endpoint_id: id }] } = await get('');
    await until('the event is known to be told', async () => (await get(`/${id}/deliveries`)).deliveries.length);
  }
}

// What holds in every world, whatever happened to it.
function sound(w) {
  const audit = w.server.audit(100000);
  const count = (some) => audit.filter(some).reduce((by, x) => by.set(x.obj?.id, (by.get(x.obj?.id) ?? 0) + 1), new Map());
  const made = count((x) => x.act === 'create' && x.obj?.type === 'Job' && x.out === 'permit' && x.why !== 'replayed');
  const stored = count((x) => x.act === 'execute' && x.why === 'COMPLETED');
  for (const [id, n] of made) same([n, stored.get(id)], [1, 1], `entries of the audit log that made job ${id}, that stored a result`);
  for (const id of made.keys()) {
    const told = got.get(id) ?? [];
    check(told.length === 1 || told.length === 2, `job ${id} was told ${told.length} times`);
    check(told.every((t) => t.event === told[0].event && t.told === told[0].told), `job ${id} was told of twice, each time otherwise`);
  }
  same(cli(['audit', 'verify', '--data', w.server.dir]).code, 0, 'audit verify');
  const wrong = cliJson(['doctor', '--data', w.server.dir, '--json']).filter((x) => ['store', 'jobs', 'audit'].includes(x.what) && !x.holds);
  same(wrong, [], 'what doctor finds');
  return { jobs: made.size, twice: [...made.keys()].filter((id) => got.get(id).length === 2).length };
}

// ---- what reaches a point, and what is there afterwards

const reach = {
  async REQUEST(w, p) {
    const made = p.together ? 2 : 1; /* all of them, or none */
    if (p.together) w.body = `{"client_id":"ehr","target_diagnosis":"sepsis","policy":"all-ready","webhook_url":"${origin}/","fhir_bundle":${bundle('news2 -spo2 wbc')}}`;
    await w.start(p.env);
    const id = await w.send('the-key');
    await w.killed(p.name);
    same(id, p.env.LAZARET_FAULT ? id : null, 'the answer of a killed server');
    await w.start();
    const left = await w.jobs();
    same(left.length, p.leaves === 'ALL' ? made : 0, `jobs that the kill left`);
    const again = await w.send('the-key');
    if (left.length) same(left.includes(again), true, 'whether the repeated request is answered with a job of the first');
    same((await w.jobs()).length, made, 'jobs');
  },
  async RUN(w, p) {
    await w.start(p.env);
    const id = await w.send('the-key');
    await w.killed(p.name);
    await w.start();
    same(await w.jobs(), [await w.send('the-key')], 'the jobs after the kill');
    if (id) same(await w.jobs(), [id], 'the job that was answered');
    await w.ended((await w.jobs())[0]);
    longest = Math.max(longest, Date.now() - w.at);
  },
  async ERASE(w, p) {
    await w.start(p.env);
    const id = await w.send('the-key');
    await w.settled();
    await w.recorded();
    const r = await w.ask('POST', `/v1/jobs/${id}/erase`).catch(() => null);
    await w.killed(p.name);
    same(r, null, 'the answer of a killed server');
    await w.start();
    same((await w.job(id)).code, p.leaves === 'ALL' ? 410 : 200, 'the job after the kill');
    same(fs.readFileSync(`${w.server.dir}.erased`, 'utf8').includes(id), p.leaves === 'ALL', 'whether the ledger of erasures has it');
    same((await w.ask('POST', `/v1/jobs/${id}/erase`)).status, 200, 'the erasure asked for again');
    same((await w.job(id)).code, 410, 'the job');
  },
  async FIRST(w, p) {
    let ready = false;
    w.server.start(options, p.env).then(() => { ready = true; }, () => {});
    await w.killed(p.name);
    check(!ready, 'a server that is not ready said it was');
    await w.start();
  },
  async BACKUP(w, p) {
    await w.start(p.env);
    await w.send('the-key');
    await w.settled();
    const to = path.join(tempFolder(), 'backup');
    const words = ['db', 'backup', to, '--data', w.server.dir, '--json'];
    const asked = run(words);
    await w.killed(p.name);
    same((await asked).code, 1, 'the command whose server was killed');
    same(fs.existsSync(to), false, 'a backup');
    same(cli(['db', 'restore', `${to}.unfinished`, '--data', `${to}.data`]).code, 1, 'a restore of what is left');
    await w.start();
    same((await run(words)).code, 1, 'a backup over what is left');
    fs.rmSync(`${to}.unfinished`, { recursive: true });
    same((await run(words)).code, 0, 'a backup');
  },
  async RESTORE(w, p) {
    const s = w.server, box = tempFolder(), to = path.join(box, 'backup');
    const place = () => (postgres ? ['--store', (s.url = database())] : []);
    const restore = (more, env) => run(['db', 'restore', to, '--data', s.dir, '--json', ...more], env);
    await w.start();
    const id = await w.send('the-key');
    await w.settled();
    same((await run(['db', 'backup', to, '--data', s.dir, '--json'])).code, 0, 'the backup');
    same((await w.ask('POST', `/v1/jobs/${id}/erase`)).status, 200, 'the erasure');
    await s.stop();
    fs.renameSync(s.dir, path.join(box, 'lost'));
    const into = place(), given = path.join(box, 'ledger');
    fs.renameSync(`${s.dir}.erased`, given);
    same((await restore([...into, '--erased', given], p.env)).signal, 'SIGKILL', 'how the restore ended');
    same(cli(['serve', '--data', s.dir, '--listen', '127.0.0.1:0', ...into], { timeout: 15000 }).code, 1, 'a server on what is left');
    if (postgres && p.name === 'restore_loaded') {
      fs.copyFileSync(`${s.dir}.key`, path.join(box, 'other.key'));
      fs.chmodSync(path.join(box, 'other.key'), 0o400);
      const other = cli(['serve', '--data', path.join(box, 'other'), '--listen', '127.0.0.1:0', ...into], { timeout: 15000 });
      check(other.code === 1 && other.stderr.includes('a restore that did not finish'), `a server on the database that is left: ${other.code} ${other.stderr}`);
    }
    check(fs.readFileSync(`${s.dir}.erased`, 'utf8').includes(id), 'a second try would not know of the ledger that was given');
    same((await restore(into)).code, 1, 'a restore over what is left');
    fs.rmSync(s.dir, { recursive: true });
    const again = await restore(place());
    same([again.code, JSON.parse(again.out).erased_again], [0, 1], `the restore: ${again.err}`);
    await w.start();
    same((await w.job(id)).code, 410, 'the job');
    const next = await w.send('the-key');
    check(next !== id, 'its idempotency key is not forgotten');
    same((await w.ended(next)).status, 'COMPLETED', 'the next job');
    await until('its event', async () => got.get(next)?.length, CLAIM_MS + 15000);
  },
};
reach.ROTATE = async (w, p) => {
  await w.start(p.env);
  const id = await w.send('the-key');
  await w.settled();
  const on = (...words) => [...words, '--data', w.server.dir, '--json'];
  const asked = run(on('keys', 'rotate'));
  await w.killed(p.name);
  same((await asked).code, 1, 'the command whose server was killed');
  const told = async (...words) => JSON.parse((await run(on(...words))).out);
  same((await told('keys', 'status')).older, p.leaves === 'ALL' ? 8 : 0, 'older keys after the kill');
  await w.start();
  same((await told('db', 'check')).filter((x) => !x.holds), [], 'what does not hold');
  same((await w.job(id)).code ?? 200, 200, 'the job');
  same((await run(on('keys', 'rotate'))).code, 0, 'a rotation');
  same((await told('db', 'check')).filter((x) => !x.holds), [], 'what does not hold after it');
};
// Either root key is the store's, and it is where the next start looks for it.
reach.ROOT = async (w, p) => {
  await w.start(p.env);
  const id = await w.send('the-key');
  await w.settled();
  const on = (...words) => [...words, '--data', w.server.dir, '--json'];
  const told = async (...words) => JSON.parse((await run(on(...words))).out);
  const root = `${w.server.dir}.key`, old = fs.readFileSync(root, 'utf8');
  const before = (await told('keys', 'status')).root_id;
  const asked = run(on('keys', 'rotate', '--root'));
  await w.killed(p.name);
  same((await asked).code, 1, 'the command whose server was killed');
  check([root, `${root}.next`].some((f) => fs.existsSync(f) && /^[0-9a-f]{64}\n$/.test(fs.readFileSync(f, 'utf8'))), 'there is no whole root key');
  await w.start();
  const after = (await told('keys', 'status')).root_id;
  same(after !== before, p.leaves === 'ALL', 'whether the root key is another one');
  same(fs.readFileSync(root, 'utf8') !== old, p.leaves === 'ALL', 'whether its file is');
  if (p.leaves === 'ALL') same(fs.readFileSync(`${root}.old-${before}`, 'utf8'), old, 'the old root key');
  same((await told('db', 'check')).filter((x) => !x.holds), [], 'what does not hold');
  same((await w.job(id)).code ?? 200, 200, 'the job');
  const again = JSON.parse((await run(on('keys', 'rotate', '--root'))).out);
  same(again.old_root_id, after, 'the root key that was replaced');
  await w.server.stop();
  await w.start();
  same((await told('keys', 'status')).root_id, again.root_id, 'the root key after a start');
  same((await told('db', 'check')).filter((x) => !x.holds), [], 'what does not hold after it');
};
reach.HOOK = reach.RUN;

// The program beside a server that has to go on answering meanwhile.
function run(words, env = {}) {
  const p = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let out = '', err = '';
  p.stdout.on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { err += d; });
  return new Promise((end) => p.on('close', (code, signal) => end({ code, signal, out, err })));
}

async function visit(p, k, env = {}) {
  const w = new World();
  if (p.during !== 'FIRST') {
    await w.start();
    w.key = w.server.addClient('ehr', ['--webhook', origin]).api_key;
    await w.server.stop();
  }
  try {
    await reach[p.during](w, { ...p, env: { LAZARET_CRASH: `${p.name}:${k}`, ...env } });
    w.key ??= w.server.addClient('ehr', ['--webhook', origin]).api_key;
    if (!['ERASE', 'RESTORE'].includes(p.during)) await w.settled();
    if (p.name === 'hook_sent') await until('the event again', async () => got.get((await w.jobs())[0]).length > 1, CLAIM_MS + 15000);
    check(p.during !== 'FIRST' || await w.send('first'), 'no job is taken');
    if (p.during === 'FIRST') await w.settled();
    await sleep(700); // an event that is told twice is told now
    return sound(w);
  } finally {
    if (w.server.process?.exitCode === null) await w.server.stop();
  }
}

// ---- all of them

console.log('TAP version 13');
const first = new World();
await first.start();
const runs = (await first.server.request({ path: '/readyz' })).status === 200;
await first.server.stop();
if (!runs) {
  skip('every point', 'models cannot run on this machine');
} else {
  // REWRAP: no route makes keys of subjects yet; tests/unit/test_rotate.c kills there
  const all = points.filter((p) => p.during !== 'REWRAP').flatMap((p) => (p.name.startsWith('migration') ? [1, 2] : [1]).map((k) => ({ ...p, k })));
  all.push(...points.filter((p) => p.during === 'REQUEST').map((p) => ({ ...p, k: 1, together: true })));
  const outcome = new Map();
  const queue = [...all];
  await Promise.all(Array.from({ length: WORLDS }, async () => {
    for (let p; (p = queue.shift()) !== undefined;) outcome.set(p, await visit(p, p.k).then((x) => x, (e) => e));
  }));
  for (const p of all) {
    await test(`killed at ${p.name}:${p.k} (${p.where}${p.together ? '; two jobs' : ''}) it loses nothing and does nothing twice`, () => {
      const x = outcome.get(p);
      if (x instanceof Error) throw x;
      if (p.during !== 'FIRST') same(x.twice, p.name === 'hook_sent' ? 1 : 0, 'events told twice');
    });
  }
  console.log(`# ${all.length} kills, ${WORLDS} at a time: slowest start ${slowest.toFixed(0)} ms, longest from a kill to the result ${longest} ms`);
  slowest = longest = 0; // one by itself is what the limits are about
  await visit(points.find((p) => p.name === 'sandbox_running'), 1);
  console.log(`# one by itself: slowest start ${slowest.toFixed(0)} ms, from the kill to the result ${longest} ms`);
  await test(`ready again within ${READY_MS} ms`, () => check(slowest < READY_MS, `${slowest.toFixed(0)} ms`));
  await test('a job whose server was killed has its result within its lease and 2 s', () =>
    check(longest < (postgres ? LEASE_MS : 0) + 2000, `${longest} ms`));
  if (!postgres && fs.readFileSync(program).includes('answer-before-commit')) {
    await test('a server that answers before it commits is seen to lose the job', async () => {
      const p = points.find((x) => x.name === 'accept_committed');
      const how = await visit(p, 1, { LAZARET_FAULT: 'answer-before-commit' }).then(() => null, (e) => e);
      check(how && /jobs that the kill left: got 0, want 1/.test(how.message), `it was not: ${how?.message}`);
    });
  }
}
hook.close();
done();
