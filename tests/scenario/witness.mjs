#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// witness.mjs   a witness (witness_server.mjs, written from the C2SP texts alone) signs the checkpoints of the audit log: published, in
// proofs and exports, verified offline; the log goes on without it; a log that was cut back or goes on otherwise gets no signature.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, contains, database, done, program, same, tempFolder, test, until } from './lib.mjs';
import * as tlog from './tlog.mjs';
import { Witness, cosignedAt } from './witness_server.mjs';

const postgres = process.env.STORE === 'postgres';
const box = tempFolder(), origin = 'lazaret.local/audit';
const witness = new Witness();
await witness.listen();
const server = new Server();
const settings = ['--audit-witness-url', `${witness.url}/`, '--audit-witness-key', witness.vkey, '--audit-witness-every', '1'];
const start = (s = server) => s.start(settings);
await start();
server.addClient('bot');
const on = (...words) => [...words, '--data', server.dir];
const send = async (s = server) => same((await s.request({ method: 'POST', path: '/v1/diagnose',
  headers: { Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/json' },
  body: `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle('news2')}}` })).status, 202, 'a job');
// The program beside this process, which is the witness meanwhile.
const cli = (words) => new Promise((end) => {
  const p = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const r = { stdout: '', stderr: '' };
  p.stdout.on('data', (d) => { r.stdout += d; });
  p.stderr.on('data', (d) => { r.stderr += d; });
  p.on('close', (code) => end({ code, ...r }));
});
const cliJson = async (words) => JSON.parse((await cli(words)).stdout);
const fails = async (asked, sentence, code = 1) => {
  const r = await asked;
  check(r.code === code, `ended with ${r.code ?? r.signal}: ${r.stdout}${r.stderr}`);
  contains(r.stderr, sentence, 'standard error');
};
const doctor = async () => (await cliJson(on('doctor', '--json'))).find((x) => x.what === 'witness');
const metric = async (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await server.request({ path: '/metrics' })).text)[1]);
const published = async () => (await server.request({ path: '/audit/checkpoint' })).text;
const sizeOf = (note) => tlog.openCheckpoint(note, origin, vkey).size;
const newest = () => until('the published checkpoint is witnessed', async () => {
  const note = await published();
  return cosignedAt(note, witness.vkey) && note;
}, 15000);
const vkey = (await cli(on('audit', 'key'))).stdout.trim();

await test('a witness that does not know this log: which key it needs is said, and the log goes on', async () => {
  await fails(cli(on('audit', 'witness')), `the witness does not know this log: give its operator ${vkey}`);
  const row = await doctor();
  check(!row.holds && row.sentence.includes('has signed nothing yet: the witness does not know this log'), JSON.stringify(row));
  await send();
  check(await metric('lazaret_audit_witness_failed_total') > 0, 'the metric');
  same([await metric('lazaret_audit_cosigned_entries'), await metric('lazaret_audit_cosigned_timestamp_seconds')], [0, 0], 'signed');
  await fails(cli(on('audit', 'verify', '--witness', witness.vkey)), 'no checkpoint has a cosignature of the witness witness.example/w1');
});
await test('it signs what is signed, and that stands in what is published and proved', async () => {
  witness.knows(vkey);
  contains((await cli(on('audit', 'witness'))).stdout, 'witness.example/w1 has signed the first ', 'for a person');
  const note = await newest();
  tlog.openCheckpoint(note, origin, vkey);
  check(Math.abs(cosignedAt(note, witness.vkey) - Date.now() / 1000) < 60, 'when');
  await until('a proof has it, too', async () => cosignedAt((await cli(on('audit', 'prove', '0'))).stdout.split('\n\n').slice(1).join('\n\n'), witness.vkey), 15000);
  const row = await doctor();
  check(row.holds && /has signed the first \d+ of \d+ audit entries, last at \d{4}-/.test(row.sentence), JSON.stringify(row));
});
await test('each new checkpoint is signed by itself', async () => {
  for (let i = 0; i < 3; i++) {
    const before = sizeOf(await newest());
    await send();
    await until('a larger one', async () => sizeOf(await newest()) > before, 15000);
  }
  check(await metric('lazaret_audit_cosigned_entries') > 0 && Math.abs(await metric('lazaret_audit_cosigned_timestamp_seconds') - Date.now() / 1000) < 60, 'the metrics');
  same(new Set(witness.answers.filter((s) => s !== 404)), new Set([200]), 'its answers');
});
await test('given the witness\' key, the log and an export of it are verified with what it signed', async () => {
  const r = await cliJson(on('audit', 'verify', '--witness', witness.vkey, '--json'));
  check(r.holds && r.cosignatures >= 4 && r.cosigned <= r.signed && r.witness === witness.name && r.cosigned_at, JSON.stringify(r));
  contains((await cli(on('audit', 'verify', '--witness', witness.vkey))).stdout, `witness.example/w1 signed the first `, 'for a person');
  const file = path.join(box, 'export'), offline = (f, key = witness.vkey) => cli(['audit', 'verify', '--export', f, '--key', vkey, '--witness', key]);
  check((await cli(on('audit', 'export', file))).code === 0, 'export');
  const whole = await offline(file);
  check(whole.code === 0, whole.stderr);
  contains(whole.stdout, 'witness.example/w1 signed the first ', 'offline');
  await fails(offline(file, new Witness().vkey), 'no checkpoint has a cosignature of the witness');
  await fails(cli(['audit', 'verify', '--export', file, '--witness', vkey]), "--witness is a witness' verifier key", 2);
  // A bit of each cosignature, and one given to another checkpoint.
  const bytes = fs.readFileSync(file), mark = Buffer.from(`— ${witness.name} `), bent = path.join(box, 'bent');
  const places = [];
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) places.push(at + mark.length);
  const swap = Buffer.from(bytes);
  bytes.copy(swap, places[0], places[1], places[1] + 104);
  const forged = places.map((at) => {
    const b = Buffer.from(bytes);
    b[at + 40] = b[at + 40] === 65 ? 66 : 65;
    return b;
  });
  for (const b of [...forged, swap]) {
    fs.writeFileSync(bent, b);
    await fails(offline(bent), 'its signature does not hold');
  }
});
await test('the witness is away: nothing waits for it, and what it missed is signed when it is back', async () => {
  const before = sizeOf(await newest()), { port } = witness;
  await witness.close();
  for (let i = 0; i < 5; i++) await send();
  await until('the checkpoint is newer', async () => sizeOf(await published()) > before + 5);
  await until('doctor says so', async () => !(await doctor()).holds, 15000);
  contains((await doctor()).sentence, '; now: the witness: ', 'the reason');
  contains(server.log, 'the audit log is not witnessed', 'the log');
  await new Promise((ready) => witness.server.listen(port, '127.0.0.1', ready));
  await until('it signs again', async () => sizeOf(await newest()) > before + 5, 15000);
  await until('doctor is content', async () => (await doctor()).holds, 15000);
});
await test('an answer that was lost: it is asked again from what it saw', async () => {
  let lost = 0;
  witness.bent = (status, body) => (status === 200 && !lost++ ? null : [status, body]);
  const before = witness.answers.length;
  await send();
  await until('one was lost', () => lost > 0, 15000);
  await newest();
  witness.bent = null;
  check(witness.answers.slice(before).includes(409), `its answers: ${witness.answers.slice(before)}`);
});
await test('an answer that is no cosignature of that witness is not taken', async () => {
  const other = new Witness(), all = [
    ['of another key', (text) => other.line(text), 'not with a cosignature of audit.witness.key'],
    ['of another text', () => witness.line('something else\n'), 'its signature does not hold'],
    ['of another form', () => 'fine\n', 'a signature is malformed'],
    ['nothing', () => '', 'not with a cosignature of audit.witness.key'],
    ['more than a note', () => `${'— x '.padEnd(200000, 'A')}\n`, 'answered more than'],
  ];
  await newest();
  for (const [what, forge, says] of all) {
    witness.bent = (status) => (status === 200 || status === 409 ? [200, forge('lazaret.local/audit\n1\nAAAA\n')] : [status, '']);
    await send();
    const r = await cli(on('audit', 'witness'));
    check(r.code === 1 && r.stderr.includes(says), `${what}: ${r.code} ${r.stdout}${r.stderr}`);
  }
  witness.bent = () => [503, ''];
  await send();
  await fails(cli(on('audit', 'witness')), 'the witness answered 503');
  witness.bent = null;
  await newest();
});
let restored;
await test('a log that comes from an older backup is refused: it is shorter than what was signed', async () => {
  const backup = path.join(box, 'backup');
  check((await cli(on('db', 'backup', backup))).code === 0, 'backup');
  const then = sizeOf(await newest());
  for (let i = 0; i < 60; i++) await send();
  const had = await until('they are signed', async () => { const n = sizeOf(await newest()); return n >= then + 60 && n; }, 15000);
  await server.stop();
  restored = new Server();
  fs.rmSync(restored.dir, { recursive: true, force: true });
  fs.copyFileSync(`${server.dir}.key`, `${restored.dir}.key`);
  fs.chmodSync(`${restored.dir}.key`, 0o400);
  if (postgres) restored.url = database();
  const r = await cli(['db', 'restore', backup, '--data', restored.dir, '--erased', 'none', '--json', ...(postgres ? ['--store', restored.url] : [])]);
  check(r.code === 0, r.stderr);
  await start(restored);
  const at = async () => (await cliJson(['audit', 'verify', '--data', restored.dir, '--json'])).entries;
  check(await at() < had, `${had} were signed`);
  await fails(cli(['audit', 'witness', '--data', restored.dir]), 'it was cut back, or comes from a backup');
  while (await at() <= had) await send(restored);
  await fails(cli(['audit', 'witness', '--data', restored.dir]), 'the witness says that the log does not continue the');
  same((await cli(['audit', 'verify', '--data', restored.dir])).code, 0, 'verifying alone does not see it');
  const row = (await cliJson(['doctor', '--data', restored.dir, '--json'])).find((x) => x.what === 'witness');
  check(!row.holds && row.sentence.includes('does not continue'), JSON.stringify(row));
});
await restored?.stop();
await test('half of a witness, or what is none, is refused at the start', async () => {
  const serve = (...words) => cli(['serve', '--listen', '127.0.0.1:0', '--data', path.join(box, 'none'), ...words]);
  const refused = async (says, ...words) => contains((await serve(...words)).stderr, says, words.join(' '));
  await refused('a witness has audit.witness.url and audit.witness.key', '--audit-witness-url', witness.url);
  await refused("audit.witness.key is a witness' verifier key", '--audit-witness-url', witness.url, '--audit-witness-key', vkey);
  await refused('https, or http on this machine', '--audit-witness-url', 'http://witness.example', '--audit-witness-key', witness.vkey);
  await fails(cli(['audit', 'witness', '--data', restored.dir]), 'no witness is set');
});
await witness.close();
done();
