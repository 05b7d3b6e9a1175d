#!/usr/bin/env node
// timeout: 200
// kit.mjs   a vendor begins a model in each language, sees it work, breaks it, sees which vector says so, and has it served.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { bundle } from './casefile.mjs';
import { check, cli, cliJson, contains, done, same, tempFolder, test } from './lib.mjs';

const home = tempFolder();
const languages = { c: 'model.c', node: 'model.mjs', perl: 'model.pl', python: 'model.py', 'python-files': 'model.py', shell: 'model.sh' };
const folder = (name) => path.join(home, `shock-${name}`);
const make = (name) => name === 'c' && same(spawnSync('cc', ['-O2', '-static', '-o', 'model', 'model.c'], { cwd: folder(name), stdio: 'inherit' }).status, 0, 'cc');

for (const [name, file] of Object.entries(languages)) {
  await test(`a model in ${name} is begun with one command and works`, () => {
    const r = cli(['model', 'new', folder(name), '--language', name]);
    same(r.code, 0, `model new: ${r.stderr}`);
    contains(r.stdout, file, 'what model new says');
    make(name);
    const tried = cliJson(['model', 'test', folder(name), '--json']);
    same(JSON.stringify([tried.key, tried.passed, tried.total, tried.failure]), `["shock-${name}",4,4,null]`, 'self-tests');
  });

  if (name !== 'python-files') await test(`a model in ${name} says how far it is before it answers`, () => {
    const command = { c: ['./model'], node: ['node', file], perl: ['perl', file], python: ['python3', file], shell: ['sh', file] }[name];
    const line = '{"id":"a1","inputs":{"hr":{"v":120,"u":"/min"},"sbp":{"v":100,"u":"mm[Hg]"}},"patient":{},"deadline_ms":2000}\n';
    const r = spawnSync(command[0], command.slice(1), { cwd: folder(name), input: line, encoding: 'utf8' });
    same(r.stdout.trim().split('\n').map((x) => Object.keys(JSON.parse(x)).sort().join()), ['id,progress', 'id,output'], r.stderr);
  });

  await test(`a mistake in ${name} is named by the vector that shows it`, () => {
    const program = path.join(folder(name), file);
    const text = fs.readFileSync(program, 'utf8');
    fs.writeFileSync(program, text.replaceAll('0.9', '0.6'));
    make(name);
    const r = cli(['model', 'test', folder(name)]);
    same(r.code, 1, 'exit status');
    contains(r.stdout, 'the upper end of usual', 'what model test says');
    fs.writeFileSync(program, text);
    make(name);
  });
}

await test('without a language it is Python, and the key is the folder\'s name or the one given', () => {
  const plain = path.join(home, 'plain');
  same(cli(['model', 'new', plain]).code, 0, 'model new');
  check(fs.existsSync(path.join(plain, 'model.py')), 'no model.py');
  same(JSON.parse(fs.readFileSync(path.join(plain, 'manifest.json'))).key, 'plain', 'key');
  same(cli(['model', 'new', path.join(home, 'B c'), '--key', 'another']).code, 0, 'model new with a key');
  same(JSON.parse(fs.readFileSync(path.join(home, 'B c', 'manifest.json'))).key, 'another', 'key');
});

await test('a model that says it needs no /tmp runs', () => {
  const at = path.join(folder('perl'), 'manifest.json');
  const text = fs.readFileSync(at, 'utf8');
  fs.writeFileSync(at, text.replace('"tmpMiB": 1', '"tmpMiB": 0'));
  const r = cli(['model', 'test', folder('perl')]);
  fs.writeFileSync(at, text);
  same([r.code, r.stderr], [0, ''], 'model test');
  contains(r.stdout, '4 of 4 self-tests passed', 'what it says');
});

await test('what cannot be is refused, and nothing is written over', () => {
  const before = fs.readFileSync(path.join(folder('perl'), 'manifest.json'), 'utf8');
  const rows = [[[folder('perl')], 1, 'File exists'], [[path.join(home, 'x'), '--language', 'cobol'], 2, '--language is'],
    [[path.join(home, 'Not A Key')], 2, '--key']];
  for (const [args, status, says] of rows) {
    const r = cli(['model', 'new', ...args]);
    check(r.code !== 0 && r.stderr.includes(says), `${args}: ${r.code} ${r.stderr}`);
    if (status === 2) same(r.code, 2, `exit status of ${args}`);
  }
  same(fs.readFileSync(path.join(folder('perl'), 'manifest.json'), 'utf8'), before, 'the manifest');
  check(!fs.existsSync(path.join(home, 'Not A Key')), 'a folder was made for a wrong key');
  const none = cli(['model', 'test', path.join(home, 'nowhere')]);
  check(none.code > 0 && none.stderr.includes('nowhere'), none.stderr);
});

await test('all of them are served side by side', () => {
  const data = path.join(home, 'data');
  for (const name of Object.keys(languages)) {
    const added = cliJson(['model', 'add', folder(name), '--data', data, '--json']);
    same(added.key, `shock-${name}`, 'key');
    const r = cli(['model', 'promote', `shock-${name}@0.1.0`, 'stable', '--data', data]);
    same(r.code, 0, `promote ${name}: ${r.stderr}`);
  }
  const file = path.join(home, 'bundle.json');
  fs.writeFileSync(file, bundle('patient pulse(value=120,time=NOW-5M) sbp(value=100,time=NOW-5M)'));
  for (const name of Object.keys(languages)) {
    const r = cli(['diagnose', file, '--model', `shock-${name}`, '--data', data]);
    same(r.code, 0, `diagnose ${name}: ${r.stderr} ${r.stdout}`);
    check(/"index": ?1\.20*[,}\s]/.test(r.stdout) && /"raised": ?true/.test(r.stdout), `${name}: ${r.stdout}`);
  }
});

done();
