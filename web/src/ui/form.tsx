// form.tsx -- fields with labels, hints and errors; a form's state, which outlives a visit to another page of ours.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Refused } from '../app/api';
import { forgetWith } from '../app/session';
import { t } from '../i18n';
import { Icon } from './icon';

type Values = Record<string, string>;
const drafts = new Map<string, Values>();
const begun = new Map<string, string | undefined>(); /* the ETag of what a draft was begun on */
forgetWith(() => { drafts.clear(); begun.clear(); });

export interface Form {
  values: Values;
  errors: Record<string, string>;
  failure: Refused | undefined;
  busy: boolean;
  dirty: boolean;
  set: (name: string, value: string) => void;
  fail: (name: string, text: string) => void;
  failAll: (bad: Record<string, string>) => void;
  reset: (to?: Values) => void;
  /** Runs the deed; what is wrong goes to its fields, the rest above the form. True: it went well. */
  run: (deed: () => Promise<void>, required?: string[]) => Promise<boolean>;
  root: { current: HTMLFormElement | null };
}
/** `draft`: under this name what is typed, and nothing else, is kept in memory until it is saved; `after` that, too, where a deed does
 * not save it (a search, a look). */
export function useForm(initial: Values, draft?: string, after = false): Form {
  const [values, setValues] = useState<Values>(() => ({ ...initial, ...(draft ? drafts.get(draft) : {}) }));
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState<Refused>();
  const [busy, setBusy] = useState(false);
  const start = useRef(initial);
  const root = useRef<HTMLFormElement>(null);
  const now = useRef(values);
  now.current = values;
  const dirty = Object.keys(values).some((k) => (values[k] ?? '') !== (start.current[k] ?? ''));
  useEffect(() => {
    const warn = (e: BeforeUnloadEvent): void => { if (dirty) e.preventDefault(); };
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [dirty]);
  const show = (bad: Record<string, string>): void => {
    setErrors(bad);
    setTimeout(() => root.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus(), 0);
  };
  return {
    values, errors, failure, busy, dirty, root,
    set(name, value) {
      const next = { ...now.current, [name]: value };
      now.current = next;
      setValues(next);
      if (draft) drafts.set(draft, { ...drafts.get(draft), [name]: value });
      setErrors(({ [name]: _, ...rest }) => rest);
    },
    fail: (name, text) => show({ [name]: text }),
    failAll: show,
    reset(to) {
      if (draft) drafts.delete(draft);
      if (to) start.current = to;
      setValues(start.current);
      setErrors({});
      setFailure(undefined);
    },
    async run(deed, required = []) {
      const lacks = required.filter((name) => !(now.current[name] ?? '').trim());
      setFailure(undefined);
      if (lacks.length) {
        show(Object.fromEntries(lacks.map((name) => [name, t('form.required')])));
        return false;
      }
      setErrors({});
      setBusy(true);
      try {
        await deed();
        if (draft && !after) drafts.delete(draft);
        start.current = now.current;
        return true;
      } catch (e) {
        if (!(e instanceof Refused)) throw e;
        const known = [...e.fields].filter(([name]) => name in now.current);
        if (known.length) show(Object.fromEntries(known));
        if (known.length < e.fields.size || !e.fields.size) setFailure(e);
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}

/** The ETag to save with: of what was there when the draft was begun, also for whoever comes back to it from another page. */
export function useBegun(draft: string, open: boolean, now: string | undefined): { etag: string | undefined; end: () => void } {
  const [then, setThen] = useState(() => (open ? begun.get(draft) : undefined));
  if (open && !then) begun.set(draft, now);
  return { etag: then ?? now, end: () => setThen(undefined) };
}

/** `about`: which of several it is that went wrong. */
export function Failure({ of, retry, about }: { of: Refused | undefined; retry?: (() => void) | undefined; about?: string | undefined }) {
  if (!of) return null;
  const more = [...of.fields].map(([name, text]) => `${name}: ${text}`);
  return (
    <div class="note note-bad" role="alert">
      <Icon name="alert" />
      <div>
        {about && <p class="mono">{about}</p>}
        <p class="strong">{of.message}</p>
        {of.said && of.said !== of.message && <p lang={of.translated ? undefined : 'en'}>{of.said}</p>}
        {more.map((line) => <p lang="en">{line}</p>)}
        {of.status >= 500 && of.requestId && <p class="small">{t('error.id', { id: of.requestId })}</p>}
        {retry && <button type="button" class="button" onClick={retry}>{t('do.retry')}</button>}
      </div>
    </div>
  );
}

/** `inPlace`: it stands where a button was pressed that went away for it: the focus goes into it, and back to the card's button when it goes. */
export function FormBox({ form, onSubmit, children, label, inPlace }: { form: Form; onSubmit: () => void; children: ComponentChildren; label?: string; inPlace?: boolean }) {
  const lost = (): boolean => document.activeElement === document.body;
  useEffect(() => {
    const card = form.root.current?.closest('section');
    if (!inPlace || !card) return;
    if (lost()) form.root.current!.querySelector<HTMLElement>('input, select, textarea')?.focus();
    return () => { setTimeout(() => { if (card.isConnected && lost()) card.querySelector<HTMLElement>('.card-head button')?.focus(); }, 0); };
  }, []);
  return (
    <form ref={form.root} class="form" noValidate aria-label={label} onSubmit={(e) => { e.preventDefault(); if (!form.busy) onSubmit(); }}>
      {children}
      <Failure of={form.failure} />
    </form>
  );
}

export interface FieldProps {
  form: Form; name: string; label: string; hint?: string | undefined; required?: boolean; rows?: number; type?: 'text' | 'password' | 'tel' | 'email' | 'date' | 'datetime-local'; wide?: boolean;
  options?: [value: string, text: string][]; more?: Record<string, unknown>;
}
export function Field({ form, name, label, hint, required, rows, type = 'text', wide, options, more = {} }: FieldProps) {
  const id = useId();
  const error = form.errors[name];
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  const common = { id, name, value: form.values[name] ?? '', 'aria-invalid': error ? true : undefined, 'aria-describedby': described, 'aria-required': required || undefined,
    onInput: (e: Event) => form.set(name, (e.target as HTMLInputElement).value) };
  return (
    <div class={`field${wide || rows ? ' field-wide' : ''}${error ? ' field-bad' : ''}`}>
      <label for={id}>{label}{required && <span class="optional"> · {t('form.needed')}</span>}</label>
      {options ? <select {...common} {...more}>{options.map(([v, text]) => <option value={v} selected={v === common.value}>{text}</option>)}</select>
        : rows ? <textarea {...common} rows={rows} {...more} />
          : <input {...({ type, ...common, ...more } as object)} />}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
      {error && <p class="error" id={`${id}-error`}><Icon name="alert" />{error}</p>}
    </div>
  );
}
export function Buttons({ form, save, cancel, busy, danger }: { form?: Form; save: string; cancel?: (() => void) | undefined; busy?: boolean; danger?: boolean }) {
  const working = busy ?? form?.busy ?? false;
  return (
    <div class="buttons">
      <button class={`button ${danger ? 'button-danger' : 'button-main'}`} aria-disabled={working || undefined}>
        {working && <span class="spinner" aria-hidden="true" />}{working ? t('form.saving') : save}
      </button>
      {cancel && <button type="button" class="button" onClick={cancel}>{t('do.cancel')}</button>}
    </div>
  );
}
