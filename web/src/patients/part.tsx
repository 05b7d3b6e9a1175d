// part.tsx -- a part of a person's record that turns into a form where it stands. What somebody else changed meanwhile is shown beside
// what was typed.
import type { ComponentChildren, ComponentType } from 'preact';
import { useState } from 'preact/hooks';
import type { Patient } from '#api';
import { call, Refused } from '../app/api';
import { t } from '../i18n';
import { Conflict, type Versions } from '../ui/conflict';
import { Buttons, type Form, FormBox, useBegun, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card } from '../ui/page';
import { say } from '../ui/toast';
import { changes } from './fields';

export interface PartProps { id: number; patient: Patient; etag: string | undefined; changed: (p: Patient, etag?: string) => void }
interface Props extends PartProps { title: string; names: readonly string[]; form: ComponentType<{ form: Form }>; view: ComponentChildren; edit?: string; wide?: boolean }
const labels: Record<string, 'patient.first'> = { first_name: 'patient.first', last_name: 'patient.last', codice_fiscale: 'patient.code', gender: 'patient.gender', date_of_birth: 'patient.born', place_of_birth: 'patient.birthplace',
  home_address: 'patient.address', phone: 'patient.phone', date_join: 'patient.joined', date_exit: 'patient.left', medical_notes: 'patient.notes' } as never;

export function Part({ id, patient, etag, changed, title, names, form: Fields, view, edit, wide }: Props) {
  const record = patient as unknown as Record<string, string | undefined>;
  const of = (r: Record<string, unknown>): Record<string, string> => Object.fromEntries(names.map((n) => [n, String(r[n] ?? '')]));
  const draft = `patient-${id}-${names[0]}`, form = useForm(of(record), draft);
  /* Whoever comes back from another page goes on where they were: on what was there when they began. */
  const [open, setOpen] = useState(form.dirty);
  const begun = useBegun(draft, open, etag);
  const [conflict, setConflict] = useState<Versions>();
  const [theirs, setTheirs] = useState<{ data: Patient; etag: string | undefined; mine: Record<string, string | null> }>();
  /* `was`: what it is put over, which is what undoing puts back. */
  const put = async (body: Record<string, string | null>, tag: string | undefined, was: Record<string, unknown>): Promise<void> => {
    const before = of(was);
    const a = await call('PUT /api/v1/patients/{patient_id}', { path: { patient_id: id }, body, ...(tag ? { etag: tag } : {}) });
    changed(a.data, a.etag);
    form.reset(of(a.data as never));
    begun.end();
    setOpen(false);
    const back = Object.fromEntries(Object.keys(body).map((n) => [n, before[n] || null]));
    say(t('done.saved'), async () => {
      const b = await call('PUT /api/v1/patients/{patient_id}', { path: { patient_id: id }, body: back, ...(a.etag ? { etag: a.etag } : {}) });
      changed(b.data, b.etag);
      form.reset(of(b.data as never));
    });
  };
  const save = (): void => void form.run(async () => {
    const body = changes(form, names, record);
    if (!Object.keys(body).length) { setOpen(false); return; }
    try {
      await put(body, begun.etag, record);
    } catch (e) {
      if (!(e instanceof Refused) || e.status !== 412) throw e;
      const now = await call('GET /api/v1/patients/{patient_id}', { path: { patient_id: id } });
      const other = now.data as unknown as Record<string, string | undefined>;
      /* What was left as it was is nobody's version: of that, what is there now stays. */
      const mine = Object.fromEntries(Object.entries(body).filter(([n, v]) => (v ?? '') !== (other[n] ?? '')));
      setTheirs({ data: now.data, etag: now.etag, mine });
      setConflict(Object.entries(mine).map(([n, v]) => ({ label: t(labels[n]!), mine: v ?? '', theirs: other[n] ?? '' })));
    }
  });
  return (
    <Card title={title} wide={wide ?? false} actions={!open && <button type="button" class="button-quiet with-text" onClick={() => { form.reset(of(record)); setOpen(true); }}><Icon name="edit" />{edit ?? t('do.edit')}<span class="hidden"> {title}</span></button>}>
      {open ? (
        <FormBox form={form} onSubmit={save} label={title} inPlace>
          <Fields form={form} />
          <Buttons form={form} save={t('do.save')} cancel={() => { form.reset(); begun.end(); setOpen(false); }} />
        </FormBox>
      ) : view}
      {conflict && theirs && (
        <Conflict versions={conflict} onClose={() => setConflict(undefined)}
          mine={() => { setConflict(undefined); void form.run(() => put(theirs.mine, theirs.etag, theirs.data as never)); }}
          theirs={() => { setConflict(undefined); changed(theirs.data, theirs.etag); form.reset(of(theirs.data as never)); begun.end(); setOpen(false); }} />
      )}
    </Card>
  );
}
