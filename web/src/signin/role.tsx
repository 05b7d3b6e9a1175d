// role.tsx -- somebody who holds several roles acts in one of them; somebody who holds none is told what to wait for.
import { useState } from 'preact/hooks';
import type { Session } from '#api';
import { Refused } from '../app/api';
import { start } from '../app/pages';
import { go } from '../app/router';
import { actAs, look, type Role, signOut } from '../app/session';
import { t, word } from '../i18n';
import { Failure } from '../ui/form';
import { Icon, type IconName } from '../ui/icon';
import { sayWrong } from '../ui/toast';
import { Alone } from './signin';

const icons: Record<string, IconName> = { doctor: 'heart', installer: 'home', monitor: 'chart', researcher: 'list', auditor: 'shield', admin: 'people', participant: 'user' };
export function RoleChoice({ who }: { who: Session }) {
  const [wrong, setWrong] = useState<Refused>();
  const choose = (r: string): void => { actAs(r).then(() => { if (location.pathname === '/') go(start(r as Role), true); }, setWrong); };
  const some = who.roles.length > 0;
  return (
    <Alone title={some ? t('role.choose') : t('role.none')}>
      <p class="muted">{some ? t('role.choose.more') : t('role.none.more', { name: who.name })}</p>
      {some && <ul class="roles">{who.roles.map((r) => <li><button type="button" class="role" onClick={() => choose(r)}><Icon name={icons[r] ?? 'user'} /><span><span class="strong">{word('role', r)}</span><span class="small">{word('role.is', r)}</span></span></button></li>)}</ul>}
      <Failure of={wrong} />
      <div class="buttons">
        {!some && <button type="button" class="button button-main" onClick={() => void look()}>{t('role.again')}</button>}
        <button type="button" class="button" onClick={() => { signOut().catch(sayWrong); }}>{t('do.signout')}</button>
      </div>
    </Alone>
  );
}
