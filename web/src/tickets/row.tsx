// row.tsx -- a ticket in a list, and the form that opens one.
import type { Ticket } from '#api';
import { call } from '../app/api';
import { ago, t } from '../i18n';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Pill } from '../ui/page';

export const categories = ['maintenance', 'installation', 'uninstallation'] as const;
export function TicketRow({ ticket: x }: { ticket: Ticket }) {
  return (
    <li class="row"><Icon name="ticket" />
      <span class="grow"><a class="strong" href={`/app/tickets/${x.ticket_id}`}>{t(`category.${x.category}`)}</a><span class="small">{t('ticket.opened', { when: ago(x.date_delta) })}{x.mine ? ` · ${t('ticket.mine')}` : x.taken ? ` · ${t('ticket.taken')}` : ''}</span></span>
      <Pill tone={x.status === 'open' ? 'info' : 'calm'}>{t(`ticket.${x.status}`)}</Pill>
    </li>
  );
}
export function NewTicket({ home, close, done }: { home: number; close: () => void; done: (t: Ticket) => void }) {
  const form = useForm({ category: 'maintenance', 'message.body': '' }, `ticket-${home}`);
  const save = (): void => void form.run(async () => {
    const { data } = await call('POST /api/v1/installations/{patient_id}/tickets', { path: { patient_id: home }, body: { category: form.values.category as 'maintenance', message: { body: form.values['message.body']! } } });
    done(data);
  }, ['message.body']);
  return (
    <FormBox form={form} onSubmit={save} label={t('ticket.new')} inPlace>
      <Field form={form} name="category" label={t('ticket.category')} wide options={categories.map((c) => [c, t(`category.${c}`)])} />
      <Field form={form} name="message.body" label={t('ticket.message')} hint={t('ticket.message.hint')} rows={3} more={{ maxLength: 8000 }} />
      <Buttons form={form} save={t('ticket.send')} cancel={() => { form.reset(); close(); }} />
    </FormBox>
  );
}
