// api.ts -- asking our own API: typed by its description, with the session's cookie, which no script sees.
//
// What goes wrong is a Refused, which knows the problem's type, what is wrong with which field, and what to do. Where the session has
// ended, or the server wants a proof of who asks, the person is asked (gate) and the call is made again: no form is lost.
import type { Operations } from '#api';
import { t, word } from '../i18n';

export type Op = keyof Operations;
type Given<T> = T extends Record<string, never> ? { [k: string]: never } : T;
type Part<O extends Op, K extends 'path' | 'query' | 'body'> = Operations[O][K];
export type Options<O extends Op> = (keyof Part<O, 'path'> extends never ? { path?: undefined } : { path: Given<Part<O, 'path'>> }) &
  (Part<O, 'body'> extends undefined ? { body?: undefined } : { body: Part<O, 'body'> }) &
  { query?: Partial<Part<O, 'query'>>; etag?: string; glass?: string; headers?: Record<string, string>; signal?: AbortSignal };
export interface Answer<T> { data: T; etag: string | undefined; total: number | undefined; next: number | undefined; audit: string | undefined }

interface Wrong { type?: string; title?: string; detail?: unknown; status?: number; request_id?: string; rule?: string; errors?: { loc: (string | number)[]; msg: string; type: string; rule?: string }[]; issues?: Issue[] }
interface Issue { text: string; expression?: string[] }
/** The rule that was broken in the words of the page; undefined: it has none, and the server's own are all there is. */
const ruled = (rule: string | undefined): string | undefined => (rule && word('rule', rule) !== rule ? word('rule', rule) : undefined);

export class Refused extends Error {
  readonly kind: string;
  readonly fields = new Map<string, string>();
  /** What more there is to say, and in whose words: English ones where it is the server's. */
  readonly said: string;
  readonly translated: boolean;
  readonly issues: Issue[];
  constructor(readonly status: number, wrong: Wrong, readonly retryAfter = 0) {
    const kind = wrong.type?.split(':').pop() ?? '';
    const own = ruled(wrong.rule), said = own ?? (typeof wrong.detail === 'string' ? wrong.detail : wrong.title ?? '');
    const known = word('error', kind) !== kind && kind !== 'rate'; /* a full queue is no haste of whoever asks */
    super(status === 0 ? t('error.offline') : known ? word('error', kind) : retryAfter ? t('error.rate', { n: retryAfter }) : said || t('error.other', { status }));
    this.kind = kind;
    this.said = typeof wrong.detail === 'string' || own || word('error', kind) === kind ? said : '';
    this.translated = !!own;
    this.issues = wrong.issues ?? [];
    for (const x of wrong.errors ?? []) {
      const field = x.loc.slice(1).join('.');
      const text = x.type === 'missing' ? t('form.required') : ruled(x.rule) ?? x.msg.replace(/^Value error, /, '');
      if (!this.fields.has(field)) this.fields.set(field, text.charAt(0).toUpperCase() + text.slice(1));
    }
    this.requestId = wrong.request_id ?? '';
  }
  readonly requestId: string;
}

/** Asks the person; resolves to whether the call may be made again. */
export const gate: { signIn?: () => Promise<boolean>; stepUp?: () => Promise<boolean>; seen?: () => void } = {};

export function address<O extends Op>(op: O, path: Record<string, string | number> = {}, query: Record<string, unknown> = {}): string {
  const at = op.slice(op.indexOf(' ') + 1).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name])));
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(query)) if (v !== undefined && v !== '') q.set(k, String(v));
  return q.size ? `${at}?${q}` : at;
}

export async function ask<O extends Op>(op: O, o: Options<O>): Promise<Answer<Operations[O]['answer']>> {
  const headers: Record<string, string> = { Accept: 'application/problem+json, application/json', 'X-Lazaret': '1', ...o.headers };
  if (o.body !== undefined) headers['Content-Type'] = 'application/json';
  if (o.etag) headers['If-Match'] = o.etag;
  if (o.glass) headers['Lazaret-Break-Glass'] = o.glass;
  let r: Response, text: string;
  try {
    r = await fetch(address(op, o.path as Record<string, string>, o.query), { method: op.slice(0, op.indexOf(' ')), headers, cache: 'no-store', redirect: 'error',
      ...(o.body === undefined ? {} : { body: JSON.stringify(o.body) }), ...(o.signal ? { signal: o.signal } : {}) });
    text = await r.text();
  } catch (e) {
    if (o.signal?.aborted) throw e;
    throw new Refused(0, {});
  }
  const json = text && (r.headers.get('Content-Type') ?? '').includes('json') ? JSON.parse(text) : undefined;
  if (!r.ok) throw new Refused(r.status, json ?? {}, r.status === 429 ? Number(r.headers.get('Retry-After') ?? 1) : 0);
  const cursor = /[?&]cursor=(\d+)/.exec(r.headers.get('Link') ?? '')?.[1];
  const total = r.headers.get('X-Total-Count');
  return { data: json, etag: r.headers.get('ETag') ?? undefined, total: total === null ? undefined : Number(total), next: cursor ? Number(cursor) : undefined,
    audit: r.headers.get('Lazaret-Audit') ?? undefined };
}

export async function call<O extends Op>(op: O, o: Options<O>): Promise<Answer<Operations[O]['answer']>> {
  for (;;) {
    try {
      const answer = await ask(op, o);
      gate.seen?.();
      return answer;
    } catch (e) {
      if (!(e instanceof Refused)) throw e;
      const again = e.status === 401 && gate.signIn ? await gate.signIn() : e.kind === 'step-up' && gate.stepUp ? await gate.stepUp() : false;
      if (!again) throw e;
    }
  }
}
