#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 300
// serve.mjs   how the server stands: over TLS, as another user, on a machine where models cannot run, and when the same
// request comes many times at once.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, build, check, cli, contains, done, same, tempFolder, test, until } from './lib.mjs';

const auth = (server, more = {}) => ({ Authorization: `Bearer ${server.clients.bot.api_key}`, 'Content-Type': 'application/json', ...more });
const complete = bundle('news2');
const body = (target = 'news2', words = complete) => `{"client_id":"bot","target_diagnosis":"${target}","fhir_bundle":${words}}`;
const diagnose = (server, { text = body(), headers = {}, ...more } = {}) =>
  server.request({ method: 'POST', path: '/v1/diagnose', headers: auth(server, headers), body: text, ...more });
const result = (server, id, more = {}) => until('the end of the job', async () => {
  const r = JSON.parse((await server.request({ path: `/v1/jobs/${id}`, headers: auth(server), ...more })).text);
  return (r.status === 'COMPLETED' || r.status === 'FAILED') && r;
});
const box = tempFolder();

// ---- TLS

function certificate(name) {
  const at = (ext) => path.join(box, `${name}.${ext}`);
  const r = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', at('key'), '-out', at('pem')], { encoding: 'utf8' });
  check(r.status === 0, `openssl: ${r.error ?? r.stderr}`);
  return { pem: at('pem'), key: at('key'), ca: fs.readFileSync(at('pem')) };
}

await test('over TLS everything is as it is without, and browsers are told to stay', async () => {
  const one = certificate('one'), two = certificate('two');
  const pem = path.join(box, 'served.pem'), key = path.join(box, 'served.key');
  const serve = ({ pem: p, key: k }) => { fs.copyFileSync(p, pem); fs.copyFileSync(k, key); };
  const who = (r) => r.socket.getPeerCertificate().subject.CN;
  serve(one);
  const server = new Server();
  await server.start(['--tls', 'on', '--tls-cert', pem, '--tls-key', key]);
  server.addClient('bot');
  const r = await diagnose(server, { ca: one.ca });
  same([r.status, who(r)], [202, 'one'], 'answer');
  check(/^max-age=\d{7,}/.test(r.headers['strict-transport-security']), 'no Strict-Transport-Security');
  same((await result(server, JSON.parse(r.text).job_id, { ca: one.ca })).status, 'COMPLETED', 'job');
  for (const version of ['TLSv1.2', 'TLSv1.3'])
    same((await server.request({ path: '/health', ca: one.ca, minVersion: version, maxVersion: version })).socket.getProtocol(), version, 'version');

  fs.writeFileSync(pem, 'nonsense');
  server.process.kill('SIGHUP');
  await until('a word on the certificate', () => server.log.includes('the old one stays'));
  same(who(await server.request({ path: '/health', ca: one.ca })), 'one', 'after a broken certificate');
  serve(two);
  server.process.kill('SIGHUP');
  await until('the new certificate', () => server.log.includes('certificate read again'));
  same(who(await server.request({ path: '/health', ca: two.ca })), 'two', 'after a good one');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
});

// ---- another user

await test('started as root it becomes the user it is told, and models still run; started by others it stays who it is', async () => {
  const root = process.getuid() === 0;
  const dir = path.join(root ? fs.mkdtempSync(path.join(os.tmpdir(), 'lazaret-case.user.')) : box, 'data');
  const want = root ? Number(spawnSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).stdout) : process.getuid();
  if (root) fs.chownSync(path.dirname(dir), want, -1);
  const server = new Server(dir);
  if (root && server.url) for (const f of [dir, path.join(dir, 'store')]) fs.chownSync(f, want, -1); // made by this test, not by the server
  await server.start(root ? ['--user', 'nobody'] : []);
  server.addClient('bot');
  const uid = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(fs.readFileSync(`/proc/${server.process.pid}/status`, 'utf8')).slice(1).map(Number);
  same(uid, [want, want, want], 'uid');
  if (root) {
    same(fs.statSync(dir).uid, want, 'owner of the folder');
    check(!server.log.includes('running as root'), 'it warns of root');
  }
  const r = await diagnose(server);
  same(r.status, 202, r.text);
  same((await result(server, JSON.parse(r.text).job_id)).status, 'COMPLETED', 'job');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
  if (root) fs.rmSync(path.dirname(dir), { recursive: true });
});

// ---- no sandbox: a copy of the program without its images

await test('where models cannot run, jobs are refused with 503 and everything else works', async () => {
  const bare = path.join(box, 'bare');
  fs.mkdirSync(bare);
  fs.copyFileSync(path.join(build, 'lazaret'), path.join(bare, 'lazaret'));
  fs.chmodSync(path.join(bare, 'lazaret'), 0o755);
  fs.symlinkSync(path.join(build, 'models'), path.join(bare, 'models'));
  const server = new Server(undefined, path.join(bare, 'lazaret'));
  await server.start();
  contains(server.log, 'models cannot run on this machine', 'the log');
  server.addClient('bot');
  const r = await diagnose(server);
  same([r.status, r.headers['retry-after']], [503, '1'], 'a complete Bundle');
  contains(r.text, 'lazaret doctor', 'the answer');
  same((await server.request({ path: '/readyz' })).status, 503, 'readiness');
  same((await server.request({ path: '/health' })).status, 200, 'health');
  same((await diagnose(server, { text: body('news2', bundle('news2 -temp')) })).status, 409, 'an incomplete Bundle');
  same((await diagnose(server, { text: body('gout') })).status, 400, 'an unknown target');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
  const d = spawnSync(path.join(bare, 'lazaret'), ['doctor', '--data', server.dir, '--json'], { encoding: 'utf8' });
  same(d.status, 1, 'doctor');
  check(JSON.parse(d.stdout).some((f) => f.what === 'sandbox' && !f.holds && f.sentence.length > 20), d.stdout);
  same(JSON.parse(cli(['job', 'list', '--data', server.dir, '--json']).stdout), [], 'jobs');
});

await test('below the minimum of protections that is set no model runs, and doctor says which is missing', async () => {
  const root = process.getuid() === 0;
  const all = JSON.parse(spawnSync(path.join(build, 'lazaret-jail'), ['--images', path.join(build, 'images'), '--models', path.join(build, 'models'), '--check'], { encoding: 'utf8' }).stdout);
  const names = { true: all.filter((p) => p.holds).map((p) => p.what), false: all.filter((p) => !p.holds).map((p) => p.what) };
  const fine = new Server();
  await fine.start(['--sandbox-minimum', names.true.join(' ')]);
  fine.addClient('bot');
  same((await diagnose(fine)).status, 202, `with ${names.true}`);
  same((await fine.stop()).code, 0, `exit\n${fine.log.slice(-2000)}`);
  const d = cli(['doctor', '--data', fine.dir, '--json', '--sandbox-minimum', names.true.join(',')]);
  contains(d.stdout, 'Each protection that sandbox.minimum asks for holds', 'doctor');
  // As an ordinary user, models have that user's id: `user` does not hold.
  const user = root ? { uid: 64321, gid: 64321 } : {};
  const place = fs.mkdtempSync('/tmp/lazaret-minimum-');
  fs.chmodSync(place, 0o755);
  const refused = new Server(path.join(place, 'data'));
  if (root) for (const at of [place, refused.dir, path.join(refused.dir, 'store')].filter((f) => fs.existsSync(f))) fs.chownSync(at, 64321, 64321);
  refused.as = user;
  await refused.start(['--sandbox-minimum', 'network, user']);
  contains(refused.log, "sandbox.minimum asks for 'user'", 'the log');
  const asUser = (args) => spawnSync(path.join(build, 'lazaret'), [...args, '--data', refused.dir, '--json'], { encoding: 'utf8', ...user });
  refused.clients = { bot: JSON.parse(asUser(['client', 'add', 'bot']).stdout) };
  same((await diagnose(refused)).status, 503, 'a complete Bundle');
  same((await refused.request({ path: '/readyz' })).status, 503, 'readiness');
  same((await diagnose(refused, { text: body('news2', bundle('news2 -temp')) })).status, 409, 'an incomplete Bundle');
  same((await refused.stop()).code, 0, `exit\n${refused.log.slice(-2000)}`);
  const bad = asUser(['doctor', '--sandbox-minimum', 'user']);
  same(bad.status, 1, bad.stdout);
  const found = JSON.parse(bad.stdout).filter((x) => x.what === 'sandbox');
  check(found.some((x) => !x.holds && /^Models do not run: .*'user'.*start as root/.test(x.sentence)), bad.stdout);
  check(found.some((x) => x.holds && /empty network namespace/.test(x.sentence)), bad.stdout);
  fs.rmSync(place, { recursive: true });
  const odd = cli(['serve', '--data', path.join(box, 'odd'), '--listen', '127.0.0.1:0', '--sandbox-minimum', 'luck']);
  check(odd.code !== 0 && odd.stderr.includes("'luck' is none of namespaces"), odd.stderr);
});

// ---- many at once

await test('the same request thirty times at once is one job', async () => {
  const server = new Server();
  await server.start();
  server.addClient('bot');
  const text = body('ckd', bundle('ckd'));
  const all = await Promise.all(Array.from({ length: 30 }, () => diagnose(server, { text, headers: { 'Idempotency-Key': 'once' } })));
  same([...new Set(all.map((r) => r.status))], [202], 'answers');
  same(new Set(all.map((r) => JSON.parse(r.text).job_id)).size, 1, 'jobs answered');
  same(all.filter((r) => r.headers['idempotent-replayed'] !== 'true').length, 1, 'first answers');
  await result(server, JSON.parse(all[0].text).job_id);
  same(JSON.parse(cli(['job', 'list', '--data', server.dir, '--json']).stdout).length, 1, 'jobs stored');
  const rows = server.audit();
  const jobs = rows.filter((r) => r.obj.type === 'Job');
  same([jobs.filter((r) => r.act === 'create' && !r.why).length, rows.filter((r) => r.why === 'replayed').length, rows.filter((r) => r.act === 'execute').length],
    [1, 29, 1], 'accepted, replayed, run');
  same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`);
});

await test('the trace of a request is in the log of the request and of the run it led to', async () => {
  const server = new Server();
  await server.start(['--log-level', 'debug']);
  server.addClient('bot');
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const r = await diagnose(server, { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
  await result(server, JSON.parse(r.text).job_id);
  await server.stop();
  const lines = server.log.split('\n').filter((l) => l.includes(trace)).map((l) => JSON.parse(l));
  check(lines.some((l) => l.msg === 'request' && l.trace === trace && l.route === '/v1/diagnose'), `no request: ${server.log.slice(-1500)}`);
  check(lines.some((l) => l.msg !== 'request'), `no run: ${server.log.slice(-1500)}`);
  for (const word of ['Canary', 'canary']) check(!server.log.includes(word), `the log holds ${word}`);
});
done();
