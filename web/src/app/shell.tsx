// shell.tsx -- the frame: navigation of one's role, who one is, language and theme.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { Icon } from '../ui/icon';
import { sayWrong } from '../ui/toast';
import { pages, start } from './pages';
import { prefs, setPrefs, type Theme } from './prefs';
import { actAs, me, role, signOut } from './session';
import { go } from './router';

export function Settings() {
  return (
    <div class="settings">
      <label>{t('pref.lang')}
        <select value={prefs.lang} onChange={(e) => setPrefs({ lang: (e.target as HTMLSelectElement).value === 'it' ? 'it' : 'en' })}>
          <option value="en" selected={prefs.lang === 'en'}>English</option><option value="it" selected={prefs.lang === 'it'}>Italiano</option>
        </select>
      </label>
      <label>{t('pref.theme')}
        <select value={prefs.theme} onChange={(e) => setPrefs({ theme: (e.target as HTMLSelectElement).value as Theme })}>
          {(['auto', 'light', 'dark'] as const).map((x) => <option value={x} selected={prefs.theme === x}>{t(`theme.${x}`)}</option>)}
        </select>
      </label>
    </div>
  );
}
function Me() {
  const who = me()!, menu = useRef<HTMLDivElement>(null);
  const others = who.roles.filter((r) => r !== who.role);
  const change = (r: string): void => {
    menu.current?.hidePopover();
    actAs(r).then(() => go(start(role())), sayWrong);
  };
  return (
    <div class="me">
      <button type="button" class="me-button" popovertarget="me-menu">
        <span class="avatar" aria-hidden="true">{who.name.slice(0, 1).toUpperCase()}</span>
        <span class="me-text"><span class="strong">{who.name}</span><span class="small">{t(`role.${role()}`)}</span></span>
      </button>
      <div id="me-menu" class="menu" popover="auto" ref={menu}>
        <a href="/app/account" onClick={() => menu.current?.hidePopover()}><Icon name="key" />{t('nav.account')}</a>
        {others.map((r) => <button type="button" onClick={() => change(r)}><Icon name="user" />{t('role.act', { role: t(`role.${r as 'doctor'}`) })}</button>)}
        <Settings />
        <button type="button" onClick={() => { signOut().catch(sayWrong); }}><Icon name="out" />{t('do.signout')}</button>
      </div>
    </div>
  );
}
export function Shell({ path, children }: { path: string; children: ComponentChildren }) {
  const mine = pages.filter((p) => p.nav && p.roles.includes(role()));
  const here = mine.filter((p) => path === p.path || path.startsWith(`${p.path}/`)).sort((a, b) => b.path.length - a.path.length)[0];
  /* On a narrow screen it is a strip that is wider than the screen. */
  const strip = useRef<HTMLElement>(null);
  useEffect(() => {
    const a = strip.current?.querySelector<HTMLElement>('[aria-current]');
    if (a) strip.current!.scrollLeft = a.offsetLeft - (strip.current!.clientWidth - a.offsetWidth) / 2;
  }, [path]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>{t('nav.skip')}</a>
      <header class="side">
        <a class="brand" href={start(role())}><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M9 7v18h14" /><path class="cross" d="M16.5 13h7M20 9.5v7" /></svg>Lazaret</a>
        <nav ref={strip} aria-label={t('nav.main')}>
          {mine.map((p) => <a href={p.path} aria-current={p === here ? 'page' : undefined}><Icon name={p.icon!} /><span>{t(p.nav!)}</span></a>)}
        </nav>
        <Me />
      </header>
      <main id="main" tabIndex={-1}>{children}</main>
    </div>
  );
}
