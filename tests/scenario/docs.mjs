#!/usr/bin/env node
// timeout: 300
// docs.mjs   /docs in a real browser (Debian's Chromium): the operations are there, nothing offends the page's policy, nobody else is
// asked, an operation is tried out with a key that is typed in, and without one where the server is open.
import fs from 'node:fs';
import path from 'node:path';
import { isThere, launch } from './chromium.mjs';
import { Server, check, contains, done, same, skip, test, top } from './lib.mjs';

if (!isThere) {
  skip('the page in a browser', 'there is no chromium');
  done();
  process.exit();
}

const server = new Server();
await server.start();
const bot = server.addClient('bot');
const api = JSON.parse((await server.request({ path: '/openapi.json' })).text);
const home = `http://127.0.0.1:${server.port}`;

const browser = await launch();
const seen = { violations: [], elsewhere: [], errors: [] };
async function open(at) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 3000 } });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
  });
  page.on('request', (q) => { if (!q.url().startsWith(at) && !q.url().startsWith('data:')) seen.elsewhere.push(q.url()); });
  page.on('pageerror', (e) => seen.errors.push(String(e)));
  page.on('console', (m) => { if (m.type() === 'error') seen.errors.push(m.text()); });
  await page.goto(`${at}/docs`);
  await page.waitForSelector('.opblock', { timeout: 30000 });
  return page;
}
// Of more than a hundred operations the page has those alone that are in sight: from the top down, until `each` has what it looks for.
async function walk(page, each) {
  for (let y = 0, end = 1; y < end; y += 2500) {
    end = await page.evaluate((at) => { window.scrollTo(0, at); return document.documentElement.scrollHeight; }, y);
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    if (await each()) return;
  }
}
// Opens one operation of the page and presses "Try it out" and "Execute"; the answer as the page shows it.
async function execute(page, id, fields = {}) {
  const block = page.locator(`[id$="-${id}"]`);
  await walk(page, () => block.count());
  await block.locator('.opblock-summary').first().click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  for (const [name, value] of Object.entries(fields)) await block.locator(`tr[data-param-name="${name}"] input`).fill(value);
  await block.getByRole('button', { name: 'Execute' }).click();
  const live = block.locator('.live-responses-table .response');
  await live.waitFor({ timeout: 20000 });
  return { status: (await live.locator('.response-col_status').innerText()).trim(), text: await live.innerText() };
}

let page;
await test('every operation is on the page, with its summary', async () => {
  page = await open(home);
  const want = Object.entries(api.paths).flatMap(([at, o]) => Object.entries(o).map(([method, x]) => [method.toUpperCase(), at, x.summary]));
  check(want.length > 10, 'the description was not read');
  const shown = new Map();
  await walk(page, async () => {
    for (const x of await page.locator('.opblock').evaluateAll((all) => all.map((b) => [b.querySelector('.opblock-summary-method').textContent,
      b.querySelector('.opblock-summary-path').dataset.path, b.querySelector('.opblock-summary-description').textContent]))) shown.set(x.join(' '), x);
    return shown.size === want.length;
  });
  same([...shown.values()].sort(), want.sort(), 'operations');
});
await test('an operation open to all is tried out', async () => {
  const r = await execute(page, 'getHealth');
  same(r.status, '200', 'status');
  contains(r.text, '"status": "ok"', 'the answer');
});
await test('without a key, one that needs one is refused', async () => same((await execute(page, 'getV1JobsJobId', { job_id: '01890000-0000-7000-8000-000000000000' })).status, '401', 'status'));
await test('with a key typed in, the example of a request is accepted as it stands', async () => {
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  await page.locator('#auth-bearer-value').fill(bot.api_key);
  await page.locator('.auth-btn-wrapper button.authorize').first().click();
  await page.locator('.btn-done').first().click();
  const r = await execute(page, 'postV1Diagnose');
  same(r.status, '202', r.text);
  contains(r.text, '"job_id"', 'the answer');
});
await test('a key is gone with the page', async () => {
  await page.reload();
  await page.waitForSelector('.opblock');
  same(await page.evaluate(() => Object.values(localStorage).concat(Object.values(sessionStorage)).filter((v) => v.includes('lz_')).length), 0, 'kept keys');
});
await test('where the server is open to one client, no key is needed', async () => {
  const openServer = new Server();
  await openServer.start(); /* the client has to be there before it is named */
  openServer.addClient('bot');
  await openServer.stop();
  await openServer.start(['--legacy-open-client', 'bot']);
  const other = await open(`http://127.0.0.1:${openServer.port}`);
  const r = await execute(other, 'postV1Diagnose');
  same(r.status, '202', r.text);
  await other.close();
  same((await openServer.stop()).code, 0, 'exit');
});
await test('nothing offended the policy, nobody else was asked, and no script failed', async () => {
  seen.violations.push(...(await page.evaluate(() => window.violations)));
  /* a refusal that was asked for above is told on the console, too */
  const errors = seen.errors.filter((e) => !/status of 401/.test(e));
  same([seen.violations, seen.elsewhere, errors], [[], [], []], 'violations, others, errors');
});
await browser.close();
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
