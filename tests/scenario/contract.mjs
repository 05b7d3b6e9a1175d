#!/usr/bin/env node
// timeout: 120
// contract.mjs   /openapi.json describes what the server does: every route, no others, no dangling reference; real answers
// have the form it promises; promtool accepts /metrics.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, described, done, same, skip, test, top, until } from './lib.mjs';
import { faults, follow } from './schema.mjs';

const routes = [...fs.readFileSync(path.join(top, 'src/api/routes.def'), 'utf8')
  .matchAll(/^ROUTE\((\w+),\s*"([^"]+)",\s*\w+,\s*\w+,\s*\w+,\s*(-?\d+),\s*"(\w*)",\s*(\d+),\s*"(\w*)"/gm)]
  .map(([, method, at, kib, request, status, answer]) => ({ method: method.toLowerCase(), path: at.replace(/[:*](\w+)/g, '{$1}'), kib: Number(kib), request, status, answer }));

const server = new Server();
await server.start();
const bot = server.addClient('bot');
const auth = { Authorization: `Bearer ${bot.api_key}`, 'Content-Type': 'application/json' };
const get = (at, headers = auth) => server.request({ path: at, headers });
const post = (body) => server.request({ method: 'POST', path: '/v1/diagnose', headers: auth, body });
const ask = (words, target = 'news2') => post(`{"client_id":"bot","target_diagnosis":"${target}","fhir_bundle":${bundle(words)}}`);
const description = (await get('/openapi.json')).text;
const api = described(description);

function* references(v) {
  if (!v || typeof v !== 'object') return;
  if (typeof v.$ref === 'string') yield v.$ref;
  for (const x of Object.values(v)) yield* references(x);
}

function keeps(r, at, method, status) {
  same(r.status, status, `status: ${r.text.slice(0, 500)}`);
  const answer = api.paths[at][method].responses[status];
  check(answer, `${method} ${at} is not said to answer ${status}`);
  same(r.headers['content-type'], Object.keys(answer.content)[0], 'content type');
  same([...faults(api, JSON.parse(r.text), answer.content['application/json'].schema)], [], 'faults');
}

await test('it is OpenAPI 3.1, with a title, a version and how to sign in', () => {
  check(api.openapi === '3.1.0' && api.info.title && api.info.version && api.components.securitySchemes.apiKey.scheme === 'bearer', 'head');
});
await test('both of its addresses answer the same', async () => same((await get('/v1/openapi.json')).text, description, '/v1/openapi.json'));
await test('every route is in it, and nothing else', () => {
  check(routes.length >= 7, 'routes.def was not read');
  same(Object.entries(api.paths).flatMap(([p, o]) => Object.keys(o).map((m) => `${m} ${p}`)).sort(), routes.map((r) => `${r.method} ${r.path}`).sort(), 'routes');
});
await test('every route has a summary, its answers, its parameters and its body', () => {
  for (const r of routes) {
    const o = api.paths[r.path][r.method];
    check(o.summary && o.responses[r.status], `${r.path}: no summary or no ${r.status}`);
    same((o.parameters ?? []).filter((p) => p.in === 'path').map((p) => p.name), [...r.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]), `${r.path}: parameters`);
    same(Boolean(o.requestBody), r.kib !== 0, `${r.path}: body`);
    if (r.request) same(o.requestBody.content[Object.keys(o.requestBody.content)[0]].schema.$ref, `#/components/schemas/${r.request}`, `${r.path}: request`);
    if (r.answer) same(Object.values(o.responses[r.status].content)[0].schema.$ref, `#/components/schemas/${r.answer}`, `${r.path}: answer`);
  }
});
await test('every reference leads somewhere, and every schema is referred to', () => {
  const refs = [...references(api)];
  check(refs.length > 5, 'no references');
  for (const ref of refs) check(ref.startsWith('#/') && follow(api, ref), `${ref} leads nowhere`);
  for (const name of Object.keys(api.components.schemas)) check(refs.includes(`#/components/schemas/${name}`), `nothing refers to ${name}`);
});
await test('routes open to all say so, others ask for a key, and so they do', async () => {
  for (const r of routes) {
    const open = JSON.stringify(api.paths[r.path][r.method].security) === '[]';
    const answer = await server.request({ method: r.method.toUpperCase(), path: r.path.replace(/\{\w+\}/g, '01890000-0000-7000-8000-000000000000') });
    const said = Boolean(api.paths[r.path][r.method].responses[401]);
    check(open ? answer.status !== 401 || said : answer.status === 401, `${r.method} ${r.path}: ${answer.status}`);
    check(open || said, `${r.method} ${r.path}: said`); /* who signs in somewhere open may be told 401 there, if it is said */
  }
});
await test('health and readiness answer as promised', async () => {
  keeps(await get('/health'), '/health', 'get', 200);
  keeps(await get('/readyz'), '/readyz', 'get', 200);
});
let job;
await test('202 is as promised', async () => {
  const r = await ask('news2');
  keeps(r, '/v1/diagnose', 'post', 202);
  job = JSON.parse(r.text).job_id;
});
await test('a job is as promised, waiting, running and completed', async () => {
  await until('the end of the job', async () => {
    const r = await get(`/v1/jobs/${job}`);
    keeps(r, '/v1/jobs/{job_id}', 'get', 200);
    return JSON.parse(r.text).status === 'COMPLETED';
  });
});
await test('every refusal is as promised', async () => {
  const at = '/v1/diagnose';
  keeps(await ask('news2 -temp'), at, 'post', 409);
  keeps(await ask('news2 temp(status=banana)'), at, 'post', 400);
  keeps(await ask('news2', 'gout'), at, 'post', 400);
  keeps(await post('{'), at, 'post', 422);
  keeps(await post('{"client_id":"x","target_diagnosis":"x","fhir_bundle":{}}'), at, 'post', 403);
  keeps(await server.request({ method: 'POST', path: at, body: '{}' }), at, 'post', 401);
  keeps(await server.request({ method: 'POST', path: at, body: '{}', headers: { ...auth, 'Content-Type': 'text/plain' } }), at, 'post', 415);
  keeps(await get('/v1/jobs/01890000-0000-7000-8000-000000000000'), '/v1/jobs/{job_id}', 'get', 404);
  keeps(await get('/v1/jobs/7'), '/v1/jobs/{job_id}', 'get', 422);
});
const metrics = (await get('/metrics')).text;
await test('the metrics count what happened', () => {
  const value = (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
  check(value('lazaret_jobs_accepted_total') === 1 && value('lazaret_jobs_completed_total') === 1, 'jobs');
  check(value('lazaret_negotiations_total') === 1 && value('lazaret_jobs_queued') === 0, 'negotiations, queue');
  check(value('lazaret_http_requests_total') > 10 && value('lazaret_http_client_errors_total') > 5 && value('lazaret_http_server_errors_total') === 0, 'requests');
  check(value('lazaret_audit_entries_total') >= 5 && value('lazaret_store_commits_total') >= 5, 'audit, commits');
  check(value('lazaret_sandbox_run_duration_seconds_count') === 1 && value('lazaret_job_duration_seconds_count') === 1, 'histograms');
  check(value('lazaret_http_request_duration_seconds_count') > 10, 'request durations');
});
const tool = spawnSync('promtool', ['check', 'metrics'], { input: metrics, encoding: 'utf8' });
if (tool.error) skip('promtool accepts the metrics', 'promtool is not installed');
else await test('promtool accepts the metrics', () => check(tool.status === 0, tool.stdout + tool.stderr));
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
