#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 120
// audit.mjs   the audit log is proved to somebody who trusts neither this program nor its store: tlog.mjs, which was written from the
// specifications alone, accepts its proofs and refuses what was tampered with; an export is verified without the data folder.
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, cli, cliJson, contains, done, same, tempFolder, test, until } from './lib.mjs';
import * as tlog from './tlog.mjs';

const box = tempFolder();
const server = new Server();
await server.start();
server.addClient('bot');
const on = (...words) => [...words, '--data', server.dir];
const headers = { Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/json' };
const send = async () => JSON.parse((await server.request({ method: 'POST', path: '/v1/diagnose', headers,
  body: `{"client_id":"bot","target_diagnosis":"news2","fhir_bundle":${bundle('news2')}}` })).text).job_id;
const origin = 'lazaret.local/audit';
const run = (...words) => {
  const r = cli(words);
  check(r.code === 0, `${words.join(' ')}: ${r.stderr}`);
  return r.stdout;
};
const prove = (...words) => run(...on('audit', 'prove', ...words));
const refuses = (what, body) => {
  try { body(); } catch (e) { if (e instanceof tlog.Refused) return; throw e; }
  check(false, `accepted: ${what}`);
};

for (let i = 0; i < 20; i++) await send();
const vkey = run(...on('audit', 'key')).trim();
const size = () => tlog.openCheckpoint(prove('--from', '1').split('\n\n').slice(1).join('\n\n'), origin, vkey).size;
await until('what was appended is signed', () => size() >= 41);
const file = path.join(box, 'export');
run(...on('audit', 'export', file));

// The entries of an export: 'E', a length of two bytes, the entry (src/audit/verify.h).
function entriesOf(bytes) {
  const list = [];
  let at = bytes.indexOf(10) + 1;
  while (at < bytes.length) {
    const n = bytes.readUInt16BE(at + 1);
    if (bytes[at] === 69) list.push({ at: at + 3, bytes: bytes.subarray(at + 3, at + 3 + n) });
    at += 3 + n;
  }
  return list;
}
const exported = fs.readFileSync(file);
const entries = entriesOf(exported);

await test('each entry is proved to be in the log, by its index and by its leaf', () => {
  check(entries.length >= 41, `${entries.length} entries`);
  for (const i of [0, 1, 7, entries.length >> 1, entries.length - 1]) {
    const proof = prove(String(i));
    const seen = tlog.verifyProof(proof, entries[i].bytes, origin, vkey);
    same(seen.index, i, 'index');
    const leaf = tlog.leafHash(entries[i].bytes).toString('hex');
    same(tlog.verifyProof(prove('--leaf', leaf), entries[i].bytes, origin, vkey).index, i, 'by its leaf');
  }
});
await test('a proof is good for its entry, its log and its key alone', () => {
  const proof = prove('5');
  const entry = entries[5].bytes;
  for (let at = 0; at < entry.length; at += 7) {
    const other = Buffer.from(entry);
    other[at] ^= 1;
    refuses(`an entry changed at ${at}`, () => tlog.verifyProof(proof, other, origin, vkey));
  }
  refuses('another entry', () => tlog.verifyProof(proof, entries[6].bytes, origin, vkey));
  refuses('another log', () => tlog.verifyProof(proof, entry, 'example.org/log', vkey));
  for (let at = 0; at < proof.length; at += 5) {
    const other = `${proof.slice(0, at)}${proof[at] === 'A' ? 'B' : 'A'}${proof.slice(at + 1)}`;
    refuses(`a proof changed at ${at}`, () => tlog.verifyProof(other, entry, origin, vkey));
  }
});
await test('the log continues what it was', async () => {
  const before = prove('3');
  const old = tlog.openCheckpoint(before.split('\n\n').slice(1).join('\n\n'), origin, vkey);
  await send();
  await until('it grows', () => size() > old.size);
  const [head, ...rest] = prove('--from', String(old.size)).split('\n\n');
  const now = tlog.openCheckpoint(rest.join('\n\n'), origin, vkey);
  const [first, ...hashes] = head.split('\n');
  same(first, `old ${old.size}`, 'the first line');
  const proof = hashes.map((h) => Buffer.from(h, 'base64'));
  tlog.verifyConsistency(old.size, old.root, now.size, now.root, proof);
  const forged = Buffer.from(old.root);
  forged[0] ^= 1;
  refuses('another past', () => tlog.verifyConsistency(old.size, forged, now.size, now.root, proof));
});
await test('an export is verified without the data, and says what was done to it', () => {
  const told = cliJson(['audit', 'verify', '--export', file, '--key', vkey, '--json']);
  same([told.holds, told.entries], [true, entries.length], 'the export');
  const bad = path.join(box, 'bad');
  for (const at of [entries[0].at, entries[3].at + 5, entries[entries.length - 1].at, exported.length - 3]) {
    const other = Buffer.from(exported);
    other[at] ^= 1;
    fs.writeFileSync(bad, other);
    const r = cli(['audit', 'verify', '--export', bad, '--key', vkey]);
    check(r.code !== 0, `accepted: a byte changed at ${at}`);
  }
  fs.writeFileSync(bad, exported.subarray(0, exported.length - 40));
  check(cli(['audit', 'verify', '--export', bad, '--key', vkey]).code !== 0, 'accepted: a file cut short');
  const last = vkey.endsWith('A') ? 'B' : 'A';
  check(cli(['audit', 'verify', '--export', file, '--key', `${vkey.slice(0, -1)}${last}`]).code !== 0, 'accepted: another key');
});
await test('a file without a checkpoint in it is no checkpoint that the log continues', () => {
  const empty = path.join(box, 'empty');
  fs.writeFileSync(empty, '');
  for (const words of [on('audit', 'verify', '--checkpoint', empty), ['audit', 'verify', '--export', file, '--key', vkey, '--checkpoint', empty]]) {
    const r = cli(words);
    same(r.code, 2, `${words.join(' ')}: ${r.stdout}`);
    contains(r.stderr, 'there is no checkpoint in', 'standard error');
  }
});
await test('what is no index, and what is not signed yet, is refused in a sentence', () => {
  for (const [words, sentence] of [[['999999'], 'entries, the first is 0'], [['x'], 'x'], [['--leaf', 'zz'], 'leaf'], [['--from', '999999'], '--from is at most that']]) {
    const r = cli(on('audit', 'prove', ...words));
    check(r.code !== 0, `accepted: ${words.join(' ')}: ${r.stdout.slice(0, 200)}`);
    contains(r.stderr, sentence, 'standard error');
  }
});
await server.stop();
await test('with the server stopped the whole log is verified, and proofs are printed', () => {
  same(cliJson(on('audit', 'verify', '--json')).holds, true, 'verify');
  tlog.verifyProof(prove('2'), entries[2].bytes, origin, vkey);
});
done();
