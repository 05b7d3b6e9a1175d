// consent.tsx -- what somebody agreed to, and taking it back.
import { useState } from 'preact/hooks';
import type { Consent } from '#api';
import { call } from '../app/api';
import { useLoad } from '../app/load';
import { day, moment, t, today } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Facts, Pill, Waiting } from '../ui/page';
import { say } from '../ui/toast';

const purposes = ['treatment', 'monitoring', 'research'] as const;
export function ConsentCard({ id }: { id: number }) {
  const c = useLoad<Consent>((signal) => call('GET /api/v1/patients/{patient_id}/consent', { path: { patient_id: id }, signal }), [id]);
  const [open, setOpen] = useState<'record' | 'withdraw'>();
  const none = c.error?.status === 404;
  const form = useForm({ version: '', signed_at: today(), treatment: '', monitoring: '', research: '' }, `consent-${id}`);
  const back = useForm({});
  const record = (): void => void form.run(async () => {
    const given = purposes.filter((p) => form.values[p]);
    if (!given.length) { form.fail('treatment', t('consent.one')); return; }
    const { data, etag } = await call('PUT /api/v1/patients/{patient_id}/consent', { path: { patient_id: id }, body: { version: form.values.version!, signed_at: form.values.signed_at!, purposes: given },
      ...(c.etag ? { etag: c.etag } : { headers: { 'If-None-Match': '*' } }) });
    form.reset();
    setOpen(undefined);
    c.set(data, etag);
    say(t('consent.recorded'));
  }, ['version', 'signed_at']);
  const withdraw = (): void => void back.run(async () => {
    const { data, etag } = await call('POST /api/v1/patients/{patient_id}/consent/withdraw', { path: { patient_id: id }, ...(c.etag ? { etag: c.etag } : {}) });
    setOpen(undefined);
    c.set(data, etag);
    say(t('consent.withdrawn'));
  });
  return (
    <Card title={t('consent.title')} actions={!open && (c.data || none) && <button type="button" class="button-quiet with-text" onClick={() => setOpen('record')}><Icon name="edit" />{t('consent.record')}</button>}>
      {open === 'record' ? (
        <FormBox form={form} onSubmit={record} label={t('consent.record')} inPlace>
          <div class="fields">
            <Field form={form} name="version" label={t('consent.version')} hint={t('consent.version.hint')} required more={{ autocomplete: 'off' }} />
            <Field form={form} name="signed_at" label={t('consent.signed')} type="date" required />
          </div>
          <fieldset class="group" aria-invalid={form.errors.treatment ? true : undefined}><legend>{t('consent.purposes')}</legend>
            {purposes.map((p) => <label class="check"><input type="checkbox" checked={!!form.values[p]} onChange={(e) => form.set(p, (e.target as HTMLInputElement).checked ? '1' : '')} /><span><span class="strong">{t(`purpose.${p}`)}</span><span class="small">{t(`purpose.${p}.is`)}</span></span></label>)}
            {form.errors.treatment && <p class="error"><Icon name="alert" />{form.errors.treatment}</p>}
          </fieldset>
          <Buttons form={form} save={t('consent.save')} cancel={() => { form.reset(); setOpen(undefined); }} />
        </FormBox>
      ) : c.data ? (
        <>
          <Facts of={[[t('consent.state'), <Pill tone={c.data.state}>{t(`consent.${c.data.state}`)}</Pill>], [t('consent.purposes'), c.data.purposes.map((p) => t(`purpose.${p}`)).join(', ')],
            [t('consent.version'), c.data.version], [t('consent.signed'), day(c.data.signed_at)], ...(c.data.withdrawn_at ? [[t('consent.withdrawnat'), moment(c.data.withdrawn_at)] as [string, string]] : [])]} />
          {c.data.state === 'active' && <div class="buttons"><button type="button" class="button" onClick={() => setOpen('withdraw')}>{t('consent.withdraw')}</button></div>}
        </>
      ) : none ? <div class="note"><Icon name="alert" /><p>{t('consent.none')}</p></div> : <Waiting error={c.error} retry={() => void c.reload()} lines={2} />}
      {open === 'withdraw' && (
        <Dialog title={t('consent.withdraw.title')} onClose={() => setOpen(undefined)}>
          <p>{t('consent.withdraw.more')}</p>
          <FormBox form={back} onSubmit={withdraw}><Buttons form={back} save={t('consent.withdraw')} danger cancel={() => setOpen(undefined)} /></FormBox>
        </Dialog>
      )}
    </Card>
  );
}
