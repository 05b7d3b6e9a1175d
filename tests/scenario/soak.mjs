#!/usr/bin/env node
// soak.mjs   many jobs leave nothing: no process, mount, control group, key, descriptor or file of theirs, and no memory of the server's or
// the jail's; and a model that forks as much as it can hardly slows those beside it. N in the environment: 200 N jobs (50: 10,000), else 500.
// alone: it measures memory and time
// timeout: 280
// soak: 200 N jobs
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, cliJson, done, same, sleep, test, top, until } from './lib.mjs';

const jobs = process.env.N ? 200 * (Number(process.env.N) || 50) : 500;
const CONNECTIONS = 8;
const HONEST = process.env.N ? 100 : 30; // jobs beside a bomb

const server = new Server();
// AddressSanitizer keeps freed memory for a while, which looks like a leak.
await server.start(['--workers', '3', '--sandbox-ready', '2'], { ASAN_OPTIONS: `quarantine_size_mb=1:${process.env.ASAN_OPTIONS ?? ''}` });
server.addClient('bot');
for (const name of ['moody']) {
  cliJson(['model', 'add', path.join(top, `tests/data/models/${name}`), '--data', server.dir, '--json']);
  cliJson(['model', 'promote', `${name}@1.0.0`, 'stable', '--data', server.dir, '--json']);
}
const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const mood = (n) => ['mood', `patient pregnancy(verified=refuted) mood(value=${n})`];
const ask = (method, at, body) => new Promise((ready, fail) => {
  const q = http.request({ host: '127.0.0.1', port: server.port, method, path: at, agent,
    headers: { Authorization: `Bearer ${server.clients.bot.api_key}`, ...(body && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }) } }, (r) => {
    let text = '';
    r.on('data', (d) => { text += d; });
    r.on('end', () => ready({ status: r.statusCode, text }));
  });
  q.on('error', fail);
  q.end(body);
});
const bodies = new Map();
async function send([target, words]) {
  if (!bodies.has(words)) bodies.set(words, `{"client_id":"bot","target_diagnosis":"${target}","fhir_bundle":${bundle(words)}}`);
  const r = await ask('POST', '/v1/diagnose', bodies.get(words));
  same(r.status, 202, r.text);
  return JSON.parse(r.text).job_id;
}
const state = async (id) => JSON.parse((await ask('GET', `/v1/jobs/${id}`)).text);
async function metrics() {
  const text = (await ask('GET', '/metrics')).text;
  return (name) => Number(new RegExp(`^${name}(?:\\{\\})? ([0-9.e+]+)`, 'm').exec(text)?.[1] ?? 0);
}

// ---- what there is

const read = (file) => { try { return fs.readFileSync(file, 'utf8'); } catch { return ''; } };
const list = (folder) => { try { return fs.readdirSync(folder); } catch { return []; } };
function tree() { // the server, its jail, the spawners, and whatever lives below them
  const parent = {};
  for (const p of list('/proc').filter((n) => /^\d+$/.test(n))) parent[p] = read(`/proc/${p}/stat`).replace(/^.*\) /s, '').split(' ')[1];
  const below = (p) => { for (let k = p; k && k !== '0'; k = parent[k]) if (k === String(server.process.pid)) return true; return false; };
  return Object.keys(parent).filter(below).filter((p) => !/^\d+ \(.*\) Z/.test(read(`/proc/${p}/stat`)));
}
const anon = (p) => Number(/^RssAnon:\s+(\d+)/m.exec(read(`/proc/${p}/status`))?.[1] ?? 0);
function groups(folder = '/sys/fs/cgroup', depth = 0) {
  const found = [];
  for (const d of depth < 8 ? list(folder) : []) {
    const at = path.join(folder, d);
    if (/^lazaret-jail-/.test(d)) found.push(at);
    else if (fs.statSync(at, { throwIfNoEntry: false })?.isDirectory()) found.push(...groups(at, depth + 1));
  }
  return found;
}
function files(folder) { return list(folder).flatMap((d) => { const at = path.join(folder, d); return fs.statSync(at, { throwIfNoEntry: false })?.isDirectory() ? files(at) : [at]; }); }
function look() {
  const pids = tree(), jail = pids.filter((p) => read(`/proc/${p}/comm`).trim() === 'lazaret-jail');
  const jailPids = new Set(jail.map((p) => read(`/proc/${p}/stat`).replace(/^.*\) /s, '').split(' ')[1]).concat(jail));
  return {
    // those that wait for their job come and go: they are told apart by their name
    processes: pids.filter((p) => p === String(server.process.pid) || jail.includes(p)).length,
    // a spawner mounts an image's /dev when it runs on that for the first time: the one that has all says how many there are
    mounts: Math.max(...[server.process.pid, ...jail].map((p) => read(`/proc/${p}/mountinfo`).split('\n').length)),
    descriptors: [list(`/proc/${server.process.pid}/fd`).length, Math.max(...jail.map((p) => list(`/proc/${p}/fd`).length))],
    groups: groups().filter((g) => [...jailPids].some((p) => g.includes(`lazaret-jail-${p}-`))).length,
    keys: read('/proc/keys').split('\n').filter((l) => !/keyring|_ses|_uid/.test(l)).length,
    files: files(server.dir).map((f) => path.relative(server.dir, f)).filter((f) => !/-(wal|shm)$/.test(f)).join(),
    tmp: list('/tmp').filter((f) => /^lazaret-(jail|run|model)/.test(f)).length,
    memory: { server: anon(server.process.pid), jail: Math.max(...jail.map(anon)) },
  };
}

// ---- jobs

async function run(n, kind) {
  const ids = [];
  let begun = 0;
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    while (begun < n) {
      ids.push(await send(kind(begun++)));
      if (ids.length % 50 === 0) await until('the queue to be short', async () => (await metrics())('lazaret_jobs_queued') < 200, 120000);
    }
  }));
  await until('the jobs to end', async () => (await metrics())('lazaret_jobs_queued') === 0, 240000);
  const last = ids.slice(-8);
  await until('the last ones to end', async () => (await Promise.all(last.map(state))).every((j) => !['QUEUED', 'PROCESSING'].includes(j.status)), 60000);
  return ids;
}
// As many as may wait for their jobs do.
const settled = () => until('two to wait', async () => (await metrics())('lazaret_sandbox_ready') === 2, 30000);
// Mostly the model in C; of fifty one crashes, one floods, one forks and hangs on, one answers with a word too many.
const odd = [mood(2), mood(7), mood(13), mood(9)];
const kinds = (i) => (i % 50 < 4 ? odd[i % 50] : ['news2', 'news2']);

await test(`${jobs} jobs leave nothing behind, and memory stays as it is`, async () => {
  await run(Math.max(100, Math.min(1000, jobs / 5)), kinds);
  await settled();
  const before = look(), counted = await metrics();
  const begun = Date.now();
  await run(jobs, kinds);
  const seconds = (Date.now() - begun) / 1000;
  await settled();
  const now = await metrics();
  let after;
  // One just started is still called after its jail, for a moment.
  await until('what starts to have its name', () => (after = look()).processes <= before.processes, 5000).catch(() => {});
  const ended = ['completed', 'failed'].map((w) => now(`lazaret_jobs_${w}_total`) - counted(`lazaret_jobs_${w}_total`));
  console.log(`# ${jobs} jobs in ${seconds.toFixed(1)} s, ${(jobs / seconds).toFixed(0)} a second; ${ended[0]} completed, ${ended[1]} failed as meant`);
  console.log(`# memory of the server ${before.memory.server} to ${after.memory.server} KiB, of a jail's process ${before.memory.jail} to ${after.memory.jail} KiB`);
  same(ended[0] + ended[1], jobs, 'jobs that ended');
  check(ended[1] >= Math.floor(jobs / 50) * 3 && ended[1] <= Math.ceil(jobs / 50) * 3, `${ended[1]} failed`);
  for (const what of ['processes', 'mounts', 'groups', 'keys', 'files', 'tmp']) same(after[what], before[what], what);
  const few = after.descriptors.every((n, i) => n - before.descriptors[i] <= (i ? 0 : CONNECTIONS)); // connections that are kept
  check(few, `descriptors: ${before.descriptors} before, ${after.descriptors} after`);
  // AddressSanitizer has words of its own for every allocation; what leaks it tells at the end.
  const grows = /libasan/.test(read(`/proc/${server.process.pid}/maps`)) ? 64 * 1024 : 4 * 1024;
  check(after.memory.server - before.memory.server < grows, 'the memory of the server grows');
  check(after.memory.jail - before.memory.jail < 512, 'the memory of the jail grows');
});

await test('a fork bomb beside honest jobs fails none of them, and slows them to no more than twice the time', async () => {
  const honest = async () => {
    const begun = Date.now();
    for (let i = 0; i < HONEST; i++) {
      const id = await send(['news2', 'news2']);
      const end = await until('an honest job to end', async () => { const j = await state(id); return !['QUEUED', 'PROCESSING'].includes(j.status) && j; }, 60000);
      same(end.status, 'COMPLETED', 'an honest job');
    }
    return Date.now() - begun;
  };
  const times = [];
  for (let round = 0; round < 3; round++) {
    const alone = await honest();
    let bombing = true;
    const bombs = (async () => {
      while (bombing) {
        const id = await send(mood(18));
        await until('a bomb to end', async () => !['QUEUED', 'PROCESSING'].includes((await state(id)).status), 60000);
      }
    })();
    await sleep(300);
    const beside = await honest();
    bombing = false;
    await bombs;
    times.push({ alone, beside, ratio: beside / alone });
  }
  times.sort((a, b) => a.ratio - b.ratio);
  console.log(`# ${HONEST} jobs alone and beside a bomb, ms: ${times.map((t) => `${t.alone} and ${t.beside} (${t.ratio.toFixed(2)})`).join(', ')}`);
  check(times[1].ratio <= 2, `the median is ${times[1].ratio.toFixed(2)} times`);
});

await test('the end of the server leaves nothing of the jail', async () => {
  const all = tree();
  const gone = look().groups;
  same((await server.stop()).code, 0, server.log.slice(-1000));
  same(all.filter((p) => fs.existsSync(`/proc/${p}`)), [], 'processes');
  const mine = new Set(all);
  same(groups().filter((g) => mine.has(/lazaret-jail-(\d+)-/.exec(g)?.[1])), [], `control groups, of ${gone}`);
});

done();
