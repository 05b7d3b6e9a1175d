// ways.tsx -- the ways to sign in that the server offers, for the page, for the dialog, and for a fresh proof.
import { useState } from 'preact/hooks';
import type { SignInWays } from '#api';
import { ask, Refused } from '../app/api';
import { t } from '../i18n';
import { Buttons, Failure, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { possible, use } from './passkey';

interface Props {
  ways: SignInWays;
  /** A fresh proof of somebody who is signed in, by what they have. */
  prove?: boolean;
  name?: string | undefined;
  provider: () => void;
  done: () => Promise<void>;
}
export function Ways({ ways, prove, name, provider, done }: Props) {
  const form = useForm({ name: name ?? '', password: '' });
  const [wrong, setWrong] = useState<Refused>();
  const [device, setDevice] = useState('');
  const [busy, setBusy] = useState(false);
  const byPassword = (): void => void form.run(async () => {
    setWrong(undefined);
    setDevice('');
    const { name: who, password } = form.values as { name: string; password: string };
    if (prove) await ask('POST /auth/step-up', { body: { password } });
    else await ask('POST /auth/password', { body: { name: who, password } });
    form.reset();
    await done();
  }, prove ? ['password'] : ['name', 'password']);
  const byPasskey = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setWrong(undefined);
    setDevice('');
    try {
      if (prove) await ask('POST /auth/step-up', { body: { credential: await use((await ask('POST /auth/step-up/options', {})).data) } });
      else await ask('POST /auth/passkey', { body: { credential: await use((await ask('POST /auth/passkey/options', {})).data) } });
      await done();
    } catch (e) {
      if (e instanceof Refused) setWrong(e); else setDevice(t('passkey.failed'));
    } finally {
      setBusy(false);
    }
  };
  const passkey = ways.passkey && possible();
  return (
    <div class="ways">
      {ways.provider && <button type="button" class="button button-main button-large" onClick={provider}>{t('signin.provider')}</button>}
      {passkey && <button type="button" class={`button button-large${ways.provider ? '' : ' button-main'}`} aria-disabled={busy || undefined} onClick={() => void byPasskey()}><Icon name="key" />{t('signin.passkey')}</button>}
      {device && <div class="note note-bad" role="alert"><Icon name="alert" /><p>{device}</p></div>}
      <Failure of={wrong} />
      {ways.password && (passkey || ways.provider) && <p class="or"><span>{t('signin.or')}</span></p>}
      {ways.password && (
        <FormBox form={form} onSubmit={byPassword} label={t('signin.password.form')}>
          {prove || name ? <input type="text" name="username" autocomplete="username" value={name} readOnly hidden /> : <Field form={form} name="name" label={t('signin.name')} wide more={{ autocomplete: 'username', autocapitalize: 'none', spellcheck: false, maxLength: 64 }} />}
          <Field form={form} name="password" type="password" label={t('signin.password')} wide more={{ autocomplete: 'current-password', maxLength: 256 }} />
          <Buttons form={form} save={prove ? t('signin.prove') : t('signin.go')} />
        </FormBox>
      )}
      {!ways.password && !ways.provider && !ways.passkey && <p>{t('signin.none')}</p>}
    </div>
  );
}
