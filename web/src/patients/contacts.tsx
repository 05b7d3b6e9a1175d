// contacts.tsx -- whom to call for somebody.
import { useState } from 'preact/hooks';
import type { Contact } from '#api';
import { call } from '../app/api';
import { useLoad } from '../app/load';
import { t } from '../i18n';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Waiting } from '../ui/page';
import { say, sayWrong } from '../ui/toast';

const names = ['alias', 'phone_no', 'email'] as const;
type Body = { alias?: string | null; phone_no?: string | null; email?: string | null };
export function Contacts({ id }: { id: number }) {
  const list = useLoad<Contact[]>((signal) => call('GET /api/v1/patients/{patient_id}/contacts', { path: { patient_id: id }, signal }), [id]);
  const [open, setOpen] = useState<number | 'new'>();
  const add = (body: Body): Promise<unknown> => call('POST /api/v1/patients/{patient_id}/contacts', { path: { patient_id: id }, body });
  const remove = async (c: Contact): Promise<void> => {
    await call('DELETE /api/v1/contacts/{contact_id}', { path: { contact_id: c.id! }, etag: '*' }); /* whatever it says by now; it can be undone */
    await list.reload();
    say(t('contact.removed'), async () => { await add({ alias: c.alias, phone_no: c.phone_no, email: c.email }); await list.reload(); });
  };
  const [now, setNow] = useState<{ contact: Contact; etag: string }>(); /* what is edited, as it was when that began */
  const edit = async (c: Contact): Promise<void> => {
    const a = await call('GET /api/v1/contacts/{contact_id}', { path: { contact_id: c.id! } });
    setNow({ contact: a.data, etag: a.etag ?? '*' });
    setOpen(c.id);
  };
  const close = (): void => setOpen(undefined);
  const done = async (): Promise<void> => { close(); await list.reload(); say(t('done.saved')); };
  return (
    <Card title={t('patient.contacts')} actions={open !== 'new' && <button type="button" class="button-quiet with-text" onClick={() => setOpen('new')}><Icon name="plus" />{t('contact.add')}</button>}>
      {!list.data ? <Waiting error={list.error} retry={() => void list.reload()} lines={2} /> : (
        <ul class="plain">
          {list.data.map((c) => (open === c.id && now ? <li><Edit contact={now.contact} save={async (b) => { await call('PUT /api/v1/contacts/{contact_id}', { path: { contact_id: c.id! }, body: b, etag: now.etag }); await done(); }} close={close} /></li> : (
            <li class="row"><Icon name="phone" />
              <span class="grow"><span class="strong">{c.alias ?? t('contact.unnamed')}</span><span class="small">{c.phone_no && <a href={`tel:${c.phone_no.replace(/[^\d+]/g, '')}`}>{c.phone_no}</a>} {c.email && <a href={`mailto:${c.email}`}>{c.email}</a>}</span></span>
              <button type="button" class="button-quiet" aria-label={t('contact.edit', { name: c.alias ?? '' })} onClick={() => { edit(c).catch(sayWrong); }}><Icon name="edit" /></button>
              <button type="button" class="button-quiet" aria-label={t('contact.remove', { name: c.alias ?? '' })} onClick={() => { remove(c).catch(sayWrong); }}><Icon name="close" /></button>
            </li>
          )))}
          {!list.data.length && open !== 'new' && <li class="muted">{t('contact.none')}</li>}
          {open === 'new' && <li><Edit draft={`contact-of-${id}`} save={async (b) => { await add(b); await done(); }} close={close} /></li>}
        </ul>
      )}
    </Card>
  );
}
function Edit({ contact, draft, save, close }: { contact?: Contact; draft?: string; save: (b: Body) => Promise<void>; close: () => void }) {
  const form = useForm({ alias: contact?.alias ?? '', phone_no: contact?.phone_no ?? '', email: contact?.email ?? '' }, draft);
  const submit = (): void => void form.run(async () => {
    if (!names.some((n) => form.values[n]!.trim())) { form.fail('alias', t('contact.one')); return; }
    await save(Object.fromEntries(names.flatMap((n) => (form.values[n]!.trim() || contact ? [[n, form.values[n]!.trim() || null]] : []))));
  });
  return (
    <FormBox form={form} onSubmit={submit} label={t('contact.add')} inPlace>
      <div class="fields">
        <Field form={form} name="alias" label={t('contact.who')} hint={t('contact.who.hint')} wide more={{ autocomplete: 'off', maxLength: 100 }} />
        <Field form={form} name="phone_no" label={t('patient.phone')} type="tel" more={{ autocomplete: 'off', maxLength: 40 }} />
        <Field form={form} name="email" label={t('contact.email')} type="email" more={{ autocomplete: 'off', maxLength: 254 }} />
      </div>
      <Buttons form={form} save={t('do.save')} cancel={() => { form.reset(); close(); }} />
    </FormBox>
  );
}
