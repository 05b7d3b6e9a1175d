// The shock index: one JSON line in, one JSON line out, until the input ends. An example, not for clinical use.
import { createInterface } from 'node:readline';

function answer({ hr, sbp }) {
  if (!hr || !sbp) return { error: { code: 'UNSUITABLE', message: 'an input is missing' } };
  const index = hr.v / sbp.v;
  return { output: { index: Number(index.toFixed(6)), raised: index > 0.9 } };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, inputs } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify({ id, progress: 0.5 })}\n`); // how far it is; for work that takes seconds
  process.stdout.write(`${JSON.stringify({ id, ...answer(inputs) })}\n`);
}
