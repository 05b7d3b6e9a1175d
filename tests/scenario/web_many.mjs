#!/usr/bin/env node
// alone: it measures time
// timeout: 300
// web_many.mjs   the list of a thousand people: what is typed is shown at once, as Interaction to Next Paint counts it.
import { Browser } from './browser.mjs';
import { Server, check, cliJson, done, same, skip, test } from './lib.mjs';

if (!Browser.there()) {
  skip('the page in a browser', 'there is no chromium');
  done();
  process.exit();
}
const server = new Server();
await server.start();
cliJson(['study', 'demo', '--patients', '1000', '--data', server.dir, '--json'], { timeout: 120000 });
const b = await new Browser(server).start();
await test('among a thousand people a key press is shown within 100 ms', async () => {
  const page = await b.sit();
  await b.accept(page, b.invite('anna', 'doctor'));
  await page.goto('/app/patients');
  for (let shown = 100; shown < 1000; shown += 100) {
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction((n) => document.querySelectorAll('tbody tr').length > n, shown);
  }
  await page.getByRole('searchbox').focus();
  const slow = await page.evaluate(async () => {
    const input = document.activeElement, out = [];
    for (const text of ['r', 'ro', 'ros', 'ro', 'r']) {
      const t0 = performance.now();
      input.value = text;
      input.dispatchEvent(new InputEvent('input', { bubbles: true }));
      await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
      out.push(performance.now() - t0);
    }
    return out.sort((x, y) => x - y);
  });
  console.log(`# ${slow.map((ms) => ms.toFixed(0)).join(', ')} ms from key to paint with 1,000 rows`);
  check(slow[2] <= 100, `the median is ${slow[2]} ms`);
  await page.context().close();
});
await test('who comes back from a person finds the list as long as it was, at that person', async () => {
  const page = await b.sit();
  await b.accept(page, b.invite('bea', 'doctor'));
  await page.goto('/app/patients?sort=name');
  for (let shown = 100; shown < 300; shown += 100) {
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction((n) => document.querySelectorAll('tbody tr').length > n, shown);
  }
  const row = page.getByRole('table').getByRole('link').nth(250), name = (await row.innerText()).trim();
  await row.click();
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length >= 300);
  await page.waitForFunction((n) => { const a = document.querySelectorAll('tbody tr')[n].getBoundingClientRect(); return a.top > 0 && a.bottom < innerHeight; }, 250);
  await page.context().close();
});
await test('an installer finds their ticket, and a monitor the homes that do not work, however many there are', async () => {
  const page = await b.sit(), hers = await b.sit();
  await b.accept(page, b.invite('ivo', 'installer'));
  const last = await page.evaluate(async () => { /* the oldest of all that nobody has */
    let free, cursor = '';
    do {
      const r = await fetch(`/api/v1/tickets?state=open&limit=100${cursor && `&cursor=${cursor}`}`);
      free = (await r.json()).filter((x) => !x.taken).at(-1)?.ticket_id ?? free;
      cursor = /[?&]cursor=(\d+)/.exec(r.headers.get('Link') ?? '')?.[1];
    } while (cursor);
    return free;
  });
  await page.goto(`/app/tickets/${last}`);
  await page.getByRole('button', { name: 'Take it' }).click();
  await page.getByText('The ticket is yours').first().waitFor();
  await page.goto('/app/tickets?show=mine');
  same(await page.getByRole('table').getByRole('link').first().getAttribute('href'), `/app/tickets/${last}`, 'the ticket under Mine');
  await b.accept(hers, b.invite('mara', 'monitor'));
  const all = await hers.evaluate(async () => Number((await fetch('/api/v1/installations?status=pause&limit=1')).headers.get('X-Total-Count')));
  await hers.goto('/app/homes');
  await hers.getByRole('radio', { name: 'Not working' }).check({ force: true });
  await hers.waitForURL(/status=pause/);
  await hers.getByText(all > 50 ? new RegExp(`of ${all} homes`) : new RegExp(`^${all} homes?$`)).waitFor();
  check(all > 0 && (await hers.getByRole('table').getByText('Not working').count()) === Math.min(all, 50), `${all} homes that do not work`);
  for (const p of [page, hers]) await p.context().close();
});
await test('nothing offended the policy, nobody else was asked, no script failed or wrote into the console', () => b.clean());
await b.stop();
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
