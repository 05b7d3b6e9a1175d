// list.tsx -- projects: a researcher proposes and sees their own, an auditor sees all of them and decides (detail.tsx).
import { useState } from 'preact/hooks';
import type { Project } from '#api';
import { call } from '../app/api';
import { useList } from '../app/load';
import { go, setQuery, usePlace } from '../app/router';
import { role } from '../app/session';
import { day, moment, t } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Choice, type Column, CopyTable, Empty, Page, Pill, Table } from '../ui/page';
import { say } from '../ui/toast';

const states = ['proposed', 'approved', 'refused', 'ended'] as const;
const tones = { proposed: 'warn', approved: 'good', refused: 'bad', ended: 'calm' };
export const State = ({ of }: { of: Project }) => <Pill tone={tones[of.state]}>{t(`project.${of.state}`)}</Pill>;
export const dataOf = (p: Project): string => p.data.map((d) => t(`project.data.${d}`)).join(', ');

export function ProjectList() {
  const auditor = role() === 'auditor';
  const show = usePlace().query.get('show') ?? 'all';
  const [proposing, setProposing] = useState(false);
  const list = useList<Project, string>(async (cursor, signal) => {
    const { data } = await call('GET /api/v1/projects', { query: { limit: 50, ...(show === 'all' ? {} : { state: show as 'proposed' }), ...(cursor ? { cursor } : {}) }, signal });
    return { rows: data.projects, next: data.next ?? undefined };
  }, [show]);
  const columns: Column<Project>[] = [
    { title: t('project.title'), main: true, cell: (p) => p.title, text: (p) => p.title },
    { title: t('project.state'), cell: (p) => <State of={p} />, text: (p) => p.state },
    { title: t('project.data'), cell: dataOf, text: (p) => p.data.join(' ') },
    { title: t('project.since'), cell: (p) => moment(p.since), text: (p) => p.since },
    { title: t('project.until'), cell: (p) => day(p.until), text: (p) => p.until },
  ];
  return (
    <Page title={t('nav.projects')} lead={t(auditor ? 'projects.lead.auditor' : 'projects.lead')}
      actions={<><CopyTable rows={list.rows} columns={columns} />{!auditor && <button type="button" class="button button-main" onClick={() => setProposing(true)}><Icon name="plus" />{t('project.new')}</button>}</>}>
      <div class="toolbar"><Choice label={t('project.state')} value={show} options={[['all', t('list.all')], ...states.map((s): [string, string] => [s, t(`project.${s}`)])]} onChange={(v) => setQuery({ show: v === 'all' ? undefined : v })} /></div>
      <Table label={t('nav.projects')} list={list} columns={columns} href={(p) => `/app/projects/${p.id}`} unit={(n) => t('projects.count', { n })}
        empty={show === 'all' ? <Empty icon="list" title={t('projects.none')} text={t(auditor ? 'projects.none.auditor' : 'projects.none.more')} /> : <Empty icon="search" title={t('list.none')} />} />
      {proposing && <Propose close={() => setProposing(false)} />}
    </Page>
  );
}
function Propose({ close }: { close: () => void }) {
  const form = useForm({ title: '', question: '', screenings: '1', streams: '', until: '', data: '' }, 'project');
  const wanted = (['screenings', 'streams'] as const).filter((d) => form.values[d]);
  const save = (): void => void form.run(async () => {
    const { data } = await call('POST /api/v1/projects', { body: { title: form.values.title!, question: form.values.question!, until: form.values.until!, data: wanted } });
    form.reset();
    say(t('project.proposed.done'));
    go(`/app/projects/${data.id}`);
  }, ['title', 'question', 'until']);
  return (
    <Dialog title={t('project.new')} onClose={close} wide>
      <p class="muted">{t('project.new.more')}</p>
      <FormBox form={form} onSubmit={save} label={t('project.new')}>
        <Field form={form} name="title" label={t('project.title')} wide more={{ maxLength: 120, autocomplete: 'off' }} />
        <Field form={form} name="question" label={t('project.question')} hint={t('project.question.hint')} rows={5} more={{ maxLength: 4000 }} />
        <fieldset class="group" aria-invalid={form.errors.data ? true : undefined}><legend>{t('project.data')}</legend>
          {(['screenings', 'streams'] as const).map((d) => <label class="check"><input type="checkbox" checked={!!form.values[d]} onChange={(e) => form.set(d, (e.target as HTMLInputElement).checked ? '1' : '')} /><span><span class="strong">{t(`project.data.${d}`)}</span><span class="small">{t(`project.data.${d}.is`)}</span></span></label>)}
          {form.errors.data && <p class="error"><Icon name="alert" />{form.errors.data}</p>}
        </fieldset>
        <Field form={form} name="until" label={t('project.until')} hint={t('project.until.hint')} type="date" />
        <Buttons form={form} save={t('project.go')} cancel={close} />
      </FormBox>
    </Dialog>
  );
}
