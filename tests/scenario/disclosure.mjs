#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 300
// soak: N requests
// disclosure.mjs   each answer that discloses something has one entry in the audit log, with the right number, over many random requests at once; and
// while no entry can be appended nothing is disclosed: 503, and on the wire no byte of what would have been told.
import { spawnSync } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { settings, token } from './issuer.mjs';
import { Server, check, done, same, test, until } from './lib.mjs';

const many = Number(process.env.N || (process.env.STORE === 'postgres' ? 2000 : 5000));
const server = new Server();
await server.start([...settings(), '--webhook-allow', '127.0.0.1']);
for (const name of ['bot', 'other']) server.addClient(name);
const people = { auditor: 'dpo', doctor: 'doc', admin: 'root' }, tokens = {};
// A token is good for five minutes, and many requests take longer.
const signedIn = (as) => {
  const t = tokens[as];
  return (t?.at > Date.now() - 120000 ? t : (tokens[as] = { at: Date.now(), text: token(people[as], [as]) })).text;
};
const bearer = (as) => (as ? { Authorization: `Bearer ${people[as] ? signedIn(as) : server.clients[as].api_key}` } : {});
const ask = (method, target, as, body) => server.request({ method, path: target, body, headers: { ...bearer(as), ...(body ? { 'Content-Type': 'application/json' } : {}) } });
const order = (words) => `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle(words)}}`;
const parameters = (words) => `{"resourceType":"Parameters","parameter":[{"name":"target","valueCode":"news2"},{"name":"data","resource":${bundle(words)}}]}`;
const whole = order('news2'), incomplete = order('news2 -temp');

const jobs = [];
for (let i = 0; i < 5; i++) jobs.push(JSON.parse((await ask('POST', '/v1/diagnose', 'bot', whole)).text).job_id);
for (const id of jobs) await until('it has ended', async () => JSON.parse((await ask('GET', `/v1/jobs/${id}`, 'bot')).text).status === 'COMPLETED');
const result = JSON.parse((await ask('GET', `/v1/jobs/${jobs[0]}`, 'bot')).text);

let seed = Number(process.env.SEED || Date.now() % 1000000);
const started = seed;
const roll = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return (seed >> 8) % n; };
const one = (list) => list[roll(list.length)];

// What is asked: by whom, what, and what its entry says: [action, outcome, how many]; null: an answer that tells of nobody and nothing.
const entries = (r) => JSON.parse(r.text).entries.length;
const events = (r) => (JSON.parse(r.text).entry ?? []).length;
const kinds = [
  () => ['GET', `/v1/jobs/${one(jobs)}`, 'bot', null, 200, () => ['read', 'permit', 1]],
  () => ['GET', `/v1/jobs/${one(jobs)}`, 'other', null, 404, () => ['read', 'deny', 0]],
  () => ['POST', '/v1/diagnose', 'bot', incomplete, 409, () => ['create', 'deny', null]],
  () => ['GET', `/fhir/R4/${one(['GuidanceResponse', '$async'])}/${one(jobs)}`, 'bot', null, 200, () => ['read', 'permit', 1]],
  () => ['GET', `/fhir/R4/${one(['GuidanceResponse', '$async'])}/${one(jobs)}`, 'other', null, 404, () => ['read', 'deny', 0]],
  () => ['POST', '/fhir/R4/$diagnose', 'bot', parameters('news2 -temp'), 200, () => ['create', 'deny', null]],
  () => ['GET', `/api/v1/audit?limit=${1 + roll(30)}${one(['', '&actor=bot', '&outcome=deny', '&action=create', '&role=operator', '&object=nothing'])}`, 'auditor', null, 200, (r) => ['read', 'permit', entries(r)]],
  () => ['GET', `/api/v1/me/accesses?limit=${1 + roll(30)}`, one(['bot', 'other', 'auditor', 'doctor', 'admin']), null, 200, (r) => ['read', 'permit', entries(r)]],
  () => ['GET', `/fhir/R4/AuditEvent?_count=${1 + roll(20)}${one(['', '&agent=bot', '&outcome=4', '&date=lt2001'])}`, one(['auditor', 'doctor']), null, null, (r) => (r.status === 200 ? ['read', 'permit', events(r)] : ['read', 'deny', 0])],
  () => ['GET', `/fhir/R4/AuditEvent/${roll(20)}`, 'auditor', null, 200, () => ['read', 'permit', 1]],
  () => ['GET', one(['/audit/tile/entries/000.p/9', '/api/v1/audit', '/fhir/R4/AuditEvent/1']), one(['bot', 'admin']), null, 403, () => ['read', 'deny', 0]],
  () => ['GET', `/audit/tile/entries/000.p/${1 + roll(9)}`, 'auditor', null, 200, (r) => ['read', 'permit', Number(/p\/(\d+)$/.exec(r.target)[1])]],
  () => ['GET', one(['/health', '/v1/models', '/audit/checkpoint', '/audit/tile/0/000.p/3', '/audit/entries/2/proof']), 'bot', null, 200, () => null],
];

await test(`each of ${many} answers that disclose something has one entry, with its number (seed ${started})`, async () => {
  const want = new Map();
  await until('nine entries are signed', async () => (await ask('GET', '/audit/tile/0/000.p/9')).status === 200);
  let left = many;
  const somebody = async () => {
    while (left-- > 0) {
      const [method, target, as, body, status, told] = one(kinds)();
      const r = await ask(method, target, as, body ?? undefined);
      r.target = target;
      if (status) same(r.status, status, `${method} ${target} as ${as}: ${r.text.slice(0, 200)}`);
      want.set(r.headers['x-request-id'], { what: `${method} ${target} as ${as}`, said: told(r), index: r.headers['lazaret-audit'] });
    }
  };
  await Promise.all(Array.from({ length: 8 }, somebody));
  same(want.size, many, 'requests');
  const got = new Map();
  for (const x of server.audit(100000)) if (x.req) got.set(x.req, [...(got.get(x.req) ?? []), x]);
  for (const [id, x] of want) {
    const rows = got.get(id) ?? [];
    if (x.said === null) {
      same([rows.length, x.index], [0, undefined], `entries of ${x.what}`);
      continue;
    }
    same(rows.length, 1, `entries of ${x.what}`);
    const [act, out, n] = x.said;
    same([rows[0].act, rows[0].out, n === null ? null : rows[0].n, String(rows[0].idx)], [act, out, n, x.index], x.what);
  }
});

// ---- no entry can be appended

function sql(text) {
  const r = server.url ? spawnSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', server.url, '-c', text], { encoding: 'utf8' })
    : spawnSync('python3', ['-c', 'import sqlite3,sys\nc=sqlite3.connect(sys.argv[1],timeout=20)\nc.executescript(sys.argv[2])\nc.commit()', path.join(server.dir, 'lazaret.db'), text], { encoding: 'utf8' });
  same(r.status, 0, `${text}: ${r.stderr}`);
}
// All that comes over the wire, byte by byte, until the server closes it.
const wire = (method, target, as, body) => new Promise((resolve, reject) => {
  const piece = [];
  const s = net.connect(server.port, '127.0.0.1', () => s.write(`${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${Object.entries(bearer(as)).map(([k, v]) => `${k}: ${v}\r\n`).join('')}${
    body ? `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` : ''}\r\n${body ?? ''}`));
  s.on('data', (d) => piece.push(d));
  s.on('error', reject);
  s.on('close', () => resolve(Buffer.concat(piece)));
});
const asked = [['GET', `/v1/jobs/${jobs[0]}`, 'bot'], ['GET', `/v1/jobs/${jobs[0]}`, 'other'], ['POST', '/v1/diagnose', 'bot', whole], ['POST', '/v1/diagnose', 'bot', incomplete],
  ['PUT', '/v1/jobs/0af76519-16cd-43dd-8448-eb211c80319c', 'bot', whole], ['POST', `/v1/jobs/${jobs[1]}/erase`, 'bot'], ['POST', `/v1/jobs/${jobs[1]}/replay`, 'bot'],
  ['GET', `/v1/jobs/${jobs[1]}/events`, 'bot'], ['POST', '/v1/webhook-endpoints', 'bot', '{"url":"http://127.0.0.1:1/x"}'], ['GET', '/api/v1/audit', 'auditor'],
  ['GET', '/api/v1/audit', 'admin'], ['GET', '/api/v1/me/accesses', 'bot'], ['GET', '/fhir/R4/AuditEvent', 'auditor'], ['GET', '/fhir/R4/AuditEvent/3', 'auditor'],
  ['GET', '/audit/tile/entries/000.p/3', 'auditor'], ['GET', '/v1/jobs', null], ['GET', '/v1/jobs', 'auditor'],
  ['POST', '/fhir/R4/$diagnose', 'bot', parameters('news2')], ['POST', '/fhir/R4/$diagnose', 'bot', parameters('news2 -temp')], ['GET', `/fhir/R4/GuidanceResponse/${jobs[0]}`, 'bot'], ['GET', `/fhir/R4/$async/${jobs[0]}`, 'bot'],
  ['GET', `/fhir/R4/$async/${jobs[0]}`, 'other']];
const table = server.url ? 'audit_pending' : 'audit';
await test('while no entry can be appended: 503, and no byte of what would have been told', async () => {
  for (const [method, target, as, body] of asked) {
    const r = await wire(method, target, as, body);
    if (method !== 'GET' || !target.startsWith('/v1/jobs/')) continue; /* it would tell, if it could */
    check(!r.toString().startsWith('HTTP/1.1 503'), `${method} ${target}: ${r}`);
  }
  jobs.splice(1, 1); /* that one is erased now */
  const rows = () => server.audit(100000).length;
  const before = rows();
  if (server.url)
    sql(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = 'disk_full'; END $$; CREATE TRIGGER no_room BEFORE INSERT ON ${table} EXECUTE FUNCTION full_disk();`);
  else sql(`CREATE TRIGGER no_room BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'disk full'); END;`);
  const secret = [...Object.keys(result.result ?? {}), 'COMPLETED', 'webhook_secret', 'whsec_', '"idx"', 'AuditEvent"', 'negotiation_id', 'missing_data', 'GuidanceResponse', 'data-required', 'not-own'];
  for (const [method, target, as, body] of asked) {
    const [head, text] = (await wire(method, target, as, body)).toString('latin1').split('\r\n\r\n');
    same(head.split('\r\n')[0], 'HTTP/1.1 503 Service Unavailable', `${method} ${target} as ${as}: ${text}`);
    check(!/lazaret-audit/i.test(head), `${method} ${target}: ${head}`);
    for (const word of secret) check(!text.includes(word) && !head.includes(word), `${method} ${target} as ${as}: '${word}' is in ${text}`);
    const said = JSON.parse(text);
    check(['detail,request_id', 'resourceType,issue'].includes(Object.keys(said).join()), `${method} ${target} as ${as}: ${text}`);
  }
  sql(server.url ? `DROP TRIGGER no_room ON ${table}` : 'DROP TRIGGER no_room');
  same(rows(), before, 'entries');
  same((await ask('GET', `/v1/jobs/${jobs[0]}`, 'bot')).status, 200, 'afterwards');
  same((await ask('GET', '/v1/jobs/0af76519-16cd-43dd-8448-eb211c80319c', 'other')).status, 404, 'afterwards');
});
same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
done();
