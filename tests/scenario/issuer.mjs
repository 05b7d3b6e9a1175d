// issuer.mjs -- an identity provider with one key, as far as a server asks it, for tests that need people and not their signing in (that is
// staff.mjs). Not a scenario itself, so not executable.
import { generateKeyPairSync, sign } from 'node:crypto';
import http from 'node:http';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = http.createServer((q, r) => r.end(JSON.stringify(q.url.endsWith('/keys') ? { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] }
  : { issuer: issuer(), jwks_uri: `${issuer()}/keys`, authorization_endpoint: `${issuer()}/auth`, token_endpoint: `${issuer()}/token` })));
const issuer = () => `http://127.0.0.1:${provider.address().port}`;
await new Promise((ready) => provider.listen(0, '127.0.0.1', ready));
provider.unref();

// For `lazaret serve`: the roles a token says are held.
export const settings = () => ['--staff-issuer', issuer(), '--staff-http', 'on', '--staff-approval', 'token'];
// `claims` and `header` go over what is right; `by` signs, given the text.
export const publicPem = publicKey.export({ type: 'spki', format: 'pem' });
export function token(sub, roles, claims = {}, header = {}, by = (text) => sign('sha256', Buffer.from(text), privateKey)) {
  const part = (x) => Buffer.from(JSON.stringify(x)).toString('base64url');
  const text = `${part({ alg: 'RS256', kid: 'k', ...header })}.${part({ iss: issuer(), aud: 'lazaret', sub, exp: Math.floor(Date.now() / 1000) + 300, typ: 'Bearer',
    preferred_username: sub, realm_access: { roles }, ...claims })}`;
  return `${text}.${by(text).toString('base64url')}`;
}
