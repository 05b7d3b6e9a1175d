#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 180
// accesses.mjs   an answer names the entry of the audit log that speaks of it (Lazaret-Audit), and that very entry is proved to be in the log,
// by a verifier that shares nothing with the program; also of many requests at once, and of no answer that tells nothing.
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, cli, done, same, tempFolder, test, until } from './lib.mjs';
import * as tlog from './tlog.mjs';

const box = tempFolder();
const server = new Server();
await server.start(['--cors-origins', 'https://app.example', '--webhook-allow', '127.0.0.1']);
for (const name of ['bot', 'other']) server.addClient(name);
const run = (...words) => {
  const r = cli([...words, '--data', server.dir]);
  check(r.code === 0, `${words.join(' ')}: ${r.stderr}`);
  return r.stdout;
};
const ask = async (method, target, { as = 'bot', body, headers = {} } = {}) => server.request({ method, path: target, body,
  headers: { ...(as ? { Authorization: `Bearer ${server.clients[as].api_key}` } : {}), ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers } });
const order = (words = 'news2', more = '') => `{"client_id":"bot","target_diagnosis":"news2"${more},"fhir_bundle":${bundle(words)}}`;
const origin = 'lazaret.local/audit';
const vkey = run('audit', 'key').trim();

// The entries of an export: 'E', a length of two bytes, the entry (src/audit/verify.h).
function exported() {
  const file = path.join(box, 'export');
  fs.rmSync(file, { force: true });
  run('audit', 'export', file);
  const bytes = fs.readFileSync(file);
  const list = [];
  for (let at = bytes.indexOf(10) + 1; at < bytes.length;) {
    const n = bytes.readUInt16BE(at + 1);
    if (bytes[at] === 69) list.push(bytes.subarray(at + 3, at + 3 + n));
    at += 3 + n;
  }
  return list;
}
// What answers were got: each is held against the log at the end.
const told = [];
const index = (r) => (r.headers['lazaret-audit'] === undefined ? -1 : Number(r.headers['lazaret-audit']));
async function tells(what, act, r, status) {
  same(r.status, status, `${what}: ${r.text.slice(0, 300)}`);
  check(/^(0|[1-9][0-9]*)$/.test(r.headers['lazaret-audit'] ?? ''), `${what}: Lazaret-Audit is ${r.headers['lazaret-audit']}`);
  told.push({ what, act, index: index(r), request: r.headers['x-request-id'] });
  return r.text && r.headers['content-type']?.includes('json') && !r.headers['content-type'].includes('ndjson') ? JSON.parse(r.text) : r.text;
}

await test('whatever tells of a job or changes one names its entry', async () => {
  const key = { 'Idempotency-Key': 'once' }, body = order('news2'); // its times are those of now
  const job = (await tells('a job', 'create', await ask('POST', '/v1/diagnose', { body, headers: key }), 202)).job_id;
  await tells('the same again', 'create', await ask('POST', '/v1/diagnose', { body, headers: key }), 202);
  await tells('missing data', 'create', await ask('POST', '/v1/diagnose', { body: order('news2 -temp') }), 409);
  await until('it has ended', async () => JSON.parse((await ask('GET', `/v1/jobs/${job}`)).text).status === 'COMPLETED');
  await tells('a result', 'read', await ask('GET', `/v1/jobs/${job}`), 200);
  await tells('its head', 'read', await ask('HEAD', `/v1/jobs/${job}`), 200);
  await tells('its events', 'read', await ask('GET', `/v1/jobs/${job}/events`), 200);
  await tells('a replay', 'create', await ask('POST', `/v1/jobs/${job}/replay`), 202);
  await tells("another's job", 'read', await ask('GET', `/v1/jobs/${job}`, { as: 'other' }), 404);
  await tells('an end that was before', 'delete', await ask('DELETE', `/v1/jobs/${job}`), 409).catch((e) => check(/Lazaret-Audit/.test(e.message), e.message));
  const receipt = await tells('an erasure', 'delete', await ask('POST', `/v1/jobs/${job}/erase`), 200);
  same(receipt.audit.index, told.at(-1).index, 'the receipt names the same entry');
  await tells('an id of ours', 'create', await ask('PUT', '/v1/jobs/0af76519-16cd-43dd-8448-eb211c80319c', { body: order('news2', ',"expires_at":"2099-01-01T00:00:00Z"') }), 202);
});
await test('whatever changes where a client is told', async () => {
  const { endpoint_id: id } = await tells('an endpoint', 'create', await ask('POST', '/v1/webhook-endpoints', { body: '{"url":"http://127.0.0.1:1/x"}' }), 201);
  await tells('a new secret', 'update', await ask('POST', `/v1/webhook-endpoints/${id}/rotate`), 200);
  await tells('sent to again', 'update', await ask('POST', `/v1/webhook-endpoints/${id}/enable`), 204);
  await tells('removed', 'delete', await ask('DELETE', `/v1/webhook-endpoints/${id}`), 204);
});
await test('many at once, each its own', async () => {
  const many = await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 3 ? ask('POST', '/v1/diagnose', { body: order('news2') })
    : ask('GET', `/v1/jobs/0af76519-16cd-43dd-8448-${String(i).padStart(12, '0')}`))));
  for (const [i, r] of many.entries()) await tells(`request ${i}`, i % 3 ? 'create' : 'read', r, i % 3 ? 202 : 404);
  same(new Set(told.map((x) => x.index)).size, told.length, 'entries that are named');
});
await test('what tells nothing names none, and strangers are not told how much is going on', async () => {
  for (const [r, status] of [[await ask('GET', '/health'), 200], [await ask('GET', '/v1/models'), 200], [await ask('GET', '/v1/jobs/x'), 422], [await ask('GET', '/nowhere'), 404],
    [await ask('GET', '/v1/jobs', { as: null }), 401]])
    same([r.status, index(r)], [status, -1], r.text.slice(0, 200));
});
await test('a page of another origin may read it', async () => {
  const r = await ask('GET', '/v1/models', { headers: { Origin: 'https://app.example' } });
  check(r.headers['access-control-expose-headers'].split(', ').includes('Lazaret-Audit'), r.headers['access-control-expose-headers']);
});
await test('that very entry is in the log: it is of the same request, and a stranger to the program verifies its proof', () => {
  const entries = exported();
  const rows = new Map(server.audit().map((x) => [x.idx, x]));
  check(told.length > 70, `only ${told.length} answers`);
  for (const x of told) {
    const row = rows.get(x.index);
    same([row?.req, row?.act], [x.request, x.act], `${x.what}: entry ${x.index}`);
    tlog.leafHash(entries[x.index]);
  }
  for (const x of [...told.slice(0, 15), told.at(-1)])
    same(tlog.verifyProof(run('audit', 'prove', String(x.index)), entries[x.index], origin, vkey).index, x.index, x.what);
});
same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
done();
