// entry.tsx -- entries of the audit log as rows: who did what to what, when, and was it permitted.
import type { AuditEntry } from '#api';
import { moment, t, word } from '../i18n';
import { type Column, Pill } from '../ui/page';

const time = (e: AuditEntry): string => new Date((e.t ?? 0) / 1000).toISOString();
export const what = (e: AuditEntry): string => `${word('act', e.act ?? '')} · ${word('entity', e.obj?.type ?? '')}`;
export function AccessColumns(who: boolean): Column<AuditEntry>[] {
  const person: Column<AuditEntry> = { title: t('audit.who'), cell: (e) => <><span>{e.actor?.role ? word('role', e.actor.role) : ''}</span> <span class="small mono">{e.actor?.id?.slice(0, 13) ?? ''}</span></>,
    text: (e) => `${e.actor?.role ?? ''} ${e.actor?.id ?? ''}` };
  return [
    { title: t('audit.when'), cell: (e) => moment(time(e)), text: time },
    ...(who ? [person] : []),
    { title: t('audit.what'), cell: (e) => <>{what(e)}{e.n !== undefined && e.n > 1 ? ` (${e.n})` : ''}{e.bg && <> <Pill tone="warn">{t('audit.glass')}</Pill></>}</>, text: what },
    { title: t('audit.out'), cell: (e) => <Pill tone={e.out ?? 'calm'}>{word('out', e.out ?? '')}</Pill>, text: (e) => `${e.out ?? ''} ${e.why ?? ''}` },
    { title: t('audit.idx'), right: true, cell: (e) => <span class="mono">{e.idx}</span>, text: (e) => String(e.idx) },
  ];
}
