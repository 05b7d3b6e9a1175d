// build.mjs OUT.c DEPFILE   the page as a C table of compressed files; OUT.sizes.json beside it says how large they are.
//
// Names are made of what is in the file, so that browsers may keep it for ever. The first row is the document itself.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';

const [outC, depfile] = process.argv.slice(2);
const web = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const wanted = JSON.parse(fs.readFileSync(path.join(web, 'package.json'), 'utf8'));
for (const name of Object.keys({ ...wanted.dependencies, ...wanted.devDependencies }))
  if (!fs.existsSync(path.join(web, 'node_modules', name))) {
    console.error(`error: web/node_modules has no ${name}: run "tools/npm-data web"`);
    process.exit(1);
  }
const result = await build({
  absWorkingDir: web, entryPoints: ['src/main.tsx'], outdir: '/', entryNames: 'app-[hash]', chunkNames: '[name]-[hash]', bundle: true, splitting: true, write: false,
  format: 'esm', minify: true, target: ['chrome109', 'firefox115', 'safari16'], metafile: true, legalComments: 'none', logLevel: 'warning', charset: 'utf8',
  jsx: 'automatic', jsxImportSource: 'preact',
});
const types = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.html': 'text/html; charset=utf-8' };
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const files = result.outputFiles.map((f) => ({ name: path.basename(f.path), bytes: Buffer.from(f.contents) }));
const icon = fs.readFileSync(path.join(web, 'src/icon.svg'));
files.push({ name: `icon-${hash(icon).slice(0, 8)}.svg`, bytes: icon });
let html = fs.readFileSync(path.join(web, 'src/index.html'), 'utf8');
const named = (start, end) => files.find((f) => f.name.startsWith(start) && f.name.endsWith(end)).name;
for (const [mark, name] of [['app.js', named('app-', '.js')], ['app.css', named('app-', '.css')], ['icon.svg', named('icon-', '.svg')]])
  html = html.replace(`/assets/${mark}`, `/assets/${name}`);
files.unshift({ name: 'index.html', bytes: Buffer.from(html) });

const rows = files.map((f, i) => ({ ...f, i, gz: zlib.gzipSync(f.bytes, { level: 9 }), tag: hash(f.bytes), type: types[path.extname(f.name)] }));
let c = '#include "api/web_files.h"\n';
for (const r of rows) c += `static const unsigned char file_${r.i}[] = {${[...r.gz].join(',')}};\n`;
c += `const struct web_file web_files[] = {\n${rows.map((r) => `    {"${r.name}", "${r.type}", "${r.tag}", file_${r.i}, sizeof file_${r.i}},\n`).join('')}    {0}};\n`;
fs.writeFileSync(outC, c);
fs.writeFileSync(`${outC}.sizes.json`, JSON.stringify(rows.map((r) => ({ name: r.name, plain: r.bytes.length, gz: r.gz.length }))));
const inputs = Object.keys(result.metafile.inputs).map((f) => path.join(web, f));
inputs.push(path.join(web, 'src/index.html'), path.join(web, 'src/icon.svg'), fileURLToPath(import.meta.url), path.join(web, 'package-lock.json'));
fs.writeFileSync(depfile, `${outC}: ${inputs.map((f) => f.replace(/ /g, '\\ ')).join(' ')}\n`);
