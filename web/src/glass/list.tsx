// list.tsx -- emergency accesses: opening one, ending it, and (the auditor) reviewing those of others.
import { useState } from 'preact/hooks';
import type { Glass } from '#api';
import { call } from '../app/api';
import { useList } from '../app/load';
import { setQuery, usePlace } from '../app/router';
import { role } from '../app/session';
import { grouped, moment, t, word } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Choice, type Column, CopyTable, Empty, Facts, Page, Pill, Table } from '../ui/page';
import { say, sayWrong } from '../ui/toast';

const reasons = ['emergency', 'danger', 'no-contact', 'other'] as const;
const outcomes = ['justified', 'unjustified', 'inconclusive'] as const;
export function GlassList() {
  const as = role();
  const show = usePlace().query.get('show') ?? 'all';
  const list = useList<Glass, string>(async (cursor, signal) => {
    const { data } = await call('GET /api/v1/break-glass', { query: { limit: 50, ...(show === 'all' ? {} : { state: show as 'active' }), ...(cursor ? { cursor } : {}) }, signal });
    return { rows: data.accesses, next: data.next ?? undefined };
  }, [show]);
  const [open, setOpen] = useState<Glass | 'new'>();
  const close = (): void => setOpen(undefined);
  const end = (g: Glass): void => { call('POST /api/v1/break-glass/{glass_id}/end', { path: { glass_id: g.id } }).then(() => { say(t('glass.ended')); list.reload(); }, sayWrong); };
  const columns: Column<Glass>[] = [
    { title: t('glass.since'), cell: (g) => <button type="button" class="link" onClick={() => setOpen(g)}>{moment(g.since)}</button>, text: (g) => g.since },
    { title: t('glass.state'), cell: (g) => <Pill tone={g.state}>{t(`glass.${g.state}`)}</Pill>, text: (g) => g.state },
    { title: t('glass.person'), cell: (g) => <span class="digits">{grouped(g.subject)}</span>, text: (g) => String(g.subject) },
    { title: t('glass.reason'), cell: (g) => t(`reason.${g.reason}`), text: (g) => g.reason },
    { title: t('glass.uses'), right: true, cell: (g) => g.uses, text: (g) => String(g.uses) },
    { title: t('glass.reviewby'), cell: (g) => (g.outcome ? t(`outcome.${g.outcome}`) : moment(g.review_by)), text: (g) => g.outcome ?? g.review_by ?? '' },
  ];
  return (
    <Page title={t('nav.glass')} lead={t(as === 'auditor' ? 'glass.lead.auditor' : 'glass.lead')}
      actions={<><CopyTable rows={list.rows} columns={columns} />{as !== 'auditor' && <button type="button" class="button button-danger" onClick={() => setOpen('new')}><Icon name="glass" />{t('glass.new')}</button>}</>}>
      <div class="toolbar"><Choice label={t('glass.state')} value={show} options={[['all', t('list.all')], ...(['active', 'ended', 'overdue', 'reviewed'] as const).map((s): [string, string] => [s, t(`glass.${s}`)])]} onChange={(v) => setQuery({ show: v === 'all' ? undefined : v })} /></div>
      <Table label={t('nav.glass')} list={list} columns={columns} unit={(n) => t('glass.count', { n })} empty={<Empty icon="shield" title={t('glass.none')} text={t(as === 'auditor' ? 'glass.none.auditor' : 'glass.none.more')} />} />
      {open === 'new' && <Break close={close} done={() => { close(); list.reload(); }} />}
      {open && open !== 'new' && (
        <Dialog title={t('glass.one')} onClose={close} wide>
          <Facts of={[[t('glass.state'), <Pill tone={open.state}>{t(`glass.${open.state}`)}</Pill>], [t('glass.person'), <span class="digits">{grouped(open.subject)}</span>], [t('glass.reason'), t(`reason.${open.reason}`)],
            [t('glass.text'), open.text], [t('glass.role'), word('role', open.role)], [t('glass.since'), moment(open.since)], [t('glass.until'), moment(open.until)], [t('glass.uses'), open.uses],
            ...(open.outcome ? [[t('glass.outcome'), t(`outcome.${open.outcome}`)] as [string, string], [t('glass.review'), open.review] as [string, string | undefined]] : [])]} />
          {open.state === 'active' && as !== 'auditor' && (
            <div class="buttons">
              <a class="button button-main" href={`/app/emergency/${open.id}/${open.subject}`}>{t('glass.read')}</a>
              <button type="button" class="button" onClick={() => { end(open); close(); }}>{t('glass.end')}</button>
            </div>
          )}
          {as === 'auditor' && (open.state === 'ended' || open.state === 'overdue') && <Review of={open} close={close} done={() => { close(); list.reload(); }} />}
        </Dialog>
      )}
    </Page>
  );
}
function Break({ close, done }: { close: () => void; done: () => void }) {
  const form = useForm({ subject: '', reason: 'emergency', text: '' }, 'glass');
  const save = (): void => void form.run(async () => {
    await call('POST /api/v1/break-glass', { body: { subject: Number(form.values.subject!.replace(/\D/g, '')), reason: form.values.reason as 'other', text: form.values.text! } });
    form.reset();
    say(t('glass.opened'));
    done();
  }, ['subject', 'text']);
  return (
    <Dialog title={t('glass.new')} onClose={close}>
      <p>{t('glass.warning')}</p>
      <FormBox form={form} onSubmit={save} label={t('glass.new')}>
        <Field form={form} name="subject" label={t('glass.person')} hint={t('glass.person.hint')} wide more={{ inputMode: 'numeric', autocomplete: 'off', class: 'mono' }} />
        <Field form={form} name="reason" label={t('glass.reason')} wide options={reasons.map((r) => [r, t(`reason.${r}`)])} />
        <Field form={form} name="text" label={t('glass.text')} hint={t('glass.text.hint')} rows={3} more={{ maxLength: 500 }} />
        <Buttons form={form} save={t('glass.go')} danger cancel={close} />
      </FormBox>
    </Dialog>
  );
}
function Review({ of, close, done }: { of: Glass; close: () => void; done: () => void }) {
  const form = useForm({ outcome: 'justified', text: '' }, `review-${of.id}`);
  const save = (): void => void form.run(async () => {
    await call('POST /api/v1/break-glass/{glass_id}/review', { path: { glass_id: of.id }, body: { outcome: form.values.outcome as 'justified', text: form.values.text! } });
    form.reset();
    say(t('glass.reviewed.done'));
    done();
  }, ['text']);
  return (
    <FormBox form={form} onSubmit={save} label={t('glass.review')}>
      <Field form={form} name="outcome" label={t('glass.outcome')} wide options={outcomes.map((o) => [o, t(`outcome.${o}`)])} />
      <Field form={form} name="text" label={t('glass.review')} hint={t('glass.text.hint')} rows={3} more={{ maxLength: 500 }} />
      <Buttons form={form} save={t('glass.review.go')} cancel={close} />
    </FormBox>
  );
}
