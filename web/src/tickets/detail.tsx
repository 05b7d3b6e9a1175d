// detail.tsx -- a ticket: what was written and done, in order; writing in it, taking it, closing it.
import { useState } from 'preact/hooks';
import type { Message, TicketHistory } from '#api';
import { type Answer, call, type Op } from '../app/api';
import { useLoad } from '../app/load';
import { role } from '../app/session';
import { ago, own, t, when, word } from '../i18n';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Page, Pill, PrintButton, Tag, Waiting } from '../ui/page';
import { forgetUndo, say, sayWrong } from '../ui/toast';

type Deed = 'close' | 'reopen' | 'take' | 'release';
export function TicketDetail({ id }: { id: string }) {
  const ticket_id = Number(id);
  const as = role();
  const x = useLoad<TicketHistory>((signal) => call('GET /api/v1/tickets/{ticket_id}', { path: { ticket_id }, signal }), [id]);
  const m = useLoad<Message[]>(async (signal) => {
    const all: Message[] = [];
    for (let cursor: number | undefined; ;) {
      const a: Answer<Message[]> = await call('GET /api/v1/tickets/{ticket_id}/messages', { path: { ticket_id }, query: { limit: 100, ...(cursor ? { cursor } : {}) }, signal });
      all.push(...a.data);
      cursor = a.next;
      if (!cursor) return { ...a, data: all };
    }
  }, [id]);
  const [busy, setBusy] = useState<Deed>();
  const form = useForm({ body: '' }, `reply-${id}`);
  const back = { href: '/app/tickets', text: t('nav.tickets') };
  if (!x.data) return <Page title={t('ticket.title')} back={back}><Waiting error={x.error} retry={() => void x.reload()} lines={6} /></Page>;
  const ticket = x.data;
  const open = ticket.status === 'open';
  const run = async (deed: Deed): Promise<void> => {
    await call(`POST /api/v1/tickets/{ticket_id}/${deed}` as Op & 'POST /api/v1/tickets/{ticket_id}/close', { path: { ticket_id } });
    await Promise.all([x.reload(), m.reload()]);
  };
  const opposite: Partial<Record<Deed, Deed>> = { close: 'reopen', reopen: 'close', take: 'release' };
  const act = (deed: Deed) => (): void => {
    if (busy) return;
    setBusy(deed);
    forgetUndo();
    run(deed).then(() => say(t(`ticket.did.${deed}`), opposite[deed] && (() => run(opposite[deed]!))), sayWrong).finally(() => {
      setBusy(undefined);
      setTimeout(() => { if (document.activeElement === document.body) document.querySelector('h1')?.focus(); }, 0); /* the button may have gone */
    });
  };
  const reply = (): void => void form.run(async () => {
    await call('POST /api/v1/tickets/{ticket_id}/messages', { path: { ticket_id }, body: { body: form.values.body! } });
    form.reset();
    await Promise.all([x.reload(), m.reload()]);
  }, ['body']);
  const entries = [...(m.data ?? []).map((e) => ({ ...e, what: undefined })), ...ticket.history.map((e) => ({ ...e, body: '' }))].sort((a, b) => a.number - b.number);
  const button = (deed: Deed, main = false) => <button type="button" class={main ? 'button button-main' : 'button'} aria-disabled={busy ? true : undefined} onClick={act(deed)}>{busy === deed && <span class="spinner" aria-hidden="true" />}{t(`ticket.do.${deed}`)}</button>;
  return (
    <Page title={t(`category.${ticket.category}`)} back={back} narrow
      lead={<><Pill tone={open ? 'info' : 'calm'}>{t(`ticket.${ticket.status}`)}</Pill><a href={`/app/homes/${ticket.patient_id}`}><span class="hidden">{t('ticket.tohome')} </span><Tag n={ticket.patient_id} hue={ticket.hue} /></a><span>{t('ticket.opened', { when: ago(ticket.date_delta) })}</span>
        {open && <span>{ticket.mine ? t('ticket.yours') : ticket.taken ? t('ticket.has') : t('ticket.hasnot')}</span>}</>}
      actions={<>
        {as === 'installer' && open && !ticket.taken && button('take', true)}
        {open && ((as === 'installer' && ticket.mine) || (as === 'monitor' && ticket.taken)) && button('release')}
        {as !== 'doctor' && (open ? button('close', ticket.mine) : button('reopen'))}
        <PrintButton /></>}>
      {as === 'installer' && ticket.mine && open && <div class="note"><Icon name="pin" /><p>{t('ticket.visit')} <a href={`/app/homes/${ticket.patient_id}`}>{t('ticket.tohome')}</a></p></div>}
      <Card title={t('ticket.thread')} wide>
        {!m.data ? <Waiting error={m.error} retry={() => void m.reload()} lines={4} /> : (
          <ol class="thread">
            {entries.map((e) => (e.what
              ? <li class="event" key={e.number}><span>{t(`ticket.was.${e.what}`, { role: e.mine ? t('who.you') : word('role', e.sender) })}</span> <span class="small">{when(e.ts)}</span></li>
              : <li class={e.mine ? 'message mine' : 'message'} key={e.number}><span class="message-head"><span class="strong">{e.mine ? t('who.you') : word('role', e.sender)}</span> <span class="small">{when(e.ts)}</span></span><span class="text">{own('ticket.first', e.body ?? '')}</span></li>))}
          </ol>
        )}
        {as !== 'doctor' && (open ? (
          <FormBox form={form} onSubmit={reply} label={t('ticket.reply')}>
            <Field form={form} name="body" label={t('ticket.reply')} rows={3} more={{ maxLength: 8000 }} {...(as === 'installer' && !ticket.taken ? { hint: t('ticket.reply.takes') } : {})} />
            <Buttons form={form} save={t('ticket.send')} />
          </FormBox>
        ) : <p class="muted">{t('ticket.closed.more')}</p>)}
      </Card>
    </Page>
  );
}
