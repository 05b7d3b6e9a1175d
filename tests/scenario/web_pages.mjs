#!/usr/bin/env node
// timeout: 600
// web_pages.mjs   every page of the web page, in both languages and themes, on a desk and at 360 pixels: axe finds nothing, nothing is wider than the
// screen, nobody else is asked; a picture of each in BUILD/pages. Pages are used by keyboard alone.
import { Browser } from './browser.mjs';
import { bundle } from './casefile.mjs';
import { Server, check, cliJson, done, same, skip, test } from './lib.mjs';

if (!Browser.there()) {
  skip('the page in a browser', 'there is no chromium');
  done();
  process.exit();
}
const server = new Server();
await server.start();
cliJson(['study', 'demo', '--patients', '30', '--data', server.dir, '--json']);
// Jobs of a program, some of which fail for what they lack; a doctor's own come below.
const bot = server.addClient('bot').api_key, sent = { target_diagnosis: 'sepsis', fhir_bundle: JSON.parse(bundle('news2')) };
for (let i = 0; i < 6; i++) await server.request({ method: 'POST', path: '/v1/diagnose', headers: { Authorization: `Bearer ${bot}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ client_id: 'bot', ...sent }) });
const sendOwn = (page) => page.evaluate(async (of) => {
  const { id } = await (await fetch('/auth/session')).json();
  for (let i = 0; i < 4; i++) await fetch('/v1/diagnose', { method: 'POST', headers: { 'X-Lazaret': '1', 'Content-Type': 'application/json' }, body: JSON.stringify({ client_id: id, ...of }) });
}, sent);
const b = await new Browser(server).start();
// Each page in each language, each theme and at each width; with PICTURES=all, in all four.
const kinds = [['en', 'light', 1280], ['it', 'dark', 360], ...(process.env.PICTURES === 'all' ? [['it', 'dark', 1280], ['en', 'light', 360]] : [])];

// Whose pages: addresses, "first of LIST" a row's link, and what is opened on them by a button.
const PAGES = {
  doctor: { patients: '/app/patients', opening: '/app/patients?status=opening', nobody: '/app/patients?show=out', patient: '> /app/patients', enrol: '/app/patients/new', tickets: '/app/tickets', ticket: '> /app/tickets', homes: '/app/homes', home: '> /app/homes',
    playground: '/app/playground', jobs: '/app/jobs', job: '> /app/jobs', models: '/app/models?show=all', model: '> /app/models', emergency: '/app/emergency', account: '/app/account', none: '/app/nowhere', foreign: '/app/audit' },
  installer: { tickets: '/app/tickets?show=free', ticket: '> /app/tickets', homes: '/app/homes', account: '/app/account' },
  monitor: { tickets: '/app/tickets', homes: '/app/homes', home: '> /app/homes', screenings: '/app/screenings', emergency: '/app/emergency' },
  researcher: { projects: '/app/projects', project: '> /app/projects?show=approved', refused: '> /app/projects?show=refused' },
  admin: { people: '/app/people', jobs: '/app/jobs', job: '> /app/jobs', models: '/app/models', health: '/app/health' },
  auditor: { people: '/app/people', audit: '/app/audit', verify: '/app/audit/verify', projects: '/app/projects', project: '> /app/projects?show=proposed', emergency: '/app/emergency', models: '/app/models' },
};
await test('signing in and accepting an invitation', async () => {
  for (const [lang, theme, width] of kinds) {
    const page = await b.sit({ lang, theme, width });
    await page.goto('/auth');
    await page.getByLabel('Password', { exact: true }).waitFor();
    await b.judge(page, `/auth, ${lang} ${theme} ${width}`);
    await b.picture(page, `sign-in-${lang}-${theme}-${width}`);
    await page.goto(b.invite(`guest${lang}${width}`, 'doctor'));
    await page.getByRole('heading', { level: 1, name: /guest/ }).waitFor();
    await b.judge(page, `an invitation, ${lang} ${theme} ${width}`);
    await b.picture(page, `invitation-${lang}-${theme}-${width}`);
    await page.context().close();
  }
});
const people = {};
// Projects in three states, by a researcher and an auditor in browsers of their own.
await test('a researcher proposes projects, and an auditor decides about two of them', async () => {
  const page = {}, day = new Date(Date.now() + 30 * 864e5).toISOString().slice(0, 10);
  for (const role of ['researcher', 'auditor']) await b.accept((page[role] = await b.sit()), b.invite(`the-${role}`, role));
  const post = (role, at, body) => page[role].evaluate(async ([to, text]) => (await fetch(`/api/v1/${to}`, { method: 'POST', body: text, headers: { 'X-Lazaret': '1', 'Content-Type': 'application/json' } })).json(), [at, JSON.stringify(body)]);
  for (const [title, decision] of [['Sleep before a diagnosis', 'approved'], ['Everything about everybody', 'refused'], ['Steps and seasons', '']]) {
    const { id } = await post('researcher', 'projects', { title, question: 'Does it change in the year before? For a paper.', data: ['screenings', 'streams'], until: day });
    if (decision) same((await post('auditor', `projects/${id}/decision`, { decision, reason: 'As the protocol of the study says.' })).state, decision, title);
  }
  for (const role of ['researcher', 'auditor']) {
    people[role] = await page[role].context().cookies();
    await page[role].context().close();
  }
});
for (const [role, pages] of Object.entries(PAGES))
  await test(`the pages of a ${role}`, async () => {
    const wrong = [];
    for (const [lang, theme, width] of kinds) {
      const page = await b.sit({ lang, theme, width });
      if (people[role]) await page.context().addCookies(people[role]);
      else await b.accept(page, b.invite(`the-${role}`, role)); /* the made-up study has an installer already */
      if (role === 'doctor' && !people.doctor) await sendOwn(page);
      for (const [name, at] of Object.entries(pages)) {
        await page.goto(at.replace('> ', ''));
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.waitForFunction(() => !document.querySelector('.bone'));
        if (at.startsWith('> ')) {
          await page.getByRole('table').getByRole('link').first().click();
          await page.waitForURL((u) => u.pathname !== at.slice(2));
          await page.getByRole('heading', { level: 2 }).first().waitFor();
          await page.waitForFunction(() => !document.querySelector('.bone'));
        }
        await b.judge(page, `${role}'s ${name}, ${lang} ${theme} ${width}`).catch((e) => wrong.push(e.message));
        await b.picture(page, `${role}-${name}-${lang}-${theme}-${width}`);
      }
      people[role] = await page.context().cookies();
      await page.context().close();
    }
    check(!wrong.length, wrong.join('\n'));
  });
await test('forms and dialogs', async () => {
  const page = await b.sit();
  await page.context().addCookies(people.doctor);
  const see = async (name) => { await b.judge(page, name); await b.picture(page, `dialog-${name}-en-light-1280`); };
  await page.goto('/app/patients');
  await page.getByRole('table').getByRole('link').first().click();
  for (const part of ['Who it is', 'Where they live', 'In the study', 'Notes']) await page.getByRole('button', { name: `Edit ${part}` }).click();
  await page.getByRole('button', { name: 'New screening' }).click();
  await page.getByRole('button', { name: 'Add a contact' }).click();
  await page.getByRole('button', { name: 'Record' }).click();
  await see('editing');
  await page.goto('/app/patients/new');
  await page.getByRole('button', { name: 'Enrol' }).click();
  await see('missing');
  await page.goto('/app/playground');
  await page.getByLabel('FHIR R4 Bundle').fill(bundle('news2 -acvpu -temp temp(value=38.6,time=NOW-50H)'));
  await page.getByLabel('For what').selectOption('Sepsis');
  await page.getByRole('button', { name: 'See what is missing' }).click();
  await page.getByRole('button', { name: 'Fill in and send' }).click();
  await see('playground');
  await page.goto('/app/emergency');
  await page.getByRole('button', { name: 'Open in an emergency' }).click();
  await see('emergency');
  const reads = await b.sit({ width: 360 });
  await reads.context().addCookies(people.researcher);
  await reads.goto('/app/projects');
  await reads.getByRole('button', { name: 'New project' }).click();
  await reads.getByRole('button', { name: 'Propose' }).click();
  await reads.getByText('This is needed').first().waitFor();
  await b.judge(reads, 'a project without anything');
  await b.picture(reads, 'dialog-project-en-light-360');
  await reads.context().close();
  await page.goto('/app/patients');
  await page.getByRole('button', { name: /^D doctor|doctor/ }).click();
  await see('menu');
  await page.context().close();
});
await test('by keyboard alone: to a person, into a form and out, and the focus is always to be seen', async () => {
  const page = await b.sit();
  await page.context().addCookies(people.doctor);
  await page.goto('/app/patients');
  await page.getByRole('table').waitFor();
  const press = async (key, until, most = 60) => {
    for (let i = 0; i < most; i++) {
      await page.keyboard.press(key);
      const at = await page.evaluate(() => { const e = document.activeElement, s = getComputedStyle(e), a = getComputedStyle(e, '::after');
        return { text: (e.getAttribute('aria-label') ?? e.innerText ?? '').trim(), name: e.getAttribute('name'), seen: [s, a].some((x) => x.outlineStyle !== 'none' && parseFloat(x.outlineWidth) >= 2) || e.type === 'radio' }; });
      check(at.seen, `the focus is not to be seen at '${at.text || at.name}'`);
      if (until(at)) return at;
    }
    throw new Error(`${most} times ${key}, and not there`);
  };
  const first = (await page.getByRole('table').getByRole('link').first().innerText()).trim();
  await press('Tab', (at) => at.text.includes(first));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: first }).waitFor();
  await press('Tab', (at) => at.text.startsWith('Edit') && at.text.includes('Where they live'));
  await page.keyboard.press('Enter');
  await press('Tab', (at) => at.name === 'phone');
  await page.keyboard.type('+39 011 1');
  await press('Tab', (at) => at.text === 'Cancel');
  await page.keyboard.press('Enter');
  await press('Tab', (at) => at.text === 'Erase this person…');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement !== document.body).catch(() => {}); /* it comes back a moment after the dialog is gone */
  same(await page.evaluate(() => document.activeElement.innerText), 'Erase this person…', 'where the focus is after the dialog');
  await page.goto('/app/playground');
  await page.getByLabel('FHIR R4 Bundle').waitFor();
  await press('Tab', (at) => at.name === 'target');
  await page.keyboard.type('Sep');
  await press('Tab', (at) => at.name === 'bundle');
  await page.keyboard.insertText(bundle('news2 -acvpu'));
  await press('Tab', (at) => at.text === 'See what is missing');
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'Fill in what is missing' }).waitFor();
  await press('Tab', (at) => at.name === 'acvpu');
  await page.keyboard.type('Al');
  await press('Tab', (at) => at.text === 'Fill in and send');
  await page.keyboard.press('Enter');
  await page.getByRole('region', { name: 'What came of it' }).getByText('score').waitFor();
  await press('Tab', (at) => at.text === 'To the job');
  await page.context().clearCookies();
  await page.context().addCookies(people.researcher);
  await page.goto('/app/projects');
  await page.getByRole('table').waitFor();
  await press('Tab', (at) => at.text === 'New project');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.type('By keyboard alone');
  await press('Tab', (at) => at.name === 'question');
  await page.keyboard.type('Can it be asked without a mouse?');
  await press('Tab', (at) => at.name === 'until');
  const last = Array.from({ length: 62 }, (_, n) => new Date(Date.now() + (n + 2) * 864e5).toISOString().slice(0, 10)).find((d) => d.slice(5, 7) === d.slice(8)); /* whichever of the two is written first here */
  await page.keyboard.type(last.split('-').reverse().join(''));
  await press('Tab', (at) => at.text === 'Propose');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'By keyboard alone' }).waitFor();
  await page.context().close();
});
await test('nothing offended the policy, nobody else was asked, no script failed or wrote into the console', () => b.clean());
await b.stop();
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
