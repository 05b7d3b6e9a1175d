// read.tsx -- the one person's record under an emergency access: for reading, while it is open.
import type { Contact, Patient, Version } from '#api';
import { call } from '../app/api';
import { useLoad } from '../app/load';
import { day, moment, t } from '../i18n';
import { Icon } from '../ui/icon';
import { Card, Facts, Page, PrintButton, Waiting } from '../ui/page';

export function GlassRead({ glass, subject }: { glass: string; subject: string }) {
  const o = { path: { patient_id: Number(subject) }, glass };
  const p = useLoad<Patient>((signal) => call('GET /api/v1/patients/{patient_id}', { ...o, signal }), [glass]);
  const contacts = useLoad<Contact[]>((signal) => call('GET /api/v1/patients/{patient_id}/contacts', { ...o, signal }), [glass]);
  const screenings = useLoad<Version[]>((signal) => call('GET /api/v1/patients/{patient_id}/screenings', { ...o, query: { limit: 5 }, signal }), [glass]);
  const back = { href: '/app/emergency', text: t('nav.glass') };
  if (!p.data) return <Page title={t('glass.one')} back={back}><Waiting error={p.error} retry={() => void p.reload()} lines={8} /></Page>;
  const x = p.data;
  const call_ = (n: string | null | undefined) => n && <a href={`tel:${n.replace(/[^\d+]/g, '')}`}>{n}</a>;
  return (
    <Page title={[x.last_name, x.first_name].filter(Boolean).join(' ') || t('glass.one')} called={t('glass.one')} back={back} actions={<PrintButton />} lead={x.age === undefined ? undefined : t('patient.years', { n: x.age })}>
      <div class="note note-bad"><Icon name="glass" /><p>{t('glass.reading')}</p></div>
      <div class="grid">
        <Card title={t('patient.where')}><Facts of={[[t('patient.address'), x.home_address], [t('patient.phone'), call_(x.phone)]]} /></Card>
        <Card title={t('patient.contacts')}>{!contacts.data ? <Waiting error={contacts.error} retry={() => void contacts.reload()} lines={2} /> : contacts.data.length ? <Facts of={contacts.data.map((c) => [c.alias ?? t('contact.unnamed'), <>{call_(c.phone_no)} {c.email}</>])} /> : <p class="muted">{t('contact.none')}</p>}</Card>
        <Card title={t('patient.who')}><Facts of={[[t('patient.code'), x.codice_fiscale], [t('patient.born'), day(x.date_of_birth)], [t('patient.birthplace'), x.place_of_birth]]} /></Card>
        <Card title={t('patient.health')}><Facts of={[[t('patient.diag'), x.neuro_diag], [t('patient.ageclass'), x.age_class], [t('patient.notes'), x.medical_notes]]} /></Card>
        <Card title={t('screening.title')}>{!screenings.data ? <Waiting error={screenings.error} retry={() => void screenings.reload()} lines={2} /> : screenings.data.length ? <Facts of={screenings.data.map((v) => [moment(v.ts), [v.neuro_diag, v.age_class].filter(Boolean).join(', ')])} /> : <p class="muted">{t('screening.none')}</p>}</Card>
      </div>
    </Page>
  );
}
