#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 180
// renew.mjs   lazaret study renew ROLE: what somebody kept of a role's numbers leads nowhere, and everything else is as it was, with a server that runs and without.
import { settings, token } from './issuer.mjs';
import { Server, check, cli, cliJson, contains, done, opening, same, test } from './lib.mjs';

const server = new Server();
await server.start(settings());
const people = Object.fromEntries(['doctor', 'installer', 'monitor'].map((role) => [role, token(`the-${role}`, [role])]));
const ask = async (as, method, at, body, headers = {}) => {
  const r = await server.request({ method, path: `/api/v1/${at}`, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    headers: { Authorization: `Bearer ${people[as]}`, ...(body === undefined || headers['Content-Type'] ? {} : { 'Content-Type': 'application/json' }), ...headers } });
  return { ...r, json: r.text ? JSON.parse(r.text) : undefined };
};
const ok = async (...how) => {
  const r = await ask(...how);
  check(r.status === 200 || r.status === 201, `${how.slice(0, 3)}: ${r.status} ${r.text}`);
  return r.json;
};
for (let i = 0; i < 4; i++) {
  const [{ patient_id }, { installer }] = await opening(['installer'], (as) => ok(as, 'GET', 'tickets?limit=100'), () => ok('doctor', 'POST', 'patients', { first_name: `Nome${i}`, last_name: `Cognome${i}`,
    codice_fiscale: `STP${7000000000000 + i}`, neuro_diag: 'MCI', age_class: '70-79', contacts: [{ alias: `Figlio${i}` }] }));
  await ok('doctor', 'PUT', `patients/${patient_id}/consent`, { version: '1', signed_at: '2026-03-01', purposes: ['treatment', 'monitoring'] });
  await ok('installer', 'POST', `tickets/${installer.ticket_id}/messages`, { body: `Ci vado, numero ${i}` });
  await ok('installer', 'POST', `installations/${installer.patient_id}/sensors`, { kind: 'motion', label: `ST-${i}` });
  for (const n of [1, 2]) same((await ask('installer', 'POST', `installations/${installer.patient_id}/documents`, `a;b\n${i};${n}\n`, { 'Content-Type': 'text/csv', 'Content-Disposition': `attachment; filename="f${i}${n}.csv"` })).status, 201, 'a document');
}

const number = /^(patient_id|ticket_id|data_id|stream_id|sensor_id|id)$/;
const without = (v) => (Array.isArray(v) ? v.map(without) : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).filter(([k]) => !number.test(k) && !/^(hue|date_delta|epoch)$/.test(k)).map(([k, x]) => [k, without(x)])) : v);
const sorted = (l) => l.map((x) => JSON.stringify(x)).sort();
// All a role is told of homes, tickets, streams and data: the answers without numbers in no order, and the addresses that numbers make.
async function view(as) {
  const told = [], at = [], epochs = [], lists = {};
  const list = async (path, one, key) => {
    const r = (lists[path] = await ok(as, 'GET', `${path}${path.includes('?') ? '&' : '?'}limit=100`));
    const l = r.documents ?? r;
    told.push(...l.map((x) => [path.replace(/\d+/g, 'N'), without(x)]));
    if (one) at.push(...l.map((x) => `${one}${x[key]}`));
    return l;
  };
  const homes = await list('installations', 'installations/', 'patient_id');
  for (const t of await list('tickets', 'tickets/', 'ticket_id')) told.push(await ok(as, 'GET', `tickets/${t.ticket_id}/messages`).then(without));
  for (const h of homes) {
    await list(`installations/${h.patient_id}/documents`);
    if (as !== 'installer') for (const s of await list(`installations/${h.patient_id}/streams`, 'streams/', 'stream_id')) epochs.push(s.epoch);
    if (as !== 'monitor') await list(`installations/${h.patient_id}/sensors`, 'sensors/', 'sensor_id');
  }
  if (as === 'monitor') for (const s of await list('screenings')) at.push(`patients/${s.data_id}/screenings`);
  if (as === 'doctor') for (const p of await list('patients', 'patients/', 'patient_id')) for (const c of await list(`patients/${p.patient_id}/contacts`)) at.push(`contacts/${c.id}`);
  return { told: sorted(told), at: [...new Set(at)], epochs, lists };
}
const views = async () => Object.fromEntries(await Promise.all(Object.keys(people).map(async (as) => [as, await view(as)])));
const was = await views();

for (const role of ['monitor', 'installer', 'doctor'])
  await test(`renewed for a ${role}, no number of theirs means anything, others' do, and everything is as it was`, async () => {
    const before = await views();
    const r = cliJson(['study', 'renew', role, '--data', server.dir, '--json']);
    check(r.role === role && r.numbers >= before[role].at.length && r.edges > 0, JSON.stringify(r));
    for (const at of before[role].at) same((await ask(role, 'GET', at)).status, 404, `${role}: ${at}`);
    const now = await views();
    for (const as of Object.keys(people)) {
      same(now[as].told, before[as].told, `what a ${as} is told`);
      same(now[as].epochs, before[as].epochs.map((n) => n + (role === 'installer' ? 0 : 1)), `${as}: epochs`);
      if (as !== role) same(now[as].at, before[as].at, `a ${as}'s numbers`);
      else same(now[as].at.filter((x) => before[as].at.includes(x)), [], 'numbers that stayed');
    }
    check(now.monitor.epochs.length === 4 && now.monitor.epochs[0] > 0, 'no epoch');
    for (const at of now[role].at) same((await ask(role, 'GET', at)).status, 200, `${role}: ${at}`);
    const falls = (ids) => ids.every((x, i) => !i || ids[i - 1] > x);
    if (role !== 'doctor') {
      const minutes = new Map();
      for (const t of now[role].lists.tickets) minutes.set(t.ts, [...minutes.get(t.ts) ?? [], t.ticket_id]);
      for (const ids of minutes.values()) check(falls(ids), `tickets of one minute: ${ids}`);
    }
  });
await test('it is one entry of the audit log, which says of which role', () => {
  const entries = server.audit().filter((x) => x.route === 'lazaret study renew');
  same(entries.map((x) => [x.act, x.obj.type, x.obj.id, x.out, x.why, x.n > 0]), ['monitor', 'installer', 'doctor'].map((role) => ['update', 'Alias', role, 'permit', 'renewed', true]), 'entries');
});
await test('a role without numbers is refused, and one that there is not', () => {
  for (const [role, says] of [['admin', 'has no numbers'], ['nurse', 'no such role']]) {
    const r = cli(['study', 'renew', role, '--data', server.dir]);
    check(r.code !== 0, `exit status of ${role}`);
    contains(r.stderr, says, 'what it says');
  }
});
await test('it can be done without a server, and the store is sound after it', async () => {
  same((await server.stop()).code, 0, 'exit');
  contains(cli(['study', 'renew', 'monitor', '--data', server.dir]).stdout, 'lead', 'what it says');
  same(cliJson(['db', 'check', '--data', server.dir, '--json']).filter((x) => !x.holds), [], 'db check');
  same(cli(['audit', 'verify', '--data', server.dir]).code, 0, 'audit verify');
  await server.start(settings());
  const now = await views();
  for (const as of Object.keys(people)) same(now[as].told, was[as].told, `what a ${as} is told`);
});
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
