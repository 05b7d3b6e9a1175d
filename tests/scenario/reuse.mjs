#!/usr/bin/env node
// reuse.mjs   a program that may serve again: one client's jobs find what it kept of that client's earlier ones, another client's never do;
// it may only where both the manifest and the operator say so.
import fs from 'node:fs';
import path from 'node:path';
import { bundle } from './casefile.mjs';
import { Server, check, cliJson, done, same, tempFolder, test, top, until } from './lib.mjs';

// Answers how many jobs it has served; a mood of 7 makes it answer nonsense.
const program = `import json, sys
served = 0
for line in sys.stdin:
    request = json.loads(line)
    served += 1
    mood = float(request["inputs"]["mood"]["v"])
    print(json.dumps({"id": request["id"], "output": {"mood": served if mood != 7 else "seven"}}), flush=True)
`;
function counter(reuse) {
  const folder = path.join(tempFolder(), 'counter');
  const manifest = JSON.parse(fs.readFileSync(path.join(top, 'tests/data/models/moody/manifest.json'), 'utf8'));
  Object.assign(manifest, { key: reuse ? 'counter' : 'alone', targets: [reuse ? 'counter' : 'alone'] });
  Object.assign(manifest.runtime, { warm: true, ...(reuse && { reuse: true }), deterministic: false });
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
  fs.writeFileSync(path.join(folder, 'model.py'), program);
  fs.writeFileSync(path.join(folder, 'card.md'), '# Counts what it has served\n\nFor tests, not for clinical use.\n');
  return folder;
}
async function begin(options) {
  const server = new Server();
  await server.start(['--workers', '1', '--sandbox-ready', '6', ...options]);
  for (const name of ['one', 'two']) server.addClient(name);
  for (const reuse of [true, false]) {
    const { key } = cliJson(['model', 'add', counter(reuse), '--data', server.dir, '--json']);
    cliJson(['model', 'promote', `${key}@1.0.0`, 'stable', '--data', server.dir, '--json']);
  }
  return server;
}
async function job(server, client, target, mood = 1) {
  const headers = { Authorization: `Bearer ${server.clients[client].api_key}`, 'Content-Type': 'application/json' };
  const r = await server.request({ method: 'POST', path: '/v1/diagnose', headers,
    body: `{"client_id":"${client}","target_diagnosis":"${target}","fhir_bundle":${bundle(`patient pregnancy(verified=refuted) mood(value=${mood})`)}}` });
  same(r.status, 202, r.text);
  const id = JSON.parse(r.text).job_id;
  return until('the job to end', async () => {
    const j = JSON.parse((await server.request({ path: `/v1/jobs/${id}`, headers })).text);
    return !['QUEUED', 'PROCESSING'].includes(j.status) && (j.result?.mood ?? j.error?.code ?? j.status);
  });
}
const again = async (server) => Number(/^lazaret_sandbox_ready_again_total ([0-9]+)/m.exec((await server.request({ path: '/metrics' })).text)[1]);

const server = await begin(['--sandbox-reuse', 'on']);
await test('one client\'s jobs are served by one program, and another client\'s by another', async () => {
  const seen = [];
  for (const client of ['one', 'one', 'two', 'one', 'two']) seen.push(await job(server, client, 'counter'));
  same(seen, [1, 2, 1, 3, 2], 'how many each had served');
  same(await again(server), 3, 'lazaret_sandbox_ready_again_total');
});
await test('after an answer that its manifest does not allow it is gone', async () => {
  same(await job(server, 'one', 'counter', 7), 'OUTPUT_INVALID', 'the job');
  same(await job(server, 'one', 'counter'), 1, 'how many it had served');
});
await test('where the manifest does not say so each job has its own', async () => {
  for (let i = 0; i < 3; i++) same(await job(server, 'one', 'alone'), 1, 'how many it had served');
});
await server.stop();
const strict = await begin([]);
await test('where the operator does not say so each job has its own', async () => {
  for (let i = 0; i < 3; i++) same(await job(strict, 'one', 'counter'), 1, 'how many it had served');
  same(await again(strict), 0, 'lazaret_sandbox_ready_again_total');
});
check((await strict.stop()).code === 0, 'exit');
done();
