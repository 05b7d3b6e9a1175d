// log.tsx -- the audit log for the auditor: search; reading it is an entry, too.
import { useState } from 'preact/hooks';
import type { AuditEntry } from '#api';
import { call } from '../app/api';
import { useList } from '../app/load';
import { t, word } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { CopyTable, Empty, Facts, Page, PrintButton, Table } from '../ui/page';
import { AccessColumns, what } from './entry';

const roles = ['doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin', 'emergency', 'client', 'operator'];
const actions = ['create', 'read', 'update', 'delete', 'execute', 'admin'];
const kinds = ['PatientDetail', 'PatientGeneral', 'Contact', 'Note', 'Screening', 'Consent', 'Installation', 'Document', 'Ticket', 'TicketEntry', 'Assignment', 'BreakGlass', 'Project', 'Job', 'Model', 'Audit', 'Account', 'Session', 'Grant'];
const none = { role: '', action: '', object: '', outcome: '', actor: '', since: '', until: '' };

export function AuditLog() {
  const form = useForm(none, 'audit', true);
  const [asked, setAsked] = useState<Record<string, string>>(form.values);
  const [open, setOpen] = useState<AuditEntry>();
  const list = useList<AuditEntry, string>(async (cursor, signal) => {
    const { data } = await call('GET /api/v1/audit', { query: {
      limit: 50, ...(cursor ? { cursor } : {}), role: asked.role || undefined, action: (asked.action || undefined) as 'read', object: asked.object || undefined, outcome: (asked.outcome || undefined) as 'deny',
      actor: asked.actor || undefined, since: asked.since ? new Date(asked.since).toISOString() : undefined, until: asked.until ? new Date(asked.until).toISOString() : undefined } as object, signal });
    return { rows: data.entries, next: data.next ?? undefined };
  }, [asked]);
  const columns = AccessColumns(true);
  const any = (text: string): [string, string] => ['', text];
  const rows = columns.map((c, i) => (i === 0 ? { ...c, cell: (e: AuditEntry) => <button type="button" class="link" onClick={() => setOpen(e)}>{c.cell(e)}</button> } : c));
  return (
    <Page title={t('audit.title')} lead={t('audit.lead')} actions={<><CopyTable rows={list.rows} columns={columns} /><PrintButton /></>}>
      <div class="card card-wide filter">
        <FormBox form={form} label={t('audit.search')} onSubmit={() => void form.run(async () => setAsked(form.values))}>
          <div class="fields">
            <Field form={form} name="role" label={t('audit.role')} options={[any(t('audit.any')), ...roles.map((r): [string, string] => [r, word('role', r)])]} />
            <Field form={form} name="action" label={t('audit.action')} options={[any(t('audit.any')), ...actions.map((a): [string, string] => [a, word('act', a)])]} />
            <Field form={form} name="object" label={t('audit.object')} options={[any(t('audit.any')), ...kinds.map((k): [string, string] => [k, word('entity', k)])]} />
            <Field form={form} name="outcome" label={t('audit.out')} options={[any(t('audit.any')), ...['permit', 'deny', 'error'].map((o): [string, string] => [o, word('out', o)])]} />
            <Field form={form} name="since" label={t('audit.since')} type="datetime-local" />
            <Field form={form} name="until" label={t('audit.until')} type="datetime-local" />
            <Field form={form} name="actor" label={t('audit.actor')} more={{ autocomplete: 'off' }} />
          </div>
          <div class="buttons"><button class="button button-main"><Icon name="search" />{t('audit.search')}</button>
            <button type="button" class="button" onClick={() => { form.reset(none); setAsked(none); }}>{t('audit.clear')}</button></div>
        </FormBox>
      </div>
      <Table label={t('audit.title')} list={list} columns={rows} unit={(n) => t('audit.count', { n })} empty={<Empty icon="search" title={t('audit.none')} text={t('audit.none.more')} />} />
      {open && (
        <Dialog title={t('audit.entry', { n: open.idx })} onClose={() => setOpen(undefined)} wide>
          <Facts of={[[t('audit.what'), what(open)], [t('audit.who'), `${word('role', open.actor?.role ?? '')} ${open.actor?.id ?? ''}`], [t('audit.out'), `${word('out', open.out ?? '')}${open.why ? ` (${open.why})` : ''}`],
            [t('audit.objectid'), <span class="mono">{open.obj?.id}</span>], [t('audit.route'), <span class="mono">{open.route}</span>], [t('audit.request'), <span class="mono">{open.req}</span>],
            [t('audit.records'), open.n], [t('audit.leaf'), <span class="mono">{open.leaf}</span>]]} />
          <div class="buttons"><a class="button" href={`/audit/entries/${open.idx}/proof`} target="_blank" rel="noreferrer" download={`proof-${open.idx}.txt`}><Icon name="download" />{t('audit.proof')}</a></div>
        </Dialog>
      )}
    </Page>
  );
}
