// detail.tsx -- one job: how it goes, what came of it, why this model; cancelled, run again, erased.
import { useEffect, useState } from 'preact/hooks';
import type { Decision, Job, Model } from '#api';
import { call, Refused } from '../app/api';
import { useLoad } from '../app/load';
import { go } from '../app/router';
import { role } from '../app/session';
import { lasted, moment, t, word } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Card, Facts, Page, PrintButton, Waiting } from '../ui/page';
import { say, sayWrong } from '../ui/toast';
import { Course, Differences, Explained, moves, State, useJob, Value } from './parts';

export function JobDetail({ id }: { id: string }) {
  const path = { job_id: id }, mine = role() !== 'admin';
  const j = useLoad<Job>((signal) => call('GET /v1/jobs/{job_id}', { path, signal }), [id]);
  const running = !!j.data && moves(j.data.status);
  const events = useJob(j.data ? id : undefined);
  const state = events.at(-1)?.status;
  const [erasing, setErasing] = useState(false), [again, setAgain] = useState(false);
  useEffect(() => { if (running && state && !moves(state)) void j.reload(); }, [state, running]);
  const back = { href: '/app/jobs', text: t('nav.jobs') };
  if (!j.data) return <Page title={t('job.title')} back={back}><Waiting error={j.error} retry={() => void j.reload()} lines={8} /></Page>;
  const x = j.data;
  const cancel = async (): Promise<void> => {
    await call('POST /v1/jobs/{job_id}/cancel', { path });
    say(t('job.cancelled'));
    await j.reload();
  };
  const erase = async (): Promise<void> => {
    await call('POST /v1/jobs/{job_id}/erase', { path });
    say(t('job.erased'));
    go('/app/jobs');
  };
  return (
    <Page title={t('job.title')} back={back} lead={<><State of={state ?? x.status} />{x.model && <span class="mono">{x.model.key}@{x.model.version}</span>}<span>{moment(x.created_at)}</span></>}
      actions={<>
        {moves(state ?? x.status) && <button type="button" class="button" onClick={() => { cancel().catch(sayWrong); }}><Icon name="close" />{t('job.cancel')}</button>}
        {mine && !running && <button type="button" class="button" onClick={() => setAgain(true)}><Icon name="clock" />{t('job.replay')}</button>}
        {mine && !running && <button type="button" class="button" onClick={() => setErasing(true)}>{t('job.erase')}</button>}
        <PrintButton /></>}>
      {mine && <Outcome of={x} />}
      {!mine && <p class="note"><Icon name="shield" /><span>{t('job.closed')}</span></p>}
      <div class="grid">
        <Card title={t('job.course')}><Course events={events} /></Card>
        <Card title={t('job.facts')}>
          <Facts of={[[t('job.number'), <span class="mono">{x.job_id}</span>], [t('job.priority'), word('priority', x.priority ?? 'routine')], [t('job.tries'), x.attempts], [t('job.took'), running ? '' : lasted(x.created_at, x.updated_at)],
            ...(x.expires_at ? [[t('job.expires'), moment(x.expires_at)] as [string, string]] : []), ...(!mine && x.error ? [[t('job.failure'), word('fail', x.error.code ?? '')] as [string, string]] : []),
            ...(x.replay_of ? [[t('job.of'), mine ? <a href={`/app/jobs/${x.replay_of}`} class="mono">{x.replay_of}</a> : x.replay_of] as [string, unknown]] : []) as [string, string][]]} />
        </Card>
      </div>
      {mine && <Why id={id} />}
      {again && x.model && <Again job={x} close={() => setAgain(false)} />}
      {erasing && (
        <Dialog title={t('job.erase.sure')} onClose={() => setErasing(false)}>
          <p>{t('job.erase.more')}</p>
          <div class="buttons"><button type="button" class="button button-danger" onClick={() => { erase().catch(sayWrong); }}>{t('job.erase')}</button><button type="button" class="button" onClick={() => setErasing(false)}>{t('do.cancel')}</button></div>
        </Dialog>
      )}
    </Page>
  );
}
export function Outcome({ of: x }: { of: Job }) {
  return (
    <Card title={t('job.result')} wide>
      {x.result ? <Value of={x.result} /> : x.error ? <p class="note note-bad"><Icon name="alert" /><span>{word('fail', x.error.code ?? '')}</span></p> : <p class="muted">{t(moves(x.status) ? 'job.notyet' : 'job.noresult')}</p>}
      {x.diff && <><h3>{t('job.diff')}</h3><Differences of={x.diff} /></>}
    </Card>
  );
}
function Why({ id }: { id: string }) {
  const d = useLoad<Decision>((signal) => call('GET /v1/jobs/{job_id}/decision', { path: { job_id: id }, signal }), [id]);
  return <Card title={t('job.why')} wide>{d.data ? <Explained of={d.data} /> : <Waiting error={d.error} retry={() => void d.reload()} lines={4} />}</Card>;
}
/* On the version in use, or on another one of the same model. */
function Again({ job, close }: { job: Job; close: () => void }) {
  const m = useLoad<Model[]>(async (signal) => {
    const a = await call('GET /v1/models', { signal });
    return { ...a, data: a.data.models };
  }, []);
  const [model, setModel] = useState(`${job.model!.key}@${job.model!.version}`), [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    try {
      const { data } = await call('POST /v1/jobs/{job_id}/replay', { path: { job_id: job.job_id }, query: { model } });
      go(`/app/jobs/${data.job_id}`);
    } catch (e) {
      sayWrong(e as Refused);
      setBusy(false);
    }
  };
  return (
    <Dialog title={t('job.replay.title')} onClose={close}>
      <p>{t('job.replay.more')}</p>
      {m.data ? (
        <form class="form" onSubmit={(e) => { e.preventDefault(); if (!busy) void run(); }}>
          <div class="field"><label for="replay-model">{t('job.replay.on')}</label>
            <select id="replay-model" value={model} onChange={(e) => setModel((e.target as HTMLSelectElement).value)}>{m.data.map((v) => <option value={`${v.key}@${v.version}`} selected={model === `${v.key}@${v.version}`}>{v.key}@{v.version}</option>)}</select></div>
          <div class="buttons"><button class="button button-main" aria-disabled={busy || undefined}>{t('job.replay.go')}</button><button type="button" class="button" onClick={close}>{t('do.cancel')}</button></div>
        </form>
      ) : <Waiting error={m.error} retry={() => void m.reload()} lines={2} />}
    </Dialog>
  );
}
