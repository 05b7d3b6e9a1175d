#!/usr/bin/env node
// timeout: 120
// import.mjs   a model of CliniSandbox is taken with what its registry said of it and a program of somebody's; its clients go on
// as they did: without a key, with Observations that name neither a patient nor a UCUM unit.
import fs from 'node:fs';
import path from 'node:path';
import { Server, check, cli, cliJson, contains, done, same, tempFolder, test, until } from './lib.mjs';

const box = tempFolder();
const observation = (code, value, unit, more = {}) => ({ resource: { resourceType: 'Observation', status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code }] }, valueQuantity: { value, unit }, ...more } });
const vitals = () => [observation('8310-5', 37.5, 'C'), observation('8867-4', 90, '/min'), observation('6690-2', 11.0, '10*3/uL')];
const request = (entry) => JSON.stringify({ client_id: 'integration_tester', target_diagnosis: 'sepsis',
  fhir_bundle: { resourceType: 'Bundle', type: 'collection', entry } });

// What CliniSandbox's table held: the row, and in it what the model requires.
const row = { id: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', name: 'Sepsis V1', key: 'sepsis', version: '1.0', docker_image_path: 'mock/sepsis', accuracy: 0.98,
  required_fhir_resources: { required_observations: [
    { code: '8310-5', display: 'Body Temp', mandatory: true }, { code: '8867-4', display: 'Heart Rate', mandatory: true },
    { code: '6690-2', display: 'WBC', mandatory: true }, { code: '1988-5', display: 'CRP', mandatory: false }] } };
// The program it never had: two of three signs beyond a limit. Not a medical rule, only something that reads its input.
const model = `import json, sys
request = json.loads(sys.stdin.readline())
values = {name: given["v"] for name, given in request["inputs"].items()}
beyond = [values["loinc-8310-5"] > 38, values["loinc-8867-4"] > 90, values["loinc-6690-2"] > 12]
print(json.dumps({"id": request["id"], "output": {"diagnosis": "POSITIVE" if sum(beyond) >= 2 else "NEGATIVE",
                  "seen": " ".join(sorted(name + given.get("u", "") for name, given in request["inputs"].items()))}}))
`;
const how = { intendedUse: 'A test of importing. Not for clinical use.', output: { schema: { type: 'object', required: ['diagnosis'], additionalProperties: false,
  properties: { diagnosis: { enum: ['POSITIVE', 'NEGATIVE'] }, seen: { type: 'string', maxLength: 400 } } } },
runtime: { kind: 'stdio-json', exec: ['/usr/bin/python3', '-I', '-S', '/model/model.py'], image: 'python3', timeout: 'PT5S',
  limits: { cpu: 1, memoryMiB: 128, pids: 4, tmpMiB: 1, outputKiB: 16 }, network: 'none', isolation: 'process' },
selftest: [{ inputs: { 'loinc-8310-5': 39, 'loinc-8867-4': 120, 'loinc-6690-2': 9 }, expect: { diagnosis: 'POSITIVE' } },
  { inputs: { 'loinc-8310-5': 37, 'loinc-8867-4': 120, 'loinc-6690-2': 9 }, expect: { diagnosis: 'NEGATIVE' } }] };
let folders = 0;
function program(said = how) {
  const at = path.join(box, `program${++folders}`);
  fs.mkdirSync(at);
  fs.writeFileSync(path.join(at, 'model.py'), model);
  fs.writeFileSync(path.join(at, 'program.json'), JSON.stringify(said));
  return at;
}
const file = (name, content) => {
  const at = path.join(box, name);
  fs.writeFileSync(at, typeof content === 'string' ? content : JSON.stringify(content));
  return at;
};
const old = file('sepsis.json', row);

const server = new Server();
await server.start(['--legacy-open-client', 'integration_tester']);
server.addClient('integration_tester');
const on = (...words) => [...words, '--data', server.dir];
const send = (body) => server.request({ method: 'POST', path: '/v1/diagnose', headers: { 'Content-Type': 'application/json' }, body });
const refused = (r, code, sentence) => {
  check(r.code === code, `ended with ${r.code}: ${r.stdout}${r.stderr}`);
  contains(r.stderr, sentence, 'standard error');
};

await test('without a program nothing is imported: no answer is made up', () => {
  refused(cli(on('model', 'import', old)), 2, 'say what is run');
});
for (const [what, content, sentence, options] of [
  ['an unknown member of the row', { ...row, weights: 1 }, '/weights'],
  ['an unknown member of a requirement', { required_observations: [{ code: '8310-5', unit: 'C' }] }, '/required_observations/0/unit', ['--key', 'sepsis', '--version', '1']],
  ['a code that is none', { required_observations: [{ code: 'temp' }] }, '/required_observations/0', ['--key', 'sepsis', '--version', '1']],
  ['no requirement', { required_observations: [] }, 'required_observations', ['--key', 'sepsis', '--version', '1']],
  ['no key', { required_observations: [{ code: '8310-5' }] }, '--key', ['--version', '1']],
  ['a version that is none', { ...row, version: 'one' }, '/version'],
  ['no JSON', '{"key":', 'line 1'],
])
  await test(`refused, and said where: ${what}`, () => {
    const at = program();
    refused(cli(on('model', 'import', file('bad.json', content), '--program', at, ...(options ?? []))), 1, sentence);
    check(!fs.existsSync(path.join(at, 'manifest.json')), 'a manifest was left');
  });
await test('a program that does not say how it is run is refused', () => {
  refused(cli(on('model', 'import', old, '--program', program({ output: how.output }))), 1, "needs 'runtime' and 'output'");
});
await test('imported, it shows that it works and becomes stable', () => {
  const at = program();
  const m = cliJson(on('model', 'import', old, '--program', at, '--json'));
  same([m.key, m.version, m.title, m.targets, m.stable], ['sepsis', '1.0.0', 'Sepsis V1', ['sepsis'], false], 'the model');
  refused(cli(on('model', 'import', old, '--program', at)), 1, 'has a manifest.json already');
  // Of the models of `sepsis` it is the one that counts, as it was there.
  same(cliJson(on('model', 'promote', 'sepsis@1.0.0', 'stable', '--rank', '1', '--json')).selftests, 2, 'self-tests');
});
await test("the old client's request gets its 202, and the program's answer", async () => {
  const r = await send(request(vitals()));
  same(r.status, 202, r.text);
  const accepted = JSON.parse(r.text);
  same([accepted.status, accepted.model.key], ['QUEUED', 'sepsis'], 'accepted');
  const job = await until('the job to end', async () => {
    const now = JSON.parse((await server.request({ path: `/v1/jobs/${accepted.job_id}` })).text);
    return ['COMPLETED', 'FAILED'].includes(now.status) && now;
  });
  same([job.status, job.result.diagnosis, job.result.seen], ['COMPLETED', 'NEGATIVE', 'loinc-6690-210*3/uL loinc-8310-5C loinc-8867-4/min'], 'the job');
});
await test('what is missing is told as it was', async () => {
  const r = await send(request(vitals().slice(1)));
  same(r.status, 409, r.text);
  const { detail } = JSON.parse(r.text);
  same(detail.status, 'NEGOTIATION_REQUIRED', 'status');
  const { code, display, mandatory } = detail.missing_data[0];
  same({ code, display, mandatory }, { code: '8310-5', display: 'Body Temp', mandatory: true }, 'missing');
});
for (const [what, entry] of [
  ['entered in error', observation('8310-5', 37.5, 'C', { status: 'entered-in-error' })],
  ['cancelled', observation('8310-5', 37.5, 'C', { status: 'cancelled' })],
  ['without a value', observation('8310-5', 37.5, 'C', { valueQuantity: undefined, dataAbsentReason: { text: 'not done' } })],
  ["another system's code", observation('8310-5', 37.5, 'C', { code: { coding: [{ system: 'http://notloinc.org.example/x', code: '8310-5' }] } })],
])
  await test(`a temperature ${what} is not there`, async () => {
    same((await send(request([entry, ...vitals().slice(1)]))).status, 409, 'status');
  });
await test('observations of two people are not one', async () => {
  const of = (who) => ({ subject: { reference: `Patient/${who}` } });
  const [a, b, c] = vitals();
  Object.assign(a.resource, of('one'));
  Object.assign(b.resource, of('two'));
  same((await send(request([a, b, c]))).status, 409, 'status');
});
await server.stop();
done();
