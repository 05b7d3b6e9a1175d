#!/usr/bin/env node
// timeout: 240
// cli.mjs   the command line: what each verb prints and how it ends, with the server running and without, and what is refused.
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, build, check, cli, cliJson, contains, done, filesBelow, findPlain, program, same, tempFolder, test, top } from './lib.mjs';

const verbs = [...fs.readFileSync(path.join(top, 'src/cmd/verbs.def'), 'utf8').matchAll(/^VERB\("([^"]+)"/gm)].map((m) => m[1]);
const box = tempFolder();
const write = (name, text) => {
  const at = path.join(box, name);
  fs.writeFileSync(at, text);
  return at;
};
const complete = write('complete.json', bundle('news2'));
const incomplete = write('incomplete.json', bundle('news2 -temp'));
const invalid = write('invalid.json', bundle('news2 temp(status=banana)'));
const patient = JSON.stringify(JSON.parse(bundle('patient')).entry[0].resource);

const fails = (r, code, sentence) => {
  check(r.code === code, `ended with ${r.code ?? r.signal}, want ${code}: ${r.stdout}${r.stderr}`);
  contains(r.stderr, sentence, 'standard error');
  check(r.stderr.startsWith('lazaret: ') && r.stderr.trim().split('\n').length === 1, `not one sentence: ${r.stderr}`);
};
const ends = (r, code) => check(r.code === code, `ended with ${r.code ?? r.signal}, want ${code}: ${r.stdout.slice(0, 1500)}${r.stderr}`);

// ---- words

await test('every verb explains itself with --help and exit 0', () => {
  check(verbs.length >= 17, `only ${verbs.length} verbs`);
  for (const v of verbs) {
    const r = cli([...v.split(' '), '--help']);
    ends(r, 0);
    contains(r.stdout, `usage: lazaret ${v}`, v);
    contains(r.stdout, '--json', v);
    same(r.stderr, '', `${v}: standard error`);
  }
});
await test('a group of verbs explains itself with --help and exit 0', () => {
  for (const group of ['client', 'webhook', 'model', 'keys', 'fhir', 'job', 'audit', 'db']) {
    const r = cli([group, '--help']);
    ends(r, 0);
    contains(r.stdout, `  ${group} `, group);
  }
});
await test('looking at a folder that is not there makes none', () => {
  const nowhere = path.join(box, 'nowhere');
  for (const v of ['client list', 'webhook list', 'model list', 'keys status', 'job list', 'audit show', 'audit verify', 'doctor', 'db migrate', 'db migrate --dry-run', 'db check', `db backup ${nowhere}.backup`])
    ends(cli([...v.split(' '), '--data', nowhere]), 1);
  same(['', '.key', '.erased', '.backup', '.backup.unfinished'].filter((s) => fs.existsSync(nowhere + s)), [], 'what is there');
});
await test('lazaret --help lists every verb, --version says which it is', () => {
  const r = cli(['--help']);
  ends(r, 0);
  for (const v of verbs) contains(r.stdout, `  ${v} `, '--help');
  check(/^lazaret \d+\.\d+\.\d+\n$/.test(cli(['--version']).stdout), '--version');
});
await test('no word at all is the help, and wrong use', () => {
  const r = cli([]);
  ends(r, 2);
  contains(r.stdout, 'usage:', 'standard output');
});
for (const [words, sentence] of [
  [['nonsense'], "there is no command 'nonsense'"],
  [['client'], "there is no command 'client'"],
  [['client', 'nonsense'], "there is no command 'client'"],
  [['client', 'add'], 'usage: lazaret client add [OPTIONS] NAME'],
  [['client', 'add', 'a', 'b'], 'usage: lazaret client add'],
  [['client', 'add', 'a', '--nonsense'], 'has no option --nonsense'],
  [['client', 'add', 'a', '--webhook'], '--webhook needs a value'],
  [['client', 'add', 'a b', '--data', path.join(box, 'names')], "a client's name is 1 to 64"],
  [['client', 'add', 'a', '--webhook', 'https://x/y', '--data', path.join(box, 'names')], 'a webhook origin is https://host'],
  [['model', 'list'], 'say which data folder: --data DIR'],
  [['model', 'promote', 'news2', 'stable', '--data', path.join(box, 'names')], 'say which version: KEY@VERSION'],
  [['job', 'show', 'seven', '--data', path.join(box, 'names')], "a job's id is a UUID"],
  [['job', 'list', '--last', 'x', '--data', path.join(box, 'names')], '--last is a number from 1 to 100000'],
  [['audit', 'show', '--last', '0', '--data', path.join(box, 'names')], '--last is a number from 1 to 100000'],
  [['negotiate', complete, '--data', path.join(box, 'names')], 'say for what: --target KEY'],
  [['diagnose', complete, '--data', path.join(box, 'names')], 'say for what: --model KEY'],
  [['diagnose', path.join(box, 'nowhere'), '--model', 'news2', '--data', path.join(box, 'names')], 'read'],
  [['diagnose', write('bad.json', '{"resourceType":'), '--model', 'news2', '--data', path.join(box, 'names')], 'line 1 column'],
  [['fhir', 'validate'], 'usage: lazaret fhir validate'],
  [['fhir', 'path', 'name'], 'usage: lazaret fhir path'],
  [['fhir', 'path', 'entry.where(', complete], 'column 13: found the end of the expression'],
  [['fhir', 'path', 'entries', complete], 'found entries, which is no element of Bundle'],
  [['routes', '--data', box], 'has no option --data'],
  [['job', 'list', '--state', 'FAILD', '--data', path.join(box, 'names')], '--state is one of QUEUED'],
  [['model', 'add', box, '--unsigned=no', '--data', path.join(box, 'names')], '--unsigned takes no value'],
]) await test(`lazaret ${words.slice(0, 3).map((w) => path.basename(w)).join(' ')} ... is wrong use: ${sentence}`, () => fails(cli(words), 2, sentence));

// ---- without a data folder

await test('routes says what routes.def says', () => {
  const want = [...fs.readFileSync(path.join(top, 'src/api/routes.def'), 'utf8').matchAll(/^ROUTE\((\w+),\s*"([^"]+)"/gm)].map(([, m, p]) => `${m} ${p}`);
  const rows = cliJson(['routes', '--json']);
  same(rows.map((r) => `${r.method} ${r.path}`), want, 'routes');
  const at = (p) => rows.find((r) => r.path === p);
  same([at('/health').anonymous, at('/v1/diagnose').anonymous, at('/v1/diagnose').client], ['ALL', 'NONE', 'OWN'], 'views');
  for (const w of want) contains(cli(['routes']).stdout, w.split(' ')[1], 'routes');
});
await test('policy says in sentences what a role may, by its name or an alias, and check that the tables hold together', () => {
  const iit = cli(['policy', '--as', 'iit']);
  ends(iit, 0);
  contains(iit.stdout, 'address and telephone of the homes one is to visit, while a ticket is open', 'the installer');
  contains(iit.stdout, 'Not together with monitor', 'the installer');
  check(!iit.stdout.includes('Screening'), 'an installer is told of screenings');
  const all = cliJson(['policy', '--json']);
  same(all.map((r) => r.role), ['anonymous', 'client', 'operator', 'doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin', 'participant', 'emergency'], 'roles');
  same(cliJson(['policy', '--as', 'unimi', '--json']).joins, 'health, streams', 'a researcher');
  fails(cli(['policy', '--as', 'nurse']), 2, "no role 'nurse'");
  ends(cli(['policy', 'check']), 0);
  same(cliJson(['policy', 'check', '--json']), { faults: 0, sentences: [] }, 'the check');
});
await test('fhir validate tells good from bad, a line a file, and its exit status says the same', () => {
  const good = cli(['fhir', 'validate', '--json', complete]);
  ends(good, 0);
  same(JSON.parse(good.stdout), { file: complete, valid: true, issues: [] }, 'the line');
  const both = cli(['fhir', 'validate', '--json', complete, invalid, write('broken.json', '{"resourceType":"Patient",')]);
  ends(both, 1);
  const lines = both.stdout.trim().split('\n').map((l) => JSON.parse(l));
  same(lines.map((l) => [path.basename(l.file), l.valid]), [['complete.json', true], ['invalid.json', false], ['broken.json', false]], 'lines');
  const issue = lines[1].issues[0];
  same([issue.severity, issue.code, issue.expression], ['error', 'code-invalid', 'Bundle.entry[7].resource.status'], 'issue');
  check(Number.isInteger(issue.line) && Number.isInteger(issue.column) && issue.text, `no place or text: ${JSON.stringify(issue)}`);
  const line = fs.readFileSync(invalid, 'utf8').split('\n')[issue.line - 1];
  check(line.slice(issue.column - 1).startsWith('"') && line.includes('banana'), `line ${issue.line}, column ${issue.column} is ${line}`);
  check(!both.stdout.includes('banana'), 'a value is said back');
  same(lines[2].issues[0].severity, 'error', 'broken JSON');
});
await test('fhir validate reads standard input, and any resource', () => {
  ends(cli(['fhir', 'validate', '--json', '-'], { input: patient }), 0);
  ends(cli(['fhir', 'validate', '--json', '-'], { input: '{"resourceType":"Nonsense"}' }), 1);
});
await test('fhir validate without --json says line and column to a person', () => {
  const r = cli(['fhir', 'validate', invalid]);
  ends(r, 1);
  check(/invalid\.json.*\d/.test(r.stdout + r.stderr), r.stdout + r.stderr);
});
await test('fhir path answers what an expression asks, an item a line, as JSON or to a person', () => {
  const codes = cli(['fhir', 'path', '--json', 'entry.resource.ofType(Observation).where(value.value > 38).code.coding.code', complete]);
  ends(codes, 0);
  const want = JSON.parse(fs.readFileSync(complete, 'utf8')).entry.map((e) => e.resource)
    .filter((r) => r.resourceType === 'Observation' && r.valueQuantity?.value > 38).flatMap((r) => r.code.coding.map((c) => c.code));
  check(want.length > 0, 'the example has no such observation');
  same(codes.stdout.trim().split('\n').map((l) => JSON.parse(l)), want, 'codes');
  same(cli(['fhir', 'path', 'type().name', '-'], { input: patient }).stdout, 'Patient\n', 'the type');
});

// ---- a fresh folder, no server

const server = new Server();
const dir = server.dir;
const on = (...words) => [...words, '--data', dir];
let bot;
await test('client add on a folder that is not there makes it: key beside it, secrets in JSON', () => {
  bot = server.addClient('bot');
  same(Object.keys(bot), ['client', 'api_key', 'webhook_secret'], 'members');
  check(/^lz_[\w-]{43}$/.test(bot.api_key) && /^whsec_[A-Za-z0-9+/]{43}=$/.test(bot.webhook_secret), 'the form of the secrets');
  same(fs.statSync(`${dir}.key`).mode & 0o7777, 0o400, 'mode of the key');
});
await test('of an API key the store has the hash alone', () => {
  const hash = createHash('sha256').update(bot.api_key).digest();
  same(findPlain(dir, [bot.api_key, bot.api_key.slice(3), bot.webhook_secret, bot.webhook_secret.slice(6)]), [], 'in the clear');
  check(findPlain(dir, [hash]).length > 0, 'the hash is not there either');
});
await test('a name is given once', () => fails(cli(on('client', 'add', 'bot', '--json')), 1, 'a client named bot is there already'));
await test('for a person the secrets are printed once, with a word on it', () => {
  const r = cli(on('client', 'add', 'human', '--webhook', 'https://ehr.example'));
  ends(r, 0);
  contains(r.stdout, 'shown once', 'standard output');
});
await test('who has no room for what is printed once is told, by a sentence and exit 1', () => {
  const full = fs.openSync('/dev/full', 'w');
  for (const words of [['client', 'rotate', 'human'], ['client', 'rotate', 'human', '--json'], ['audit', 'key'], ['routes']]) {
    const r = spawnSync(program, words[0] === 'routes' ? words : on(...words), { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
    fails({ code: r.status, stdout: '', stderr: r.stderr }, 1, 'write to standard output: No space left on device');
  }
  fs.closeSync(full);
});
await test('client list has names and origins, no secrets', () => {
  const list = cliJson(on('client', 'list', '--json'));
  same(list.map((c) => [c.client, c.webhook, c.enabled]), [['bot', null, true], ['human', 'https://ehr.example', true]], 'clients');
  contains(cli(on('client', 'list')).stdout, 'webhooks to https://ehr.example', 'for a person');
});
await test('model list has the samples, stable, with digests and inputs', () => {
  const list = cliJson(on('model', 'list', '--json'));
  same(list.map((m) => [m.key, m.stable, m.targets]), [['cha2ds2-vasc', true, ['stroke-risk']], ['ckd-epi-2021', true, ['egfr', 'ckd']], ['news2', true, ['sepsis']], ['qsofa', true, ['sepsis']], ['sirs', true, ['sepsis']]], 'models');
  for (const m of list) check(/^sha256:[0-9a-f]{64}$/.test(m.digest), m.digest);
  same([...list[2].inputs].sort(), ['acvpu', 'o2', 'pulse', 'rr', 'sbp', 'scale', 'spo2', 'temp'], 'inputs');
  contains(cli(on('model', 'list')).stdout, 'news2@', 'for a person');
});
await test('model add takes a folder once, and says what is wrong with a broken one', () => {
  const list = cliJson(on('model', 'list', '--json'));
  ends(cli(on('model', 'add', path.join(build, 'models/news2'))), 0);
  same(cliJson(on('model', 'list', '--json')).length, list.length, 'the same digest again');
  const copy = path.join(box, 'broken-model');
  fs.cpSync(path.join(build, 'models/news2'), copy, { recursive: true });
  const manifest = path.join(copy, 'manifest.json');
  const text = fs.readFileSync(manifest, 'utf8');
  fs.chmodSync(manifest, 0o644);
  fs.writeFileSync(manifest, text.replace('"title"', '"tytle"'));
  fails(cli(on('model', 'add', copy)), 1, 'tytle');
  fs.writeFileSync(manifest, text.replace('"1.0.0"', '"1.0.1"'));
  ends(cli(on('model', 'add', copy)), 0);
  ends(cli(on('model', 'promote', 'news2@1.0.1', 'stable')), 0);
  same(cliJson(on('model', 'list', '--json')).filter((m) => m.stable).map((m) => `${m.key}@${m.version}`), ['cha2ds2-vasc@1.0.0', 'ckd-epi-2021@1.0.0', 'news2@1.0.1', 'qsofa@1.0.0', 'sirs@1.0.0'], 'stable');
  ends(cli(on('model', 'promote', 'news2@1.0.0', 'stable')), 0);
  fails(cli(on('model', 'promote', 'news2@9.9.9', 'stable')), 1, '9.9.9');
});
await test('a version that does not do what its vectors say does not become stable', () => {
  const copy = path.join(box, 'boasting-model');
  fs.cpSync(path.join(build, 'models/news2'), copy, { recursive: true });
  const manifest = path.join(copy, 'manifest.json');
  fs.chmodSync(manifest, 0o644);
  const text = fs.readFileSync(manifest, 'utf8').replace('"1.0.0"', '"1.0.2"');
  fs.writeFileSync(manifest, text.replace('"expect": {"score": 0,', '"expect": {"score": 5,'));
  ends(cli(on('model', 'add', copy, '--unsigned')), 0);
  fails(cli(on('model', 'promote', 'news2@1.0.2', 'stable')), 1, '44 of 45 self-tests passed: self-test 1');
  check(!cliJson(on('model', 'list', '--json')).find((m) => m.version === '1.0.2').stable, 'it is stable');
  const r = cli(on('model', 'test', 'news2@1.0.2', '--json'));
  same([r.code, JSON.parse(r.stdout).passed, JSON.parse(r.stdout).total], [1, 44, 45], 'model test');
  same(cliJson(on('model', 'test', 'qsofa@1.0.0', '--json')).failure, null, 'model test of a sample');
  const rows = cliJson(on('audit', 'show', '--json', '--last', '100')).map((x) => x.why);
  check(rows.includes('selftest-failed') && rows.includes('selftest-passed'), 'the audit log does not tell');
});
await test('a signed model is taken from whom the operator trusts, and from nobody else without --unsigned', () => {
  const key = path.join(box, 'vendor.key');
  const made = cliJson(['model', 'keygen', key, '--json']);
  same(fs.statSync(key).mode & 0o777, 0o400, 'mode of the secret');
  fails(cli(['model', 'keygen', key]), 2, 'File exists');
  const fresh = (name, version) => {
    const copy = path.join(box, name);
    fs.cpSync(path.join(build, 'models/news2'), copy, { recursive: true });
    const manifest = path.join(copy, 'manifest.json');
    fs.chmodSync(manifest, 0o640);
    fs.writeFileSync(manifest, fs.readFileSync(manifest, 'utf8').replace('"1.0.0"', `"${version}"`));
    return [copy, manifest];
  };
  const [copy, manifest] = fresh('signed-model', '1.1.0');
  const plain = fs.readFileSync(manifest, 'utf8');
  const { digest, key_id: keyId } = cliJson(['model', 'sign', copy, '--key', key, '--json']);
  same([keyId, fs.statSync(manifest).mode & 0o777], [made.key_id, 0o640], 'the key, the mode');
  const text = fs.readFileSync(manifest, 'utf8');
  const { signature, ...rest } = JSON.parse(text);
  same(rest, JSON.parse(plain), 'the rest of the manifest');
  same(text.slice(0, 500), plain.slice(0, 500), 'its text');
  // A second opinion: Node's Ed25519 over the documented bytes.
  const raw = Buffer.from(made.public_key, 'base64');
  const spki = (k) => createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), k]), format: 'der', type: 'spki' });
  const message = Buffer.concat([Buffer.from('lazaret.model/1\0'), Buffer.from(digest.slice(7), 'hex')]);
  check(verify(null, message, spki(raw), Buffer.from(signature.sig, 'base64')), 'Node does not accept the signature');
  same(createHash('sha256').update(raw).digest('hex').slice(0, 16), signature.keyId, 'key id');
  cliJson(['model', 'sign', copy, '--key', key, '--json']);
  same(fs.readFileSync(manifest, 'utf8'), text, 'signed again');

  same(cliJson(on('model', 'add', fresh('plain-model', '1.1.1')[0], '--json')).signed_by, null, 'nobody is trusted yet');
  ends(cli(on('model', 'trust', 'vendor', made.public_key)), 0);
  fails(cli(on('model', 'trust', 'vendor', made.public_key)), 1, 'trusted already');
  fails(cli(on('model', 'trust', 'x', 'AAAA')), 2, '32 bytes in base64');
  same(cliJson(on('model', 'signers', '--json')).map((s) => [s.name, s.key_id]), [['vendor', made.key_id]], 'signers');
  same(cliJson(on('model', 'add', copy, '--json')).signed_by, 'vendor', 'signed by');
  ends(cli(on('model', 'promote', 'news2@1.1.0', 'stable')), 0);
  fails(cli(on('model', 'promote', 'news2@1.1.1', 'stable')), 1, '--unsigned');
  const [unsigned] = fresh('unsigned-model', '1.1.2');
  fails(cli(on('model', 'add', unsigned)), 1, 'it carries no signature');
  ends(cli(on('model', 'add', unsigned, '--unsigned')), 0);

  // One that Node signed.
  const [nodes, nodesManifest] = fresh('node-model', '1.1.3');
  const pair = generateKeyPairSync('ed25519');
  const nodeKey = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
  const nodeDigest = cliJson(['model', 'sign', nodes, '--key', key, '--json']).digest;
  const sign1 = (over) => sign(null, Buffer.concat([Buffer.from('lazaret.model/1\0'), Buffer.from(over.slice(7), 'hex')]), pair.privateKey).toString('base64');
  const put = (sig) => fs.writeFileSync(nodesManifest, JSON.stringify({ ...JSON.parse(fs.readFileSync(nodesManifest, 'utf8')),
    signature: { alg: 'ed25519', keyId: createHash('sha256').update(nodeKey).digest('hex').slice(0, 16), sig } }));
  put(sign1(nodeDigest));
  fails(cli(on('model', 'add', nodes)), 1, 'not trusted');
  ends(cli(on('model', 'trust', 'node', nodeKey.toString('base64'))), 0);
  put(sign1(digest));
  fails(cli(on('model', 'add', nodes, '--unsigned')), 1, 'does not hold');
  put(sign1(nodeDigest));
  same(cliJson(on('model', 'add', nodes, '--json')).signed_by, 'node', 'signed by');
  for (const name of ['node', 'vendor']) ends(cli(on('model', 'distrust', name)), 0);
  same(cliJson(on('model', 'list', '--json')).find((m) => m.key === 'news2' && m.version === '1.1.0').stable, true, 'what is stable stays so');
  ends(cli(on('model', 'promote', 'news2@1.0.0', 'stable', '--rank', '7')), 0);
  same(cliJson(on('model', 'list', '--json')).find((m) => m.key === 'news2' && m.version === '1.0.0').rank, 7, 'rank');
  ends(cli(on('model', 'promote', 'news2@1.0.0', 'stable', '--rank', '1')), 0);
});
await test('keys status says which keys there are, never a key', () => {
  const root = fs.readFileSync(`${dir}.key`, 'utf8').trim();
  const json = cli(on('keys', 'status', '--json'));
  const s = JSON.parse(json.stdout);
  check(/^[0-9a-f]{16}$/.test(s.root_id) && s.root_key === `file:${dir}.key` && s.root_kind === 'file' && s.keys >= 1, json.stdout);
  for (const text of [json.stdout, cli(on('keys', 'status')).stdout]) check(!text.includes(root) && !root.includes(s.root_id), 'the root key is printed');
});
await test('negotiate says what is missing, exit 1, and stores nothing', () => {
  const before = server.audit().length;
  const r = cli(on('negotiate', incomplete, '--target', 'sepsis', '--json'));
  ends(r, 1);
  const a = JSON.parse(r.stdout);
  same([a.ready, a.status, a.missing_data.map((m) => `${m.input} ${m.reason}`)], [false, 'NEGOTIATION_REQUIRED', ['temp absent']], 'answer');
  const ready = cli(on('negotiate', complete, '--target', 'sepsis', '--json'));
  ends(ready, 0);
  same(JSON.parse(ready.stdout).ready, true, 'ready');
  const bad = cli(on('negotiate', invalid, '--target', 'sepsis', '--json'));
  ends(bad, 1);
  same(JSON.parse(bad.stdout).issues[0].expression, 'Bundle.entry[7].resource.status', 'issue');
  const person = cli(on('negotiate', incomplete, '--target', 'sepsis')).stdout;
  for (const line of ['1. news2 1.0.0: ', '  needs      temp: Body temperature: not sent (LOINC 8310-5 or 8329-5).', '2. sirs 1.0.0: ', '(behind the one before it by operator)', 'ask first for '])
    contains(person, line, 'for a person');
  contains(cli(on('negotiate', incomplete, '--target', 'sepsis', '--policy', 'cheapest')).stderr, '--policy can be best, best-ready or all-ready', 'policy');
  contains(cli(on('negotiate', complete, '--target', 'sepsis', '--at', 'noon')).stderr, '--at is an instant', 'time');
  ends(cli(on('negotiate', complete, '--target', 'sepsis', '--at', '1971-01-01T00:00:00Z')), 1);
  ends(cli(on('negotiate', complete, '--target', 'sepsis', '--at', '1970-01-01T00:00:00Z')), 1);
  same(server.audit().length, before, 'audit rows');
});
await test('negotiate for a target nobody serves is an error with a sentence', () => fails(cli(on('negotiate', complete, '--target', 'gout')), 1, 'no stable model'));

let job;
await test('diagnose without a server runs the whole path and prints the result', () => {
  const r = cli(on('diagnose', complete, '--model', 'news2', '--json'));
  ends(r, 0);
  job = JSON.parse(r.stdout);
  same([job.status, job.result.score, job.result.risk, job.model], ['COMPLETED', 0, 'low', 'news2'], 'job');
  const text = cli(on('diagnose', complete, '--model', 'sepsis'));
  ends(text, 0);
  same(JSON.parse(text.stdout).score, 0, 'for a person, the result alone');
  const refused = cli(on('diagnose', incomplete, '--model', 'news2', '--json'));
  ends(refused, 1);
  same(JSON.parse(refused.stdout).missing_data[0].input, 'temp', 'what is missing');
});
await test('job show has state, decision and result; job list the newest first', () => {
  const shown = cliJson(on('job', 'show', job.job_id, '--json'));
  same([shown.status, shown.result.score, shown.attempts, shown.error], ['COMPLETED', 0, 1, null], 'job');
  check(shown.decision && /^sha256:/.test(shown.digest) && /^[0-9a-f]{32}$/.test(shown.trace), 'decision, digest, trace');
  const list = cliJson(on('job', 'list', '--json'));
  same(list.map((j) => j.state), ['COMPLETED', 'COMPLETED'], 'states');
  check(list[0].created_at > list[1].created_at && list[1].job_id === job.job_id, 'the order');
  same(cliJson(on('job', 'list', '--json', '--last', '1')).length, 1, '--last 1');
  fails(cli(on('job', 'show', '01890000-0000-7000-8000-000000000000')), 1, 'there is no job');
});
await test('audit show tells what was done, audit verify that it still stands', () => {
  const rows = cliJson(on('audit', 'show', '--json', '--last', '1000')).filter((r) => r.obj?.id === job.job_id);
  same(rows.slice(0, 2).map((r) => `${r.act} ${r.out} ${r.actor.id}`), ['create permit operator', 'execute permit worker'], 'rows');
  check(rows.slice(2).every((r) => r.act === 'read' && r.actor.id === 'operator') && rows.length >= 3, 'the operator who looked is there too');
  check(cliJson(on('audit', 'verify', '--json')).entries > 3, 'entries');
  same(cliJson(on('audit', 'show', '--json', '--last', '1')).length, 1, '--last 1');
  ends(cli(on('audit', 'show')), 0);
  contains(cli(on('audit', 'verify')).stdout, 'each agrees with its hash', 'for a person');
});
await test('doctor looks at sandbox, key, store, jobs, audit and models', () => {
  const r = cli(on('doctor', '--json'));
  ends(r, 0);
  const found = JSON.parse(r.stdout);
  for (const what of ['sandbox', 'key', 'store', 'jobs', 'audit', 'models']) {
    const of = found.filter((f) => f.what === what);
    check(of.length && of.every((f) => f.sentence), `nothing on ${what}: ${r.stdout}`);
    if (what !== 'sandbox') check(of.every((f) => f.holds), `${what} does not hold: ${r.stdout}`);
  }
  contains(cli(on('doctor')).stdout, 'The database is sound', 'for a person');
  ends(cli(['doctor', '--json']), 0);
});
await test('settings come from DIR/lazaret.conf, and the command line is stronger', async () => {
  fs.writeFileSync(path.join(dir, 'lazaret.conf'), '# settings of this folder\ncors.origins = https://from-file.example\nlegacy.open_client = bot\n');
  const s = await new Server(dir).start();
  const cors = async () => (await s.request({ path: '/health', headers: { Origin: 'https://from-file.example' } })).headers['access-control-allow-origin'];
  same(await cors(), 'https://from-file.example', 'of the file');
  contains(s.log, 'requests without Authorization act as one client', 'the log');
  const r = cli(on('doctor', '--json'));
  check(JSON.parse(r.stdout).some((f) => !f.holds && f.sentence.includes('legacy.open_client')), 'doctor does not warn of the open client');
  await s.stop();
  await s.start(['--cors-origins', '']);
  same(await cors(), undefined, 'of the command line');
  await s.stop();
  fs.writeFileSync(path.join(dir, 'lazaret.conf'), 'nonsense = 1\n');
  fails(cli(on('model', 'list')), 1, 'lazaret.conf line 1: there is no setting named nonsense');
  fs.rmSync(path.join(dir, 'lazaret.conf'));
});

await test('a folder that holds its settings and nothing else is made a data folder by them', () => {
  const fresh = path.join(box, 'settings-first');
  fs.mkdirSync(fresh);
  fs.writeFileSync(path.join(fresh, 'lazaret.conf'), 'audit.origin = hospital.example/log\n');
  cliJson(['client', 'add', 'bot', '--data', fresh, '--json']);
  same(cliJson(['audit', 'key', '--data', fresh, '--json']).origin, 'hospital.example/log', 'the name of its log');
});

// ---- with the server running

await server.start();
await test('a client added while the server runs may call at once', async () => {
  const late = server.addClient('late');
  const ask = (key) => server.request({ path: '/v1/jobs/01890000-0000-7000-8000-000000000000', headers: { Authorization: `Bearer ${key}`, 'X-Request-ID': 'tamper-with-me-1' } });
  same((await ask(late.api_key)).status, 404, 'status');
  const fresh = cliJson(on('client', 'rotate', 'late', '--json'));
  same([(await ask(late.api_key)).status, (await ask(fresh.api_key)).status], [401, 404], 'the old key and the new one');
  fails(cli(on('client', 'rotate', 'ghost')), 1, 'there is no client named ghost');
});
await test('diagnose and every other verb ask the running server', () => {
  const r = cli(on('diagnose', complete, '--model', 'ckd-epi-2021', '--json'));
  ends(r, 1);
  same(JSON.parse(r.stdout).missing_data[0].input, 'scr', 'what is missing');
  const ran = cli(on('diagnose', complete, '--model', 'news2', '--json'));
  ends(ran, 0);
  same(JSON.parse(ran.stdout).result.score, 0, 'score');
  ends(cli(on('negotiate', complete, '--target', 'sepsis', '--json')), 0);
  for (const words of [['client', 'list'], ['model', 'list'], ['keys', 'status'], ['job', 'list'], ['audit', 'show'], ['audit', 'verify'], ['doctor']])
    cliJson(on(...words, '--json'));
});
await test('the control socket is for its owner alone, and gone after the end', async () => {
  const at = path.join(dir, 'control.sock');
  same(fs.statSync(at).mode & 0o777, 0o600, 'mode');
  same(fs.statSync(dir).mode & 0o777, 0o700, 'mode of the folder');
});
await test('a second server on the same folder is refused', () =>
  fails(cli(on('serve', '--listen', '127.0.0.1:0')), 1, 'another lazaret has'));
await test('SIGTERM ends it with 0, and nothing but the data stays', async () => {
  const how = await server.stop();
  same(how.code, 0, `exit\n${server.log.slice(-2000)}`);
  check(!fs.existsSync(path.join(dir, 'control.sock')), 'the socket is still there');
  same(filesBelow(dir).map((f) => path.relative(dir, f)).filter((f) => !f.startsWith('models/')).sort(), ['lazaret.db', 'lock'], 'files');
});
await test('SIGINT ends it with 0 as well', async () => {
  const s = await new Server(dir).start();
  s.process.kill('SIGINT');
  same((await s.ended).code, 0, 'exit');
});
await test('an audit entry changed on the disk is found, by audit verify and by doctor', () => {
  const file = path.join(dir, 'lazaret.db');
  const whole = fs.readFileSync(file);
  const bent = Buffer.from(whole);
  const at = bent.indexOf('tamper-with-me-1');
  check(at > 0, 'the entry is not in the file');
  bent[at] = 'T'.charCodeAt(0);
  fs.writeFileSync(file, bent);
  const r = cli(on('audit', 'verify', '--json'));
  check(r.code === 1 && /audit entry \d+ was changed/.test(r.stderr), `${r.code} ${r.stdout}${r.stderr}`);
  const d = cli(on('doctor', '--json'));
  ends(d, 1);
  check(JSON.parse(d.stdout).some((f) => f.what === 'audit' && !f.holds), d.stdout);
  fs.writeFileSync(file, whole);
  ends(cli(on('audit', 'verify')), 0);
});

// ---- what is refused

const refused = (name, sentence, words, before) => test(name, () => {
  before?.();
  fails(cli(words ?? on('serve', '--listen', '127.0.0.1:0'), { timeout: 15000 }), 1, sentence);
});
const key = `${dir}.key`;
await refused('data without their key are refused, and no new key is made', 'bring it back', undefined, () => fs.renameSync(key, `${key}.kept`));
await test('... no new key was made', () => check(!fs.existsSync(key), 'there is one'));
await refused('a key of other data is refused', 'not the one these data were made with', undefined,
  () => fs.writeFileSync(key, `${'5a'.repeat(32)}\n`, { mode: 0o400 }));
await refused('a key that others may read is refused', 'may be read by others', undefined, () => {
  fs.rmSync(key);
  fs.copyFileSync(`${key}.kept`, key);
  fs.chmodSync(key, 0o444);
});
await test('with its key back the folder opens', () => {
  fs.rmSync(key);
  fs.renameSync(`${key}.kept`, key);
  check(cliJson(on('audit', 'verify', '--json')).entries > 3, 'entries');
});
await refused('a folder with something else in it is refused', 'neither empty nor a data folder', ['serve', '--data', box, '--listen', '127.0.0.1:0']);
await test('... and nothing was put into it or beside it', () =>
  check(!fs.existsSync(`${box}.key`) && !fs.existsSync(path.join(box, 'lazaret.db')), 'something was'));
for (const [name, sentence, ...options] of [
  ['plain HTTP beyond loopback is refused', 'turn TLS on', '--listen', '0.0.0.0:0'],
  ['the open client beyond loopback is refused', 'only when listening on loopback', '--listen', '0.0.0.0:0', '--legacy-open-client', 'bot', '--tls', 'proxy'],
  ['TLS without a certificate is refused', 'tls.cert', '--listen', '127.0.0.1:0', '--tls', 'on'],
  ['a word that is no setting of tls is refused', 'tls is off, on or proxy', '--listen', '127.0.0.1:0', '--tls', 'maybe'],
  ['a number out of its range is refused', 'workers is a number from 0 to 64', '--listen', '127.0.0.1:0', '--workers', '65'],
  ['an address that is none is refused', 'listen', '--listen', 'nonsense'],
  ['a log level that is none is refused', 'log.level is debug, info, warn or error', '--listen', '127.0.0.1:0', '--log-level', 'loud'],
  ['a settings file that is not there is refused', 'read the settings of', '--listen', '127.0.0.1:0', '--config', path.join(box, 'nowhere')],
]) await refused(name, sentence, ['serve', '--data', dir, ...options]);
await refused('serve without a data folder is refused', 'say which data folder', ['serve', '--listen', '127.0.0.1:0']);
done();
