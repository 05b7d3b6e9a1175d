#!/usr/bin/env node
// waits: for retries to be due
// stores: sqlite postgres
// timeout: 480
// endpoints.mjs   a client's own endpoints: verified with the published libraries of receivers, through a change of secrets; told to wait, to go
// away, to send again; a receiver that hangs, which must delay nobody; and the operator's verbs over all of them.
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import http from 'node:http';
import path from 'node:path';
import { bundle as words } from './casefile.mjs';
import { Server, check, cli, cliJson, contains, done, same, sleep, test, top, until } from './lib.mjs';

const require = createRequire(new URL('../clients/package.json', import.meta.url));
const { Webhook: Standard } = require('standardwebhooks');
const { Webhook: Svix } = require('svix');

// Keeps every request by path; `say` answers: [status, headers] each once, then 204; 'hang' answers never.
class Receiver {
  constructor() {
    this.got = {};
    this.say = {};
    this.server = http.createServer((q, r) => {
      const piece = [];
      q.on('data', (d) => piece.push(d));
      q.on('end', () => {
        const path = q.url;
        (this.got[path] ??= []).push({ at: Date.now(), headers: q.headers, body: Buffer.concat(piece).toString() });
        const said = this.say[path];
        if (said === 'hang') return;
        const [status, headers] = said?.shift() ?? [204, {}];
        r.writeHead(status, headers).end();
      });
    });
  }
  start() { return new Promise((ok) => this.server.listen(0, '127.0.0.1', () => { this.origin = `http://127.0.0.1:${this.server.address().port}`; ok(this); })); }
  at(path) { return this.got[path] ?? []; }
  stop() { this.server.closeAllConnections?.(); this.server.close(); }
}

const hook = await new Receiver().start();
const server = new Server();
await server.start(['--webhook-allow', '127.0.0.0/8']);
server.addClient('ehr', ['--webhook', hook.origin]);
server.addClient('bot');
server.addClient('slow');
const measured = new Date(Date.now() - 3600e3).toISOString();
const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: { resourceType: 'Patient', id: 'p1', gender: 'male', birthDate: '1970-01-01' } },
  { resource: { resourceType: 'Observation', status: 'final', subject: { reference: 'Patient/p1' }, code: { coding: [{ system: 'http://loinc.org', code: '2160-0' }] },
    effectiveDateTime: measured, valueQuantity: { value: 1.0, system: 'http://unitsofmeasure.org', code: 'mg/dL' } } }] };
const ask = async (who, method, path, body) => {
  const r = await server.request({ method, path, headers: { Authorization: `Bearer ${server.clients[who].api_key}`, 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body) });
  return { status: r.status, json: r.text ? JSON.parse(r.text) : null };
};
const diagnose = async (who, more = {}) => {
  const r = await ask(who, 'POST', '/v1/diagnose', { client_id: who, target_diagnosis: 'ckd', fhir_bundle: bundle, ...more });
  same(r.status, 202, JSON.stringify(r.json));
  return r.json.job_id;
};
const endpoint = async (who, path, payload) => {
  const r = await ask(who, 'POST', '/v1/webhook-endpoints', { url: `${hook.origin}${path}`, ...(payload ? { payload } : {}) });
  same(r.status, 201, JSON.stringify(r.json));
  return r.json;
};
const arrived = (path, n = 1, ms) => until(`${n} deliveries to ${path}`, () => hook.at(path).length >= n && hook.at(path), ms);
const verifies = (secret, d) => {
  new Standard(secret).verify(d.body, d.headers);
  // svix calls the same headers by its own names
  new Svix(secret).verify(d.body, { 'svix-id': d.headers['webhook-id'], 'svix-timestamp': d.headers['webhook-timestamp'], 'svix-signature': d.headers['webhook-signature'] });
};
const refuses = (secret, d) => { try { verifies(secret, d); } catch { return true; } return false; };

const thin = await endpoint('bot', '/thin');
await test('an endpoint is told of every job, thinly, and the libraries of receivers verify it', async () => {
  const id = await diagnose('bot');
  const [d] = await arrived('/thin');
  verifies(thin.webhook_secret, d);
  const said = JSON.parse(d.body);
  same(said, { data: { job_id: id, status: 'COMPLETED' }, timestamp: said.timestamp, type: 'job.completed' }, 'body');
  check(refuses(server.clients.bot.webhook_secret, d), 'it verifies with the secret of another endpoint');
  check(refuses(thin.webhook_secret, { ...d, body: d.body.replace('COMPLETED', 'FAILED') }), 'a changed body verifies');
});
await test('one that asked for it gets the result, and the old address gets its own', async () => {
  const full = await endpoint('ehr', '/full', 'full');
  await diagnose('ehr', { webhook_url: `${hook.origin}/legacy` });
  const [a] = await arrived('/full');
  const [b] = await arrived('/legacy');
  verifies(full.webhook_secret, a);
  verifies(server.clients.ehr.webhook_secret, b);
  same([a.body, Object.keys(JSON.parse(a.body))], [b.body, ['job_id', 'result', 'status']], 'bodies');
  same(a.headers['webhook-id'], b.headers['webhook-id'], 'the event');
  check(a.headers['webhook-signature'] !== b.headers['webhook-signature'], 'one signature for two endpoints');
});
await test('a cancelled job is told, too', async () => {
  const m = cliJson(['model', 'add', path.join(top, 'tests/data/models/moody'), '--data', server.dir, '--json']);
  cliJson(['model', 'promote', `${m.key}@${m.version}`, 'stable', '--data', server.dir, '--json']);
  const mood = JSON.parse(words('patient pregnancy(verified=refuted) mood(value=14)')); /* runs until it is killed */
  const id = await diagnose('bot', { target_diagnosis: 'mood', fhir_bundle: mood });
  const before = hook.at('/thin').length;
  same((await ask('bot', 'DELETE', `/v1/jobs/${id}`)).status, 202, 'cancel');
  const d = (await arrived('/thin', before + 1))[before];
  const said = JSON.parse(d.body);
  same([said.type, said.data], ['job.cancelled', { job_id: id, status: 'CANCELLED' }], 'what is told');
});

await test('while a secret is changed both are good, and the old header alternates', async () => {
  const r = await ask('ehr', 'GET', '/v1/webhook-endpoints');
  const origin = r.json.endpoints.find((x) => x.kind === 'origin');
  const old = server.clients.ehr.webhook_secret;
  const rotated = await ask('ehr', 'POST', `/v1/webhook-endpoints/${origin.endpoint_id}/rotate?keep_hours=1`);
  same(rotated.status, 200, 'rotate');
  hook.say['/turn'] = [[500, {}]];
  await diagnose('ehr', { webhook_url: `${hook.origin}/turn` });
  const [one, two] = await arrived('/turn', 2, 15000);
  for (const d of [one, two]) for (const secret of [old, rotated.json.webhook_secret]) verifies(secret, d);
  const legacy = (secret, d) => createHmac('sha256', secret).update(d.body).digest('hex');
  same(one.headers['x-clinisandbox-signature'], legacy(old, one), 'the first attempt, for who has the old one still');
  same(two.headers['x-clinisandbox-signature'], legacy(rotated.json.webhook_secret, two), 'the second, for who has the new one');
  const again = await ask('ehr', 'POST', `/v1/webhook-endpoints/${origin.endpoint_id}/rotate?keep_hours=0`);
  await diagnose('ehr', { webhook_url: `${hook.origin}/turned` });
  const [last] = await arrived('/turned');
  verifies(again.json.webhook_secret, last);
  check(refuses(rotated.json.webhook_secret, last), 'the old secret is good still');
});

await test('who is told to wait waits as long as was said', async () => {
  hook.say['/thin'] = [[429, { 'Retry-After': '8' }]];
  const before = hook.at('/thin').length;
  await diagnose('bot');
  const first = (await arrived('/thin', before + 1))[before];
  await diagnose('bot'); /* another event of the same endpoint waits, too */
  await sleep(1500);
  same(hook.at('/thin').length, before + 1, 'deliveries meanwhile');
  const all = await arrived('/thin', before + 3, 20000);
  check(all[before + 1].at - first.at > 7500, `after ${all[before + 1].at - first.at} ms`);
});

await test('the log tells of every attempt, and an event is sent again under the same id', async () => {
  const log = await ask('bot', 'GET', `/v1/webhook-endpoints/${thin.endpoint_id}/deliveries?limit=100`);
  const failed = log.json.deliveries.filter((d) => d.outcome !== 'taken');
  same(failed.map((d) => [d.status, d.outcome]), [[429, 'status']], 'what failed');
  const event = log.json.deliveries[0].event_id;
  const count = () => hook.at('/thin').filter((d) => d.headers['webhook-id'] === `msg_${event}`).length;
  const before = count();
  same((await ask('slow', 'POST', `/v1/deliveries/${event}/redeliver`)).status, 404, "another client's");
  same((await ask('bot', 'POST', `/v1/deliveries/${event}/redeliver`)).status, 202, 'redeliver');
  await until('it comes again', () => count() === before + 1);
});

await test('410 disables an endpoint; what happens meanwhile is told when it is enabled again', async () => {
  const x = await endpoint('slow', '/gone');
  hook.say['/gone'] = [[410, {}]];
  await diagnose('slow');
  await arrived('/gone');
  const state = async () => (await ask('slow', 'GET', '/v1/webhook-endpoints')).json.endpoints[0];
  await until('it is disabled', async () => !(await state()).enabled);
  same((await state()).disabled_why, 'gone', 'why');
  const id = await diagnose('slow');
  await until('the job', async () => (await ask('slow', 'GET', `/v1/jobs/${id}`)).json.status === 'COMPLETED');
  await sleep(1200);
  same(hook.at('/gone').length, 1, 'deliveries while it is disabled');
  same((await ask('slow', 'POST', `/v1/webhook-endpoints/${x.endpoint_id}/enable`)).status, 204, 'enable');
  const [, d] = await arrived('/gone', 2);
  same(JSON.parse(d.body).data.job_id, id, 'job');
  same((await ask('slow', 'DELETE', `/v1/webhook-endpoints/${x.endpoint_id}`)).status, 204, 'remove');
});

// Each verb by the running server, and again by itself when there is none (below).
const lazaret = (...words) => cli([...words, '--data', server.dir, '--json']);
const json = (...words) => cliJson([...words, '--data', server.dir, '--json']);
const audited = (route) => server.audit().filter((r) => r.route === route).map((r) => [r.actor, r.act, r.obj?.type, r.out, r.why]);
const operator = { id: 'operator', role: 'operator' };
await test('the operator lists endpoints of everybody, or of one client, without a secret', async () => {
  const all = json('webhook', 'list');
  same(all.map((x) => [x.client, new URL(x.url).pathname, x.kind, x.payload, x.enabled, x.waiting]),
    [['bot', '/thin', 'url', 'thin', true, 0], ['ehr', '/', 'origin', 'full', true, 0], ['ehr', '/full', 'url', 'full', true, 0]], 'endpoints');
  same(json('webhook', 'list', '--client', 'bot'), all.filter((x) => x.client === 'bot'), 'of one');
  check(!JSON.stringify(all).includes('whsec_'), 'a secret is shown');
  contains(cli(['webhook', 'list', '--data', server.dir]).stdout, `${hook.origin}/thin  0 waiting`, 'for a person');
  const r = lazaret('webhook', 'list', '--client', 'nobody');
  same([r.code, r.stderr.includes('there is no client named nobody')], [1, true], r.stderr);
});
await test('the operator sends an event again, as the log or a receiver names it', async () => {
  const event = hook.at('/thin')[0].headers['webhook-id'];
  const count = () => hook.at('/thin').filter((d) => d.headers['webhook-id'] === event).length;
  const before = count();
  same(json('webhook', 'redeliver', event), { event_id: event.slice(4), endpoints: 1 }, 'answer');
  await until('it comes again', () => count() === before + 1);
  const r = lazaret('webhook', 'redeliver', thin.endpoint_id);
  same([r.code, r.stderr.includes('there is no event')], [1, true], r.stderr);
  same(lazaret('webhook', 'redeliver', 'x').code, 2, 'no UUID');
  same(audited('lazaret webhook redeliver'), [[operator, 'execute', 'WebhookEvent', 'permit', 'redelivery'], [operator, 'execute', 'WebhookEvent', 'deny', 'absent']], 'audit');
});
await test('the operator changes a secret: both sign, then the new one alone', async () => {
  const r = json('webhook', 'rotate', thin.endpoint_id, '--keep-hours', '1');
  const until_ = Date.parse(r.old_valid_until) - Date.now();
  check(until_ > 3500e3 && until_ <= 3600e3, r.old_valid_until);
  const before = hook.at('/thin').length;
  await diagnose('bot');
  const d = (await arrived('/thin', before + 1))[before];
  verifies(thin.webhook_secret, d);
  verifies(r.webhook_secret, d);
  const bad = lazaret('webhook', 'rotate', thin.endpoint_id, '--keep-hours', '169');
  same([bad.code, bad.stderr.includes('0 to 168')], [2, true], bad.stderr);
  same(lazaret('webhook', 'rotate', '00000000-0000-7000-8000-000000000000').code, 1, 'one that is not there');
  same(audited('lazaret webhook rotate'), [[operator, 'update', 'WebhookEndpoint', 'permit', 'rotated'], [operator, 'update', 'WebhookEndpoint', 'deny', 'absent']], 'audit');
});
await test('the operator enables an endpoint, and what waited for it goes', async () => {
  const x = await endpoint('slow', '/gone2');
  hook.say['/gone2'] = [[410, {}]];
  await diagnose('slow');
  await until('it is disabled', () => json('webhook', 'list', '--client', 'slow')[0].disabled_why === 'gone');
  const id = await diagnose('slow');
  await until('one waits', () => json('webhook', 'list', '--client', 'slow')[0].waiting === 1);
  same(json('webhook', 'enable', x.endpoint_id), { endpoint_id: x.endpoint_id, enabled: true }, 'answer');
  const [, d] = await arrived('/gone2', 2);
  same(JSON.parse(d.body).data.job_id, id, 'job');
  same(audited('lazaret webhook enable'), [[operator, 'update', 'WebhookEndpoint', 'permit', 'enabled']], 'audit');
  same((await ask('slow', 'DELETE', `/v1/webhook-endpoints/${x.endpoint_id}`)).status, 204, 'remove');
});

await test('a receiver that hangs delays nobody else', async () => {
  hook.say['/hang'] = 'hang';
  await endpoint('slow', '/hang');
  for (let i = 0; i < 20; i++) await diagnose('slow'); /* more than may be under way to one endpoint */
  await until('it hangs', () => hook.at('/hang').length >= 4, 15000);
  const waits = [];
  for (let i = 0; i < 20; i++) {
    const before = hook.at('/thin').length;
    const id = await diagnose('bot');
    await until('the job', async () => (await ask('bot', 'GET', `/v1/jobs/${id}`)).json.status === 'COMPLETED');
    const ended = Date.now();
    await arrived('/thin', before + 1, 5000);
    waits.push(Math.max(0, hook.at('/thin')[before].at - ended));
  }
  waits.sort((a, b) => a - b);
  console.log(`# from a job's end to its delivery beside a hanging receiver: median ${waits[10]} ms, longest ${waits[19]} ms`);
  check(waits[19] < 1000, `${waits.join()} ms`);
  same(hook.at('/hang').length, 4, 'under way to the one that hangs');
});

await test('killed between sending and recording, an event is sent at most once more, under its id', async () => {
  hook.say['/hang2'] = 'hang';
  await endpoint('bot', '/hang2');
  const id = await diagnose('bot');
  await arrived('/hang2');
  server.process.kill('SIGKILL');
  await server.ended;
  hook.say['/hang2'] = undefined;
  await server.start(['--webhook-allow', '127.0.0.0/8']);
  const both = await arrived('/hang2', 2, process.env.STORE === 'postgres' ? 45000 : 10000); /* there a claim has to run out: half a minute */
  same(new Set(both.map((d) => d.headers['webhook-id'])).size, 1, 'ids');
  same(both.map((d) => JSON.parse(d.body).data.job_id), [id, id], 'jobs');
  await sleep(1000);
  same(hook.at('/hang2').length, 2, 'deliveries');
});

await test('the verbs work without a server, too, and what they ask for happens at the next start', async () => {
  same((await server.stop()).code, 0, 'exit');
  const event = hook.at('/thin')[0].headers['webhook-id'];
  const count = () => hook.at('/thin').filter((d) => d.headers['webhook-id'] === event).length;
  const before = count();
  check(json('webhook', 'list').length >= 4, 'endpoints');
  same(json('webhook', 'enable', thin.endpoint_id).enabled, true, 'enable');
  check(json('webhook', 'rotate', thin.endpoint_id).webhook_secret.startsWith('whsec_'), 'rotate');
  same(json('webhook', 'redeliver', event).endpoints, 1, 'redeliver');
  await server.start(['--webhook-allow', '127.0.0.0/8']);
  await until('it comes again', () => count() === before + 1);
});
await test('a word of webhook.allow that is no address is told at the start', async () => {
  const r = cli(['serve', '--data', server.dir + '2', '--webhook-allow', '127.0.0.1 10.0.0.0/33']);
  same([r.code === 0, r.stderr.includes("'10.0.0.0/33' is no address and no CIDR: write 10.1.2.3")], [false, true], r.stderr);
});

same((await server.stop()).code, 0, 'exit');
hook.stop();
done();
