#!/usr/bin/env node
// timeout: 240
// soak: Bundles of up to 100,000 entries, N times over: time linear, memory in bounds
// validate.mjs   fhir validate over Bundles as large as come: what is in the last entry is found, at its line. With N, the time that a
// plain build takes for 1,000 to 100,000 entries grows as they do, and its peak of memory is at most 4 times the document and 20 MB.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { check, done, program, same, tempFolder, test, top } from './lib.mjs';

const folder = tempFolder();
const server = 'http://example.org/fhir';

// A patient for every hundred entries, and their Observations. `last`: members of the last entry.
function writeBundle(entries, name, last = '', patients = Math.ceil(entries / 100)) {
  const file = path.join(folder, name);
  const out = fs.openSync(file, 'w');
  fs.writeSync(out, '{"resourceType":"Bundle","type":"collection","entry":[\n');
  let lines = [];
  for (let i = 0; i < entries; i++) {
    const [id, resource] = i < patients ? [`Patient/p${i}`, `"resourceType":"Patient","id":"p${i}","gender":"female","birthDate":"1980-01-01"`]
      : [`Observation/o${i}`, `"resourceType":"Observation","id":"o${i}","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},`
        + `"subject":{"reference":"Patient/p${i % patients}"},"effectiveDateTime":"2024-01-01T10:00:00Z","valueQuantity":{"value":${60 + i % 60},"unit":"/min",`
        + '"system":"http://unitsofmeasure.org","code":"/min"}'];
    const end = i === entries - 1;
    lines.push(`{"fullUrl":"${server}/${id}","resource":{${resource}${end ? last : ''}}}${end ? '' : ','}\n`);
    if (lines.length === 1000 || end) { fs.writeSync(out, lines.join('')); lines = []; }
  }
  fs.writeSync(out, ']}');
  fs.closeSync(out);
  return file;
}
const validate = (...args) => spawnSync(program, ['fhir', 'validate', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });

await test('10,000 entries are valid, and about more than one patient', () => {
  const file = writeBundle(10000, 'many.json');
  same(validate(file).status, 0, 'status');
  const r = validate('--one-subject', '--max', '1', '--json', file);
  same([r.status, JSON.parse(r.stdout).issues[0].code], [1, 'business-rule'], 'one subject');
  same(validate('--one-subject', writeBundle(10000, 'one.json', '', 1)).status, 0, 'status of one patient');
});

await test('a defect of the last entry is told at its line', () => {
  const r = validate('--json', writeBundle(10000, 'wrong.json', ',"issued":"yesterday"'));
  const [issue] = JSON.parse(r.stdout).issues;
  same([r.status, issue.line, issue.expression], [1, 10001, 'Bundle.entry[9999].resource.issued'], 'issue');
});

await test('what repeats an address is told by its entry, however many there are', () => {
  const file = writeBundle(10000, 'twice.json');
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(`${server}/Observation/o9000"`, `${server}/Observation/o8000"`));
  const issues = JSON.parse(validate('--json', file).stdout).issues.filter((i) => i.severity === 'error');
  same(issues.map((i) => [i.line, i.expression]), [[9002, 'Bundle.entry[9000].fullUrl']], 'issues');
});

// Seconds of the processor and the peak in bytes of a program without sanitizers.
const measure = `
import json, resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
u = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, u.ru_utime + u.ru_stime, u.ru_maxrss * 1024]))`;
function run(plain, file) {
  const r = spawnSync('/usr/bin/python3', ['-I', '-S', '-c', measure, plain, 'fhir', 'validate', file], { encoding: 'utf8' });
  const [status, seconds, peak] = JSON.parse(r.stdout);
  same(status, 0, `status of ${path.basename(file)}`);
  return { seconds, peak, size: fs.statSync(file).size };
}

if (process.env.N) {
  const folderOf = path.resolve(top, process.env.BUILD_PLAIN || 'build-plain');
  const made = spawnSync('sh', ['-c', 'tools/configure "$0" -Dtests=true -Dbuildtype=debugoptimized && ninja --quiet -C "$0" lazaret', folderOf], { cwd: top, encoding: 'utf8' });
  const plain = path.join(folderOf, 'lazaret');
  await test('a build without sanitizers is there', () => check(made.status === 0, made.stdout + made.stderr));
  const sizes = [1000, 10000, 100000];
  const runs = sizes.map((n) => ({ n, file: writeBundle(n, `${n}.json`) }));
  await test('the peak of memory is at most 4 times the document and 20 MB', () => {
    for (const { n, file } of runs) {
      const { peak, size } = run(plain, file);
      check(peak <= 4 * size + 20e6, `${n} entries, ${size} bytes: ${peak} bytes at the peak`);
    }
  });
  await test('time grows as the entries do', () => {
    const least = ({ file }) => Math.min(...Array.from({ length: Math.min(Number(process.env.N), 5) }, () => run(plain, file).seconds));
    const start = least({ file: writeBundle(1, 'single.json') }); // of the program itself
    const [, middle, large] = runs.map((r) => (least(r) - start) / r.n);
    check(large <= 2 * middle, `${(middle * 1e6).toFixed(2)} us an entry of 10,000, ${(large * 1e6).toFixed(2)} us an entry of 100,000`);
  });
}
done();
