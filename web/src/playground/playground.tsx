// playground.tsx -- a Bundle, what it lacks for a target and why, the form for that, and what came of it.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DryRun, Job, Missing, Model } from '#api';
import { call, Refused } from '../app/api';
import { useLoad } from '../app/load';
import { usePlace } from '../app/router';
import { me } from '../app/session';
import { span, t, word } from '../i18n';
import { Outcome } from '../jobs/detail';
import { Candidates, Course, moves, useJob } from '../jobs/parts';
import { system } from '../models/codes';
import { Buttons, Failure, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Page, Pill, Waiting } from '../ui/page';
import { answered, type Bundle, type Questionnaire, readBundle, units } from './bundle';
import { Questions, wrongAnswers } from './questions';

const LARGEST = 8 * 1024 * 1024; // as the server takes it

export function Playground() {
  const models = useLoad<Model[]>(async (signal) => {
    const a = await call('GET /v1/models', { signal });
    return { ...a, data: a.data.models.filter((m) => m.stable) };
  }, []);
  if (!models.data) return <Page title={t('nav.playground')} lead={t('try.lead')}><Waiting error={models.error} retry={() => void models.reload()} lines={8} /></Page>;
  return <Bench targets={[...new Set(models.data.flatMap((m) => m.targets))].sort()} />;
}
function Bench({ targets }: { targets: string[] }) {
  const asked = usePlace().query.get('target');
  const form = useForm({ target: targets.find((x) => x === asked) ?? targets[0] ?? '', policy: 'best', bundle: '' }, 'playground', true);
  useEffect(() => { if (targets.some((x) => x === asked)) form.set('target', asked!); }, []); /* whoever comes from a model's page means it */
  const [looked, setLooked] = useState<{ bundle: Bundle; run: DryRun }>();
  const [job, setJob] = useState<string>();
  const outcome = useRef<HTMLDivElement>(null);
  const question = (bundle: Bundle): { client_id: string; target_diagnosis: string; policy: 'best' | 'best-ready'; fhir_bundle: Record<string, unknown> } =>
    ({ client_id: me()!.id, target_diagnosis: form.values.target!, policy: form.values.policy as 'best', fhir_bundle: bundle });
  const assess = async (bundle: Bundle): Promise<DryRun> => (await call('POST /v1/negotiate', { body: question(bundle) })).data;
  const show = (bundle: Bundle, run: DryRun): void => setLooked({ bundle, run });
  const send = async (bundle: Bundle): Promise<void> => {
    const { data } = await call('POST /v1/diagnose', { body: question(bundle), headers: { 'Idempotency-Key': crypto.randomUUID() } });
    setJob(data.job_id);
  };
  const begin = (): void => void form.run(async () => {
    const bundle = readBundle(form.values.bundle!);
    setJob(undefined);
    setLooked(undefined);
    if (typeof bundle === 'string') return form.fail('bundle', t(`try.wrong.${bundle}`));
    show(bundle, await assess(bundle));
  }, ['bundle']);
  /* What is new stands below what was typed: it is brought into sight. */
  useEffect(() => {
    outcome.current?.scrollIntoView({ block: 'nearest' });
    if (document.activeElement === document.body) outcome.current?.focus({ preventScroll: true }); /* the form that was sent has gone */
  }, [looked, job]);
  const take = async (files: FileList | null | undefined): Promise<void> => {
    const f = files?.[0];
    if (!f) return;
    if (f.size > LARGEST) form.fail('bundle', t('error.too-large.bundle'));
    else form.set('bundle', await f.text());
  };
  return (
    <Page title={t('nav.playground')} lead={t('try.lead')}>
      <Card title={t('try.bundle')} wide>
        <FormBox form={form} label={t('try.bundle')} onSubmit={begin}>
          <div class="fields">
            <Field form={form} name="target" label={t('try.target')} options={targets.map((x): [string, string] => [x, word('target', x)])} />
            <Field form={form} name="policy" label={t('try.policy')} options={[['best', t('try.best')], ['best-ready', t('try.best-ready')]]} />
          </div>
          <div class="drop-here" onDragOver={(e) => e.preventDefault()} onDrop={(e) => { e.preventDefault(); void take(e.dataTransfer?.files); }}>
            <Field form={form} name="bundle" label={t('try.bundle.label')} hint={t('try.bundle.hint')} required rows={10} more={{ spellcheck: false, autocomplete: 'off', class: 'mono' }} />
          </div>
          <label class="button button-file"><Icon name="upload" />{t('try.file')}<input type="file" class="hidden" accept=".json,application/json,application/fhir+json" onChange={(e) => void take((e.target as HTMLInputElement).files)} /></label>
          <Buttons form={form} save={t('try.look')} />
        </FormBox>
        <Issues of={form.failure} />
      </Card>
      <div ref={outcome} tabIndex={-1}>
        {looked && <Looked key={looked.run.assessed_at} bundle={looked.bundle} run={looked.run} assess={assess} show={show} send={send} sent={!!job} />}
        {job && <Live id={job} />}
      </div>
    </Page>
  );
}
/* What a validator says of FHIR is English everywhere. */
function Issues({ of }: { of: Refused | undefined }) {
  if (!of?.issues.length) return null;
  return <ul class="plain" lang="en">{of.issues.map((x) => <li class="row"><span class="grow"><span>{x.text}</span><span class="small mono">{x.expression?.join(', ')}</span></span></li>)}</ul>;
}
/* A code may be in several systems, and is told once; which system is said of the one that is asked for. */
const codes = (m: Missing): string => [...new Set([m.code, ...(m.accepts?.codes ?? [])])].map((c) => (c === m.code ? `${system(m.system)} ${c}`.trim() : c)).join(' · ');
function why(m: Missing): string {
  const a = m.accepts, key = m.reason ?? 'absent';
  return `${word('why', key)}${a?.within && key === 'stale' ? ` (${t('try.within', { span: span(a.within) })})` : ''}`;
}
interface LookedProps { bundle: Bundle; run: DryRun; assess: (b: Bundle) => Promise<DryRun>; show: (b: Bundle, run: DryRun) => void; send: (b: Bundle) => Promise<void>; sent: boolean }
function Looked({ bundle, run, assess, show, send, sent }: LookedProps) {
  const asked = run.questionnaire as unknown as Questionnaire | null;
  const form = useForm(Object.fromEntries((asked?.item ?? []).flatMap((q) => [[q.linkId, ''], [`${q.linkId} unit`, units(q)[0]?.code ?? '']])));
  const fill = (): void => {
    const wrong = asked ? wrongAnswers(asked, form.values) : [];
    if (wrong.length) { form.failAll(Object.fromEntries(wrong)); return; }
    void form.run(async () => {
      if (!asked) { await send(bundle); return; }
      /* This form goes when another finding is shown: what is wrong with the sending is said before, and here. */
      const more = answered(bundle, asked, form.values), now = await assess(more);
      if (now.ready) await send(more);
      show(more, now);
    });
  };
  return (
    <>
      <Card title={t('try.found')} wide>
        <p class={`note ${run.ready ? 'note-good' : ''}`} role="status"><Icon name={run.ready ? 'check' : 'alert'} /><span>{run.ready ? t('try.ready', { model: run.runs.join(', ') }) : t('try.lacks', { n: run.missing_data.filter((m) => m.mandatory).length })}</span></p>
        {run.missing_data.length > 0 && (
          <ul class="plain">
            {run.missing_data.map((m) => (
              <li class="row"><span class="grow"><span class="strong">{m.display}</span><span>{why(m)}</span>
                <span class="small">{codes(m)}{m.accepts?.units?.length ? ` · ${m.accepts.units.join(', ')}` : ''}{m.group ? ` · ${t('try.group', { name: m.group })}` : ''}</span></span>
                <Pill tone={m.mandatory ? 'warn' : 'calm'}>{t(m.mandatory ? 'model.required' : 'model.optional')}</Pill></li>
            ))}
          </ul>
        )}
        {run.candidates.length > 1 && <details class="more"><summary>{t('decision.candidates')}</summary><Candidates of={run.candidates} chosen={run.runs[0]} /></details>}
        {run.ready && !sent && <div class="buttons"><button type="button" class="button button-main" aria-disabled={form.busy || undefined} onClick={() => { if (!form.busy) void form.run(() => send(bundle)); }}>{t('try.send')}</button></div>}
        {run.ready && <Failure of={form.failure} />}
      </Card>
      {!run.ready && asked && <Card title={t('ask.title')} wide><p class="muted">{t('ask.more')}</p><Questions form={form} of={asked} send={fill} /></Card>}
      {!run.ready && !asked && <p class="note note-bad"><Icon name="alert" /><span>{t('try.incurable')}</span></p>}
    </>
  );
}
function Live({ id }: { id: string }) {
  const events = useJob(id), state = events.at(-1)?.status;
  const j = useLoad<Job>((signal) => call('GET /v1/jobs/{job_id}', { path: { job_id: id }, signal }), [id, state]);
  const x = j.data;
  return (
    <>
      <Card title={t('job.course')} wide actions={<a class="button-quiet with-text" href={`/app/jobs/${id}`}>{t('try.tojob')}</a>}><Course events={events} /></Card>
      {x && !moves(x.status) && <Outcome of={x} />}
    </>
  );
}
