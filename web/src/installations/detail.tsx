// detail.tsx -- one home: what is mounted and how people live there, where it is, its tickets and documents.
import { useState } from 'preact/hooks';
import type { HomeInfo, Installation, Ticket } from '#api';
import { call, Refused } from '../app/api';
import { paged, useList, useLoad } from '../app/load';
import { go } from '../app/router';
import { role } from '../app/session';
import { ago, daysAgo, t, when } from '../i18n';
import { Streams } from '../streams/streams';
import { NewTicket, TicketRow } from '../tickets/row';
import { Conflict, type Versions } from '../ui/conflict';
import { Buttons, Field, type FieldProps, FormBox, useBegun, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Facts, Page, Pill, PrintButton, Tag, Waiting } from '../ui/page';
import { say } from '../ui/toast';
import { Documents } from './documents';
import { Sensors } from './sensors';

type Name = 'apartment_type' | 'internet_type' | 'smartphone_model' | 'flatmates' | 'pets' | 'visitors' | 'appliances' | 'issues_notes' | 'habits_notes' | 'other_notes' | 'date_start' | 'date_end';
const sensors: Name[] = ['internet_type', 'smartphone_model', 'date_start', 'date_end'];
const household: Name[] = ['apartment_type', 'flatmates', 'pets', 'visitors', 'appliances', 'issues_notes', 'habits_notes', 'other_notes'];
const how: Partial<Record<Name, Partial<FieldProps>>> = { date_start: { type: 'date' }, date_end: { type: 'date' }, flatmates: { rows: 2 }, pets: { rows: 2 }, visitors: { rows: 2 }, appliances: { rows: 2 },
  issues_notes: { rows: 3 }, habits_notes: { rows: 3 }, other_notes: { rows: 3 } };

export function InstallationDetail({ id }: { id: string }) {
  const patient_id = Number(id);
  const as = role();
  const h = useLoad<Installation>((signal) => call('GET /api/v1/installations/{patient_id}', { path: { patient_id }, signal }), [id]);
  const back = { href: '/app/homes', text: t('nav.homes') };
  if (!h.data) return <Page title={t('home.title')} back={back}><Waiting error={h.error} retry={() => void h.reload()} lines={8} /></Page>;
  const part = { home: h.data, etag: h.etag, id: patient_id, changed: h.set };
  return (
    <Page title={t('home.title')} back={back} actions={<>{as === 'doctor' && <a class="button" href={`/app/patients/${id}`}><Icon name="people" />{t('home.topatient')}</a>}<PrintButton /></>}
      lead={<><Tag n={h.data.patient_id} hue={h.data.hue} /><Pill tone={h.data.status}>{t(`status.${h.data.status}`)}</Pill>{h.data.date_delta !== undefined && <span>{t('home.written', { when: (as === 'monitor' ? daysAgo : ago)(h.data.date_delta) })}</span>}</>}>
      <div class="grid">
        {as === 'installer' && <WhereItIs id={patient_id} />}
        <Tickets id={patient_id} />
        <Part {...part} title={t('home.sensors')} names={sensors} />
        {as !== 'monitor' && <Part {...part} title={t('home.household')} names={household} />}
        {as !== 'monitor' && <Sensors id={patient_id} />}
        <Documents id={patient_id} />
        {as !== 'installer' && <Streams id={patient_id} of="home" />}
      </div>
    </Page>
  );
}
function WhereItIs({ id }: { id: number }) {
  const w = useLoad<HomeInfo>((signal) => call('GET /api/v1/installations/{patient_id}/info', { path: { patient_id: id }, signal }), [id]);
  return (
    <Card title={t('home.where')}>
      {w.data ? (
        <>
          <Facts of={[[t('home.bell'), w.data.last_name], [t('patient.address'), w.data.home_address], [t('patient.phone'), w.data.phone]]} />
          <div class="buttons">
            {w.data.phone && <a class="button button-main" href={`tel:${w.data.phone.replace(/[^\d+]/g, '')}`}><Icon name="phone" />{t('home.call')}</a>}
          </div>
        </>
      ) : w.error?.status === 404 ? <p class="muted">{t('home.where.not')}</p> : <Waiting error={w.error} retry={() => void w.reload()} lines={3} />}
    </Card>
  );
}
function Tickets({ id }: { id: number }) {
  const list = useList<Ticket>(async (cursor, signal) => paged(await call('GET /api/v1/installations/{patient_id}/tickets', { path: { patient_id: id }, query: { limit: 20, ...(cursor ? { cursor } : {}) }, signal })), [id]);
  const [open, setOpen] = useState(false);
  const may = role() !== 'doctor';
  return (
    <Card title={t('nav.tickets')} actions={may && !open && <button type="button" class="button-quiet with-text" onClick={() => setOpen(true)}><Icon name="plus" />{t('ticket.new')}</button>}>
      {open && <NewTicket home={id} close={() => setOpen(false)} done={(ticket) => go(`/app/tickets/${ticket.ticket_id}`)} />}
      {!list.rows ? <Waiting error={list.error} retry={list.reload} lines={3} /> : !list.rows.length ? <p class="muted">{t('home.notickets')}</p> : <ul class="plain">{list.rows.map((x) => <TicketRow ticket={x} />)}</ul>}
      {list.more && <div class="buttons"><button type="button" class="button" onClick={list.more}>{t('list.more')}</button></div>}
    </Card>
  );
}
interface PartProps { home: Installation; etag: string | undefined; id: number; changed: (h: Installation, etag?: string) => void; title: string; names: Name[] }
function Part({ home, etag, id, changed, title, names }: PartProps) {
  const of = (h: Installation): Record<string, string> => Object.fromEntries(names.map((n) => [n, n.startsWith('date') ? (h[n] ?? '').slice(0, 10) : h[n] ?? '']));
  const draft = `home-${id}-${names[0]}`, form = useForm(of(home), draft);
  /* As in a person's record (patients/part.tsx). */
  const [open, setOpen] = useState(form.dirty);
  const begun = useBegun(draft, open, etag);
  const [conflict, setConflict] = useState<{ versions: Versions; now: Installation; etag: string | undefined; touched: Name[] }>();
  const may = role() !== 'doctor';
  const has = [...sensors, ...household].some((n) => home[n] !== undefined && !n.startsWith('date'));
  const touched = (): Name[] => names.filter((n) => (form.values[n] ?? '').trim() !== of(home)[n]);
  const put = async (before: Installation, tag: string | undefined, fields: Name[]): Promise<void> => {
    const was = of(before);
    const body = Object.fromEntries(fields.flatMap((n) => { const now = (form.values[n] ?? '').trim(); return now !== was[n] ? [[n, now || null]] : []; }));
    if (!Object.keys(body).length) { setOpen(false); return; }
    const o = { path: { patient_id: id }, body, etag: tag ?? '*' };
    let a;
    try {
      a = await call('PUT /api/v1/installations/{patient_id}', o);
    } catch (e) {
      if (!(e instanceof Refused) || e.status !== 404 || has) throw e;
      a = await call('POST /api/v1/installations/{patient_id}', o);
    }
    changed(a.data, a.etag);
    form.reset(of(a.data));
    begun.end();
    setOpen(false);
    const made = a, back = Object.fromEntries(Object.keys(body).map((n) => [n, was[n as Name] || null]));
    say(t('done.saved'), async () => {
      const b = await call('PUT /api/v1/installations/{patient_id}', { ...o, body: back, etag: made.etag ?? '*' });
      changed(b.data, b.etag);
      form.reset(of(b.data));
    });
  };
  const save = (): void => void form.run(async () => {
    try {
      await put(home, begun.etag, names);
    } catch (e) {
      if (!(e instanceof Refused) || e.status !== 412) throw e;
      const now = await call('GET /api/v1/installations/{patient_id}', { path: { patient_id: id } });
      const other = of(now.data), mine = touched().filter((n) => form.values[n] !== other[n]); /* as in a person's record, too */
      setConflict({ now: now.data, etag: now.etag, touched: mine, versions: mine.map((n) => ({ label: t(`home.${n}`), mine: form.values[n] ?? '', theirs: other[n] ?? '' })) });
    }
  });
  return (
    <Card title={title} actions={may && !open && <button type="button" class="button-quiet with-text" onClick={() => { form.reset(of(home)); setOpen(true); }}><Icon name="edit" />{t('do.edit')}<span class="hidden"> {title}</span></button>}>
      {open ? (
        <FormBox form={form} onSubmit={save} label={title} inPlace>
          <div class="fields">{names.map((n) => <Field form={form} name={n} label={t(`home.${n}`)} more={{ autocomplete: 'off' }} {...how[n]} />)}</div>
          <Buttons form={form} save={t('do.save')} cancel={() => { form.reset(); begun.end(); setOpen(false); }} />
        </FormBox>
      ) : <Facts of={names.map((n) => [t(`home.${n}`), n.startsWith('date') ? when(home[n]) : home[n]])} />}
      {conflict && <Conflict versions={conflict.versions} onClose={() => setConflict(undefined)}
        mine={() => { const c = conflict; setConflict(undefined); void form.run(() => put(c.now, c.etag, c.touched)); }}
        theirs={() => { changed(conflict.now, conflict.etag); form.reset(of(conflict.now)); begun.end(); setConflict(undefined); setOpen(false); }} />}
    </Card>
  );
}
