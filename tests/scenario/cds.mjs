#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// cds.mjs   CDS Hooks 2.0, asked by the client of @medplum/core: it discovers the services, makes their searches at a FHIR server of the test,
// calls them and gets cards. Every answer is held against the client's own types by the TypeScript compiler, every OperationOutcome against
// our validator of FHIR. What each answer must say was typed by hand.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle } from './casefile.mjs';
import { Ehr } from './ehr.mjs';
import { Server, answersFolder, check, cli, cliJson, contains, done, same, tempFolder, test, top, until } from './lib.mjs';

globalThis.WebSocket ??= class {}; // its client wants one by name; node has it from 22 on
const require = createRequire(new URL('../clients/package.json', import.meta.url));
const { MedplumClient, buildCdsRequest } = await import(pathToFileURL(require.resolve('@medplum/core').replace('/cjs/index.cjs', '/esm/index.mjs')).href);

const records = (words) => JSON.parse(bundle(words)).entry.map((e) => e.resource);
const doctor = { resourceType: 'Practitioner', id: 'd1' };
const server = new Server();
await server.start();
for (const name of ['bot', 'other']) server.addClient(name);
const here = () => `http://127.0.0.1:${server.port}`;

// What came, for the compiler: [the client's type, the answer].
const answers = [];
const keep = (type, v) => { answers.push([type, v]); return v; };

async function clientOf(words, name = 'bot') {
  const ehr = await new Ehr(records(words)).start();
  const medplum = new MedplumClient({ baseUrl: ehr.url, cdsServicesUrl: `${here()}/cds-services`, cacheTime: 0,
    defaultHeaders: { Authorization: `Bearer ${server.clients[name].api_key}` } });
  const services = keep('CdsDiscoveryResponse', await medplum.getCdsServices()).services;
  const service = (id) => services.find((s) => s.id === id);
  const request = (id) => buildCdsRequest(medplum, doctor, service(id), { userId: 'Practitioner/d1', patientId: 'p1' });
  return { ehr, medplum, services, service, request };
}
const call = async (c, id, change = (r) => r) => {
  const r = change(await c.request(id));
  return keep('CdsResponse', await c.medplum.callCdsService(id, r));
};
// The refusal's OperationOutcome, valid by our own validator.
async function refused(c, id, change = (r) => r) {
  const r = change(await c.request(id));
  try {
    await c.medplum.callCdsService(id, r);
  } catch (e) {
    check(e.outcome, `not refused with an outcome: ${e.stack}`);
    return e.outcome;
  }
  throw new Error('it was answered');
}
const post = (target, body, headers = {}) => server.request({ method: 'POST', path: target, body: JSON.stringify(body),
  headers: { Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/json', ...headers } });
const box = tempFolder(), kept = answersFolder('cds');
function valid(resource) {
  const file = path.join(kept, `${randomUUID()}.json`);
  fs.writeFileSync(file, JSON.stringify(resource));
  const r = cli(['fhir', 'validate', file, '--json']);
  same(r.code, 0, `fhir validate: ${r.stdout}\n${JSON.stringify(resource).slice(0, 1500)}`);
}
async function unsent(id, body) {
  const r = await post(`/cds-services/${id}`, body);
  same([r.status, r.headers['content-type']], [412, 'application/fhir+json'], r.text);
  const o = JSON.parse(r.text);
  valid(o);
  return o;
}
const reasons = (o) => o.issue.filter((i) => i.severity === 'error').map((i) => `${/'([^']+)'/.exec(i.diagnostics)?.[1]} ${i.details.coding[0].code}`);
const ask = (more = {}, context = {}) => ({ hook: 'patient-view', hookInstance: randomUUID(), context: { userId: 'Practitioner/d1', patientId: 'p1', ...context }, ...more });
const one = (words) => records(words)[0];
const found = (words) => ({ resourceType: 'Bundle', type: 'searchset', ...(words ? { entry: records(words).map((resource) => ({ resource })) } : {}) });
const patient = () => one('patient');

const ckd = await clientOf('patient scr');

await test('discovery: a service for each model in use, with searches for what it needs', async () => {
  same(ckd.services.map((s) => s.id).sort(), ['cha2ds2-vasc', 'ckd-epi-2021', 'news2', 'qsofa', 'sirs'], 'ids');
  same(new Set(ckd.services.map((s) => s.hook)).size, 1, 'hooks');
  same(ckd.service('ckd-epi-2021'), {
    hook: 'patient-view', id: 'ckd-epi-2021', title: 'eGFR from creatinine, CKD-EPI 2021 (sample, not for clinical use)',
    description: 'Shows how a formula is served by Lazaret. Adults of 18 years and more in steady state. Sample, not for clinical use.',
    prefetch: { patient: 'Patient/{{context.patientId}}',
      scr: 'Observation?patient={{context.patientId}}&code=http://loinc.org|2160-0,http://loinc.org|14682-9,http://loinc.org|38483-4&_sort=-date&_count=5' },
    usageRequirements: 'Age from 18 years. Sex female or male. Creatinine in serum, plasma or blood of the last 90 days.' }, 'the service');
  same(ckd.service('qsofa').prefetch.sbp,
    'Observation?patient={{context.patientId}}&code=http://loinc.org|8480-6,http://loinc.org|85354-9&_sort=-date&_count=5', 'a part of a panel');
  contains(ckd.service('qsofa').usageRequirements, 'Glasgow coma score or Level of consciousness (ACVPU).');
  const vasc = ckd.service('cha2ds2-vasc').prefetch;
  same(Object.keys(vasc).sort(), ['atrial-fibrillation', 'diabetes', 'heart-failure', 'hypertension', 'patient', 'stroke', 'vascular'], 'keys');
  check(/^Condition\?patient=\{\{context\.patientId\}\}&code:below=http:\/\/snomed\.info\/sct\|84114007,/.test(vasc['heart-failure']), vasc['heart-failure']);
});

await test('a card says the result, what it comes from, and that it is not for clinical use', async () => {
  const { cards } = await call(ckd, 'ckd-epi-2021');
  same(cards.length, 1, 'cards');
  const [card] = cards;
  check(/^eGFR from creatinine, CKD-EPI 2021 \(sample, not for clinical use\): egfr [0-9.]+, reported 70, stage G2$/.test(card.summary), card.summary);
  check(card.summary.length < 140, 'a summary is short');
  same([card.indicator, card.source.label, card.source.topic.code], ['info', 'ckd-epi-2021 1.0.0', 'egfr'], 'whose it is');
  for (const part of ['| stage | G2 |', 'not for clinical use', 'Computed from:', '- Creatinine in serum, plasma or blood, ', `job \`${card.uuid}\``]) contains(card.detail, part, 'detail');
  check(card.overrideReasons.every((r) => r.code && r.display), 'reasons say what they are');
  const job = await server.request({ path: `/v1/jobs/${card.uuid}`, headers: { Authorization: `Bearer ${server.clients.bot.api_key}` } });
  same([job.status, JSON.parse(job.text).result.stage], [200, 'G2'], 'the job');
  same((await server.request({ path: `/v1/jobs/${card.uuid}`, headers: { Authorization: `Bearer ${server.clients.other.api_key}` } })).status, 404, "another's");
});

await test('the same request with the same hookInstance is the same job; another body is another one', async () => {
  const body = ask({ prefetch: { patient: patient(), scr: found('scr') } });
  const [first, again] = [await post('/cds-services/ckd-epi-2021', body), await post('/cds-services/ckd-epi-2021', body)];
  same([first.status, again.text], [200, first.text], 'again');
  const other = await post('/cds-services/ckd-epi-2021', { ...body, prefetch: { patient: patient(), scr: found('scr(value=1.2)') } });
  check(JSON.parse(other.text).cards[0].uuid !== JSON.parse(first.text).cards[0].uuid, 'another job');
});

await test('what was not asked for, not found, not fetched or does not count is told apart, and how to ask for it', async () => {
  const tell = async (scr) => (await unsent('ckd-epi-2021', ask({ prefetch: { patient: patient(), ...(scr === undefined ? {} : { scr }) } }))).issue[0];
  contains((await tell()).diagnostics, "prefetch key 'scr' was not sent: the service asks for Observation?patient={{context.patientId}}&code=");
  contains((await tell(null)).diagnostics, "prefetch key 'scr' came as null or empty: nothing was found by");
  contains((await tell(found())).diagnostics, 'came as null or empty');
  contains((await tell({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'timeout' }] })).diagnostics, 'came as an OperationOutcome');
  const old = await tell(found('scr(time=NOW-100D)'));
  same([old.details.coding[0], old.expression], [{ system: 'urn:lazaret:fhir:CodeSystem:negotiation-reason', code: 'stale' }, ['prefetch.scr.entry[0].resource']], 'stale');
  contains(old.details.text, 'is not of the last 90 days');
  contains(old.diagnostics, "prefetch key 'scr' was sent, and nothing in it counts");
  const bad = await tell(one('scr(unit=K/uL)'));
  same([bad.details.coding[0].code, bad.expression], ['unit-not-convertible', ['prefetch.scr']], 'a unit');
  const o = await unsent('ckd-epi-2021', ask());
  same(reasons(o), ['patient absent', 'scr absent', 'patient absent'], 'nothing at all');
  same([o.contained[0].resourceType, o.contained[0].item.map((i) => i.linkId), o.extension[0].valueReference.reference],
    ['Questionnaire', ['age', 'scr', 'sex'], '#ask'], 'the questions');
});

await test('the client sees the outcome of a service that lacks something, of what its own FHIR server has', async () => {
  const c = await clientOf('patient scr(time=NOW-100D)');
  const o = await refused(c, 'ckd-epi-2021');
  valid(o);
  same(reasons(o), ['scr stale'], 'reasons');
  check(c.ehr.asked.includes('Patient/p1') && c.ehr.asked.some((q) => decodeURIComponent(q).startsWith('Observation?patient=p1&code=http://loinc.org|2160-0')), c.ehr.asked.join('\n'));
  c.ehr.stop();
});

await test('components of panels are found by the search for the panel', async () => {
  const c = await clientOf('patient rr(value=24) bp-panel(value=90) gcs(value=14)');
  const [card] = (await call(c, 'qsofa')).cards;
  contains(card.summary, 'score 3, positive yes');
  for (const row of ['| points\\.mentation | 1 |', '| points\\.sbp | 1 |']) contains(card.detail, row);
  c.ehr.stop();
});

await test('finding nothing by the search for a condition asserts its absence; not asking, or not being answered, does not', async () => {
  const c = await clientOf('patient(birth=1944-04-17) atrial stroke pressure(system=http://hl7.org/fhir/sid/icd-10,code=I11.9)');
  const [card] = (await call(c, 'cha2ds2-vasc')).cards;
  contains(card.summary, 'score 6', 'age 2, sex 1, stroke 2, pressure 1');
  contains(card.detail, '| points\\.hypertension | 1 |', 'a code below that which is asked for');
  same(reasons(await refused(c, 'cha2ds2-vasc', (r) => { delete r.prefetch.diabetes; return r; })), ['diabetes not-asserted'], 'not asked');
  const [with_null] = (await call(c, 'cha2ds2-vasc', (r) => { r.prefetch.diabetes = null; return r; })).cards;
  contains(with_null.summary, 'score 6');
  const [there] = (await call(c, 'cha2ds2-vasc', (r) => {
    const sugar = { resourceType: 'Condition', subject: { reference: 'Patient/p1' }, code: { coding: [{ system: 'http://snomed.info/sct', code: '73211009' }] } };
    r.prefetch.diabetes = null;
    r.prefetch.stroke.entry.push({ fullUrl: 'http://ehr.example/Condition/sugar', resource: sugar });
    return r;
  })).cards;
  contains(there.summary, 'score 7', 'a null overrules no Condition that is there, whatever statuses it lacks');
  /* a search that holds nothing, and does not say that there is nothing */
  for (const some of [{ total: 3 }, { entry: [{ response: { status: '500' } }] }, { entry: {} }])
    same(reasons(await refused(c, 'cha2ds2-vasc', (r) => { r.prefetch.vascular = { resourceType: 'Bundle', type: 'searchset', ...some }; return r; })),
      ['vascular not-asserted'], JSON.stringify(some));
  const paged = { resourceType: 'Bundle', type: 'searchset', link: [{ relation: 'next', url: 'http://ehr.example/2' }] };
  same(reasons(await refused(c, 'cha2ds2-vasc', (r) => { r.prefetch.vascular = paged; return r; })), ['vascular not-asserted'], 'a page that is not the last');
  same(reasons(await refused(c, 'cha2ds2-vasc', (r) => { r.prefetch['atrial-fibrillation'] = null; return r; })), ['atrial-fibrillation population'],
    'what the model requires is asserted absent');
  const replay = await server.request({ method: 'POST', path: `/v1/jobs/${card.uuid}/replay`, headers: { Authorization: `Bearer ${server.clients.bot.api_key}` } });
  same(replay.status, 202, `what was absent is known when the job runs again: ${replay.text}`);
  c.ehr.broken.add('Condition');
  const o = await refused(c, 'cha2ds2-vasc');
  check(o.issue.filter((i) => i.severity === 'error').every((i) => /came as an OperationOutcome/.test(i.diagnostics)), JSON.stringify(o));
  c.ehr.stop();
});

await test('what is about somebody else does not count, and another Patient is refused', async () => {
  const scr = found('scr(subject=Patient/p2)');
  same(reasons(await unsent('ckd-epi-2021', ask({ prefetch: { patient: patient(), scr } }))), ['scr wrong-subject'], 'an Observation');
  same(reasons(await unsent('qsofa', ask({ prefetch: { rr: found('rr(subject=Patient/p2)'), sbp: found('sbp'), gcs: found('gcs') } }))), ['rr wrong-subject'], 'without the Patient');
  for (const prefetch of [{ patient: { ...patient(), id: 'p2' } }, { patient: patient(), scr: found('patient(ref=p2)') }]) {
    const r = await post('/cds-services/ckd-epi-2021', ask({ prefetch }));
    same(r.status, 422, r.text);
    contains(r.text, 'context.patientId does not name');
    check(!r.text.includes('Zephyrine'), 'nothing of the patient is told');
  }
  const { id, ...anonymous } = patient();
  same((await post('/cds-services/ckd-epi-2021', ask({ prefetch: { patient: anonymous, scr: found('scr') } }))).status, 200, `under the patient's key an id may be left out (${id})`);
});

await test('a resource that several searches found is one', async () => {
  const both = found('patient rr sbp gcs');
  for (const x of both.entry) x.fullUrl = `https://ehr.example/fhir/${x.resource.resourceType}/${x.resource.id}`; /* of which a Bundle may have each once */
  same((await post('/cds-services/qsofa', ask({ prefetch: { patient: patient(), rr: both, sbp: both, gcs: both } }))).status, 200, 'three times the same');
  same((await post('/cds-services/qsofa', ask({ prefetch: { rr: both, sbp: both, gcs: both } }))).status, 200, 'the patient, too');
});

await test('a malformed request is told as an OperationOutcome, by field; JSON if that is asked for', async () => {
  const cases = [[{}, ['hook', 'hookInstance', 'context']], [ask({ hook: 'order-sign' }), ['hook']], [ask({ hookInstance: '7' }), ['hookInstance']],
    [ask({}, { patientId: '../7' }), ['context.patientId']], [ask({ prefetch: [] }), ['prefetch']], [ask({ prefetch: { scr: 7 } }), ['prefetch.scr']],
    [ask({ prefetch: { 'Mario Rossi': {} } }), ['prefetch']], [{ ...ask(), context: { patientId: 'p1' } }, ['context.userId']]];
  for (const [body, paths] of cases) {
    const r = await post('/cds-services/ckd-epi-2021', body);
    same([r.status, r.headers['content-type']], [422, 'application/fhir+json'], JSON.stringify(body));
    valid(JSON.parse(r.text));
    same(JSON.parse(r.text).issue.map((i) => i.expression[0]), paths, r.text);
    check(!r.text.includes('Rossi'), 'a name is not told back');
  }
  const plain = await post('/cds-services/ckd-epi-2021', {}, { Accept: 'application/json' });
  same(JSON.parse(plain.text).detail[0].loc, ['body', 'hook'], plain.text);
  const bad = await post('/cds-services/ckd-epi-2021', ask({ prefetch: { patient: patient(), scr: { ...one('scr'), status: 'banana' } } }));
  same([bad.status, JSON.parse(bad.text).issue[0].expression], [400, ['prefetch.scr.status']], bad.text);
  const none = await post('/cds-services/nothing', ask());
  same([none.status, JSON.parse(none.text).resourceType], [404, 'OperationOutcome'], none.text);
});

await test('who may not is told so: without a key, and for whom it was', async () => {
  const r = await server.request({ path: '/cds-services' });
  same([r.status, JSON.parse(r.text).resourceType], [401, 'OperationOutcome'], r.text);
});

await test('the log says of each call what it was, and holds nothing of the patient', async () => {
  const body = ask({ prefetch: { patient: patient(), scr: found('scr') }, fhirServer: 'http://127.0.0.1:1/fhir', fhirAuthorization: { access_token: 'token-canary-77', token_type: 'Bearer' } });
  const r = await post('/cds-services/ckd-epi-2021', body);
  same(r.status, 200, r.text);
  const rows = server.audit().map((x) => x.entry ?? x).filter((x) => x.req === r.headers['x-request-id']);
  same(rows.map((x) => `${x.act} ${x.out} ${x.obj.type}`), ['create permit Job', 'read permit Job'], 'what was done');
  same(server.findPlain(['Zephyrine', 'token-canary-77', 'narrative-canary']), [], 'in the clear');
  check(!/Zephyrine|token-canary/.test(server.log), 'nor in the log');
});

await test('feedback is kept with the job, sealed, told to its client alone, and goes with it', async () => {
  const card = (await call(ckd, 'ckd-epi-2021')).cards[0].uuid, at = '2026-11-25T14:00:00Z';
  const say = (feedback, id = 'ckd-epi-2021', headers = {}) => post(`/cds-services/${id}/feedback`, { feedback }, headers);
  const read = async () => JSON.parse((await server.request({ path: `/v1/jobs/${card}`, headers: { Authorization: `Bearer ${server.clients.bot.api_key}` } })).text);
  same((await read()).feedback, undefined, 'before');
  const reason = { system: 'urn:lazaret:fhir:CodeSystem:override-reason', code: 'data-wrong', display: 'The data it was computed from are wrong or out of date' };
  const r = await say([{ card, outcome: 'accepted', acceptedSuggestions: [{ id: 'e56e1945-20b3-4393-8503-a1a20fd73152' }], outcomeTimestamp: at },
    { card, outcome: 'overridden', overrideReason: { reason, userComment: 'comment-canary-7f' }, outcomeTimestamp: at }]);
  same([r.status, r.text], [200, '{}'], r.text);
  // the client's own way to post what its type does not know
  await ckd.medplum.post(`${here()}/cds-services/ckd-epi-2021/feedback`, { feedback: [{ card, outcome: 'overridden', outcomeTimestamp: at }] }, 'application/json');
  same((await read()).feedback, [{ outcome: 'accepted', at: '2026-11-25T14:00:00.000000Z', acceptedSuggestions: [{ id: 'e56e1945-20b3-4393-8503-a1a20fd73152' }] },
    { outcome: 'overridden', at: '2026-11-25T14:00:00.000000Z', overrideReason: { reason, userComment: 'comment-canary-7f' } },
    { outcome: 'overridden', at: '2026-11-25T14:00:00.000000Z' }], 'what was said');
  same(server.audit().map((x) => x.entry ?? x).filter((x) => x.req === r.headers['x-request-id']).map((x) => `${x.act} ${x.why} ${x.obj.id === card}`),
    ['create accepted true', 'create overridden true'], 'the log');
  same(server.findPlain(['comment-canary-7f']), [], 'in the clear');
  const theirs = await say([{ card, outcome: 'overridden', outcomeTimestamp: at }], 'ckd-epi-2021', { Authorization: `Bearer ${server.clients.other.api_key}` });
  same([theirs.status, (await say([{ card, outcome: 'accepted', outcomeTimestamp: at }], 'qsofa')).status, (await say([{ card: randomUUID(), outcome: 'accepted', outcomeTimestamp: at }])).status],
    [404, 404, 404], "another's, of another service, of none");
  for (const [bad, where] of [[{ outcome: 'ignored' }, 'outcome'], [{ outcomeTimestamp: 'today' }, 'outcomeTimestamp'], [{ card: '7' }, 'card'],
    [{ overrideReason: { reason: { ...reason, code: 'dislike' } } }, 'overrideReason.reason.code'], [{ overrideReason: { userComment: 'x'.repeat(4097) } }, 'overrideReason.userComment'],
    [{ overrideReason: { reason: { code: 'x'.repeat(257) } } }, 'overrideReason.reason.code'], [{ acceptedSuggestions: [{ id: 7 }] }, 'acceptedSuggestions.id'],
    [{ acceptedSuggestions: Array.from({ length: 17 }, () => ({ id: 'x' })) }, 'acceptedSuggestions']]) {
    const refused_ = await say([{ card, outcome: 'overridden', outcomeTimestamp: at, ...bad }]);
    same([refused_.status, JSON.parse(refused_.text).issue[0].expression], [422, [`feedback[0].${where}`]], refused_.text);
    valid(JSON.parse(refused_.text));
  }
  same([(await say([])).status, (await read()).feedback.length], [422, 3], 'nothing of what was refused is there');
  same((await server.request({ method: 'POST', path: `/v1/jobs/${card}/erase`, headers: { Authorization: `Bearer ${server.clients.bot.api_key}` } })).status, 200, 'erased');
  same((await say([{ card, outcome: 'accepted', outcomeTimestamp: at }])).status, 404, 'of an erased job');
});

await test('a card has a hundred feedbacks, however long, and its job can be read with all of them; a request as many', async () => {
  const card = (await call(ckd, 'ckd-epi-2021')).cards[0].uuid, outcomeTimestamp = '2026-11-25T14:00:00Z';
  const say = (feedback) => post('/cds-services/ckd-epi-2021/feedback', { feedback });
  const long = { card, outcome: 'overridden', outcomeTimestamp, overrideReason: { userComment: '\u0001'.repeat(4096) } };
  const short = { card, outcome: 'accepted', outcomeTimestamp };
  for (let i = 0; i < 9; i++) same((await say(Array(10).fill(long))).status, 200, 'ten of them');
  const over = await say(Array(101).fill(short));
  same([over.status, JSON.parse(over.text).issue[0].expression], [422, ['feedback']], 'a request');
  same((await say(Array(11).fill(short))).status, 409, 'all or none');
  same([(await say(Array(10).fill(short))).status, (await say([short])).status], [200, 409], 'the last, and one too many');
  const r = await server.request({ path: `/v1/jobs/${card}`, headers: { Authorization: `Bearer ${server.clients.bot.api_key}` } });
  same(r.status, 200, r.text.slice(0, 300));
  same(JSON.parse(r.text).feedback.length, 100, 'all of them');
});

await test('of feedbacks that come at once a card has a hundred, too', async () => {
  const card = (await call(ckd, 'ckd-epi-2021')).cards[0].uuid, feedback = Array(30).fill({ card, outcome: 'accepted', outcomeTimestamp: '2026-11-25T14:00:00Z' });
  const all = await Promise.all(Array.from({ length: 12 }, () => post('/cds-services/ckd-epi-2021/feedback', { feedback })));
  same(all.filter((r) => r.status === 200).length, 3, all.map((r) => r.status).join(' '));
  check(all.every((r) => [200, 409].includes(r.status)), all.map((r) => r.status).join(' '));
});

await test('who calls thousands of resources by one id is not waited for', async () => {
  const entry = Array.from({ length: 110000 }, (_, i) => ({ resource: { resourceType: 'Basic', id: 'a', code: { text: `${i}` } } }));
  const begun = Date.now();
  const r = await post('/cds-services/ckd-epi-2021', ask({ prefetch: { patient: patient(), scr: { resourceType: 'Bundle', type: 'searchset', entry } } }));
  check([400, 412, 422].includes(r.status), `${r.status} ${r.text.slice(0, 200)}`);
  check(Date.now() - begun < 30000, `${Date.now() - begun} ms`);
});

await test('the models as PlanDefinitions and what they need as a Library: valid FHIR, the keys of prefetch are its requirements', async () => {
  const get = async (at) => {
    const r = await server.request({ path: `/fhir/R4/${at}`, headers: { Authorization: `Bearer ${server.clients.bot.api_key}` } });
    same([r.status, r.headers['content-type']], [200, 'application/fhir+json'], r.text);
    valid(JSON.parse(r.text));
    return JSON.parse(r.text);
  };
  const all = await get('PlanDefinition');
  same(all.entry.map((e) => e.resource.id).sort(), ckd.services.map((s) => s.id).sort(), 'as many as services');
  same((await get('PlanDefinition?_id=sirs,qsofa')).total, 2, 'a search');
  for (const s of ckd.services) {
    const plan = await get(`PlanDefinition/${s.id}`), library = await get(`PlanDefinition/${s.id}/$data-requirements`);
    same([plan.url, plan.title, plan.description], [`urn:lazaret:fhir:PlanDefinition:${s.id}`, s.title, s.description], 'whose');
    same(library.dataRequirement, plan.action[0].input, 'the same requirements');
    same(library.relatedArtifact[0].resource, `${plan.url}|${plan.version}`, 'of this version');
    const names = library.dataRequirement.filter((d) => d.type !== 'Patient').map((d) => d.extension.find((x) => x.url.endsWith('requirement-id')).valueCode);
    same(names.sort(), Object.keys(s.prefetch).filter((k) => k !== 'patient').sort(), 'names');
  }
  const stated = JSON.parse((await server.request({ path: '/fhir/R4/metadata' })).text).rest[0].resource.find((r) => r.type === 'PlanDefinition');
  same([stated.interaction.map((i) => i.code), stated.operation.map((o) => o.name)], [['search-type', 'read'], ['data-requirements']], 'what is stated');
});

await test('what takes longer is a card that says so, and the same request the result; a model that fails is a warning', async () => {
  const slow = new Server();
  await slow.start(['--cds-wait-ms', '0']);
  const { api_key } = slow.addClient('bot');
  const m = cliJson(['model', 'add', path.join(top, 'tests/data/models/moody'), '--data', slow.dir, '--json']);
  cliJson(['model', 'promote', `${m.key}@${m.version}`, 'stable', '--data', slow.dir, '--json']);
  const send = async (id, body) => {
    const r = await slow.request({ method: 'POST', path: `/cds-services/${id}`, body: JSON.stringify(body), headers: { Authorization: `Bearer ${api_key}`, 'Content-Type': 'application/json' } });
    same(r.status, 200, r.text);
    return keep('CdsResponse', JSON.parse(r.text)).cards[0];
  };
  const body = ask({ prefetch: { patient: patient(), scr: found('scr') } });
  const card = await send('ckd-epi-2021', body);
  same([card.indicator, card.summary], ['info', 'eGFR from creatinine, CKD-EPI 2021 (sample, not for clinical use): is still being computed'], 'at once');
  contains(card.detail, 'with the same hookInstance');
  const later = await until('the result', async () => { const c = await send('ckd-epi-2021', body); return /stage G2/.test(c.summary) && c; });
  same(later.uuid, card.uuid, 'the same card');
  const moody = ask({ prefetch: { patient: patient(), mood: found('mood(value=3)'), pregnancy: found('pregnancy(verified=refuted)') } });
  const failed = await until('the failure', async () => { const c = await send(m.key, moody); return c.indicator === 'warning' && c; });
  contains(failed.summary, ': there is no result');
  contains(failed.detail, `job \`${failed.uuid}\``);
  await slow.stop();
});

await test('the compiler finds every answer to be of the type the client says', () => {
  const core = path.join(top, 'tests/clients/node_modules/@medplum/core/dist/esm/index.d.ts');
  const without = (k, x) => (k === 'overrideReasons' ? undefined : x); /* CDS Hooks has them, the client's type does not */
  const text = answers.map(([type, v], i) => `export const a${i}: ${type} = ${JSON.stringify(v, without)};`).join('\n');
  const compile = (more) => {
    fs.writeFileSync(path.join(box, 'answers.ts'), `import type { CdsDiscoveryResponse, CdsResponse } from '@medplum/core';\n${text}\n${more}\n`);
    return spawnSync(process.execPath, [path.join(top, 'tests/tools/node_modules/typescript/bin/tsc'), '-p', box], { encoding: 'utf8' });
  };
  fs.writeFileSync(path.join(box, 'tsconfig.json'), JSON.stringify({ files: ['answers.ts'], compilerOptions: { noEmit: true, strict: true, skipLibCheck: true, module: 'esnext',
    moduleResolution: 'bundler', target: 'es2022', types: [], paths: { '@medplum/core': [core] } } }));
  check(answers.length > 6, `${answers.length} answers`);
  same(compile('').stdout, '', 'types');
  contains(compile('export const wrong: CdsResponse = { cards: [{ summary: "s", indicator: "urgent" }] };').stdout, 'urgent', 'what is wrong');
});

ckd.ehr.stop();
await server.stop();
done();
