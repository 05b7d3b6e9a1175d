#!/usr/bin/env node
// waits: for retries to be due
// stores: sqlite postgres
// timeout: 300
// webhook.mjs   results go to a real receiver on loopback: signed for old receivers of both kinds and for Standard Webhooks,
// tried again when it fails, and nowhere that was not registered and allowed.
import { createHmac } from 'node:crypto';
import http from 'node:http';
import { bundle } from './casefile.mjs';
import { Server, check, cliJson, contains, done, same, sleep, test, until } from './lib.mjs';

// Keeps every request; answers what `say` holds for its path (default 204).
function receiver() {
  const got = [];
  const say = {};
  const server = http.createServer((q, r) => {
    const piece = [];
    q.on('data', (d) => piece.push(d));
    q.on('end', () => {
      got.push({ path: q.url, method: q.method, headers: q.headers, body: Buffer.concat(piece), at: Date.now() });
      const [status, headers] = say[q.url]?.shift() ?? [204, {}];
      r.writeHead(status, headers).end();
    });
  });
  return new Promise((ready) => server.listen(0, '127.0.0.1', () =>
    ready({ got, say, port: server.address().port, at: (p) => got.filter((g) => g.path === p), close: () => server.close() })));
}

// JSON as Python's json.dumps(sort_keys=True) writes it, for what results hold: strings, numbers as written, objects, lists.
function dumps(text) {
  const sorted = (v) => {
    if (Array.isArray(v)) return `[${v.map(sorted).join(', ')}]`;
    if (v && typeof v === 'object') return `{${Object.keys(v).sort().map((k) => `${JSON.stringify(k)}: ${sorted(v[k])}`).join(', ')}}`;
    return JSON.stringify(v);
  };
  return sorted(JSON.parse(text));
}

const hook = await receiver();
const origin = `http://127.0.0.1:${hook.port}`;
const server = new Server();
await server.start(['--webhook-allow', '127.0.0.1']);
const client = server.addClient('ehr', ['--webhook', origin]);

async function send(webhook, { target = 'news2', words = 'news2', headers = {}, to = server, name = 'ehr' } = {}) {
  const body = `{"client_id":"${name}","target_diagnosis":"${target}","webhook_url":${JSON.stringify(webhook)},"fhir_bundle":${bundle(words)}}`;
  const r = await to.request({ method: 'POST', path: '/v1/diagnose', body,
    headers: { Authorization: `Bearer ${to.clients[name].api_key}`, 'Content-Type': 'application/json', ...headers } });
  return { status: r.status, json: JSON.parse(r.text) };
}
const arrived = (p, n = 1) => until(`${n} deliveries to ${p}`, () => hook.at(p).length >= n && hook.at(p));

let first;
let job;
await test('a result is delivered as POST to the address of its request', async () => {
  const r = await send(`${origin}/hook/a?x=1`, { headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } });
  same(r.status, 202, 'status');
  job = r.json.job_id;
  [first] = await arrived('/hook/a?x=1');
  same([first.method, first.headers['content-type']], ['POST', 'application/json'], 'method and type');
  const body = JSON.parse(first.body);
  same(Object.keys(body), ['job_id', 'result', 'status'], 'members');
  same([body.job_id, body.status, body.result.score], [job, 'COMPLETED', 0], 'body');
});
await test('a receiver that hashes the raw body verifies it', () =>
  same(first.headers['x-clinisandbox-signature'], createHmac('sha256', client.webhook_secret).update(first.body).digest('hex'), 'signature'));
await test('a receiver that parses and dumps it again with sorted keys verifies it', () => {
  const again = dumps(first.body.toString());
  same(again, first.body.toString(), 'the body dumped again');
  same(first.headers['x-clinisandbox-signature'], createHmac('sha256', client.webhook_secret).update(again).digest('hex'), 'signature');
});
await test('a receiver of Standard Webhooks verifies it', () => {
  const h = first.headers;
  check(/^msg_[0-9a-f-]{36}$/.test(h['webhook-id']), h['webhook-id']);
  check(Math.abs(Date.now() / 1000 - Number(h['webhook-timestamp'])) < 60, h['webhook-timestamp']);
  const secret = Buffer.from(client.webhook_secret.slice(6), 'base64');
  const mac = createHmac('sha256', secret).update(`${h['webhook-id']}.${h['webhook-timestamp']}.`).update(first.body).digest('base64');
  same(h['webhook-signature'], `v1,${mac}`, 'signature');
  check(!JSON.stringify(first.headers).includes(client.webhook_secret.slice(6)), 'the secret itself was sent');
});
await test('one bit more or less, and neither signature holds', () => {
  const bent = Buffer.from(first.body);
  bent[bent.length - 2] ^= 1;
  check(createHmac('sha256', client.webhook_secret).update(bent).digest('hex') !== first.headers['x-clinisandbox-signature'], 'it holds');
});
await test('the trace of the request goes with it, under a span of our own', () => {
  const t = first.headers.traceparent;
  check(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/.test(t) && !t.includes('b7ad6b7169203331'), t);
});
await test('nothing of the patient but the result is in it, nor a name of the server', () => {
  const all = JSON.stringify(first.headers) + first.body;
  for (const word of ['Canary', 'canary', '1958', client.api_key]) check(!all.includes(word), `${word} is in it`);
});
await test('numbers of a result come as the model wrote them, and the body still verifies', async () => {
  await send(`${origin}/hook/egfr`, { target: 'egfr', words: 'ckd' });
  const [d] = await arrived('/hook/egfr');
  same(dumps(d.body.toString()), d.body.toString(), 'dumped again');
  same(d.headers['x-clinisandbox-signature'], createHmac('sha256', client.webhook_secret).update(d.body).digest('hex'), 'signature');
  check(Math.abs(JSON.parse(d.body).result.egfr - 73) < 20, d.body.toString());
});
await test('a delivery is in the audit log, and happens once', async () => {
  await sleep(700);
  same(hook.at('/hook/a?x=1').length, 1, 'deliveries');
  const rows = server.audit().filter((r) => r.obj?.id === job && r.actor?.id === 'deliver');
  same(rows.map((r) => [r.act, r.why, r.trace]), [['read', 'webhook', '0af7651916cd43dd8448eb211c80319c']], 'audit rows');
});
hook.say['/hook/gone'] = [[410, {}]];
await send(`${origin}/hook/gone`);
await arrived('/hook/gone');
await test('a receiver that answers 500 is asked again, with the same id and body and a signature of its own', async () => {
  hook.say['/hook/later'] = [[500, {}], [204, {}]];
  await send(`${origin}/hook/later`);
  const [one, two] = await arrived('/hook/later', 2);
  const wait = (two.at - one.at) / 1000;
  check(wait > 3.5 && wait < 9, `after ${wait} s, want 5 s give or take a fifth`);
  same([two.headers['webhook-id'], two.body.toString()], [one.headers['webhook-id'], one.body.toString()], 'id and body');
  check(two.headers['webhook-timestamp'] !== one.headers['webhook-timestamp'], 'the time is the old one');
  same((await send(`${origin}/hook/other`)).status, 202, 'others meanwhile');
});
await test('a receiver that answered 410 is not asked again', async () => {
  await sleep(Math.max(0, hook.at('/hook/gone')[0].at + 7000 - Date.now())); /* later than a second try would come */
  same(hook.at('/hook/gone').length, 1, 'deliveries');
});
await test('a redirect is not followed', async () => {
  hook.say['/hook/away'] = [[302, { Location: `${origin}/hook/stolen` }]];
  await send(`${origin}/hook/away`);
  await arrived('/hook/away');
  await sleep(600);
  same(hook.at('/hook/stolen').length, 0, 'deliveries to the other place');
});
await test('an address that is not registered is 422, of whatever kind', async () => {
  for (const url of [`http://127.0.0.1:${hook.port + 1}/hook`, `http://localhost:${hook.port}/hook`, 'http://169.254.169.254/latest', `${origin}.evil.example/`]) {
    const r = await send(url);
    same([r.status, r.json.detail[0].type, r.json.detail[0].loc, r.json.detail[0].input], [422, 'value_error', ['body', 'webhook_url'], null], url);
  }
});
await test('what is delivered and what fails is counted', async () => {
  const text = (await server.request({ path: '/metrics' })).text;
  const value = (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)[1]);
  check(value('lazaret_webhooks_delivered_total') >= 3 && value('lazaret_webhook_attempts_failed_total') >= 2, text.slice(0, 0));
});
await test('the log has no address, no path and no secret of a receiver', async () => {
  same((await server.stop()).code, 0, 'exit');
  contains(server.log, 'a webhook was not taken', 'the log');
  for (const word of ['/hook/', client.webhook_secret, client.webhook_secret.slice(6), client.api_key, 'Canary'])
    check(!server.log.includes(word), `the log holds ${word}`);
});

// ---- without --webhook-allow

const strict = new Server();
await strict.start();
strict.addClient('ehr', ['--webhook', origin]);
await test('loopback is refused unless webhook.allow names it: the job ends, nothing arrives', async () => {
  const r = await send(`${origin}/hook/strict`, { to: strict });
  same(r.status, 202, 'status');
  await until('the end of the job', async () => {
    const j = await strict.request({ path: `/v1/jobs/${r.json.job_id}`, headers: { Authorization: `Bearer ${strict.clients.ehr.api_key}` } });
    return JSON.parse(j.text).status === 'COMPLETED';
  });
  await until('the refusal', () => strict.log.includes('a webhook was not taken'));
  same(hook.at('/hook/strict').length, 0, 'deliveries');
});
await strict.stop();
await test('what was not delivered is delivered after a restart', async () => {
  const later = new Server(strict.dir);
  later.clients = strict.clients;
  const due = cliJson(['job', 'list', '--data', strict.dir, '--json']);
  same(due.map((j) => j.state), ['COMPLETED'], 'jobs');
  await later.start(['--webhook-allow', '127.0.0.1']);
  const [d] = await arrived('/hook/strict');
  same(JSON.parse(d.body).job_id, due[0].job_id, 'job');
  same((await later.stop()).code, 0, 'exit');
});
hook.close();
done();
