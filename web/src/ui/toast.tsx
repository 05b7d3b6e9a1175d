// toast.tsx -- one sentence about what was just done, and the way to undo it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { Refused } from '../app/api';
import { forgetWith } from '../app/session';
import { t } from '../i18n';
import { Icon } from './icon';

interface Toast { id: number; text: string; bad?: boolean; undo?: (() => Promise<unknown>) | undefined }
let list: Toast[] = [];
let last = 0;
const watchers = new Set<() => void>();
const tell = (): void => { for (const w of watchers) w(); };
forgetWith(() => { list = []; tell(); });
const drop = (id: number): void => { list = list.filter((x) => x.id !== id); tell(); };

export function say(text: string, undo?: () => Promise<unknown>, bad = false): void {
  const id = ++last;
  list = [...list.filter((x) => !x.undo).slice(-2), { id, text, bad, undo }];
  tell();
  setTimeout(() => drop(id), undo ? 15000 : 6000);
}
/** What was done before can no longer be undone: something else is being done. */
export const forgetUndo = (): void => { list = list.filter((x) => !x.undo); tell(); };
export const sayWrong = (e: unknown): void => say(e instanceof Refused ? `${e.message}${e.said && e.said !== e.message ? ` (${e.said})` : ''}` : t('error.offline'), undefined, true);

/* A dialog has a place for them of its own: behind it nothing is seen well, pressed or read out. They stand in the last that was opened. */
const places: object[] = [];
export function Toasts() {
  const [, again] = useState(0), mine = useRef({}).current;
  useEffect(() => {
    const w = (): void => again((n) => n + 1);
    watchers.add(w);
    places.push(mine);
    tell();
    return () => { watchers.delete(w); places.splice(places.indexOf(mine), 1); tell(); };
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {places.at(-1) === mine && list.map((x) => (
        <div key={x.id} class={`toast${x.bad ? ' toast-bad' : ''}`}>
          <Icon name={x.bad ? 'alert' : 'check'} />
          <span>{x.text}</span>
          {x.undo && <button class="button" onClick={() => { drop(x.id); x.undo!().then(() => say(t('done.undone')), sayWrong); }}>{t('do.undo')}</button>}
          <button class="button-quiet" aria-label={t('do.dismiss')} onClick={() => drop(x.id)}><Icon name="close" /></button>
        </div>
      ))}
    </div>
  );
}
