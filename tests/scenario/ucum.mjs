#!/usr/bin/env node
// timeout: 240
// soak: N * 2,000 made-up units
// ucum.mjs   conversions as three programs see them: ours, exact fractions worked out here in a second way from the strings that define
// the units, and @lhncbc/ucum-lhc, in doubles. Ours and the fractions must be equal; the doubles near, but where they are known to be
// wrong. Then what the verb prints.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build, check, cli, cliJson, contains, done, same, test, top } from './lib.mjs';

const need = createRequire(path.join(top, 'data/ucum/package.json'));
const lhc = need('@lhncbc/ucum-lhc').UcumLhcUtils.getInstance();
const soak = Number(process.env.N || 0);

// Mulberry32.
let state = 20261130;
function below(n) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
const pick = (list) => list[below(list.length)];

// ---- fractions

const gcd = (a, b) => { while (b) [a, b] = [b, a % b]; return a; };
function frac(n, d) {
  if (d < 0n) [n, d] = [-n, -d];
  const g = gcd(n < 0n ? -n : n, d) || 1n;
  return { n: n / g, d: d / g };
}
const mul = (x, y) => frac(x.n * y.n, x.d * y.d);
const div = (x, y) => frac(x.n * y.d, x.d * y.n);
const pow = (x, e) => (e < 0 ? frac(x.d ** BigInt(-e), x.n ** BigInt(-e)) : frac(x.n ** BigInt(e), x.d ** BigInt(e)));
const equal = (x, y) => x.n === y.n && x.d === y.d;
function read(text) {
  if (text.includes('/')) {
    const [n, d] = text.split('/');
    return frac(BigInt(n), BigInt(d));
  }
  const [, sign, whole, part = '', exp = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  const ten = Number(exp) - part.length;
  const n = BigInt(whole + part) * (sign ? -1n : 1n);
  return ten < 0 ? frac(n, 10n ** BigInt(-ten)) : frac(n * 10n ** BigInt(ten), 1n);
}

// ---- UCUM in a second way: a regular expression a symbol, memo by code

const file = JSON.parse(fs.readFileSync(path.join(top, 'data/ucum/node_modules/@lhncbc/ucum-lhc/data/ucumDefs.min.json')));
const rows = (list) => {
  const names = list.config.map((c) => (Array.isArray(c) ? c[0] : c));
  return list.data.map((r) => Object.fromEntries(names.map((n, i) => [n, r[i]])));
};
const all = rows(file.units);
const atoms = new Map(all.filter((r) => r.source_ === 'UCUM').map((r) => [r.csCode_, r]));
const prefixes = rows(file.prefixes);
// What the package's strings lack, from UCUM's table.
const whole = { '[diop]': '/m', '[mesh_i]': '/[in_i]', Bd: '/s', '[mu_0]': '4.[pi].10*-7.N/A2', Oe: '/[pi].A/m', '[S]': '10*-13.s' };
const memo = new Map();

const scale = (u, p) => (p ? { ...u, f: mul(u.f, p.exp_ === null ? frac(BigInt(p.value_), 1n) : pow(frac(10n, 1n), Number(p.exp_))) } : u);
function atom(code) {
  if (memo.has(code)) return memo.get(code);
  const r = atoms.get(code);
  if (!r) return null;
  if (r.isSpecial_) throw new Error(`${code} is special`);
  let u = { f: frac(1n, 1n), dim: { [code]: 1 } };
  if (r.csUnitString_ && !r.isArbitrary_) {
    u = measure(whole[code] ?? r.csUnitString_);
    u = { f: mul(u.f, read(String(r.baseFactorStr_))), dim: u.dim };
  } else if (r.isArbitrary_ && r.csUnitString_ !== '1') {
    u = measure(r.csUnitString_);
  }
  memo.set(code, u);
  return u;
}
function symbol(s) {
  const u = atom(s);
  if (u) return u;
  for (const p of prefixes) {
    const rest = s.slice(p.code_.length);
    if (s.startsWith(p.code_) && atoms.has(rest) && (atoms.get(rest).isMetric_ || atoms.get(rest).isBase_)) return scale(atom(rest), p);
  }
  throw new Error(`what is ${s}?`);
}
function combine(x, y, e) {
  const dim = { ...x.dim };
  for (const [k, v] of Object.entries(y.dim)) {
    dim[k] = (dim[k] ?? 0) + v * e;
    if (!dim[k]) delete dim[k];
  }
  return { f: mul(x.f, pow(y.f, e)), dim };
}
function measure(code) {
  let rest = code;
  function term() {
    let u = { f: frac(1n, 1n), dim: {} };
    let sign = 1;
    for (;;) {
      let m;
      if ((m = /^[./]/.exec(rest))) {
        sign = m[0] === '/' ? -1 : 1;
      } else if ((m = /^\(/.exec(rest))) {
        rest = rest.slice(1);
        u = combine(u, term(), sign);
        continue;
      } else if ((m = /^\)/.exec(rest)) || rest === '') {
        rest = rest.slice(1);
        return u;
      } else if ((m = /^\{[^}]*\}/.exec(rest))) {
        // one
      } else if ((m = /^(10[*^]|(?:\[[^\]]*\]|[^0-9./(){}+\-[\]])+)([+-]?\d+)?/.exec(rest))) {
        u = combine(u, symbol(m[1]), sign * Number(m[2] ?? 1));
      } else if ((m = /^\d+/.exec(rest))) {
        u = combine(u, { f: frac(BigInt(m[0]), 1n), dim: {} }, sign);
      } else {
        throw new Error(`where is ${rest}?`);
      }
      rest = rest.slice(m[0].length);
    }
  }
  return term();
}
const key = (u) => Object.entries(u.dim).map(([k, v]) => `${k}${v}`).sort().join(' ');

function through(lines) {
  const r = spawnSync(path.join(build, 'tests/unit/ucum_filter'), [], { input: lines.map((l) => `${l}\n`).join(''), encoding: 'utf8', maxBuffer: 1 << 29 });
  check(r.status === 0, `ucum_filter ended with ${r.status ?? r.signal}: ${(r.stderr || String(r.error)).slice(0, 2000)}`);
  return r.stdout.split('\n').slice(0, -1);
}

// ---- every unit of the package, by dimension

const units = [];
for (const r of all) {
  if (r.isSpecial_ || r.source_ === '') continue;
  units.push(r.csCode_.trim()); // two end with a space in the package
}
const judged = through(units);
const groups = new Map();
await test('every unit that the package lists is one here, too', () => {
  same(judged.length, units.length, 'answers');
  const strange = units.filter((u, i) => judged[i] !== 'valid');
  same(strange, [], 'units that are refused');
  for (const u of units) {
    const m = measure(u);
    groups.set(key(m), [...(groups.get(key(m)) ?? []), { code: u, f: m.f }]);
  }
  check(groups.size > 100, `${groups.size} dimensions`);
});

const pairs = [];
for (const list of groups.values()) for (const a of list) for (const b of list) pairs.push([a, b]);

await test('every pair of equal dimension converts to the same fraction', () => {
  check(pairs.length > 20000, `${pairs.length} pairs`);
  const value = pairs.map(() => pick(['1', '1', '6.3', '0.001', '-17', '98.60', '1e-9', '123456789.123456789']));
  const got = through(pairs.map(([a, b], i) => `${value[i]}\t${a.code}\t${b.code}`));
  pairs.forEach(([a, b], i) => {
    check(/^-?\d/.test(got[i]), `${value[i]} ${a.code} in ${b.code}: ${got[i]}`);
    const want = div(mul(read(value[i]), a.f), b.f);
    check(equal(read(got[i]), want), `${value[i]} ${a.code} is ${want.n}/${want.d} ${b.code}, not ${got[i]}`);
  });
});

await test('there and back is where it began, and by way of a third the same', () => {
  const few = pairs.map(([a, b]) => [a.code, b.code, pick(groups.get(key(measure(a.code)))).code]);
  const got = through(few.flatMap(([a, b, c]) => [`1\t${a}\t${b}`, `1\t${b}\t${a}`, `1\t${b}\t${c}`, `1\t${a}\t${c}`])).map(read);
  few.forEach(([a, b, c], i) => {
    const [ab, ba, bc, ac] = got.slice(4 * i, 4 * i + 4);
    check(equal(mul(ab, ba), frac(1n, 1n)), `${a} to ${b} and back`);
    check(equal(mul(ab, bc), ac), `${a} to ${b} to ${c}`);
  });
});

await test('no pair of different dimension converts', () => {
  const list = [...groups.values()];
  const lines = Array.from({ length: 3000 }, () => {
    const a = below(list.length);
    const b = (a + 1 + below(list.length - 1)) % list.length;
    return `1\t${pick(list[a]).code}\t${pick(list[b]).code}`;
  });
  through(lines).forEach((answer, i) => same(answer, '-', lines[i]));
});

// ---- made-up units

const simple = [...atoms.values()].filter((r) => !r.isSpecial_);
function makeUp(depth) {
  const r = pick(simple);
  const metric = r.isMetric_ || r.isBase_;
  let s = (metric && below(2) ? pick(prefixes).code_ : '') + r.csCode_ + (below(4) ? '' : pick(['2', '3', '-1', '+2', '-2']));
  if (!below(6)) s += '{made up}'.replace(' ', '_');
  if (depth && !below(4)) s = `(${s}${pick(['.', '/'])}${makeUp(depth - 1)})`;
  return depth && below(2) ? `${s}${pick(['.', '/'])}${below(5) ? '' : `${1 + below(30)}.`}${makeUp(depth - 1)}` : s;
}

await test('made-up units are what they are made of', () => {
  const list = Array.from({ length: soak * 2000 || 3000 }, () => (below(8) ? '' : '/') + makeUp(3)).filter((s) => s.length < 250);
  const base = list.map((s) => {
    const m = measure(s);
    return { m, code: Object.entries(m.dim).map(([k, v]) => `${k}${v === 1 ? '' : v}`).join('.') || '1' };
  });
  const got = through(list.map((s, i) => `1\t${s}\t${base[i].code}`));
  let refused = 0;
  list.forEach((s, i) => {
    if (got[i] === '-') refused++;
    else check(equal(read(got[i]), base[i].m.f), `${s} is ${base[i].m.f.n}/${base[i].m.f.d} ${base[i].code}, not ${got[i]}`);
  });
  check(refused < list.length / 50, `${refused} of ${list.length} are past the limits`);
});

// ---- the package's own arithmetic

await test('the doubles of @lhncbc/ucum-lhc are near, but for what they are known to do wrong', () => {
  const wrong = ['[mesh_i]', '[LPF]', '[diop]', 'Bd']; // computed from cut definitions
  const few = Array.from({ length: 2000 }, () => pick(pairs));
  const got = through(few.map(([a, b]) => `6.3\t${a.code}\t${b.code}`));
  let near = 0;
  few.forEach(([a, b], i) => {
    const r = lhc.convertUnitTo(a.code, 6.3, b.code);
    if (r.status !== 'succeeded' || wrong.some((w) => a.code.includes(w) || b.code.includes(w))) return;
    const x = read(got[i]);
    const exact = Number((x.n * 10n ** 40n) / x.d) / 1e40;
    if (exact && Number.isFinite(exact) && Math.abs(exact) > 1e-20) {
      near++;
      check(Math.abs(r.toVal / exact - 1) < 1e-9, `6.3 ${a.code} is ${got[i]} ${b.code}; in doubles ${r.toVal}`);
    }
  });
  check(near > 1000, `${near} could be compared`);
});

// ---- the verb

const prints = (args, line) => {
  const r = cli(['ucum', ...args]);
  check(r.code === 0 && r.stderr === '', `ucum ${args.join(' ')}: ${r.code}, ${r.stderr}`);
  same(r.stdout.split('\n')[0], line, `ucum ${args.join(' ')}`);
};
const refuses = (args, sentence) => {
  const r = cli(['ucum', ...args]);
  check(r.code === 2 && r.stdout === '', `ucum ${args.join(' ')}: ended with ${r.code}, ${r.stdout}`);
  same(r.stderr, `lazaret: ${sentence}\n`, `ucum ${args.join(' ')}`);
};

await test('the verb prints the number first, exactly', () => {
  prints(['100.4', '[degF]', 'Cel'], '38 Cel');
  prints(['-40', 'Cel', '[degF]'], '-40 [degF]');
  prints(['4000', '/uL', '10*9/L'], '4 10*9/L');
  prints(['1', '[degF]', 'K'], '46067/180 K (about 255.92777777777778)');
  prints(['1', 'min', 'h', '--digits', '6'], '0.0166667 h (rounded)');
  prints(['90', 'mg/dL', 'mmol/L', '--molar-mass', '180'], '5 mmol/L');
  prints(['2', 'mmol/L', 'meq/L', '--charge=2'], '4 meq/L');
  prints(['7', '[pH]', 'mol/L'], '0.0000001 mol/L (about: computed in floating point, by a function that has no exact value)');
  prints(['mg/dL'], 'mg/dL: milligram per deciliter');
  contains(cli(['ucum', '5', 'meq/L', 'mmol/L']).stdout, 'By UCUM\'s definition', 'meq/L to mmol/L');
  contains(cli(['ucum', 'K/uL']).stdout, 'Often written where 10*3/uL is meant.', 'K/uL');
  contains(cli(['ucum', '[degF]']).stdout, '0 [degF] = 45967/180 K (about 255.37222222222222)', '[degF]');
  contains(cli(['ucum', '[IU]']).stdout, 'a multiple of no other unit', '[IU]');
});

await test('--json has the same, as strings', () => {
  same(cliJson(['ucum', '--json', '100.4', '[degF]', 'Cel']), { value: '100.4', from: '[degF]', result: '38', to: 'Cel', exact: true, decimal: '38' });
  same(cliJson(['ucum', '--json', '1', 'min', 'h']), { value: '1', from: 'min', result: '1/60', to: 'h', exact: true, decimal: '0.016666666666666667' });
  same(cliJson(['ucum', '--json', '10', 'dB', '1']), { value: '10', from: 'dB', result: '10', to: '1', exact: false, decimal: '10' });
  same(cliJson(['ucum', '--json', 'K/uL']), { code: 'K/uL', name: 'kelvin per microliter', dimension: 'temperature / length^3', base: 'K/m3',
    special: false, arbitrary: false, exact: true, one: '1000000000', often_meant: '10*3/uL' });
});

await test('what cannot be converted ends with 2 and the reason in a sentence', () => {
  refuses(['11', 'K/uL', '10*9/L'], "'K/uL' is kelvin per microliter, which does not become '10*9/L'; '10*3/uL' is probably meant");
  refuses(['37', 'C', 'Cel'], "'C' is coulomb, which does not become 'Cel'; 'Cel' is probably meant");
  refuses(['1', 'mg/dL', 'mmol/L'],
    "'mg/dL' does not become 'mmol/L': a mass becomes an amount by the molar mass of what is measured, which is not given");
  refuses(['1', 'MG/DL', 'g/L'], "'DL' is no unit of UCUM (byte 4 of the unit); 'mg/dL' is probably meant");
  refuses(['1', '[IU]', '[CFU]'], "'[IU]' does not become '[CFU]': an arbitrary unit is a multiple of no other");
  refuses(['1', 'm', 's'], "'m' does not become 's': they are not of one dimension");
  refuses(['1', 'm/', 's'], "found the end, expected a unit after '/' (byte 3 of the unit)");
  refuses(['mmHg'], "'mmHg' is no unit of UCUM (byte 1 of the unit); 'mm[Hg]' is probably meant");
  refuses(['/Cel'], "'Cel' is a special unit, a scale with a function of its own; it cannot be divided by another unit (byte 2 of the unit)");
  refuses(['one', 'm', 'm'], "found 'one', expected a decimal number of at most 64 digits");
  refuses(['0', '1', 'B'], 'the value has no finite counterpart there, or one past all limits');
  refuses(['1', 'm'], "found two words, expected a unit, or a value and two units: lazaret ucum 100.4 '[degF]' Cel");
  refuses(['1', 'g', 'mol', '--molar-mass=0'], "'0' is no molar mass, a decimal number of g/mol above zero");
  refuses(['1', 'mol', 'eq', '--charge=x'], "--charge: found 'x', expected a whole number of 1 to 99");
  refuses(['1', 'min', 'h', '--digits=65'], "--digits: found '65', expected a whole number of 1 to 64");
});

done();
