// list.tsx -- homes with sensors: an installer's are those they have taken a ticket of.
import type { Installation } from '#api';
import { call } from '../app/api';
import { paged, useList } from '../app/load';
import { setQuery, usePlace } from '../app/router';
import { role } from '../app/session';
import { ago, daysAgo, t, when } from '../i18n';
import { Choice, type Column, CopyTable, Empty, Page, Pill, PrintButton, Table, Tag } from '../ui/page';

const states = ['opening', 'open', 'pause', 'closing', 'closed'] as const;
export function InstallationList() {
  const asked = usePlace().query.get('status'), show = states.find((x) => x === asked);
  const list = useList<Installation>(async (cursor, signal) => paged(await call('GET /api/v1/installations', { query: { limit: 50, ...(show ? { status: show } : {}), ...(cursor ? { cursor } : {}) }, signal })), [show]);
  const as = role();
  const columns: Column<Installation>[] = [
    { title: t('home.title'), main: true, cell: (h) => <Tag n={h.patient_id} hue={h.hue} />, text: (h) => String(h.patient_id) },
    { title: t('home.status'), cell: (h) => <Pill tone={h.status}>{t(`status.${h.status}`)}</Pill>, text: (h) => h.status },
    { title: t('home.start'), cell: (h) => when(h.date_start), text: (h) => h.date_start ?? '' },
    { title: t('home.end'), cell: (h) => when(h.date_end), text: (h) => h.date_end ?? '' },
    { title: t('home.last'), cell: (h) => (h.date_delta === undefined ? '' : (as === 'monitor' ? daysAgo : ago)(h.date_delta)), text: (h) => String(h.date_delta ?? '') },
  ];
  return (
    <Page title={t('nav.homes')} lead={t(as === 'installer' ? 'homes.lead.installer' : as === 'doctor' ? 'homes.lead.doctor' : 'homes.lead.monitor')} actions={<><CopyTable rows={list.rows} columns={columns} /><PrintButton /></>}>
      {(show || !list.rows || list.rows.length > 0) && <div class="toolbar"><Choice label={t('home.status')} value={show ?? 'all'} options={[['all', t('list.all')], ...states.map((k): [string, string] => [k, t(`status.${k}`)])]} onChange={(v) => setQuery({ status: v === 'all' ? undefined : v })} /></div>}
      <Table label={t('nav.homes')} list={list} columns={columns} href={(h) => `/app/homes/${h.patient_id}`} unit={(n) => t('homes.count', { n })}
        empty={show ? <Empty icon="search" title={t('list.none')} /> : as === 'installer' ? <Empty icon="home" title={t('homes.none.installer')} text={t('homes.none.installer.more')} action={<a class="button button-main" href="/app/tickets">{t('nav.tickets')}</a>} />
          : <Empty icon="home" title={t('homes.none')} text={t('homes.none.more')} />} />
    </Page>
  );
}
