// list.tsx -- the queue: one's own jobs; of an admin, how everybody's stand.
import { useEffect } from 'preact/hooks';
import type { JobPage } from '#api';
import { call } from '../app/api';
import { useList } from '../app/load';
import { setQuery, usePlace } from '../app/router';
import { role } from '../app/session';
import { lasted, moment, t, word } from '../i18n';
import { Choice, type Column, CopyTable, Empty, Page, PrintButton, Table } from '../ui/page';
import { JobChart } from './chart';
import { moves, State } from './parts';

type Row = JobPage['jobs'][number];
const states = ['QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED'] as const;
/* Staff's jobs go by their account's id, which is no program's name. */
const sender = (name: string | undefined): string => (name && /^[0-9a-f-]{36}$/.test(name) ? t('job.person') : name ?? '');

export function JobList() {
  const place = usePlace(), state = states.find((s) => s === place.query.get('state')), all = role() === 'admin';
  const list = useList<Row, string>(async (cursor, signal) => {
    const { data } = await call('GET /v1/jobs', { query: { limit: 50, ...(state ? { state } : {}), ...(cursor ? { cursor } : {}) }, signal });
    return { rows: data.jobs, next: data.next ?? undefined };
  }, [state]);
  /* While something moves and one page is shown, it is read again. */
  const waits = !list.busy && !list.error && (list.rows?.length ?? 0) <= 50 && list.rows?.some((x) => moves(x.status));
  useEffect(() => {
    if (!waits) return;
    const timer = setTimeout(() => { if (!document.hidden) list.reload(); }, 3000);
    return () => clearTimeout(timer);
  }, [waits, list.rows]);
  const columns: Column<Row>[] = [
    { title: t('job.sent'), main: true, cell: (x) => moment(x.created_at), text: (x) => x.created_at },
    { title: t('job.state'), cell: (x) => <State of={x.status} />, text: (x) => x.status },
    { title: t('model.title'), cell: (x) => <span class="mono">{x.model}@{x.version}</span>, text: (x) => `${x.model}@${x.version}` },
    ...(all ? [{ title: t('job.sender'), cell: (x: Row) => sender(x.client), text: (x: Row) => x.client ?? '' }] : []),
    { title: t('job.priority'), cell: (x) => word('priority', x.priority ?? 'routine'), text: (x) => x.priority ?? '' },
    { title: t('job.took'), right: true, cell: (x) => (moves(x.status) ? '' : lasted(x.created_at, x.updated_at)), text: (x) => (moves(x.status) ? '' : String((Date.parse(x.updated_at) - Date.parse(x.created_at)) / 1000)) },
    { title: t('job.failure'), cell: (x) => x.error && word('fail', x.error), text: (x) => x.error ?? '' },
  ];
  return (
    <Page title={t('nav.jobs')} lead={t(all ? 'jobs.lead.admin' : 'jobs.lead')} actions={<><CopyTable rows={list.rows} columns={columns} /><PrintButton /></>}>
      <div class="toolbar"><Choice label={t('job.state')} value={state ?? 'all'} options={[['all', t('list.all')], ...states.map((s): [string, string] => [s, t(`job.${s}`)])]} onChange={(v) => setQuery({ state: v === 'all' ? undefined : v })} /></div>
      {list.rows && <JobChart rows={list.rows} />}
      <Table label={t('nav.jobs')} list={list} columns={columns} href={(x) => `/app/jobs/${x.job_id}`} unit={(n) => t('jobs.count', { n })}
        empty={<Empty icon="clock" title={t(state ? 'jobs.none.state' : 'jobs.none')} text={t(all ? 'jobs.none.admin' : 'jobs.none.more')} action={!all && !state && <a class="button button-main" href="/app/playground">{t('nav.playground')}</a>} />} />
    </Page>
  );
}
