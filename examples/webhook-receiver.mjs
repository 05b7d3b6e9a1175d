#!/usr/bin/env node
// webhook-receiver.mjs PORT -- takes Lazaret's webhooks and verifies them; Node 18 or later, no packages.
//
// The secret printed by `lazaret client add` comes in WEBHOOK_SECRET, so that it is not in the list of processes.
// Both signatures are checked: Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature) and the one older
// receivers know (X-CliniSandbox-Signature). Prints one line an event; answers 401 to what does not verify.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secret = process.env.WEBHOOK_SECRET ?? '';
const port = Number(process.argv[2]);
if (!secret.startsWith('whsec_') || !Number.isInteger(port)) {
  console.error('usage: WEBHOOK_SECRET=whsec_... webhook-receiver.mjs PORT');
  process.exit(2);
}
const OLDEST_S = 300;
const BODY_MAX = 4 << 20;

const same = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

function standard(headers, body) {
  const id = headers['webhook-id'] ?? '', time = headers['webhook-timestamp'] ?? '';
  if (Math.abs(Date.now() / 1000 - Number(time)) > OLDEST_S) return false;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest('base64');
  return (headers['webhook-signature'] ?? '').split(' ').some((s) => same(s, `v1,${mac}`));
}

function legacy(headers, body) {
  return same(headers['x-clinisandbox-signature'] ?? '', createHmac('sha256', secret).update(body).digest('hex'));
}

createServer((request, response) => {
  const parts = [];
  let size = 0;
  request.on('data', (part) => {
    size += part.length;
    if (size > BODY_MAX) request.destroy();
    else parts.push(part);
  });
  request.on('end', () => {
    const body = Buffer.concat(parts);
    const verified = standard(request.headers, body) && legacy(request.headers, body);
    response.writeHead(verified ? 204 : 401).end();
    const event = verified ? JSON.parse(body) : {};
    console.log(JSON.stringify({ verified, id: request.headers['webhook-id'], ...event }));
  });
}).listen(port, '127.0.0.1', () => console.log(JSON.stringify({ listening: port })));
