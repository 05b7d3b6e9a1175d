// tree.ts -- the audit log's tree computed anew in the browser: RFC 6962 hashes, c2sp.org tlog-tiles and tlog-checkpoint, signed-note.
const decode = (b64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(b64), (c) => c.charCodeAt(0));
export const encode = (b: Uint8Array): string => btoa(String.fromCharCode(...b));
const sha256 = async (...parts: Uint8Array[]): Promise<Uint8Array> => {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) { all.set(p, at); at += p.length; }
  return new Uint8Array(await crypto.subtle.digest('SHA-256', all));
};
const zero = Uint8Array.of(0), one = Uint8Array.of(1);

export interface Checkpoint { origin: string; size: number; root: string; body: string; signatures: { name: string; bytes: Uint8Array<ArrayBuffer> }[] }
/** undefined: it is no checkpoint. */
export function readCheckpoint(note: string): Checkpoint | undefined {
  const [body, rest] = [note.slice(0, note.indexOf('\n\n') + 1), note.slice(note.indexOf('\n\n') + 2)];
  const [origin, size, root] = body.split('\n');
  if (!origin || !/^\d+$/.test(size ?? '') || !/^[A-Za-z0-9+/]{43}=$/.test(root ?? '')) return undefined;
  const signatures = rest.split('\n').flatMap((line) => { const m = /^\u2014 (\S+) ([A-Za-z0-9+/=]+)$/.exec(line.trim()); return m ? [{ name: m[1]!, bytes: decode(m[2]!) }] : []; });
  return { origin, size: Number(size), root: root!, body, signatures };
}
/** NAME+HASH+KEY, as `lazaret audit key` prints it. True: it has signed this checkpoint. */
export async function signedBy(c: Checkpoint, vkey: string): Promise<boolean> {
  const m = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey.trim());
  const raw = m && decode(m[3]!);
  if (!m || !raw || raw.length !== 33 || raw[0] !== 1) throw new Error('key');
  const key = await crypto.subtle.importKey('raw', raw.slice(1), 'Ed25519', false, ['verify']);
  const text = new TextEncoder().encode(c.body);
  for (const s of c.signatures) {
    const id = [...s.bytes.slice(0, 4)].map((b) => b.toString(16).padStart(2, '0')).join('');
    if (s.name === m[1] && id === m[2] && (await crypto.subtle.verify('Ed25519', key, s.bytes.slice(4), text))) return true;
  }
  return false;
}
const tileName = (n: number, width: number): string => {
  let s = String(n % 1000).padStart(3, '0');
  for (let m = Math.floor(n / 1000); m; m = Math.floor(m / 1000)) s = `x${String(m % 1000).padStart(3, '0')}/${s}`;
  return width < 256 ? `${s}.p/${width}` : s;
};
/** Leaf hashes of the first `size` entries, each computed of the entry's own bytes. */
export async function leaves(size: number, step: (done: number) => void): Promise<Uint8Array[]> {
  const out: Uint8Array[] = [];
  for (let tile = 0; tile * 256 < size; tile++) {
    const width = Math.min(256, size - tile * 256);
    const r = await fetch(`/audit/tile/entries/${tileName(tile, width)}`, { cache: 'no-store' });
    if (!r.ok) throw new Error(String(r.status));
    const b = new Uint8Array(await r.arrayBuffer());
    for (let at = 0, i = 0; i < width; i++) {
      const n = b[at]! << 8 | b[at + 1]!;
      out.push(await sha256(zero, b.subarray(at + 2, at + 2 + n)));
      at += 2 + n;
    }
    step(out.length);
  }
  return out;
}
/** The root over the first n of them. */
export async function root(of: Uint8Array[], n: number): Promise<string> {
  /* Perfect subtrees from the left, the largest first; then joined from the right. */
  const stack: { hash: Uint8Array; level: number }[] = [];
  for (let i = 0; i < n; i++) {
    let hash = of[i]!, level = 0;
    while (stack.length && stack[stack.length - 1]!.level === level) { hash = await sha256(one, stack.pop()!.hash, hash); level++; }
    stack.push({ hash, level });
  }
  let top = stack.pop()?.hash ?? (await sha256());
  while (stack.length) top = await sha256(one, stack.pop()!.hash, top);
  return encode(top);
}
