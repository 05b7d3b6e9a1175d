// check.mjs API.d.ts FOLDER SIZES.json   the page's types hold against the API's, and it is no larger than it may be. TAP.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [api, folder, sizes] = process.argv.slice(2).map((p) => path.resolve(p));
const web = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const MOST = 90_000; // bytes of JavaScript as they are sent: it loads at once on a ward's computer. Without charts, which come when one is looked at
const tell = (ok, n, name) => console.log(`${ok ? 'ok' : 'not ok'} ${n} - ${name}`);

fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ extends: path.join(web, 'tsconfig.json'),
  compilerOptions: { paths: { '#api': [api] } }, include: [path.join(web, 'src'), api] }));
const tsc = path.join(web, '../tests/tools/node_modules/typescript/bin/tsc');
const r = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
for (const line of `${r.stdout}${r.stderr}`.trim().split('\n').slice(0, 60)) if (line) console.log(`# ${line}`);
tell(r.status === 0, 1, 'the page compiles against the API\'s description');

const files = JSON.parse(fs.readFileSync(sizes, 'utf8'));
const sum = files.filter((f) => f.name.endsWith('.js') && !f.name.startsWith('plot-')).reduce((n, f) => n + f.gz, 0);
console.log(`# ${sum} bytes of JavaScript, gzipped; at most ${MOST}`);
tell(sum <= MOST, 2, 'its JavaScript is small');

const source = (dir) => fs.readdirSync(dir, { withFileTypes: true }).flatMap((d) => (d.isDirectory() ? source(path.join(dir, d.name)) : [path.join(dir, d.name)]));
const used = source(path.join(web, 'src')).filter((f) => !f.includes('i18n')).map((f) => fs.readFileSync(f, 'utf8')).join('\n');
const keys = [...fs.readFileSync(path.join(web, 'src/i18n/en.ts'), 'utf8').matchAll(/'([\w.-]+)': '/g)].map((m) => m[1]);
const built = [...used.matchAll(/`([\w.]+)\$\{[^}]+\}(\.\w+)?`/g)].map((m) => new RegExp(`^${m[1].replace(/\./g, '\\.')}[\\w-]+${(m[2] ?? '').replace('.', '\\.')}$`));
const words = [...used.matchAll(/word\('(\w[\w.]*)'/g)].map((m) => new RegExp(`^${m[1].replace(/\./g, '\\.')}\\.[\\w-]+$`));
const idle = keys.filter((k) => !used.includes(`'${k}'`) && ![...built, ...words].some((x) => x.test(k)));
for (const k of idle) console.log(`# ${k} is a sentence that nothing says`);
tell(idle.length === 0, 3, 'every sentence of the catalogue is said somewhere');
const read = (file) => fs.readFileSync(path.join(web, '../src', file), 'utf8');
const rules = [...[...read('api/rules.def').matchAll(/^RULE\("([\w-]+)"/gm)].map((m) => m[1]), ...[...read('study/fiscal.def').matchAll(/^RESULT\((\w+)/gm)].map((m) => `fiscal-${m[1].toLowerCase().replace(/_/g, '-')}`),
  ...[...read('study/fiscal.def').matchAll(/^PART\(\w+, *"(\w+)"/gm)].map((m) => `fiscal-other-${m[1]}`)];
const mute = [...new Set(rules)].filter((r) => !keys.includes(`rule.${r}`));
for (const r of mute) console.log(`# the rule ${r} has no sentence`);
tell(mute.length === 0 && rules.length > 60, 4, 'every rule that the API tells of has its sentences');
console.log('1..4');
