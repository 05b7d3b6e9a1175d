// signin.tsx -- /auth: signing in, and accepting an invitation, whose code stands behind the "#" that no server sees.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Invitation, SignInWays } from '#api';
import { ask, Refused } from '../app/api';
import { go, usePlace } from '../app/router';
import { look, me, useSession } from '../app/session';
import { Settings } from '../app/shell';
import { day, t, word } from '../i18n';
import { Buttons, Failure, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Skeleton } from '../ui/page';
import { make, possible } from './passkey';
import { Ways } from './ways';

export function Alone({ title, children }: { title: string; children: ComponentChildren }) {
  useEffect(() => { document.title = `${title} · Lazaret`; }, [title]);
  return (
    <main class="alone">
      <div class="alone-brand"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M9 7v18h14" /><path class="cross" d="M16.5 13h7M20 9.5v7" /></svg>Lazaret</div>
      <div class="card alone-card"><h1>{title}</h1>{children}</div>
      <Settings />
    </main>
  );
}
/* A code that came with the address leaves it at once, and so the history. */
function arrival(): string {
  const code = location.pathname === '/auth' ? location.hash.slice(1) : '';
  if (code) history.replaceState(null, '', location.pathname);
  return code;
}
let arrived = arrival();

export function SignIn() {
  const state = useSession();
  const place = usePlace();
  const [ways, setWays] = useState<SignInWays>();
  const [error, setError] = useState<Refused>();
  const [code, setCode] = useState(arrived);
  const [invitation, setInvitation] = useState<Invitation>();
  const back = place.query.get('return') ?? '/';
  const home = back.startsWith('/app/') ? back : '/';
  const load = (): void => { ask('GET /auth/ways', {}).then((a) => { setWays(a.data); setError(undefined); }, setError); };
  useEffect(load, []);
  const find = async (c: string): Promise<void> => {
    const { data } = await ask('GET /auth/invitation', { headers: { 'Lazaret-Invitation': c } });
    setCode(c);
    setInvitation(data);
  };
  useEffect(() => {
    const take = (): void => {
      const c = arrived || arrival();
      arrived = '';
      if (c) find(c).catch((e: Refused) => { setCode(''); setError(e); });
    };
    take();
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);
  useEffect(() => { if (state.is === 'in' && !code) go(home, true); }, [state.is, code]);
  const entered = async (): Promise<void> => { setCode(''); await look(); go(home, true); };
  if (code && invitation) return <Accept code={code} invitation={invitation} entered={entered} />;
  if (!ways || code) return <Alone title={t('signin.title')}>{error ? <Failure of={error} retry={load} /> : <Skeleton />}</Alone>;
  return (
    <Alone title={t('signin.title')}>
      {place.query.has('return') && !error && <p class="muted">{t('signin.first')}</p>}
      <Failure of={error} />
      <Ways ways={ways} provider={() => location.assign(`/auth/login?return=${encodeURIComponent(home)}`)} done={entered} />
      {ways.password && <CodeForm find={find} />}
    </Alone>
  );
}
function CodeForm({ find }: { find: (code: string) => Promise<void> }) {
  const form = useForm({ code: '' });
  return (
    <details class="more">
      <summary>{t('signin.code')}</summary>
      <FormBox form={form} onSubmit={() => void form.run(() => find(form.values.code!.trim().replace(/^.*#/, '')), ['code'])} label={t('signin.code')}>
        <Field form={form} name="code" label={t('signin.code.label')} wide more={{ autocomplete: 'off', autocapitalize: 'none', spellcheck: false }} />
        <Buttons form={form} save={t('signin.code.go')} />
      </FormBox>
    </details>
  );
}
function Accept({ code, invitation, entered }: { code: string; invitation: Invitation; entered: () => Promise<void> }) {
  const form = useForm({ password: '' });
  const key = useForm({ label: t('passkey.this') });
  const [device, setDevice] = useState('');
  const passkeys = invitation.passkeys && possible();
  const byPasskey = (): void => void key.run(async () => {
    setDevice('');
    const options = (await ask('POST /auth/invitation/passkey/options', { body: { code } })).data;
    let credential;
    try { credential = await make(options); } catch { setDevice(t('passkey.failed')); return; }
    await ask('POST /auth/invitation/passkey', { body: { code, label: key.values.label!, credential } });
    await entered();
  }, ['label']);
  return (
    <Alone title={t('invite.title', { name: invitation.name })}>
      <p class="muted">{invitation.role ? t('invite.role', { role: word('role', invitation.role) }) : t('invite.again')} {t('invite.until', { when: day(invitation.until) })}</p>
      {me() && <div class="note"><Icon name="alert" /><p>{t('invite.in', { name: me()!.name })}</p></div>}
      {passkeys && (
        <FormBox form={key} onSubmit={byPasskey} label={t('invite.passkey')}>
          <h2>{t('invite.passkey')}</h2>
          <p class="muted">{t('invite.passkey.why')}</p>
          <Field form={key} name="label" label={t('passkey.label')} wide more={{ maxLength: 64 }} />
          {device && <div class="note note-bad" role="alert"><Icon name="alert" /><p>{device}</p></div>}
          <Buttons form={key} save={t('invite.passkey.go')} />
        </FormBox>
      )}
      {passkeys && <p class="or"><span>{t('signin.or')}</span></p>}
      <FormBox form={form} onSubmit={() => void form.run(async () => { await ask('POST /auth/invitation', { body: { code, password: form.values.password! } }); await entered(); }, ['password'])} label={t('invite.password')}>
        <h2>{t('invite.password')}</h2>
        <input type="text" name="username" autocomplete="username" value={invitation.name} readOnly hidden />
        <Field form={form} name="password" type="password" label={t('signin.password')} hint={t('password.rule')} wide more={{ autocomplete: 'new-password', minLength: 12, maxLength: 256 }} />
        <Buttons form={form} save={t('invite.password.go')} />
      </FormBox>
    </Alone>
  );
}
