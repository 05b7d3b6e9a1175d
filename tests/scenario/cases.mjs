#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 600
// cases.mjs [TEXT]   every file of tests/cases (whose name has TEXT): requests to a real server, what it must answer, what it
// must have written to the audit log. A server and a data folder for each file; when its cases are through, the folder, the
// log and the temporary folder are searched for what must not be there.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { caseFiles, fill, match, matchHeader, readCases } from './casefile.mjs';
import { Server, agentCanary, check, cli, cliJson, done, filesBelow, sleep, test, top } from './lib.mjs';

// Of the patient in tests/cases/bundles, and of requests: nowhere in the clear, in no answer, in no log.
const canaries = ['Zephyrine-Canary', 'Quillon-Canary', 'MRN-canary-884211', 'narrative-canary-31f7', 'phone-canary-5550199'];
const inLogNeither = [...canaries, agentCanary, 'path-canary-77aa', 'query-canary-88bb', 'header-canary-99cc', 'body-canary-00dd', 'vendor-canary-4be7'];
const securityHeaders = [['X-Content-Type-Options', 'nosniff'], ['X-Frame-Options', 'DENY'], ['Referrer-Policy', 'no-referrer'],
  ['Cache-Control', 'no-store'], ['Content-Security-Policy', "default-src 'none'*"], ['Server', '-'], ['Strict-Transport-Security', '-']];

function headersOf(step, names, clients) {
  const headers = {};
  if (step.body !== undefined) headers['Content-Type'] = 'application/json';
  for (const [name, text] of step.headers) {
    const value = fill(text, names);
    if (name === 'as') headers.Authorization = `Bearer ${clients[value].api_key}`;
    else if (value === '-') delete headers[name];
    else headers[name] = value;
  }
  return headers;
}

function judge(step, r, names) {
  const status = fill(step.status, names);
  check(String(r.status) === status, `${step.method} ${step.target}: got ${r.status}, want ${status}: ${r.text.slice(0, 1500)}`);
  const said = new Set(step.answerHeaders.map(([name]) => name)); /* what a case says of a header counts instead */
  const usual = securityHeaders.filter(([name]) => !said.has(name));
  for (const [name, pattern] of [...usual, ...step.answerHeaders]) matchHeader(r.headers, name, fill(pattern, names));
  for (const c of canaries) check(!r.text.includes(c) && !JSON.stringify(r.raw).includes(c), `the answer holds ${c}`);
  if (step.json) {
    const want = JSON.parse(fill(step.json, names));
    let got;
    try { got = JSON.parse(r.text); } catch { throw new Error(`the answer is no JSON: ${r.text.slice(0, 500)}`); }
    match(got, want, names, { exact: step.exact });
  } else if (step.exact) {
    check(r.text === '', `the answer has a body: ${r.text.slice(0, 500)}`);
  }
  for (const line of step.has) check(r.text.includes(fill(line, names)), `the answer does not hold: ${line}\n${r.text.slice(0, 1500)}`);
  for (const line of step.not) check(!r.text.includes(fill(line, names)), `the answer holds: ${line}\n${r.text.slice(0, 1500)}`);
}

async function take(step, names, server, seen) {
  const target = fill(step.target, names);
  const q = { method: fill(step.method, names), path: target, headers: headersOf(step, names, server.clients),
    body: step.body === undefined ? undefined : fill(step.body, names) };
  if (/[0-9a-f]{8}-|canary/.test(target)) seen.targets.add(target);
  const end = Date.now() + step.within * 1000;
  for (;;) {
    const r = await server.request(q);
    try {
      judge(step, r, names);
      return r.headers['x-request-id'];
    } catch (e) {
      if (Date.now() >= end) throw e;
      await sleep(20);
    }
  }
}

// Runs a case; what it expects of the audit log is looked at when all are through.
async function run(one, server, seen) {
  const names = { ...one.values, ...seen.names };
  const result = { name: one.name, names, audit: [] };
  try {
    for (const step of one.steps) {
      const request = await take(step, names, server, seen);
      result.audit.push(...step.audit.map((a) => ({ ...a, request, names: { ...names } })));
    }
  } catch (e) {
    result.error = e;
  }
  return result;
}

function judgeAudit(result, log) {
  if (result.error) throw result.error;
  for (const a of result.audit) {
    const rows = log.filter((row) => (a.of ? row.obj?.id === a.names[a.of] : row.req === a.request));
    check(rows.length === a.rows.length, `${rows.length} audit rows, want ${a.rows.length}: ${JSON.stringify(rows)}`);
    a.rows.forEach((text, i) => match(rows[i], JSON.parse(fill(text, a.names)), a.names, { at: `audit[${i}]` }));
  }
}

function judgeLog(server, seen) {
  const lines = server.log.split('\n').filter(Boolean);
  for (const line of lines) {
    let entry;
    try { entry = JSON.parse(line); } catch { check(false, `no JSON: ${line.slice(0, 300)}`); }
    check(entry.time && entry.level && entry.msg, `a log line without time, level or msg: ${line}`);
    if (entry.msg === 'request') check(entry.request && entry.trace && entry.route && entry.status, `a request's line lacks something: ${line}`);
  }
  check(lines.some((l) => JSON.parse(l).msg === 'request'), 'no request was logged');
  const secrets = Object.values(server.clients).flatMap((c) => [c.api_key, c.webhook_secret]);
  for (const word of [...inLogNeither, ...secrets, ...seen.targets]) check(!server.log.includes(word), `the log holds ${word}`);
}

function judgeFolder(server) {
  const secrets = Object.values(server.clients).flatMap((c) => [c.api_key, c.api_key.slice(3), c.webhook_secret, c.webhook_secret.slice(6)]);
  const root = fs.readFileSync(`${server.dir}.key`, 'utf8').trim();
  const found = server.findPlain([...inLogNeither, ...secrets, root, Buffer.from(root, 'hex')])
    .filter((f) => !f.startsWith('models/')); /* a model's own program says what it likes */
  check(found.length === 0, `in the clear: ${found.join('; ')}`);
}

function judgeKey(server) {
  const st = fs.statSync(`${server.dir}.key`);
  check((st.mode & 0o7777) === 0o400, `mode ${(st.mode & 0o7777).toString(8)}`);
  check(!filesBelow(server.dir).some((f) => f.endsWith('.key')), 'a key lies in the folder');
}

const temporary = () => new Set(fs.readdirSync(os.tmpdir()));
// Others may use the same temporary folder: of what is new there, nothing may hold a word of this patient.
function judgeTemporary(before, server) {
  const mine = path.relative(os.tmpdir(), server.dir).split(path.sep)[0];
  for (const name of temporary()) {
    if (before.has(name) || name === mine || name.startsWith('lazaret-case.')) continue; /* other runs of these */
    const at = path.join(os.tmpdir(), name);
    try {
      const st = fs.lstatSync(at);
      const files = st.isDirectory() ? filesBelow(at) : st.isFile() ? [at] : [];
      for (const f of files.filter((x) => fs.statSync(x).size < 1 << 24))
        for (const c of canaries) check(!fs.readFileSync(f).includes(c), `${f} holds ${c}`);
    } catch (e) {
      if (!e.code) throw e; /* it is gone again, or not ours to read */
    }
  }
}

async function runFile(file, server) {
  const { settings, cases } = readCases(file);
  const name = path.basename(file, '.case');
  const before = temporary();
  const seen = { targets: new Set(), names: {} };
  for (const [word, key, value] of settings) if (word === 'set') seen.names[key] = fill(`@${value}@`, {});
  await server.start(settings.filter(([w]) => w === 'serve').flatMap(([, ...options]) => options.map((o) => fill(o, { SPACE: ' ' }))));
  for (const [word, folder] of settings)
    if (word === 'model') {
      const m = cliJson(['model', 'add', path.join(top, folder), '--data', server.dir, '--json']);
      cliJson(['model', 'promote', `${m.key}@${m.version}`, 'stable', '--data', server.dir, '--json']);
    }
  for (const [word, client, ...options] of settings) if (word === 'client') server.addClient(client, options);
  const results = [];
  for (const one of cases) results.push(await run(one, server, seen));
  const log = server.audit();
  for (const r of results) await test(`${name}: ${r.name}`, () => judgeAudit(r, log));
  await test(`${name}: while it runs, nothing lies in the data folder in the clear`, () => judgeFolder(server));
  await test(`${name}: every audit entry agrees with its hash`, () => {
    const r = cli(['audit', 'verify', '--data', server.dir, '--json']);
    check(r.code === 0 && JSON.parse(r.stdout).entries >= log.length, `${r.code} ${r.stdout}${r.stderr}`);
  });
  await test(`${name}: SIGTERM ends the server with 0`, async () => {
    const how = await server.stop();
    check(how.code === 0, `ended with ${how.code ?? how.signal}\n${server.log.slice(-3000)}`);
  });
  await test(`${name}: nor when it has ended`, () => judgeFolder(server));
  await test(`${name}: the log is JSON, without a path, a header, a body or a patient`, () => judgeLog(server, seen));
  await test(`${name}: the root key lies beside the folder, for its owner alone`, () => judgeKey(server));
  await test(`${name}: nothing of a patient is left in the temporary folder`, () => judgeTemporary(before, server));
}

for (const file of caseFiles(process.argv[2])) {
  const server = new Server();
  try {
    await runFile(file, server);
  } catch (e) {
    await test(`${path.basename(file, '.case')}: the file runs`, () => { throw e; });
  }
  await server.stop();
}
done();
