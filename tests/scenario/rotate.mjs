#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 300
// soak: N rotations
// rotate.mjs   keys, and the root key above them, are rotated while jobs are accepted, and the server is killed about then, N times
// (6; crash_points.mjs kills it exactly in the middle): everything goes on opening, what was left under an older key moves by itself, and
// older keys are destroyed when they have rested.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, cli, cliJson, contains, done, program, same, skip, sleep, tempFolder, test, until } from './lib.mjs';

if (!fs.readFileSync(program).includes('LAZARET_CLOCK')) {
  skip('rotate', 'this program was built without faults');
  done();
}
const rounds = Number(process.env.N) || 6;
const clock = path.join(tempFolder(), 'clock');
const server = new Server();
const start = () => server.start(['--webhook-allow', '127.0.0.1'], { LAZARET_CLOCK: clock });
const set = (hours) => { // microseconds, read by the server as they stand
  const b = Buffer.alloc(8);
  b.writeBigInt64LE(BigInt(hours) * 3600000000n);
  fs.writeFileSync(clock, b);
};
set(0);
await start();
server.addClient('bot', ['--webhook', 'http://127.0.0.1:1']);
const on = (...words) => [...words, '--data', server.dir];
const body = `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle('news2')}}`;
const jobs = [];
let sending = true;
async function load() {
  while (sending) {
    try {
      const r = await server.request({ method: 'POST', path: '/v1/diagnose', body,
        headers: { Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/json' } });
      if (r.status === 202) jobs.push(JSON.parse(r.text).job_id);
    } catch { await sleep(20); /* it was killed */ }
  }
}
const loads = [load(), load(), load()];
const rotate = (...more) => new Promise((end) => {
  const p = spawn(program, on('keys', 'rotate', '--json', ...more), { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  p.stdout.on('data', (d) => { out += d; });
  p.on('close', (code) => end({ code, out }));
});
const keys = () => cliJson(on('keys', 'status', '--json'));

await test('keys are rotated while jobs are accepted', async () => {
  await until('some jobs', () => jobs.length > 30);
  const r = await rotate();
  same(r.code, 0, 'keys rotate');
  const told = JSON.parse(r.out);
  check(told.new_keys === 8 && told.resealed > 30, r.out);
  same(keys().older, 8, 'older keys, which rest for an hour');
  contains(cli(on('keys', 'status')).stdout, '8 of them were replaced', 'for a person');
});
await test(`the server is killed during ${rounds} rotations, and all of it opens`, async () => {
  try {
    for (let i = 0; i < rounds; i++) {
      const before = jobs.length;
      await until('more jobs', () => jobs.length > before + 10);
      const rotation = rotate();
      await sleep(Math.random() * 120);
      server.process.kill('SIGKILL');
      await server.ended;
      await rotation; // cut off, or done: by this very command, when the server was gone before it was asked
      await start();
    }
  } finally {
    sending = false;
    await Promise.all(loads);
  }
  const r = cliJson(on('db', 'check', '--json'));
  same(r.filter((x) => !x.holds), [], 'what does not hold');
});
await test('the root key is replaced while jobs are accepted, and the server killed about then: one of the two is the store\'s', async () => {
  const seen = new Set([keys().root_id]);
  sending = true;
  const more = [load(), load()];
  try {
    for (let i = 0; i < rounds; i++) {
      const before = jobs.length, was = keys().root_id;
      await until('more jobs', () => jobs.length > before + 5);
      const rotation = rotate('--root');
      await sleep(Math.random() * 60);
      server.process.kill('SIGKILL');
      await server.ended;
      const r = await rotation;
      await start();
      const now = keys().root_id;
      if (r.code === 0) same(now, JSON.parse(r.out).root_id, 'the root key that was told of');
      check(now === was || !seen.has(now), `the root key of earlier is back: ${now}`);
      seen.add(now);
      check(fs.existsSync(`${server.dir}.key`), 'there is no root key file');
    }
    const r = await rotate('--root');
    same([r.code, JSON.parse(r.out).root_id], [0, keys().root_id], 'a rotation that is not cut off');
  } finally {
    sending = false;
    await Promise.all(more);
  }
  same(keys().replaced_root_keys.length, server.audit().filter((x) => x.why === 'root').length, 'root keys that were replaced, and what the log says of it');
  same(cliJson(on('db', 'check', '--json')).filter((x) => !x.holds), [], 'what does not hold');
});
await test('what was cut off is gone on with, and keys that have rested are destroyed', async () => {
  await server.stop();
  set(3);
  await start();
  await until('no older key is there', () => keys().older === 0, 60000);
  const { keys: all, domains } = keys();
  same(all, domains, 'keys, one for each domain');
  same(cliJson(on('db', 'check', '--json')).filter((x) => !x.holds), [], 'what does not hold');
  const destroyed = server.audit().filter((x) => x.why === 'destroyed');
  check(destroyed.length >= 2 && destroyed.every((x) => x.obj.type === 'Keys' && /^[0-9a-f]{16}$/.test(x.obj.id)), JSON.stringify(destroyed[0]));
  for (const id of [jobs[0], jobs[jobs.length - 1]])
    same((await server.request({ path: `/v1/jobs/${id}`, headers: { Authorization: `Bearer ${server.clients.bot.api_key}` } })).status, 200, id);
});
await server.stop();
done();
