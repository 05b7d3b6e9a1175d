#!/usr/bin/env node
// crash.mjs   under load something is killed at a random moment, N times (50; without N in the environment 4), and started again: the
// server, a process that starts models; on PostgreSQL also a worker of its own and PostgreSQL itself. What had been answered is there, a
// repeated request makes no second job, every job has one result. SEED in the environment repeats a run's choices.
// At the end the same eyes look at a server that answers before it commits, and have to see that jobs are lost.
// alone: a restart is timed
// stores: sqlite postgres
// timeout: 480
// soak: N kills
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

const top = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const program = path.resolve(top, process.env.BUILD || 'build-test', 'lazaret');
const kills = Math.max(4, process.env.N ? Number(process.env.N) || 50 : Math.floor(50 / 20));
const postgres = process.env.STORE === 'postgres';
const PER_WORLD = 50; // kills; then a fresh folder, whose audit log can be read as a whole
const CLIENTS = 8; // connections that send
const OUTSTANDING = 200; // jobs in work at a time; above, nobody sends, and a kill would find no request on its way
const RESTED = 20; // so many are left from the kill before when the load begins
const READY_MS = 2000;
const LOAD = 80; // at most so many requests between two kills
const victims = postgres ? ['server', 'worker', 'postgres', 'jail'] : ['server', 'server', 'jail'];

const seed = Number(process.env.SEED) || Math.floor(Math.random() * 2 ** 31);
let state = seed;
function random() { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const ago = (s) => new Date(Date.now() - s * 1000).toISOString();
const bundle = JSON.parse(fs.readFileSync(path.join(top, 'examples/sepsis-complete.json'), 'utf8')
  .replaceAll('@NOW@', ago(0)).replaceAll('@20_MINUTES_AGO@', ago(1200)).replaceAll('@20_HOURS_AGO@', ago(72000)));
const body = JSON.stringify({ client_id: 'crash', target_diagnosis: 'sepsis', fhir_bundle: bundle });

let cases = 0;
let failed = 0;
const check = (good, name, notes = []) => {
  for (const n of notes.slice(0, 20)) console.log(`# ${n}`);
  console.log(`${good ? 'ok' : 'not ok'} ${++cases} - ${name}`);
  failed += good ? 0 : 1;
};

// ---- one server over one folder, and what is known of it

class World {
  constructor(env = {}) {
    this.dir = fs.mkdtempSync(path.join(process.env.TMPDIR || os.tmpdir(), 'lazaret-crash-'));
    this.data = path.join(this.dir, 'data');
    this.env = { ...process.env, ...env };
    this.log = fs.openSync(path.join(this.dir, 'log'), 'a');
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
    this.job = new Map(); // Idempotency-Key: the job it stands for, or null while unanswered
    this.result = new Map(); // job: its result, as first seen
    this.wrong = { lost: [], twice: [], changed: [], other: [] };
    this.slowest = 0;
    this.killed = {};
    this.again = 0; // requests that were on their way when the server was killed
    this.turn = 0;
  }

  // A PostgreSQL of its own: no other test notices when it dies.
  async needStore() {
    if (!postgres || this.cluster) return;
    this.cluster = await createRequire(import.meta.url)('../cluster.cjs').Cluster.make();
    process.on('exit', () => this.cluster.stop());
    fs.mkdirSync(this.data, { mode: 0o700 });
    fs.writeFileSync(path.join(this.data, 'store'), `${this.cluster.create('crash')}\n`, { mode: 0o600 });
  }

  async startWorker() {
    if (!postgres) return;
    this.worker = spawn(program, ['work', '--data', this.data, '--workers', '1', '--log-level', 'error'], { env: this.env, stdio: ['ignore', 'pipe', this.log] });
    this.workerEnded = new Promise((done) => this.worker.on('exit', done));
    await new Promise((done, fail) => {
      this.worker.stdout.on('data', done);
      this.workerEnded.then((how) => fail(new Error(`the worker ended at its start (${how}): ${this.logTail()}`)));
    });
  }

  async start() {
    const begun = performance.now();
    this.server = spawn(program, ['serve', '--data', this.data, '--listen', '127.0.0.1:0', '--workers', '2', '--log-level', 'error'],
      { env: this.env, stdio: ['ignore', 'pipe', this.log] });
    this.ended = new Promise((done) => this.server.on('exit', (code, signal) => done(signal || code)));
    const port = await new Promise((done, fail) => {
      let text = '';
      this.server.stdout.on('data', (d) => {
        text += d;
        const m = /ready on http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
        if (m) done(Number(m[1]));
      });
      this.ended.then((how) => fail(new Error(`the server ended at its start (${how}): ${this.logTail()}`)));
    });
    this.port = port;
    return performance.now() - begun;
  }

  logTail() { return fs.readFileSync(path.join(this.dir, 'log'), 'utf8').trim().split('\n').slice(-5).join(' | '); }

  // A command of the program itself, as an operator would give it.
  run(...words) {
    const r = spawnSync(program, [...words, '--data', this.data, '--json'], { encoding: 'utf8', maxBuffer: 1 << 28 });
    try {
      return { code: r.status, json: JSON.parse(r.stdout), text: r.stderr };
    } catch {
      return { code: r.status, json: null, text: r.stdout + r.stderr };
    }
  }

  ask(method, where, key) {
    return new Promise((done, fail) => {
      const headers = { authorization: `Bearer ${this.apiKey}` };
      if (method === 'POST') Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'idempotency-key': key });
      const q = http.request({ port: this.port, host: '127.0.0.1', method, path: where, headers, agent: this.agent, timeout: 20000 }, (r) => {
        let text = '';
        r.on('data', (d) => { text += d; });
        r.on('error', fail);
        r.on('end', () => (r.complete ? done({ status: r.statusCode, text }) : fail(new Error('cut short'))));
      });
      q.on('timeout', () => q.destroy(new Error('no answer within 20 s')));
      q.on('error', fail);
      q.end(method === 'POST' ? body : undefined);
    });
  }

  outstanding() {
    let n = 0;
    for (const id of this.job.values()) n += id && !this.result.has(id) ? 1 : 0;
    return n;
  }

  // Sends one Bundle under `key`; what it was told is remembered.
  async send(key) {
    const r = await this.ask('POST', '/v1/diagnose', key);
    if (r.status === 503) return false;
    if (r.status !== 202) {
      this.wrong.other.push(`POST: ${r.status} ${r.text.slice(0, 200)}`);
      return false;
    }
    const id = JSON.parse(r.text).job_id;
    const before = this.job.get(key);
    if (before && before !== id) this.wrong.twice.push(`${key}: ${before}, then ${id}`);
    this.job.set(key, id);
    return true;
  }

  async look(id) {
    const r = await this.ask('GET', `/v1/jobs/${id}`);
    if (r.status === 503) return null;
    if (r.status === 404) this.wrong.lost.push(id);
    else if (r.status !== 200) this.wrong.other.push(`GET: ${r.status} ${r.text.slice(0, 200)}`);
    if (r.status !== 200) return null;
    const job = JSON.parse(r.text);
    if (job.status === 'COMPLETED' || job.status === 'FAILED') {
      const now = JSON.stringify([job.status, job.result, job.error ?? null]);
      const first = this.result.get(id);
      if (first && first !== now) this.wrong.changed.push(id);
      if (!first) this.result.set(id, now);
    }
    return job.status;
  }

  // Load until `this.stop`; a connection that fails is a server that was killed.
  async client(n) {
    while (!this.stop) {
      if (this.outstanding() > OUTSTANDING) {
        await sleep(5);
        continue;
      }
      const key = `${this.turn}-${n}-${this.job.size}`;
      this.job.set(key, null);
      try {
        if (!(await this.send(key))) await sleep(50);
      } catch {
        return;
      }
    }
  }

  async reader() {
    while (!this.stop) {
      const open = [...this.job.values()].filter((id) => id && !this.result.has(id));
      try {
        for (const id of open.slice(0, 8)) await this.look(id);
      } catch {
        return;
      }
      await sleep(open.length ? 1 : 10);
    }
  }

  // The process group of PostgreSQL, a process that starts models, or one of the program's own; and whatever is gone is started again.
  async kill(victim) {
    this.killed[victim] = (this.killed[victim] ?? 0) + 1;
    if (victim === 'postgres') {
      await this.cluster.kill();
      await sleep(200 * random());
      await this.cluster.start();
      await sleep(200);
    } else if (victim === 'jail') {
      // A spawner: below the jail's own process, which nobody restarts; above the models, which have failed when they are killed.
      const jails = this.children(this.server.pid).flatMap((p) => this.children(p));
      if (jails.length) process.kill(jails[Math.floor(random() * jails.length)], 'SIGKILL');
      await sleep(100);
    } else {
      const p = victim === 'worker' ? this.worker : this.server;
      p.kill('SIGKILL');
      await (victim === 'worker' ? this.workerEnded : this.ended);
    }
  }
  async startAgain(victim) {
    if (victim === 'server') this.slowest = Math.max(this.slowest, await this.start());
    if (victim === 'worker') await this.startWorker();
  }

  async loadAndKill(victim = 'server') {
    this.stop = false;
    this.turn++;
    const all = [...Array(CLIENTS).keys()].map((n) => this.client(n)).concat([this.reader(), this.reader()]);
    // Somewhere within the load, not when it has filled the queue and everybody waits.
    const enough = this.job.size + 10 + random() * LOAD;
    for (const until = Date.now() + 3000; this.job.size < enough && Date.now() < until; ) await sleep(1);
    await sleep(random() * 5);
    await this.kill(victim);
    this.stop = true;
    await Promise.all(all);
  }

  // Every answer that was received holds; what was not answered is sent again, twice. Older jobs are looked at once more at the
  // end: each look at a result is an entry of the audit log, which is read as a whole there.
  async compare() {
    for (const [key, id] of this.job) if (id && (key.startsWith(`${this.turn}-`) || !this.result.has(id))) await this.look(id);
    for (const [key, id] of this.job) {
      if (id) continue;
      this.again++;
      for (let n = 0; n < 2; n++) while (!(await this.send(key))) await sleep(20);
    }
  }

  // Until all jobs have ended, or the time is up.
  async settle(ms, left = 0) {
    for (const until = Date.now() + ms; this.outstanding() > left && Date.now() < until; await sleep(20))
      for (const id of this.job.values()) if (!this.result.has(id)) await this.look(id);
    return this.outstanding();
  }

  // Processes that were started for this folder, but for the server itself.
  leftovers() {
    const alive = [this.server, this.worker].filter((p) => p && p.exitCode === null && p.signalCode === null).map((p) => p.pid);
    return fs.readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && !alive.includes(Number(pid))).filter((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.data) && !alive.some((p) => this.below(p).includes(Number(pid)));
      } catch {
        return false;
      }
    });
  }

  // The children of a process, and theirs.
  below(pid) { return this.children(pid).flatMap((p) => [p, ...this.below(p)]); }
  children(pid) {
    try {
      return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter((x) => x).map(Number);
    } catch {
      return [];
    }
  }

  async first() {
    await this.needStore();
    await this.start();
    this.apiKey = this.run('client', 'add', 'crash').json.api_key;
    await this.startWorker();
  }

  async end() {
    if (this.server.exitCode === null && this.server.signalCode === null) this.server.kill('SIGTERM');
    const how = await this.ended;
    if (this.worker) {
      this.worker.kill('SIGTERM');
      await this.workerEnded;
    }
    this.last = this.logTail();
    this.cluster?.stop();
    this.agent.destroy();
    fs.closeSync(this.log);
    fs.rmSync(this.dir, { recursive: true, force: true });
    return how;
  }
}

// ---- the test

async function survives(kills, which) {
  const w = new World();
  const unsound = [];
  const left = [];
  await w.first();
  if ((await w.ask('GET', '/readyz')).status !== 200) {
    console.log('1..0 # SKIP models cannot run on this machine');
    await w.end();
    return false;
  }
  for (let n = 0; n < kills; n++) {
    const victim = n < victims.length ? victims[n] : victims[Math.floor(random() * victims.length)];
    await w.settle(30000, RESTED);
    await w.loadAndKill(victim);
    // One seen throughout: beside those that live on, a process may end between two looks at it.
    let stay = w.leftovers();
    for (let ms = 0; ms < 5000 && stay.length; ms += 50) {
      await sleep(50);
      const now = w.leftovers();
      stay = stay.filter((pid) => now.includes(pid));
    }
    left.push(...stay);
    await w.startAgain(victim);
    await w.compare();
    if (n % 10 !== 9 && n > 3) continue;
    const v = w.run('audit', 'verify');
    if (v.code !== 0) unsound.push(`after kill ${n + 1}: ${v.text}`);
  }
  const open = await w.settle(60000);
  for (const id of w.job.values()) await w.look(id);
  const ids = new Set(w.job.values());
  const listed = w.run('job', 'list', '--last', '10000').json ?? [];
  const audit = w.run('audit', 'show', '--last', '100000').json ?? [];
  if (audit[0]?.idx !== 0) unsound.push('the audit log is longer than can be shown at once');
  const doctor = (w.run('doctor').json ?? [{ what: 'doctor', holds: false, sentence: 'no answer' }])
    .filter((x) => ['store', 'jobs', 'audit', 'doctor'].includes(x.what) && !x.holds);
  const count = (some) => {
    const by = new Map();
    for (const x of audit.filter(some)) by.set(x.obj?.id, (by.get(x.obj?.id) ?? 0) + 1);
    return by;
  };
  const done = count((x) => x.act === 'execute' && x.why === 'COMPLETED');
  const made = count((x) => x.act === 'create' && x.out === 'permit' && x.why !== 'replayed');
  const how = (id) => JSON.parse(w.result.get(id) ?? '[]');
  const failures = [...ids].filter((id) => how(id)[0] === 'FAILED');
  const twice = [...ids].filter((id) => (done.get(id) ?? 0) !== (how(id)[0] === 'COMPLETED' ? 1 : 0));
  const madeWrong = [...ids].filter((id) => made.get(id) !== 1);
  const code = await w.end();
  const jobs = ids.size;
  console.log(`# SEED=${seed}: kills ${which} (${Object.entries(w.killed).map(([k, n]) => `${n} ${k}`).join(', ')}), ${jobs} jobs, ${w.again} requests cut off, ${audit.length} audit entries, slowest start ${w.slowest.toFixed(0)} ms`);
  check(w.wrong.lost.length === 0, `no accepted job is lost (${w.wrong.lost.length} of ${jobs})`, w.wrong.lost);
  check(w.again > 0 && w.wrong.twice.length === 0 && listed.length === jobs && w.job.size === jobs && madeWrong.length === 0,
    'a request that is sent again makes no second job', [`${w.job.size} keys, ${jobs} jobs known, ${listed.length} in the store`, ...w.wrong.twice, ...madeWrong]);
  check(open === 0 && twice.length === 0, 'every job ends, and ends once', [`${open} have not ended`, ...twice]);
  check(w.wrong.changed.length === 0, 'a result that was read once never changes', w.wrong.changed);
  check(failures.every((id) => how(id)[2].code === 'WORKER_LOST'), `no job fails for another reason than five lost workers (${failures.length})`,
    failures.map((id) => w.result.get(id)));
  check(unsound.length === 0 && doctor.length === 0, 'the audit log and the rows of the jobs hold after every start', [...unsound, ...doctor.map((x) => x.sentence)]);
  check(w.slowest < READY_MS, `the server is ready again within ${READY_MS} ms (${w.slowest.toFixed(0)})`);
  check(left.length === 0, 'nothing that was started for a model outlives the server', left);
  check(w.wrong.other.length === 0, 'every answer is a right one or a 503', w.wrong.other);
  check(code === 0, 'SIGTERM ends it with 0', code === 0 ? [] : [`${code}`, w.last]);
  return true;
}

async function sees() {
  const w = new World();
  let n = 0;
  await w.first();
  w.server.kill('SIGTERM'); // it cannot even make its tables when it does not wait for them
  await w.ended;
  w.env = { ...w.env, LAZARET_FAULT: 'answer-before-commit' };
  await w.start();
  while (n < 20 && !w.wrong.lost.length) {
    await w.loadAndKill();
    await w.start();
    for (const id of w.job.values()) if (id) await w.look(id);
    n++;
  }
  await w.end();
  check(w.wrong.lost.length > 0, `a server that answers before it commits is seen to lose jobs (${w.wrong.lost.length} after ${n} kills)`);
}

console.log('TAP version 13');
let whole = true;
const begun = Date.now();
for (let n = 0; n < kills && whole; n += PER_WORLD) whole = await survives(Math.min(PER_WORLD, kills - n), `${n + 1} to ${Math.min(n + PER_WORLD, kills)}`);
if (whole) console.log(`# ${((Date.now() - begun) / 1000 / kills).toFixed(2)} s a kill`);
if (whole && postgres) {
  console.log(`1..${cases}`); // its COMMIT is PostgreSQL's own
} else if (whole) {
  if (fs.readFileSync(program).includes('answer-before-commit')) await sees();
  else console.log('# this build has no switch to answer before the commit');
  console.log(`1..${cases}`);
}
process.exitCode = failed ? 1 : 0;
