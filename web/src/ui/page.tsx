// page.tsx -- what pages are made of: head, cards, facts, states of loading, pills, tables.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Refused } from '../app/api';
import type { Listed } from '../app/load';
import { grouped, t } from '../i18n';
import { Failure } from './form';
import { Icon, type IconName } from './icon';
import { say } from './toast';

/** `called`: what the window is called instead, where the title says who somebody is: a browser keeps the windows' names in its history. */
export function Page({ title, called, lead, back, actions, children, narrow }: { title: string; called?: string; lead?: ComponentChildren; back?: { href: string; text: string }; actions?: ComponentChildren; children: ComponentChildren; narrow?: boolean }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => { document.title = `${called ?? title} · Lazaret`; }, [called ?? title]);
  /* Whoever hears the page is told that it is another one. */
  useEffect(() => { if (document.activeElement === document.body || document.activeElement?.tagName === 'A') head.current?.focus({ preventScroll: true }); }, []);
  return (
    <div class={narrow ? 'page page-narrow' : 'page'}>
      {back && <a class="back" href={back.href}><Icon name="back" />{back.text}</a>}
      <header class="page-head">
        <div>
          <h1 ref={head} tabIndex={-1}>{title}</h1>
          {lead && <div class="lead">{lead}</div>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
export function Card({ title, actions, children, id, wide }: { title: string; actions?: ComponentChildren; children: ComponentChildren; id?: string; wide?: boolean }) {
  const auto = useId();
  return (
    <section class={wide ? 'card card-wide' : 'card'} aria-labelledby={id ?? auto}>
      <div class="card-head"><h2 id={id ?? auto}>{title}</h2>{actions && <div class="actions">{actions}</div>}</div>
      {children}
    </section>
  );
}
export function Facts({ of }: { of: [label: string, value: ComponentChildren][] }) {
  return <dl class="facts">{of.map(([label, value]) => <div><dt>{label}</dt><dd>{value === undefined || value === null || value === '' ? <span class="none">{t('fact.none')}</span> : value}</dd></div>)}</dl>;
}
export function Empty({ icon, title, text, action }: { icon: IconName; title: string; text?: string; action?: ComponentChildren }) {
  return <div class="empty"><Icon name={icon} /><p class="strong">{title}</p>{text && <p>{text}</p>}{action}</div>;
}
export function Skeleton({ lines = 4 }: { lines?: number }) {
  return <div class="skeleton" role="status"><span class="hidden">{t('state.loading')}</span>{Array.from({ length: lines }, () => <span class="bone" aria-hidden="true" />)}</div>;
}
/** What a page shows before its data is there, or instead of it. */
export function Waiting({ error, retry, lines }: { error: Refused | undefined; retry: () => void; lines?: number }) {
  return error ? <Failure of={error} retry={error.status === 404 || error.status === 403 ? undefined : retry} /> : <Skeleton lines={lines ?? 4} />;
}
const tones: Record<string, string> = { open: 'good', opening: 'info', pause: 'warn', closing: 'warn', closed: 'calm', unknown: 'calm', active: 'good', withdrawn: 'bad', overdue: 'bad', ended: 'warn',
  reviewed: 'calm', permit: 'good', deny: 'bad', error: 'bad', pending: 'warn', suspended: 'bad' };
export function Pill({ tone, children }: { tone: string; children: ComponentChildren }) {
  return <span class={`pill pill-${tones[tone] ?? tone}`}>{children}</span>;
}
/** A number that a role knows somebody by, with its colour. */
export function Tag({ n, hue }: { n: number; hue?: string | undefined }) {
  return <span class="tag">{hue && <span class="hue" style={{ background: hue }} aria-hidden="true" />}<span class="digits">{grouped(n)}</span></span>;
}

export interface Column<T> { title: string; cell: (row: T) => ComponentChildren; text?: (row: T) => string; main?: boolean; right?: boolean }
interface TableProps<T> { label: string; list: Listed<T>; columns: Column<T>[]; href?: (row: T) => string; empty: ComponentChildren; unit: (n: number) => string }
export function Table<T>({ label, list, columns, href, empty, unit }: TableProps<T>) {
  const { rows, error, busy } = list;
  if (!rows) return <div class="card card-wide"><Waiting error={error} retry={list.reload} lines={8} /></div>;
  if (!rows.length && !busy) return <div class="card card-wide">{empty}</div>;
  return (
    <div class="card card-wide card-table" aria-busy={busy}>
      <div class="scroll">
        <table aria-label={label}>
          <thead><tr>{columns.map((c) => <th scope="col" class={c.right ? 'right' : ''}>{c.title}</th>)}</tr></thead>
          <tbody>
            {rows.map((row) => (
              <tr class={href ? 'linked' : ''}>
                {columns.map((c) => {
                  const cell = c.cell(row);
                  return c.main && href ? <th scope="row" data-label={c.title}><a class="row-link" href={href(row)}>{cell}</a></th>
                    : <td data-label={c.title} class={c.right ? 'right' : ''}>{cell}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {error && <Failure of={error} retry={list.reload} />}
      <div class="table-foot">
        <span role="status">{list.total !== undefined && list.total > rows.length ? t('list.some', { shown: rows.length, all: unit(list.total) }) : unit(rows.length)}</span>
        {list.more && <button type="button" class="button" onClick={list.more}>{busy ? t('state.loading') : t('list.more')}</button>}
      </div>
    </div>
  );
}
export function CopyTable<T>({ rows, columns }: { rows: T[] | undefined; columns: Column<T>[] }) {
  const cell = (s: string): string => (/[",\n\r]/.test(s) || /^[=+\-@]/.test(s) ? `"${(/^[=+\-@]/.test(s) ? `'${s}` : s).replace(/"/g, '""')}"` : s);
  const copy = async (): Promise<void> => {
    const lines = [columns.map((c) => c.title), ...(rows ?? []).map((r) => columns.map((c) => (c.text ? c.text(r) : String(c.cell(r) ?? ''))))];
    await navigator.clipboard.writeText(lines.map((l) => l.map(cell).join(',')).join('\r\n'));
    say(t('done.copied', { n: rows?.length ?? 0 }));
  };
  return <button type="button" class="button" disabled={!rows?.length} onClick={() => { copy().catch(() => say(t('error.copy'), undefined, true)); }}><Icon name="copy" />{t('do.csv')}</button>;
}
export const PrintButton = () => <button type="button" class="button only-wide" onClick={() => print()}><Icon name="print" />{t('do.print')}</button>;

export function Choice<V extends string>({ label, value, options, onChange }: { label: string; value: V; options: [V, string][]; onChange: (v: V) => void }) {
  const name = useId();
  return (
    <fieldset class="choice"><legend class="hidden">{label}</legend>
      {options.map(([v, text]) => <label><input type="radio" name={name} checked={v === value} onChange={() => onChange(v)} /><span>{text}</span></label>)}
    </fieldset>
  );
}
/** What is typed is shown at once; whoever asked is told when the typing pauses. */
export function Search({ label, value, onPause }: { label: string; value: string; onPause: (v: string) => void }) {
  const timer = useRef(0);
  const typed = (v: string): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onPause(v), 250) as unknown as number;
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return <label class="search"><Icon name="search" /><span class="hidden">{label}</span><input type="search" autocomplete="off" spellcheck={false} placeholder={label} defaultValue={value} onInput={(e) => typed((e.target as HTMLInputElement).value)} /></label>;
}
