// lib.mjs -- what the scenarios share: a real server on a data folder of its own, the command line, requests, TAP.
// Not a scenario itself, so not executable. Needs nothing but node.
import { spawn, spawnSync } from 'node:child_process';
import dns from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

dns.setDefaultResultOrder('ipv4first'); // localhost is what servers here listen on, and node 18 asks one address alone
export const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const build = path.resolve(top, process.env.BUILD || 'build-test');
export const program = path.join(build, 'lazaret');
// In every request's User-Agent: must be nowhere in what the server writes.
export const agentCanary = 'agent-canary-5c1e';

const running = new Set();
for (const [sig, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]])
  process.on(sig, () => { for (const p of running) p.kill('SIGKILL'); process.exit(code); });
process.on('exit', () => { for (const p of running) p.kill('SIGKILL'); });

// ---- TAP

let points = 0;
let failed = 0;
export async function test(name, body) {
  let bad;
  try {
    await body();
  } catch (e) {
    bad = e;
  }
  if (bad) {
    failed++;
    for (const line of String(bad.message || bad).split('\n').slice(0, 40)) console.log(`# ${line}`);
    if (!(bad instanceof Mismatch)) console.log(`# ${String(bad.stack).split('\n').slice(1, 4).join(' ')}`);
  }
  console.log(`${bad ? 'not ok' : 'ok'} ${++points} - ${name.replace(/#/g, '\\#')}`);
}
export function skip(name, why) { console.log(`ok ${++points} - ${name} # SKIP ${why}`); }
export function done() {
  console.log(`1..${points}`);
  process.exitCode = failed ? 1 : 0;
  for (const p of running) p.kill('SIGKILL'); /* a server left over by a failure would keep this process waiting */
}

export class Mismatch extends Error {}
export function check(holds, sentence) { if (!holds) throw new Mismatch(sentence); }
export function same(got, want, what = 'value') {
  const a = JSON.stringify(got), b = JSON.stringify(want);
  check(a === b, `${what}: got ${a}, want ${b}`);
}
export function contains(text, part, what = 'text') { check(text.includes(part), `${what} does not say '${part}':\n${text.slice(0, 2000)}`); }

// ---- folders

const folders = [];
export function tempFolder() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lazaret-case.'));
  folders.push(dir);
  return dir;
}
process.on('exit', () => { for (const d of folders) fs.rmSync(d, { recursive: true, force: true }); });

// A folder that stays in the build folder: what was answered in FHIR, for `make conformance` to show to other validators.
export function answersFolder(name) {
  const dir = path.join(build, 'answers', `${name}-${process.env.STORE ?? 'sqlite'}`);
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true });
  return dir;
}

export function filesBelow(dir) {
  return fs.readdirSync(dir, { withFileTypes: true }).flatMap((d) => {
    const at = path.join(dir, d.name);
    return d.isDirectory() ? filesBelow(at) : d.isFile() ? [at] : [];
  });
}
// [file, word] for every word found in a file below dir.
export function findPlain(dir, words) {
  const found = [];
  for (const f of filesBelow(dir)) {
    let text;
    try { text = fs.readFileSync(f); } catch { continue; }
    for (const w of words) if (text.includes(w)) found.push(`${path.relative(dir, f)}: ${w}`);
  }
  return found;
}

// The API's description; answers that stand in its components are put where they are referred to.
export function described(text) {
  const api = JSON.parse(text);
  for (const o of Object.values(api.paths).flatMap((methods) => Object.values(methods)))
    for (const [status, { $ref }] of Object.entries(o.responses))
      if ($ref) o.responses[status] = api.components.responses[$ref.replace('#/components/responses/', '')];
  return api;
}

// ---- the command line

export function cli(args, { input, env, timeout = 60000 } = {}) {
  const r = spawnSync(program, args, { input, encoding: 'utf8', timeout, env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
  return { code: r.status, signal: r.signal, stdout: r.stdout, stderr: r.stderr };
}
export function cliJson(args, options) {
  const r = cli(args, options);
  check(r.code === 0, `lazaret ${args.join(' ')} ended with ${r.code ?? r.signal}: ${r.stderr.slice(0, 2000)}`);
  return JSON.parse(r.stdout);
}

// ---- the server

// A database of its own on the runner's PostgreSQL, gone with this process.
const databases = [];
const onCluster = (words) => spawnSync('psql', ['-X', '-q', '-d', `${process.env.LAZARET_TEST_POSTGRES}/postgres`, ...words.flatMap((w) => ['-c', w])], { encoding: 'utf8' });
export function database() {
  const base = process.env.LAZARET_TEST_POSTGRES;
  check(base, "LAZARET_TEST_POSTGRES is not set: tests/run starts the server it names");
  const name = `case_${process.pid}_${databases.length + 1}`;
  const r = onCluster([`CREATE DATABASE ${name}`]);
  check(r.status === 0, `psql: ${r.stderr}`);
  databases.push(name);
  return `${base}/${name}`;
}
process.on('exit', () => { if (databases.length) onCluster(databases.map((name) => `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)); });

export class Server {
  constructor(dir = path.join(tempFolder(), 'data'), started = program) {
    this.dir = dir;
    if (process.env.STORE === 'postgres' && !fs.existsSync(dir)) {
      this.url = database();
      fs.mkdirSync(dir, { mode: 0o700 });
      fs.writeFileSync(path.join(dir, 'store'), `${this.url}\n`, { mode: 0o600 });
    }
    this.program = started;
    this.log = '';
    this.clients = {};
  }

  start(options = [], env = {}) {
    const p = spawn(this.program, ['serve', '--data', this.dir, '--listen', '127.0.0.1:0', ...options],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env }, ...this.as });
    this.process = p;
    running.add(p);
    this.ended = new Promise((end) => p.on('exit', (code, signal) => { running.delete(p); end({ code, signal }); }));
    p.stderr.on('data', (d) => { this.log += d; });
    return new Promise((ready, fail) => {
      let out = '';
      const timer = setTimeout(() => { p.kill('SIGKILL'); fail(new Error(`not ready after 30 s\n${this.log.slice(-2000)}`)); }, 30000);
      p.stdout.on('data', (d) => {
        out += d;
        const m = /ready on (https?):\/\/127\.0\.0\.1:(\d+)/.exec(out);
        if (!m) return;
        clearTimeout(timer);
        this.over = m[1] === 'https' ? https : http;
        this.port = Number(m[2]);
        ready(this);
      });
      this.ended.then(({ code, signal }) => { clearTimeout(timer); fail(new Error(`serve ended with ${code ?? signal}\n${this.log.slice(-2000)}`)); });
    });
  }

  async stop() {
    if (!this.process) return { code: 0 };
    const p = this.process;
    const kill = setTimeout(() => p.kill('SIGKILL'), 30000);
    p.kill('SIGTERM');
    const how = await this.ended;
    clearTimeout(kill);
    this.process = null;
    return how;
  }

  addClient(name, options = []) {
    this.clients[name] = cliJson(['client', 'add', name, '--data', this.dir, '--json', ...options]);
    return this.clients[name];
  }

  request({ method = 'GET', path: target, headers = {}, body, ...more }) {
    return new Promise((resolve, reject) => {
      const q = this.over.request({ host: '127.0.0.1', port: this.port, method, path: target, agent: false, timeout: 30000, ...more,
        headers: { 'User-Agent': agentCanary, ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }), ...headers } });
      let answered = false;
      q.on('response', (r) => {
        answered = true;
        const piece = [];
        r.on('data', (d) => piece.push(d));
        r.on('error', reject);
        r.on('end', () => { const bytes = Buffer.concat(piece); resolve({ socket: q.socket, status: r.statusCode, headers: r.headers, raw: r.rawHeaders, bytes, text: bytes.toString() }); });
      });
      // A refusal may come before the whole body went out: then writing fails, and the answer still counts.
      q.on('error', (e) => { if (!answered) setTimeout(() => { if (!answered) reject(e); }, 500); });
      q.on('timeout', () => q.destroy(new Error('no answer in 30 s')));
      q.end(body);
    });
  }

  // Words that stand in the clear in the records: in the folder's files, and in all a PostgreSQL would tell.
  findPlain(words) {
    const found = findPlain(this.dir, words);
    if (!this.url) {
      check(filesBelow(this.dir).some((f) => f.endsWith('lazaret.db')), 'there is no database to search');
      return found;
    }
    const r = spawnSync('pg_dump', ['-d', this.url], { encoding: 'utf8', maxBuffer: 1 << 28 });
    check(r.status === 0 && r.stdout.includes('COPY public.job '), `pg_dump: ${r.stderr}`);
    for (const w of words)
      if (r.stdout.includes(w) || r.stdout.includes(Buffer.from(w).toString('hex'))) found.push(`the database: ${w}`);
    return found;
  }

  audit(last = 10000) { return cliJson(['audit', 'show', '--data', this.dir, '--json', '--last', String(last)]); }
}

// What `deed` returns, and the ticket that each of `as` has since then and had not before; list: all the tickets of one of them. In which order tickets of
// one minute are listed does not say which is new.
export async function opening(as, list, deed) {
  const had = {}, fresh = {};
  for (const who of as) had[who] = new Set((await list(who)).map((t) => t.ticket_id));
  const result = await deed();
  for (const who of as) fresh[who] = (await list(who)).find((t) => !had[who].has(t.ticket_id));
  return [result, fresh];
}

export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
export async function until(what, condition, ms = 20000) {
  const end = Date.now() + ms;
  for (;;) {
    const r = await condition();
    if (r) return r;
    check(Date.now() < end, `${what}: not within ${ms} ms`);
    await sleep(25);
  }
}
