// passkey.ts -- WebAuthn: what the server sends and takes is JSON with base64url, what the browser takes and gives is bytes.
import type { PasskeyAsk, PasskeyMade, PasskeyNew, PasskeyUsed } from '#api';

const bytes = (s: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (b: ArrayBuffer): string => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');

export const possible = (): boolean => typeof PublicKeyCredential === 'function';
export async function make(o: PasskeyNew): Promise<PasskeyMade> {
  const publicKey = { ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id as string) },
    excludeCredentials: (o.excludeCredentials ?? []).map((x) => ({ ...x, id: bytes(x.id as string) })) } as unknown as PublicKeyCredentialCreationOptions;
  const c = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const r = c.response as AuthenticatorAttestationResponse;
  return { id: c.id, type: 'public-key', response: { clientDataJSON: text(r.clientDataJSON), attestationObject: text(r.attestationObject) } };
}
export async function use(o: PasskeyAsk): Promise<PasskeyUsed> {
  const c = (await navigator.credentials.get({ publicKey: { ...o, challenge: bytes(o.challenge), allowCredentials: [] } as PublicKeyCredentialRequestOptions })) as PublicKeyCredential;
  const r = c.response as AuthenticatorAssertionResponse;
  return { id: c.id, type: 'public-key', response: { clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData), signature: text(r.signature),
    userHandle: r.userHandle ? text(r.userHandle) : '' } };
}
