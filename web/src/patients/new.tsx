// new.tsx -- somebody is enrolled: who they are, where they live, what is known of their health, whom to call; with it the ticket for
// the installation is opened.
import { useState } from 'preact/hooks';
import { call } from '../app/api';
import { go } from '../app/router';
import { t } from '../i18n';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Page } from '../ui/page';
import { say } from '../ui/toast';
import { STUDY, Study, WHERE, Where, WHO, Who } from './fields';

const names = [...WHO, ...WHERE, ...STUDY, 'neuro_diag', 'age_class', 'medical_notes'];
export function PatientNew() {
  const form = useForm(Object.fromEntries(names.map((n) => [n, ''])), 'patient-new');
  const [rows, setRows] = useState(() => Math.max(1, ...Object.keys(form.values).map((k) => Number(/^contacts\.(\d+)\./.exec(k)?.[1] ?? -1) + 1)));
  const contact = (i: number, f: string): string => `contacts.${i}.${f}`;
  const save = (): void => void form.run(async () => {
    const body = Object.fromEntries(names.flatMap((n) => { const v = (form.values[n] ?? '').trim(); return v ? [[n, v]] : []; }));
    const contacts = Array.from({ length: rows }, (_, i) => Object.fromEntries(['alias', 'phone_no', 'email'].flatMap((f) => { const v = (form.values[contact(i, f)] ?? '').trim(); return v ? [[f, v]] : []; })))
      .filter((c) => Object.keys(c).length);
    const { data } = await call('POST /api/v1/patients', { body: { ...body, ...(contacts.length ? { contacts } : {}) } as never });
    say(t(data.warnings?.length ? 'patient.enrolled.warn' : 'patient.enrolled'));
    go(`/app/patients/${data.patient_id}`, true);
  }, ['first_name', 'last_name', 'codice_fiscale']);
  return (
    <Page title={t('patients.new')} lead={t('patient.new.lead')} back={{ href: '/app/patients', text: t('nav.patients') }} narrow>
      <FormBox form={form} onSubmit={save} label={t('patients.new')}>
        <Card title={t('patient.who')} wide><Who form={form} /></Card>
        <Card title={t('patient.where')} wide><Where form={form} /><p class="muted with-icon"><Icon name="home" />{t('patient.where.more')}</p></Card>
        <Card title={t('patient.contacts')} wide>
          {Array.from({ length: rows }, (_, i) => (
            <fieldset class="group"><legend>{t('contact.nth', { i: i + 1 })}</legend>
              <div class="fields">
                <Field form={form} name={contact(i, 'alias')} label={t('contact.who')} hint={i ? undefined : t('contact.who.hint')} more={{ autocomplete: 'off', maxLength: 100 }} />
                <Field form={form} name={contact(i, 'phone_no')} label={t('patient.phone')} type="tel" more={{ autocomplete: 'off', maxLength: 40 }} />
                <Field form={form} name={contact(i, 'email')} label={t('contact.email')} type="email" more={{ autocomplete: 'off', maxLength: 254 }} />
              </div>
            </fieldset>
          ))}
          {rows < 20 && <div class="buttons"><button type="button" class="button" onClick={() => setRows(rows + 1)}><Icon name="plus" />{t('contact.another')}</button></div>}
        </Card>
        <Card title={t('patient.health')} wide>
          <div class="fields">
            <Field form={form} name="neuro_diag" label={t('patient.diag')} more={{ autocomplete: 'off', maxLength: 200 }} />
            <Field form={form} name="age_class" label={t('patient.ageclass')} more={{ autocomplete: 'off', maxLength: 40 }} />
            <Field form={form} name="medical_notes" label={t('patient.notes')} rows={4} />
          </div>
        </Card>
        <Card title={t('patient.study')} wide><Study form={form} /></Card>
        <Buttons form={form} save={t('patient.enrol')} cancel={() => { form.reset(); go('/app/patients'); }} />
      </FormBox>
    </Page>
  );
}
