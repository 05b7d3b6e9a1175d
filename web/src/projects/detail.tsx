// detail.tsx -- one project: what it asks, what was decided about it, and, to its researcher while it is approved, its cohort.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Project } from '#api';
import { call } from '../app/api';
import { useLoad } from '../app/load';
import { role } from '../app/session';
import { day, moment, t, word } from '../i18n';
import { useNames } from '../people/names';
import { Dialog } from '../ui/dialog';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Card, Facts, Page, Waiting } from '../ui/page';
import { say, sayWrong } from '../ui/toast';
import { Cohort, CohortStreams } from './cohort';
import { dataOf, State } from './list';

export function ProjectDetail({ id = '' }: { id?: string }) {
  const auditor = role() === 'auditor';
  const one = useLoad((signal) => call('GET /api/v1/projects/{project_id}', { path: { project_id: id }, signal }), [id]);
  const [ending, setEnding] = useState(false);
  const p = one.data, back = { href: '/app/projects', text: t('nav.projects') };
  if (!p) return <Page title={t('project.one')} back={back}><Waiting error={one.error} retry={one.reload} /></Page>;
  const open = p.state === 'proposed' || p.state === 'approved';
  const end = (): void => { call('POST /api/v1/projects/{project_id}/end', { path: { project_id: id } }).then(({ data }) => { setEnding(false); one.set(data); say(t('project.ended.done')); }, sayWrong); };
  return (
    <Page title={p.title} back={back} actions={open && <button type="button" class="button" onClick={() => setEnding(true)}>{t('project.end')}</button>}>
      <Card title={t('project.what')} wide>
        <Facts of={[[t('project.state'), <State of={p} />], ...(auditor ? [[word('role', 'researcher'), <Researcher id={p.owner} />]] as [string, ComponentChildren][] : []),
          [t('project.question'), p.question], [t('project.data'), dataOf(p)], [t('project.since'), moment(p.since)], [t('project.until'), day(p.until)],
          ...(p.decided_at ? [[t('project.decided'), moment(p.decided_at)], [t('project.reason'), p.reason]] as [string, string][] : []),
          ...(p.ended_at ? [[t('project.endedat'), moment(p.ended_at)]] as [string, string][] : []), [t('project.uses'), p.uses]]} />
        {!auditor && p.state === 'proposed' && <p class="muted">{t('project.waits')}</p>}
      </Card>
      {auditor && p.state === 'proposed' && <Decide of={p} done={(x) => one.set(x)} />}
      {!auditor && p.state === 'approved' && p.data.includes('screenings') && <Cohort id={id} />}
      {!auditor && p.state === 'approved' && p.data.includes('streams') && <CohortStreams id={id} />}
      {ending && (
        <Dialog title={t('project.end')} onClose={() => setEnding(false)}>
          <p>{t('project.end.more')}</p>
          <div class="buttons"><button type="button" class="button button-danger" onClick={end}>{t('project.end.go')}</button><button type="button" class="button" onClick={() => setEnding(false)}>{t('do.cancel')}</button></div>
        </Dialog>
      )}
    </Page>
  );
}
const Researcher = ({ id }: { id: string }) => <>{useNames()(id)}</>;

function Decide({ of, done }: { of: Project; done: (p: Project) => void }) {
  const form = useForm({ decision: 'approved', reason: '' }, `decide-${of.id}`);
  const save = (): void => void form.run(async () => {
    const { data } = await call('POST /api/v1/projects/{project_id}/decision', { path: { project_id: of.id }, body: { decision: form.values.decision as 'approved', reason: form.values.reason! } });
    form.reset();
    say(t(data.state === 'approved' ? 'project.approved.done' : 'project.refused.done'));
    done(data);
  }, ['reason']);
  return (
    <Card title={t('project.decide')}>
      <p class="muted">{t('project.decide.more')}</p>
      <FormBox form={form} onSubmit={save} label={t('project.decide')}>
        <Field form={form} name="decision" label={t('project.decision')} wide options={[['approved', t('project.approve')], ['refused', t('project.refuse')]]} />
        <Field form={form} name="reason" label={t('project.reason')} hint={t('project.reason.hint')} rows={3} more={{ maxLength: 500 }} />
        <Buttons form={form} save={t('project.decide.go')} />
      </FormBox>
    </Card>
  );
}
