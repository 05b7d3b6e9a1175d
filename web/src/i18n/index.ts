// i18n -- sentences in English and Italian. A key that one of them lacks does not compile.
//
// "{name}" stands for a variable. A sentence that counts has two forms, "one|other": `n` decides.
import { prefs } from '../app/prefs';
import { en } from './en';
import { it } from './it';

export type Lang = 'en' | 'it';
export type Key = keyof typeof en;
const catalogue: Record<Lang, Record<Key, string>> = { en, it };

export function t(key: Key, vars: Record<string, string | number> = {}): string {
  const forms = catalogue[prefs.lang][key].split('|');
  const text = forms.length > 1 && new Intl.PluralRules(prefs.lang).select(Number(vars.n)) !== 'one' ? forms[1]! : forms[0]!;
  return text.replace(/\{(\w+)\}/g, (_, name: string) => (typeof vars[name] === 'number' ? number(vars[name]) : String(vars[name] ?? '')));
}
/** A key made of parts, such as `status.${x}`; what the catalogue does not know is shown as it came. */
export function word(prefix: string, name: string): string {
  const key = `${prefix}.${name}`;
  return key in en ? t(key as Key) : name;
}

/** What the server wrote by itself, in English, in the reader's words. */
export const own = (key: Key, text: string): string => (text === en[key] ? t(key) : text);

const locale = (): string => (prefs.lang === 'it' ? 'it-IT' : 'en-GB');
export const number = (n: number): string => new Intl.NumberFormat(locale(), { maximumFractionDigits: 6 }).format(n);
const parse = (s: string): Date => new Date(s.length === 10 ? `${s}T00:00:00` : s);
export const day = (s: string | undefined | null): string => (s ? new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', year: 'numeric' }).format(parse(s)) : '');
export const moment = (s: string | undefined | null): string =>
  (s ? new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' }).format(parse(s)) : '');
/** As a field for a date has it, of the calendar on the wall here. */
export const today = (): string => new Intl.DateTimeFormat('sv').format(new Date());
/** What a role is told to the day only comes as midnight. */
export const when = (s: string | undefined | null): string => (s && /T00:00:00(\.0+)?Z$/.test(s) ? day(s.slice(0, 10)) : moment(s));
/** What passed, counted in the largest unit: "yesterday" and "last year" would be of the calendar, and 47 hours ago is neither. */
export function ago(seconds: number): string {
  for (const [unit, size] of [['year', 31557600], ['month', 2629800], ['day', 86400], ['hour', 3600], ['minute', 60]] as const)
    if (seconds >= size) return new Intl.RelativeTimeFormat(locale()).format(-Math.floor(seconds / size), unit);
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(0, 'minute');
}
/** The same of who is told days only: the seconds are counted from a midnight. */
export const daysAgo = (seconds: number): string =>
  (seconds < 2629800 ? new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(-Math.floor(seconds / 86400), 'day') : ago(seconds));
export const since = (s: string): string => ago(Math.max(0, (Date.now() - parse(s).getTime()) / 1000));
/** "P90D", "PT35H50M": how long, in words. */
export function span(iso: string): string {
  const m = /^-?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(iso);
  const unit = ['year', 'month', 'week', 'day', 'hour', 'minute', 'second'];
  const parts = (m ?? []).slice(1).flatMap((n, i) => (Number(n) > 0 ? [new Intl.NumberFormat(locale(), { style: 'unit', unit: unit[i]!, unitDisplay: 'long', maximumFractionDigits: 1 }).format(Number(n))] : []));
  return m ? parts.join(' ') || new Intl.NumberFormat(locale(), { style: 'unit', unit: 'second', unitDisplay: 'long' }).format(0) : iso;
}
export function lasted(from: string, to: string, unitDisplay: 'short' | 'narrow' = 'short'): string {
  const s = Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000), [n, unit] = s < 1 ? [s * 1000, 'millisecond'] : s < 120 ? [s, 'second'] : s < 7200 ? [s / 60, 'minute'] : [s / 3600, 'hour'];
  return new Intl.NumberFormat(locale(), { style: 'unit', unit: unit as string, unitDisplay, maximumFractionDigits: n < 10 ? 2 : 0 }).format(n as number);
}
export const seconds = (s: number): string => lasted('1970-01-01T00:00:00Z', new Date(s * 1000).toISOString(), 'narrow');
/** An instant on an axis whose marks are that many seconds apart. */
export const instant = (s: number, apart: number): string =>
  new Intl.DateTimeFormat(locale(), apart >= 86400 ? { day: 'numeric', month: 'short', ...(apart >= 86400 * 180 ? { year: 'numeric' } : {}) } : { hour: '2-digit', minute: '2-digit', ...(apart < 60 ? { second: '2-digit' } : {}) }).format(s * 1000);
export function size(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  let i = 0, n = bytes;
  while (n >= 1000 && i < 3) { n /= 1000; i++; }
  return new Intl.NumberFormat(locale(), { style: 'unit', unit: units[i]!, unitDisplay: i ? 'short' : 'long', maximumFractionDigits: n < 10 && i ? 1 : 0 }).format(n);
}
/** Numbers that a role knows people, homes and tickets by are long: in groups they can be read out. */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{4})+$)/g, '\u2009');
