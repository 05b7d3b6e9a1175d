#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// continue.mjs   a negotiation goes on: after a 409 the client sends only what was missing, as a part of a Bundle or as the answers to the
// Questionnaire, with the negotiation's id; it is judged as if all had been sent at once. What is kept is sealed, bounded, and forgotten.
import { bundle } from './casefile.mjs';
import { Server, check, done, same, test, until } from './lib.mjs';

const server = new Server();
await server.start();
for (const name of ['bot', 'other']) server.addClient(name);
const post = async (body, name = 'bot', at = '/v1/diagnose', s = server, headers = {}) => {
  const r = await s.request({ method: 'POST', path: at, body: JSON.stringify({ client_id: name, ...body }),
    headers: { Authorization: `Bearer ${s.clients[name].api_key}`, 'Content-Type': 'application/json', ...headers } });
  return { ...JSON.parse(r.text), status: r.status, text: r.text };
};
const part = (words) => JSON.parse(bundle(words));
const first = async (words, target, s = server) => {
  const r = await post({ target_diagnosis: target, fhir_bundle: part(words) }, 'bot', '/v1/diagnose', s);
  same(r.status, 409, r.text);
  return r.detail;
};
const result = (job) => until('the result', async () => {
  const r = JSON.parse((await server.request({ path: `/v1/jobs/${job}`, headers: { Authorization: `Bearer ${server.clients.bot.api_key}` } })).text);
  return r.status === 'COMPLETED' && r.result;
});
const missing = (d) => d.missing_data.filter((m) => m.mandatory).map((m) => `${m.input} ${m.reason}`);

await test('the missing part of the Bundle, with the id of the negotiation, is judged with what was there', async () => {
  const d = await first('news2 -temp -acvpu', 'news2');
  check(/^ng_/.test(d.negotiation_id) && Date.parse(d.expires_at) > Date.now() + 3500000, JSON.stringify(d).slice(0, 300));
  const less = await post({ target_diagnosis: 'news2', negotiation_id: d.negotiation_id, fhir_bundle: part('temp') });
  same([less.status, missing(less.detail)], [409, ['acvpu absent']], less.text.slice(0, 500));
  check(less.detail.negotiation_id !== d.negotiation_id, 'a negotiation of its own');
  const enough = await post({ negotiation_id: less.detail.negotiation_id, fhir_bundle: part('acvpu') });
  same(enough.status, 202, enough.text);
  same((await result(enough.job_id)).score, 0, 'NEWS2 of all of it');
  const again = await post({ negotiation_id: less.detail.negotiation_id, fhir_bundle: part('acvpu') });
  same([again.status, again.detail[0].loc], [422, ['body', 'negotiation_id']], 'it came to its end');
});

await test('the id and what to add are enough: whose it is and the target are known', async () => {
  const bare = async (body, name = 'bot') => post({ client_id: undefined, ...body }, name);
  const d = await first('patient', 'ckd'), id = d.negotiation_id;
  const refused = async (body, field, name) => {
    const r = await bare(body, name);
    same([r.status, r.detail?.[0]?.loc], [422, ['body', field]], r.text);
  };
  await refused({ negotiation_id: id, add: part('scr'), fhir_bundle: part('scr') }, 'add');
  for (const none of [{ resourceType: 'Observation' }, [], 'x', null, {}]) await refused({ negotiation_id: id, add: none }, 'add');
  await refused({ negotiation_id: id, add: { ...part('scr'), id: 'x'.repeat(1 << 20) } }, 'add');
  await refused({ negotiation_id: id, add: part('scr') }, 'negotiation_id', 'other');
  same((await post({ negotiation_id: id, client_id: 'other', add: part('scr') })).status, 403, 'a client_id is judged where there is one');
  const wrong = await bare({ client_id: 7, negotiation_id: id, add: part('scr') });
  same([wrong.status, wrong.detail[0].loc], [422, ['body', 'client_id']], wrong.text);
  const alone = await bare({ target_diagnosis: 'ckd', add: part('ckd') });
  same([alone.status, alone.detail.map((i) => i.loc[1]).sort()], [422, ['add', 'client_id', 'fhir_bundle']], 'without an id');
  const less = await bare({ negotiation_id: id, add: part('temp') });
  same([less.status, missing(less.detail)], [409, ['scr absent']], less.text);
  const r = await bare({ negotiation_id: less.detail.negotiation_id, add: part('scr') });
  same(r.status, 202, r.text);
  same((await result(r.job_id)).stage, 'G2', 'the stage');
});

await test('the answers to the Questionnaire of the 409 are enough alone', async () => {
  const d = await first('patient', 'ckd');
  const q = d.questionnaire;
  same(q.item.map((i) => i.linkId), ['scr'], 'what is asked');
  const answers = { resourceType: 'QuestionnaireResponse', status: 'completed', questionnaire: `${q.url}|${q.version}`, authored: new Date().toISOString(),
    subject: { reference: 'Patient/p1' }, item: [{ linkId: 'scr', answer: [{ valueQuantity: { value: 0.9, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' } }] }] };
  const r = await post({ negotiation_id: d.negotiation_id, fhir_bundle: answers });
  same(r.status, 202, r.text);
  same((await result(r.job_id)).stage, 'G2', 'the stage');
});

await test('conditions are answered with yes and no', async () => {
  const d = await first('patient(birth=1944-04-17) atrial', 'stroke-risk');
  const q = d.questionnaire;
  const r = await post({ negotiation_id: d.negotiation_id, fhir_bundle: { resourceType: 'QuestionnaireResponse', status: 'completed', questionnaire: `${q.url}|${q.version}`,
    authored: new Date().toISOString(), subject: { reference: 'Patient/p1' }, item: q.item.map((i) => ({ linkId: i.linkId, answer: [{ valueBoolean: i.linkId === 'stroke' }] })) } });
  same(r.status, 202, r.text);
  same((await result(r.job_id)).score, 5, 'age 2, sex 1, stroke 2');
});

await test('sent again with the same Idempotency-Key, a request that ended its negotiation is answered with the same job', async () => {
  const d = await first('patient', 'ckd');
  const body = { negotiation_id: d.negotiation_id, fhir_bundle: part('scr') }, headers = { 'Idempotency-Key': 'visit-7' };
  const [one, two] = [await post(body, 'bot', '/v1/diagnose', server, headers), await post(body, 'bot', '/v1/diagnose', server, headers)];
  same([one.status, two.status, two.job_id], [202, 202, one.job_id], two.text);
});

await test('of requests that come at once with one negotiation, one makes a job', async () => {
  for (let i = 0; i < 10; i++) {
    const d = await first('patient', 'ckd');
    const body = { negotiation_id: d.negotiation_id, fhir_bundle: part('scr') };
    const all = await Promise.all(Array.from({ length: 4 }, () => post(body)));
    same(all.map((r) => r.status).sort(), [202, 422, 422, 422], all.map((r) => r.text).join('\n'));
    check(all.every((r) => r.status === 202 || r.detail[0].loc[1] === 'negotiation_id'), 'what is refused');
  }
});

await test('what comes again takes the place of what there was', async () => {
  const d = await first('patient scr(unit=K/uL)', 'ckd');
  same(missing(d), ['scr unit-not-convertible'], 'a unit');
  const r = await post({ negotiation_id: d.negotiation_id, fhir_bundle: part('scr(value=0.9)') });
  same(r.status, 202, r.text);
});

await test('what does not go on is told: an id that is none, another\'s, another target, no part, too much', async () => {
  const d = await first('patient', 'ckd'), fhir_bundle = part('scr'), negotiation_id = d.negotiation_id;
  const wrong = async (body, field, name = 'bot') => {
    const r = await post(body, name);
    same([r.status, r.detail?.[0]?.loc], [422, ['body', field]], r.text);
  };
  for (const none of ['ng_7', 'x', 7, 'ng_01890000-0000-7000-8000-000000000000']) await wrong({ negotiation_id: none, fhir_bundle }, 'negotiation_id');
  await wrong({ negotiation_id, fhir_bundle }, 'negotiation_id', 'other');
  await wrong({ negotiation_id, target_diagnosis: 'sepsis', fhir_bundle }, 'target_diagnosis');
  await wrong({ negotiation_id }, 'fhir_bundle');
  await wrong({ negotiation_id, fhir_bundle: part('scr').entry[0].resource }, 'fhir_bundle');
  await wrong({ negotiation_id, fhir_bundle: { ...fhir_bundle, id: 'x'.repeat(1 << 20) } }, 'fhir_bundle');
  const bad = await post({ negotiation_id, fhir_bundle: { ...fhir_bundle, entry: [{ resource: { ...fhir_bundle.entry[0].resource, status: 'banana' } }] } });
  same(bad.status, 400, bad.text);
  same((await post({ negotiation_id, fhir_bundle })).status, 202, 'and still it goes on');
});

await test('a part of very many resources is not compared with each that is kept', async () => {
  const whole = part('patient');
  whole.entry.push(...Array.from({ length: 3000 }, (_, i) => ({ resource: { resourceType: 'Basic', id: `b${i}`, code: { text: 'x' } } })));
  const d = (await post({ target_diagnosis: 'ckd', fhir_bundle: whole })).detail;
  check(d.expires_at, JSON.stringify(d).slice(0, 300));
  const begun = Date.now();
  const r = await post({ negotiation_id: d.negotiation_id, fhir_bundle: { resourceType: 'Bundle', type: 'collection', entry: Array(300000).fill({}) } });
  same(r.status, 400, r.text.slice(0, 300));
  check(Date.now() - begun < 30000, `${Date.now() - begun} ms`);
});

await test('the dry run keeps nothing, and takes no id', async () => {
  const r = await post({ target_diagnosis: 'ckd', fhir_bundle: part('patient') }, 'bot', '/v1/negotiate');
  same([r.status, r.negotiation_id, r.expires_at], [200, undefined, undefined], r.text.slice(0, 200));
  same((await post({ target_diagnosis: 'ckd', negotiation_id: 'ng_x', fhir_bundle: part('scr') }, 'bot', '/v1/negotiate')).status, 422, 'an id');
});

await test("a job that the client names goes on, too; FHIR's $diagnose keeps nothing", async () => {
  const put = (body) => server.request({ method: 'PUT', path: '/v1/jobs/0f6d3b52-8c1e-4d97-a4b0-5e2c7f91d386', body: JSON.stringify({ client_id: 'bot', ...body }),
    headers: { Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/json' } });
  const d = JSON.parse((await put({ target_diagnosis: 'ckd', fhir_bundle: part('patient') })).text).detail;
  check(Date.parse(d.expires_at) > Date.now(), JSON.stringify(d).slice(0, 300));
  same((await put({ negotiation_id: d.negotiation_id, fhir_bundle: part('scr') })).status, 202, 'it goes on');
  const r = await server.request({ method: 'POST', path: '/fhir/R4/$diagnose', headers: { Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'target', valueCode: 'ckd' }, { name: 'data', resource: part('patient') }] }) });
  const id = JSON.parse(r.text).identifier[0].value;
  same([r.status, /^ng_/.test(id)], [200, true], r.text);
  same((await post({ negotiation_id: id, fhir_bundle: part('scr') })).status, 422, 'only a name');
});

await test('what is kept is sealed, and a client has so many: the next take the places of old ones', async () => {
  const d = await first('patient', 'ckd');
  same(server.findPlain(['Zephyrine-Canary', 'MRN-canary-884211']), [], 'in the clear');
  for (let i = 0; i < 64; i++) await first('patient', 'ckd');
  same((await post({ negotiation_id: d.negotiation_id, fhir_bundle: part('scr') })).status, 422, 'the oldest is gone');
  const r = await post({ target_diagnosis: 'ckd', fhir_bundle: { ...part('patient'), meta: { tag: Array.from({ length: 3000 }, () => ({ system: 'urn:x', code: 'x'.repeat(100) })) } } });
  same([r.status, r.detail.expires_at], [409, undefined], 'a large one is not kept');
  same((await post({ negotiation_id: r.detail.negotiation_id, fhir_bundle: part('scr') })).status, 422, 'so it does not go on');
});

await test('what one client has kept does not go because another asks much', async () => {
  const d = await first('patient', 'ckd');
  for (let i = 0; i < 63; i++) same((await post({ target_diagnosis: 'ckd', fhir_bundle: part('patient') }, 'other')).status, 409, 'another client');
  await first('patient', 'ckd');
  same((await post({ negotiation_id: d.negotiation_id, fhir_bundle: part('scr') })).status, 202, 'it goes on');
});

await test('where nothing is to be kept, nothing is', async () => {
  const other = new Server();
  await other.start(['--negotiation-keep-minutes', '0']);
  other.addClient('bot');
  const d = await first('patient', 'ckd', other);
  same([/^ng_/.test(d.negotiation_id), d.expires_at], [true, undefined], 'only a name');
  same((await post({ negotiation_id: d.negotiation_id, fhir_bundle: part('scr') }, 'bot', '/v1/diagnose', other)).status, 422, 'it does not go on');
  await other.stop();
});

await server.stop();
done();
