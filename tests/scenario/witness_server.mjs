// witness_server.mjs -- a witness of transparency logs, written from the texts alone and sharing nothing with the program:
//   c2sp.org/tlog-witness        what is asked and answered, and when a checkpoint is refused
//   c2sp.org/tlog-cosignature    what it signs (Ed25519)
// It keeps the newest checkpoint of each log it was told of, in memory, and signs nothing that does not continue that.
// Not a scenario itself, so not executable. Needs nothing but node, and tlog.mjs for notes and proofs.
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import http from 'node:http';
import { Refused, emptyRoot, openCheckpoint, parseNote, parseVkey, verifyConsistency } from './tlog.mjs';

const algorithm = 4;
const prefix = (seconds) => `cosignature/v1\ntime ${seconds}\n`;
const keyId = (name, pub) => createHash('sha256').update(`${name}\n`).update(Buffer.of(algorithm)).update(pub).digest().subarray(0, 4);

// name+id+base64(0x04 || public key) -> { name, id, key }
function parseKey(vkey) {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.*)$/.exec(vkey);
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes[0] !== algorithm || bytes.length !== 33 || keyId(name, bytes.subarray(1)).toString('hex') !== id) throw new Error('no key of a witness');
  return { name, id, key: createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') } }) };
}

// When the witness of this key signed the note, in seconds since 1970; null: it did not. A cosignature that does not hold is an Error.
export function cosignedAt(note, vkey) {
  const k = parseKey(vkey), { text, signatures } = parseNote(note);
  for (const s of signatures.filter((x) => x.name === k.name && x.id === k.id)) {
    const at = s.bytes.readBigUInt64BE(0);
    if (s.bytes.length !== 72 || !verify(null, Buffer.from(prefix(at) + text), k.key, s.bytes.subarray(8))) throw new Error('the cosignature does not hold');
    return Number(at);
  }
  return null;
}

export class Witness {
  constructor(name = 'witness.example/w1') {
    this.name = name;
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const pub = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url');
    this.secret = privateKey;
    this.id = keyId(name, pub);
    this.vkey = `${name}+${this.id.toString('hex')}+${Buffer.concat([Buffer.of(algorithm), pub]).toString('base64')}`;
    this.logs = new Map(); // origin -> { vkey, size, root }
    this.answers = []; // statuses
    this.bent = null; // for tests: what becomes of an answer (status, body) => [status, body], or null: no answer
    this.server = http.createServer((q, r) => {
      const parts = [];
      q.on('data', (d) => parts.push(d));
      q.on('end', () => {
        let answer = q.method === 'POST' && q.url === '/add-checkpoint' ? this.add(Buffer.concat(parts).toString()) : [404, ''];
        if (this.bent) answer = this.bent(...answer);
        if (!answer) return q.socket.destroy();
        this.answers.push(answer[0]);
        r.writeHead(answer[0], { 'Content-Type': answer[0] === 409 ? 'text/x.tlog.size' : 'text/plain' }).end(answer[1]);
      });
    });
  }
  knows(vkey) { this.logs.set(parseVkey(vkey).name, { vkey, size: 0, root: emptyRoot }); }
  listen(port = 0) {
    return new Promise((ready) => this.server.listen(port, '127.0.0.1', () => {
      this.port = this.server.address().port;
      this.url = `http://127.0.0.1:${this.port}`;
      ready();
    }));
  }
  close() { return new Promise((end) => { this.server.close(end); this.server.closeAllConnections?.(); }); }

  // The body of add-checkpoint -> [status, body].
  add(body) {
    const gap = body.indexOf('\n\n');
    if (gap < 0) return [400, 'no empty line\n'];
    const [first, ...lines] = body.slice(0, gap).split('\n'), note = body.slice(gap + 2);
    const m = /^old (0|[1-9][0-9]*)$/.exec(first);
    if (!m || lines.length > 63) return [400, 'no old size, or too many lines\n'];
    const old = Number(m[1]), origin = note.slice(0, note.indexOf('\n')), log = this.logs.get(origin);
    if (!log) return [404, 'not a log that is known here\n'];
    let c;
    try { c = openCheckpoint(note, origin, log.vkey); } catch (e) { if (e instanceof Refused) return [403, `${e.message}\n`]; throw e; }
    if (old > c.size) return [400, 'the old size is the larger one\n'];
    if (old !== log.size) return [409, `${log.size}\n`];
    if (old === c.size && !log.root.equals(c.root)) return [409, `${log.size}\n`];
    try {
      verifyConsistency(old, log.root, c.size, c.root, lines.map((l) => Buffer.from(l, 'base64')));
    } catch (e) { if (e instanceof Refused) return [422, `${e.message}\n`]; throw e; }
    log.size = c.size;
    log.root = c.root;
    return [200, this.line(parseNote(note).text)];
  }
  line(text, seconds = Math.floor(Date.now() / 1000)) {
    const at = Buffer.alloc(8);
    at.writeBigUInt64BE(BigInt(seconds));
    const signature = sign(null, Buffer.from(prefix(seconds) + text), this.secret);
    return `— ${this.name} ${Buffer.concat([this.id, at, signature]).toString('base64')}\n`;
  }
}
