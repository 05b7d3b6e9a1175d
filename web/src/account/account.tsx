// account.tsx -- what is one's own: passkeys, password, open sessions, and what the log says that one did.
import { useState } from 'preact/hooks';
import type { AuditEntry, PasskeyList, SignInWays } from '#api';
import { ask, call, Refused } from '../app/api';
import { useList, useLoad } from '../app/load';
import { look, me, signOut } from '../app/session';
import { AccessColumns } from '../audit/entry';
import { moment, number, since, t, word } from '../i18n';
import { make, possible } from '../signin/passkey';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, CopyTable, Empty, Facts, Page, Pill, Table, Waiting } from '../ui/page';
import { say, sayWrong } from '../ui/toast';

export function Account() {
  const who = me()!;
  const local = who.how !== 'oidc';
  const accesses = useList<AuditEntry, string>(async (cursor, signal) => {
    const { data } = await call('GET /api/v1/me/accesses', { query: { limit: 50, ...(cursor ? { cursor } : {}) }, signal });
    return { rows: data.entries, next: data.next ?? undefined };
  }, []);
  const columns = AccessColumns(false);
  return (
    <Page title={t('account.title')} lead={t('account.lead', { name: who.name, role: word('role', who.role ?? '') })}>
      <div class="grid">
        {local && <Credentials />}
        <Sessions />
      </div>
      <div class="section-head"><h2>{t('account.accesses')}</h2><CopyTable rows={accesses.rows} columns={columns} /></div>
      <p class="muted">{t('account.accesses.more')}</p>
      <Table label={t('account.accesses')} list={accesses} columns={columns} unit={(n) => t('audit.count', { n })} empty={<Empty icon="list" title={t('account.accesses.none')} />} />
    </Page>
  );
}
function Credentials() {
  const list = useLoad<PasskeyList>((signal) => call('GET /auth/passkeys', { signal }), []);
  const ways = useLoad<SignInWays>((signal) => ask('GET /auth/ways', { signal }), []); /* where the server takes none, none is made */
  const add = useForm({ label: '' });
  const change = useForm({ old: '', new: '' });
  const [changing, setChanging] = useState(false);
  const remove = async (id: string, label: string): Promise<void> => {
    await call('DELETE /auth/passkeys/{passkey_id}', { path: { passkey_id: id } });
    say(t('passkey.removed', { label }));
    await list.reload();
  };
  return (
    <Card title={t('account.signin')}>
      {!list.data ? <Waiting error={list.error} retry={() => void list.reload()} /> : (
        <>
          {list.data.passkeys.length === 0 && <p class="muted">{t('passkey.none')}</p>}
          <ul class="plain">
            {list.data.passkeys.map((k) => (
              <li class="row"><Icon name="key" /><span class="grow"><span class="strong">{k.label}</span><span class="small">{k.used_at ? t('passkey.used', { when: since(k.used_at) }) : t('passkey.unused')}</span></span>
                <button type="button" class="button" aria-label={t('passkey.remove', { label: k.label })} onClick={() => { remove(k.id, k.label).catch(sayWrong); }}>{t('do.remove')}</button></li>
            ))}
          </ul>
          {ways.data?.passkey && possible() && (
            <FormBox form={add} label={t('passkey.add')} onSubmit={() => void add.run(async () => {
              const options = (await call('POST /auth/passkey/register/options', {})).data;
              let credential;
              try { credential = await make(options); } catch { add.fail('label', t('passkey.failed')); return; }
              await call('POST /auth/passkey/register', { body: { label: add.values.label!, credential } });
              add.reset();
              say(t('passkey.added'));
              await list.reload();
            }, ['label'])}>
              <Field form={add} name="label" label={t('passkey.label')} wide more={{ maxLength: 64 }} />
              <Buttons form={add} save={t('passkey.add')} />
            </FormBox>
          )}
          {list.data.password && (changing ? (
            <FormBox form={change} inPlace label={t('password.change')} onSubmit={() => void change.run(async () => {
              await call('POST /auth/password/change', { body: { old: change.values.old!, new: change.values.new! } });
              change.reset();
              setChanging(false);
              say(t('password.changed'));
              await look();
            }, ['old', 'new'])}>
              <Field form={change} name="old" type="password" label={t('password.old')} wide more={{ autocomplete: 'current-password' }} />
              <Field form={change} name="new" type="password" label={t('password.new')} hint={t('password.rule')} wide more={{ autocomplete: 'new-password' }} />
              <Buttons form={change} save={t('password.change')} cancel={() => { change.reset(); setChanging(false); }} />
            </FormBox>
          ) : <div class="buttons"><button type="button" class="button" onClick={() => setChanging(true)}>{t('password.change')}</button></div>)}
        </>
      )}
    </Card>
  );
}
function Sessions() {
  const who = me()!;
  const [, setError] = useState<Refused>();
  return (
    <Card title={t('account.sessions')}>
      <Facts of={[[t('session.since'), moment(who.signed_in_at)], [t('session.until'), moment(who.until)], [t('session.how'), word('how', who.how)]]} />
      <ul class="plain">
        {who.sessions.map((s) => <li class="row"><Icon name="user" /><span class="grow"><span class="strong">{word('how', s.how)}{s.role ? `, ${word('role', s.role)}` : ''}</span><span class="small">{t('session.seen', { when: since(s.seen_at) })}</span></span>{s.current && <Pill tone="info">{t('session.this')}</Pill>}</li>)}
      </ul>
      {who.sessions.length > 1 && <div class="buttons"><button type="button" class="button" onClick={() => { signOut(true).catch(setError); }}>{t('session.all', { n: number(who.sessions.length) })}</button></div>}
    </Card>
  );
}
