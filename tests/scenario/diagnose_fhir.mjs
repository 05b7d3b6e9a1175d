#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 280
// diagnose_fhir.mjs   FHIR's $diagnose driven by fhir-kit-client: at once, asynchronously to its result, cancelled, with data missing; every vector of
// tests/cases/vectors.case and every probe through it as through /v1, every accepted unit of every sample; every body is valid FHIR by our own validator,
// and by @medplum/core's where it is at hand. What a result is to be is typed here or in the cases, never taken from the server.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { bundle, caseFiles, fill, match, readCases } from './casefile.mjs';
import { Server, answersFolder, check, cli, cliJson, contains, done, program, same, sleep, tempFolder, test, top, until } from './lib.mjs';

const Client = createRequire(path.join(top, 'tests/clients/package.json'))('fhir-kit-client');
const server = new Server();
await server.start(['--workers', '2']);
const modelOf = (folder, to = server) => {
  const m = cliJson(['model', 'add', folder, '--data', to.dir, '--json']);
  cliJson(['model', 'promote', `${m.key}@${m.version}`, 'stable', '--data', to.dir, '--json']);
};
modelOf(path.join(top, 'tests/data/models/moody'));
const key = server.addClient('bot').api_key;
const fhir = new Client({ baseUrl: `http://127.0.0.1:${server.port}/fhir/R4`, bearerToken: key });

// ---- every body that leaves is kept, and judged at the end

const bodies = new Map();
const kept = (b) => { if (b?.resourceType) bodies.set(JSON.stringify(b), b); return b; };
const parameters = (target, data, more = {}) => ({ resourceType: 'Parameters', parameter: [{ name: 'target', valueCode: target }, { name: 'data', resource: typeof data === 'string' ? JSON.parse(data) : data },
  ...Object.entries(more).map(([name, v]) => ({ name, ...v }))] });
const ask = async (target, data, { more, headers = {} } = {}) => kept(await fhir.operation({ name: 'diagnose', input: parameters(target, data, more), options: { headers } }));
const responseOf = (b) => Client.httpFor(b).response;
const raw = async (method, at, { body, text = body && JSON.stringify(body), headers = {}, of = server, as = key } = {}) => {
  const r = await of.request({ method, path: at, body: text, headers: { Authorization: `Bearer ${as}`, ...(text ? { 'Content-Type': 'application/fhir+json' } : {}), ...headers } });
  const json = r.text ? JSON.parse(r.text) : undefined;
  return { ...r, json: kept(json) };
};
const pathOf = (url) => url.replace(/^https?:\/\/[^/]+/, '');

// ---- a result, read out of its Bundle

const parameterOf = (guidance, name) => guidance.contained.find((c) => c.id === 'output').parameter.filter((p) => p.name === name);
const resultOf = (guidance) => parameterOf(guidance, 'result')[0].resource;
const all = (b, type) => b.entry.map((e) => e.resource).filter((r) => r.resourceType === type);
const one = (b, type) => { const l = all(b, type); same(l.length, 1, type); return l[0]; };
const valueOf = (x) => x.valueQuantity?.value ?? x.valueInteger ?? x.valueBoolean ?? x.valueString;
const parts = (o, prefix) => Object.fromEntries(o.component.filter((c) => c.code.coding[0].code.startsWith(prefix)).map((c) => [c.code.coding[0].code.slice(prefix.length), valueOf(c)]));
/* What a model said, as it stands in its Observation: typed here, model by model. */
const said = {
  news2: (o) => ({ score: valueOf(o), risk: o.interpretation[0].text, points: parts(o, 'news2-') }),
  qsofa: (o) => { const { positive, ...points } = parts(o, 'qsofa-'); return { score: valueOf(o), positive, points }; },
  sirs: (o) => { const { positive, ...met } = parts(o, 'sirs-'); return { criteria: valueOf(o), positive, met }; },
  'ckd-epi-2021': (o) => ({ egfr: valueOf(o), reported: parts(o, 'ckd-epi-2021-').reported, stage: o.interpretation[0].text }),
  'cha2ds2-vasc': (o) => ({ score: valueOf(o), points: parts(o, 'cha2ds2-vasc-') }),
};
said.egfr = said['ckd-epi-2021'];
const CODES = { news2: 'http://snomed.info/sct|1104051000000101', qsofa: 'urn:lazaret:sample|qsofa', sirs: 'urn:lazaret:sample|sirs', 'ckd-epi-2021': 'http://loinc.org|98979-8', 'cha2ds2-vasc': 'urn:lazaret:sample|cha2ds2-vasc' };

await test('the metadata names the operation, and its definition can be read', async () => {
  const statement = kept(await fhir.capabilityStatement());
  const operation = statement.rest[0].operation.find((x) => x.name === 'diagnose');
  const definition = kept(await fhir.read({ resourceType: 'OperationDefinition', id: 'diagnose' }));
  same([definition.url, definition.code, definition.system], [operation.definition, 'diagnose', true], 'the definition');
  same(definition.parameter.map((p) => `${p.use} ${p.name} ${p.min}..${p.max} ${p.type}`), ['in target 0..1 code', 'in model 0..1 code', 'in subject 0..1 Reference', 'in data 1..1 Bundle', 'in policy 0..1 code', 'in assessedAt 0..1 dateTime', 'in priority 0..1 code',
    'in expiresAt 0..1 dateTime', 'in webhookUrl 0..1 url', 'out return 1..1 GuidanceResponse'], 'its parameters');
  check(statement.rest[0].resource.some((r) => r.type === 'GuidanceResponse' && r.interaction[0].code === 'read'), 'GuidanceResponse is read');
});

// ---- at once

await test('a result: found by whom, of whom, from what, and labelled', async () => {
  const g = await ask('news2', bundle('news2 temp(value=39.1)'));
  same([responseOf(g).status, g.resourceType, g.status, g.subject.reference, g.moduleCanonical], [200, 'GuidanceResponse', 'success', 'Patient/p1', 'urn:lazaret:fhir:PlanDefinition:news2|1.0.0'], 'GuidanceResponse');
  const b = resultOf(g), o = one(b, 'Observation'), d = one(b, 'Device'), p = one(b, 'Provenance');
  same([b.type, b.identifier.value], ['collection', g.id], 'the Bundle');
  same(o.meta.security.map((s) => `${s.system}|${s.code}`), ['http://terminology.hl7.org/CodeSystem/v3-ObservationValue|AIAST'], 'the label');
  same([o.status, `${o.code.coding[0].system}|${o.code.coding[0].code}`, o.subject.reference, o.valueQuantity, o.interpretation[0].text], ['final', CODES.news2, 'Patient/p1', { value: 2, unit: '{score}', system: 'http://unitsofmeasure.org', code: '{score}' }, 'low'], 'the Observation');
  const url = (r) => b.entry.find((e) => e.resource === r).fullUrl;
  same([o.device.reference, p.target.map((t) => t.reference), p.agent[0].who.reference], [url(d), [url(o)], url(d)], 'references');
  const sources = ['acvpu', 'o2', 'pulse', 'rr', 'sbp', 'spo2', 'temp'].map((x) => `Observation/${x}`);
  same(o.derivedFrom.map((x) => x.reference), sources, 'derivedFrom');
  same(p.entity.filter((x) => x.what.reference).map((x) => x.what.reference), sources, 'entities');
  same([p.entity.find((x) => x.what.identifier).what.identifier.value, p.reason[0].coding[0].code], [g.id, 'AIAST'], 'the job');
  const model = JSON.parse((await raw('GET', '/v1/models/news2/versions/stable')).text);
  same([d.identifier[0].value, d.version[0].value, d.deviceName[0].name], [model.digest, '1.0.0', 'news2'], 'the Device');
  const v1 = (await raw('GET', `/v1/jobs/${g.id}`)).json;
  same([v1.status, v1.result.score], ['COMPLETED', 2], 'the same job at /v1');
  const again = kept(await fhir.read({ resourceType: 'GuidanceResponse', id: g.id }));
  same(JSON.stringify(again), JSON.stringify(g), 'read again: the same bytes');
});
await test('a condition that was read is in the Provenance, and no Observation is derived from it', async () => {
  const b = resultOf(await ask('cha2ds2-vasc', bundle('patient(gender=female,birth=TODAY-80Y) atrial vasc-answers pressure sugar')));
  const refs = one(b, 'Provenance').entity.map((x) => x.what.reference).filter(Boolean);
  check(refs.includes('Condition/pressure') && refs.includes('Condition/sugar') && refs.includes('Patient/p1'), `entities: ${refs}`);
  check((one(b, 'Observation').derivedFrom ?? []).every((x) => !/^(Condition|Patient)/.test(x.reference)), 'derivedFrom');
});

// ---- all vectors of the cases, through this face

const cases = readCases(caseFiles('vectors')[0]).cases;
await test('every vector of the cases gives the same as FHIR', async () => {
  let n = 0;
  const seen = new Set();
  for (const one1 of cases) {
    const [send, look] = one1.steps;
    if (send.target !== '/v1/diagnose' || fill(send.status, one1.values) !== '202') continue;
    const body = JSON.parse(fill(send.body, one1.values));
    const g = await ask(body.target_diagnosis, body.fhir_bundle);
    same(g.status, 'success', `${one1.name}: ${JSON.stringify(g).slice(0, 800)}`);
    const o = one(resultOf(g), 'Observation');
    same(`${o.code.coding[0].system}|${o.code.coding[0].code}`, CODES[body.target_diagnosis === 'egfr' ? 'ckd-epi-2021' : body.target_diagnosis], one1.name);
    match(said[body.target_diagnosis](o), JSON.parse(fill(look.json, one1.values)).result, {}, { at: one1.name });
    seen.add(body.target_diagnosis);
    n++;
  }
  check(n >= 70, `only ${n} vectors`);
  same([...seen].sort(), ['cha2ds2-vasc', 'ckd-epi-2021', 'news2', 'qsofa', 'sirs'], 'models');
  console.log(`# ${n} vectors`);
});

// ---- all accepted units

/* A value in another accepted unit, exactly: by UCUM, or by the ratio that the manifest declares. */
function converted(input, value, unit) {
  const ratio = (input.convert ?? []).find((c) => c.from === unit)?.ratio;
  if (!ratio) return JSON.parse(spawnSync(program, ['ucum', value, input.unit, unit, '--json'], { encoding: 'utf8' }).stdout).decimal;
  const digits = value.replace('.', ''), scale = (value.split('.')[1] ?? '').length;
  let n = BigInt(digits) * BigInt(ratio[1]), d = BigInt(ratio[0]) * 10n ** BigInt(scale), text = `${n / d}`;
  for (let rest = n % d, i = 0; rest; rest = (rest * 10n) % d, i++) {
    check(i < 20, `${value} ${input.unit} in ${unit} does not end`);
    text += `${i ? '' : '.'}${(rest * 10n) / d}`;
  }
  return text;
}
/* What each input is sent as: its snippet, and values on both sides of an edge of its chart. */
const snippet = { news2: { rr: 'rr', spo2: 'spo2', sbp: 'sbp', pulse: 'pulse', temp: 'temp' }, qsofa: { rr: 'rr', sbp: 'sbp', gcs: 'gcs' }, sirs: { temp: 'temp', hr: 'pulse', rr: 'rr', paco2: 'paco2', wbc: 'wbc', bands: 'bands' }, 'ckd-epi-2021': { scr: 'scr' } };
const values = { rr: ['20', '21', '22', '25'], spo2: ['91', '92', '96'], sbp: ['100', '101', '220'], pulse: ['90', '91', '131'], hr: ['90', '91'], temp: ['35', '36', '38', '38.05', '39.1'], gcs: ['14', '15'], paco2: ['31.9', '32'], wbc: ['3.9', '4', '12', '12.1'], bands: ['10', '10.1'], scr: ['0.884', '1.768'] };
const whole = { news2: 'news2', qsofa: 'patient rr sbp gcs', sirs: 'patient temp pulse rr wbc', 'ckd-epi-2021': 'patient scr' };
await test('every accepted unit of every sample gives what the model\'s own unit gives', async () => {
  let n = 0;
  for (const [model, inputs] of Object.entries(snippet)) {
    const manifest = JSON.parse(fs.readFileSync(path.join(top, 'models', model, 'manifest.json'), 'utf8'));
    const numeric = Object.entries(manifest.inputs).filter(([, x]) => x.accept);
    same(numeric.map(([k]) => k).sort(), Object.keys(inputs).sort(), `${model}: inputs with units`);
    for (const [name, input] of numeric) {
      for (const value of values[name]) {
        const results = {};
        for (const unit of input.accept) {
          const code = input.anyOf.find((c) => c.units && c.units.includes(unit))?.code;
          const words = `${inputs[name]}(value=${unit === input.unit ? value : converted(input, value, unit)},unit=${unit}${code ? `,code=${code}` : ''})`;
          const base = whole[model].split(' ').filter((w) => !(name === 'paco2' && w === 'rr') && !(name === 'bands' && w === 'wbc')).join(' ');
          const g = await ask(model, bundle(`${base} ${words}`));
          same(g.status, 'success', `${model} ${words}: ${JSON.stringify(g).slice(0, 600)}`);
          results[unit] = said[model](one(resultOf(g), 'Observation'));
          n++;
        }
        for (const unit of input.accept) same(JSON.stringify(results[unit]), JSON.stringify(results[input.unit]), `${model} ${name} ${value} in ${unit}`);
      }
    }
  }
  console.log(`# ${n} values in ${Object.keys(snippet).length} models`);
});

// ---- what is missing: the same inputs and reasons as at /v1, for every probe and every refusal of the cases

const REASONS = 'urn:lazaret:fhir:CodeSystem:negotiation-reason';
const idOf = (r) => r.extension.find((x) => x.url.endsWith('requirement-id')).valueCode;
await test('what is missing is the same as at /v1, for every probe and refusal of the cases', async () => {
  let n = 0, curable = 0;
  for (const file of [...caseFiles('probes'), ...caseFiles('negotiation'), ...caseFiles('vectors')])
    for (const c of readCases(file).cases) {
      const s = c.steps[0];
      if (s.target !== '/v1/diagnose' || fill(s.status, c.values) !== '409' || c.steps.length > 1) continue;
      const text = fill(s.body, { ...c.values }), body = JSON.parse(text), data = /"fhir_bundle":\s*(\{[^]*\})\s*\}\s*$/.exec(text)?.[1];
      if (!data || body.policy === 'all-ready') continue; /* which a GuidanceResponse, of one job, does not take */
      const more = body.policy ? { policy: { valueCode: body.policy } } : {};
      const v1 = (await raw('POST', '/v1/negotiate', { text })).json;
      const g = (await raw('POST', '/fhir/R4/$diagnose', { text: JSON.stringify(parameters(body.target_diagnosis, {}, more)).replace('"resource":{}', () => `"resource":${data}`) })).json;
      same(['data-required', 'failure'].includes(g.status), true, `${c.name}: ${g.status}`);
      same(g.reasonCode.map((r) => `${r.coding[0].system} ${r.coding[0].code} ${r.text}`), v1.missing_data.map((m) => `${REASONS} ${m.reason} ${m.text}`), `${c.name}: reasons`);
      const expect = v1.missing_data.filter((m) => m.reason !== 'population').map((m) => m.input);
      same((g.dataRequirement ?? []).map(idOf), expect, `${c.name}: requirements`);
      same((g.contained.find((x) => x.resourceType === 'Questionnaire')?.item ?? []).map((i) => i.linkId), (v1.questionnaire?.item ?? []).map((i) => i.linkId), `${c.name}: questions`);
      same(parameterOf(g, 'candidate').map((p) => p.part.find((x) => x.name === 'model').valueCanonical), v1.candidates.map((x) => `urn:lazaret:fhir:PlanDefinition:${x.model}|${x.version}`), `${c.name}: candidates`);
      n++;
      curable += g.status === 'data-required';
    }
  check(n >= 40 && curable >= 35, `only ${n} refusals, ${curable} of them curable`);
  console.log(`# ${n} refusals, ${curable} of them curable`);
});
await test('what the Questionnaire asks for is answered, and then there is a result', async () => {
  const data = JSON.parse(bundle('news2 -temp'));
  const g = await ask('news2', data);
  same([g.status, g.dataRequirement.map(idOf), g.reasonCode[0].coding[0].code], ['data-required', ['temp'], 'absent'], 'GuidanceResponse');
  const form = g.contained.find((x) => x.resourceType === 'Questionnaire');
  same(g.dataRequirement[0].extension.find((x) => x.url.endsWith(':ask')).valueReference.reference, `#${form.id}`, 'the question');
  data.entry.push({ fullUrl: 'urn:uuid:5b6c1d0e-7d0f-4a57-9a38-6b0f3a0e7c11', resource: { resourceType: 'QuestionnaireResponse', status: 'completed', questionnaire: `${form.url}|${form.version}`, subject: { reference: 'Patient/p1' },
    authored: new Date(Date.now() - 60000).toISOString(), item: [{ linkId: form.item[0].linkId, answer: [{ valueQuantity: { value: 100.6, unit: 'F', system: 'http://unitsofmeasure.org', code: '[degF]' } }] }] } });
  const o = one(resultOf(await ask('news2', data)), 'Observation');
  same([said.news2(o).points.temp, o.derivedFrom.at(-1).reference], [1, 'urn:uuid:5b6c1d0e-7d0f-4a57-9a38-6b0f3a0e7c11'], 'the answer counts');
});

// ---- asynchronously

const mood = (n) => bundle(`patient pregnancy(verified=refuted) mood(value=${n})`);
const later = { Prefer: 'handling=lenient, respond-async' };
const place = async (target, data, more) => {
  const b = await ask(target, data, { headers: later, more });
  const r = responseOf(b);
  same([r.status, b.resourceType, b.issue[0].severity], [202, 'OperationOutcome', 'information'], 'accepted');
  return r.headers.get('content-location');
};
await test('asynchronously: accepted, followed to its result, which is the one that is told at once', async () => {
  const at = await place('mood', mood(15));
  const progress = new Set();
  let b;
  for (const end = Date.now() + 30000; !b; await sleep(60)) {
    check(Date.now() < end, `not within 30 s: ${[...progress]}`);
    const r = await raw('GET', pathOf(at));
    if (r.status === 200) { b = r.json; break; }
    same([r.status, r.text, r.headers['retry-after']], [202, '', '1'], 'in progress');
    progress.add(r.headers['x-progress']);
  }
  check([...progress].some((p) => /^running, \d+%$/.test(p)), `progress: ${[...progress]}`);
  same([b.type, b.entry.length, b.entry[0].response.status, b.entry[0].resource.status], ['batch-response', 1, '200 OK', 'success'], 'the Bundle');
  const o = one(resultOf(b.entry[0].resource), 'Observation');
  same([o.code.coding[0].code, o.valueQuantity.value], ['mood-answer', 1], 'the result');
  same(JSON.stringify(await fhir.read({ resourceType: 'GuidanceResponse', id: b.entry[0].response.location.split('/')[1] })), JSON.stringify(b.entry[0].resource), 'the same read alone');
  same(kept(await fhir.request(`http://127.0.0.1:${server.port}${pathOf(at)}`)).type, 'batch-response', 'and again, by the client');
});
await test('a job that fails is a failure, and says why in our words', async () => {
  for (const [n, code] of [[2, 'CRASHED'], [5, 'OUTPUT_INVALID'], [11, 'MODEL_ERROR']]) {
    const g = await ask('mood', mood(n));
    same([responseOf(g).status, g.status, g.outputParameters, g.contained[0].issue[0].code, g.contained[0].issue[0].details.coding[0].code], [200, 'failure', undefined, 'exception', code], `mood ${n}`);
    same(g.evaluationMessage[0].reference, '#outcome', 'evaluationMessage');
    check(!JSON.stringify(g).includes('canary'), 'the model\'s own words are not told');
  }
});
await test('one that runs is cancelled, and is not there any more', async () => {
  const at = pathOf(await place('mood', mood(4))), id = at.split('/').at(-1);
  await until('it runs', async () => (await raw('GET', at)).headers['x-progress'] === 'running');
  const r = await raw('DELETE', at);
  same([r.status, r.text], [202, ''], 'cancelled');
  const gone = await raw('GET', at);
  same([gone.status, gone.json.resourceType, gone.json.issue[0].code], [404, 'OperationOutcome', 'not-found'], 'at once, while its processes may still be ending');
  await until('its processes are gone', async () => (await raw('GET', `/v1/jobs/${id}`)).json.status === 'CANCELLED');
  same([(await raw('GET', at)).status, (await raw('DELETE', at)).status], [404, 409], 'and later');
  const g = kept(await fhir.read({ resourceType: 'GuidanceResponse', id }));
  same([g.status, g.contained[0].issue[0].details.coding[0].code], ['failure', 'CANCELLED'], 'the job says so');
  const rows = server.audit().filter((x) => x.obj?.id === id).map((x) => `${x.act} ${x.out} ${x.route ?? '-'}`);
  check(rows.includes('delete permit /fhir/R4/$async/:job_id'), `audit: ${rows.join('; ')}`);
});
await test('the same key again is the same job, also when it is sent for later', async () => {
  const headers = { ...later, 'Idempotency-Key': 'fhir-later' }, data = bundle('patient scr(time=TODAY-3D)');
  const first = await raw('POST', '/fhir/R4/$diagnose', { body: parameters('egfr', data), headers });
  const second = await raw('POST', '/fhir/R4/$diagnose', { body: parameters('egfr', data), headers });
  same([second.headers['content-location'], second.headers['idempotent-replayed'], first.headers['idempotent-replayed']], [first.headers['content-location'], 'true', undefined], 'where');
});

// ---- waiting is bounded; limits are those of /v1

await test('what takes longer than the server waits is in progress, and there is a place to look', async () => {
  const slow = new Server();
  await slow.start(['--answer-wait-ms', '300', '--handlers', '4', '--limit-client-queued', '3', '--workers', '1']);
  modelOf(path.join(top, 'tests/data/models/moody'), slow);
  const k = slow.addClient('bot').api_key;
  const send = () => raw('POST', '/fhir/R4/$diagnose', { body: parameters('mood', mood(4)), of: slow, as: k });
  const t = Date.now(), r = await send(), took = Date.now() - t;
  same([r.status, r.json.status, r.json.id], [202, 'in-progress', pathOf(r.headers['content-location']).split('/').at(-1)], `in progress: ${r.text.slice(0, 300)}`);
  check(took >= 280, `it waited ${took} ms`);
  const times = await Promise.all([0, 1, 2].map(async () => { const from = Date.now(), x = await send(); return [x.status, Date.now() - from]; }));
  same(times.map((x) => x[0]), [202, 202, 202], 'three at once');
  check(times.filter((x) => x[1] >= 280).length <= 1 && times.some((x) => x[1] < 250), `one of four handlers waits at a time: ${JSON.stringify(times)}`);
  const full = await send();
  same([full.status, full.json.resourceType, full.json.issue[0].code, Number(full.headers['retry-after']) > 0], [429, 'OperationOutcome', 'throttled', true], full.text);
  await slow.stop();
});

// ---- what is not valid FHIR does not leave

const odd = path.join(tempFolder(), 'odd');
fs.cpSync(path.join(top, 'tests/data/models/moody'), odd, { recursive: true });
{
  const at = path.join(odd, 'manifest.json'), m = JSON.parse(fs.readFileSync(at, 'utf8'));
  Object.assign(m, { key: 'odd', targets: ['risk'], selftest: [{ inputs: { mood: { v: '1', u: '1' } }, expect: { p: 0.01 } }] });
  m.output = { schema: { type: 'object', required: ['p'], additionalProperties: false, properties: { p: { type: 'number', minimum: 0, maximum: 5 }, word: { type: 'string', maxLength: 40 }, says: { type: 'string', maxLength: 200 }, n: { type: 'integer', minimum: 0, maximum: 100 } } },
    fhir: [{ resource: 'Observation', code: { system: 'urn:lazaret:test', code: 'n' }, value: '/n' },
      { resource: 'RiskAssessment', code: { system: 'urn:lazaret:test', code: 'falls', display: 'Falls' }, value: '/p', unit: '1', interpretation: '/word' },
      { resource: 'DiagnosticReport', code: { system: 'urn:lazaret:test', code: 'report' }, value: '/says' }] };
  fs.writeFileSync(at, JSON.stringify(m));
  fs.writeFileSync(path.join(odd, 'model.py'), `import json, sys
q = json.loads(sys.stdin.readline())
n = int(float(str(q["inputs"]["mood"]["v"])))
out = {"p": n / 100} if n < 50 else {"p": 2.5, "says": "Quillon-Canary"}
if 10 < n < 50:
    out.update(n=n, word="low", says="no more than usual")
print(json.dumps({"id": q["id"], "output": out}))
`);
  for (const f of Object.keys(m.files ?? {})) fs.rmSync(f, { force: true });
}
await test('a probability is a RiskAssessment in percent, a conclusion a DiagnosticReport with its Observations', async () => {
  modelOf(odd);
  const b = resultOf(await ask('odd', mood(13)));
  same(b.entry.map((e) => e.resource.resourceType), ['Observation', 'RiskAssessment', 'DiagnosticReport', 'Device', 'Provenance'], 'entries');
  const risk = one(b, 'RiskAssessment'), report = one(b, 'DiagnosticReport');
  same([risk.prediction[0].probabilityDecimal, risk.prediction[0].qualitativeRisk.text, risk.prediction[0].outcome.coding[0].code, risk.subject.reference], [13, 'low', 'falls', 'Patient/p1'], 'RiskAssessment');
  same([report.conclusion, report.result.map((x) => x.reference)], ['no more than usual', [b.entry[0].fullUrl]], 'DiagnosticReport');
  same(one(b, 'Provenance').target.map((x) => x.reference), b.entry.slice(0, 3).map((e) => e.fullUrl), 'the Provenance is of all three');
  same([one(b, 'Observation').valueInteger, risk.basis.map((x) => x.reference)], [13, ['Observation/mood']], 'an integer; the basis');
  const few = resultOf(await ask('odd', mood(1)));
  same([few.entry.map((e) => e.resource.resourceType), one(few, 'RiskAssessment').prediction[0].probabilityDecimal], [['RiskAssessment', 'Device', 'Provenance'], 1], 'what was not said is not told');
});
await test('a result that is not valid R4 does not leave: 500, and a log line without a value of the patient\'s or the model\'s', async () => {
  const r = await raw('POST', '/fhir/R4/$diagnose', { body: parameters('odd', mood(77)) });
  same([r.status, r.json.resourceType, r.json.issue[0].code], [500, 'OperationOutcome', 'exception'], r.text);
  contains(r.json.issue[0].details.text, 'not valid FHIR R4');
  const line = server.log.split('\n').find((l) => l.includes('is not valid FHIR R4'));
  contains(line, 'prediction[0]');
  contains(line, 'ras-2');
  contains(line, r.headers['x-request-id']);
  for (const word of ['Quillon', 'Zephyrine', 'p1', '250', '77']) check(!line.replace(/"(time|ts|at_us)":"[^"]*"/g, '').replace(r.headers['x-request-id'], '').split('"').includes(word) && !(word.length > 3 && line.includes(word)), `the log line holds ${word}: ${line}`);
});
await test('a model that declares nothing is told whole: an Observation with every scalar', async () => {
  const plain = path.join(tempFolder(), 'plain');
  fs.cpSync(odd, plain, { recursive: true });
  const at = path.join(plain, 'manifest.json'), m = JSON.parse(fs.readFileSync(at, 'utf8'));
  delete m.output.fhir;
  fs.writeFileSync(at, JSON.stringify(Object.assign(m, { key: 'plain', targets: [] }, {})).replace('"targets":[],', ''));
  modelOf(plain);
  const o = one(resultOf(await ask('plain', mood(13))), 'Observation');
  same(Object.fromEntries(o.component.map((c) => [c.code.text, valueOf(c)])), { p: 0.13, n: 13, word: 'low', says: 'no more than usual' }, 'components');
});

// ---- what was kept, is judged

const folder = answersFolder('diagnose');
const files = [...bodies.keys()].map((text, i) => { const f = path.join(folder, `${i}.json`); fs.writeFileSync(f, text); return f; });
await test('every body that was answered is valid FHIR R4', async () => {
  check(files.length > 220, `only ${files.length} bodies`);
  for (let i = 0; i < files.length; i += 200) {
    const r = cli(['fhir', 'validate', '--json', ...files.slice(i, i + 200)], { fails: true });
    for (const line of r.stdout.split('\n').filter(Boolean)) {
      const x = JSON.parse(line);
      same(x.issues.filter((y) => y.severity === 'error'), [], `${x.file}: ${fs.readFileSync(x.file, 'utf8').slice(0, 500)}`);
    }
  }
  console.log(`# ${files.length} bodies`);
});
const medplum = path.join(top, 'tests/conformance/node_modules/@medplum/core');
await test('and by @medplum/core, where it is at hand', async () => {
  if (!fs.existsSync(medplum)) return console.log('# it is not: npm ci in tests/conformance');
  const r = spawnSync(process.execPath, [path.join(top, 'tests/conformance/medplum.mjs')], { input: `${files.join('\n')}\n`, encoding: 'utf8', maxBuffer: 1 << 28 });
  const lines = r.stdout.split('\n').filter(Boolean).map(JSON.parse);
  same(lines.length, files.length, r.stderr);
  for (const x of lines) same(x.issues.filter((y) => ['error', 'fatal'].includes(y.severity)), [], `${fs.readFileSync(x.file, 'utf8').slice(0, 600)}`);
  console.log(`# ${lines.length} bodies`);
});
await test('nothing of a patient is in the log', () => {
  for (const word of ['Zephyrine', 'Quillon', 'MRN-canary', '5550199']) check(!server.log.includes(word), word);
});
await server.stop();
done();
