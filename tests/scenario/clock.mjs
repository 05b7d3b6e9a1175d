#!/usr/bin/env node
// waits: for the time of leases and retries to pass
// clock.mjs   the wall clock is set by an hour and by ten years, forwards and backwards, while jobs wait, run and are tried again and
// a webhook is: what waits waits as long as it would have, nothing runs twice, expires, is erased or forgotten before its time; and
// a server that starts with the clock put back takes up what an earlier one left for later. In a build with faults.
// stores: sqlite postgres
// timeout: 400
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, done, program, same, skip, sleep, tempFolder, test } from './lib.mjs';
import { addSlowModel, slowBody } from './slow.mjs';

const HOUR = 3600e6;
const YEAR = 8766 * HOUR;
const jumps = [['an hour forward', HOUR], ['an hour back', -HOUR], ['ten years forward', 10 * YEAR], ['ten years back', -10 * YEAR]];

// ---- a wall clock to set

const wall = path.join(tempFolder(), 'clock');
fs.writeFileSync(wall, Buffer.alloc(8));
const clock = fs.openSync(wall, 'r+');
const realNow = Date.now;
const set = (us) => {
  Date.now = () => realNow() + us / 1000; // Bundles are of the server's day
  const b = Buffer.alloc(8);
  b.writeBigInt64LE(BigInt(us));
  fs.writeSync(clock, b, 0, 8, 0);
};

// ---- a receiver that fails when it is told to

const got = [];
let answers = [];
const hook = http.createServer((q, r) => {
  let text = '';
  q.on('data', (d) => { text += d; });
  q.on('end', () => {
    got.push({ job: JSON.parse(text).job_id, event: q.headers['webhook-id'], at: performance.now() });
    r.writeHead(answers.shift() ?? 204).end();
  });
});
await new Promise((ready) => hook.listen(0, '127.0.0.1', ready));
const origin = `http://127.0.0.1:${hook.address().port}`;

// ---- a server, and a model that takes its time

const options = ['--webhook-allow', '127.0.0.1', '--workers', '1', '--retention-days', '1'];
let server;
let key;
const ask = (method, where, body, more = {}) => server.request({ method, path: where, body,
  headers: { Authorization: `Bearer ${key}`, ...(body ? { 'Content-Type': 'application/json' } : {}), ...more } });
const newBody = (more = '') => `{"client_id":"ehr","target_diagnosis":"news2","webhook_url":"${origin}/",${more}"fhir_bundle":${bundle('news2')}}`;
async function send(body = newBody(), headers = {}) {
  const r = await ask('POST', '/v1/diagnose', body, headers);
  same(r.status, 202, `status of ${r.text.slice(0, 300)}`);
  return JSON.parse(r.text).job_id;
}
const state = async (id) => JSON.parse((await ask('GET', `/v1/jobs/${id}`)).text).status;
const ended = (id, ms = 5000) => untilReal(`job ${id} has ended`, async () => (await state(id)) === 'COMPLETED', ms);
const told = (id, n = 1, ms = 5000) => untilReal(`${n} events of job ${id}`, () => got.filter((g) => g.job === id).length >= n, ms);
const runs = (id) => server.audit(100000).filter((x) => x.act === 'execute' && x.obj?.id === id).map((x) => x.why);

async function fresh() {
  server = new Server(path.join(tempFolder(), 'data'));
  set(0);
  await server.start(options, { LAZARET_CLOCK: wall });
  key = server.addClient('ehr', ['--webhook', origin]).api_key;
}
async function untilReal(what, condition, ms) {
  const end = performance.now() + ms;
  for (let r; performance.now() < end; await sleep(25)) if ((r = await condition())) return r;
  throw new Error(`${what}: not within ${ms} ms`);
}

console.log('TAP version 13');
await fresh();
if (!fs.readFileSync(program).includes('LAZARET_CLOCK')) {
  skip('the wall clock is set', 'this build has no faults');
} else if ((await ask('GET', '/readyz')).status !== 200) {
  skip('the wall clock is set', 'models cannot run on this machine');
} else {
  addSlowModel(server, 5);
  for (const [name, us] of jumps) {
    await test(`set ${name}: jobs before and after it run once and are told of at once`, async () => {
      set(0);
      const before = await send();
      set(us);
      const after = await send();
      for (const id of [before, after]) {
        await ended(id);
        await told(id);
        same(runs(id), ['COMPLETED'], 'runs');
      }
    });
    await test(`set ${name}: an event that was not taken is sent again after 5 s, give or take a fifth, and once`, async () => {
      set(0);
      answers = [500];
      const id = await send();
      await told(id);
      set(us);
      await told(id, 2, 9000);
      const [one, two] = got.filter((g) => g.job === id);
      check(two.at - one.at > 3500 && two.at - one.at < 7500, `after ${two.at - one.at} ms`);
      same(two.event, one.event, 'the event');
    });
    await test(`set ${name} while a job runs: its lease holds, nobody takes it over`, async () => {
      set(0);
      const id = await send(slowBody('ehr', Date.now(), { webhook_url: `${origin}/` }));
      await untilReal('it runs', async () => (await state(id)) === 'PROCESSING', 5000);
      set(us);
      await ended(id, 15000); // sweeps and heartbeats have gone by meanwhile
      await told(id);
      same(runs(id), ['COMPLETED'], 'runs');
    });
  }
  await test('set ten years forward, a waiting job that expires tomorrow does not, a result of today stays, a key is still known', async () => {
    set(0);
    const today = newBody();
    const id = await send(today, { 'Idempotency-Key': 'of-today' });
    await ended(id);
    set(10 * YEAR);
    await sleep(1500);
    same(await send(today, { 'Idempotency-Key': 'of-today' }), id, 'the job of the key');
    same(await state(id), 'COMPLETED', 'state');
    set(0);
    const tomorrow = new Date(Date.now() + 86400e3).toISOString();
    await send(slowBody('ehr')); // the worker is busy
    const waiting = await send(newBody(`"expires_at":"${tomorrow}",`));
    set(10 * YEAR);
    await ended(waiting, 15000);
  });
  for (const [name, us] of jumps.filter(([, x]) => x < 0)) {
    await test(`a server that starts with the clock set ${name} takes up what was left for later`, async () => {
      set(0);
      await server.stop();
      await server.start(options, { LAZARET_CLOCK: wall });
      answers = [500];
      const id = await send();
      await told(id);
      await sleep(300);
      await server.stop();
      set(us);
      await server.start(options, { LAZARET_CLOCK: wall });
      const other = await send();
      await ended(other);
      await told(other);
      if (us < -2 * 86400e6) await told(id, 2, 9000); // an hour cannot be told from a retry that is an hour away
    });
  }
}
set(0);
await server.stop();
hook.close();
done();
