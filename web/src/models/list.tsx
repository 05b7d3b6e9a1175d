// list.tsx -- the registry: which models there are, what they are for, and whether they passed their own tests here.
import type { Model } from '#api';
import { call } from '../app/api';
import { useList } from '../app/load';
import { setQuery, usePlace } from '../app/router';
import { day, t, word } from '../i18n';
import { Choice, type Column, CopyTable, Empty, Page, Pill, PrintButton, Table } from '../ui/page';

export const proof = (m: Model): string => (m.selftest ? t('model.passed', { n: m.selftest.passed ?? 0, all: m.selftest.total ?? 0 }) : t('model.unproven'));
export const proven = (m: Model): boolean => !!m.selftest && m.selftest.passed === m.selftest.total;

export function ModelList() {
  const show = usePlace().query.get('show') === 'all' ? 'all' : 'stable';
  const all = useList<Model>(async (_, signal) => ({ rows: (await call('GET /v1/models', { signal })).data.models, next: undefined }), []);
  const list = { ...all, rows: all.rows?.filter((m) => show === 'all' || m.stable) };
  const columns: Column<Model>[] = [
    { title: t('model.title'), main: true, cell: (m) => m.title, text: (m) => m.title },
    { title: t('model.version'), cell: (m) => <span class="mono">{m.key}@{m.version}</span>, text: (m) => `${m.key}@${m.version}` },
    { title: t('model.targets'), cell: (m) => m.targets.map((x) => word('target', x)).join(', '), text: (m) => m.targets.join(' ') },
    { title: t('model.state'), cell: (m) => <Pill tone={m.stable ? 'good' : 'calm'}>{t(m.stable ? 'model.stable' : 'model.kept')}</Pill>, text: (m) => (m.stable ? 'stable' : '') },
    { title: t('model.selftest'), cell: (m) => <span><Pill tone={proven(m) ? 'good' : m.selftest ? 'bad' : 'warn'}>{proof(m)}</Pill>{m.selftest && <span class="small">{day(m.selftest.at)}</span>}</span>, text: (m) => (m.selftest ? `${m.selftest.passed}/${m.selftest.total} ${m.selftest.at}` : '') },
    { title: t('model.signed'), cell: (m) => m.signed_by ?? t('model.unsigned'), text: (m) => m.signed_by ?? '' },
  ];
  return (
    <Page title={t('nav.models')} lead={t('models.lead')} actions={<><CopyTable rows={list.rows} columns={columns} /><PrintButton /></>}>
      <div class="toolbar"><Choice label={t('model.state')} value={show} options={[['stable', t('models.stable')], ['all', t('list.all')]]} onChange={(v) => setQuery({ show: v === 'all' ? 'all' : undefined })} /></div>
      <Table label={t('nav.models')} list={list} columns={columns} href={(m) => `/app/models/${m.key}/${m.version}`} unit={(n) => t('models.count', { n })}
        empty={<Empty icon="box" title={t('models.none')} text={t('models.none.more')} />} />
    </Page>
  );
}
