// detail.tsx -- one person: each part is read and changed in its place.
import type { Patient } from '#api';
import { call } from '../app/api';
import { useLoad } from '../app/load';
import { day, t } from '../i18n';
import { Icon } from '../ui/icon';
import { Facts, Page, Pill, PrintButton, Waiting } from '../ui/page';
import { ConsentCard } from './consent';
import { Contacts } from './contacts';
import { Erase } from './erase';
import { fullName, } from './list';
import { Part } from './part';
import { STUDY, Study, WHERE, Where, WHO, Who } from './fields';
import { Streams } from '../streams/streams';
import { Notes, Screenings } from './history';

export function PatientDetail({ id }: { id: string }) {
  const patient_id = Number(id);
  const p = useLoad<Patient>((signal) => call('GET /api/v1/patients/{patient_id}', { path: { patient_id }, signal }), [id]);
  const back = { href: '/app/patients', text: t('nav.patients') };
  if (!p.data) return <Page title={t('patient.title')} back={back}><Waiting error={p.error} retry={() => void p.reload()} lines={10} /></Page>;
  const x = p.data;
  const part = { id: patient_id, patient: x, etag: p.etag, changed: p.set };
  return (
    <Page title={fullName(x)} called={t('patient.title')} back={back} actions={<><a class="button" href={`/app/homes/${id}`}><Icon name="home" />{t('patient.tohome')}</a><PrintButton /></>}
      lead={<>{x.age !== undefined && <span>{t('patient.years', { n: x.age })}</span>}{x.status && <Pill tone={x.status}>{t(`status.${x.status}`)}</Pill>}{x.date_exit && <Pill tone="calm">{t('patient.leftat', { day: day(x.date_exit) })}</Pill>}</>}>
      <div class="grid">
        <Part {...part} title={t('patient.who')} names={WHO} form={Who} view={<Facts of={[[t('patient.first'), x.first_name], [t('patient.last'), x.last_name], [t('patient.code'), x.codice_fiscale && <span class="mono">{x.codice_fiscale}</span>],
          [t('patient.gender'), x.gender && t(`gender.${x.gender as 'female'}`)], [t('patient.born'), day(x.date_of_birth)], [t('patient.birthplace'), x.place_of_birth]]} />} />
        <Part {...part} title={t('patient.where')} names={WHERE} form={Where} view={<Facts of={[[t('patient.address'), x.home_address], [t('patient.phone'), x.phone && <a href={`tel:${x.phone.replace(/[^\d+]/g, '')}`}>{x.phone}</a>]]} />} />
        <Part {...part} title={t('patient.study')} names={STUDY} form={Study} view={<Facts of={[[t('patient.joined'), day(x.date_join)], [t('patient.left'), day(x.date_exit)]]} />} />
        <Contacts id={patient_id} />
        <Screenings id={patient_id} changed={() => void p.reload()} />
        <Notes {...part} />
        <ConsentCard id={patient_id} />
        <Streams id={patient_id} of="patient" />
        <Erase id={patient_id} name={fullName(x)} />
      </div>
    </Page>
  );
}
