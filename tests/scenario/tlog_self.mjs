#!/usr/bin/env node
// timeout: 180
// tlog_self.mjs   the verifier of log proofs in tlog.mjs, held against published vectors and against trees built here from
// RFC 6962's recursive definitions: what is true is accepted at every size, and each forgery is refused for its own reason.
// Needs nothing but node: the program is not run.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { check, done, same, test } from './lib.mjs';
import { Refused, emptyRoot, leafHash, nodeHash, openCheckpoint, openNote, parseCheckpoint, parseNote, parseProof, parseVkey,
  verifyConsistency, verifyInclusion, verifyProof } from './tlog.mjs';

const hex = (h) => Buffer.from(h, 'hex');
const b64 = (bytes) => Buffer.from(bytes).toString('base64');
const number = (n) => Array.from({ length: n }, (_, i) => i);

function refused(because, what, body) {
  let got = 'accepted';
  try {
    body();
  } catch (e) {
    if (!(e instanceof Refused)) throw e;
    got = e.message;
  }
  check(got !== 'accepted', `${what} is accepted`);
  check(because.test(got), `${what} is refused with '${got}', want ${because}`);
}
const accepts = (body) => {
  try { body(); } catch (e) { if (e instanceof Refused) return false; throw e; }
  return true;
};

// ---- a reference tree: MTH, PATH and SUBPROOF of RFC 6962 2.1, word by word

const half = (n) => { let k = 1; while (k * 2 < n) k *= 2; return k; };
class Tree {
  constructor(entries) { this.leaf = entries.map((e) => createHash('sha256').update(Buffer.of(0)).update(e).digest()); this.known = new Map(); }
  root(from, to) {
    const n = to - from;
    if (n === 0) return createHash('sha256').digest();
    if (n === 1) return this.leaf[from];
    const at = from * 1000 + to;
    if (!this.known.has(at)) {
      const k = from + half(n);
      this.known.set(at, createHash('sha256').update(Buffer.of(1)).update(this.root(from, k)).update(this.root(k, to)).digest());
    }
    return this.known.get(at);
  }
  path(m, from, to) {
    if (to - from === 1) return [];
    const k = half(to - from);
    return m < k ? [...this.path(m, from, from + k), this.root(from + k, to)] : [...this.path(m - k, from + k, to), this.root(from, from + k)];
  }
  proof(m, from, to, whole = true) {
    const n = to - from;
    if (m === n) return whole ? [] : [this.root(from, to)];
    const k = half(n);
    return m <= k ? [...this.proof(m, from, from + k, whole), this.root(from + k, to)]
      : [...this.proof(m - k, from + k, to, false), this.root(from, from + k)];
  }
}
// On which side the hashes of a path or a proof go: two that read the same prove each other's claims, all others must not.
const pathShape = (m, n) => (n === 1 ? '' : m < half(n) ? `${pathShape(m, half(n))}r` : `${pathShape(m - half(n), n - half(n))}l`);
const proofShape = (m, n, whole = true) => (m === n ? (whole ? 'w' : 'p')
  : m <= half(n) ? `${proofShape(m, half(n), whole)}r` : `${proofShape(m - half(n), n - half(n), false)}l`);

const most = 130;
const tree = new Tree(number(most).map((i) => `entry ${i}`));
const roots = number(most + 1).map((n) => tree.root(0, n));
const small = 16;
const flipped = (h, bit) => { const r = Buffer.from(h); r[bit >> 3] ^= 1 << (bit & 7); return r; };
const put = (path, i, ...h) => [...path.slice(0, i), ...h, ...path.slice(i + h.length)];
const swapped = (path, i) => put(path, i, path[i + 1], path[i]);

// ---- published vectors

// The reference leaves and roots of Certificate Transparency (google/certificate-transparency, merkletree/merkle_tree_test.cc;
// transparency-dev/merkle, testonly), made for RFC 6962.
const ctLeaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(hex);
const ctRoots = ['e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4', '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c', '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'].map(hex);
const [h1, h23, h4, h45, h67, h4567] = ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
  '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
  '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a', 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
  '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4'].map(hex);
const ct = new Tree(ctLeaves);

await test('hashes and the reference tree agree with the roots published for RFC 6962', () => {
  same(emptyRoot.toString('hex'), ctRoots[0].toString('hex'), 'the empty root');
  same(leafHash('').toString('hex'), ctRoots[1].toString('hex'), 'the hash of the empty leaf');
  same(nodeHash(leafHash(ctLeaves[0]), leafHash(ctLeaves[1])).toString('hex'), ctRoots[2].toString('hex'), 'the hash of two leaves');
  for (const n of number(9)) same(ct.root(0, n).toString('hex'), ctRoots[n].toString('hex'), `the root of size ${n}`);
});
await test('the proofs published for RFC 6962 are accepted', () => {
  for (const [index, size, path] of [[0, 1, []], [0, 8, [h1, h23, h4567]], [5, 8, [h4, h67, ctRoots[4]]], [2, 3, [ctRoots[2]]],
    [1, 5, [ctRoots[1], h23, h4]]]) verifyInclusion(leafHash(ctLeaves[index]), index, size, path, ctRoots[size]);
  for (const [m, n, path] of [[1, 1, []], [1, 8, [h1, h23, h4567]], [6, 8, [h45, h67, ctRoots[4]]], [2, 5, [h23, h4]]])
    verifyConsistency(m, ctRoots[m], n, ctRoots[n], path);
});
await test('the example of RFC 6962 2.1.3, a tree of seven, is accepted as printed', () => {
  const [a, b, c, d, e, f, j] = number(7).map((i) => leafHash(`d${i}`));
  const g = nodeHash(a, b), h = nodeHash(c, d), i = nodeHash(e, f), k = nodeHash(g, h), l = nodeHash(i, j);
  const hash0 = nodeHash(a, b), hash1 = nodeHash(hash0, c), hash2 = k, all = nodeHash(k, l);
  for (const [at, leaf, path] of [[0, a, [b, h, l]], [3, d, [c, g, l]], [4, e, [f, j, k]], [6, j, [i, k]]]) verifyInclusion(leaf, at, 7, path, all);
  for (const [m, root, path] of [[3, hash1, [c, d, g, l]], [4, hash2, [l]], [6, nodeHash(k, i), [i, j, k]]]) verifyConsistency(m, root, 7, all, path);
});

// golang.org/x/mod/sumdb/note, the example of its documentation.
const peter = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const peterText = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const peterNote = `${peterText}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
// The key of sum.golang.org in the go command, and the checkpoint it signed that c2sp.org/tlog-checkpoint shows under an
// invented origin.
const sumdb = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8';
const sumdbNote = (origin, name) => `${origin}\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n` +
  `— ${name} Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n`;

await test("the published note and Go's own checkpoint are accepted", () => {
  same(openNote(peterNote, peter), peterText, 'the text');
  same(openNote(Buffer.from(peterNote), peter), peterText, 'the text as bytes');
  const real = 'go.sum database tree', invented = 'example.com/behind-the-sofa';
  const open = (of, name) => openCheckpoint(sumdbNote(of, name), of, sumdb);
  const c = open(real, 'sum.golang.org');
  same([c.origin, c.size, b64(c.root), c.extensions], [real, 20852163, 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', []], 'the checkpoint');
  refused(/signature of sum.golang.org is wrong/, 'the invented origin', () => open(invented, 'sum.golang.org'));
  refused(/has not signed/, 'the invented name', () => open(real, invented));
});
await test('the example of c2sp.org/signed-note is read: its text has an empty line, its key is not known', () => {
  const body = 'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n';
  const note = `${body}\n— quasimodo.example/salvatore ` +
    `NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n`;
  const n = parseNote(note);
  same([n.text, n.signatures.map((s) => [s.name, s.id, s.bytes.length])], [body, [['quasimodo.example/salvatore', '367ba04b', 64]]], 'the note');
  refused(/has not signed/, 'a note of an unknown key', () => openNote(note, peter));
});

// ---- trees

await test('every entry is proved in every tree of 1 to 130', () => {
  for (let n = 1; n <= most; n++) for (let m = 0; m < n; m++) verifyInclusion(tree.leaf[m], m, n, tree.path(m, 0, n), roots[n]);
});
await test('every tree of 0 to 130 is proved the beginning of every larger one and of itself', () => {
  for (let n = 0; n <= most; n++) {
    verifyConsistency(0, emptyRoot, n, roots[n], []);
    for (let m = 1; m <= n; m++) verifyConsistency(m, roots[m], n, roots[n], tree.proof(m, 0, n));
  }
});
await test('a path proves its index and size, and only others that hash the same way', () => {
  for (let n = 1; n <= small; n++) for (let m = 0; m < n; m++) {
    const path = tree.path(m, 0, n), shape = pathShape(m, n);
    for (let n2 = 1; n2 <= small; n2++) for (let m2 = 0; m2 < n2; m2++)
      same(accepts(() => verifyInclusion(tree.leaf[m], m2, n2, path, roots[n])), shape === pathShape(m2, n2), `${m} of ${n} as ${m2} of ${n2}`);
    refused(/no index/, `${m} of ${n} as index ${n}`, () => verifyInclusion(tree.leaf[m], n, n, path, roots[n]));
    refused(/no index/, `${m} of ${n} as index -1`, () => verifyInclusion(tree.leaf[m], -1, n, path, roots[n]));
    const beside = (m ^ 1) < n ? m ^ 1 : m - 1;
    if (n > 1) refused(/another root|too/, `${m} of ${n} as its neighbour`, () => verifyInclusion(tree.leaf[m], beside, n, path, roots[n]));
  }
  refused(/no index/, 'an entry of the empty tree', () => verifyInclusion(tree.leaf[0], 0, 0, [], emptyRoot));
});
await test('a proof of growth proves its two sizes, and only others that hash the same way', () => {
  for (let n = 2; n <= small; n++) for (let m = 1; m < n; m++) {
    const path = tree.proof(m, 0, n), shape = proofShape(m, n);
    for (let n2 = 2; n2 <= small; n2++) for (let m2 = 1; m2 < n2; m2++)
      same(accepts(() => verifyConsistency(m2, roots[m], n2, roots[n], path)), shape === proofShape(m2, n2), `${m} in ${n} as ${m2} in ${n2}`);
    refused(/shrunk/, `${n} in ${m}`, () => verifyConsistency(n, roots[n], m, roots[m], path));
  }
});
await test('a path that is changed, shortened, lengthened or reordered is refused', () => {
  for (const n of [...number(small + 1), 63, 64, 65, 100, 127, 128, 129, 130]) for (let m = 0; m < n; m++) {
    const path = tree.path(m, 0, n), at = `${m} of ${n}`;
    const inside = (changed, leaf = tree.leaf[m], root = roots[n]) => () => verifyInclusion(leaf, m, n, changed, root);
    path.forEach((h, i) => {
      refused(/another root/, `${at} with a bit of hash ${i} changed`, inside(put(path, i, flipped(h, (m * 7 + i) % 256))));
      if (i > 0) refused(/another root/, `${at} with hash ${i} before its last`, inside(swapped(path, i - 1)));
    });
    if (n > 1) refused(/too short/, `${at} without its last hash`, inside(path.slice(0, -1)));
    if (n > 1) refused(/too short|another root/, `${at} without its first hash`, inside(path.slice(1)));
    refused(/too long/, `${at} with one hash more`, inside([...path, roots[1]]));
    refused(/another root/, `${at} of another leaf`, inside(path, flipped(tree.leaf[m], m)));
    refused(/another root/, `${at} of another root`, inside(path, tree.leaf[m], flipped(roots[n], m)));
  }
});
await test('a proof of growth that is changed, shortened, lengthened or reordered is refused', () => {
  for (const n of [...number(small + 1), 64, 65, 100, 130]) for (let m = 1; m < n; m++) {
    const path = tree.proof(m, 0, n), at = `${m} in ${n}`;
    const growth = (changed, a = roots[m], b = roots[n]) => () => verifyConsistency(m, a, n, b, changed);
    path.forEach((h, i) => {
      refused(/another (first|second) root/, `${at} with a bit of hash ${i} changed`, growth(put(path, i, flipped(h, (m * 7 + i) % 256))));
      if (i > 0) refused(/another (first|second) root/, `${at} with hash ${i} before its last`, growth(swapped(path, i - 1)));
    });
    refused(/too short/, `${at} without its last hash`, growth(path.slice(0, -1)));
    refused(/too short|another (first|second) root/, `${at} without its first hash`, growth(path.slice(1)));
    refused(/too short/, `${at} without a hash`, growth([]));
    refused(/too long/, `${at} with one hash more`, growth([...path, roots[1]]));
    refused(/another (first|second) root/, `${at} of another first root`, growth(path, flipped(roots[m], m)));
    refused(/another second root/, `${at} of another second root`, growth(path, roots[m], flipped(roots[n], m)));
  }
});
await test('every bit of every hash counts', () => {
  const path = tree.path(10, 0, 21), growth = tree.proof(11, 0, 21);
  const every = (hashes, verify) => hashes.forEach((h, i) => {
    for (const bit of number(256)) refused(/another/, `hash ${i}, bit ${bit}`, () => verify(put(hashes, i, flipped(h, bit))));
  });
  every(path, (p) => verifyInclusion(tree.leaf[10], 10, 21, p, roots[21]));
  every(growth, (p) => verifyConsistency(11, roots[11], 21, roots[21], p));
});
await test('a tree that dropped or changed an entry is not proved to have grown', () => {
  for (let n = 2; n <= 40; n++) {
    const other = new Tree(number(n).map((i) => (i === n >> 1 ? 'changed' : `entry ${i}`)));
    for (let m = (n >> 1) + 1; m < n; m++)
      refused(/another (first|second) root/, `${m} in another ${n}`, () => verifyConsistency(m, roots[m], n, other.root(0, n), other.proof(m, 0, n)));
  }
});
await test('equal sizes, the empty tree and roots of a wrong length have no way around', () => {
  refused(/two roots/, 'two roots of size 3', () => verifyConsistency(3, roots[3], 3, roots[2], []));
  refused(/too long/, 'a path between equal sizes', () => verifyConsistency(3, roots[3], 3, roots[3], [roots[1]]));
  refused(/too long/, 'a path from the empty tree', () => verifyConsistency(0, emptyRoot, 3, roots[3], [roots[3]]));
  refused(/empty tree has another root/, 'the empty tree with a root', () => verifyConsistency(0, roots[1], 3, roots[3], []));
  refused(/empty tree has another root/, 'the empty tree at the end', () => verifyConsistency(0, emptyRoot, 0, roots[1], []));
  refused(/shrunk/, 'down to the empty tree', () => verifyConsistency(1, roots[1], 0, emptyRoot, []));
  for (const size of [-1, 1.5, NaN, 2 ** 53, '3', undefined])
    refused(/number of leaves/, `size ${size}`, () => verifyConsistency(3, roots[3], size, roots[3], []));
  for (const index of [0.5, NaN, '0', undefined]) refused(/no index/, `index ${index}`, () => verifyInclusion(tree.leaf[0], index, 1, [], roots[1]));
  for (const size of [1.5, '3', undefined]) refused(/number of leaves/, `size ${size}`, () => verifyInclusion(tree.leaf[0], 0, size, [], roots[1]));
  for (const h of [roots[2].subarray(1), Buffer.concat([roots[2], Buffer.of(0)]), roots[2].toString('hex'), 'x'.repeat(32)]) {
    refused(/root hash is not 32/, 'a root of a wrong length of an entry', () => verifyInclusion(tree.leaf[0], 0, 1, [], h));
    refused(/root hash is not 32/, 'a root of a wrong length', () => verifyConsistency(2, h, 2, h, []));
    refused(/root hash is not 32/, 'a first root of a wrong length', () => verifyConsistency(2, h, 3, roots[3], [tree.leaf[2]]));
    refused(/path is not 32/, 'a hash of a wrong length', () => verifyConsistency(2, roots[2], 3, nodeHash(roots[2], h), [h]));
    refused(/path is not 32/, 'a hash of a wrong length beside an entry', () => verifyInclusion(tree.leaf[0], 0, 2, [h], nodeHash(tree.leaf[0], h)));
    refused(/path is not 32/, 'a leaf of a wrong length', () => verifyInclusion(h, 0, 2, [tree.leaf[1]], nodeHash(h, tree.leaf[1])));
  }
});
await test('paths given are left as they were', () => {
  const path = tree.proof(4, 0, 7);
  verifyConsistency(4, roots[4], 7, roots[7], path);
  same(path.length, tree.proof(4, 0, 7).length, 'hashes');
});

// ---- keys and notes

// A key of its own: vkey, and sign(text), which gives a signature line.
function signer(name, pair = generateKeyPairSync('ed25519')) {
  const raw = Buffer.concat([Buffer.of(1), Buffer.from(pair.publicKey.export({ format: 'jwk' }).x, 'base64url')]);
  const id = createHash('sha256').update(`${name}\n`).update(raw).digest().subarray(0, 4);
  const bytes = (text) => Buffer.concat([id, sign(null, Buffer.from(text), pair.privateKey)]);
  return { name, id, raw, pair, vkey: `${name}+${id.toString('hex')}+${b64(raw)}`, bytes, sign: (text) => `— ${name} ${b64(bytes(text))}\n` };
}
const origin = 'log.example/audit';
// RFC 8032 7.1, TEST 1: its secret key, so that what is signed here is the same at each run.
const secret = createPrivateKey({ format: 'der', type: 'pkcs8',
  key: hex('302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60') });
const log = signer(origin, { privateKey: secret, publicKey: createPublicKey(secret) });
const other = signer('other.example');
const namesake = signer(origin);
const body = `${origin}\n3\n${b64(roots[3])}\n`;
const note = (text, ...keys) => `${text}\n${keys.map((k) => k.sign(text)).join('')}`;

await test('the key and the signature of RFC 8032 7.1 TEST 1 are those of node', () => {
  same(log.raw.toString('hex'), '01d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'the public key');
  same(sign(null, Buffer.alloc(0), secret).toString('hex'), 'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
    '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b', 'the signature');
});
await test('a verifier key is name, id and Ed25519 key, nothing less and nothing else', () => {
  same(['name', 'id'].map((k) => parseVkey(peter)[k]), ['PeterNeumann', 'c74f20a3'], 'the key');
  const encoded = b64(log.raw);
  const typed = (type, length = 33, name = origin) => {
    const raw = Buffer.concat([Buffer.of(type), log.raw.subarray(1), Buffer.alloc(8)]).subarray(0, length);
    return `${name}+${createHash('sha256').update(`${name}\n`).update(raw).digest('hex').slice(0, 8)}+${b64(raw)}`;
  };
  same(typed(1), log.vkey, 'a key made here');
  const id = log.id.toString('hex');
  for (const [because, key] of [
    [/not name\+id\+key/, ''], [/not name\+id\+key/, origin], [/not name\+id\+key/, `${origin}+${id}`],
    [/8 hexadecimal/, `${origin}++${encoded}`],
    [/8 hexadecimal/, `${origin}+${id.slice(1)}+${encoded}`], [/8 hexadecimal/, `${origin}+0${id}+${encoded}`],
    [/8 hexadecimal/, `${origin}+${peter.slice(13, 21).toUpperCase()}+${encoded}`],
    [/key id is not/, `${origin}+00000000+${encoded}`], [/key id is not/, `${origin}x+${id}+${encoded}`],
    [/key id is not/, `${origin}+${id}+${b64(other.raw)}`],
    [/canonical/, `${log.vkey}\n`], [/canonical/, `${log.vkey}=`], [/canonical/, `${origin}+${id}+ ${encoded}`],
    [/canonical/, log.vkey.slice(0, -1)],
    [/type Ed25519/, typed(2)], [/type Ed25519/, typed(4)], [/type Ed25519/, typed(0)], [/type Ed25519/, `${origin}+${id}+`],
    [/not 32 bytes/, typed(1, 32)], [/not 32 bytes/, typed(1, 34)], [/name is empty/, typed(1, 33, '')],
    [/space or a plus/, typed(1, 33, 'a b')],
    [/space or a plus/, typed(1, 33, 'a\u00a0b')], [/space or a plus/, typed(1, 33, 'a\u0085b')],
    [/space or a plus/, typed(1, 33, 'a\u2003b')], [/control/, typed(1, 33, 'a\tb')],
  ]) refused(because, JSON.stringify(key), () => parseVkey(key));
  for (const i of number(peter.length)) {
    const next = String.fromCharCode(peter.charCodeAt(i) + 1);
    refused(/./, `the key with letter ${i} changed`, () => parseVkey(peter.slice(0, i) + next + peter.slice(i + 1)));
  }
});
await test('the wanted key must have signed; unknown keys are ignored; a known key must not have signed wrongly', () => {
  same(openNote(note(body, log), log.vkey), body, 'one signature');
  same(openNote(note(body, other, namesake, log), log.vkey), body, 'after two unknown ones');
  same(openNote(note(body, other, log), log.vkey, [other.vkey]), body, 'with a known one');
  same(openNote(note(body, log, log), log.vkey), body, 'twice');
  const wrong = `— ${other.name} ${b64(Buffer.concat([other.id, Buffer.alloc(64)]))}\n`;
  const fifth = `— ${other.name} ${b64(Buffer.concat([other.id, Buffer.of(7)]))}\n`;
  const sameId = `— elsewhere.example ${b64(log.bytes('another text'))}\n`;
  same(openNote(note(body, log) + wrong + fifth + sameId, log.vkey), body, 'with wrong ones of unknown keys');
  refused(/of other.example is wrong/, 'a wrong signature of a known key', () => openNote(note(body, log) + wrong, log.vkey, [other.vkey]));
  refused(/of other.example is wrong/, 'a short signature of a known key', () => openNote(note(body, log) + fifth, log.vkey, [other.vkey]));
  refused(/of log.example.audit is wrong/, 'a right signature and a wrong one', () => openNote(note(body, log) + log.sign('another text'), log.vkey));
  refused(/has not signed/, 'another key', () => openNote(note(body, other), log.vkey));
  refused(/has not signed/, 'another known key', () => openNote(note(body, other), log.vkey, [other.vkey]));
  refused(/has not signed/, 'another key of the same name', () => openNote(note(body, namesake), log.vkey));
  refused(/has not signed/, 'the key under another name', () => openNote(`${body}\n— elsewhere.example ${b64(log.bytes(body))}\n`, log.vkey));
  const borrowed = b64(Buffer.concat([log.id, other.bytes(body).subarray(4)]));
  refused(/is wrong/, "another key's signature under the id", () => openNote(`${body}\n— ${origin} ${borrowed}\n`, log.vkey));
  refused(/is wrong/, 'a changed text', () => openNote(note(body, log).replace('\n3\n', '\n4\n'), log.vkey));
  refused(/is wrong/, 'a line added to the text', () => openNote(note(body, log).replace('\n\n', '\nmore\n\n'), log.vkey));
});
await test('every bit of an Ed25519 signature counts, and it has one form', () => {
  const bytes = log.bytes(body);
  const signed = (s) => () => openNote(`${body}\n— ${origin} ${b64(s)}\n`, log.vkey);
  for (const bit of number(64 * 8)) refused(/is wrong/, `bit ${bit}`, signed(flipped(bytes, 32 + bit)));
  for (const bit of number(32)) refused(/has not signed/, `bit ${bit} of the id`, signed(flipped(bytes, bit)));
  refused(/is wrong/, 'a byte less', signed(bytes.subarray(0, -1)));
  refused(/is wrong/, 'a byte more', signed(Buffer.concat([bytes, Buffer.of(0)])));
  // RFC 8032 5.1.7: S is below the order L; S + L would verify too if it were not looked at.
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const more = BigInt(`0x${Buffer.from(bytes.subarray(36)).reverse().toString('hex')}`) + order;
  refused(/is wrong/, 'S + L', signed(Buffer.concat([bytes.subarray(0, 36), hex(more.toString(16).padStart(64, '0')).reverse()])));
});
await test('a note that is not written as a note is refused', () => {
  const good = note(body, log), line = log.sign(body), word = b64(log.bytes(body));
  const raw = Buffer.from(good);
  for (const [because, what, bad] of [
    [/end in a newline/, 'no final newline', good.slice(0, -1)], [/end in a newline/, 'nothing', ''],
    [/end in a newline/, 'more after the end', `${good}x`],
    [/no signature/, 'a blank line at the end', `${good}\n`], [/no signature/, 'no signature', `${body}\n`],
    [/no blank line/, 'no blank line', body + line], [/no blank line/, 'no text', `\n${line}`],
    [/malformed/, 'a line at the end', `${good}more\n`], [/malformed/, 'a hyphen', good.replace('— ', '- ')],
    [/malformed/, 'an en dash', good.replace('— ', '– ')],
    [/malformed/, 'no space', good.replace('— ', '—')], [/name is empty/, 'two spaces', good.replace('— ', '—  ')],
    [/malformed/, 'no signature after the name', `${body}\n— ${origin}\n`],
    [/malformed/, 'an indented line', `${body}\n ${line}`], [/malformed/, 'a malformed line of an unknown key', `${good}— other.example\n`],
    [/space or a plus/, 'a name with a plus', `${good}— a+b ${word}\n`],
    [/space or a plus/, 'a name with a no-break space', `${good}— a\u00a0b ${word}\n`],
    [/space or a plus/, 'a name with U+0085', `${good}— a\u0085b ${word}\n`],
    [/canonical/, 'two spaces before the signature', good.replace(`${origin} ${word}`, `${origin}  ${word}`)],
    [/canonical/, 'a space at the end of the line', `${good.slice(0, -1)} \n`],
    [/canonical/, 'no padding', good.replace(word, word.replace(/=+$/, ''))],
    [/canonical/, 'too much padding', good.replace(word, `${word}=`)], [/canonical/, 'the URL alphabet', `${good}— x -_-_-_-_\n`],
    [/canonical/, 'unused bits', `${good}— x AAAAAAB=\n`], [/canonical/, 'no base64', `${good}— x !!!!\n`],
    [/too short/, 'an id alone', `${good}— x AAAAAA==\n`], [/too short/, 'less than an id', `${good}— x AAAA\n`],
    [/too short/, 'an empty signature', `${good}— x \n`],
    [/control/, 'CRLF', good.replaceAll('\n', '\r\n')], [/control/, 'a tab', note(`a\tb\n`, log)], [/control/, 'NUL', note('a\0\n', log)],
    [/control/, 'U+001F', note('a\x1f\n', log)],
    [/UTF-8/, 'a byte that is not UTF-8', Buffer.concat([Buffer.of(0xff), raw])],
    [/UTF-8/, 'a long form', Buffer.concat([Buffer.of(0xc0, 0x8a), raw])],
    [/UTF-8/, 'half a character', Buffer.concat([Buffer.from('a'), Buffer.of(0xe2, 0x80), raw])],
    [/UTF-8/, 'a surrogate', `\ud800${good}`], [/is wrong/, 'a byte order mark', Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), raw])],
    [/too many/, 'signatures without end', good + other.sign(body).repeat(100)],
  ]) refused(because, what, () => openNote(bad, log.vkey));
  same(openNote(note(body, ...Array(15).fill(other), log), log.vkey), body, 'sixteen signatures');
  for (const text of ['\n', 'a\n\n\nb\n', '— x AAAAAAA=\n', 'a\n\n— x AAAAAAA=\n', 'a\x7f\u2028\n', '\ufeffa\n'])
    same(openNote(note(text, log), log.vkey), text, 'an odd text');
});

// ---- checkpoints

await test('a checkpoint is an origin, a size, a root and lines that are not empty', () => {
  const root = b64(roots[3]);
  same(parseCheckpoint(`${body}one\ntwo\n`).extensions, ['one', 'two'], 'extension lines');
  same(parseCheckpoint(`${origin}\n0\n${b64(emptyRoot)}\n`).size, 0, 'the empty tree');
  same(parseCheckpoint(`${origin}\n9007199254740991\n${root}\n`).size, 2 ** 53 - 1, 'the largest size');
  same(parseCheckpoint(`an origin + more\n3\n${root}\n`).origin, 'an origin + more', 'an origin with spaces and a plus');
  const sized = (size) => `${origin}\n${size}\n${root}\n`;
  const rooted = (r) => `${origin}\n3\n${r}\n`;
  for (const [because, bad] of [
    [/end in a newline/, body.slice(0, -1)], [/end in a newline/, ''], [/fewer than three/, '\n'], [/fewer than three/, `${origin}\n3\n`],
    [/empty line/, `\n3\n${root}\n`], [/empty line/, `${body}\n`], [/empty line/, `${body}\nmore\n`],
    [/empty line/, `${origin}\n\n${root}\n`],
    ...['03', '00', '-3', '+3', '3 ', ' 3', '3.0', '0x3', '3e0', '٣', '3\u00a0', 'three', '3,000', 'Infinity'].map((s) => [/decimal/, sized(s)]),
    [/too large/, sized('9007199254740992')], [/too large/, sized('18446744073709551616')], [/too large/, sized('1'.repeat(400))],
    [/empty tree has another root/, sized('0')],
    [/not 32 bytes/, rooted(b64(roots[3].subarray(1)))], [/not 32 bytes/, rooted(b64(Buffer.concat([roots[3], Buffer.of(0)])))],
    [/canonical/, rooted(root.slice(0, -1))], [/canonical/, rooted(`${root}=`)], [/canonical/, rooted(`${root} `)],
    [/canonical/, rooted(roots[3].toString('base64url'))],
    [/canonical|32 bytes/, rooted(roots[3].toString('hex'))], [/canonical/, rooted(nextUnused(root))],
    [/control/, body.replaceAll('\n', '\r\n')], [/decimal/, `\ufeff${origin}\nmore\n3\n${root}\n`],
  ]) refused(because, JSON.stringify(bad), () => parseCheckpoint(bad));
});
// The same bytes in another spelling: the last letter before the padding has two bits that stand for nothing.
function nextUnused(s) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const other = `${s.slice(0, -2)}${letters[letters.indexOf(s.at(-2)) + 1]}=`;
  check(Buffer.from(other, 'base64').equals(Buffer.from(s, 'base64')) && other !== s, 'it is not the same bytes');
  return other;
}
await test('a signed checkpoint is of the wanted origin', () => {
  same(openCheckpoint(note(body, log), origin, log.vkey).size, 3, 'the size');
  for (const wrong of ['log.example', `${origin}/`, origin.toUpperCase(), '', undefined])
    refused(/not of/, `origin ${wrong}`, () => openCheckpoint(note(body, log), wrong, log.vkey));
  const foreign = body.replace(origin, 'elsewhere.example');
  refused(/is of elsewhere.example/, "another log's, by the same key", () => openCheckpoint(note(foreign, log), origin, log.vkey));
  refused(/has not signed/, 'a checkpoint of another key', () => openCheckpoint(note(body, other), origin, log.vkey));
  refused(/decimal/, 'a signed checkpoint that is none', () => openCheckpoint(note(body.replace('\n3\n', '\n03\n'), log), origin, log.vkey));
});

// ---- proof files

const checkpoint = (n, keys = [log], more = '') => note(`${origin}\n${n}\n${b64(roots[n])}\n${more}`, ...keys);
const file = (m, n, { extra = '', path = tree.path(m, 0, n), signed = checkpoint(n) } = {}) =>
  `c2sp.org/tlog-proof@v1\n${extra}index ${m}\n${path.map((h) => `${b64(h)}\n`).join('')}\n${signed}`;
const proves = (f, m) => verifyProof(f, `entry ${m}`, origin, log.vkey);

await test('a proof file proves its entry, with extra data or without, in trees of 1 to 130', () => {
  for (const n of [...number(small + 1).slice(1), 64, 65, 129, 130]) {
    const signed = checkpoint(n);
    for (let m = 0; m < n; m++) {
      const p = proves(file(m, n, { signed }), m);
      same([p.index, p.size, p.origin, p.extra], [m, n, origin, null], `${m} of ${n}`);
    }
  }
  same(proves(file(5, 9, { extra: 'extra AAEC\n' }), 5).extra.toString('hex'), '000102', 'the extra data');
  same(proves(Buffer.from(file(5, 9)), 5).index, 5, 'as bytes');
  same(verifyProof(file(5, 9), Buffer.from('entry 5'), origin, log.vkey).index, 5, 'the entry as bytes');
  same(proves(file(5, 9, { signed: checkpoint(9, [other, log, namesake]) }), 5).size, 9, 'with cosignatures');
  same(proves(file(5, 9, { signed: checkpoint(9, [log], 'more\n') }), 5).extensions, ['more'], 'with an extension line');
});
await test('a proof of something else is refused', () => {
  const f = file(5, 9);
  refused(/another root/, 'of another entry', () => proves(f, 6));
  refused(/another root/, 'of an entry with a newline more', () => verifyProof(f, 'entry 5\n', origin, log.vkey));
  refused(/another root/, 'of the hash', () => verifyProof(f, tree.leaf[5], origin, log.vkey));
  refused(/not of/, 'of another log', () => verifyProof(f, 'entry 5', 'elsewhere.example', log.vkey));
  refused(/has not signed/, 'of another key', () => verifyProof(f, 'entry 5', origin, other.vkey));
  refused(/has not signed/, 'signed by another', () => proves(file(5, 9, { signed: checkpoint(9, [other]) }), 5));
  for (const m of [4, 6]) refused(/another root/, `index ${m}`, () => proves(f.replace('index 5', `index ${m}`), 5));
  for (const m of [9, 10, 2 ** 53 - 1]) refused(/no index/, `index ${m}`, () => proves(f.replace('index 5', `index ${m}`), 5));
  for (const n of [8, 10]) refused(/is wrong/, `size ${n}`, () => proves(f.replace('\n9\n', `\n${n}\n`), 5));
  refused(/another root/, 'in a tree of ten', () => proves(file(5, 9, { signed: checkpoint(10) }), 5));
  refused(/is wrong/, 'of another root', () => proves(f.replace(b64(roots[9]), b64(roots[10])), 5));
  const path = tree.path(5, 0, 9);
  path.forEach((h, i) => refused(/another root/, `with hash ${i} changed`, () => proves(file(5, 9, { path: put(path, i, flipped(h, i)) }), 5)));
  refused(/too short/, 'without its last hash', () => proves(file(5, 9, { path: path.slice(0, -1) }), 5));
  refused(/too short/, 'without a hash', () => proves(file(5, 9, { path: [] }), 5));
  refused(/too long/, 'with a hash more', () => proves(file(5, 9, { path: [...path, path[0]] }), 5));
  refused(/another root/, 'in another order', () => proves(file(5, 9, { path: [...path].reverse() }), 5));
  refused(/no index/, 'in the empty tree', () => proves(file(0, 1, { signed: checkpoint(0) }), 0));
});
await test('a proof file that is not written as one is refused', () => {
  const f = file(5, 9), first = b64(tree.path(5, 0, 9)[0]), raw = Buffer.from(f);
  const indexed = (s) => f.replace('index 5', `index ${s}`);
  const extra = (line) => file(5, 9, { extra: line });
  for (const [because, what, bad] of [
    [/no blank line/, 'nothing', ''], [/another format/, 'a blank line first', `\n\n${f}`],
    [/another format/, 'another version', f.replace('@v1', '@v2')], [/another format/, 'a longer version', f.replace('@v1', '@v10')],
    [/another format/, 'a space after the version', f.replace('@v1', '@v1 ')],
    [/another format/, 'no version', f.slice(f.indexOf('index'))], [/another format/, 'a byte order mark', `\ufeff${f}`],
    [/no index/, 'no index', f.replace('index 5\n', '')], [/no index/, 'the version alone', `c2sp.org/tlog-proof@v1\n\n${checkpoint(9)}`],
    [/no index/, 'another word', f.replace('index', 'Index')], [/no index/, 'no space', f.replace('index 5', 'index5')],
    [/no index/, 'a space before the word', f.replace('index', ' index')],
    ...['05', '00', '-5', '+5', ' 5', '5 ', '5.0', '0x5', '', 'five', '٥']
      .map((s) => [/decimal/, `index '${s}'`, indexed(s)]), [/too large/, 'a large index', indexed('9007199254740992')],
    [/canonical|32 bytes/, 'two index lines', indexed('5\nindex 5')], [/no index/, 'two extra lines', extra('extra AAEC\nextra AAEC\n')],
    [/canonical|32 bytes/, 'extra after index', f.replace('index 5\n', 'index 5\nextra AAEC\n')],
    [/no index/, 'an unknown line', extra('more AAEC\n')],
    [/extra data is empty/, 'empty extra data', extra('extra \n')], [/no index/, 'extra without a space', extra('extra\n')],
    [/canonical/, 'extra data with a space', extra('extra  AAEC\n')], [/canonical/, 'extra data without padding', extra('extra AAE\n')],
    [/canonical/, 'extra data with unused bits', extra('extra AAF=\n')],
    [/canonical/, 'extra data of the URL alphabet', extra('extra -_-_\n')],
    [/canonical/, 'a hash with unused bits', f.replace(first, nextUnused(first))],
    [/canonical/, 'a hash without padding', f.replace(first, first.slice(0, -1))],
    [/canonical/, 'a space after a hash', f.replace(first, `${first} `)],
    [/canonical/, 'a space before a hash', f.replace(first, ` ${first}`)],
    [/not 32 bytes/, 'a short hash', f.replace(first, b64(Buffer.alloc(31)))],
    [/not 32 bytes/, 'a long hash', f.replace(first, b64(Buffer.alloc(33)))],
    [/canonical|32 bytes/, 'a hash in hexadecimal', f.replace(first, Buffer.from(first, 'base64').toString('hex'))],
    [/fewer than three|empty line|wrong|blank line/, 'a blank line between hashes', f.replace(first, `${first}\n`)],
    [/canonical|32 bytes|blank line/, 'no blank line before the checkpoint', f.replace('\n\n', '\n')],
    [/wrong/, 'two blank lines', f.replace('\n\n', '\n\n\n')],
    [/end in a newline/, 'no final newline', f.slice(0, -1)], [/no signature/, 'a newline more', `${f}\n`],
    [/malformed/, 'a line more', `${f}more\n`], [/end in a newline/, 'a letter more', `${f}x`],
    [/malformed|canonical|wrong/, 'twice', f + f], [/control/, 'CRLF', f.replaceAll('\n', '\r\n')],
    [/control/, 'one CRLF', f.replace('\n', '\r\n')], [/control/, 'NUL at the end', `${f}\0`],
    [/UTF-8/, 'not UTF-8', Buffer.concat([raw, Buffer.of(0xff)])],
    [/blank line/, 'no checkpoint', `${f.slice(0, f.indexOf('\n\n'))}\n`],
    [/end in a newline/, 'an empty checkpoint', `${f.slice(0, f.indexOf('\n\n'))}\n\n`],
    [/no signature/, 'a checkpoint without signature', f.slice(0, f.indexOf('—'))],
  ]) refused(because, what, () => proves(bad, 5));
  for (const n of [31, 33]) refused(/not 32 bytes/, `a hash of ${n} bytes, only read`, () => parseProof(file(5, 9, { path: [Buffer.alloc(n, 1)] })));
});
await test('every byte of a proof file counts', () => {
  const raw = Buffer.from(file(5, 9, { extra: 'extra AAEC\n' }));
  const open = raw.indexOf('AAEC');
  for (const at of number(raw.length)) for (const bit of [0, 1, 5, 7]) {
    const bad = flipped(raw, at * 8 + bit);
    let p;
    if (!accepts(() => { p = proves(bad, 5); })) continue;
    check(at >= open && at < open + 4 && p.extra.toString('hex') !== '000102', `byte ${at} may have bit ${bit} changed`);
  }
  for (const at of number(raw.length)) check(!accepts(() => proves(raw.subarray(0, at), 5)), `the first ${at} bytes are accepted`);
  same(parseProof(raw).path.length, tree.path(5, 0, 9).length, 'hashes');
});
done();
