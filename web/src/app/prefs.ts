// prefs.ts -- language and theme: of this browser, nobody's data. They outlive signing out, which clears what is stored.
import { useEffect, useState } from 'preact/hooks';
import type { Lang } from '../i18n';

export type Theme = 'auto' | 'light' | 'dark';
const stored = (name: string): string | null => { try { return localStorage.getItem(name); } catch { return null; } };
const store = (name: string, value: string): void => { try { localStorage.setItem(name, value); } catch { /* a browser that keeps nothing */ } };

const first = navigator.languages.map((l) => l.slice(0, 2)).find((l) => l === 'it' || l === 'en');
export const prefs: { lang: Lang; theme: Theme } = {
  lang: (stored('lang') ?? first) === 'it' ? 'it' : 'en',
  theme: (['light', 'dark'].find((x) => x === stored('theme')) as Theme | undefined) ?? 'auto',
};
const watchers = new Set<() => void>();

export function applyTheme(): void {
  const root = document.documentElement;
  root.lang = prefs.lang;
  if (prefs.theme === 'auto') delete root.dataset.theme;
  else root.dataset.theme = prefs.theme;
}
export function keepPrefs(): void {
  store('lang', prefs.lang);
  store('theme', prefs.theme);
}
export function setPrefs(change: Partial<typeof prefs>): void {
  Object.assign(prefs, change);
  keepPrefs();
  applyTheme();
  for (const w of watchers) w();
}
export function usePrefs(): typeof prefs {
  const [, again] = useState(0);
  useEffect(() => {
    const w = (): void => again((n) => n + 1);
    watchers.add(w);
    return () => { watchers.delete(w); };
  }, []);
  return prefs;
}
