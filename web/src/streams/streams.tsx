// streams.tsx -- which streams come from a home, or are of a person, and since when: as a picture, and as a list. What they measure is not
// here yet.
import { useMemo } from 'preact/hooks';
import type { Stream } from '#api';
import { call } from '../app/api';
import { paged, useList } from '../app/load';
import { t, when, word } from '../i18n';
import { Chart } from '../ui/chart';
import { Icon } from '../ui/icon';
import { Card, Pill, Waiting } from '../ui/page';
import type { Figure } from '../ui/plot';

const seconds = (s: string): number => Date.parse(s) / 1000;
export function Streams({ id, of }: { id: number; of: 'patient' | 'home' }) {
  const list = useList<Stream>(async (cursor, signal) => {
    const o = { path: { patient_id: id }, query: { limit: 100, ...(cursor ? { cursor } : {}) }, signal };
    return paged(of === 'patient' ? await call('GET /api/v1/patients/{patient_id}/streams', o) : await call('GET /api/v1/installations/{patient_id}/streams', o));
  }, [id, of]);
  const rows = list.rows;
  const figure = useMemo<Figure | undefined>(() => rows && rows.length > 0
    ? { kind: 'spans', now: Date.now() / 1000, rows: rows.slice(0, 30).map((s) => ({ label: word('kind', s.kind), since: seconds(s.date_start), until: s.date_end ? seconds(s.date_end) : null })) } : undefined, [rows]);
  const live = rows?.filter((s) => !s.date_end).length ?? 0;
  if (list.error && (list.error.status === 404 || list.error.status === 403)) return null;
  return (
    <Card title={t('streams.title')}>
      {!rows ? <Waiting error={list.error} retry={list.reload} lines={4} /> : !rows.length ? <p class="muted">{t(`streams.none.${of}`)}</p> : (
        <>
          {figure && <Chart of={figure} label={t('streams.chart')} height={Math.min(rows.length, 30) * 30 + 80}>{t('streams.sum', { n: live, all: rows.length })}</Chart>}
          <ul class="plain">
            {rows.map((s) => (
              <li class="row"><Icon name="chart" /><span class="grow"><span class="strong">{word('kind', s.kind)} <span class="mono small-in">{s.unit}</span></span>
                <span class="small">{s.date_end ? t('streams.fromto', { since: when(s.date_start), until: when(s.date_end) }) : t('streams.since', { since: when(s.date_start) })}</span></span>
                <Pill tone={s.date_end ? 'calm' : 'good'}>{s.date_end ? word('ended', s.ended ?? 'closed') : t('streams.live')}</Pill></li>
            ))}
          </ul>
          {list.more && <div class="buttons"><button type="button" class="button" onClick={list.more}>{t('list.more')}</button></div>}
        </>
      )}
    </Card>
  );
}
