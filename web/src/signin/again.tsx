// again.tsx -- the dialog over whatever was being done: the session has ended, or a deed wants a fresh proof. Nothing typed is lost.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SignInWays } from '#api';
import { ask, Refused } from '../app/api';
import { type Asked, look, me, set } from '../app/session';
import { t } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Failure } from '../ui/form';
import { Skeleton } from '../ui/page';
import { Ways } from './ways';

export function SignInDialog({ asked }: { asked: Asked }) {
  const who = me()!;
  const [ways, setWays] = useState<SignInWays>();
  const [error, setError] = useState<Refused>();
  const [waiting, setWaiting] = useState(false);
  const timer = useRef<ReturnType<typeof setInterval>>(undefined);
  useEffect(() => {
    ask('GET /auth/ways', {}).then((a) => setWays(a.data), setError);
    return () => clearInterval(timer.current);
  }, []);
  const done = async (): Promise<void> => {
    const now = (await ask('GET /auth/session', {})).data;
    if (now.id !== who.id) {
      /* Somebody else: nothing of the page may be theirs. */
      location.assign('/');
      return;
    }
    if (now.role !== who.role && who.role) await ask('POST /auth/role', { body: { role: who.role } });
    await look();
    asked.done(true);
  };
  /* A session that is there is no proof yet: the provider has to ask, and the session that comes of it is younger. */
  const provider = (): void => {
    const fresh = asked.why === 'step-up';
    setWaiting(true);
    open(`/auth/login?${fresh ? 'again=true&' : ''}return=/app/account`, '_blank');
    clearInterval(timer.current);
    timer.current = setInterval(() => {
      ask('GET /auth/session', {}).then(({ data }) => {
        if (fresh && !(Date.parse(data.proved_at) > Date.parse(who.proved_at))) return;
        clearInterval(timer.current);
        void done();
      }, () => undefined);
    }, 1500);
  };
  const mine = ways && { password: ways.password && who.how !== 'oidc', passkey: ways.passkey && who.how !== 'oidc', provider: ways.provider && (who.how === 'oidc' || asked.why === 'expired') };
  return (
    <Dialog title={t(asked.why === 'expired' ? 'again.expired' : 'again.prove')} onClose={() => { asked.done(false); if (asked.why === 'expired') set({ is: 'out', expired: true }); }}>
      <p class="muted">{t(asked.why === 'expired' ? 'again.expired.more' : 'again.prove.more')}</p>
      {waiting && <p role="status">{t('again.waiting')}</p>}
      {mine ? <Ways ways={mine} prove={asked.why === 'step-up'} name={who.name} provider={provider} done={done} /> : error ? <Failure of={error} /> : <Skeleton lines={3} />}
    </Dialog>
  );
}
