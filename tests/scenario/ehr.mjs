// ehr.mjs -- a FHIR server of one patient's records, as far as the searches of CDS Hooks' prefetch templates ask it: read, and search by
// patient, code (token equality, `:below` for ICD), _sort and _count. Not a scenario itself, so not executable. It answers what is there,
// and refuses what it does not know, as FHIR wants it of a server: so a template that is no good search fails the test.
import http from 'node:http';
import { check } from './lib.mjs';

const outcome = (code, text) => ({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, details: { text } }] });
const codings = (r) => [...(r.code?.coding ?? []), ...(r.medicationCodeableConcept?.coding ?? [])];
const time = (r) => r.effectiveDateTime ?? r.effectivePeriod?.start ?? '';

function holds(resource, name, value) {
  if (name === 'patient') return (resource.subject?.reference ?? '') === `Patient/${value}`;
  const wanted = value.split(',').map((t) => t.split('|'));
  check(wanted.every((t) => t.length === 2 && t[0] && t[1]), `no token: ${value}`);
  return codings(resource).some((c) => wanted.some(([system, code]) => c.system === system &&
    (c.code === code || (name === 'code:below' && system.startsWith('http://hl7.org/fhir/sid/icd-') && c.code.startsWith(`${code}.`)))));
}

export class Ehr {
  constructor(records) {
    this.records = records;
    this.asked = [];
    this.broken = new Set(); // types whose searches fail
    this.server = http.createServer((q, r) => {
      const { status, body } = this.answer(q);
      r.writeHead(status, { 'Content-Type': 'application/fhir+json' });
      r.end(JSON.stringify(body));
    });
  }

  async start() {
    await new Promise((ready) => this.server.listen(0, '127.0.0.1', ready));
    this.url = `http://127.0.0.1:${this.server.address().port}/`;
    return this;
  }

  answer(q) {
    const url = new URL(q.url, this.url), [, , , type, id] = url.pathname.split('/');
    this.asked.push(`${type}${id ? `/${id}` : ''}${url.search}`);
    if (id) {
      const found = this.records.find((r) => r.resourceType === type && r.id === id);
      return found ? { status: 200, body: found } : { status: 404, body: outcome('not-found', 'none') };
    }
    if (this.broken.has(type)) return { status: 200, body: { resourceType: 'Bundle', type: 'searchset', entry: [{ resource: outcome('timeout', 'an archive did not answer'), search: { mode: 'outcome' } }] } };
    let list = this.records.filter((r) => r.resourceType === type), count = 50;
    for (const [name, value] of url.searchParams) {
      if (name === '_count') count = Number(value);
      else if (name === '_sort' && value === '-date') list = [...list].sort((a, b) => (time(a) < time(b) ? 1 : -1));
      else if (['patient', 'code', 'code:below'].includes(name)) list = list.filter((r) => holds(r, name, value));
      else return { status: 400, body: outcome('not-supported', name) };
    }
    const entry = list.slice(0, count).map((resource) => ({ fullUrl: `${this.url}fhir/R4/${type}/${resource.id}`, resource, search: { mode: 'match' } }));
    return { status: 200, body: { resourceType: 'Bundle', type: 'searchset', total: list.length, ...(entry.length ? { entry } : {}) } };
  }

  stop() { this.server.close(); }
}
