// start.js -- the page of /auth: invitations, signing in, one's passkeys. Asks this server alone; keeps nothing but, until the tab is
// closed, that somebody signed in here.
'use strict';
const at = (id) => document.getElementById(id);
const say = (text) => { at('message').textContent = text; };
const show = (id) => { for (const s of ['invitation', 'sign-in', 'signed-in']) at(s).hidden = s !== id; };
let code = '';

class Refused extends Error {
  constructor(status, problem) {
    super(problem.errors?.[0]?.msg?.replace(/^Value error, /, '') ?? problem.detail ?? problem.title ?? `the server answered ${status}`);
    this.status = status;
    this.type = problem.type ?? '';
  }
}
async function ask(method, path, body, headers = {}) {
  const r = await fetch(path, { method, headers: { Accept: 'application/problem+json', 'X-Lazaret': '1', ...(body && { 'Content-Type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }), cache: 'no-store', redirect: 'error' });
  const text = await r.text();
  const json = text && (r.headers.get('Content-Type') ?? '').includes('json') ? JSON.parse(text) : {};
  if (r.ok) return json;
  const wait = r.headers.get('Retry-After');
  if (r.status === 429 && wait) json.detail = `Too many failed attempts: try again in ${wait} seconds.`;
  throw new Refused(r.status, json);
}
const post = (path, body) => ask('POST', path, body);

// ---- passkeys: bytes to base64url and back, as WebAuthn's toJSON has them

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
async function make(options) {
  const c = await navigator.credentials.create({ publicKey: { ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: options.excludeCredentials.map((x) => ({ ...x, id: bytes(x.id) })) } });
  return { id: c.id, type: c.type, response: { clientDataJSON: text(c.response.clientDataJSON), attestationObject: text(c.response.attestationObject) } };
}
async function use(options) {
  const c = await navigator.credentials.get({ publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: [] } });
  return { id: c.id, type: c.type, response: { clientDataJSON: text(c.response.clientDataJSON), authenticatorData: text(c.response.authenticatorData),
    signature: text(c.response.signature), userHandle: c.response.userHandle ? text(c.response.userHandle) : '' } };
}

// ---- proving it again, where the server asks for it

function again() {
  const dialog = at('again');
  return new Promise((proved, not) => {
    const end = (f) => { dialog.close(); f(); };
    at('again-passkey').onsubmit = work(async () => { await post('/auth/step-up', { credential: await use(await post('/auth/step-up/options')) }); end(proved); });
    at('again-password').onsubmit = work(async (form) => { await post('/auth/step-up', { password: form.get('password') }); end(proved); });
    at('again-not').onsubmit = work(async () => end(() => not(new Error('Nothing was changed.'))));
    dialog.oncancel = () => not(new Error('Nothing was changed.'));
    dialog.showModal();
  });
}
async function fresh(deed) {
  try {
    return await deed();
  } catch (e) {
    if (!(e instanceof Refused) || !e.type.endsWith(':step-up')) throw e;
    await again();
    return deed();
  }
}

// ---- what is shown

async function signedIn() {
  sessionStorage.setItem('signed-in', '1');
  show('signed-in');
  try {
    const me = await ask('GET', '/api/v1/me');
    at('me').textContent = `${me.name}, ${me.role}`;
    await list();
  } catch (e) {
    if (e.status === 401) return signedOut();
    at('me').textContent = e.message;
  }
}
function signedOut() {
  sessionStorage.removeItem('signed-in');
  show('sign-in');
}
async function list() {
  const mine = await ask('GET', '/auth/passkeys');
  at('change').hidden = !mine.password;
  at('passkeys').replaceChildren(...mine.passkeys.map((k) => {
    const row = document.createElement('li');
    const name = document.createElement('span');
    name.textContent = `${k.label}, ${k.used_at ? `last used ${k.used_at.slice(0, 10)}` : 'not used yet'}`;
    const remove = document.createElement('button');
    remove.textContent = 'Remove';
    remove.setAttribute('aria-label', `Remove ${k.label}`);
    remove.onclick = work(async () => { await fresh(() => ask('DELETE', `/auth/passkeys/${k.id}`)); say(`${k.label} was removed.`); await list(); });
    row.append(name, remove);
    return row;
  }));
}
async function invited() {
  const x = await ask('GET', '/auth/invitation', undefined, { 'Lazaret-Invitation': code });
  at('invited-name').textContent = x.name;
  at('invited-role').textContent = x.role ? `, as ${x.role}` : '';
  at('invitation-password').elements.name.value = x.name;
  at('invitation-passkey').hidden = !x.passkeys;
  show('invitation');
}

// A deed of a form or button: one at a time, and what goes wrong is said.
function work(deed) {
  return async (event) => {
    event.preventDefault();
    const form = event.currentTarget instanceof HTMLFormElement ? event.currentTarget : undefined;
    say('');
    try {
      await deed(form && new FormData(form));
      form?.reset();
    } catch (e) {
      say(e.name === 'NotAllowedError' ? 'The device did not do it, or it took too long.' : e.message);
    }
  };
}
const on = (id, deed) => at(id).addEventListener('submit', work(deed));
on('by-password', async (f) => { await post('/auth/password', { name: f.get('name'), password: f.get('password') }); await signedIn(); });
on('by-passkey', async () => { await post('/auth/passkey', { credential: await use(await post('/auth/passkey/options')) }); await signedIn(); });
on('by-code', async (f) => { code = f.get('code').trim(); await invited(); });
on('invitation-password', async (f) => { await post('/auth/invitation', { code, password: f.get('password') }); await signedIn(); });
on('invitation-passkey', async (f) => {
  await post('/auth/invitation/passkey', { code, label: f.get('label'), credential: await make(await post('/auth/invitation/passkey/options', { code })) });
  await signedIn();
});
on('add', async (f) => {
  await fresh(async () => post('/auth/passkey/register', { label: f.get('label'), credential: await make(await post('/auth/passkey/register/options')) }));
  say('The passkey was added.');
  await list();
});
on('change', async (f) => { await post('/auth/password/change', { old: f.get('old'), new: f.get('new') }); say('The password was changed; other sessions have ended.'); });

// The code of an invitation stands behind the #, which no server sees; it goes out of the address, and so of the history.
if (location.hash.length > 1) {
  code = location.hash.slice(1);
  history.replaceState(null, '', location.pathname);
  invited().catch((e) => { show('sign-in'); say(e.message); });
} else if (sessionStorage.getItem('signed-in')) {
  signedIn();
} else {
  show('sign-in');
}
