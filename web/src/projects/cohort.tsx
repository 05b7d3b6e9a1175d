// cohort.tsx -- what an approved project shows: how many people have which diagnosis and age class, as bars; each of them under the
// project's number; and their streams. What is rare is withheld by the server, and said to be.
import { useMemo, useState } from 'preact/hooks';
import type { CohortScreenings, CohortStreams as People } from '#api';
import { type Answer, call } from '../app/api';
import { useList, useLoad } from '../app/load';
import { day, number, t, word } from '../i18n';
import { Card, type Column, CopyTable, Empty, Table, Tag, Waiting } from '../ui/page';

type Finding = CohortScreenings[number];
type Stream = People[number]['streams'][number] & { data_id: number };
const PAGE = 100; /* rows that are shown at first */

/* All pages, since what is counted is counted of everybody. */
async function everybody(id: string, signal: AbortSignal): Promise<Finding[]> {
  const all: Finding[] = [];
  for (let cursor: number | undefined = 0; cursor !== undefined;) {
    const page: Answer<Finding[]> = await call('GET /api/v1/projects/{project_id}/screenings', { path: { project_id: id }, query: { limit: PAGE, ...(cursor ? { cursor } : {}) }, signal });
    all.push(...page.data);
    cursor = page.next;
  }
  return all;
}
const named = (f: Finding): string => (f.withheld ? t('cohort.withheld') : `${f.neuro_diag ?? t('cohort.unknown')}, ${f.age_class ?? t('cohort.unknown')}`);

export function Cohort({ id }: { id: string }) {
  const all = useLoad(async (signal) => ({ data: await everybody(id, signal), etag: undefined, total: undefined, next: undefined, audit: undefined }), [id]);
  const [shown, setShown] = useState(PAGE);
  const rows = all.data;
  const groups = useMemo(() => {
    const n = new Map<string, number>();
    for (const f of rows ?? []) n.set(named(f), (n.get(named(f)) ?? 0) + 1);
    const rare = t('cohort.withheld'), last = n.get(rare); /* what is not told stands behind what is */
    n.delete(rare);
    return [...[...n].sort(([a, x], [b, y]) => y - x || a.localeCompare(b)), ...(last ? [[rare, last] as [string, number]] : [])];
  }, [rows]);
  const withheld = rows?.filter((f) => f.withheld).length ?? 0, most = Math.max(1, ...groups.map(([, n]) => n));
  const columns: Column<Finding>[] = [
    { title: t('cohort.number'), cell: (f) => <Tag n={f.data_id} />, text: (f) => String(f.data_id) },
    { title: t('patient.diag'), cell: (f) => (f.withheld ? <span class="none">{t('cohort.withheld')}</span> : f.neuro_diag ?? t('cohort.unknown')), text: (f) => (f.withheld ? t('cohort.withheld') : f.neuro_diag ?? '') },
    { title: t('patient.ageclass'), cell: (f) => (f.withheld ? <span class="none">{t('cohort.withheld')}</span> : f.age_class ?? t('cohort.unknown')), text: (f) => (f.withheld ? t('cohort.withheld') : f.age_class ?? '') },
  ];
  if (!rows) return <Card title={t('cohort.title')} wide><Waiting error={all.error} retry={() => void all.reload()} lines={8} /></Card>;
  return (
    <>
      <Card title={t('cohort.title')} wide>
        <p>{t('cohort.sum', { n: rows.length })}{withheld > 0 && <> {t('cohort.withheld.sum', { n: withheld })}</>}</p>
        <ul class="bars" aria-label={t('cohort.bars')}>
          {groups.map(([name, n]) => (
            <li><span class="bar-name">{name}</span><span class="bar" aria-hidden="true"><span style={{ width: `${100 * n / most}%` }} /></span><span class="digits">{number(n)}</span></li>
          ))}
        </ul>
        <p class="muted small">{t('cohort.why')}</p>
      </Card>
      <div class="toolbar"><h2>{t('cohort.people')}</h2><CopyTable rows={rows} columns={columns} /></div>
      <Table label={t('cohort.people')} columns={columns} unit={(n) => t('cohort.count', { n })} empty={<Empty icon="people" title={t('list.none')} />}
        list={{ rows: rows.slice(0, shown), total: rows.length, error: all.error, busy: all.busy, more: shown < rows.length ? () => setShown(shown + PAGE) : undefined, reload: () => void all.reload() }} />
    </>
  );
}

export function CohortStreams({ id }: { id: string }) {
  const list = useList<Stream>(async (cursor, signal) => {
    const page = await call('GET /api/v1/projects/{project_id}/streams', { path: { project_id: id }, query: { limit: 20, ...(cursor ? { cursor } : {}) }, signal });
    return { rows: page.data.flatMap((x) => x.streams.map((s) => ({ ...s, data_id: x.data_id }))), next: page.next };
  }, [id]);
  const columns: Column<Stream>[] = [
    { title: t('cohort.number'), cell: (s) => <Tag n={s.data_id} />, text: (s) => String(s.data_id) },
    { title: t('cohort.kind'), cell: (s) => word('kind', s.kind), text: (s) => s.kind },
    { title: t('cohort.unit'), cell: (s) => <span class="mono">{s.unit}</span>, text: (s) => s.unit },
    { title: t('cohort.from'), cell: (s) => day(s.date_start.slice(0, 10)), text: (s) => s.date_start.slice(0, 10) },
    { title: t('cohort.to'), cell: (s) => day(s.date_end?.slice(0, 10)), text: (s) => s.date_end?.slice(0, 10) ?? '' },
  ];
  return (
    <>
      <div class="toolbar"><h2>{t('streams.title')}</h2><CopyTable rows={list.rows} columns={columns} /></div>
      <p class="muted small lead-text">{t('cohort.streams.more')}</p>
      <Table label={t('streams.title')} list={list} columns={columns} unit={(n) => t('cohort.streams.count', { n })} empty={<Empty icon="chart" title={t('cohort.streams.none')} />} />
    </>
  );
}
