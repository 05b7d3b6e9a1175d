#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 600
// web_people.mjs   people at the web page: an administrator invites, somebody else approves, the invited one works; nobody decides alone, nor over
// themselves; suspended is suspended. Everybody's first steps by an identity provider (oidc-provider), one in two roles; emergency access and its review.
import { Browser, PASSWORD, atRealm } from './browser.mjs';
import { Server, check, cliJson, done, same, skip, test } from './lib.mjs';

if (!Browser.there()) {
  skip('the page in a browser', 'there is no chromium');
  done();
  process.exit();
}
const button = (page, name) => page.getByRole('button', { name, exact: true });
const link = (page, name) => page.getByRole('link', { name, exact: true });
const heading = (page, name) => page.getByRole('heading', { name, exact: true }).waitFor();
const said = (page, part) => page.getByText(part).first().waitFor();

const server = new Server();
await server.start();
const b = await new Browser(server).start();
let admin, auditor, invitation, nadia;
await test('an administrator invites somebody; the link is shown once; the role waits for somebody else', async () => {
  const page = admin = await b.sit();
  await b.accept(page, b.invite('ada', 'admin'));
  await heading(page, 'People');
  await button(page, 'Invite somebody').click();
  await page.getByLabel('Name', { exact: true }).fill('Not a name!');
  await button(page, 'Make the invitation').click();
  await page.getByText('Small letters, digits, . _ - @', { exact: true }).waitFor();
  await page.getByLabel('Name', { exact: true }).fill('nadia');
  await page.getByLabel('Role', { exact: true }).selectOption('Monitor');
  await button(page, 'Make the invitation').click();
  await page.getByRole('dialog', { name: 'The invitation of nadia' }).waitFor();
  await button(page, 'Copy the link').click();
  invitation = await page.evaluate(() => navigator.clipboard.readText());
  check(new RegExp(`^${b.home}/auth#[\\w-]{22}$`).test(invitation), invitation);
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  await said(page, 'Waiting for approval');
  await said(page, 'Somebody else decides');
  same(await page.getByRole('button', { name: /^Approve/ }).count(), 0, 'buttons to approve one\'s own proposal');
});
await test('a role that sees nobody\'s data waits for a second person, too, when it is given from here', async () => {
  const page = admin;
  await button(page, 'Invite somebody').click();
  await page.getByLabel('Name', { exact: true }).fill('second-self');
  await page.getByLabel('Role', { exact: true }).selectOption('Auditor');
  await button(page, 'Make the invitation').click();
  await page.getByRole('dialog', { name: 'The invitation of second-self' }).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  const [self] = cliJson(['user', 'list', '--data', server.dir, '--json']).filter((p) => p.name === 'second-self');
  same([self.state, self.roles, self.proposals.map((p) => p.role)], ['pending', [], ['auditor']], 'what they hold');
});
await test('the invited one may do nothing yet, and is told why', async () => {
  nadia = await b.sit({ lang: 'it' });
  await nadia.goto(invitation);
  await nadia.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await button(nadia, 'Imposta la password').click();
  await heading(nadia, 'Qui non hai ancora un ruolo').catch(async (e) => { throw new Error(`${e.message}\nThe page says: ${await nadia.locator('body').innerText()}\n${server.log.slice(-1500)}`); });
});
await test('an auditor approves; then she works', async () => {
  const page = auditor = await b.sit();
  await b.accept(page, b.invite('dario', 'auditor'));
  await link(page, 'People').click();
  await said(page, 'nadia: Monitor');
  await button(page, 'Approve nadia, Monitor').click();
  await said(page, 'nadia is Monitor now');
  await button(nadia, 'Guarda di nuovo').click();
  await heading(nadia, 'Ticket');
});
await test('somebody who is suspended is out with the next step', async () => {
  await link(admin, 'People').click();
  await admin.reload();
  await button(admin, 'nadia').click();
  await button(admin, 'Suspend').click();
  await said(admin, 'nadia is suspended; their sessions have ended');
  await link(nadia, 'Abitazioni').click();
  await nadia.getByRole('dialog', { name: 'La sessione è terminata' }).waitFor();
  await nadia.getByRole('dialog').getByLabel('Password', { exact: true }).fill(PASSWORD);
  await nadia.getByRole('dialog').getByRole('button', { name: 'Accedi', exact: true }).click();
  await said(nadia, 'Il tuo account è sospeso.');
});
await test('nobody decides over their own account', async () => {
  await admin.getByRole('dialog').getByRole('button', { name: 'Close' }).first().click();
  await button(admin, 'ada').click();
  await admin.getByRole('dialog', { name: 'ada' }).waitFor();
  same(await admin.getByRole('dialog').getByRole('button', { name: /Suspend|End|Propose/ }).count(), 0, 'what is offered');
});
await test('an emergency access is opened, read, and reviewed by somebody else', async () => {
  cliJson(['study', 'demo', '--patients', '2', '--data', server.dir, '--json']);
  const page = await b.sit();
  await b.accept(page, b.invite('anna', 'doctor'));
  await heading(page, 'Patients');
  const id = /(\d{6,})/.exec(await page.getByRole('table').getByRole('link').first().getAttribute('href'))[1];
  await link(page, 'Emergency access').click();
  await button(page, 'Open in an emergency').click();
  await page.getByLabel('Person', { exact: true }).fill(id);
  await page.getByLabel('Reason', { exact: true }).selectOption('Somebody is in danger');
  await page.getByLabel('Why', { exact: true }).fill('too short');
  await button(page, 'Open for an hour').click();
  await said(page, /15/);
  await page.getByLabel('Why', { exact: true }).fill('She does not answer the door.');
  await button(page, 'Open for an hour').click();
  await said(page, 'Open for an hour; it will be reviewed');
  await page.getByRole('row').nth(1).getByRole('button').click();
  await link(page, 'Read the record').click();
  await said(page, 'You read under an emergency access');
  await said(page, 'Whom to call');
  await b.judge(page, 'a record read in an emergency');
  await page.goBack();
  await page.getByRole('row').nth(1).getByRole('button').click();
  await button(page, 'End it now').click();
  await said(page, 'Ended');
  await link(auditor, 'Emergency access').click();
  await auditor.getByRole('row').nth(1).getByRole('button').click();
  await auditor.getByLabel('What is to be thought of it').last().fill('An ambulance was called at once.');
  await button(auditor, 'Close the review').click();
  await said(auditor, 'The review is recorded');
  await said(auditor, 'Justified');
});
await test('nothing offended the policy, nobody else was asked, no script failed or wrote into the console', () => b.clean());
await b.stop();
await test('the end of the first server', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));

// ---- by an identity provider

const { server: other, browser: o, realm } = await atRealm(3);
async function enter(page, who, button_) {
  await page.goto('/');
  await button(page, button_).click();
  await page.waitForURL(`${realm.issuer}/**`);
  await page.locator('input[name=user]').fill(who);
  await page.locator('input[name=password]').fill(who);
  await page.locator('button').click();
}
await test('each role comes in by the provider, in English and in Italian, and begins at its page', async () => {
  for (const [who, lang, first] of [['alice', 'en', 'Patients'], ['ivo', 'it', 'Ticket'], ['mara', 'en', 'Tickets'], ['rita', 'it', 'Progetti'], ['dario', 'en', 'Audit log'], ['adam', 'it', 'Persone']]) {
    const page = await o.sit({ lang });
    await page.goto('/');
    same(await page.getByLabel('Password').count(), 0, 'a password is asked for where nobody has one');
    await enter(page, who, lang === 'it' ? 'Accedi con la tua organizzazione' : 'Sign in with your organisation');
    await heading(page, first);
    same(await page.evaluate(() => [document.cookie, Object.keys(localStorage).length + Object.keys(sessionStorage).length]), ['', 0], 'what scripts see');
    await page.context().close();
  }
});
await test('somebody with two roles chooses one, and changes it later', async () => {
  const page = await o.sit();
  await enter(page, 'both', 'Sign in with your organisation');
  await heading(page, 'In which role?');
  await o.judge(page, 'the choice of a role');
  await o.picture(page, 'roles-en-light-1280');
  await page.getByRole('button', { name: /^Researcher/ }).click();
  await heading(page, 'Projects');
  await page.getByRole('button', { name: /both/ }).click();
  await button(page, 'Act as Doctor').click();
  await heading(page, 'Patients');
  await page.getByRole('button', { name: /both/ }).click();
  await button(page, 'Sign out').click();
  await page.waitForURL(`${realm.issuer}/**`);
});
await test('in an emergency somebody who signed in at their organisation a while ago proves there that it is them, and goes on', async () => {
  const page = await o.sit(), opened = page.context().waitForEvent('page');
  realm.ago = 400; /* a sign-in may be five minutes old; theirs goes on there */
  await enter(page, 'sam', 'Sign in with your organisation');
  realm.ago = 0;
  await heading(page, 'Patients');
  const id = /(\d{6,})/.exec(await page.getByRole('table').getByRole('link').first().getAttribute('href'))[1];
  await link(page, 'Emergency access').click();
  await button(page, 'Open in an emergency').click();
  await page.getByLabel('Person', { exact: true }).fill(id);
  await page.getByLabel('Why', { exact: true }).fill('She does not answer the door.');
  await button(page, 'Open for an hour').click();
  const dialog = page.getByRole('dialog', { name: 'Is it still you?' });
  await button(dialog, 'Sign in with your organisation').click();
  const there = await opened;
  await there.locator('input[name=user]').fill('sam');
  await page.waitForTimeout(2000); /* meanwhile the session of before is no proof */
  check(await dialog.isVisible(), 'the dialog has gone, though nobody has proved anything yet');
  await there.locator('input[name=password]').fill('sam');
  await there.locator('button').click();
  await said(page, 'Open for an hour; it will be reviewed');
  await page.context().close();
});
await test('nothing offended the policy, nobody but the provider was asked, no script failed or wrote into the console', () => o.clean());
await o.stop();
await test('the end', async () => same((await other.stop()).code, 0, `exit\n${other.log.slice(-2000)}`));
realm.server.close();
done();
process.exit();
