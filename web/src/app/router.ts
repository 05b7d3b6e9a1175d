// router.ts -- addresses of the page: History API, deep links, back. Links are ordinary links; a click on one of ours stays in the page.
import { useEffect, useState } from 'preact/hooks';

export interface Place { path: string; query: URLSearchParams }
const here = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });
const watchers = new Set<() => void>();
const ours = (path: string): boolean => path === '/' || path === '/auth' || path.startsWith('/app/');

/** How far a page had been read when it was left: what it is brought back to when one comes back (load.ts). Numbers, of nobody. */
export interface Left { rows: number; y: number }
export const reading = { rows: 0, back: undefined as Left | undefined };
export function go(to: string, replace = false): void {
  if (to === location.pathname + location.search) return;
  reading.back = undefined;
  if (!replace) history.replaceState({ rows: reading.rows, y: Math.round(scrollY) } satisfies Left, '');
  reading.rows = 0;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  if (!replace) scrollTo(0, 0);
  for (const w of watchers) w();
}
addEventListener('popstate', (e) => {
  reading.rows = 0;
  reading.back = (e.state as Left | null) ?? undefined;
  for (const w of watchers) w();
});
document.addEventListener('click', (e) => {
  const a = (e.target as Element).closest?.('a');
  if (!a || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || a.target || a.hasAttribute('download') || a.origin !== location.origin || !ours(a.pathname) || a.hash) return;
  e.preventDefault();
  go(a.pathname + a.search);
});

/* Who has begun to read is left where they are. */
for (const begun of ['pointerdown', 'keydown', 'wheel', 'touchstart']) addEventListener(begun, () => { reading.back = undefined; }, { passive: true, capture: true });

export function usePlace(): Place {
  const [place, set] = useState(here);
  useEffect(() => {
    const w = (): void => set(here());
    watchers.add(w);
    return () => { watchers.delete(w); };
  }, []);
  return place;
}
const plain = (part: string): string | undefined => { try { return decodeURIComponent(part); } catch { return undefined; } };
/** "/app/patients/:id" against a path: what stands for the names, or undefined, also where the address is no text (%E0). */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.split('/'), have = path.replace(/\/$/, '').split('/');
  if (want.length !== have.length) return undefined;
  const found: Record<string, string> = {};
  for (let i = 0; i < want.length; i++)
    if (want[i]!.startsWith(':')) {
      const text = plain(have[i]!);
      if (text === undefined) return undefined;
      found[want[i]!.slice(1)] = text;
    } else if (want[i] !== have[i]) return undefined;
  return found;
}
/** Changes what stands behind the "?", without a new entry in the history. */
export function setQuery(change: Record<string, string | undefined>): void {
  const q = new URLSearchParams(location.search);
  for (const [k, v] of Object.entries(change)) if (v) q.set(k, v); else q.delete(k);
  go(location.pathname + (q.size ? `?${q}` : ''), true);
}
