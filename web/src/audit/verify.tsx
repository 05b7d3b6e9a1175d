// verify.tsx -- the auditor's own computation: every entry is hashed here, and the tree held against the signed checkpoint, and against
// one that was kept from before.
import { useState } from 'preact/hooks';
import { t } from '../i18n';
import { Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Facts, Page } from '../ui/page';
import { type Checkpoint, leaves, readCheckpoint, root, signedBy } from './tree';

type Finding = { good: boolean; text: string };
export function AuditVerify() {
  const form = useForm({ key: '', old: '' }, 'verify', true);
  const [done, setDone] = useState<{ n: number; of: number }>();
  const [found, setFound] = useState<Finding[]>();
  const [checkpoint, setCheckpoint] = useState<{ c: Checkpoint; note: string }>();
  const run = async (): Promise<void> => {
    setFound(undefined);
    const list: Finding[] = [];
    const r = await fetch('/audit/checkpoint', { cache: 'no-store' });
    const note = await r.text();
    const c = r.ok ? readCheckpoint(note) : undefined;
    if (!c) { setFound([{ good: false, text: t('verify.nothing') }]); return; }
    setCheckpoint({ c, note });
    const old = form.values.old!.trim() ? readCheckpoint(`${form.values.old!.trim()}\n`) : undefined;
    if (form.values.old!.trim() && !old) { form.fail('old', t('verify.old.bad')); return; }
    let hashes: Uint8Array[];
    try {
      setDone({ n: 0, of: c.size });
      hashes = await leaves(c.size, (n) => setDone({ n, of: c.size }));
    } catch { setFound([{ good: false, text: t('verify.read') }]); setDone(undefined); return; }
    const same = (await root(hashes, c.size)) === c.root;
    list.push({ good: same, text: t(same ? 'verify.root.good' : 'verify.root.bad', { n: c.size }) });
    if (old) {
      const fits = old.size <= c.size && old.origin === c.origin && (await root(hashes, old.size)) === old.root;
      list.push({ good: fits, text: t(fits ? 'verify.old.good' : 'verify.old.wrong', { n: old.size }) });
    }
    if (form.values.key!.trim()) {
      try {
        const signed = await signedBy(c, form.values.key!);
        list.push({ good: signed, text: t(signed ? 'verify.key.good' : 'verify.key.wrong') });
      } catch { form.fail('key', t('verify.key.bad')); }
    }
    setDone(undefined);
    setFound(list);
  };
  return (
    <Page title={t('verify.title')} lead={t('verify.lead')} narrow>
      <Card title={t('verify.what')} wide>
        <FormBox form={form} label={t('verify.title')} onSubmit={() => void form.run(run)}>
          <Field form={form} name="key" label={t('verify.key')} hint={t('verify.key.hint')} wide more={{ autocomplete: 'off', spellcheck: false }} />
          <Field form={form} name="old" label={t('verify.old')} hint={t('verify.old.hint')} rows={5} more={{ spellcheck: false, class: 'mono' }} />
          <div class="buttons"><button class="button button-main" aria-disabled={!!done || undefined}><Icon name="shield" />{t('verify.go')}</button></div>
        </FormBox>
        {done && <p role="status"><progress value={done.n} max={done.of} aria-label={t('verify.title')} /> {t('verify.progress', { done: done.n, all: done.of })}</p>}
        <div role="status">
          {found?.map((f) => <div class={`note ${f.good ? 'note-good' : 'note-bad'}`}><Icon name={f.good ? 'check' : 'alert'} /><p>{f.text}</p></div>)}
        </div>
      </Card>
      {checkpoint && (
        <Card title={t('verify.checkpoint')} wide>
          <Facts of={[[t('verify.size'), checkpoint.c.size], [t('verify.origin'), checkpoint.c.origin], [t('verify.root'), <span class="mono">{checkpoint.c.root}</span>]]} />
          <p class="muted">{t('verify.keep')}</p>
          <div class="buttons"><button type="button" class="button" onClick={() => void navigator.clipboard.writeText(checkpoint.note)}><Icon name="copy" />{t('verify.copy')}</button></div>
        </Card>
      )}
    </Page>
  );
}
