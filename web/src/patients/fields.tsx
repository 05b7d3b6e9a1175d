// fields.tsx -- the fields of a person, for the form that enrols and for those that change.
import { t } from '../i18n';
import { Field, type Form } from '../ui/form';

export const genders = (): [string, string][] => [['', t('patient.gender.code')], ['female', t('gender.female')], ['male', t('gender.male')], ['other', t('gender.other')], ['unknown', t('gender.unknown')]];
export const WHO = ['first_name', 'last_name', 'codice_fiscale', 'gender', 'date_of_birth', 'place_of_birth'] as const;
export const WHERE = ['home_address', 'phone'] as const;
export const STUDY = ['date_join', 'date_exit'] as const;

export function Who({ form }: { form: Form }) {
  return (
    <div class="fields">
      <Field form={form} name="first_name" label={t('patient.first')} required more={{ autocomplete: 'off', maxLength: 100 }} />
      <Field form={form} name="last_name" label={t('patient.last')} hint={t('patient.last.hint')} required more={{ autocomplete: 'off', maxLength: 100 }} />
      <Field form={form} name="codice_fiscale" label={t('patient.code')} hint={t('patient.code.hint')} required more={{ autocomplete: 'off', spellcheck: false, autocapitalize: 'characters', maxLength: 40, class: 'mono' }} />
      <Field form={form} name="gender" label={t('patient.gender')} options={genders()} />
      <Field form={form} name="date_of_birth" label={t('patient.born')} hint={t('patient.born.hint')} type="date" />
      <Field form={form} name="place_of_birth" label={t('patient.birthplace')} more={{ autocomplete: 'off', maxLength: 100 }} />
    </div>
  );
}
export function Where({ form }: { form: Form }) {
  return (
    <div class="fields">
      <Field form={form} name="home_address" label={t('patient.address')} hint={t('patient.address.hint')} wide more={{ autocomplete: 'off', maxLength: 300 }} />
      <Field form={form} name="phone" label={t('patient.phone')} type="tel" more={{ autocomplete: 'off', maxLength: 40 }} />
    </div>
  );
}
export function Study({ form }: { form: Form }) {
  return (
    <div class="fields">
      <Field form={form} name="date_join" label={t('patient.joined')} type="date" hint={t('patient.joined.hint')} />
      <Field form={form} name="date_exit" label={t('patient.left')} type="date" hint={t('patient.left.hint')} />
    </div>
  );
}
/** What of a form is to be sent: of a change what is another now, null for what was emptied. */
export function changes(form: Form, names: readonly string[], before: Record<string, unknown>): Record<string, string | null> {
  const out: Record<string, string | null> = {};
  for (const n of names) {
    const now = (form.values[n] ?? '').trim(), was = String(before[n] ?? '');
    if (now !== was) out[n] = now || null;
  }
  return out;
}
