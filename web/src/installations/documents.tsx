// documents.tsx -- the documents of a home: sent with progress, looked at, saved, removed.
import { useRef, useState } from 'preact/hooks';
import type { Document } from '#api';
import { address, call, gate, Refused } from '../app/api';
import { useList } from '../app/load';
import { role } from '../app/session';
import { size, t, when, word } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Failure } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Waiting } from '../ui/page';
import { say, sayWrong } from '../ui/toast';

const accept = '.pdf,.png,.jpg,.jpeg,.txt,.csv,application/pdf,image/png,image/jpeg,text/plain,text/csv';
const kinds = ['home-map', 'sheet', 'photo', 'document'] as const;

/* fetch tells nothing of how much was sent. */
function send(id: number, file: File, kind: string, step: (part: number) => void): Promise<void> {
  return new Promise((done, fail) => {
    const x = new XMLHttpRequest();
    const form = new FormData();
    form.set('file_type', kind);
    form.set('file', file);
    x.open('POST', address('POST /api/v1/installations/{patient_id}/documents', { patient_id: id }));
    x.setRequestHeader('X-Lazaret', '1');
    x.setRequestHeader('Accept', 'application/problem+json, application/json');
    x.upload.onprogress = (e) => { if (e.lengthComputable) step(e.loaded / e.total); };
    x.onload = () => {
      if (x.status < 300) { done(); return; }
      let wrong = {};
      try { wrong = JSON.parse(x.responseText); } catch { /* it said nothing that we read */ }
      fail(new Refused(x.status, wrong));
    };
    x.onerror = () => fail(new Refused(0, {}));
    x.send(form);
  });
}
// Who knows a home by a pseudonym alone is not told what its documents are called.
const called = (d: Document): string => d.file_name ?? t('doc.unnamed');

export function Documents({ id }: { id: number }) {
  const as = role();
  const list = useList<Document>(async (cursor, signal) => {
    const { data } = await call('GET /api/v1/installations/{patient_id}/documents', { path: { patient_id: id }, query: { limit: 50, ...(cursor ? { cursor } : {}) }, signal });
    return { rows: data.documents, total: data.total, next: data.next ?? undefined };
  }, [id]);
  const [kind, setKind] = useState<string>('home-map');
  const [sending, setSending] = useState<{ name: string; part: number }>();
  const [wrong, setWrong] = useState<{ of: Refused; file: string }>();
  const [shown, setShown] = useState<Document>();
  const [removing, setRemoving] = useState<Document>();
  const input = useRef<HTMLInputElement>(null);
  const upload = async (files: File[]): Promise<void> => {
    setWrong(undefined);
    for (const f of files) {
      setSending({ name: f.name, part: 0 });
      try {
        try {
          await send(id, f, kind, (part) => setSending({ name: f.name, part }));
        } catch (e) {
          if (!(e instanceof Refused) || e.status !== 401 || !(await gate.signIn?.())) throw e;
          await send(id, f, kind, (part) => setSending({ name: f.name, part }));
        }
        say(t('doc.sent', { name: f.name }));
      } catch (e) {
        setWrong({ of: e as Refused, file: f.name });
        break;
      }
    }
    setSending(undefined);
    if (input.current) input.current.value = '';
    list.reload();
  };
  const remove = async (d: Document): Promise<void> => {
    await call('DELETE /api/v1/documents/{document_id}', { path: { document_id: d.id } });
    setRemoving(undefined);
    say(t('doc.removed', { name: called(d) }));
    list.reload();
  };
  const open = as === 'doctor' || as === 'installer';
  return (
    <Card title={t('doc.title')}>
      {!list.rows ? <Waiting error={list.error} retry={list.reload} lines={2} /> : (
        <ul class="plain">
          {list.rows.map((d) => (
            <li class="row"><Icon name="file" />
              <span class="grow"><span class="strong">{called(d)}</span><span class="small">{d.file_type && `${word('doc', d.file_type)} · `}{open ? size(d.size) : t('doc.about', { size: size(d.size) })} · {when(d.created_at)}</span></span>
              {open && (
                <>
                  {d.content_type !== 'application/pdf' && <button type="button" class="button-quiet with-text" onClick={() => setShown(d)}>{t('doc.show')}<span class="hidden"> {called(d)}</span></button>}
                  <a class="button-quiet" href={`/api/v1/documents/${d.id}`} download={called(d)} aria-label={t('doc.save', { name: called(d) })}><Icon name="download" /></a>
                </>
              )}
              {as === 'installer' && <button type="button" class="button-quiet" aria-label={t('doc.remove', { name: called(d) })} onClick={() => setRemoving(d)}><Icon name="close" /></button>}
            </li>
          ))}
          {!list.rows.length && <li class="muted">{t(as === 'installer' ? 'doc.none.installer' : 'doc.none')}</li>}
        </ul>
      )}
      {/* A browser's own PDF viewer runs in a frame or a plugin, which the page's policy has none of, and a viewer in script is larger than the page. */}
      {open && list.rows?.some((d) => d.content_type === 'application/pdf') && <p class="hint">{t('doc.pdf')}</p>}
      {as === 'installer' && (
        <div class="drop" onDragOver={(e) => e.preventDefault()} onDrop={(e) => { e.preventDefault(); void upload([...(e.dataTransfer?.files ?? [])]); }}>
          <div class="field"><label for="doc-kind">{t('doc.kind')}</label>
            <select id="doc-kind" value={kind} onChange={(e) => setKind((e.target as HTMLSelectElement).value)}>{kinds.map((k) => <option value={k} selected={k === kind}>{t(`doc.${k}`)}</option>)}</select></div>
          <label class="button button-file"><Icon name="upload" />{t('doc.choose')}<input ref={input} type="file" class="hidden" multiple accept={accept} onChange={(e) => void upload([...((e.target as HTMLInputElement).files ?? [])])} /></label>
          <p class="hint">{t('doc.types')}</p>
          {sending && <p role="status"><progress value={sending.part} aria-label={sending.name} /> {t('doc.sending', { name: sending.name, part: Math.round(sending.part * 100) })}</p>}
          <Failure of={wrong?.of} about={wrong?.file} />
        </div>
      )}
      {shown && <Preview of={shown} close={() => setShown(undefined)} />}
      {removing && (
        <Dialog title={t('doc.remove.sure', { name: called(removing) })} onClose={() => setRemoving(undefined)}>
          <p>{t('doc.remove.more')}</p>
          <div class="buttons"><button type="button" class="button button-danger" onClick={() => { remove(removing).catch(sayWrong); }}>{t('do.remove')}</button><button type="button" class="button" onClick={() => setRemoving(undefined)}>{t('do.cancel')}</button></div>
        </Dialog>
      )}
    </Card>
  );
}
function Preview({ of, close }: { of: Document; close: () => void }) {
  const at = `/api/v1/documents/${of.id}`;
  const [text, setText] = useState<string>();
  const image = of.content_type.startsWith('image/');
  const asked = useRef(false);
  if (!image && !asked.current) {
    asked.current = true;
    fetch(at, { cache: 'no-store' }).then((r) => (r.ok ? r.text() : Promise.reject(new Refused(r.status, {})))).then(setText, (e) => { sayWrong(e); close(); });
  }
  /* Where a comma stands in numbers, a semicolon parts them. */
  const table = of.content_type === 'text/csv' && text ? text.trim().split(/\r?\n/).slice(0, 200).map((l, _, [head]) => l.split(head!.includes(';') ? ';' : ',')) : undefined;
  return (
    <Dialog title={called(of)} onClose={close} wide>
      {image ? <img class="preview" src={at} alt={t('doc.image', { name: called(of) })} />
        : table ? <div class="scroll" tabIndex={0}><table class="plain-table" aria-label={called(of)}><tbody>{table.map((r) => <tr>{r.map((c) => <td>{c}</td>)}</tr>)}</tbody></table></div>
          : text === undefined ? <Waiting error={undefined} retry={close} /> : <pre class="preview" tabIndex={0}>{text}</pre>}
    </Dialog>
  );
}
