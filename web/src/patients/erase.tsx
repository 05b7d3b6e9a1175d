// erase.tsx -- the one thing that cannot be undone: it asks for the name to be written.
import { useState } from 'preact/hooks';
import type { PatientReceipt } from '#api';
import { call } from '../app/api';
import { go } from '../app/router';
import { moment, t } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Card, Facts } from '../ui/page';

export function Erase({ id, name }: { id: number; name: string }) {
  const [open, setOpen] = useState(false);
  const [receipt, setReceipt] = useState<PatientReceipt>();
  const form = useForm({ name: '' });
  const erase = (): void => void form.run(async () => {
    if (form.values.name!.trim().toLowerCase() !== name.toLowerCase()) { form.fail('name', t('erase.other', { name })); return; }
    setReceipt((await call('DELETE /api/v1/patients/{patient_id}', { path: { patient_id: id } })).data);
  }, ['name']);
  const away = (): void => go('/app/patients', true);
  return (
    <Card title={t('erase.title')}>
      <p class="muted">{t('erase.lead')}</p>
      <div class="buttons"><button type="button" class="button button-danger" onClick={() => setOpen(true)}>{t('erase.open')}</button></div>
      {open && !receipt && (
        <Dialog title={t('erase.sure', { name })} onClose={() => { form.reset(); setOpen(false); }}>
          <p>{t('erase.more')}</p>
          <FormBox form={form} onSubmit={erase} label={t('erase.title')}>
            <Field form={form} name="name" label={t('erase.name', { name })} wide more={{ autocomplete: 'off' }} />
            <Buttons form={form} save={t('erase.go')} danger cancel={() => { form.reset(); setOpen(false); }} />
          </FormBox>
        </Dialog>
      )}
      {receipt && (
        <Dialog title={t('erase.done')} onClose={away} wide>
          <p>{t('erase.receipt')}</p>
          <Facts of={[[t('erase.at'), moment(receipt.erased_at)], [t('erase.id'), <span class="mono">{receipt.erasure}</span>], [t('audit.idx'), receipt.audit.index], [t('audit.leaf'), <span class="mono">{receipt.audit.leaf}</span>]]} />
          <div class="buttons"><button type="button" class="button" onClick={() => print()}>{t('do.print')}</button><button type="button" class="button button-main" onClick={away}>{t('erase.back')}</button></div>
        </Dialog>
      )}
    </Card>
  );
}
