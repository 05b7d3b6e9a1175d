#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 400
// web_jobs.mjs   the gateway at the web page, by what a person can see: a doctor pastes an incomplete Bundle, fills in what is missing and reads the
// result, looks why, runs it again and erases it; an admin sees the queue and no result; models are there to read. In English and Italian.
import fs from 'node:fs';
import path from 'node:path';
import { Browser, PASSWORD } from './browser.mjs';
import { bundle } from './casefile.mjs';
import { Server, check, cliJson, contains, done, same, skip, tempFolder, test, top } from './lib.mjs';

if (!Browser.there()) {
  skip('the page in a browser', 'there is no chromium');
  done();
  process.exit();
}
const server = new Server();
await server.start(['--workers', '1']);
const bot = server.addClient('bot').api_key, mood = (n) => bundle(`patient pregnancy(verified=refuted) mood(value=${n})`);
cliJson(['model', 'add', path.join(top, 'tests/data/models/moody'), '--data', server.dir, '--json']);
cliJson(['model', 'promote', 'moody@1.0.0', 'stable', '--data', server.dir, '--json']);
const b = await new Browser(server).start();
const button = (page, name) => page.getByRole('button', { name, exact: true });
const link = (page, name) => page.getByRole('link', { name, exact: true });
const heading = (page, name) => page.getByRole('heading', { name, exact: true }).waitFor();
const card = (page, name) => page.getByRole('region', { name, exact: true });
const said = (page, part) => page.getByText(part).first().waitFor();
// Sepsis: the level of consciousness was not sent, and the temperature is of the day before yesterday.
const incomplete = bundle('news2 -acvpu -temp temp(value=38.6,time=NOW-50H)');

let job;
const doctor = await b.sit(), admin = await b.sit();
await test('a doctor pastes an incomplete Bundle and is told what is missing, and why', async () => {
  const page = doctor;
  await b.accept(page, b.invite('anna', 'doctor'));
  await link(page, 'Try a model').click();
  await heading(page, 'Try a model');
  await page.getByLabel('FHIR R4 Bundle').fill('{"resourceType": "Patient"}');
  await button(page, 'See what is missing').click();
  await said(page, 'This is JSON, but no FHIR Bundle');
  await page.getByLabel('For what').selectOption('Sepsis');
  await page.getByLabel('FHIR R4 Bundle').fill(incomplete);
  await button(page, 'See what is missing').click();
  await said(page, '2 things are missing that are needed.');
  await said(card(page, 'What is missing'), 'Not in the Bundle');
  await said(card(page, 'What is missing'), 'Too old (not older than');
});
await test('what is missing is filled in, and nothing else is typed; what comes of it is shown', async () => {
  const page = doctor, form = card(page, 'Fill in what is missing');
  await button(form, 'Fill in and send').click();
  same(await form.getByText('This is needed').count(), 2, 'questions without an answer');
  await form.getByLabel(/^How awake is the patient/).selectOption('Alert');
  const temperature = form.getByRole('textbox');
  await temperature.fill('380');
  await button(form, 'Fill in and send').click();
  await said(form, /^From [\d.]+ to [\d.]+ Cel/);
  await temperature.fill('38,9');
  await page.context().clearCookies(); /* the session ends in the middle of it */
  await button(form, 'Fill in and send').click();
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await dialog.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await button(dialog, 'Sign in').click();
  const result = card(page, 'What came of it');
  await said(result, 'score');
  await said(card(page, 'How it goes'), 'Done');
  contains(await result.innerText(), 'risk', 'the result');
  await link(page, 'To the job').click();
  await heading(page, 'Job');
  job = page.url();
});
await test('a job says why this model ran, and from what of the Bundle each input came', async () => {
  const page = doctor, why = card(page, 'Why this model');
  await said(why, 'news2@1.0.0 ran.');
  await why.getByRole('table', { name: 'The models that were considered' }).waitFor();
  const inputs = why.getByRole('table', { name: 'Where each input came from' });
  await inputs.getByRole('row', { name: /^temp / }).waitFor();
  await said(card(page, 'What came of it'), 'points');
});
await test('it is run again, on a version that is chosen, and nothing differs', async () => {
  const page = doctor;
  await button(page, 'Run again').click();
  await button(page, 'Run it').click();
  await page.waitForURL((u) => u.href !== job && /jobs\//.test(u.href));
  await said(page, 'Nothing differs.');
  await link(page, 'Jobs').first().click();
  await heading(page, 'Jobs');
  await said(page, '2 jobs');
  await page.getByRole('radio', { name: 'Failed' }).check({ force: true });
  await said(page, 'No job is in this state');
  await page.goBack();
});
await test('an admin sees how the doctor\'s jobs stand, and neither what was sent nor what came of it', async () => {
  const page = admin;
  await b.accept(page, b.invite('ada', 'admin'));
  await link(page, 'Jobs').click();
  await said(page, '2 jobs');
  await said(page, 'somebody of staff');
  await page.getByRole('table').getByRole('link').first().click();
  await heading(page, 'Job');
  await said(card(page, 'How it goes'), 'Done');
  await said(page, 'is for whoever sent it');
  for (const no of ['What came of it', 'Why this model']) same(await card(page, no).count(), 0, no);
  for (const no of ['Run again', 'Erase']) same(await button(page, no).count(), 0, no);
  check(!/points|38\.9/.test(await page.locator('body').innerText()), 'a result is shown to an admin');
  await link(page, 'Models').click();
  await link(page, 'National Early Warning Score 2 (sample, not for clinical use)').click();
  await said(page, 'What it needs of a Bundle');
  await page.getByRole('row', { name: /Body temperature|temperature/i }).first().waitFor();
  await said(page, 'not run here');
});
await test('in Italian, from a file that is chosen', async () => {
  const page = await b.sit({ lang: 'it', width: 360, height: 740 }), file = path.join(tempFolder(), 'bundle.json');
  fs.writeFileSync(file, incomplete);
  await b.accept(page, b.invite('dora', 'doctor'));
  await link(page, 'Prova un modello').click();
  await page.getByLabel('Per che cosa').selectOption('Sepsi');
  await page.getByLabel('Scegli un file').setInputFiles(file);
  await button(page, 'Guarda che cosa manca').click();
  await said(page, 'Mancano 2 dati necessari.');
  await said(page, 'Non è nel Bundle');
  const form = card(page, 'Compila ciò che manca');
  await form.getByRole('combobox').first().selectOption({ index: 1 });
  await form.getByRole('textbox').fill('38,9');
  await b.judge(page, 'the playground in Italian at 360');
  await button(form, 'Compila e invia').click();
  await said(card(page, 'Che cosa ne è venuto'), 'score');
  await said(card(page, 'A che punto è'), 'Fatto');
  await link(page, 'Lavori').click();
  await said(page, '1 lavoro');
});
await test('a job is erased for good', async () => {
  const page = doctor;
  await page.goto(job);
  await button(page, 'Erase').click();
  await button(page.getByRole('dialog'), 'Erase').click();
  await heading(page, 'Jobs');
  await page.goto(job);
  await said(page, 'It was erased');
});
await test('a job says how far it is while it runs', async () => {
  const page = doctor;
  await page.goto('/app/playground?target=mood');
  await page.getByLabel('FHIR R4 Bundle').fill(mood(15));
  await button(page, 'See what is missing').click();
  await said(page, 'Nothing is missing: moody@1.0.0 can run.');
  await button(page, 'Send it').click();
  await page.getByRole('progressbar', { name: 'How far it is' }).waitFor();
  await said(card(page, 'How it goes'), 'Done');
});
await test('a job that waits is cancelled by an admin, and the doctor sees that', async () => {
  const page = doctor;
  await page.goto('/app/playground?target=mood');
  await page.getByLabel('FHIR R4 Bundle').fill(mood(1));
  await button(page, 'See what is missing').click();
  await said(page, 'Nothing is missing: moody@1.0.0 can run.');
  await link(admin, 'Jobs').click();
  for (let i = 0; i < 15; i++) /* two seconds each, and before all others */
    same((await server.request({ method: 'POST', path: '/v1/diagnose', headers: { Authorization: `Bearer ${bot}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ client_id: 'bot', target_diagnosis: 'mood', priority: 'stat', fhir_bundle: JSON.parse(mood(4)) }) })).status, 202, 'a job in the way');
  await button(page, 'Send it').click();
  await said(card(page, 'How it goes'), 'Waits');
  await admin.getByRole('radio', { name: 'Waits' }).check({ force: true });
  await admin.getByRole('row').nth(1).getByText('somebody of staff').waitFor();
  await admin.getByRole('table').getByRole('link').first().click();
  await button(admin, 'Cancel the job').click();
  await said(card(admin, 'How it goes'), 'Cancelled');
  await said(card(page, 'How it goes'), 'Cancelled');
});
await test('nothing offended the policy, nobody else was asked, no script failed', () => b.clean());
await b.stop();
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
