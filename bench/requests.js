// The requests that are measured: whole HTTP messages, with synthetic Bundles whose times lie minutes back.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const UCUM = 'http://unitsofmeasure.org';
const LOINC = 'http://loinc.org';
const vitals = [
  ['9279-1', 18, '/min'], ['59408-5', 97, '%'], ['3151-8', 0, 'L/min'], ['8480-6', 122, 'mm[Hg]'], ['8867-4', 74, '/min'],
  ['67775-7', 'LA9340-6'], ['8310-5', 36.9, 'Cel'],
];
const at = (minutes) => new Date(Date.now() - minutes * 60000).toISOString().replace(/\.\d+Z/, 'Z');

const patient = { resourceType: 'Patient', id: 'p', gender: 'female', birthDate: '1968-04-17' };

function observation([code, value, unit], minutes, id) {
  const o = { resourceType: 'Observation', ...(id && { id }), status: 'final', code: { coding: [{ system: LOINC, code }] },
    subject: { reference: 'Patient/p' }, effectiveDateTime: at(minutes) };
  if (unit) o.valueQuantity = { value, system: UCUM, code: unit };
  else o.valueCodeableConcept = { coding: [{ system: LOINC, code: value }] };
  return o;
}
const bundle = (resources) => ({ resourceType: 'Bundle', type: 'collection', entry: resources.map((resource) => ({ resource })) });

// As a chatbot's library writes it: ids, displays and categories, which is what makes 61 entries 32 kB.
function wordy(vital, i) {
  const o = observation(vital, 5 + i, `o${i}`);
  o.category = [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs', display: 'Vital Signs' }] }];
  o.code.text = 'One of the vital signs of this patient';
  return o;
}

const bodies = {
  small: ['egfr', () => bundle([patient, observation(['2160-0', 0.9, 'mg/dL'], 60)])],
  news2: ['news2', () => bundle([patient, ...vitals.map((v) => observation(v, 5))])],
  qsofa: ['qsofa', () => bundle([patient, ...[0, 3, 5].map((i) => observation(vitals[i], 5))])],
  large: ['news2', () => bundle([patient, ...Array.from({ length: 60 }, (_, i) => wordy(vitals[i % vitals.length], i))])],
  missing: ['news2', () => bundle([patient, observation(vitals[0], 5), observation(vitals[1], 5)])],
};
// The same, asked only what would become of them.
const dry = { news2_dry: 'news2', missing_dry: 'missing' };

// Writes FOLDER/NAME.http for every one, and the Bundles alone as NAME.json; returns their sizes in bytes by name.
function writeAll(folder, client, key) {
  const sizes = {};
  for (const name of [...Object.keys(bodies), ...Object.keys(dry)]) {
    const [target, make] = bodies[dry[name] ?? name];
    const fhir = make();
    const body = JSON.stringify({ client_id: client, target_diagnosis: target, fhir_bundle: fhir });
    sizes[name] = Buffer.byteLength(body);
    fs.writeFileSync(path.join(folder, `${name}.http`), `POST /v1/${name in dry ? 'negotiate' : 'diagnose'} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${sizes[name]}\r\n\r\n${body}`, { mode: 0o600 });
    fs.writeFileSync(path.join(folder, `${name}.json`), JSON.stringify(fhir));
  }
  return sizes;
}

module.exports = { writeAll };
