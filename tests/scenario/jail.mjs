#!/usr/bin/env node
// timeout: 240
// jail.mjs   lazaret-jail is killed while the server runs: nothing is promised and no try is used up while it is gone, and
// another one is started as soon as that is possible.
import fs from 'node:fs';
import path from 'node:path';
import { Server, build, check, done, same, sleep, tempFolder, test, top, until } from './lib.mjs';

// The programs in a folder of their own, so that the jail's can be taken away.
const home = tempFolder();
for (const f of ['lazaret', 'lazaret-jail']) fs.copyFileSync(path.join(build, f), path.join(home, f));
for (const f of ['images', 'models']) fs.symlinkSync(path.join(build, f), path.join(home, f));
fs.chmodSync(home, 0o755);
const jail = path.join(home, 'lazaret-jail');

const ago = (s) => new Date(Date.now() - s * 1000).toISOString();
const bundle = fs.readFileSync(path.join(top, 'examples/sepsis-complete.json'), 'utf8')
  .replaceAll('@NOW@', ago(0)).replaceAll('@20_MINUTES_AGO@', ago(1200)).replaceAll('@20_HOURS_AGO@', ago(72000));

const server = new Server(undefined, path.join(home, 'lazaret'));
await server.start(['--workers', '1']);
const as = { Authorization: `Bearer ${server.addClient('bot').api_key}` };
const ready = async () => (await server.request({ path: '/readyz' })).status;
const send = () => server.request({ method: 'POST', path: '/v1/diagnose', headers: { ...as, 'Content-Type': 'application/json' },
  body: `{"client_id":"bot","target_diagnosis":"sepsis","fhir_bundle":${bundle}}` });
const look = async (id) => JSON.parse((await server.request({ path: `/v1/jobs/${id}`, headers: as })).text);
// Whichever of the server's threads started it.
const jailOf = () => fs.readdirSync(`/proc/${server.process.pid}/task`)
  .flatMap((t) => fs.readFileSync(`/proc/${server.process.pid}/task/${t}/children`, 'utf8').trim().split(' '))
  .filter(Boolean).map(Number).filter((p) => fs.readFileSync(`/proc/${p}/comm`, 'utf8').trim() === 'lazaret-jail');

await test('with its jail the server is ready and runs a job', async () => {
  same(await ready(), 200, 'readyz');
  same(jailOf().length, 1, 'jails');
  const r = await send();
  same(r.status, 202, 'status');
  await until('the job ends', async () => (await look(JSON.parse(r.text).job_id)).status === 'COMPLETED');
});

await test('while the jail is gone and cannot come back, nothing is accepted', async () => {
  fs.renameSync(jail, `${jail}.away`);
  for (const p of jailOf()) process.kill(p, 'SIGKILL');
  await until('readyz says so', async () => (await ready()) === 503, 5000);
  await sleep(2500); // two tries to start it
  same(await ready(), 503, 'readyz');
  const r = await send();
  same(r.status, 503, 'status');
  check(r.headers['retry-after'], 'no Retry-After');
  check(server.log.includes('lazaret-jail ended'), 'the log does not say that the jail ended');
});

await test('when it can be started again it is, and jobs run at their first try', async () => {
  fs.renameSync(`${jail}.away`, jail);
  await until('readyz is 200', async () => (await ready()) === 200, 10000);
  same(jailOf().length, 1, 'jails');
  const r = await send();
  same(r.status, 202, 'status');
  const job = await until('the job ends', async () => {
    const j = await look(JSON.parse(r.text).job_id);
    return j.status === 'COMPLETED' && j;
  });
  same(job.attempts, 1, 'attempts');
});

await test('killed again at once, it is there again within some seconds', async () => {
  for (const p of jailOf()) process.kill(p, 'SIGKILL');
  const r = await until('accepts', async () => {
    await sleep(50);
    const one = await send();
    return one.status === 202 && one;
  }, 10000);
  await until('the job ends', async () => (await look(JSON.parse(r.text).job_id)).status === 'COMPLETED');
});

await test('SIGTERM ends the server with 0 and leaves no jail', async () => {
  const [pid] = jailOf();
  const how = await server.stop();
  same(how.code, 0, 'exit code');
  check(!fs.existsSync(`/proc/${pid}`), 'the jail still runs');
});
done();
