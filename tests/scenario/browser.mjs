// browser.mjs -- what the tests of the web page share: a real browser (Debian's Chromium) that people sit at, who see roles and labels
// only; axe; pictures of pages in BUILD/pages, as artefacts. Not a scenario itself, so not executable.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { isThere, launch } from './chromium.mjs';
import { Server, build, check, cli, cliJson, same, top } from './lib.mjs';
import { Realm } from './realm.mjs';

const require = createRequire(path.join(top, 'tests/tools/package.json'));
export const PASSWORD = 'xkq7 vmw2 pt9';
const pictures = path.join(build, 'pages');

export class Browser {
  static there() { return isThere; }

  constructor(server) {
    this.server = server;
    this.home = `http://localhost:${server.port}`;
    this.seen = { violations: [], elsewhere: [], errors: [], said: [] };
    this.axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  }

  async start() {
    this.engine = await launch();
    return this;
  }

  stop() { return this.engine.close(); }

  // Somebody at a screen of their own. `it`: whose browser is Italian.
  async sit({ lang = 'en', theme = 'light', width = 1280, height = 900 } = {}) {
    const context = await this.engine.newContext({ locale: lang === 'it' ? 'it-IT' : 'en-GB', colorScheme: theme, viewport: { width, height }, baseURL: this.home, bypassCSP: false,
      permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await context.newPage();
    page.setDefaultTimeout(Number(process.env.PATIENCE ?? 60000));
    await page.addInitScript(() => {
      window.violations = [];
      document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.effectiveDirective} ${e.blockedURI}`));
    });
    /* what an identity provider's own pages ask for is theirs */
    page.on('request', (q) => { if (!this.provider?.some((p) => page.url().startsWith(p)) && !/^(blob|data):/.test(q.url()) && !q.url().startsWith(`${this.home}/`) && !this.provider?.some((p) => q.url().startsWith(p))) this.seen.elsewhere.push(q.url()); });
    /* what a page writes into the console, whoever sits down after somebody reads; that a request was refused, or what was cleared, the browser itself notes there */
    page.on('console', (m) => { if (!this.provider?.some((p) => page.url().startsWith(p)) && !/^(Failed to load resource|Clear-Site-Data header)/.test(m.text())) this.seen.said.push(m.text().slice(0, 200)); });
    page.on('pageerror', (e) => this.seen.errors.push(String(e.stack ?? e).slice(0, 400)));
    return page;
  }

  // An account with this role, approved by somebody else; what is given out is the invitation's link.
  invite(name, role) {
    const data = ['--data', this.server.dir];
    const { url, invitation } = cliJson(['user', 'add', name, '--role', role, '--by', 'root', ...data, '--json']);
    if (!['auditor', 'admin'].includes(role)) {
      const r = cli(['user', 'approve', name, '--role', role, '--by', 'other', ...data]);
      same(r.code, 0, `approve ${name}: ${r.stderr}`);
    }
    return url ?? `${this.home}/auth#${invitation}`;
  }

  // From the invitation to the first page, by a password.
  async accept(page, link) {
    await page.goto(link);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: /^(Set the password|Imposta la password)$/ }).click();
    await page.getByRole('navigation').waitFor().catch(async (e) => { throw new Error(`${e.message}\nThe page says: ${await page.locator('body').innerText()}`); });
  }

  // Nothing to complain of, nothing wider than the screen.
  async judge(page, what) {
    await page.evaluate(this.axe);
    const found = await page.evaluate(async () => (await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).violations
      .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    this.seen.violations.push(...(await page.evaluate(() => window.violations.splice(0))));
    check(!found.length, `axe at ${what}:\n${found.join('\n')}`);
    check(wide <= 0, `${what} is ${wide} pixels wider than the screen`);
  }

  async picture(page, name) {
    fs.mkdirSync(pictures, { recursive: true });
    await page.waitForFunction(() => !document.querySelector('.bone'));
    await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
  }

  clean() {
    same([this.seen.violations, this.seen.elsewhere, this.seen.errors, this.seen.said], [[], [], [], []], 'violations of the policy, requests elsewhere, errors of scripts, lines in the console');
  }
}

// A server whose staff sign in at a realm of its own, with so many made-up people, and a browser that may go to both.
export async function atRealm(patients) {
  const port = await new Promise((ok) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port: p } = s.address(); s.close(() => ok(p)); }); });
  const home = `http://localhost:${port}`;
  const realm = new Realm({ clients: [{ client_id: 'lazaret', token_endpoint_auth_method: 'none', require_auth_time: true, grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [`${home}/auth/callback`], post_logout_redirect_uris: [`${home}/auth/signed-out`] }] });
  await realm.start();
  const server = new Server();
  await server.start(['--listen', `127.0.0.1:${port}`, '--public-url', home, '--staff-issuer', realm.issuer, '--staff-http', 'on', '--staff-client', 'lazaret', '--staff-approval', 'token']);
  cliJson(['study', 'demo', '--patients', String(patients), '--data', server.dir, '--json']);
  const browser = await new Browser(server).start();
  browser.provider = [realm.issuer.replace('/realms/lazaret', '')];
  return { server, browser, realm, home };
}
