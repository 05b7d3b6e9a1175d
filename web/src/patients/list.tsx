// list.tsx -- the people of the study: found by name, in the study or not, with what their home is like.
import { useState } from 'preact/hooks';
import type { PatientList as Rows } from '#api';
import { call } from '../app/api';
import { paged, useList } from '../app/load';
import { setQuery, usePlace } from '../app/router';
import { forgetWith } from '../app/session';
import { day, t } from '../i18n';
import { Icon } from '../ui/icon';
import { Choice, type Column, CopyTable, Empty, Page, Pill, PrintButton, Search, Table } from '../ui/page';

type Row = Rows[number];
/* A name stands in no address; so it is kept here for whoever comes back from one of them. */
let lastName = '';
forgetWith(() => { lastName = ''; });

export const fullName = (p: { first_name?: string; last_name?: string }): string => [p.last_name, p.first_name].filter(Boolean).join(' ');
export function PatientList() {
  const place = usePlace();
  const who = place.query.get('show') ?? 'in';
  const sort = place.query.get('sort') ?? '-date_join';
  const status = place.query.get('status') ?? '';
  const [name, setName] = useState(lastName);
  const list = useList<Row>(async (cursor, signal) => {
    const present = who === 'all' ? {} : { in_study: who === 'in' };
    if (name) return paged(await call('POST /api/v1/patients/search', { body: { name, limit: 100, ...present, ...(cursor ? { cursor } : {}) }, signal }));
    const home = status ? { status: status as 'open' } : {};
    return paged(await call('GET /api/v1/patients', { query: { sort: sort as 'name', limit: 100, ...present, ...home, ...(cursor ? { cursor } : {}) }, signal }));
  }, [who, sort, status, name]);
  const columns: Column<Row>[] = [
    { title: t('patient.name'), main: true, cell: (p) => <><span class="hue" style={{ background: p.hue }} aria-hidden="true" />{fullName(p)}</>, text: fullName },
    { title: t('patient.age'), right: true, cell: (p) => p.age ?? '', text: (p) => String(p.age ?? '') },
    { title: t('patient.diag'), cell: (p) => p.neuro_diag ?? '', text: (p) => p.neuro_diag ?? '' },
    { title: t('patient.joined'), cell: (p) => day(p.date_join), text: (p) => p.date_join ?? '' },
    ...(who === 'in' ? [] : [{ title: t('patient.left'), cell: (p: Row) => day(p.date_exit), text: (p: Row) => p.date_exit ?? '' }]),
    { title: t('patient.home'), cell: (p) => p.status && <Pill tone={p.status}>{t(`status.${p.status}`)}</Pill>, text: (p) => p.status ?? '' },
  ];
  return (
    <Page title={t('nav.patients')} lead={t('patients.lead')} actions={<><CopyTable rows={list.rows} columns={columns} /><PrintButton /><a class="button button-main" href="/app/patients/new"><Icon name="plus" />{t('patients.new')}</a></>}>
      <div class="toolbar">
        <Search label={t('patients.search')} value={name} onPause={(v) => { lastName = v.trim(); setName(lastName); }} />
        <Choice label={t('patients.show')} value={who} options={[['in', t('patients.in')], ['out', t('patients.out')], ['all', t('patients.all')]]} onChange={(v) => setQuery({ show: v === 'in' ? undefined : v })} />
        {!name && (
          <label class="inline">{t('patient.home')}
            <select value={status} onChange={(e) => setQuery({ status: (e.target as HTMLSelectElement).value || undefined })}>
              <option value="" selected={!status}>{t('list.all')}</option>
              {(['opening', 'open', 'pause', 'closing', 'closed'] as const).map((v) => <option value={v} selected={v === status}>{t(`status.${v}`)}</option>)}
            </select>
          </label>
        )}
        {!name && (
          <label class="inline">{t('list.sort')}
            <select value={sort} onChange={(e) => setQuery({ sort: (e.target as HTMLSelectElement).value })}>
              {([['-date_join', t('patients.newest')], ['date_join', t('patients.oldest')], ['name', t('patients.byname')]] as const).map(([v, text]) => <option value={v} selected={v === sort}>{text}</option>)}
            </select>
          </label>
        )}
      </div>
      <Table label={t('nav.patients')} list={list} columns={columns} href={(p) => `/app/patients/${p.patient_id}`} unit={(n) => t('patients.count', { n })}
        empty={name ? <Empty icon="search" title={t('patients.nobody', { name })} text={t('patients.nobody.more')} />
          : status ? <Empty icon="search" title={t('list.none')} />
          : who === 'out' ? <Empty icon="check" title={t('patients.none.out')} />
            : <Empty icon="people" title={t('patients.none')} text={t('patients.none.more')} action={<a class="button button-main" href="/app/patients/new"><Icon name="plus" />{t('patients.new')}</a>} />} />
    </Page>
  );
}
