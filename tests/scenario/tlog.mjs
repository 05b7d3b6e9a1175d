// tlog.mjs -- verifies proofs of a transparency log, written from the texts alone and sharing nothing with the program:
//   c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof   what the files look like
//   golang.org/x/mod/sumdb/note                                           the form of a verifier key, name+id+key
//   RFC 6962 2.1, RFC 9162 2.1.3.2 and 2.1.4.2                            tree hashes; verifying inclusion and consistency
//   RFC 8032                                                              Ed25519, as node:crypto does it
// Every function returns what it read, or throws Refused with a sentence. Hashes are 32 bytes; files are bytes, or a string
// that stands for its UTF-8. Sizes and indexes are numbers: above 2^53 - 1 they are refused. Signatures of keys that are not
// given are read and ignored, so cosignatures prove nothing here.
// Where the texts leave a choice, the stricter one is made: a bad signature of a known key refuses the note, base64 has one
// spelling, an extra line is not empty, an empty tree has the empty tree's root.
// Not a scenario itself, so not executable. Needs nothing but node.
import { createHash, createPublicKey, verify } from 'node:crypto';

export class Refused extends Error {}
function need(holds, sentence) { if (!holds) throw new Refused(sentence); }

const mostSignatures = 100; /* the text asks for a limit, and that 16 pass */
const ed25519 = 0x01;

// ---- bytes and words

function text(file, what) {
  need(typeof file !== 'string' || Buffer.from(file).toString() === file, `${what} is not UTF-8`); /* half a surrogate pair */
  let s;
  try {
    s = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(file));
  } catch {
    throw new Refused(`${what} is not UTF-8`);
  }
  need(!/[\0-\x09\x0b-\x1f]/.test(s), `${what} has a control character`);
  return s;
}

// RFC 4648 section 4 as an encoder writes it: padded, no other alphabet, unused bits zero, nothing around it.
function base64(s, what) {
  const bytes = Buffer.from(s, 'base64');
  need(bytes.toString('base64') === s, `${what} is not canonical base64`);
  return bytes;
}

function hash(s, what) {
  const bytes = base64(s, what);
  need(bytes.length === 32, `${what} is not 32 bytes`);
  return bytes;
}

function decimal(s, what) {
  need(/^(0|[1-9][0-9]*)$/.test(s), `${what} is not a decimal number without leading zeros`);
  need(Number.isSafeInteger(Number(s)), `${what} is too large`);
  return Number(s);
}

function keyName(s) {
  need(s !== '', 'the key name is empty');
  need(!/[\p{White_Space}+]/u.test(s), 'the key name has a space or a plus');
}

// ---- signed notes

// name+id+base64(0x01 || public key) -> { name, id, key }; id is 8 hexadecimal digits.
export function parseVkey(vkey) {
  const m = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(text(vkey, 'the verifier key'));
  need(m, 'the verifier key is not name+id+key');
  const [, name, id, encoded] = m;
  keyName(name);
  need(/^[0-9a-f]{8}$/.test(id), 'the key id is not 8 hexadecimal digits');
  const bytes = base64(encoded, 'the public key');
  need(bytes[0] === ed25519, 'the key is not of type Ed25519');
  need(bytes.length === 33, 'the public key is not 32 bytes');
  const right = createHash('sha256').update(`${name}\n`).update(bytes).digest('hex').slice(0, 8);
  need(id === right, `the key id is not ${right}, which name and key give`);
  const x = bytes.subarray(1).toString('base64url');
  return { name, id, key: createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } }) };
}

function parseSignature(line) {
  const m = /^— ([^ ]*) (.*)$/s.exec(line);
  need(m, 'a signature line is malformed');
  keyName(m[1]);
  const bytes = base64(m[2], 'a signature');
  need(bytes.length > 4, 'a signature is too short');
  return { name: m[1], id: bytes.toString('hex', 0, 4), bytes: bytes.subarray(4) };
}

// The note's text and { name, id, bytes } of each signature, none of them verified.
export function parseNote(note) {
  const s = text(note, 'the note');
  need(s.endsWith('\n'), 'the note does not end in a newline');
  const gap = s.lastIndexOf('\n\n');
  need(gap >= 0, 'the note has no blank line');
  const lines = s.slice(gap + 2).split('\n').slice(0, -1);
  need(lines.length > 0, 'the note has no signature');
  need(lines.length <= mostSignatures, 'the note has too many signatures');
  return { text: s.slice(0, gap + 1), signatures: lines.map(parseSignature) };
}

// The text that the wanted key signed. Keys also known must not have signed wrongly; all others are ignored.
export function openNote(note, wanted, alsoKnown = []) {
  const keys = [wanted, ...alsoKnown].map(parseVkey);
  const { text: signed, signatures } = parseNote(note);
  const by = new Set();
  for (const s of signatures)
    for (const k of keys) {
      if (k.name !== s.name || k.id !== s.id) continue;
      need(verify(null, Buffer.from(signed), k.key, s.bytes), `the signature of ${k.name} is wrong`);
      by.add(k);
    }
  need(by.has(keys[0]), `${keys[0].name} has not signed the note`);
  return signed;
}

// ---- checkpoints

// A note's text -> { origin, size, root, extensions }.
export function parseCheckpoint(body) {
  const s = text(body, 'the checkpoint');
  need(s.endsWith('\n'), 'the checkpoint does not end in a newline');
  const lines = s.slice(0, -1).split('\n');
  need(lines.length >= 3, 'the checkpoint has fewer than three lines');
  need(!lines.includes(''), 'the checkpoint has an empty line');
  const size = decimal(lines[1], 'the tree size');
  const root = hash(lines[2], 'the root hash');
  head(size, root);
  return { origin: lines[0], size, root, extensions: lines.slice(3) };
}

// The same of a signed note, which must be of this origin and signed by this key.
export function openCheckpoint(note, origin, vkey, alsoKnown = []) {
  const c = parseCheckpoint(openNote(note, vkey, alsoKnown));
  need(c.origin === origin, `the checkpoint is of ${c.origin}, not of ${origin}`);
  return c;
}

// ---- trees

const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash('sha256')).digest();
export const emptyRoot = sha256();
export const leafHash = (entry) => sha256(Buffer.of(0), entry);
export const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);
const equal = (a, b) => Buffer.compare(a, b) === 0;

function head(size, root) {
  need(Number.isSafeInteger(size) && size >= 0, 'the tree size is not a number of leaves');
  need(root instanceof Uint8Array && root.length === 32, 'the root hash is not 32 bytes');
  need(size > 0 || equal(root, emptyRoot), 'the empty tree has another root');
}
function hashes(path) {
  for (const h of path) need(h instanceof Uint8Array && h.length === 32, 'a hash of the path is not 32 bytes');
}

// RFC 9162 2.1.3.2, its names and steps: leaf (a hash) is at index of the tree with size and root.
// The path of index is often the same in a tree a little larger: that size and root belong together, the checkpoint says.
export function verifyInclusion(leaf, index, size, path, root) {
  head(size, root);
  hashes([leaf, ...path]);
  need(Number.isSafeInteger(index) && index >= 0 && index < size, `there is no index ${index} in a tree of size ${size}`);
  let fn = BigInt(index), sn = BigInt(size - 1), r = leaf;
  for (const p of path) {
    need(sn !== 0n, 'the path is too long');
    if (fn & 1n || fn === sn) {
      r = nodeHash(p, r);
      while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
    } else {
      r = nodeHash(r, p);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  need(sn === 0n, 'the path is too short');
  need(equal(r, root), 'the path leads to another root');
}

// RFC 9162 2.1.4.2, its names and steps: the tree of size1 and root1 is how that of size2 and root2 began.
// The RFC leaves out equal sizes and the empty tree: there the path is empty, and the roots must say it all. Its step 1, that
// elsewhere the path is not empty, follows: with no hash to go by, sn never comes down to 0.
export function verifyConsistency(size1, root1, size2, root2, path) {
  head(size1, root1);
  head(size2, root2);
  hashes(path);
  need(size1 <= size2, 'the tree has shrunk');
  if (size1 === size2 || size1 === 0) {
    need(path.length === 0, 'the path is too long');
    need(size1 < size2 || equal(root1, root2), 'one size has two roots');
    return;
  }
  const first = BigInt(size1);
  const [start, ...rest] = (first & (first - 1n)) === 0n ? [root1, ...path] : path;
  let fn = first - 1n, sn = BigInt(size2 - 1), fr = start, sr = start;
  while (fn & 1n) { fn >>= 1n; sn >>= 1n; }
  for (const c of rest) {
    need(sn !== 0n, 'the path is too long');
    if (fn & 1n || fn === sn) {
      fr = nodeHash(c, fr);
      sr = nodeHash(c, sr);
      while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
    } else {
      sr = nodeHash(sr, c);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  need(sn === 0n, 'the path is too short');
  need(equal(fr, root1), 'the path leads to another first root');
  need(equal(sr, root2), 'the path leads to another second root');
}

// ---- proof files

// -> { extra, index, path, checkpoint }; extra is null where there is none, and nobody has signed it.
export function parseProof(file) {
  const s = text(file, 'the proof');
  const gap = s.indexOf('\n\n');
  need(gap >= 0, 'the proof has no blank line');
  const lines = s.slice(0, gap).split('\n');
  need(lines.shift() === 'c2sp.org/tlog-proof@v1', 'the proof is of another format');
  let extra = null;
  if (lines[0]?.startsWith('extra ')) {
    extra = base64(lines.shift().slice(6), 'the extra data');
    need(extra.length > 0, 'the extra data is empty');
  }
  need(lines[0]?.startsWith('index '), 'the proof has no index line');
  const index = decimal(lines.shift().slice(6), 'the index');
  return { extra, index, path: lines.map((l) => hash(l, 'a hash of the path')), checkpoint: s.slice(gap + 2) };
}

// That the file proves the entry to be in the log of this origin and key -> { index, extra, origin, size, root, extensions }.
export function verifyProof(file, entry, origin, vkey, alsoKnown = []) {
  const { extra, index, path, checkpoint } = parseProof(file);
  const c = openCheckpoint(checkpoint, origin, vkey, alsoKnown);
  verifyInclusion(leafHash(entry), index, c.size, path, c.root);
  return { index, extra, ...c };
}
