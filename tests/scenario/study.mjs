#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 120
// study.mjs   people of the study over HTTP: enrolled, listed, read by who may; each look is one entry of the audit log that does not say whom it
// was about; nothing of them in any file or line of the log; roles' numbers for one person have nothing in common.
import fs from 'node:fs';
import { settings, token } from './issuer.mjs';
import { Server, check, cliJson, contains, done, filesBelow, same, test } from './lib.mjs';

const postgres = process.env.STORE === 'postgres';
const server = new Server();
await server.start(settings());
server.addClient('bot');
const people = Object.fromEntries(['doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin'].map((role) => [role, token(`the-${role}`, [role])]));
people.bot = server.clients.bot.api_key;
const ask = async (as, method, path, body) => {
  const r = await server.request({ method, path, body: body && JSON.stringify(body),
    headers: { Authorization: `Bearer ${people[as]}`, ...(body ? { 'Content-Type': 'application/json' } : {}) } });
  return { ...r, json: r.text ? JSON.parse(r.text) : undefined };
};
const anna = { first_name: 'Annunziata', last_name: 'Quarantotti', codice_fiscale: 'STP8123456789012', home_address: 'Via dei Glicini 7', phone: '+39 06 5550199',
  neuro_diag: 'MCI-canary', age_class: '70-79', medical_notes: 'Zephyrine', date_join: '2026-03-01' };
const canaries = ['Annunziata', 'Quarantotti', 'STP8123456789012', 'Glicini', '5550199', 'MCI-canary', 'Zephyrine'];
const newest = () => cliJson(['audit', 'show', '--last', '1', '--data', server.dir, '--json'])[0];
let id;

await test('a doctor enrols somebody, and is told what a doctor may read', async () => {
  const r = await ask('doctor', 'POST', '/api/v1/patients', anna);
  same(r.status, 201, r.text);
  id = r.json.patient_id;
  check(Number.isSafeInteger(id) && id > 0 && id < 2 ** 52, `an id: ${id}`);
  same(r.json, { patient_id: id, ...anna, contacts: [], status: 'opening' }, 'what was enrolled');
  const read = await ask('doctor', 'GET', `/api/v1/patients/${id}`);
  same([read.status, read.json], [200, r.json], 'a write shows what reading shows');
});
await test('each look is one entry, with who, what and how many, and not whom', async () => {
  for (const [path, n] of [[`/api/v1/patients/${id}`, 1], ['/api/v1/patients', 1]]) {
    const r = await ask('doctor', 'GET', path), entry = newest();
    same(r.status, 200, r.text);
    same([entry.act, entry.obj.type, entry.out, entry.n, entry.actor.role], ['read', 'Patient', 'permit', n, 'doctor'], JSON.stringify(entry));
    same(Number(r.headers['lazaret-audit']), entry.idx, 'Lazaret-Audit');
    check(!JSON.stringify(entry).includes(String(id)), 'the entry has the number the doctor knows them by');
  }
});
await test('whoever has no view of people gets none, by whatever number', async () => {
  for (const as of ['installer', 'monitor', 'researcher', 'auditor', 'admin', 'bot'])
    for (const [method, path, body] of [['GET', '/api/v1/patients'], ['GET', `/api/v1/patients/${id}`], ['POST', '/api/v1/patients', anna]]) {
      const r = await ask(as, method, path, body);
      same(r.status, 403, `${as}: ${method} ${path}: ${r.text}`);
      for (const c of canaries) check(!r.text.includes(c), `${as} is told ${c}`);
    }
});
await test('a missing person and a number of another kind look the same', async () => {
  const a = await ask('doctor', 'GET', `/api/v1/patients/${id + 1}`), b = await ask('doctor', 'GET', '/api/v1/patients/1');
  same([a.status, b.status], [404, 404], 'status');
  delete a.json.request_id;
  delete b.json.request_id;
  same(a.json, b.json, 'body');
});
await test('what is wrong with a form is said field by field, and nothing of it is repeated', async () => {
  const r = await ask('doctor', 'POST', '/api/v1/patients', { ...anna, codice_fiscale: 'RSSNNA80A41H501X', gender: 'x', date_join: '1.3.26', rev: 7 });
  same(r.status, 422, r.text);
  same(r.json.detail.map((d) => d.loc.at(-1)).sort(), ['body', 'date_join', 'gender'], r.text);
  for (const c of [...canaries, 'RSSNNA80A41H501X']) check(!r.text.includes(c), `it repeats ${c}`);
  const twice = await ask('doctor', 'POST', '/api/v1/patients', anna);
  same(twice.status, 409, twice.text);
  check(!twice.text.includes(anna.codice_fiscale), 'it repeats the tax code');
});
await test('a list goes page by page, says how many there are, and never twice the same', async () => {
  for (let i = 0; i < 30; i++)
    same((await ask('doctor', 'POST', '/api/v1/patients', { first_name: `N${i}`, last_name: 'Provvisorio', codice_fiscale: `ENI${String(1000000000000 + i)}`,
      date_join: `2026-04-${String(1 + (i % 28)).padStart(2, '0')}` })).status, 201, `person ${i}`);
  const seen = [];
  for (let at = '/api/v1/patients?limit=7'; at;) {
    const r = await ask('doctor', 'GET', at);
    same([r.status, r.headers['x-total-count']], [200, '31'], r.text.slice(0, 200));
    seen.push(...r.json);
    at = /^<(.*)>; rel="next"$/.exec(r.headers.link ?? '')?.[1];
  }
  same([seen.length, new Set(seen.map((p) => p.patient_id)).size], [31, 31], 'people');
  same(seen.map((p) => p.date_join), seen.map((p) => p.date_join).sort().reverse(), 'the order');
  same(seen.at(-1).first_name, 'Annunziata', 'the first to join');
});
await test('a rule that a form or a deed breaks has a word that never changes, as problem+json, and as it was for older clients', async () => {
  const problem = async (method, path, body, as = 'doctor') => JSON.parse((await server.request({ method, path, body: body && JSON.stringify(body),
    headers: { Authorization: `Bearer ${people[as]}`, Accept: 'application/problem+json', ...(body ? { 'Content-Type': 'application/json' } : {}) } })).text);
  for (const [body, field, rule] of [[{ codice_fiscale: 'RSSMRA50A41F205X' }, 'codice_fiscale', 'fiscal-check-letter'], [{ codice_fiscale: 'RSSMRA50A41F205V' }, 'last_name', 'fiscal-other-surname'],
    [{ date_of_birth: 'once' }, 'date_of_birth', 'date'], [{ gender: 'x' }, 'gender', 'gender'], [{ first_name: '\u0007' }, 'first_name', 'control'], [{ phone: '1'.repeat(2000) }, 'phone', 'too-long'],
    [{ date_exit: '2026-02-01' }, 'date_exit', 'exit-before-join']]) {
    const path = '/api/v1/patients', given = { ...anna, ...body };
    same((await problem('POST', path, given)).errors.filter((x) => x.loc[1] === field).map((x) => x.rule), [rule], JSON.stringify(body));
    check((await ask('doctor', 'POST', path, given)).json.detail.every((x) => !('rule' in x)), 'older clients are told of rules');
  }
  const [ticket] = (await ask('installer', 'GET', '/api/v1/tickets')).json;
  same((await problem('POST', `/api/v1/tickets/${ticket.ticket_id}/release`, undefined, 'installer')).rule, 'ticket-free', 'a ticket that nobody has taken');
  same(Object.keys(await problem('GET', `/api/v1/patients/${id}`, undefined, 'monitor')).includes('rule'), false, 'what breaks none');
});
await test('no file and no line of the log says anything of a person', async () => {
  same((await server.stop()).code, 0, 'exit');
  const places = [...filesBelow(server.dir).map((f) => [f, fs.readFileSync(f)]), ['the log', Buffer.from(server.log)]];
  check(places.some(([f]) => postgres || f.endsWith('db')), 'no file was read');
  for (const [where, bytes] of places) for (const c of canaries) check(!bytes.includes(c), `${c} in ${where}`);
  contains(server.log, '/api/v1/patients', 'the log');
});
done();
