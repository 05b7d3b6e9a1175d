// chart.tsx -- how long the jobs of the list took, by when they were sent: a queue that grows, or a model that slows down, is seen at once.
import { useMemo } from 'preact/hooks';
import type { JobPage } from '#api';
import { seconds, t } from '../i18n';
import { Chart } from '../ui/chart';
import type { Figure } from '../ui/plot';
import { moves } from './parts';

export function JobChart({ rows }: { rows: JobPage['jobs'] }) {
  const ended = useMemo(() => rows.filter((x) => !moves(x.status)).map((x) => ({ at: Date.parse(x.created_at) / 1000, took: Math.max(0, (Date.parse(x.updated_at) - Date.parse(x.created_at)) / 1000), good: x.status === 'COMPLETED' }))
    .sort((a, b) => a.at - b.at), [rows]);
  const figure = useMemo<Figure>(() => ({ kind: 'points', value: seconds, x: ended.map((x) => x.at), series: [ended.map((x) => (x.good ? x.took : null)), ended.map((x) => (x.good ? null : x.took))] }), [ended]);
  if (ended.length < 3) return null;
  const took = ended.map((x) => x.took).sort((a, b) => a - b);
  return (
    <div class="card card-wide">
      <Chart of={figure} label={t('jobs.chart')} legend={[t('job.COMPLETED'), t('jobs.chart.other')]}>
        {t('jobs.chart.sum', { n: ended.length, half: seconds(took[Math.floor((took.length - 1) / 2)]!), most: seconds(took.at(-1)!), bad: ended.filter((x) => !x.good).length })}
      </Chart>
    </div>
  );
}
