#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// erased.mjs   C4, P1, P2 over all there is of somebody: home, tickets, documents, sensors and streams, too. While the server works, when it is killed by a
// crash that may dump its memory, after a stop and after an erasure no file of it has a word of theirs: the store and its log, what lies beside it, temporary
// files, cores, PostgreSQL's own folder. After an erasure no file has a key of theirs, either; a restore of before erases again. Nobody reads behind a withdrawal.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { settings, token } from './issuer.mjs';
import { Server, check, cliJson, database, done, filesBelow, opening, program, same, sleep, tempFolder, test, until } from './lib.mjs';

const postgres = process.env.STORE === 'postgres';
const box = tempFolder();
const env = { TMPDIR: path.join(box, 'tmp') };
fs.mkdirSync(env.TMPDIR);
// Whatever it writes where it stands, it writes below `box`; and its memory may be dumped, as far as the shell before it is asked.
const wrapped = path.join(box, 'lazaret');
fs.writeFileSync(wrapped, `#!/bin/sh\nulimit -c unlimited\ncd ${env.TMPDIR}\nexec ${program} "$@"\n`, { mode: 0o755 });
const server = new Server(path.join(box, 'data'), wrapped);
await server.start(settings(), env);
const people = Object.fromEntries(['doctor', 'installer', 'monitor'].map((role) => [role, token(`the-${role}`, [role])]));
const ask = async (as, method, at, body, headers = {}) => {
  const r = await server.request({ method, path: `/api/v1/${at}`, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    headers: { Authorization: `Bearer ${people[as]}`, ...(body === undefined || headers['Content-Type'] ? {} : { 'Content-Type': 'application/json' }), ...headers } });
  return { ...r, json: /json/.test(r.headers['content-type'] ?? '') && r.text ? JSON.parse(r.text) : undefined };
};
const ok = async (...how) => {
  const r = await ask(...how);
  check([200, 201].includes(r.status), `${how.slice(0, 3)}: ${r.status} ${r.text}`);
  return r.json;
};

// Somebody with all there can be of them; each word stands in one place alone. What is short, or a word of the API, is not looked for.
let people_ = 0;
async function enrol() {
  const n = 40 + people_++;
  const words = [`Annunziata${n}`, `Quarantotti${n}`, `STP81234567890${n}`, `Via dei Glicini ${n}`, `+39 06 55501${n}`, `MCI-canary${n}`, `Zephyrine${n}`, `Ermenegildo${n}`, `gildo${n}@posta.example`, `Micifuz${n}`,
    `bilocale-canary${n}`, `citofono-canary${n}`, `pianta-canary${n}`, `sensore-canary${n}`, `riga-canary${n}`, `foglio-canary${n}`];
  const [{ patient_id: patient }, { installer: i, monitor: m }] = await opening(['installer', 'monitor'], (as) => ok(as, 'GET', 'tickets?limit=100'), () => ok('doctor', 'POST', 'patients', { first_name: words[0], last_name: words[1], codice_fiscale: words[2], home_address: words[3], phone: words[4], neuro_diag: words[5], age_class: '70-79', medical_notes: words[6],
    contacts: [{ alias: words[7], email: words[8] }] }));
  await ok('doctor', 'PUT', `patients/${patient}/consent`, { version: words[15], signed_at: '2026-03-01', purposes: ['treatment', 'monitoring'] });
  await ok('installer', 'POST', `tickets/${i.ticket_id}/messages`, { body: words[11] });
  await ok('installer', 'POST', `installations/${i.patient_id}`, { apartment_type: words[10], pets: words[9] });
  const sensor = await ok('installer', 'POST', `installations/${i.patient_id}/sensors`, { kind: 'illuminance', label: words[13] });
  const sent = await ask('installer', 'POST', `installations/${i.patient_id}/documents?file_type=sheet`, `a;b\n${`${words[14]};1\n`.repeat(40000)}`,
    { 'Content-Type': 'text/csv', 'Content-Disposition': `attachment; filename="${words[12]}.csv"` });
  same(sent.status, 201, sent.text);
  await ok('doctor', 'PUT', `patients/${patient}`, { medical_notes: `${words[6]} again`, home_address: `${words[3]} bis` });
  await ok('doctor', 'GET', `patients/${patient}`);
  await ok('doctor', 'POST', 'patients/search', { name: words[1] });
  return { patient, words, house: i.patient_id, watched: m.patient_id, sensor: sensor.sensor_id };
}
const sql = (text, from = 'stdout') => {
  const r = spawnSync('psql', ['-X', '-A', '-t', '-q', '-d', server.url, '-c', text], { encoding: 'utf8' });
  check(r.status === 0, r.stderr);
  return r[from].trim();
};
const folder = postgres && sql('SHOW data_directory');
// Of PostgreSQL's files all but the databases of other tests.
const own = postgres && sql('SELECT oid FROM pg_database WHERE datname = current_database()');
const shared = () => fs.readdirSync(folder, { withFileTypes: true }).flatMap((d) =>
  d.name === 'base' ? [path.join(folder, 'base/pgsql_tmp')].filter(fs.existsSync) : d.isDirectory() ? [path.join(folder, d.name)] : []);
const tables = postgres && path.join(folder, 'base', own);
// Each word in each file there is, PostgreSQL's own among them, and in the log.
function look(needles, where = [box, ...(postgres ? [tables, ...shared()] : [])]) {
  const found = [];
  let files = 0;
  for (const dir of where)
    for (const f of filesBelow(dir)) {
      let bytes;
      try { bytes = fs.readFileSync(f); } catch { continue; }
      files++;
      for (const [name, needle] of needles) if (bytes.includes(needle)) found.push(`${name} in ${f}`);
    }
  check(files > 3, `${files} files were read`);
  for (const [name, needle] of needles) if (Buffer.from(server.log).includes(needle)) found.push(`${name} in the log`);
  return found.slice(0, 10);
}
const clear = (words) => words.flatMap((w) => [[w, Buffer.from(w)], [`${w}, as UTF-16`, Buffer.from(w, 'utf16le')], [`${w}, in base64`, Buffer.from(Buffer.from(w).toString('base64').replace(/=*$/, '').slice(0, -2))],
  [`${w}, hexadecimal`, Buffer.from(Buffer.from(w).toString('hex'))]]);

const anna = await enrol(), bea = await enrol();
await test('what looks for words finds them where they are', () => {
  const here = path.join(box, 'planted');
  fs.writeFileSync(here, Buffer.from('x'.repeat(100000) + anna.words[9]));
  same(look(clear(anna.words)).length, 1, 'a planted word');
  fs.rmSync(here);
});
await test('C4: while it runs, no file of any kind has a word of anybody', () => same(look(clear([...anna.words, ...bea.words])), [], 'in the clear'));
await test('C4: a crash whose core the shell allows writes none', async () => {
  const dumps = (pid) => filesBelow(box).concat(fs.readdirSync(os.tmpdir()).map((f) => path.join(os.tmpdir(), f))).filter((f) => path.basename(f).startsWith('core') && (path.basename(f) === 'core' || f.endsWith(`.${pid}`)));
  // Somebody else who stands there does leave one, if this machine writes cores into files at all.
  const other = spawn('sh', ['-c', `ulimit -c unlimited; cd ${env.TMPDIR}; exec sleep 30`]);
  await sleep(300);
  other.kill('SIGABRT');
  await new Promise((end) => other.on('exit', end));
  const theirs = dumps(other.pid);
  if (/^[^|/]/.test(fs.readFileSync('/proc/sys/kernel/core_pattern', 'utf8'))) check(theirs.length === 1, `the other's core: ${theirs}`);
  theirs.forEach((f) => fs.rmSync(f));
  const { pid } = server.process;
  check(/^Max core file size +0 +0 /m.test(fs.readFileSync(`/proc/${pid}/limits`, 'utf8')), 'its limit of cores');
  server.process.kill('SIGABRT');
  const how = await server.ended;
  same([how.signal, dumps(pid)], ['SIGABRT', []], 'how it ended, and what it left');
  same(look(clear([...anna.words, ...bea.words])), [], 'in the clear after a crash');
  await server.start(settings(), env);
  same((await ok('doctor', 'GET', `patients/${anna.patient}`)).last_name, anna.words[1], 'after a start');
});
await test('P1: a hundred readers of streams, and a withdrawal in their middle: none is told behind it, and every stream has ended in that moment', async () => {
  const stream = (await ok('monitor', 'GET', `installations/${bea.watched}/streams`))[0].stream_id;
  let withdrawn;
  const reads = await Promise.all(Array.from({ length: 101 }, async (_, i) => {
    if (i === 50) { withdrawn = await ask('doctor', 'POST', `patients/${bea.patient}/consent/withdraw`); return null; }
    return ask('monitor', 'GET', i % 2 ? `streams/${stream}` : `installations/${bea.watched}/streams`);
  }));
  same(withdrawn.status, 200, withdrawn.text);
  const at = Number(withdrawn.headers['lazaret-audit']);
  const told = reads.filter((r) => r?.text.includes('illuminance'));
  check(reads.every((r) => !r || [200, 404].includes(r.status)), reads.map((r) => r?.status).join());
  same(told.filter((r) => Number(r.headers['lazaret-audit']) > at).map((r) => r.headers['lazaret-audit']), [], `told behind entry ${at}`);
  console.log(`# ${told.length} of 100 were told before it`);
  same([(await ask('monitor', 'GET', `streams/${stream}`)).status, (await ok('monitor', 'GET', `installations/${bea.watched}/streams`)).length], [404, 0], 'after');
  check((await ok('installer', 'GET', `sensors/${bea.sensor}`)).date_end, 'its sensor goes on');
  same((await ask('installer', 'POST', `installations/${bea.house}/sensors`, { kind: 'motion' })).status, 409, 'another one is mounted');
});

// ---- erased

// The wraps of all keys that open, as the store has them: bytes to look for.
function wraps() {
  const text = "SELECT hex(subject) AS s, domain AS d, hex(wrapped) AS w FROM subject_key WHERE destroyed_at IS NULL";
  const r = postgres ? { stdout: sql(text.replaceAll(/hex\((\w+)\)/g, "encode($1, 'hex')")) }
    : spawnSync('python3', ['-c', 'import sqlite3,sys\nfor r in sqlite3.connect("file:"+sys.argv[1]+"?mode=ro",uri=True).execute(sys.argv[2]): print("|".join(r))', path.join(server.dir, 'lazaret.db'), text], { encoding: 'utf8' });
  const rows = r.stdout.trim().split('\n').map((l) => l.split('|')).map(([s, d, w]) => ({ s, d, w }));
  return rows.map(({ s, d, w }) => [`the key "${d}" of ${s.toLowerCase()}`, Buffer.from(w, 'hex')]);
}
const backup = path.join(box, 'backup');
let gone, reader; // who reads in PostgreSQL since before
await test('a backup is made before', () => cliJson(['db', 'backup', backup, '--data', server.dir, '--json'], { timeout: 120000 }));
await test('P2: who is erased is nowhere, under no number of any role, and the receipt is in the log', async () => {
  const before = wraps();
  if (postgres) {
    reader = spawn('psql', ['-X', '-q', '-A', '-t', '-d', server.url], { stdio: ['pipe', 'pipe', 'inherit'] });
    reader.stdin.write('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;\n');
    await once(reader.stdout, 'data');
  }
  const seen = await ok('monitor', 'GET', `installations/${anna.watched}/streams`), tickets = await ok('installer', 'GET', `installations/${anna.house}/tickets`);
  const { documents } = await ok('installer', 'GET', `installations/${anna.house}/documents`), known = await ok('doctor', 'GET', `patients/${anna.patient}/streams`);
  const r = await ask('doctor', 'DELETE', `patients/${anna.patient}`);
  same(r.status, 200, r.text);
  const left = new Set(wraps().map(([name]) => name));
  gone = before.filter(([name]) => !left.has(name));
  /* of the person three (who, how to reach, notes), of data, of the home, of the house three (details, tickets, files), of the stream */
  same(gone.map(([name]) => /"(.*)"/.exec(name)[1]).sort(), ['clinical', 'clinical', 'contact', 'document', 'home', 'identity', 'installation', 'stream', 'ticket'], 'whose keys are gone');
  for (const [as, at] of [['doctor', `patients/${anna.patient}`], ['doctor', `patients/${anna.patient}/streams`], ['doctor', `streams/${known[0].stream_id}`], ['monitor', `streams/${seen[0].stream_id}`], ['monitor', `installations/${anna.watched}`],
    ['monitor', `installations/${anna.watched}/streams`], ['monitor', `patients/${seen[0].data_id}/streams`], ['installer', `sensors/${anna.sensor}`], ['installer', `installations/${anna.house}`], ['installer', `installations/${anna.house}/sensors`],
    ['installer', `tickets/${tickets[0].ticket_id}`], ['installer', `documents/${documents[0].id}`]]) same((await ask(as, 'GET', at)).status, 404, `${as}: ${at}`);
  check(server.audit(100).some((x) => x.idx === r.json.audit.index && x.why === 'erased' && x.obj.id === r.json.erasure), 'the receipt');
});
await test('C4: after it no file has a wrapped key of theirs, nor a word', async () => {
  if (postgres) { /* what an administrator does, docs/operating.md: PostgreSQL keeps old versions of rows until then */
    const kept = () => Number(/(\d+) dead row versions cannot be removed yet/.exec(sql('VACUUM (FULL, VERBOSE) subject_key', 'stderr'))[1]);
    check(kept() > 0, 'who reads since before the erasure does not matter');
    reader.stdin.end();
    await until('whoever read since before the erasure has ended', () => kept() === 0);
    sql('CHECKPOINT');
  }
  const where = [server.dir, env.TMPDIR, ...(postgres ? [tables, path.join(folder, 'global')] : [])];
  same(look(gone, where), [], 'keys');
  check(look(wraps().slice(0, 1), where).length > 0, 'a key that is there is not found either');
  same(look(clear([...anna.words, ...bea.words])), [], 'in the clear');
});
await test('P2: a backup of before, restored, erases them again before anything is served', async () => {
  same((await server.stop()).code, 0, 'exit');
  fs.rmSync(server.dir, { recursive: true });
  const said = cliJson(['db', 'restore', backup, '--data', server.dir, '--json', ...(postgres ? ['--store', database()] : [])], { timeout: 120000 });
  same(said.subjects_erased_again, new Set(gone.map(([name]) => name.split(' of ')[1])).size, JSON.stringify(said));
});
reader?.kill();
done();
