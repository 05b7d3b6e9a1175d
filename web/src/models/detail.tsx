// detail.tsx -- one version of a model: its manifest to read, what it needs of a Bundle, its tests, its other versions.
import type { Model } from '#api';
import { call } from '../app/api';
import { useLoad } from '../app/load';
import { role } from '../app/session';
import { moment, span, t, word } from '../i18n';
import { Icon } from '../ui/icon';
import { Card, Facts, Page, Pill, PrintButton, Waiting } from '../ui/page';
import { system } from './codes';
import { proof, proven } from './list';

type Input = Model['inputs'][number];

function Inputs({ of }: { of: Input[] }) {
  return (
    <div class="scroll" tabIndex={0}>
      <table class="plain-table stack" aria-label={t('model.inputs')}>
        <thead><tr><th scope="col">{t('model.input')}</th><th scope="col">{t('model.needed')}</th><th scope="col">{t('model.unit')}</th><th scope="col">{t('model.within')}</th><th scope="col">{t('model.codes')}</th></tr></thead>
        <tbody>
          {of.map((x) => (
            <tr>
              <th scope="row"><span class="strong">{x.display}</span><span class="small mono">{x.input}</span></th>
              <td data-label={t('model.needed')}>{t(x.required ? 'model.required' : 'model.optional')}</td>
              <td class="mono" data-label={t('model.unit')}>{x.unit}</td>
              <td data-label={t('model.within')}>{x.within && span(x.within)}</td>
              <td data-label={t('model.codes')}>{!!x.codes?.length && <span>{x.codes.map((c) => <span class="small"><span class="mono">{system(c.system)} {c.code}</span> {c.display}</span>)}</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function ModelDetail({ key_, version }: { key_: string; version: string }) {
  const m = useLoad<Model[]>(async (signal) => {
    const a = await call('GET /v1/models', { signal });
    return { ...a, data: a.data.models.filter((x) => x.key === key_) };
  }, [key_, version]);
  const back = { href: '/app/models', text: t('nav.models') };
  const x = m.data?.find((v) => v.version === version);
  if (!m.data) return <Page title={key_} back={back}><Waiting error={m.error} retry={() => void m.reload()} lines={8} /></Page>;
  if (!x) return <Page title={key_} back={back}><p class="muted">{t('model.absent')}</p></Page>;
  return (
    <Page title={x.title} back={back} lead={<><span class="mono">{x.key}@{x.version}</span><Pill tone={x.stable ? 'good' : 'calm'}>{t(x.stable ? 'model.stable' : 'model.kept')}</Pill></>}
      actions={<>{role() === 'doctor' && x.targets[0] && <a class="button button-main" href={`/app/playground?target=${encodeURIComponent(x.targets[0])}`}><Icon name="play" />{t('model.try')}</a>}<PrintButton /></>}>
      <div class="grid">
        <Card title={t('model.about')}>
          {x.intended_use && <p class="lead-text">{x.intended_use}</p>}
          <Facts of={[[t('model.targets'), x.targets.map((y) => word('target', y)).join(', ')], [t('model.license'), x.license], [t('model.rank'), x.stable ? t('model.rank.is', { n: x.rank ?? 0 }) : t('model.rank.none')], [t('model.signed'), x.signed_by ?? t('model.unsigned')], [t('model.digest'), <span class="mono">{x.digest}</span>]]} />
        </Card>
        <Card title={t('model.selftest')}>
          <p><Pill tone={proven(x) ? 'good' : x.selftest ? 'bad' : 'warn'}>{proof(x)}</Pill></p>
          <p class="muted">{x.selftest ? t('model.selftest.at', { when: moment(x.selftest.at) }) : t('model.selftest.none')}</p>
        </Card>
        <Card title={t('model.versions')}>
          <ul class="plain">
            {m.data.map((v) => <li class="row"><span class="grow"><a href={`/app/models/${v.key}/${v.version}`} aria-current={v === x ? 'page' : undefined}>{v.version}</a><span class="small">{proof(v)}</span></span>{v.stable && <Pill tone="good">{t('model.stable')}</Pill>}</li>)}
          </ul>
        </Card>
      </div>
      <Card title={t('model.inputs')} wide><Inputs of={x.inputs} /></Card>
    </Page>
  );
}
