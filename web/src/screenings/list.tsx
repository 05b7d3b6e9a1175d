// list.tsx -- diagnosis and age class of those who consent to it, under one's role's own numbers.
import type { Version } from '#api';
import { call } from '../app/api';
import { paged, useList } from '../app/load';
import { day, t } from '../i18n';
import { type Column, CopyTable, Empty, Page, PrintButton, Table, Tag } from '../ui/page';

export function ScreeningList() {
  const list = useList<Version>(async (cursor, signal) => paged(await call('GET /api/v1/screenings', { query: { limit: 100, ...(cursor ? { cursor } : {}) }, signal })), []);
  const dated = list.rows?.some((v) => v.ts);
  const columns: Column<Version>[] = [
    { title: t('screening.number'), cell: (v) => <Tag n={v.data_id ?? 0} />, text: (v) => String(v.data_id ?? '') },
    { title: t('patient.diag'), cell: (v) => v.neuro_diag ?? '', text: (v) => v.neuro_diag ?? '' },
    { title: t('patient.ageclass'), cell: (v) => v.age_class ?? '', text: (v) => v.age_class ?? '' },
    ...(dated ? [{ title: t('screening.when'), cell: (v: Version) => day(v.ts), text: (v: Version) => v.ts ?? '' }] : []),
  ];
  return (
    <Page title={t('nav.screenings')} lead={t('screenings.lead')} actions={<><CopyTable rows={list.rows} columns={columns} /><PrintButton /></>}>
      <Table label={t('nav.screenings')} list={list} columns={columns} unit={(n) => t('screenings.count', { n })} empty={<Empty icon="list" title={t('screenings.none')} text={t('screenings.none.more')} />} />
    </Page>
  );
}
