#!/usr/bin/env node
// timeout: 600
// web_journeys.mjs   a new doctor, installer, monitor and researcher (whose project an auditor approves), each from how they come in to the end of their task, on the made-up study: by an
// invitation and by an identity provider (oidc-provider), in English and in Italian; by what a person can see.
import { Browser, atRealm } from './browser.mjs';
import { Server, check, cliJson, done, same, skip, test } from './lib.mjs';

if (!Browser.there()) {
  skip('the page in a browser', 'there is no chromium');
  done();
  process.exit();
}
const SAYS = {
  en: { mount: 'Add a sensor', mounted: 'Mounted sensors', measures: 'What it measures', name: 'Name', enrol: 'Enrol somebody', who: ['First name', 'Last name', 'Tax code'], go: 'Enrol', wrong: 'The last letter does not follow from the others', provider: 'Sign in with your organisation', patients: 'Patients', screening: 'New screening', screenings: 'Screenings', diag: 'Diagnosis', save: 'Save', version: 'Version 2', tickets: 'Tickets', free: 'Nobody has', take: 'Take it',
    taken: 'The ticket is yours', home: 'To the home', homes: 'Homes', aHome: 'Home', where: 'Where it is', write: 'Write', send: 'Send', close: 'Close the ticket', closed: 'The ticket is closed.', ticket: 'New ticket', message: 'Message',
    maintenance: 'Maintenance', streams: 'Streams', none: 'Not a page of yours',
    projects: 'Projects', propose: 'New project', project: ['Title', 'Question', 'Last day'], streams_: /^Streams/, proposed: 'Propose', waits: 'An auditor has to approve it', decide: 'Decide', reason: 'Reason', record: 'Record the decision', approved: 'The project is approved', cohort: 'The cohort', bars: 'How many people have which diagnosis and age class', people: 'People', withheld: 'Withheld', end: 'End the project', ends: 'End it', ended: 'The project has ended', mine: 'Does sleep change before a diagnosis?' },
  it: { mount: 'Aggiungi un sensore', mounted: 'Sensori montati', measures: 'Che cosa misura', name: 'Nome', enrol: 'Arruola una persona', who: ['Nome', 'Cognome', 'Codice fiscale'], go: 'Arruola', wrong: 'L’ultima lettera non segue dalle altre', provider: 'Accedi con la tua organizzazione', patients: 'Pazienti', screening: 'Nuovo screening', screenings: 'Screening', diag: 'Diagnosi', save: 'Salva', version: 'Versione 2', tickets: 'Ticket', free: 'Liberi', take: 'Prendilo',
    taken: 'Il ticket è tuo', home: 'All’abitazione', homes: 'Abitazioni', aHome: 'Abitazione', where: 'Dove si trova', write: 'Scrivi', send: 'Invia', close: 'Chiudi il ticket', closed: 'Il ticket è chiuso.', ticket: 'Nuovo ticket', message: 'Messaggio',
    maintenance: 'Manutenzione', streams: 'Flussi', none: 'Pagina non disponibile',
    projects: 'Progetti', propose: 'Nuovo progetto', project: ['Titolo', 'Domanda', 'Ultimo giorno'], streams_: /^Flussi/, proposed: 'Proponi', waits: 'Deve approvarlo un revisore', decide: 'Decidi', reason: 'Motivo', record: 'Registra la decisione', approved: 'Il progetto è approvato', cohort: 'La coorte', bars: 'Quante persone hanno quale diagnosi e classe di età', people: 'Persone', withheld: 'Omesso', end: 'Termina il progetto', ends: 'Termina', ended: 'Il progetto è terminato', mine: 'Il sonno cambia prima di una diagnosi?' },
};
const button = (page, name) => page.getByRole('button', { name, exact: true });
const link = (page, name) => page.getByRole('link', { name, exact: true }).first();
const heading = (page, name) => page.getByRole('heading', { name, exact: true, level: 1 }).waitFor();
const card = (page, name) => page.getByRole('region', { name, exact: true });
const said = (page, part) => page.getByText(part).first().waitFor();
const firstRow = (page) => page.getByRole('table').getByRole('link').first();

const day = (n) => new Date(Date.now() + n * 864e5).toISOString().slice(0, 10);

const TASKS = {
  async doctor(page, s) {
    await heading(page, s.patients);
    await link(page, s.enrol).click();
    for (const [i, text] of ['Maria', 'Rossi', 'RSSMRA50A41F205X'].entries()) await page.getByLabel(new RegExp(`^${s.who[i]} · `)).fill(text);
    await button(page, s.go).click();
    await said(page, s.wrong);
    await link(page, s.patients).click();
    await heading(page, s.patients);
    await firstRow(page).click();
    await button(page, s.screening).click();
    await card(page, s.screenings).getByLabel(s.diag, { exact: true }).fill('MCI');
    await button(card(page, s.screenings), s.save).click();
    await card(page, s.screenings).getByText(/^(Version|Versione) [2-9]/).first().waitFor();
    await said(card(page, s.screenings), 'MCI');
  },
  async installer(page, s) {
    await heading(page, s.tickets);
    await page.getByRole('radio', { name: s.free }).check({ force: true });
    await firstRow(page).click();
    await button(page, s.take).click();
    await said(page, s.taken);
    const ticket = page.url();
    await link(page, s.home).click();
    await heading(page, s.aHome);
    await card(page, s.where).locator('dd').first().waitFor();
    await button(page, s.mount).click();
    await page.getByLabel(s.measures).selectOption('temperature');
    await card(page, s.mounted).getByLabel(s.name, { exact: true }).fill('K-7');
    await button(card(page, s.mounted), s.save).click();
    await said(card(page, s.mounted), ', K-7');
    await page.goto(ticket);
    await page.getByRole('textbox', { name: s.write }).fill('Fatto. Done.');
    await button(page, s.send).click();
    await said(page, 'Fatto. Done.');
    await button(page, s.close).click();
    await said(page, s.closed);
  },
  async monitor(page, s) {
    await heading(page, s.tickets);
    await link(page, s.homes).click();
    await heading(page, s.homes);
    await firstRow(page).click();
    await heading(page, s.aHome);
    await card(page, s.streams).waitFor();
    await button(page, s.ticket).click();
    await page.getByLabel(s.message).fill('Nessun dato. No data.');
    await button(page, s.send).click();
    await heading(page, s.maintenance);
    await said(page, 'Nessun dato. No data.');
  },
  // The auditor, who is somebody else at a screen of their own, approves it.
  async researcher(page, s, auditor) {
    await heading(page, s.projects);
    await button(page, s.propose).click();
    const form = page.getByRole('dialog');
    for (const [i, text] of [s.mine, 'Does it? For a paper, with nothing but this.', day(30)].entries()) await form.getByLabel(s.project[i], { exact: true }).fill(text);
    await form.getByLabel(s.streams_).check();
    await button(form, s.proposed).click();
    await heading(page, s.mine);
    await said(page, s.waits);
    const other = await auditor();
    await link(other, s.projects).click();
    await heading(other, s.projects);
    await firstRow(other).click();
    await heading(other, s.mine);
    await said(other, /^(researcher-|rita)/i); /* whose it is */
    await card(other, s.decide).getByLabel(s.reason, { exact: true }).fill('Nothing less would answer it.');
    await button(other, s.record).click();
    await said(other, s.approved);
    check(!(await other.getByText('MCI').count()), 'the auditor is shown the cohort');
    await other.context().close();
    await page.reload();
    const bars = card(page, s.cohort).getByRole('list', { name: s.bars });
    await bars.getByText(/^MCI, 70-79$/).waitFor();
    await said(bars, s.withheld);
    const people = page.getByRole('table', { name: s.people, exact: true });
    await people.getByText('MCI').first().waitFor();
    check((await people.getByRole('row').count()) > 10, 'people');
    check((await page.getByRole('table', { name: s.streams, exact: true }).getByRole('row').count()) > 5, 'streams');
    await page.goto('/app/patients');
    await heading(page, s.none);
    await page.goBack();
    await button(page, s.end).click();
    await button(page.getByRole('dialog'), s.ends).click();
    await said(page, s.ended);
    check(!(await page.getByText('MCI').count()), 'the cohort of a project that ended');
  },
};
const PEOPLE = { doctor: 'alice', installer: 'ivo', monitor: 'mara', researcher: 'rita', auditor: 'dario' };

const server = new Server();
await server.start();
cliJson(['study', 'demo', '--patients', '40', '--data', server.dir, '--json']);
const b = await new Browser(server).start();
for (const lang of ['en', 'it'])
  for (const [role, task] of Object.entries(TASKS))
    await test(`a new ${role}, invited, does their task, ${lang}`, async () => {
      const arrive = async (as) => {
        const page = await b.sit({ lang });
        await b.accept(page, b.invite(`${as}-${lang}`, as));
        return page;
      };
      const page = await arrive(role);
      await task(page, SAYS[lang], () => arrive('auditor'));
      await page.context().close();
    });
await test('nothing offended the policy, nobody else was asked, no script failed', () => b.clean());
await b.stop();
await test('the end of the first server', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));

const { server: other, browser: o, realm, home } = await atRealm(40);
for (const lang of ['en', 'it'])
  for (const [role, task] of Object.entries(TASKS))
    await test(`a new ${role}, who signs in at their organisation, does their task, ${lang}`, async () => {
      const arrive = async (as) => {
        const page = await o.sit({ lang });
        await page.goto('/');
        await button(page, SAYS[lang].provider).click();
        await page.waitForURL(`${realm.issuer}/**`);
        await page.locator('input[name=user]').fill(PEOPLE[as]);
        await page.locator('input[name=password]').fill(PEOPLE[as]);
        await page.locator('button').click();
        await page.getByRole('navigation').waitFor();
        check(page.url().startsWith(home), page.url());
        return page;
      };
      const page = await arrive(role);
      await task(page, SAYS[lang], () => arrive('auditor'));
      await page.context().close();
    });
await test('nothing offended the policy, nobody but the provider was asked, no script failed, by the provider', () => o.clean());
await o.stop();
await test('the end', async () => same((await other.stop()).code, 0, `exit\n${other.log.slice(-2000)}`));
realm.server.close();
done();
process.exit();
