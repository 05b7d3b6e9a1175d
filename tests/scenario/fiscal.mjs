#!/usr/bin/env node
// timeout: 240
// soak: N * 2,000 persons
// fiscal.mjs   tax codes of 5,000 generated persons, always the same, as three programs see them: ours, Debian's python3-stdnum and
// @marketto/codice-fiscale-utils. What the others are known to do wrong is counted under its name; anything else fails. Then the table
// of places against its source, the letters of names against Unicode's own decompositions, and the verb.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build, check, cli, contains, done, same, test, top } from './lib.mjs';

process.env.TZ = 'UTC'; // the connector counts its days in local time
const need = createRequire(path.join(top, 'tests/tools/package.json'));
const { Parser } = need('@marketto/codice-fiscale-utils');
const { belfioreConnector } = need('@marketto/belfiore-connector-embedded');
const marketto = new Parser(belfioreConnector);
const count = Number(process.env.N || 0) * 2000 || 5000;

// Mulberry32.
let state = 20261129;
function below(n) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
const pick = (list) => list[below(list.length)];

function through(program, args, lines) {
  const r = spawnSync(program, args, { input: lines.map((l) => `${l}\n`).join(''), encoding: 'utf8', maxBuffer: 1 << 28 });
  check(r.status === 0, `${path.basename(program)} ended with ${r.status ?? r.signal}: ${(r.stderr || String(r.error)).slice(0, 2000)}`);
  return r.stdout.split('\n').slice(0, -1);
}
const filter = (lines) => through(path.join(build, 'tests/unit/fiscal_filter'), [], lines);
const bare = (s) => s.replace(/[äöüÄÖÜ]/g, (c) => c.normalize('NFD')[0]);

// ---- persons: names of one to four words, now and then with what names can have in them

const places = filter(['places']).map((l) => l.split('\t')).map(([code, area, from, until, name]) => ({ code, area, from, until, name }));
const byCode = new Map(places.map((p) => [p.code, p]));
const begin = ['', '', 'b', 'c', 'd', 'f', 'g', 'gl', 'h', 'k', 'l', 'm', 'n', 'p', 'q', 'r', 's', 'sch', 't', 'tr', 'v', 'w', 'x', 'y', 'z'];
const middle = ['a', 'e', 'i', 'o', 'u', 'ia', 'uo', 'à', 'è', 'é', 'ì', 'ò', 'ù', 'ä', 'ö', 'ü', 'ç', 'ñ', 'š', 'ê'];
const end = ['', '', '', 'n', 'r', 'tti', 's', 'ss'];
function word() {
  let w = '';
  for (let i = 1 + below(3); i > 0; i--) w += pick(begin) + (below(5) ? pick(middle.slice(0, 7)) : pick(middle)) + pick(end);
  return w[0].toUpperCase() + w.slice(1);
}
function name() {
  if (below(400) === 0) return pick(['A', 'O', 'Y', 'K']);
  let n = word();
  for (let i = below(8) ? 0 : 1 + below(3); i > 0; i--) n += pick([' ', ' ', "'", '-']) + word();
  return n;
}
function person() {
  const day = new Date(Date.UTC(1920, 0, 1) + below(36525) * 864e5).toISOString().slice(0, 10);
  return { surname: name(), name: name(), sex: pick(['M', 'F']), day, place: pick(places).code, mask: below(128) };
}
const persons = Array.from({ length: count }, person);
const line = (p, change = (s) => s) => ['make', change(p.surname), change(p.name), p.sex, p.day, p.place, p.mask].join('\t');
const made = filter(persons.map((p) => line(p)));
const madeBare = filter(persons.map((p) => line(p, bare)));
persons.forEach((p, i) => { [p.result, p.code, p.variant, p.misfits] = made[i].split('\t'); p.bare = madeBare[i].split('\t')[1]; });

const defects = {};
const defect = (what) => { defects[what] = (defects[what] || 0) + 1; };
const report = (who) => {
  for (const [what, n] of Object.entries(defects)) console.log(`# ${who}: ${n} of ${count}: ${what}`);
  for (const what of Object.keys(defects)) delete defects[what];
};
// At most one line for each way of disagreeing.
function agree(list, judge) {
  const bad = new Map();
  let n = 0;
  for (const p of list) for (const why of judge(p)) { n++; if (!bad.has(why)) bad.set(why, JSON.stringify(p)); }
  check(n === 0, `${n} disagreements:\n${[...bad].slice(0, 20).map(([why, p]) => `${why}: ${p}`).join('\n')}`);
}

await test(`${count} persons get a code, their variants read back and fit them`, () => {
  agree(persons, (p) => (p.result === 'OK' && p.code.length === 16 && p.variant.length === 16 && p.misfits === '0' ? [] : [p.result]));
  const seen = new Set(persons.map((p) => p.mask));
  check(seen.size === 128, `only ${seen.size} of the 128 spellings`);
});

await test('stdnum agrees on every code and variant: check letter, date, sex', () => {
  const lines = through('/usr/bin/python3', ['-c', `
import sys
from stdnum.it import codicefiscale as c
for line in sys.stdin:
    code = line.strip()
    sex = '?'
    try:
        sex = c.get_gender(code)
    except ValueError:
        pass
    print(int(c.is_valid(code)), c.calc_check_digit(code[:15]), c.get_birth_date(code), sex)
`], persons.flatMap((p) => [p.code, p.variant]));
  agree(persons.map((p, i) => [p, lines[2 * i], lines[2 * i + 1]]), ([p, plain, spelt]) => {
    const why = [];
    if (plain !== `1 ${p.code[15]} ${p.day} ${p.sex}`) why.push('the code');
    let want = `1 ${p.variant[15]} ${p.day} ${p.sex}`;
    if (/\D/.test(p.variant.slice(9, 11))) {
      defect('get_gender cannot read a day of which a digit is a letter');
      want = want.slice(0, -1) + '?';
    }
    if (spelt !== want) why.push('the variant');
    return why;
  });
  report('stdnum');
});

await test('codice-fiscale-utils makes the same code, or none for a reason that is known', async () => {
  for (const p of persons) {
    const [y, m, d] = p.day.split('-').map(Number);
    p.theirs = await marketto.encodeCf({ lastName: p.surname, firstName: p.name, year: y, month: m - 1, day: d, gender: p.sex, place: p.place });
  }
  agree(persons, (p) => {
    if (p.theirs === p.code) return [];
    if (p.theirs === p.bare) return defect('Ä, Ö and Ü are taken as A, O and U, not as AE, OE and UE'), [];
    if (p.theirs !== null) return ['another code'];
    const { until } = byCode.get(p.place);
    if (until && until < p.day) return defect('no code where the place was not there any more'), [];
    if ([p.surname, p.name].some((n) => n.length < 2)) return defect('no code for a name of one letter'), [];
    if (p.surname.includes('-') || p.name.includes('-')) return defect('no code for a name with a hyphen'), [];
    if (p.surname.length > 32 || p.name.length > 32) return defect('no code for a name of more than 32 characters'), [];
    return ['no code'];
  });
  report('codice-fiscale-utils');
});

await test('codice-fiscale-utils writes the same variant, undoes it and reads the same date, sex and place code', async () => {
  agree(persons, (p) => {
    const why = [];
    const [y, m, d] = p.day.split('-').map(Number);
    if (marketto.cfOmocode(p.code, p.mask) !== p.variant) why.push('the variant');
    if (marketto.cfDeomocode(p.variant) !== p.code) why.push('the variant undone');
    if (marketto.cfOmocodeId(p.variant) !== p.mask) why.push('which digits are letters');
    if (marketto.cfToGender(p.variant) !== p.sex) why.push('the sex');
    if (marketto.cfToBirthDay(p.variant) !== d || marketto.cfToBirthMonth(p.variant) !== m - 1) why.push('day and month');
    if (marketto.cfToBirthYear(p.variant) % 100 !== y % 100) why.push('the year');
    return why;
  });
});

await test('what one character makes of a code is judged as stdnum judges it', () => {
  const texts = persons.slice(0, 5000).map((p) => {
    const at = below(16);
    return p.variant.slice(0, at) + pick('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'.split('')) + p.variant.slice(at + 1);
  });
  const ours = filter(texts.map((t) => `read\t${t}`)).map((l) => l.split('\t')[0]);
  const theirs = through('/usr/bin/python3', ['-c', 'import sys\nfrom stdnum.it import codicefiscale as c\nfor l in sys.stdin: print(int(c.is_valid(l)))'], texts);
  let good = 0;
  agree(texts.map((t, i) => ({ t, ours: ours[i], theirs: theirs[i] })), (x) => {
    good += x.ours === 'OK';
    // stdnum takes a year of two digits for one from 1920 to 2019, of which each has its 29 February or not, as here.
    return (x.ours === 'OK') === (x.theirs === '1') ? [] : [x.ours];
  });
  check(good > texts.length / 100 && good < texts.length / 10, `${good} of ${texts.length} are codes`);
});

// ---- places and letters

await test('every place is in the table as its source has it, but for names that were encoded twice', async () => {
  const source = await belfioreConnector.toArray();
  same(places.length, source.length, 'places');
  const mended = [];
  for (const s of source) {
    const p = byCode.get(s.belfioreCode);
    check(p, `${s.belfioreCode} is missing`);
    const day = (d) => d.toISOString().slice(0, 10);
    const from = day(s.creationDate), until = day(s.expirationDate);
    const area = (s.province ?? s.iso3166).trim();
    same([p.from || '1861-01-01', p.until || '9999', p.area], [from, until > '2200' ? '9999' : until, area === 'UK' ? 'GB' : area], s.name);
    if (p.name !== s.name) mended.push(p.name);
  }
  same(mended.sort(), ['Châtillon', 'Città della Pieve', 'Contà', 'Magrè sulla strada del vino', 'Mollières', 'Monte Di Mezzodì', 'Riccò del Golfo di Spezia',
    'Roverè della Luna', 'Santa Maria la Carità', 'Stato della Città del Vaticano'], 'names that are not as they were');
});

await test('every letter that Unicode takes apart into one of A to Z and marks is that letter', () => {
  const points = [];
  for (let c = 0x80; c < 0x2000; c++) {
    const parts = String.fromCodePoint(c).normalize('NFD');
    const upper = parts[0].toUpperCase();
    if (parts.length > 1 && /^[A-Z]$/.test(upper) && /^\p{Mn}+$/u.test(parts.slice(1))) points.push([c, upper]);
  }
  check(points.length > 400, `only ${points.length}`);
  const got = filter(points.map(([c]) => `letters\t${String.fromCodePoint(c)}`));
  const wrong = points.filter(([, l], i) => got[i] !== l).map(([c]) => `U+${c.toString(16)}`);
  same(wrong, [], 'folded otherwise');
});

// ---- the verb

await test('the verb says what a code says', () => {
  const r = cli(['study', 'fiscal-code', '-'], { input: 'mll snt 82p65 z404u\n' });
  same([r.code, r.stderr], [0, ''], 'end');
  for (const part of ['well formed', 'Sex: female', '1982-09-25', "Stati Uniti d'America (US)"]) contains(r.stdout, part);
  check(!/MLLSNT/i.test(r.stdout), 'the code is repeated');
});
await test('the verb says what is wrong, in a sentence that does not repeat it, and ends with 1', () => {
  const r = cli(['study', 'fiscal-code', '-'], { input: 'RSSMRA8OA01H501U\n' });
  same([r.code, r.stderr], [1, ''], 'end');
  contains(r.stdout, 'a letter O or I stands where a digit belongs');
  contains(r.stdout, 'character 8');
  check(!/RSSMRA|8OA/.test(r.stdout), 'the code is repeated');
});
await test('the verb reads codes a line each, and writes a line of JSON each', () => {
  const r = cli(['study', 'fiscal-code', '-', '--json'], { input: 'RSSMRA80A01H501U\r\n\nRSSMRA80A01H50MM\nRSSMRA80A01M376P\nSTP1234567890123\n12345678904\n\n' });
  same(r.code, 1, 'exit');
  const got = r.stdout.split('\n').slice(0, -1).map((l) => JSON.parse(l));
  same(got.map((g) => [g.valid, g.result, g.kind, g.letters_for_digits, g.warning]), [[true, 'OK', 'person', 0, null], [true, 'OK', 'person', 1, null],
    [true, 'OK', 'person', 0, 'PLACE_NOT_THEN'], [true, 'OK', 'STP', undefined, undefined], [false, 'CHECK_DIGIT', undefined, undefined, undefined]], 'verdicts');
  same(got[0].place, { code: 'H501', name: 'Roma', province: 'RM' }, 'place');
});
await test('of several codes each verdict says of which line it is', () => {
  const r = cli(['study', 'fiscal-code', '-'], { input: 'RSSMRA80A01H501U\n\nRSSMRA80A01H501V\n' });
  same([r.code, r.stdout.match(/^Line \d+\. It is [a-z]+/gm)], [1, ['Line 1. It is the', 'Line 3. It is no']], 'verdicts');
});
await test('the verb takes one code as a word, and nothing as no code', () => {
  same(cli(['study', 'fiscal-code', 'RSSMRA80A01H501U']).code, 0, 'a word');
  for (const input of ['', '\n', '\n\n']) {
    const r = cli(['study', 'fiscal-code', '-'], { input });
    same([r.code, r.stdout], [1, 'It is no tax code: there is no code.\n'], JSON.stringify(input));
  }
  same(cli(['study', 'fiscal-code']).code, 2, 'no operand');
  same(cli(['study', 'fiscal-code', 'A', 'B']).code, 2, 'two operands');
});
await test('the verb reads no more than it says', () => {
  const r = cli(['study', 'fiscal-code', '-'], { input: 'A'.repeat((16 << 20) + 1) });
  same([r.code, r.stdout], [1, ''], 'end');
  contains(r.stderr, 'larger than 16777216 bytes');
  contains(cli(['study', 'fiscal-code', '-'], { input: 'A'.repeat(16 << 20) }).stdout, '16 characters');
});
done();
