// history.tsx -- screenings and notes: the newest is what holds, the older ones stay.
import { useState } from 'preact/hooks';
import type { Version } from '#api';
import { call } from '../app/api';
import { paged, useList } from '../app/load';
import { moment, t } from '../i18n';
import { Buttons, Field, type Form, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Waiting } from '../ui/page';
import { say } from '../ui/toast';
import { Part, type PartProps } from './part';

export function Screenings({ id, changed }: { id: number; changed: () => void }) {
  const list = useList<Version>(async (cursor, signal) => paged(await call('GET /api/v1/patients/{patient_id}/screenings', { path: { patient_id: id }, query: { limit: 20, ...(cursor ? { cursor } : {}) }, signal })), [id]);
  const [open, setOpen] = useState(false);
  const form = useForm({ neuro_diag: '', age_class: '' }, `screening-${id}`);
  const save = (): void => void form.run(async () => {
    const body = Object.fromEntries(Object.entries(form.values).filter(([, v]) => v.trim()));
    if (!Object.keys(body).length) { form.fail('neuro_diag', t('form.required')); return; }
    await call('POST /api/v1/patients/{patient_id}/screenings', { path: { patient_id: id }, body });
    form.reset();
    setOpen(false);
    say(t('done.saved'));
    list.reload();
    changed();
  });
  return (
    <Card title={t('screening.title')} actions={!open && <button type="button" class="button-quiet with-text" onClick={() => setOpen(true)}><Icon name="plus" />{t('screening.add')}</button>}>
      {open && (
        <FormBox form={form} onSubmit={save} label={t('screening.add')} inPlace>
          <div class="fields">
            <Field form={form} name="neuro_diag" label={t('patient.diag')} more={{ autocomplete: 'off', maxLength: 200 }} />
            <Field form={form} name="age_class" label={t('patient.ageclass')} more={{ autocomplete: 'off', maxLength: 40 }} />
          </div>
          <Buttons form={form} save={t('do.save')} cancel={() => { form.reset(); setOpen(false); }} />
        </FormBox>
      )}
      {!list.rows ? <Waiting error={list.error} retry={list.reload} lines={3} /> : !list.rows.length ? <p class="muted">{t('screening.none')}</p> : (
        <ol class="timeline">
          {list.rows.map((v, i) => (
            <li class={i ? '' : 'now'}><span class="strong">{v.neuro_diag ?? t('screening.nodiag')}</span>{v.age_class && <span>{t('screening.class', { name: v.age_class })}</span>}
              <span class="small">{t('history.version', { n: v.version })} · {moment(v.ts)}</span></li>
          ))}
        </ol>
      )}
      {list.more && <div class="buttons"><button type="button" class="button" onClick={list.more}>{t('list.more')}</button></div>}
    </Card>
  );
}
const NoteForm = ({ form }: { form: Form }) => <Field form={form} name="medical_notes" label={t('patient.notes')} hint={t('note.hint')} rows={6} />;
export function Notes(part: PartProps) {
  const [open, setOpen] = useState(false);
  return (
    <Part {...part} title={t('patient.notes')} names={['medical_notes']} form={NoteForm} view={
      <>
        {part.patient.medical_notes ? <p class="text">{part.patient.medical_notes}</p> : <p class="muted">{t('note.none')}</p>}
        <details class="more" onToggle={(e) => setOpen((e.target as HTMLDetailsElement).open)}><summary>{t('note.older')}</summary>{open && <NoteHistory id={part.id} />}</details>
      </>
    } />
  );
}
function NoteHistory({ id }: { id: number }) {
  const list = useList<Version>(async (cursor, signal) => paged(await call('GET /api/v1/patients/{patient_id}/notes', { path: { patient_id: id }, query: { limit: 20, ...(cursor ? { cursor } : {}) }, signal })), [id]);
  if (!list.rows) return <Waiting error={list.error} retry={list.reload} lines={2} />;
  return (
    <>
      <ol class="timeline">{list.rows.map((v, i) => <li class={i ? '' : 'now'}><span class="text">{v.medical_notes}</span><span class="small">{t('history.version', { n: v.version })} · {moment(v.ts)}</span></li>)}</ol>
      {list.more && <button type="button" class="button" onClick={list.more}>{t('list.more')}</button>}
    </>
  );
}
