// list.tsx -- tickets of all homes: open, closed; whose they are.
import type { Ticket } from '#api';
import { call } from '../app/api';
import { paged, useList } from '../app/load';
import { setQuery, usePlace } from '../app/router';
import { role } from '../app/session';
import { ago, since, t, word } from '../i18n';
import { Choice, type Column, CopyTable, Empty, Page, Pill, PrintButton, Table, Tag } from '../ui/page';

export function TicketList() {
  const show = usePlace().query.get('show') ?? 'open';
  const state = show === 'closed' ? 'closed' : show === 'all' ? undefined : 'open';
  const as = role();
  const list = useList<Ticket>(async (cursor, signal) => {
    const page = async (after: number | undefined) => paged(await call('GET /api/v1/tickets', { query: { limit: 50, ...(state ? { state } : {}), ...(show === 'mine' ? { mine: true } : {}), ...(after ? { cursor: after } : {}) }, signal }));
    let got = await page(cursor);
    if (show !== 'free') return got;
    /* Which of them nobody has is not asked for by itself: pages are read until there are some to show. */
    const free = got.rows.filter((x) => !x.taken);
    while (free.length < 20 && got.next !== undefined) free.push(...(got = await page(got.next)).rows.filter((x) => !x.taken));
    return { rows: free, next: got.next };
  }, [show]);
  const columns: Column<Ticket>[] = [
    { title: t('ticket.category'), main: true, cell: (x) => t(`category.${x.category}`), text: (x) => x.category },
    { title: t('ticket.state'), cell: (x) => <Pill tone={x.status === 'open' ? 'info' : 'calm'}>{t(`ticket.${x.status}`)}</Pill>, text: (x) => x.status },
    { title: t('home.title'), cell: (x) => <Tag n={x.patient_id} hue={x.hue} />, text: (x) => String(x.patient_id) },
    { title: t('ticket.who'), cell: (x) => (x.mine ? <Pill tone="good">{t('ticket.mine')}</Pill> : x.taken ? t('ticket.taken') : x.status === 'open' ? t('ticket.free') : ''), text: (x) => (x.mine ? 'mine' : x.taken ? 'taken' : '') },
    { title: t('ticket.since'), cell: (x) => ago(x.date_delta), text: (x) => x.ts },
    { title: t('ticket.lastmessage'), cell: (x) => <span>{word('role', x.last_sender)}<span class="small">{since(x.last_message)}</span></span>, text: (x) => `${x.last_sender} ${x.last_message}` },
  ];
  const options: [string, string][] = [['open', t('tickets.open')], ...(as === 'installer' ? [['mine', t('tickets.mine')], ['free', t('tickets.free')]] as [string, string][] : []), ['closed', t('tickets.closed')], ['all', t('list.all')]];
  return (
    <Page title={t('nav.tickets')} lead={t(as === 'installer' ? 'tickets.lead.installer' : 'tickets.lead')} actions={<><CopyTable rows={list.rows} columns={columns} /><PrintButton /></>}>
      <div class="toolbar"><Choice label={t('ticket.state')} value={show} options={options} onChange={(v) => setQuery({ show: v === 'open' ? undefined : v })} /></div>
      <Table label={t('nav.tickets')} list={list} columns={columns} href={(x) => `/app/tickets/${x.ticket_id}`} unit={(n) => t('tickets.count', { n })}
        empty={<Empty icon="check" title={t(show === 'mine' ? 'tickets.none.mine' : 'tickets.none')} text={t(as === 'doctor' ? 'tickets.none.doctor' : show === 'mine' ? 'tickets.none.mine.more' : 'tickets.none.more')} />} />
    </Page>
  );
}
