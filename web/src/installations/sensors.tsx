// sensors.tsx -- what is mounted in a home: an installer says so on the spot, and what was taken away again.
import { useState } from 'preact/hooks';
import type { Sensor, SensorNew } from '#api';
import { call } from '../app/api';
import { paged, useList } from '../app/load';
import { role } from '../app/session';
import { t, when, word } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Pill, Waiting } from '../ui/page';
import { say, sayWrong } from '../ui/toast';

const kinds = ['motion', 'presence', 'opening', 'temperature', 'humidity', 'illuminance', 'carbon_dioxide', 'sound', 'power', 'energy', 'water', 'heart_rate', 'steps', 'acceleration'] as const;
const called = (s: Sensor): string => (s.label ? `${word('kind', s.kind)}, ${s.label}` : word('kind', s.kind));

export function Sensors({ id }: { id: number }) {
  const list = useList<Sensor>(async (cursor, signal) => paged(await call('GET /api/v1/installations/{patient_id}/sensors', { path: { patient_id: id }, query: { limit: 100, ...(cursor ? { cursor } : {}) }, signal })), [id]);
  const [open, setOpen] = useState(false), [removing, setRemoving] = useState<Sensor>();
  const may = role() === 'installer';
  const remove = async (s: Sensor): Promise<void> => {
    await call('POST /api/v1/sensors/{sensor_id}/remove', { path: { sensor_id: s.sensor_id } });
    setRemoving(undefined);
    say(t('sensor.removed', { name: called(s) }));
    list.reload();
  };
  return (
    <Card title={t('sensors.title')} actions={may && !open && <button type="button" class="button-quiet with-text" onClick={() => setOpen(true)}><Icon name="plus" />{t('sensor.add')}</button>}>
      {open && <Mount id={id} close={() => setOpen(false)} done={(s) => { setOpen(false); say(t('sensor.added', { name: called(s) })); list.reload(); }} />}
      {!list.rows ? <Waiting error={list.error} retry={list.reload} lines={3} /> : !list.rows.length ? <p class="muted">{t(may ? 'sensors.none.installer' : 'sensors.none')}</p> : (
        <ul class="plain">
          {list.rows.map((s) => (
            <li class="row"><Icon name="chart" /><span class="grow"><span class="strong">{called(s)}</span><span class="small">{s.date_end ? t('streams.fromto', { since: when(s.date_start), until: when(s.date_end) }) : t('streams.since', { since: when(s.date_start) })}</span></span>
              {s.date_end ? <Pill tone="calm">{t('sensor.away')}</Pill> : may && <button type="button" class="button-quiet" aria-label={t('sensor.remove', { name: called(s) })} onClick={() => setRemoving(s)}><Icon name="close" /></button>}</li>
          ))}
        </ul>
      )}
      {list.more && <div class="buttons"><button type="button" class="button" onClick={list.more}>{t('list.more')}</button></div>}
      {removing && (
        <Dialog title={t('sensor.remove.sure', { name: called(removing) })} onClose={() => setRemoving(undefined)}>
          <p>{t('sensor.remove.more')}</p>
          <div class="buttons"><button type="button" class="button button-danger" onClick={() => { remove(removing).catch(sayWrong); }}>{t('sensor.remove.go')}</button><button type="button" class="button" onClick={() => setRemoving(undefined)}>{t('do.cancel')}</button></div>
        </Dialog>
      )}
    </Card>
  );
}
function Mount({ id, close, done }: { id: number; close: () => void; done: (s: Sensor) => void }) {
  const form = useForm({ kind: 'motion', label: '' }, `sensor-${id}`);
  const save = (): void => void form.run(async () => {
    const body: SensorNew = { kind: form.values.kind as SensorNew['kind'], ...(form.values.label!.trim() ? { label: form.values.label!.trim() } : {}) };
    done((await call('POST /api/v1/installations/{patient_id}/sensors', { path: { patient_id: id }, body })).data);
    form.reset();
  });
  return (
    <FormBox form={form} onSubmit={save} label={t('sensor.add')} inPlace>
      <div class="fields">
        <Field form={form} name="kind" label={t('sensor.kind')} options={kinds.map((k): [string, string] => [k, t(`kind.${k}`)])} />
        <Field form={form} name="label" label={t('sensor.label')} hint={t('sensor.label.hint')} more={{ maxLength: 64, autocomplete: 'off' }} />
      </div>
      <Buttons form={form} save={t('do.save')} cancel={() => { form.reset(); close(); }} />
    </FormBox>
  );
}
