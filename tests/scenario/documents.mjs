#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 240
// documents.mjs   files of a home over HTTP: sent as a form or as they are, listed, saved, removed, each by who may; what is not what it is said to be
// is refused in a sentence; a file larger than any memory takes none; a broken upload leaves nothing.
// soak: N gibibytes
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { settings, token } from './issuer.mjs';
import { Server, check, cliJson, contains, done, opening, same, sleep, test, until } from './lib.mjs';

const soak = Number(process.env.N ?? 0), MIB = 1 << 20;
const server = new Server();
// A sanitizer keeps what was freed, which is not the server's memory.
const options = [...settings(), '--limit-document-mib', String(soak ? soak * 1024 : 64), '--limit-header-ms', '2000', '--limit-transfers', '4', '--handlers', '16'];
const env = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64` };
await server.start(options, env);
server.addClient('bot');
const people = Object.fromEntries(['doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin'].map((role) => [role, token(`the-${role}`, [role], { exp: Math.floor(Date.now() / 1000) + 7200 })]));
people.other = token('another-installer', ['installer']);
people.bot = server.clients.bot.api_key;
const auth = (as) => ({ Authorization: `Bearer ${people[as]}` });
const ask = async (as, method, path, { headers = {}, body } = {}) => {
  const r = await server.request({ method, path, body, headers: { ...auth(as), ...headers } });
  return { ...r, json: /^application\/json/.test(r.headers['content-type']) && r.text ? JSON.parse(r.text) : undefined };
};
const newest = () => cliJson(['audit', 'show', '--last', '1', '--data', server.dir, '--json'])[0];
const pdf = (n) => Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(Math.max(0, n - 9), 'canary-in-a-plan ')]).subarray(0, n);
// A form as browsers and FastAPI's clients send it.
function form(parts) {
  const lines = parts.flatMap(([name, value, filename, type]) => [`--b0undary\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n`
    + `${type ? `Content-Type: ${type}\r\n` : ''}\r\n`, value, '\r\n']);
  return { headers: { 'Content-Type': 'multipart/form-data; boundary=b0undary' }, body: Buffer.concat([...lines, '--b0undary--\r\n'].map((x) => Buffer.from(x))) };
}
const send = (as, home, name, type, bytes, kind = 'home map') => ask(as, 'POST', `/api/v1/installations/${home}/documents`, form([['file', bytes, name, type], ['file_type', kind]]));
const plain = (as, home, name, type, bytes, more = {}) => ask(as, 'POST', `/api/v1/installations/${home}/documents?file_type=sheet`,
  { headers: { 'Content-Type': type, 'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`, ...more }, body: bytes });

// ---- two homes, each given to an installer of its own: what doctor, installer and monitor call it is what their new ticket is about, which is
// the same one, since all read in it what its installer wrote

const json = { 'Content-Type': 'application/json' };
async function given(code, installer) {
  const [enrolled, opened] = await opening(['doctor', installer, 'monitor'], async (as) => (await ask(as, 'GET', '/api/v1/tickets?limit=100')).json,
    () => ask('doctor', 'POST', '/api/v1/patients', { headers: json, body: JSON.stringify({ first_name: 'N', last_name: 'Provvisorio', codice_fiscale: code }) }));
  same(enrolled.status, 201, enrolled.text);
  const { ticket_id, patient_id } = opened[installer];
  same((await ask(installer, 'POST', `/api/v1/tickets/${ticket_id}/take`)).status, 200, 'taken');
  same((await ask(installer, 'POST', `/api/v1/tickets/${ticket_id}/messages`, { headers: json, body: JSON.stringify({ body: `I go where ${code} is` }) })).status, 201, 'written');
  const numbers = { ticket: ticket_id, installer: patient_id };
  for (const as of ['doctor', 'monitor']) {
    const theirs = opened[as];
    contains((await ask(as, 'GET', `/api/v1/tickets/${theirs.ticket_id}/messages`)).text, `where ${code} is`);
    numbers[as] = theirs.patient_id;
  }
  return numbers;
}
const home = await given('STP8123456789012', 'installer'), second = await given('ENI8123456789012', 'other');
let id;

await test('a form with a file is a document, told as FastAPI told it', async () => {
  const r = await send('installer', home.installer, 'Piano "terra".pdf'.replaceAll('"', ''), 'application/pdf', pdf(300000));
  same(r.status, 201, r.text);
  ({ id } = r.json);
  check(Number.isSafeInteger(id) && id > 0 && id < 2 ** 52, `an id: ${id}`);
  same({ ...r.json, created_at: 'then' }, { id, file_name: 'Piano terra.pdf', file_type: 'home map', content_type: 'application/pdf', size: 300000, created_at: 'then', author: 'installer' }, 'what was made');
  same(r.headers.location, `/api/v1/documents/${id}`, 'Location');
  const entry = newest();
  same([entry.act, entry.obj.type, entry.out, entry.n, entry.actor.role], ['create', 'Document', 'permit', 1, 'installer'], JSON.stringify(entry));
  check(!JSON.stringify(entry).includes(String(id)), 'the entry has the number the installer knows it by');
});
await test('it is saved under its name, whole, and nothing of it runs', async () => {
  const r = await ask('installer', 'GET', `/api/v1/documents/${id}`);
  same(r.status, 200, r.text.slice(0, 300));
  check(r.bytes.equals(pdf(300000)), 'other bytes');
  for (const [name, value] of Object.entries({ 'content-type': 'application/pdf', 'content-length': '300000', 'x-content-type-options': 'nosniff', 'cache-control': 'no-store',
    'content-disposition': `attachment; filename="Piano terra.pdf"; filename*=UTF-8''Piano%20terra.pdf`, 'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin', 'x-frame-options': 'DENY' })) same(r.headers[name], value, name);
  const entry = newest();
  same([entry.act, entry.obj.type, entry.out, entry.n], ['read', 'Document', 'permit', 1], JSON.stringify(entry));
  same(Number(r.headers['lazaret-audit']), entry.idx, 'Lazaret-Audit');
  const head = await ask('installer', 'HEAD', `/api/v1/documents/${id}`);
  same([head.status, head.headers['content-length'], head.text], [200, '300000', ''], 'HEAD');
});
await test('every type, as a form and as it is', async () => {
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d494844520000000100000001080200000090', 'hex'), Buffer.alloc(50)]);
  for (const [name, type, bytes, shown = type] of [['a.png', 'image/png', png], ['foto.JPG', 'image/jpeg', Buffer.from('ffd8ffe000104a464946', 'hex')],
    ['perché €.txt', 'text/plain', Buffer.from('perché'), 'text/plain; charset=utf-8'], ['t.csv', 'text/csv; charset=utf-8', Buffer.from('a;b\n'), 'text/csv; charset=utf-8']])
    for (const r of [await send('installer', home.installer, name, type, bytes), await plain('installer', home.installer, name, type, bytes)]) {
      same(r.status, 201, `${name}: ${r.text}`);
      same(r.json.file_name, name, 'name');
      const got = await ask('installer', 'GET', `/api/v1/documents/${r.json.id}`);
      same([got.status, got.headers['content-type']], [200, shown], name);
      check(got.bytes.equals(bytes), `${name}: other bytes`);
      contains(got.headers['content-disposition'], `filename*=UTF-8''${encodeURIComponent(name)}`);
      same((await ask('installer', 'DELETE', `/api/v1/documents/${r.json.id}`)).status, 204, 'removed');
    }
});
await test('each role has its own view, under its own numbers', async () => {
  const of = async (as, at) => (await ask(as, 'GET', `/api/v1/installations/${at}/documents`)).json.documents.at(-1);
  const [mine, doctors, monitors] = [await of('installer', home.installer), await of('doctor', home.doctor), await of('monitor', home.monitor)];
  same([mine.id, mine.size, doctors.size, doctors.author], [id, 300000, 300000, 'installer'], 'what it says');
  same(new Set([mine.id, doctors.id, monitors.id]).size, 3, 'numbers');
  same({ ...monitors, id: 0 }, { id: 0, content_type: 'application/pdf', size: 524288, created_at: `${mine.created_at.slice(0, 10)}T00:00:00.000000Z` }, 'the monitor');
  check((await ask('doctor', 'GET', `/api/v1/documents/${doctors.id}`)).bytes.equals(pdf(300000)), 'the doctor reads another file');
  const refused = await ask('monitor', 'GET', `/api/v1/documents/${monitors.id}`);
  same([refused.status, refused.text.includes('canary')], [403, false], refused.text);
  same([newest().out, newest().why], ['deny', 'NOT_ALLOWED'], 'the entry');
  same((await ask('doctor', 'DELETE', `/api/v1/documents/${doctors.id}`)).status, 403, 'a doctor removes');
  same((await send('doctor', home.doctor, 'a.pdf', 'application/pdf', pdf(10))).status, 403, 'a doctor sends');
  same((await send('monitor', home.monitor, 'a.pdf', 'application/pdf', pdf(10))).status, 403, 'a monitor sends');
  for (const as of ['researcher', 'auditor', 'admin', 'bot'])
    for (const [method, at] of [['GET', `/api/v1/installations/${home.installer}/documents`], ['POST', `/api/v1/installations/${home.installer}/documents`], ['GET', `/api/v1/documents/${id}`], ['DELETE', `/api/v1/documents/${id}`]])
      same((await ask(as, method, at)).status, 403, `${as}: ${method} ${at}`);
});
await test('what is not given to an installer is not there for them', async () => {
  const absent = await ask('other', 'GET', '/api/v1/documents/12345');
  same(absent.status, 404, absent.text);
  const without = (r) => (r.json ? JSON.stringify({ ...r.json, request_id: '' }) : r.text.slice(0, 300));
  for (const r of [await ask('other', 'GET', `/api/v1/documents/${id}`), await ask('other', 'DELETE', `/api/v1/documents/${id}`), await ask('other', 'GET', `/api/v1/installations/${home.installer}/documents`),
    await ask('installer', 'GET', `/api/v1/installations/${second.installer}/documents`), await send('installer', second.installer, 'a.pdf', 'application/pdf', pdf(10)),
    await send('other', home.installer, 'a.pdf', 'application/pdf', pdf(10)), await ask('installer', 'GET', `/api/v1/documents/${home.installer}`), await send('installer', home.monitor, 'a.pdf', 'application/pdf', pdf(10))]) {
    same([r.status, without(r)], [404, without(absent)], r.text.slice(0, 300));
    same([newest().out, newest().why], ['deny', 'absent'], 'the entry');
  }
});
await test('given back with its ticket, a home is another one\'s, and its documents are', async () => {
  const seenBy = async (as) => [(await ask(as, 'GET', `/api/v1/documents/${id}`)).status, (await ask(as, 'GET', `/api/v1/installations/${home.installer}/documents`)).status];
  const deed = async (as, what) => same((await ask(as, 'POST', `/api/v1/tickets/${home.ticket}/${what}`)).status, 200, `${as}: ${what}`);
  await deed('installer', 'close');
  same(await seenBy('installer'), [200, 200], 'when it is closed');
  await deed('installer', 'reopen');
  await deed('installer', 'release');
  same([await seenBy('installer'), await seenBy('other')], [[404, 404], [404, 404]], 'when nobody has it');
  await deed('other', 'take');
  same([await seenBy('installer'), await seenBy('other')], [[404, 404], [200, 200]], 'when another has it');
  await deed('other', 'release');
  await deed('installer', 'take');
});
await test('what is not what it is said to be is refused, and the sentence says so', async () => {
  const before = (await ask('installer', 'GET', `/api/v1/installations/${home.installer}/documents`)).json.total;
  const zip = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.alloc(100000)]), bomb = Buffer.from('89504e470d0a1a0a0000000d494844527fffffff7fffffff08020000', 'hex');
  const gz = Buffer.concat([Buffer.from('1f8b0800', 'hex'), Buffer.alloc(1000)]);
  for (const [name, type, bytes, status, says] of [['a.pdf', 'application/pdf', zip, 415, 'ZIP'], ['a.txt', 'text/plain', gz, 415, 'gzip'], ['a.png', 'image/png', pdf(100), 415, 'PDF'],
    ['a.pdf', 'application/pdf', Buffer.from('<html>'), 415, 'HTML'], ['a.zip', 'application/zip', zip, 415, 'archives'], ['a.bin', 'application/octet-stream', pdf(100), 415, 'declared'],
    ['a.png', 'image/png', bomb, 415, 'image/png'], ['a.txt', 'text/plain', Buffer.concat([Buffer.alloc(600000, 'a'), Buffer.from([0])]), 415, 'text/plain'], ['a.pdf', 'application/pdf', Buffer.alloc(0), 415, 'empty'],
    ['../../etc/passwd.pdf', 'application/pdf', pdf(100), 422, 'path'], ['C:\\a.pdf', 'application/pdf', pdf(100), 422, 'path'], ['a\u202efdp.exe.pdf', 'application/pdf', pdf(100), 422, 'control'],
    ['a.exe', 'application/pdf', pdf(100), 422, 'end'], [`${'a'.repeat(252)}.pdf`, 'application/pdf', pdf(100), 422, '255']])
    for (const r of [await send('installer', home.installer, name, type, bytes), await plain('installer', home.installer, name, type, bytes)]) {
      same(r.status, status, `${name}, ${type}: ${r.text}`);
      contains(r.text, says);
      check(!/passwd|C:|canary/.test(r.text), `it repeats what was sent: ${r.text}`);
    }
  const line = await plain('installer', home.installer, 'a\nb.pdf', 'application/pdf', pdf(100));
  same(line.status, 422, line.text);
  const packed = await plain('installer', home.installer, 'a.pdf', 'application/pdf', gz, { 'Content-Encoding': 'gzip' });
  same(packed.status, 415, packed.text);
  same((await ask('installer', 'GET', `/api/v1/installations/${home.installer}/documents`)).json.total, before, 'documents');
});
await test('a form that is none is refused', async () => {
  const file = ['file', pdf(100), 'a.pdf', 'application/pdf'];
  const at = `/api/v1/installations/${home.installer}/documents`, head = { 'Content-Type': 'multipart/form-data; boundary=b0undary' };
  for (const [what, r] of Object.entries({
    'no file': await ask('installer', 'POST', at, form([['file_type', 'map']])), 'no name': await ask('installer', 'POST', at, form([['file', pdf(100)]])),
    'two files': await ask('installer', 'POST', at, form([file, file])), 'two kinds': await ask('installer', 'POST', at, form([['file_type', 'a'], file, ['file_type', 'b']])),
    'a long kind': await ask('installer', 'POST', at, form([file, ['file_type', 'x'.repeat(65)]])), 'no end': await ask('installer', 'POST', at, { headers: head, body: form([file]).body.subarray(0, 200) }),
    'nothing': await ask('installer', 'POST', at, { headers: head }), 'no type': await ask('installer', 'POST', at, form([['file', pdf(100), 'a.pdf']])),
    'no disposition': await ask('installer', 'POST', at, { headers: { 'Content-Type': 'application/pdf' }, body: pdf(100) }), 'no number': await ask('installer', 'POST', '/api/v1/installations/x/documents', form([file])) }))
    check(r.status === (what === 'no type' ? 415 : 422) && r.json.detail, `${what}: ${r.status} ${r.text}`);
});
await test('what was removed is gone, also from the files, and its key with it', async () => {
  const bytes = pdf(1 * MIB), made = (await send('installer', home.installer, 'weg.pdf', 'application/pdf', bytes)).json;
  const { etag } = (await ask('installer', 'GET', `/api/v1/documents/${made.id}`)).headers;
  for (const other of ['"9"', `W/${etag}`]) same((await ask('installer', 'DELETE', `/api/v1/documents/${made.id}`, { headers: { 'If-Match': other } })).status, 412, 'of another version');
  same((await ask('installer', 'DELETE', `/api/v1/documents/${made.id}`, { headers: { 'If-Match': etag } })).status, 204, 'removed');
  same([newest().act, newest().obj.type, newest().out], ['delete', 'Document', 'permit'], 'the entry');
  for (const method of ['GET', 'DELETE']) same((await ask('installer', method, `/api/v1/documents/${made.id}`, { headers: { 'If-Match': '"9"' } })).status, 404, `${method} afterwards`);
  check(!(await ask('installer', 'GET', `/api/v1/installations/${home.installer}/documents`)).text.includes(String(made.id)), 'it is listed');
  same(server.findPlain(['canary-in-a-plan', 'weg.pdf', 'Piano terra', 'home map']), [], 'in the clear');
  check(!/canary|Piano|weg\.pdf/.test(server.log), 'the log says what was in it');
});

// ---- larger than memory

const status = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(fs.readFileSync(`/proc/${server.process.pid}/status`, 'utf8'))[1]) * 1024;
// The most that work needed beside what the server has when nothing goes on.
async function extra(work) {
  fs.writeFileSync(`/proc/${server.process.pid}/clear_refs`, '5');
  const idle = status('VmRSS');
  const r = await work();
  return [status('VmHWM') - idle, r];
}
// n bytes: the beginning of a PDF, then the same block again and again.
const block = Buffer.alloc(MIB, 0).map((_, i) => (i * 31 + (i >> 8)) & 255);
function* content(n) {
  yield Buffer.from('%PDF-1.7\n');
  for (let at = 9; at < n; at += block.length) yield at + block.length <= n ? block : block.subarray(0, n - at);
}
const hash = (n) => { const h = createHash('sha256'); for (const b of content(n)) h.update(b); return h.digest('hex'); };
function upload(n) {
  return new Promise((resolve, reject) => {
    const q = server.over.request({ host: '127.0.0.1', port: server.port, method: 'POST', path: `/api/v1/installations/${home.installer}/documents`, agent: false,
      headers: { ...auth('installer'), 'Content-Type': 'application/pdf', 'Content-Disposition': 'attachment; filename="large.pdf"', 'Content-Length': n } });
    q.on('response', (r) => { let text = ''; r.on('data', (d) => { text += d; }); r.on('end', () => resolve({ status: r.statusCode, json: JSON.parse(text) })); });
    q.on('error', reject);
    (async () => { for (const b of content(n)) if (!q.write(b)) await new Promise((on) => q.once('drain', on)); q.end(); })();
  });
}
function download(at) {
  return new Promise((resolve, reject) => {
    server.over.get({ host: '127.0.0.1', port: server.port, path: `/api/v1/documents/${at}`, agent: false, headers: auth('installer') }, (r) => {
      const h = createHash('sha256');
      let n = 0;
      r.on('data', (d) => { h.update(d); n += d.length; });
      r.on('end', () => resolve({ status: r.statusCode, n, hash: h.digest('hex') }));
      r.on('error', reject);
    }).on('error', reject);
  });
}
const large = soak ? soak * 1024 * MIB : 64 * MIB;
await test(`a file of ${large / MIB} MiB comes and goes in 32 MiB of memory`, async () => {
  const begun = Date.now();
  const [up, made] = await extra(() => upload(large)), between = Date.now();
  same([made.status, made.json.size], [201, large], JSON.stringify(made.json));
  const [down, got] = await extra(() => download(made.json.id));
  console.log(`# up: ${(up / MIB).toFixed(1)} MiB more, ${((between - begun) / 1000).toFixed(1)} s; down: ${(down / MIB).toFixed(1)} MiB more, ${((Date.now() - between) / 1000).toFixed(1)} s`);
  same([got.status, got.n, got.hash], [200, large, hash(large)], 'what came back');
  check(up <= 32 * MIB && down <= 32 * MIB, `${up / MIB} MiB up, ${down / MIB} MiB down`);
  same((await ask('installer', 'DELETE', `/api/v1/documents/${made.json.id}`)).status, 204, 'removed');
});
await test('a file over the limit is refused, before it comes or when it does', async () => {
  const at = `/api/v1/installations/${home.installer}/documents`, type = 'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="a.pdf"\r\n';
  const raw = (head) => new Promise((resolve) => {
    const s = net.connect(server.port, '127.0.0.1');
    let text = '';
    s.on('data', (d) => { text += d; });
    s.on('close', () => resolve(text));
    s.on('error', () => {});
    s.write(`POST ${at} HTTP/1.1\r\nHost: x\r\nAuthorization: ${auth('installer').Authorization}\r\n${type}${head}`);
  });
  contains(await raw(`Content-Length: ${large + 65537}\r\n\r\n`), 'HTTP/1.1 413 ');
  contains(await raw('Transfer-Encoding: chunked\r\n\r\n9\r\n%PDF-1.7\n\r\nfffffffffff\r\n'), 'HTTP/1.1 413 ');
  if (soak) return;
  const r = await send('installer', home.installer, 'a.pdf', 'application/pdf', Buffer.concat([pdf(9), Buffer.alloc(64 * MIB)]));
  same(r.status, 413, r.text);
});

// ---- what breaks

const counts = () => soak || [...cliJson(['db', 'check', '--data', server.dir, '--json'])].every((x) => x.holds);
const total = async () => (await ask('installer', 'GET', `/api/v1/installations/${home.installer}/documents`)).json.total;
// A connection that has sent the beginning of a document.
async function begun(bytes) {
  const s = net.connect(server.port, '127.0.0.1');
  s.on('error', () => {});
  s.write(`POST /api/v1/installations/${home.installer}/documents HTTP/1.1\r\nHost: x\r\nAuthorization: ${auth('installer').Authorization}\r\nContent-Type: application/pdf\r\n`
    + `Content-Disposition: attachment; filename="half.pdf"\r\nContent-Length: ${8 * MIB}\r\n\r\n`);
  s.write(pdf(bytes));
  await sleep(300);
  return s;
}
await test('an upload that breaks off leaves nothing', async () => {
  const before = await total();
  (await begun(3 * MIB)).destroy();
  const slow = await begun(1 * MIB); /* and one that stalls is answered 408 */
  let text = '';
  slow.on('data', (d) => { text += d; });
  await until('it is cut off', async () => text.includes('HTTP/1.1 408 '));
  contains(text, 'send it again');
  same(await total(), before, 'documents');
  check(counts(), 'db check');
});
await test('a client that does not read is cut off, and holds nobody up', async () => {
  const made = (await upload(32 * MIB)).json;
  const s = net.connect(server.port, '127.0.0.1');
  s.on('error', () => {});
  s.pause();
  s.write(`GET /api/v1/documents/${made.id} HTTP/1.1\r\nHost: x\r\nAuthorization: ${auth('installer').Authorization}\r\n\r\n`);
  const cut = async () => Number(/^lazaret_http_transfers_cut_total (\d+)/m.exec((await server.request({ path: '/metrics' })).text)[1]);
  const before = await cut();
  same((await ask('installer', 'GET', `/api/v1/documents/${id}`)).status, 200, 'another one');
  await until('it is cut off', async () => (await cut()) > before);
  s.destroy();
  /* removed while it is on its way: what came is right, and it ends early */
  const part = net.connect(server.port, '127.0.0.1');
  part.on('error', () => {});
  let n = 0, closed = false;
  part.on('close', () => { closed = true; });
  part.write(`GET /api/v1/documents/${made.id} HTTP/1.1\r\nHost: x\r\nAuthorization: ${auth('installer').Authorization}\r\n\r\n`);
  await new Promise((on) => part.once('data', (d) => { n += d.length; part.pause(); on(); }));
  same((await ask('installer', 'DELETE', `/api/v1/documents/${made.id}`)).status, 204, 'removed');
  part.on('data', (d) => { n += d.length; });
  part.resume();
  await until('it ends', async () => closed);
  check(n < 32 * MIB, `${n} bytes came`);
  contains(server.log, 'cut off on its way');
});
await test('killed while documents come, the server begins without them', async () => {
  const before = await total();
  const s = [await begun(3 * MIB), await begun(300000)];
  server.process.kill('SIGKILL');
  await server.ended;
  for (const x of s) x.destroy();
  await server.start(options, env);
  same(await total(), before, 'documents');
  if (!server.url) await until('what was left is swept', async () => server.log.includes('are swept'), 10000); /* where others may write, the lease says when */
  check(counts(), 'db check');
  check((await ask('installer', 'GET', `/api/v1/documents/${id}`)).bytes.equals(pdf(300000)), 'another file');
});
same((await server.stop()).code, 0, 'exit');
done();
