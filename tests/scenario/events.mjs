#!/usr/bin/env node
// waits: for heartbeats and slow readers
// stores: sqlite postgres
// timeout: 300
// events.mjs   the events of a job while it moves: as lines of JSON and as server-sent events, with many readers, readers that
// leave, that come back, that are too many, and a server that ends meanwhile.
import fs from 'node:fs';
import path from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { bundle } from './casefile.mjs';
import { Server, check, cliJson, done, program, same, tempFolder, test, top, until } from './lib.mjs';

const server = new Server();
await server.start(['--workers', '1', '--limit-streams', '12', '--limit-client-streams', '8']);
for (const name of ['bot', 'other']) server.addClient(name);
cliJson(['model', 'add', path.join(top, 'tests/data/models/moody'), '--data', server.dir, '--json']);
cliJson(['model', 'promote', 'moody@1.0.0', 'stable', '--data', server.dir, '--json']);
const auth = (name, more = {}) => ({ Authorization: `Bearer ${server.clients[name].api_key}`, ...more });
const hangs = 'patient pregnancy(verified=refuted) mood(value=4)'; // for 2 s, then it is FAILED

async function send(words = 'news2', target = 'news2', name = 'bot') {
  const r = await server.request({ method: 'POST', path: '/v1/diagnose', headers: auth(name, { 'Content-Type': 'application/json' }),
    body: `{"client_id":"${name}","target_diagnosis":"${target}","fhir_bundle":${bundle(words)}}` });
  same(r.status, 202, r.text);
  return JSON.parse(r.text).job_id;
}

// An open stream: what came, when, and how it ended.
function follow(id, headers = {}, name = 'bot', over = {}) {
  const s = { text: '', event: [], ended: false, broken: false };
  s.opened = new Promise((ready, fail) => {
    const q = server.over.request({ host: '127.0.0.1', port: server.port, path: `/v1/jobs/${id}/events`, agent: false, headers: { ...auth(name), ...headers }, ...over }, (r) => {
      s.status = r.statusCode;
      s.headers = r.headers;
      r.on('data', (d) => {
        s.text += d;
        let at;
        while ((at = s.text.indexOf('\n', s.read ?? 0)) >= 0) {
          const line = s.text.slice(s.read ?? 0, at).replace(/^data: /, '');
          s.read = at + 1;
          if (line.startsWith('{')) s.event.push({ ...JSON.parse(line), came: Date.now() });
        }
      });
      r.on('end', () => { s.ended = true; });
      r.on('error', () => { s.broken = true; });
      r.on('aborted', () => { s.broken = true; });
      ready(s);
    });
    q.on('error', fail);
    q.end();
    s.leave = () => q.destroy();
  });
  return s;
}
const states = (s) => s.event.map((e) => e.status);
const ending = (s) => until('the end of the stream', () => s.ended);
const metric = async (name) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec((await server.request({ path: '/metrics' })).text)[1]);

await test('every state comes as a line of JSON, the present one at once, and the stream ends with the job', async () => {
  const blocker = await send(hangs, 'mood');
  const id = await send(hangs, 'mood');
  const s = await follow(id).opened;
  same([s.status, s.headers['content-type']], [200, 'application/x-ndjson'], 'head');
  await until('the present state', () => s.event.length === 1, 1000);
  same(states(s), ['QUEUED'], 'first');
  await ending(s);
  same(states(s), ['QUEUED', 'PROCESSING', 'FAILED'], 'states');
  same(s.event.map((e) => [e.job_id, e.attempt]), [[id, 0], [id, 1], [id, 1]], 'ids and attempts');
  same(Object.keys(s.event[2]).slice(0, 5), ['job_id', 'status', 'at', 'attempt', 'error'], 'members');
  same(s.event[2].error.code, 'TIMEOUT', 'error');
  check(s.event[0].at < s.event[1].at && s.event[1].at < s.event[2].at, 'the times do not go forward');
  same((await follow(blocker).opened).status, 200, 'the first job');
  const audit = server.audit().filter((a) => a.route === '/v1/jobs/:job_id/events' && a.obj.id === id);
  same(audit.map((a) => [a.act, a.out, a.actor.id]), [['read', 'permit', 'bot']], 'audit');
});

const mood = (n) => `patient pregnancy(verified=refuted) mood(value=${n})`;
await test('what a model says of its progress comes as events and with the job: in whole percent, never less, and no more often than it may', async () => {
  const id = await send(mood(15), 'mood');
  const lines = await follow(id).opened;
  const sse = await follow(id, { Accept: 'text/event-stream' }).opened;
  await until('half of it', () => lines.event.some((e) => e.progress === 0.5));
  const seen = JSON.parse((await server.request({ path: `/v1/jobs/${id}`, headers: auth('bot') })).text);
  same([seen.status, seen.progress], ['PROCESSING', 0.5], 'the job');
  await ending(lines);
  await ending(sse);
  const told = (s) => s.event.filter((e) => 'progress' in e).map((e) => [e.status, e.progress]);
  same(told(lines), [['PROCESSING', 0.1], ['PROCESSING', 0.5], ['PROCESSING', 0.75]], 'lines');
  same(told(sse).slice(-2), told(lines).slice(-2), 'server-sent events');
  same(/event: progress\ndata: \{.*"progress":0.75\}\n\n/.test(sse.text), true, sse.text);
  check(!/id: \d+\nevent: progress/.test(sse.text), 'an event of progress has an id to come back with');
  same([states(lines).at(-1), 'progress' in lines.event.at(-1)], ['COMPLETED', false], 'end');
  const ended = JSON.parse((await server.request({ path: `/v1/jobs/${id}`, headers: auth('bot') })).text);
  same([ended.status, 'progress' in ended], ['COMPLETED', false], 'the job that ended');
  const flood = await follow(await send(mood(16), 'mood')).opened;
  await ending(flood);
  same(states(flood).at(-1), 'COMPLETED', 'a flood that is short enough');
  check(told(flood).length >= 2 && told(flood).length <= 8, `${told(flood).length} events of 999 lines`);
  const endless = await follow(await send(mood(17), 'mood')).opened;
  await ending(endless);
  same([states(endless).at(-1), endless.event.at(-1).error.code], ['FAILED', 'PROTOCOL'], 'one line too many');
});

await test('an event comes within 50 ms of its job\'s end', async () => {
  const late = [];
  for (let i = 0; i < 7; i++) {
    const s = await follow(await send()).opened;
    await ending(s);
    const last = s.event[s.event.length - 1];
    same(last.status, 'COMPLETED', 'end');
    late.push(last.came - Date.parse(last.at));
  }
  late.sort((a, b) => a - b);
  console.log(`# ms from the end of a job to its event: ${late.join(' ')}`);
  check(late[3] <= 50, `the median is ${late[3]} ms`);
});

await test('as server-sent events they have ids, and who comes back with the last one is told nothing twice', async () => {
  const id = await send(hangs, 'mood');
  const s = await follow(id, { Accept: 'text/event-stream' }).opened;
  same(s.headers['content-type'], 'text/event-stream', 'type');
  await until('PROCESSING', () => states(s).includes('PROCESSING'));
  const ids = () => [...s.text.matchAll(/^id: (\d+)$/gm)].map((m) => m[1]);
  check(/^retry: \d+\n\nid: \d+\nevent: job\ndata: \{.*\}\n\n/.test(s.text), s.text);
  const again = await follow(id, { Accept: 'text/event-stream', 'Last-Event-ID': ids().at(-1) }).opened;
  await ending(s);
  await ending(again);
  same(states(again), ['FAILED'], 'what came after it');
  const known = await follow(id, { Accept: 'text/event-stream', 'Last-Event-ID': ids().at(-1) }).opened;
  same(known.status, 204, 'for one who has seen the end');
  const old = await follow(id, { Accept: 'text/event-stream', 'Last-Event-ID': ids()[0] }).opened;
  await ending(old);
  same(states(old), ['FAILED'], 'for one who has not');
});

await test('a job that is cancelled says so', async () => {
  await send(hangs, 'mood');
  const id = await send(hangs, 'mood');
  const s = await follow(id).opened;
  await until('the present state', () => s.event.length === 1);
  same((await server.request({ method: 'DELETE', path: `/v1/jobs/${id}`, headers: auth('bot') })).status, 202, 'cancelled');
  await ending(s);
  same(states(s), ['QUEUED', 'CANCELLED'], 'states');
  check(!s.event[1].error, 'an error');
});

await test('no handler is held by streams, and too many of one client or in all are refused', async () => {
  const id = await send(hangs, 'mood');
  const theirs = await send(hangs, 'mood', 'other');
  const open = [];
  for (let i = 0; i < 8; i++) open.push(await follow(id).opened);
  same(open.map((s) => s.status), Array(8).fill(200), 'the first eight');
  const ninth = await follow(id).opened;
  same([ninth.status, ninth.headers['retry-after']], [429, '5'], 'the ninth');
  for (let i = 0; i < 4; i++) open.push(await follow(theirs, {}, 'other').opened);
  same((await follow(theirs, {}, 'other').opened).status, 429, 'past the number of all');
  same(await metric('lazaret_http_streams'), 12, 'open streams');
  open[0].leave();
  await until('room', async () => { const s = await follow(id).opened; open.push(s); return s.status === 200; }, 3000);
  await Promise.all(open.slice(1).filter((s) => s.status === 200).map(ending));
  await until('all closed', async () => await metric('lazaret_http_streams') === 0, 2000);
});

await test('readers that leave are forgotten', async () => {
  const id = await send(hangs, 'mood');
  for (let round = 0; round < 5; round++) {
    const open = await Promise.all(Array.from({ length: 8 }, () => follow(id).opened.catch(() => null)));
    for (const s of open) s?.leave();
    await until('no stream', async () => await metric('lazaret_http_streams') === 0, 3000);
  }
});

await test('when the server ends, streams end in order, though their jobs have not', async () => {
  const id = await send(hangs, 'mood');
  const later = await send(hangs, 'mood');
  const s = await follow(later).opened;
  await until('the present state', () => s.event.length === 1);
  const how = server.stop();
  await ending(s);
  check(!s.broken, 'it was cut off');
  check(!states(s).includes('FAILED'), 'it had ended');
  same((await how).code, 0, `exit\n${server.log.slice(-2000)}`);
  check(id !== later, 'two jobs');
});

if (process.env.STORE === 'postgres')
  await test('what a process of its own does with a job comes, too', async () => {
    const apart = new Server();
    await apart.start(['--workers', '0']);
    apart.addClient('bot');
    const work = spawn(program, ['work', '--data', apart.dir], { stdio: ['ignore', 'pipe', 'ignore'] });
    process.on('exit', () => work.kill('SIGKILL'));
    await new Promise((ready) => work.stdout.on('data', (d) => { if (String(d).includes('lazaret works')) ready(); }));
    const key = { Authorization: `Bearer ${apart.clients.bot.api_key}` };
    const r = await apart.request({ method: 'POST', path: '/v1/diagnose', headers: { ...key, 'Content-Type': 'application/json' },
      body: `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle('news2')}}` });
    const s = await follow(JSON.parse(r.text).job_id, key, 'bot', { port: apart.port }).opened;
    await ending(s);
    const last = s.event.at(-1);
    same(last.status, 'COMPLETED', 'end');
    console.log(`# ms from its end elsewhere to its event: ${last.came - Date.parse(last.at)}`);
    check(last.came - Date.parse(last.at) < 1000, 'it came late');
    const ended = new Promise((end) => work.on('exit', end));
    work.kill('SIGTERM');
    await ended;
    same((await apart.stop()).code, 0, `exit\n${apart.log.slice(-2000)}`);
  });

await test('over TLS it is the same', async () => {
  const box = tempFolder();
  const at = (n) => path.join(box, n);
  const r = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=one',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', at('key'), '-out', at('pem')], { encoding: 'utf8' });
  same(r.status, 0, r.stderr);
  await server.start(['--workers', '1', '--tls', 'on', '--tls-cert', at('pem'), '--tls-key', at('key')]);
  const ca = fs.readFileSync(at('pem'));
  const answer = await server.request({ method: 'POST', path: '/v1/diagnose', ca, headers: auth('bot', { 'Content-Type': 'application/json' }),
    body: `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle('news2')}}` });
  const s = await follow(JSON.parse(answer.text).job_id, {}, 'bot', { ca }).opened;
  await ending(s);
  same(states(s).at(-1), 'COMPLETED', 'end');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
});
done();
