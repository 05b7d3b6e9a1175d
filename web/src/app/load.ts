// load.ts -- what a page reads, with its states; and the pages of a long list.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type Answer, Refused } from './api';
import { reading } from './router';

export interface Loaded<T> { data: T | undefined; etag: string | undefined; error: Refused | undefined; busy: boolean; reload: () => Promise<void>; set: (data: T, etag?: string) => void }

export function useLoad<T>(read: (signal: AbortSignal) => Promise<Answer<T>>, deps: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T | undefined; etag?: string | undefined; error?: Refused | undefined; busy: boolean }>({ busy: true });
  const running = useRef<AbortController>(undefined);
  const reload = useCallback(async () => {
    running.current?.abort();
    const mine = (running.current = new AbortController());
    setState((s) => ({ ...s, busy: true, error: undefined }));
    try {
      const a = await read(mine.signal);
      if (!mine.signal.aborted) setState({ data: a.data, etag: a.etag, busy: false });
    } catch (e) {
      if (!mine.signal.aborted) setState((s) => ({ ...s, busy: false, error: e instanceof Refused ? e : new Refused(0, {}) }));
    }
  }, deps);
  useEffect(() => {
    setState({ busy: true });
    void reload();
    return () => running.current?.abort();
  }, deps);
  return { data: state.data, etag: state.etag, error: state.error, busy: state.busy, reload, set: (data, etag) => setState({ data, etag, busy: false }) };
}

export interface Listed<T> { rows: T[] | undefined; total: number | undefined; error: Refused | undefined; busy: boolean; more: (() => void) | undefined; reload: () => void }

export function useList<T, C = number>(read: (cursor: C | undefined, signal: AbortSignal) => Promise<{ rows: T[]; total?: number | undefined; next: C | undefined }>, deps: unknown[]): Listed<T> {
  const [state, setState] = useState<{ rows?: T[] | undefined; total?: number | undefined; next?: C | undefined; error?: Refused | undefined; busy: boolean }>({ busy: true });
  const running = useRef<AbortController>(undefined), fresh = useRef(true);
  /* `upTo`: whoever comes back to a list finds it as long as it was, at the row they left. */
  const load = (cursor: C | undefined, before: T[], upTo?: typeof reading.back): void => {
    running.current?.abort();
    const mine = (running.current = new AbortController());
    setState((s) => ({ ...s, busy: true, error: undefined }));
    read(cursor, mine.signal).then(
      (p) => {
        if (mine.signal.aborted) return;
        const rows = [...before, ...p.rows];
        if (upTo && rows.length < upTo.rows && p.next !== undefined) { load(p.next, rows, upTo); return; }
        reading.rows = Math.max(reading.rows, rows.length);
        setState({ rows, total: p.total, next: p.next, busy: false });
        if (upTo) setTimeout(() => { if (reading.back === upTo) scrollTo(0, upTo.y); }, 0);
      },
      (e) => { if (!mine.signal.aborted) setState((s) => ({ ...s, busy: false, error: e instanceof Refused ? e : new Refused(0, {}) })); });
  };
  useEffect(() => {
    load(undefined, [], fresh.current ? reading.back : undefined);
    fresh.current = false;
    return () => running.current?.abort();
  }, deps);
  return { rows: state.rows, total: state.total, error: state.error, busy: state.busy, reload: () => load(undefined, []),
    more: state.next === undefined ? undefined : () => load(state.next, state.rows ?? []) };
}
export const paged = <T>(a: Answer<T[]>): { rows: T[]; total: number | undefined; next: number | undefined } => ({ rows: a.data, total: a.total, next: a.next });
