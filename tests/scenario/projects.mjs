#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 180
// projects.mjs   a researcher's project by HTTP: proposed, approved by somebody else, read, ended; who is shown (k = 5, consent at the time of the read), by numbers that lead
// nowhere else; each step and each read is in the audit log; nothing of it is in a file. What an outsider, another researcher or an auditor could try has a case each.
import fs from 'node:fs';
import path from 'node:path';
import { settings, token } from './issuer.mjs';
import { Server, check, cli, cliJson, contains, done, program, same, skip, tempFolder, test, until } from './lib.mjs';

const wall = path.join(tempFolder(), 'clock');
fs.writeFileSync(wall, Buffer.alloc(8));
let ahead = 0;
const DAY = 86400;
const goOn = (seconds) => { // the server's wall clock
  ahead += seconds;
  const b = Buffer.alloc(8);
  b.writeBigInt64LE(BigInt(ahead) * 1000000n);
  const f = fs.openSync(wall, 'r+');
  fs.writeSync(f, b, 0, 8, 0);
  fs.closeSync(f);
};
const server = new Server();
await server.start([...settings()], { LAZARET_CLOCK: wall });
const roles = { doc: ['doctor'], rita: ['researcher'], rosa: ['researcher'], dpo: ['auditor'], iit: ['installer'], imt: ['monitor'], root: ['admin'] };
const now = () => Math.floor(Date.now() / 1000) + ahead;
async function ask(who, method, target, body) {
  const r = await server.request({ method, path: `/api/v1/${target}`, body: body && JSON.stringify(body),
    headers: { Authorization: `Bearer ${token(who, roles[who], { iat: now(), exp: now() + 300 })}`, ...(body ? { 'Content-Type': 'application/json' } : {}) } });
  return { ...r, json: r.text ? JSON.parse(r.text) : undefined };
}
async function good(status, ...what) {
  const r = await ask(...what);
  same(r.status, status, `${what[0]}: ${what[1]} ${what[2]}: ${r.text.slice(0, 500)}`);
  return r.json;
}
const refused = async (status, says, ...what) => contains(JSON.stringify((await good(status, ...what)).detail), says, what.slice(0, 3).join(' '));
const day = (n) => new Date((now() + n * DAY) * 1000).toISOString().slice(0, 10);
const form = { title: 'Canary Zephyrine sleeps', question: 'How does Brunilde sleep?\nFor a paper.', data: ['screenings', 'streams'], until: day(30) };
const yes = { decision: 'approved', reason: 'Ermengarda has agreed to it.' }, no = { decision: 'refused', reason: 'Ermengarda would be known.' };
const propose = async (who = 'rita', more = {}) => (await good(201, who, 'POST', 'projects', { ...form, ...more })).id;
const approved = async (who = 'rita', more = {}) => {
  const id = await propose(who, more);
  await good(200, 'dpo', 'POST', `projects/${id}/decision`, yes);
  return id;
};
let people = 0;
const consent = { version: '1', signed_at: '2026-03-01' };
const agree = (id, purposes = ['research']) => good(200, 'doc', 'PUT', `patients/${id}/consent`, { ...consent, purposes });
async function enrol(neuro_diag, age_class) {
  const id = (await good(201, 'doc', 'POST', 'patients', { first_name: 'N', last_name: 'Provvisorio', codice_fiscale: `STP${String(++people).padStart(13, '0')}`, neuro_diag, age_class })).patient_id;
  await agree(id, ['research', 'monitoring', 'treatment']);
  return id;
}

console.log('TAP version 13');
await test('a researcher proposes, and an auditor decides: nobody else, and nobody about their own', async () => {
  for (const who of ['doc', 'iit', 'imt', 'dpo', 'root']) await refused(403, 'you may not do this', who, 'POST', 'projects', form);
  const id = await propose();
  for (const who of ['doc', 'iit', 'imt', 'root']) {
    await refused(403, 'you may not do this', who, 'GET', 'projects');
    await refused(403, 'you may not do this', who, 'GET', `projects/${id}`);
    await refused(403, 'you may not do this', who, 'POST', `projects/${id}/decision`, yes);
    await refused(403, 'you may not do this', who, 'POST', `projects/${id}/end`);
  }
  for (const who of ['doc', 'iit', 'imt', 'root', 'dpo']) for (const part of ['screenings', 'streams']) await refused(403, 'you may not do this', who, 'GET', `projects/${id}/${part}`);
  await refused(403, 'you may not do this', 'rita', 'POST', `projects/${id}/decision`, yes);
  await refused(404, 'nothing here', 'rosa', 'GET', `projects/${id}`);
  await refused(404, 'nothing here', 'rosa', 'POST', `projects/${id}/end`);
  const seen = (await good(200, 'dpo', 'GET', 'projects?state=proposed')).projects;
  same(seen.map((p) => [p.id, p.title, p.question, p.data, p.until, p.uses]), [[id, form.title, form.question, form.data, form.until, 0]], 'what an auditor decides about');
  const p = await good(200, 'dpo', 'POST', `projects/${id}/decision`, no);
  same([p.state, p.reason, typeof p.decided_by, p.decided_by === p.owner], ['refused', no.reason, 'string', false], JSON.stringify(p));
  await refused(409, 'refused already', 'dpo', 'POST', `projects/${id}/decision`, yes);
  same((await good(200, 'rita', 'GET', 'projects')).projects.map((x) => [x.id, x.state, x.reason]), [[id, 'refused', no.reason]], 'who proposed it is told why');
  same((await good(200, 'rosa', 'GET', 'projects')).projects, [], 'another researcher');
});
await test('whoever is a researcher is given no role of an auditor, and the other way round', () => {
  for (const [as, other] of [['auditor', 'researcher'], ['researcher', 'auditor']]) contains(cli(['policy', '--as', as]).stdout, `Not together with ${other}: who approves projects has none of their own.`, as);
});
let id, first;
const ids = [];
await test('nobody is shown before it is approved, nor of fewer than five; what is rare is withheld', async () => {
  id = await propose();
  await refused(409, 'waits for an auditor', 'rita', 'GET', `projects/${id}/screenings`);
  await good(200, 'dpo', 'POST', `projects/${id}/decision`, yes);
  for (let i = 0; i < 4; i++) ids.push(await enrol('MCI', '70-79'));
  const few = await ask('rita', 'GET', `projects/${id}/screenings`);
  same([few.status, few.headers['x-total-count']], [409, undefined], few.text);
  contains(few.text, 'fewer than 5 people agree to research');
  await refused(409, 'fewer than 5 people', 'rita', 'GET', `projects/${id}/streams`);
  ids.push(await enrol('MCI', '70-79'), await enrol('AD', '80-89'));
  const r = await ask('rita', 'GET', `projects/${id}/screenings`);
  same([r.status, r.headers['x-total-count'], r.json.length], [200, '6', 6], r.text);
  for (const x of r.json) same(Object.keys(x), ['data_id', 'neuro_diag', 'age_class', 'withheld'], 'members');
  same(r.json.map((x) => [x.neuro_diag, x.age_class, x.withheld].join()).sort(), [',,true', ...Array(5).fill('MCI,70-79,false')], 'what is told');
  first = r.json.map((x) => x.data_id);
  same(first, [...first].sort((a, b) => a - b), 'in the order of their numbers');
  const pages = [];
  for (let at = `projects/${id}/screenings?limit=4`; at;) {
    const page = await ask('rita', 'GET', at);
    same(page.headers['x-total-count'], '6', 'a page counts all');
    pages.push(...page.json);
    at = /<\/api\/v1\/([^>]+)>; rel="next"/.exec(page.headers.link ?? '')?.[1];
  }
  same(pages, r.json, 'page by page');
  await refused(422, '1 to 20', 'rita', 'GET', `projects/${id}/streams?limit=21`);
});
await test('no number of it is another project\'s, nor any role\'s (P5)', async () => {
  const numbers = async (who, at) => (await good(200, who, 'GET', at)).map((x) => x.data_id ?? x.patient_id);
  const other = await numbers('rita', `projects/${await approved()}/screenings`), rosas = await numbers('rosa', `projects/${await approved('rosa')}/screenings`);
  const monitors = await numbers('imt', 'screenings'), doctors = await numbers('doc', 'patients');
  same([other, rosas, monitors, doctors].map((x) => x.length), [6, 6, 6, 6], 'all of them');
  const all = [...first, ...other, ...rosas, ...monitors, ...doctors];
  same(new Set(all).size, 30, '0 common pseudonyms');
  same((await good(200, 'rita', 'GET', `projects/${id}/screenings`)).map((x) => x.data_id), first, 'its own stay what they were');
  for (const n of [first[0], monitors[0]]) same((await ask('rita', 'GET', `patients/${n}/screenings`)).status, 404, 'they open nothing elsewhere');
  await refused(404, 'nothing here', 'rosa', 'GET', `projects/${id}/screenings`);
  same(await good(200, 'rita', 'GET', 'screenings'), [], 'without a project nothing, as ever');
});
await test('streams of one are under the same number, without a day', async () => {
  const homes = await good(200, 'iit', 'GET', 'tickets?limit=100');
  for (const t of homes.slice(0, 2)) {
    await good(200, 'iit', 'POST', `tickets/${t.ticket_id}/take`);
    for (const kind of ['power', 'motion']) await good(201, 'iit', 'POST', `installations/${t.patient_id}/sensors`, { kind, label: 'ST-canary' });
  }
  const r = await ask('rita', 'GET', `projects/${id}/streams`);
  same([r.status, r.headers['x-total-count'], r.json.map((x) => x.data_id)], [200, '6', first], r.text);
  const streams = r.json.flatMap((x) => x.streams);
  same([streams.length, r.json.filter((x) => x.streams.length === 2).length], [4, 2], r.text);
  for (const s of streams) same([Object.keys(s), Date.parse(s.date_start) / 1000 % (28 * DAY)], [['kind', 'unit', 'date_start'], 0], JSON.stringify(s));
  check(!r.text.includes('canary'), r.text);
});
await test('who withdraws is not there from then on, who is erased neither', async () => {
  await good(200, 'doc', 'POST', `patients/${ids[0]}/consent/withdraw`);
  same((await good(200, 'rita', 'GET', `projects/${id}/streams`)).length, 5, 'withdrawn');
  await agree(ids[0]);
  same((await good(200, 'rita', 'GET', `projects/${id}/streams`)).length, 6, 'agreed again');
  await good(200, 'doc', 'DELETE', `patients/${ids[1]}`);
  const left = (await good(200, 'rita', 'GET', `projects/${id}/screenings`)).map((x) => x.data_id);
  same([left.length, left.every((n) => first.includes(n))], [5, true], 'erased');
  await agree(ids[2], ['treatment']);
  await refused(409, 'fewer than 5 people', 'rita', 'GET', `projects/${id}/screenings`);
  await agree(ids[2]);
});
// A hundred readers, and a withdrawal in their middle: no permitted read comes behind it in the log.
await test('no read behind a withdrawal tells of them', async () => {
  const gone = await enrol('MCI', '70-79');
  let withdrawn;
  const reads = await Promise.all(Array.from({ length: 61 }, async (_, i) => (i === 30
    ? (withdrawn = await ask('doc', 'POST', `patients/${gone}/consent/withdraw`)) && undefined
    : ask('rita', 'GET', `projects/${id}/screenings`))));
  same(withdrawn.status, 200, withdrawn.text);
  const at = Number(withdrawn.headers['lazaret-audit']);
  same(reads.filter((r) => r && Number(r.headers['lazaret-audit']) > at && r.json.length !== 5).length, 0, 'told of them');
  check(reads.filter((r) => r && r.status === 200 && r.json.length === 6).length > 0, 'they were there before');
});
await test('its end forgets what its numbers meant', async () => {
  const other = await approved();
  const had = (await good(200, 'rita', 'GET', `projects/${other}/screenings`)).length;
  same(had, 5, 'before');
  const p = await good(200, 'rita', 'POST', `projects/${other}/end`);
  same([p.state, p.uses, p.ended_by === p.owner], ['ended', 1, true], JSON.stringify(p));
  await refused(409, 'over', 'rita', 'GET', `projects/${other}/screenings`);
  await refused(409, 'over', 'rita', 'POST', `projects/${other}/end`);
  const third = await approved();
  same((await good(200, 'dpo', 'POST', `projects/${third}/end`)).state, 'ended', 'an auditor ends one');
  await refused(409, 'over', 'rita', 'GET', `projects/${third}/screenings`);
});
if (!fs.readFileSync(program).includes('LAZARET_CLOCK')) {
  skip('the clock is moved', 'this build has no faults');
} else {
  await test('when its last day is over nothing is read in it, and its end is in the log though nobody asked', async () => {
    goOn(30 * DAY - now() % DAY);
    await good(200, 'rita', 'GET', `projects/${id}/screenings`);
    goOn(DAY + 1);
    await refused(409, 'over', 'rita', 'GET', `projects/${id}/screenings`);
    await until('its end is in the log', () => server.audit(200).some((x) => x.obj.id === id && x.why === 'ended-by-time'), 15000);
    goOn(-2 * DAY); /* who sets the clock back opens nothing again: it was written down */
    await refused(409, 'over', 'rita', 'GET', `projects/${id}/screenings`);
    goOn(2 * DAY);
    const p = await good(200, 'rita', 'GET', `projects/${id}`);
    same([p.state, p.ended_by], ['ended', undefined], JSON.stringify(p));
    await refused(422, 'today or later', 'rita', 'POST', 'projects', form);
  });
}
await test('each step and each read is in the log, refusals too, and nowhere is a word of it', async () => {
  const entries = server.audit(100000), of = entries.filter((x) => x.obj.id === id);
  const said = new Set(of.map((x) => [x.act, x.obj.type, x.actor.role, x.out, x.why ?? null].join(' ')));
  for (const want of ['create Project researcher permit proposed', 'update Project auditor permit approved', 'read Screening researcher permit ', 'read Stream researcher permit '])
    check(said.has(want), `${want}: ${[...said].join('; ')}`);
  check(of.some((x) => x.obj.type === 'Screening' && x.n === 6), 'how many were told');
  const denied = entries.filter((x) => x.out === 'deny').map((x) => [x.act, x.obj.type, x.why].join(' '));
  for (const want of ['create Project NOT_ALLOWED', 'read Screening RULE', 'read Screening NOT_ALLOWED', 'read Project absent', 'update Project RULE']) check(denied.includes(want), `${want}: ${[...new Set(denied)].join('; ')}`);
  for (const word of ['Zephyrine', 'Brunilde', 'Ermengarda']) {
    check(!JSON.stringify(entries).includes(word), `${word} is in the audit log`);
    check(!server.log.includes(word), `${word} is in the log`);
  }
});
await test('the store and every file of it say nothing of it; and its keys are rotated with the others', async () => {
  const before = (await good(200, 'rita', 'GET', 'projects')).projects;
  check(cliJson(['keys', 'rotate', '--data', server.dir, '--json']).new_keys >= 8, 'new keys');
  same((await good(200, 'rita', 'GET', 'projects')).projects, before, 'all of them open');
  same(server.findPlain(['Zephyrine', 'Brunilde', 'Ermengarda']), [], 'in the clear');
});
same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
done();
