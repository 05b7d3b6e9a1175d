#!/usr/bin/env node
// alone: rates are counted in time
// stores: sqlite postgres
// timeout: 240
// limits.mjs   a flood of wrong keys fills no disk, behind a proxy too; a client's own rate is set while the server runs; how many
// of its jobs may wait.
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, cli, cliJson, contains, done, same, test, top, until } from './lib.mjs';

const nowhere = '/v1/jobs/01890000-0000-7000-8000-000000000000';
const wrong = { Authorization: 'Bearer lz_0000000000000000000000000000000000000000000' };
const tally = (list) => list.reduce((t, s) => ({ ...t, [s]: (t[s] ?? 0) + 1 }), {});
async function flood(server, n, headers) {
  const got = [];
  for (let i = 0; i < n; i += 20)
    got.push(...(await Promise.all(Array.from({ length: 20 }, () => server.request({ path: nowhere, headers })))).map((r) => r.status));
  return tally(got);
}

await test('a flood of wrong keys leaves the first in the audit log one by one, and of the rest their number', async () => {
  const server = new Server();
  await server.start();
  server.addClient('bot');
  const got = await flood(server, 600, wrong);
  check(got[401] >= 200 && got[401] <= 230, `401s: ${got[401]}`);
  same(got[401] + got[429], 600, 'answers');
  const good = { Authorization: `Bearer ${server.clients.bot.api_key}` };
  same((await server.request({ path: nowhere, headers: good })).status, 404, 'a good key');
  const m = (await server.request({ path: '/metrics' })).text;
  contains(m, `lazaret_rate_limited_total ${got[429]}`, 'metrics');
  const size = process.env.STORE === 'postgres' ? 0 : fs.statSync(path.join(server.dir, 'lazaret.db')).size;
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
  const rows = server.audit();
  same(rows.filter((r) => r.why === 'NOT_SIGNED_IN').length, got[401], 'entries of their own');
  same(rows.filter((r) => r.why === 'RATE').map((r) => [r.n, r.obj.type, r.obj.id, r.actor.role, r.out]), [[got[429], 'Address', '127.0.0.1', 'anonymous', 'deny']], 'the rest');
  check(size < 2 << 20, `the store has ${size} bytes`);
  same(cli(['audit', 'verify', '--data', server.dir]).code, 0, 'verify');
});

await test('behind a proxy it is the address the proxy saw that counts, and nobody can choose it', async () => {
  const server = new Server();
  await server.start(['--tls', 'proxy', '--limit-denied-burst', '3']);
  const from = (list) => ({ ...wrong, 'X-Forwarded-For': list });
  same(await flood(server, 20, from('203.0.113.7')).then((t) => t[429] >= 16), true, 'one address');
  same(await flood(server, 20, from('198.51.100.1, 203.0.113.7')).then((t) => t[429] >= 18), true, 'the same, with one made up before it');
  same((await server.request({ path: nowhere, headers: from('203.0.113.8') })).status, 401, 'another address');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
  const rows = server.audit().filter((r) => r.why === 'RATE');
  same(rows.map((r) => r.obj.id), ['203.0.113.7'], 'address');
});

await test('a client\'s own rate is set and taken back while the server runs, and outlives it', async () => {
  const server = new Server();
  await server.start();
  for (const name of ['bot', 'other']) server.addClient(name);
  const as = (name) => ({ Authorization: `Bearer ${server.clients[name].api_key}` });
  const limit = (...options) => cliJson(['client', 'limit', 'bot', '--data', server.dir, '--json', ...options]);
  same(await flood(server, 60, as('bot')), { 404: 60 }, 'without a limit');
  same(limit('--rate', '1', '--burst', '5'), { client: 'bot', rate: 1, burst: 5 }, 'set');
  const got = await flood(server, 60, as('bot'));
  check(got[404] >= 5 && got[404] <= 8, JSON.stringify(got));
  same(await flood(server, 60, as('other')), { 404: 60 }, 'another one');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
  same(server.audit().filter((r) => r.why === 'RATE').map((r) => [r.n, r.obj.id, r.actor.id]), [[got[429], 'bot', 'bot']], 'audit');
  same(cliJson(['client', 'list', '--data', server.dir, '--json']).map((c) => [c.client, c.rate, c.burst]), [['bot', 1, 5], ['other', null, null]], 'list');
  await server.start(['--limit-client-rate', '1', '--limit-client-burst', '10']);
  check((await flood(server, 40, as('bot')))[404] <= 8, 'after a start');
  limit('--rate', '0');
  same(await flood(server, 40, as('bot')), { 404: 40 }, 'any number, whatever the settings say');
  limit();
  check((await flood(server, 40, as('bot')))[404] <= 14, 'as the settings say');
  for (const [words, text] of [[['--rate', 'x'], '--rate is a number from 0'], [['--burst', '0'], '--burst is a number from 1'], [['--rate', '-1'], '--rate is a number']]) {
    const r = cli(['client', 'limit', 'bot', '--data', server.dir, ...words]);
    same(r.code, 2, words.join(' '));
    contains(r.stderr, text, 'error');
  }
  same(cli(['client', 'limit', 'nobody', '--data', server.dir]).code, 1, 'nobody');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
});

await test('as many jobs of a client wait as may, those of others besides, and what was accepted stays so', async () => {
  const server = new Server();
  await server.start(['--workers', '1', '--limit-client-queued', '3']);
  for (const name of ['bot', 'other']) server.addClient(name);
  cliJson(['model', 'add', path.join(top, 'tests/data/models/moody'), '--data', server.dir, '--json']);
  cliJson(['model', 'promote', 'moody@1.0.0', 'stable', '--data', server.dir, '--json']);
  const hangs = bundle('patient pregnancy(verified=refuted) mood(value=4)'); // for 2 s
  const send = (name = 'bot', key) => server.request({ method: 'POST', path: '/v1/diagnose',
    headers: { Authorization: `Bearer ${server.clients[name].api_key}`, 'Content-Type': 'application/json', ...(key ? { 'Idempotency-Key': key } : {}) },
    body: `{"client_id":"${name}","target_diagnosis":"mood","fhir_bundle":${hangs}}` });
  const got = [];
  for (let i = 0; i < 8; i++) got.push(await send('bot', `key-${i}`));
  const t = tally(got.map((r) => r.status));
  check(t[202] >= 3 && t[202] <= 5 && t[429] === 8 - t[202], JSON.stringify(t));
  const refused = got.find((r) => r.status === 429);
  same(refused.headers['retry-after'], '5', 'Retry-After');
  contains(refused.text, 'waiting', 'answer');
  same((await send('other')).status, 202, 'another client');
  same((await send('bot', 'key-0')).status, 202, 'one that was accepted already');
  await until('room', async () => (await send('bot', 'last')).status === 202);
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
  const rows = server.audit().filter((r) => r.why === 'QUEUE_FULL');
  same(rows.length, 1, 'entries');
  check(rows[0].n >= t[429] && rows[0].actor.id === 'bot', JSON.stringify(rows));
});

await test('all models that are ready run or none: eight of one request at most, and as many as may wait', async () => {
  const server = new Server();
  await server.start(['--workers', '1', '--limit-client-queued', '9']);
  server.addClient('bot');
  const add = (n) => {
    const folder = path.join(server.dir, `moody-${n}`);
    fs.cpSync(path.join(top, 'tests/data/models/moody'), folder, { recursive: true });
    const file = path.join(folder, 'manifest.json'), text = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, text.replace(/"key": *"moody"/, `"key": "moody-${n}"`));
    cliJson(['model', 'add', folder, '--data', server.dir, '--json']);
    cliJson(['model', 'promote', `moody-${n}@1.0.0`, 'stable', '--data', server.dir, '--json']);
  };
  const send = () => server.request({ method: 'POST', path: '/v1/diagnose',
    headers: { Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/json' },
    body: `{"client_id":"bot","target_diagnosis":"mood","policy":"all-ready","fhir_bundle":${bundle('patient pregnancy(verified=refuted) mood(value=4)')}}` });
  for (let n = 1; n <= 8; n++) add(n);
  const eight = await send();
  same(eight.status, 202, eight.text);
  same(JSON.parse(eight.text).jobs.map((j) => j.model.key).join(), [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `moody-${n}`).join(), 'jobs');
  same((await send()).status, 429, 'eight more than wait already');
  add(9);
  const nine = await send();
  same(nine.status, 422, nine.text);
  contains(nine.text, 'more models are ready than one request may run', 'answer');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
  same(server.audit().filter((r) => r.act === 'create' && r.obj?.type === 'Job' && r.out === 'permit').length, 8, 'jobs in the audit log');
});
done();
