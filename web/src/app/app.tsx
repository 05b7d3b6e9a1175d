// app.tsx -- which page an address is, for whom; the frame round it.
import type { ComponentChild } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from '../i18n';
import { SignInDialog } from '../signin/again';
import { RoleChoice } from '../signin/role';
import { SignIn } from '../signin/signin';
import { Failure } from '../ui/form';
import { Empty, Page, Skeleton } from '../ui/page';
import { Toasts } from '../ui/toast';
import { pages, start } from './pages';
import { usePrefs } from './prefs';
import { go, match, usePlace } from './router';
import { look, pending, type Role, useSession } from './session';
import { Shell } from './shell';

function Body({ path }: { path: string }): ComponentChild {
  const state = useSession();
  const as = state.is === 'in' ? (state.who.role as Role | null) : null;
  const first = as ? start(as) : undefined;
  useEffect(() => {
    if (state.is === 'out' && path !== '/auth') go(`/auth${path === '/' ? '' : `?return=${encodeURIComponent(location.pathname + location.search)}`}`, true);
    if (state.is === 'in' && path === '/' && first) go(first, true);
  }, [state.is, path, first]);
  if (state.is === 'loading') return <main class="alone"><Skeleton /></main>;
  if (state.is === 'failed') return <main class="alone"><h1>Lazaret</h1><Failure of={state.error} retry={() => void look()} /></main>;
  if (path === '/auth') return <SignIn />;
  if (state.is === 'out') return null;
  if (!as) return <RoleChoice who={state.who} />;
  if (path === '/') return null;
  for (const p of pages) {
    const found = match(p.path, path);
    if (!found) continue;
    if (!p.roles.includes(as))
      return <Shell path={path}><Page title={t('nav.elsewhere')}><Empty icon="shield" title={t('page.notyours')} text={t('page.notyours.more', { role: t(`role.${as}`) })} action={<a class="button" href={first ?? '/'}>{t('page.home')}</a>} /></Page></Shell>;
    return <Shell path={path}><p.view key={`${as} ${path}`} {...found} /></Shell>;
  }
  return <Shell path={path}><Page title={t('page.none')}><Empty icon="search" title={t('page.none.more')} action={<a class="button" href={first ?? '/'}>{t('page.home')}</a>} /></Page></Shell>;
}

export function App() {
  const { lang } = usePrefs();
  const place = usePlace();
  useSession();
  useEffect(() => void look(), []);
  const asked = pending();
  return (
    <div key={lang}>
      <Body path={place.path.length > 1 ? place.path.replace(/\/$/, '') : place.path} />
      {asked && <SignInDialog asked={asked} />}
      <Toasts />
    </div>
  );
}
