#!/usr/bin/env node
// timeout: 400
// web_habits.mjs   what people do at the page beside their tasks: they leave a form in the middle and come back, give their seat to somebody else, press
// Enter where they are, leave a field of several empty, write numbers their way, copy half of an address; and are told what is so, where they look.
import { Browser, PASSWORD } from './browser.mjs';
import { bundle } from './casefile.mjs';
import { Server, check, cliJson, done, same, skip, test } from './lib.mjs';

if (!Browser.there()) {
  skip('the page in a browser', 'there is no chromium');
  done();
  process.exit();
}
const server = new Server();
await server.start();
cliJson(['study', 'demo', '--patients', '8', '--data', server.dir, '--json']);
const b = await new Browser(server).start();
const button = (page, name) => page.getByRole('button', { name, exact: true });
const link = (page, name) => page.getByRole('link', { name, exact: true });
const heading = (page, name) => page.getByRole('heading', { name, exact: true }).waitFor();
const card = (page, name) => page.getByRole('region', { name, exact: true });
const said = (page, part) => page.getByText(part).first().waitFor();
const first = (page) => page.getByRole('table').getByRole('link').first();
const signIn = async (page, name) => {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await button(page, 'Sign in').click();
};
const leave = async (page, name) => {
  await page.getByRole('button', { name: new RegExp(name) }).click();
  await button(page, 'Sign out').click();
  await heading(page, 'Sign in');
};

// Somebody is enrolled by whoever is at the page: with it a ticket that nobody has is there.
const enrol = (n) => page.evaluate(async (code) => (await fetch('/api/v1/patients', { method: 'POST', headers: { 'X-Lazaret': '1', 'Content-Type': 'application/json' },
  body: JSON.stringify({ first_name: 'Somebody', last_name: 'Else', codice_fiscale: code }) })).status, `STP12345678901${n}`);

const page = await b.sit();
for (const name of ['bea', 'anna']) {
  const p = name === 'anna' ? page : await b.sit();
  await b.accept(p, b.invite(name, 'doctor'));
  if (p !== page) await p.context().close();
}
await test('what somebody looked for is not there for whoever takes their seat', async () => {
  await page.getByRole('searchbox').fill('xyz');
  await said(page, 'Nobody is called “xyz”');
  await leave(page, 'anna');
  await signIn(page, 'bea');
  await heading(page, 'Patients');
  same(await page.getByRole('searchbox').inputValue(), '', 'the search');
  await first(page).waitFor();
});
await test('nor what they typed, where a session has ended; it is there for themselves', async () => {
  const ends = async () => {
    await page.context().clearCookies();
    await link(page, 'Patients').first().click();
    await page.getByRole('dialog', { name: 'Your session has ended' }).getByRole('button', { name: 'Close' }).click();
    await heading(page, 'Sign in');
  };
  const typed = async () => {
    await link(page, 'Patients').first().click();
    await link(page, 'Enrol somebody').click();
    return page.getByLabel(/^First name/).inputValue();
  };
  await typed();
  await page.getByLabel(/^First name/).fill('Ottavia');
  await ends();
  await signIn(page, 'bea');
  await heading(page, 'Patients');
  same(await typed(), 'Ottavia', 'what bea typed, to bea');
  await ends();
  await signIn(page, 'anna');
  await heading(page, 'Patients');
  same(await typed(), '', 'what bea typed, to anna');
});
await test('who somebody is stands in no name of a window, which a browser keeps', async () => {
  await page.goto('/app/patients');
  const name = (await first(page).innerText()).trim();
  await first(page).click();
  await heading(page, name);
  same(await page.title(), 'Patient · Lazaret', 'the name of the window');
});
await test('by keyboard: the focus goes into a form that opens, and back when it goes', async () => {
  const edit = card(page, 'Where they live').getByRole('button', { name: 'Edit' });
  await edit.focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('Address', { exact: true }).waitFor();
  await page.waitForFunction(() => document.activeElement.getAttribute('name') === 'home_address');
  await page.keyboard.type('Via Roma 1');
  await page.keyboard.press('Enter');
  await said(card(page, 'Where they live'), 'Via Roma 1');
  await page.waitForFunction(() => /^Edit/.test(document.activeElement.innerText));
});
await test('a note that is being written is there after a look at another page', async () => {
  const notes = card(page, 'Notes'), text = notes.getByRole('textbox', { name: 'Notes' });
  await notes.getByRole('button', { name: 'Edit' }).click();
  await text.fill('Half of a note');
  await link(page, 'Their home').click();
  await heading(page, 'Home');
  await page.goBack();
  same(await text.inputValue(), 'Half of a note', 'what was typed');
});
const change = async (field, value) => page.evaluate(async ([name, to]) => { /* by somebody else */
  const at = location.pathname.replace('/app/', '/api/v1/'), tag = (await fetch(at)).headers.get('ETag');
  await fetch(at, { method: 'PUT', headers: { 'X-Lazaret': '1', 'Content-Type': 'application/json', 'If-Match': tag }, body: JSON.stringify({ [name]: to }) });
}, [field, value]);
await test('and what somebody else wrote meanwhile is shown beside it', async () => {
  const notes = card(page, 'Notes');
  await link(page, 'Their home').click();
  await heading(page, 'Home');
  await page.goBack();
  await notes.getByRole('textbox', { name: 'Notes' }).waitFor();
  await link(page, 'Their home').click();
  await heading(page, 'Home');
  await page.evaluate(async () => {
    const at = location.pathname.replace('/app/homes', '/api/v1/patients'), tag = (await fetch(at)).headers.get('ETag');
    await fetch(at, { method: 'PUT', headers: { 'X-Lazaret': '1', 'Content-Type': 'application/json', 'If-Match': tag }, body: JSON.stringify({ medical_notes: 'Of a colleague' }) });
  });
  await page.goBack();
  await button(notes, 'Save').click();
  const dialog = page.getByRole('dialog', { name: 'Somebody changed this meanwhile' });
  await said(dialog, 'Of a colleague');
  await button(dialog, 'Save mine').click();
  await said(notes, 'Half of a note');
  await button(page, 'Undo').click();
  await said(notes, 'Of a colleague'); /* not what was there before both */
});
await test('undoing what was put over a colleague\'s change puts that back', async () => {
  const part = card(page, 'Where they live');
  await part.getByRole('button', { name: 'Edit' }).click();
  await change('home_address', 'Theirs 2');
  await part.getByLabel('Address', { exact: true }).fill('Mine 1');
  await button(part, 'Save').click();
  await button(page.getByRole('dialog'), 'Save mine').click();
  await said(part, 'Mine 1');
  await button(page, 'Undo').click();
  await said(part, 'Theirs 2');
});
await test('who changed a telephone number does not undo the new address that a colleague wrote meanwhile', async () => {
  const part = card(page, 'Where they live');
  await part.getByRole('button', { name: 'Edit' }).click();
  await change('home_address', 'Their new address 3');
  await part.getByLabel('Telephone', { exact: true }).fill('+39 011 99');
  await button(part, 'Save').click();
  const dialog = page.getByRole('dialog');
  await said(dialog, '+39 011 99');
  same(await dialog.getByRole('row').count(), 2, 'rows: a head, and the telephone');
  await button(dialog, 'Save mine').click();
  await said(part, '+39 011 99');
  await said(part, 'Their new address 3');
});
await test('of a contact no more can be typed than is kept', async () => {
  await link(page, 'Patients').first().click();
  await link(page, 'Enrol somebody').click();
  for (const [label, most] of [['Who it is', 100], ['Telephone', 40], ['E-mail', 254]]) same(await page.getByRole('group', { name: 'Contact 1' }).getByLabel(label).getAttribute('maxlength'), String(most), label);
  await button(page, 'Cancel').click();
});
await test('a consent is signed on the day that the calendar on the wall shows', async () => {
  const zone = new Date().getUTCHours() < 10 ? 'Pacific/Pago_Pago' : 'Pacific/Kiritimati'; /* where it is another day than in London */
  const context = await b.engine.newContext({ locale: 'en-GB', timezoneId: zone, baseURL: b.home });
  await context.addCookies(await page.context().cookies());
  const far = await context.newPage();
  await far.goto('/app/patients');
  await first(far).click();
  await button(far, 'Record').click();
  same(await far.getByLabel(/^Signed/).inputValue(), new Intl.DateTimeFormat('sv', { timeZone: zone }).format(new Date()), 'the day');
  await context.close();
});
await test('half of an address is no page, and says so', async () => {
  const errors = b.seen.errors.length;
  await page.goto('/app/patients/%E0%A4'); /* the beginning of a character */
  await heading(page, 'There is no such page');
  same(b.seen.errors.length, errors, 'errors of scripts');
});
await test('a Bundle is still there after a look at a model, whose own page leads to what it is for', async () => {
  await page.goto('/app/playground');
  await page.getByLabel('FHIR R4 Bundle').fill(bundle('news2 -acvpu -temp temp(value=38.6,time=NOW-50H)'));
  await page.getByLabel('For what').selectOption('Sepsis');
  await button(page, 'See what is missing').click();
  await heading(page, 'What is missing');
  await link(page, 'Models').click();
  await page.getByRole('link', { name: /CHA2DS2-VASc/ }).first().click();
  await link(page, 'Try it').click();
  await page.getByLabel('FHIR R4 Bundle').waitFor();
  check((await page.getByLabel('FHIR R4 Bundle').inputValue()).includes('"Bundle"'), 'the Bundle is gone');
  same(await page.getByLabel('For what').locator('option:checked').innerText(), 'Risk of stroke', 'what it is for');
});
await test('a number that English and Italian read differently is asked for again', async () => {
  await page.getByLabel('For what').selectOption('Sepsis');
  await button(page, 'See what is missing').click();
  const form = card(page, 'Fill in what is missing');
  await form.getByRole('combobox').first().selectOption({ index: 1 });
  await form.getByRole('textbox').fill('38,900');
  await button(form, 'Fill in and send').click();
  await said(form, 'A number is needed, such as 36.8');
  await form.getByRole('textbox').fill('38.9');
});
await test('that too many jobs wait is no haste of whoever sends one more', async () => {
  await page.route('**/v1/diagnose', (r) => r.fulfill({ status: 429, headers: { 'Retry-After': '5', 'Content-Type': 'application/problem+json' },
    body: JSON.stringify({ type: 'urn:lazaret:problem:queue-full', title: 'as many jobs of yours are waiting as may', status: 429 }) }));
  const form = card(page, 'Fill in what is missing');
  await button(form, 'Fill in and send').click();
  await said(form, 'Too many of your jobs wait already.');
  same(await form.getByRole('textbox').inputValue(), '38.9', 'what was filled in');
  await page.getByLabel('FHIR R4 Bundle').fill(bundle('news2'));
  await button(page, 'See what is missing').click();
  await button(page, 'Send it').click();
  await said(card(page, 'What is missing'), 'Too many of your jobs wait already.');
  await page.unroute('**/v1/diagnose');
});
await test('what a model is for is told in words', async () => {
  await page.goto('/app/models');
  const row = page.getByRole('row', { name: /CHA2DS2-VASc/ });
  await row.getByText('Risk of stroke').waitFor();
  await row.getByRole('link').click();
  await said(card(page, 'What it is for'), 'Risk of stroke');
});
await test('a code that is in two systems is told once, and the system it is asked for in is named', async () => {
  await page.goto('/app/playground');
  await page.getByLabel('FHIR R4 Bundle').fill(bundle('news2'));
  await page.getByLabel('For what').selectOption('Risk of stroke');
  await button(page, 'See what is missing').click();
  await said(card(page, 'What is missing'), /^SNOMED CT 73211009 · E10 · E11 · E12/);
});
await test('who opens the page at another address than the server goes by is told so, in words', async () => {
  const other = b.home.replace('localhost', '127.0.0.1'), context = await b.engine.newContext({ locale: 'it-IT', baseURL: other }), olga = await context.newPage();
  await olga.goto(b.invite('olga', 'admin').replace(b.home, other));
  await olga.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await button(olga, 'Imposta la password').click();
  await said(olga, 'Questa pagina è stata aperta a un indirizzo diverso da quello del server.');
  await context.close();
});
await test('a passkey is offered where the server takes one', async () => {
  const add = button(page, 'Add a passkey');
  await page.goto('/app/account');
  await add.waitFor();
  await page.route('**/auth/ways', async (r) => { const got = await r.fetch(); await r.fulfill({ response: got, json: { ...(await got.json()), passkey: false } }); });
  await page.goto('/app/account');
  await button(page, 'Change the password').waitFor();
  await page.waitForTimeout(300);
  same(await add.count(), 0, 'an offer of what is not taken here');
  await page.unroute('**/auth/ways');
});
await test('how long ago something was is counted, not told by a calendar', async () => {
  const told = async (hours, as) => {
    await as.route('**/api/v1/tickets?*', async (r) => {
      const got = await r.fetch(), rows = await got.json();
      await r.fulfill({ response: got, json: rows.map((x) => ({ ...x, date_delta: hours * 3600 })) });
    });
    await as.goto('/app/tickets?show=all');
    const text = await as.getByRole('row').nth(1).innerText();
    await as.unroute('**/api/v1/tickets?*');
    return text;
  };
  check(/1 day ago/.test(await told(47, page)), '47 hours ago is no yesterday, if it was the day before');
  check(/2 days ago/.test(await told(49, page)), '49 hours ago');
  check(/1 year ago/.test(await told(700 * 24, page)), '700 days ago is not always in the last year');
});
await test('who is told days only is not told hours', async () => {
  const mara = await b.sit();
  await b.accept(mara, b.invite('mara', 'monitor'));
  await mara.route('**/api/v1/installations?*', async (r) => {
    const got = await r.fetch(), rows = await got.json();
    await r.fulfill({ response: got, json: rows.map((x) => ({ ...x, date_delta: 14 * 3600 })) });
  });
  await mara.goto('/app/homes');
  check(/today/.test(await mara.getByRole('row').nth(1).innerText()), 'when it was last written');
  await mara.context().close();
});
await test('what is said while a dialog is open stands in it, where it can be read and put away', async () => {
  const ada = await b.sit();
  await b.accept(ada, b.invite('ada', 'admin'));
  await link(ada, 'People').click();
  await button(ada, 'mara').click();
  await ada.route('**/suspend', (r) => r.fulfill({ status: 503, headers: { 'Content-Type': 'application/problem+json' }, body: JSON.stringify({ type: 'urn:lazaret:problem:store', status: 503 }) }));
  await button(ada, 'Suspend').click();
  const dialog = ada.getByRole('dialog', { name: 'mara' });
  await said(dialog.getByRole('status'), 'The records cannot be reached now');
  await b.judge(ada, 'what is said in a dialog');
  await dialog.getByRole('status').getByRole('button', { name: 'Dismiss' }).click();
  await dialog.getByText('The records cannot be reached now').waitFor({ state: 'detached' });
  await ada.context().close();
});
await test('a table whose numbers have commas is parted by its semicolons', async () => {
  const ivo = await b.sit();
  same(await enrol(23), 201, 'enrolling');
  await b.accept(ivo, b.invite('ivo', 'installer'));
  await ivo.getByRole('radio', { name: 'Nobody has' }).check({ force: true });
  await first(ivo).click();
  await button(ivo, 'Take it').click();
  await said(ivo, 'The ticket is yours');
  await link(ivo, 'To the home').first().click();
  await ivo.getByLabel('Choose files').setInputFiles({ name: 'sheet.csv', mimeType: 'text/csv', buffer: Buffer.from('room;degrees\nkitchen;21,5\n') });
  await said(ivo, 'sheet.csv was sent');
  await button(ivo, 'Look sheet.csv').click();
  await ivo.getByRole('dialog').getByRole('cell', { name: '21,5', exact: true }).waitFor();
  await ivo.context().close();
});
await test('an installer whose browser is Italian reads Italian, also what the server writes and refuses', async () => {
  const ugo = await b.sit({ lang: 'it', width: 360, height: 740 });
  same(await enrol(24), 201, 'enrolling');
  await b.accept(ugo, b.invite('ugo', 'installer'));
  await ugo.getByRole('radio', { name: 'Liberi' }).check({ force: true });
  await ugo.waitForURL(/show=free/);
  await link(ugo, 'Installazione').first().click();
  await said(ugo, 'Una nuova abitazione: vanno montati i sensori.');
  await button(ugo, 'Prendilo').click();
  await said(ugo, 'Il ticket è tuo');
  await ugo.getByRole('textbox', { name: 'Scrivi' }).fill('è'.repeat(5000));
  await button(ugo, 'Invia').click();
  await said(ugo, /^Al massimo 8000 caratteri/);
  await link(ugo, 'All’abitazione').first().click();
  await ugo.getByRole('button', { name: /^Modifica Sensori/ }).click();
  await ugo.getByLabel('Funziona dal').fill('2026-03-20');
  await ugo.getByLabel('Fino al').fill('2026-03-10');
  await button(ugo, 'Salva').click();
  await said(ugo, /^Finirebbe prima di cominciare/);
  await ugo.getByLabel('Scegli file').setInputFiles([{ name: 'pianta.png', mimeType: 'image/png', buffer: Buffer.from('This is no picture.') }]);
  const refused = card(ugo, 'Documenti').getByRole('alert');
  await said(refused, 'pianta.png');
  await said(refused, 'il contenuto corrisponde al nome');
  same(await refused.locator('[lang=en]').count(), 0, 'English sentences');
  await b.judge(ugo, 'a home whose form and document were refused');
  await ugo.context().close();
});
await test('a diagnosis of long words is no wider than a telephone', async () => {
  const eva = await b.sit({ width: 360, height: 740 });
  await eva.context().addCookies(await page.context().cookies());
  await eva.goto('/app/patients');
  await first(eva).click();
  await button(eva, 'New screening').click();
  await card(eva, 'Screenings').getByLabel('Diagnosis', { exact: true }).fill('Donaudampfschifffahrtsgesellschaftskapitänskrankheit '.repeat(3));
  await button(card(eva, 'Screenings'), 'Save').click();
  await said(card(eva, 'Screenings'), /^Donau/);
  await b.judge(eva, 'a person with a long diagnosis');
  await eva.context().close();
});
await test('nothing offended the policy, nobody else was asked, no script failed or wrote into the console', () => b.clean());
await b.stop();
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
