#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 180
// demo.mjs   a synthetic study: made-up people with homes, tickets and consent, the same from the same seed, and only into an empty study.
import { spawnSync } from 'node:child_process';
import { settings, token } from './issuer.mjs';
import { Server, check, cli, cliJson, contains, done, same, test } from './lib.mjs';

const N = 30;
const demo = (server, ...more) => cliJson(['study', 'demo', '--patients', String(N), '--data', server.dir, '--json', ...more]);
const people = { doctor: token('the-doctor', ['doctor']), installer: token('the-installer', ['installer']), monitor: token('the-monitor', ['monitor']) };
const ask = async (server, as, path) => {
  const r = await server.request({ path: `/api/v1${path}`, headers: { Authorization: `Bearer ${people[as]}` } });
  same(r.status, 200, `${path}: ${r.text}`);
  return JSON.parse(r.text);
};
// Who they are, without what is drawn anew each time.
const whoTheyAre = (list) => list.map(({ first_name, last_name, age, neuro_diag, date_join, status }) => [first_name, last_name, age, neuro_diag, date_join, status].join()).sort();

const server = new Server();
await server.start(settings());
let made;
await test('a running server is filled with people, homes, tickets and consent', async () => {
  made = demo(server);
  same(made.patients, N, 'people');
  check(made.consents > N / 2 && made.tickets >= N && made.messages > 0 && made.sensors > N, JSON.stringify(made));
});
if (process.env.STORE === 'postgres') await test('the store has counted what it plans by, when that is said', () => {
  const r = spawnSync('psql', ['-X', '-q', '-A', '-t', '-d', server.url, '-c',
    "SELECT count(*) FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'alias' AND attname = 'holder' AND n_distinct = 4"], { encoding: 'utf8' });
  same(r.stdout.trim(), '1', `statistics of numbers: ${r.stderr}`);
});
await test('each role finds its part of it', async () => {
  const patients = await ask(server, 'doctor', '/patients?limit=100');
  same(patients.length, N, 'patients');
  check(new Set(patients.map((p) => p.status)).size > 1, 'all homes are alike');
  check(patients.every((p) => p.age >= 59 && p.age <= 91), 'ages');
  const tickets = await ask(server, 'monitor', '/tickets?limit=100');
  check(tickets.length === Math.min(100, made.tickets), `${tickets.length} tickets, ${made.tickets} were made`);
  check((await ask(server, 'monitor', '/screenings?limit=100')).length > 0, 'nobody agreed');
  const streams = [];
  for (const p of patients) streams.push(...await ask(server, 'doctor', `/patients/${p.patient_id}/streams?limit=100`));
  check(new Set(streams.map((s) => s.kind)).size > 5 && streams.some((s) => s.ended) && streams.some((s) => !s.ended), `${streams.length} streams`);
  const one = await ask(server, 'doctor', `/patients/${patients[0].patient_id}`);
  contains(one.medical_notes, 'made-up', 'what a record says of itself');
  check(/^[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]$/.test(one.codice_fiscale), 'a tax code');
});
await test('into a study that has people nobody is made up', () => {
  const r = cli(['study', 'demo', '--data', server.dir]);
  same(r.code, 1, 'exit status');
  contains(r.stderr, `this study has ${N} people`, 'what it says');
});
await test('the log tells of each, and holds', () => {
  same(cliJson(['audit', 'show', '--last', '1', '--data', server.dir, '--json'])[0].route, 'lazaret study demo', 'by what');
  same(cli(['audit', 'verify', '--data', server.dir]).code, 0, 'verify');
});
await test('the same seed makes the same people under other numbers, another makes others', async () => {
  const twin = new Server(), other = new Server();
  await twin.start(settings());
  await other.start(settings());
  same(demo(twin), made, 'what was made');
  demo(other, '--seed', '2');
  const [a, b, c] = await Promise.all([server, twin, other].map((s) => ask(s, 'doctor', '/patients?limit=100')));
  same(whoTheyAre(b), whoTheyAre(a), 'who they are');
  check(JSON.stringify(whoTheyAre(c)) !== JSON.stringify(whoTheyAre(a)), 'another seed made the same people');
  same(a.map((p) => p.patient_id).filter((id) => b.some((p) => p.patient_id === id)), [], 'numbers in both');
  await twin.stop();
  await other.stop();
});
await test('wrong numbers are refused with what would be right', () => {
  for (const args of [['--patients', '0'], ['--patients', '100001'], ['--seed', 'x']]) {
    const r = cli(['study', 'demo', '--data', server.dir, ...args]);
    same(r.code, 2, `exit status of ${args}: ${r.stderr}`);
    contains(r.stderr, `${args[0]} is a number from 1 to`, 'what it says');
  }
});
same((await server.stop()).code, 0, 'exit');
done();
