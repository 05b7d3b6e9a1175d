// mask.mjs -- the prototype's mask of numbers, and what breaks it. Not a scenario itself, so not executable.
//
// It raised a number to a secret power modulo a prime that was published. That prime less one has only small factors, so the power follows from one number and
// its mask within a second (Pohlig and Hellman 1978): whoever knows one home under both knows all of them under both.
const FACTORS = [2n, 3n, 5n, 3361n, 49265045113n];
const P = FACTORS.reduce((a, b) => a * b) + 1n;

function power(base, e) {
  let r = 1n;
  for (let b = base % P; e; e >>= 1n, b = b * b % P) if (e & 1n) r = r * b % P;
  return r;
}
const inverse = (a, q, r = 1n) => { for (let e = q - 2n, b = a; e; e >>= 1n, b = b * b % q) if (e & 1n) r = r * b % q; return r; }; /* q is prime */
export const mask = (n, secret) => Number(power(BigInt(n), secret));

// x with g^x = h, if g is of the order q; undefined: there is none. Baby steps, giant steps.
function exponent(g, h, q) {
  if (g === 1n) return h === 1n ? 0n : undefined;
  const m = BigInt(Math.ceil(Math.sqrt(Number(q)))), steps = new Map();
  for (let i = 0n, v = 1n; i < m; i++, v = v * g % P) steps.set(v, i);
  const back = power(g, q - m % q);
  for (let i = 0n, v = h; i <= m; i++, v = v * back % P) if (steps.has(v)) return (i * m + steps.get(v)) % q;
  return undefined;
}

// The power that makes `to` of `from`, as far as it matters; undefined: no power does.
export function secretOf(from, to) {
  let x = 0n, m = 1n;
  for (const q of FACTORS) {
    const e = exponent(power(BigInt(from), (P - 1n) / q), power(BigInt(to), (P - 1n) / q), q);
    if (e === undefined) return undefined;
    x += m * (((e - x) % q + q) * inverse(m % q, q) % q); /* Chinese remainders */
    m *= q;
  }
  return x;
}

// Is `to` what the power makes of `from`? But for the small factors, of which one pair may say nothing.
export function fits(from, to, secret) {
  const small = FACTORS.slice(0, -1).reduce((a, b) => a * b);
  return power(power(BigInt(from), secret), small) === power(BigInt(to), small);
}
