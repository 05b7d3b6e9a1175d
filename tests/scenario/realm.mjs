// realm.mjs -- an identity provider to sign in at: oidc-provider (OpenID certified) with the addresses and claims of Keycloak.
// Not a scenario itself, so not executable. Keys and clients change by starting it anew on the same port.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import http from 'node:http';
import https from 'node:https';
import { check, same } from './lib.mjs';

const require = createRequire(new URL('../clients/package.json', import.meta.url));
console.warn = console.info = () => {}; /* it says that it does not know this node, and that it is not set up for production */
const { Provider } = await import(require.resolve('oidc-provider'));

export const users = { alice: ['doctor'], ivo: ['iit'], mara: ['imt'], rita: ['unimi'], dario: ['dpo'], adam: ['admin'], nobody: ['offline_access'],
  both: ['doctor', 'researcher'], apart: ['installer', 'monitor'], sam: ['doctor'] };
export const P = '/protocol/openid-connect';
const API = 'urn:lazaret:api';
const callback = 'http://127.0.0.1:1/callback';
export const key = (kid) => ({ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid });

// Cookies of a browser that follows no redirect by itself.
export class Jar {
  constructor() { this.cookies = {}; }
  async go(url, options = {}) {
    const r = await fetch(url, { redirect: 'manual', ...options, headers: { ...options.headers, Cookie: Object.entries(this.cookies).map(([k, v]) => `${k}=${v}`).join('; ') } });
    // Debian's Node has no getSetCookie(); a comma within a cookie's date is followed by no name.
    for (const c of (r.headers.get('set-cookie') ?? '').split(/,\s*(?=[^;,\s=]+=)/).filter((x) => x)) {
      const [, k, v] = /^([^=]+)=([^;]*)/.exec(c);
      if (v) this.cookies[k] = v; else delete this.cookies[k];
    }
    return r;
  }
}

const form = '<!doctype html><title>Realm</title><form method="post"><input name="user"><input name="password" type="password"><button>Sign in</button></form>';

export class Realm {
  // clients: those who sign in with a browser; ttl: seconds, by kind of token; opaque: access tokens are no JWT; tls: key and cert.
  // ago: how many seconds ago whoever fills in the form will have done it.
  constructor({ clients = [], ttl = {}, opaque = false, tls } = {}) { Object.assign(this, { clients, ttl, opaque, tls, keys: [key('one')], asked: 0, refused: false, ago: 0 }); }
  async start() {
    const answer = (q, r) => this.answer(q, r);
    this.server = this.tls ? https.createServer(this.tls, answer) : http.createServer(answer);
    await new Promise((ok) => this.server.listen(this.port ?? 0, '127.0.0.1', ok));
    this.port = this.server.address().port;
    this.issuer = `${this.tls ? 'https://localhost' : 'http://127.0.0.1'}:${this.port}/realms/lazaret`;
    this.provider = new Provider(this.issuer, {
      jwks: { keys: this.keys }, cookies: { keys: ['test'] }, scopes: ['openid', 'profile', 'roles'],
      claims: { openid: ['sub', 'realm_access'], profile: ['preferred_username'] }, conformIdTokenClaims: false,
      issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'), rotateRefreshToken: true,
      routes: { authorization: `${P}/auth`, token: `${P}/token`, jwks: `${P}/certs`, userinfo: `${P}/userinfo`, end_session: `${P}/logout` },
      pkce: { required: () => true },
      features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true },
        resourceIndicators: { enabled: true, defaultResource: () => API, useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: 'lazaret.read', audience: this.audience ?? 'lazaret',
          accessTokenTTL: this.ttl.AccessToken ?? 300, accessTokenFormat: this.opaque ? 'opaque' : 'jwt',
          jwt: { sign: { alg: 'RS256' } } }) } },
      extraTokenClaims: (ctx, token) => ({ typ: 'Bearer', azp: token.clientId, realm_access: { roles: users[token.accountId] },
        resource_access: { lazaret: { roles: users[token.accountId] } }, preferred_username: token.accountId }),
      clients: [{ client_id: 'lazaret-web', token_endpoint_auth_method: 'none', grant_types: ['authorization_code'], redirect_uris: [callback] }, ...this.clients],
      findAccount: (ctx, id) => users[id] && { accountId: id, claims: () => ({ sub: id, preferred_username: id, realm_access: { roles: users[id] } }) },
      loadExistingGrant: async (ctx) => {
        const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
        grant.addOIDCScope('openid profile roles');
        grant.addResourceScope(API, 'lazaret.read');
        await grant.save();
        return grant;
      },
      interactions: { url: (ctx, i) => `/realms/lazaret/interaction/${i.uid}` },
      ttl: { AccessToken: 300, Session: 600, Grant: 600, Interaction: 600, IdToken: 300, RefreshToken: 600, ...this.ttl },
    });
    this.handle = this.provider.callback();
  }
  async answer(q, r) {
    try {
      if (q.url.endsWith('/certs')) this.asked++;
      const login = /^\/realms\/lazaret\/interaction\/[\w-]+\?user=(\w+)$/.exec(q.url);
      if (this.refused && q.url.endsWith('/token')) return r.writeHead(this.refused).end('{"error":"invalid_grant"}');
      const page = /^\/realms\/lazaret\/interaction\/[\w-]+$/.test(q.url);
      if (page && q.method === 'GET') return r.writeHead(200, { 'Content-Type': 'text/html' }).end(form);
      if (page) return await this.enter(q, r);
      if (login) return await this.provider.interactionFinished(q, r, { login: { accountId: login[1] } }, { mergeWithLastSubmission: false });
      r.setHeader('Connection', 'close'); /* so that nobody keeps one over a restart */
      q.originalUrl = q.url;
      q.url = q.url.replace(/^\/realms\/lazaret/, '');
      this.handle(q, r);
    } catch (e) {
      r.writeHead(400).end(String(e));
    }
  }
  stop() { this.server.closeAllConnections(); return new Promise((ok) => this.server.close(ok)); }

  // Name and password from the form; the password is the name.
  async enter(q, r) {
    let text = '';
    for await (const d of q) text += d;
    const said = new URLSearchParams(text);
    if (!users[said.get('user')] || said.get('password') !== said.get('user')) return r.writeHead(401, { 'Content-Type': 'text/html' }).end(form);
    return this.provider.interactionFinished(q, r, { login: { accountId: said.get('user'), ts: Math.floor(Date.now() / 1000) - this.ago } }, { mergeWithLastSubmission: false });
  }

  // Code and PKCE, as a browser would go: redirects with cookies.
  async signIn(user) {
    const jar = new Jar();
    const go = (url, options) => jar.go(url, options);
    const verifier = randomBytes(32).toString('base64url');
    const query = new URLSearchParams({ client_id: 'lazaret-web', response_type: 'code', redirect_uri: callback, scope: 'openid profile roles', state: 's',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' });
    let r = await go(`${this.issuer}${P}/auth?${query}`);
    let at = r.headers.get('location');
    check(at, `sign-in of ${user}: ${r.status} ${await r.text()}`);
    r = await go(`${new URL(at, this.issuer)}?user=${user}`);
    for (let i = 0; i < 5 && !(at = r.headers.get('location'))?.startsWith(callback); i++) {
      check(at, `sign-in of ${user}: ${r.status} ${(await r.text()).slice(0, 500)}`);
      r = await go(new URL(at, this.issuer));
    }
    const answer = new URL(at).searchParams;
    same([answer.get('iss'), answer.get('state')], [this.issuer, 's'], 'the callback');
    r = await go(`${this.issuer}${P}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', client_id: 'lazaret-web',
      code: answer.get('code'), redirect_uri: callback, code_verifier: verifier }) });
    const token = await r.json();
    check(token.access_token, JSON.stringify(token));
    return token;
  }
}
