// slow.mjs -- a model that answers after some seconds, for scenarios that need a job that runs. Not a scenario itself.
import fs from 'node:fs';
import path from 'node:path';
import { cliJson, tempFolder, top } from './lib.mjs';

const from = path.join(top, 'tests/data/models/moody');
const mood = JSON.parse(fs.readFileSync(path.join(from, 'manifest.json'))).inputs.mood.anyOf[0];

// Adds it to a server's registry, and promotes it: mood 4 answers after `seconds`.
export function addSlowModel(server, seconds) {
  const dir = path.join(tempFolder(), 'slow');
  fs.mkdirSync(dir);
  const text = (name) => fs.readFileSync(path.join(from, name), 'utf8');
  fs.writeFileSync(path.join(dir, 'card.md'), text('card.md'));
  fs.writeFileSync(path.join(dir, 'manifest.json'), text('manifest.json').replace('"timeout": "PT2S"', '"timeout": "PT30S"'));
  fs.writeFileSync(path.join(dir, 'model.py'), text('model.py').replace('time.sleep(60)', `time.sleep(${seconds})\n    say(output={"mood": 4})`));
  cliJson(['model', 'add', dir, '--data', server.dir, '--json']);
  cliJson(['model', 'promote', 'moody@1.0.0', 'stable', '--data', server.dir, '--json']);
}

// A request for it: body of POST /v1/diagnose; `at`: what the server takes for now, `more`: members before the Bundle.
export function slowBody(client, at = Date.now(), more = {}) {
  const subject = { reference: 'Patient/p1' };
  const entry = [{ resourceType: 'Patient', id: 'p1', gender: 'male', birthDate: '1970-01-01' },
    { resourceType: 'Condition', subject, code: { coding: [{ system: 'http://snomed.info/sct', code: '77386006' }] },
      verificationStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'refuted' }] } },
    { resourceType: 'Observation', status: 'final', subject, code: { coding: [mood] }, effectiveDateTime: new Date(at - 3600e3).toISOString(),
      valueQuantity: { value: 4, system: 'http://unitsofmeasure.org', code: '1' } }].map((resource) => ({ resource }));
  return JSON.stringify({ client_id: client, target_diagnosis: 'mood', ...more, fhir_bundle: { resourceType: 'Bundle', type: 'collection', entry } });
}
