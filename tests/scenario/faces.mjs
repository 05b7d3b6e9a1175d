#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 180
// faces.mjs   the audit log over HTTP: a mirror of it is made of its tiles and agrees with what is signed; entries go to the auditor, one's own to
// everybody; as AuditEvents they are valid FHIR; whoever reads them is in the log, too.
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { settings, token } from './issuer.mjs';
import { spawnSync } from 'node:child_process';
import { Server, check, cli, cliJson, contains, done, program, same, tempFolder, test, until } from './lib.mjs';
import * as tlog from './tlog.mjs';

const box = tempFolder();
const server = new Server();
await server.start(settings(), { LAZARET_FAULT: 'slow-verify' });
for (const name of ['bot', 'other']) server.addClient(name);
const people = Object.fromEntries(['auditor', 'doctor', 'installer', 'monitor', 'researcher', 'admin'].map((role) => [role, token(`the-${role}`, [role])]));
const bearer = (as) => (as ? { Authorization: `Bearer ${people[as] ?? server.clients[as].api_key}` } : {});
const get = (target, as) => server.request({ path: target, headers: bearer(as) });
const json = async (target, as = 'auditor') => {
  const r = await get(target, as);
  same(r.status, 200, `${target}: ${r.text.slice(0, 300)}`);
  return JSON.parse(r.text);
};
const send = () => server.request({ method: 'POST', path: '/v1/diagnose', headers: { ...bearer('bot'), 'Content-Type': 'application/json' },
  body: `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle('news2 -temp')}}` });
const origin = 'lazaret.local/audit';
const vkey = cli(['audit', 'key', '--data', server.dir]).stdout.trim();
for (let i = 0; i < 300; i += 30) await Promise.all(Array.from({ length: 30 }, send));
const signed = async () => tlog.openCheckpoint((await get('/audit/checkpoint')).text, origin, vkey);
await until('they are signed', async () => (await signed()).size > 300);

const name = (n) => { const s = String(n).padStart(Math.ceil(String(n).length / 3) * 3, '0').match(/.{3}/g); return s.map((p, i) => (i < s.length - 1 ? `x${p}` : p)).join('/'); };
const width = (n, size) => (size >= (n + 1) * 256 ? '' : `.p/${size - n * 256}`);

await test('a mirror made of tiles alone agrees with what is signed, and each entry with its leaf', async () => {
  const c = await signed();
  const leaves = [];
  for (let n = 0; n * 256 < c.size; n++) {
    const at = `${name(n)}${width(n, c.size)}`;
    const hashes = await get(`/audit/tile/0/${at}`);
    same([hashes.status, hashes.headers['content-type'], hashes.headers['cache-control']], [200, 'application/octet-stream', 'public, max-age=31536000, immutable'], at);
    const entries = await get(`/audit/tile/entries/${at}`, 'auditor');
    same([entries.status, entries.headers['cache-control']], [200, 'no-store'], entries.text.slice(0, 200));
    let from = 0;
    for (let i = 0; i * 32 < hashes.bytes.length; i++) {
      const leaf = hashes.bytes.subarray(32 * i, 32 * i + 32);
      const length = entries.bytes.readUInt16BE(from);
      same(tlog.leafHash(entries.bytes.subarray(from + 2, from + 2 + length)).toString('hex'), leaf.toString('hex'), `leaf ${n * 256 + i}`);
      from += 2 + length;
      leaves.push(leaf);
    }
    same(from, entries.bytes.length, 'the end of the entries');
  }
  same(leaves.length, c.size, 'leaves');
  const root = (list) => {
    if (list.length === 1) return list[0];
    const k = 2 ** Math.ceil(Math.log2(list.length) - 1);
    return tlog.nodeHash(root(list.slice(0, k)), root(list.slice(k)));
  };
  same(root(leaves).toString('hex'), c.root.toString('hex'), 'the root');
  const upper = await get(`/audit/tile/1/${name(0)}.p/1`);
  same(upper.bytes.toString('hex'), root(leaves.slice(0, 256)).toString('hex'), 'the first hash of level 1');
});
await test('a proof over HTTP is one, to a stranger, for the entry whose index an answer told', async () => {
  const r = await send();
  const index = Number(r.headers['lazaret-audit']);
  const early = await get(`/audit/entries/${index}/proof`);
  if (early.status === 404) same([early.headers['retry-after'], JSON.parse(early.text).detail], ['1', 'no such entry is signed; a new one is after a second'], 'not yet');
  await until('it is signed', async () => (await signed()).size > index);
  const proof = (await get(`/audit/entries/${index}/proof`)).text;
  const row = (await json(`/api/v1/audit?object=Negotiation&limit=1`)).entries[0];
  same([row.idx, row.req], [index, r.headers['x-request-id']], 'the newest');
  const entry = Buffer.from(row.entry, 'base64');
  same([tlog.verifyProof(proof, entry, origin, vkey).index, tlog.leafHash(entry).toString('hex')], [index, row.leaf], 'proved');
});
await test('what is no tile is not there', async () => {
  const c = await signed();
  const full = Math.floor(c.size / 256);
  for (const at of ['0', '00', '0000', 'x000/000', '000/000', 'x00/000', '00a', '000.p/0', '000.p/256', '000.p/01', '000.p/', '000.p', '/000', '000/', `${name(full)}`,
    `${name(full)}.p/${c.size % 256 + 5}`, 'x999/x999/x999/x999/999', 'x999/x999/x999/x999/x999/x999/999', '-01', '%2e%2e', '000.p/1.p/1'])
    for (const [tree, as] of [['0', null], ['entries', 'auditor']]) same((await get(`/audit/tile/${tree}/${at}`, as)).status, 404, `${tree}/${at}`);
  for (const at of ['8/000', '63/000', '64/000', '-1/000', 'x/000', '2/000', '1/000', '', '0', '0/']) same((await get(`/audit/tile/${at}`)).status, 404, at);
  for (const i of ['x', '-1', '99999999', '9223372036854775807', '9223372036854775808']) same((await get(`/audit/entries/${i}/proof`)).status, 404, i);
});
await test('who may read what', async () => {
  const read = ['/audit/tile/entries/000', '/api/v1/audit', '/fhir/R4/AuditEvent', '/fhir/R4/AuditEvent/3', '/api/v1/me/accesses'];
  for (const [as, want] of Object.entries({ null: '401 401 401 401 401', bot: '403 403 403 403 200', doctor: '403 200 200 404 200', installer: '403 403 403 403 200',
    monitor: '403 403 403 403 200', researcher: '403 403 403 403 200', admin: '403 403 403 403 200', auditor: '200 200 200 200 200' })) {
    const got = [];
    for (const p of read) got.push((await get(p, as === 'null' ? null : as)).status);
    same(got.join(' '), want, as);
    for (const p of ['/audit/checkpoint', '/audit/tile/0/000', '/audit/entries/3/proof']) same((await get(p, as === 'null' ? null : as)).status, 200, `${as} ${p}`);
  }
  same((await get('/api/v1/audit?actor=bot', 'doctor')).status, 403, 'a doctor who asks for another');
});
await test('reading is an entry: how many were read, by whom; a refusal is one', async () => {
  const r = await get('/api/v1/audit?limit=7&action=create', 'auditor');
  const n = JSON.parse(r.text).entries.length;
  const at = async (index) => (await json(`/api/v1/audit?limit=100`)).entries.find((x) => x.idx === Number(index));
  const row = await at(r.headers['lazaret-audit']);
  same([n, row.n, row.obj.type, row.act, row.out, row.actor.role, row.req], [7, 7, 'Audit', 'read', 'permit', 'auditor', r.headers['x-request-id']], 'read');
  const no = await get('/api/v1/audit', 'admin');
  same(((x) => [x.out, x.why, x.n, x.actor.role])(await at(no.headers['lazaret-audit'])), ['deny', 'NOT_ALLOWED', 0, 'admin'], 'refused');
});
await test('page after page tells every entry once, the newest first, and filters cut', async () => {
  const all = [];
  const until_ = encodeURIComponent(new Date().toISOString());
  for (let next = ''; next !== null;) {
    const p = await json(`/api/v1/audit?limit=100&until=${until_}${next && `&cursor=${next}`}`);
    all.push(...p.entries);
    next = p.next;
  }
  for (let i = 1; i < all.length; i++) check(all[i].t <= all[i - 1].t, `entry ${all[i].idx} is newer than ${all[i - 1].idx}`);
  same(new Set(all.map((x) => x.idx)).size, all.length, 'told twice');
  const shown = server.audit().filter((x) => x.t < all[0].t + 1);
  same(all.length, shown.length, 'all of them');
  for (const [q, fits] of [['actor=bot', (x) => x.actor?.id === 'bot'], ['role=operator', (x) => x.actor?.role === 'operator'], ['action=read', (x) => x.act === 'read'],
    ['object=Negotiation', (x) => x.obj?.type === 'Negotiation'], ['outcome=deny', (x) => x.out === 'deny'], [`object_id=${all.find((x) => x.obj?.id).obj.id}`, (x) => x.obj?.id === all.find((y) => y.obj?.id).obj.id]]) {
    const { entries } = await json(`/api/v1/audit?limit=20&until=${until_}&${q}`);
    same(entries.map((x) => x.idx), all.filter(fits).slice(0, 20).map((x) => x.idx), q);
  }
  const middle = all[all.length >> 1].t;
  const iso = (us) => encodeURIComponent(new Date(Math.floor(us / 1000)).toISOString());
  const from = Math.floor(middle / 1000) * 1000;
  const { entries } = await json(`/api/v1/audit?limit=100&since=${iso(middle)}&until=${until_}&cursor=${middle + 1}_0`);
  same(entries.map((x) => x.idx), all.filter((x) => x.t <= middle && x.t >= from).map((x) => x.idx), 'since');
  for (const q of ['limit=0', 'limit=101', 'limit=x', 'cursor=x', 'since=yesterday', 'until=0']) same((await get(`/api/v1/audit?${q}`, 'auditor')).status, 422, q);
});
await test('on the command line: the same filters; and verify says how far it is while the server does it', () => {
  const show = (...words) => cliJson(['audit', 'show', '--data', server.dir, '--json', ...words]).map((x) => x.idx);
  const all = server.audit().sort((a, b) => a.t - b.t || a.idx - b.idx); /* by time: where processes share a store, an index is given later */
  same(show('--actor', 'bot', '--outcome', 'deny', '--last', '7').join(), all.filter((x) => x.actor?.id === 'bot' && x.out === 'deny').slice(-7).map((x) => x.idx).join(), 'filters');
  same(show('--object', 'Negotiation', '--until', '2001-01-01'), [], 'long ago');
  same(show('--action', 'create', '--role', 'client', '--since', new Date(Date.now() - 3600000).toISOString(), '--last', '3').length, 3, 'since');
  check(cli(['audit', 'show', '--since', 'yesterday', '--data', server.dir]).code !== 0, 'accepted: yesterday');
  const r = spawnSync('script', ['-qec', `${program} audit verify --data ${server.dir}`, '/dev/null'], { encoding: 'utf8' });
  contains(r.stdout, 'verifying the audit log: 100 %', 'the terminal');
  contains(r.stdout, 'checkpoints that hold', 'the report');
});
await test('everybody sees what they did themselves, and nobody else', async () => {
  await server.request({ path: '/v1/jobs/0af76519-16cd-43dd-8448-eb211c80319c', headers: bearer('other') });
  const mine = await json('/api/v1/me/accesses?limit=100', 'other');
  check(mine.entries.length >= 1 && mine.entries.every((x) => x.actor.id === 'other'), JSON.stringify(mine).slice(0, 300));
  same(mine.entries[0].obj.id, '0af76519-16cd-43dd-8448-eb211c80319c', 'what it asked for');
  const doctors = await json('/api/v1/audit', 'doctor');
  const { id } = await json('/api/v1/me', 'doctor');
  check(doctors.entries.length && doctors.entries.every((x) => x.actor.id === id), JSON.stringify(doctors.entries.map((x) => x.actor)));
});

const admins = async () => { const [x] = (await json('/api/v1/audit?limit=1&role=admin')).entries; return [x.act, x.obj.type, x.obj.id ?? null, x.out, x.why ?? null, x.n]; };
await test('who looks at jobs of others is in the log', async () => {
  const made = await server.request({ method: 'POST', path: '/v1/diagnose', headers: { ...bearer('bot'), 'Content-Type': 'application/json' }, body: `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle('news2')}}` });
  same(made.status, 202, made.text);
  const { jobs } = await json('/v1/jobs', 'admin');
  same(await admins(), ['read', 'Job', null, 'permit', null, jobs.length], 'the list of all');
  await json(`/v1/jobs/${jobs[0].job_id}`, 'admin');
  same(await admins(), ['read', 'Job', jobs[0].job_id, 'permit', null, 1], 'one of them');
});
await test('who tries to decide over their own account, alone, or over nobody is in the log', async () => {
  const { id } = await json('/api/v1/me', 'admin'), doctor = (await json('/api/v1/me', 'doctor')).id;
  const decide = (at, role) => server.request({ method: 'POST', path: `/api/v1/people/${at}/roles/${role}/approve`, headers: bearer('admin') });
  same((await decide(doctor, 'monitor')).status, 200, 'proposed');
  for (const [at, role, status, why] of [[id, 'auditor', 409, 'RULE'], [doctor, 'monitor', 409, 'CONFLICT'], ['01890000-0000-7000-8000-000000000000', 'doctor', 404, 'NOT_FOUND']]) {
    same((await decide(at, role)).status, status, role);
    same(await admins(), ['update', 'Grant', null, 'deny', why, 0], role);
  }
});
await test('a doctor is told what they proposed for somebody, and not what else that person holds', async () => {
  const { id } = await json('/api/v1/me', 'auditor');
  same((await server.request({ method: 'POST', path: `/api/v1/people/${id}/roles/monitor/approve`, headers: bearer('admin') })).status, 200, 'what an admin proposed');
  const r = await server.request({ method: 'POST', path: `/api/v1/people/${id}/roles`, headers: { ...bearer('doctor'), 'Content-Type': 'application/json' }, body: '{"role":"installer"}' });
  same(r.status, 200, r.text);
  const { people } = await json('/api/v1/people', 'doctor');
  same(people.map((x) => [x.id, x.roles, x.proposals.map((y) => y.role)]), [[id, [], ['installer']]], 'the list');
});

// ---- FHIR

const fhir = async (q, as = 'auditor') => JSON.parse((await get(`/fhir/R4/AuditEvent${q}`, as)).text);
await test('each AuditEvent is valid FHIR R4, page after page, and none is lost', async () => {
  const seen = [];
  const file = path.join(box, 'events.json');
  for (let q = `?_count=100&date=lt${new Date().toISOString()}`; q;) {
    const b = await fhir(q);
    same([b.resourceType, b.type], ['Bundle', 'searchset'], JSON.stringify(b).slice(0, 300));
    fs.writeFileSync(file, JSON.stringify(b));
    const r = cli(['fhir', 'validate', file]);
    same(r.code, 0, `${r.stdout.slice(0, 2000)}${r.stderr}`);
    seen.push(...b.entry.map((x) => x.resource));
    q = b.link.find((x) => x.relation === 'next')?.url.replace(/^.*AuditEvent/, '');
  }
  same(new Set(seen.map((x) => x.id)).size, seen.length, 'told twice');
  const rows = new Map(server.audit().map((x) => [String(x.idx), x]));
  check(seen.length > 330, `${seen.length} events`);
  const word = { permit: '0', deny: '4', error: '8' };
  for (const x of seen) {
    const row = rows.get(x.id);
    same([x.recorded, x.outcome, x.outcomeDesc, x.agent[0].who.identifier?.value, x.agent[0].role?.[0].coding[0].code, x.entity?.[0].detail?.[0].valueString],
      [new Date(Math.floor(row.t / 1000)).toISOString().replace('Z', `${String(row.t % 1000).padStart(3, '0')}Z`), word[row.out], row.why, row.actor?.id, row.actor?.role,
        row.obj ? String(row.n) : undefined], JSON.stringify(x));
  }
});
await test('one by its id is valid, too, and is the same', async () => {
  const r = await get('/fhir/R4/AuditEvent/3', 'auditor');
  same([r.status, r.headers['content-type']], [200, 'application/fhir+json'], r.text);
  const file = path.join(box, 'event.json');
  fs.writeFileSync(file, r.text);
  const v = cli(['fhir', 'validate', file]);
  same(v.code, 0, v.stdout + v.stderr);
  const row = server.audit().find((x) => x.idx === Number(r.headers['lazaret-audit']));
  same([row.n, row.obj.id, row.obj.type], [1, '3', 'Audit'], 'who read it');
});
await test('date, agent and outcome cut; what is not understood is refused as FHIR', async () => {
  const ids = async (q) => ((await fhir(q)).entry ?? []).map((x) => x.resource.id);
  const day = new Date().toISOString().slice(0, 10);
  same((await ids(`?date=gt${day}&_count=3`)).length, 0, 'tomorrow');
  same((await ids('?date=lt2001-01-01')).length, 0, 'long ago');
  same((await ids(`?date=${day}&_count=3`)).length, 3, 'today');
  same((await ids(`?date=ge2001&date=le${day}&_count=3`)).length, 3, 'up to today');
  check((await fhir('?agent=bot&_count=5')).entry.every((x) => x.resource.agent[0].who.identifier.value === 'bot'), 'agent');
  check((await fhir('?outcome=4&_count=5')).entry.every((x) => x.resource.outcome === '4'), 'outcome');
  for (const q of ['?patient=1', '?date=ne2020', '?date=x', '?outcome=2', '?_count=0', '?_cursor=9', '?agent=']) {
    const r = await get(`/fhir/R4/AuditEvent${q}`, 'auditor');
    same([r.status, r.headers['content-type'], JSON.parse(r.text).resourceType], [400, 'application/fhir+json', 'OperationOutcome'], q);
  }
  contains((await get('/fhir/R4/AuditEvent/99999999', 'auditor')).text, 'OperationOutcome');
});
same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
done();
