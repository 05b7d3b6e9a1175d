// list.tsx -- who has an account here, in which roles; invitations, proposals and approvals: every role takes two.
import { useState } from 'preact/hooks';
import type { Invited, Person } from '#api';
import { call } from '../app/api';
import { useList } from '../app/load';
import { me, role } from '../app/session';
import { day, t, word } from '../i18n';
import { Dialog } from '../ui/dialog';
import { Buttons, Field, FormBox, useForm } from '../ui/form';
import { Icon } from '../ui/icon';
import { Card, Choice, type Column, CopyTable, Empty, Facts, Page, Pill, Table } from '../ui/page';
import { say, sayWrong } from '../ui/toast';

const roles = ['doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin'] as const;
const options = (): [string, string][] => roles.map((r) => [r, t(`role.${r}`)]);
export function PeopleList() {
  const list = useList<Person>(async (_, signal) => ({ rows: (await call('GET /api/v1/people', { signal })).data.people, next: undefined }), []);
  const [show, setShow] = useState('all');
  const [open, setOpen] = useState<string>();
  const [invited, setInvited] = useState<Invited>();
  const as = role();
  const decides = as === 'admin' || as === 'auditor', proposes = as === 'admin' || as === 'doctor';
  const named = (id: string): string => list.rows?.find((p) => p.id === id)?.name ?? id;
  const waiting = list.rows?.filter((p) => p.proposals.length && p.state !== 'suspended') ?? [];
  const act = (deed: Promise<unknown>, done: string): void => { deed.then(() => { say(done); list.reload(); }, sayWrong); };
  const approve = (p: Person, r: string): void => act(call('POST /api/v1/people/{person_id}/roles/{role}/approve', { path: { person_id: p.id, role: r } }), t('people.approved', { name: p.name, role: word('role', r) }));
  const remove = (p: Person, r: string): void => act(call('DELETE /api/v1/people/{person_id}/roles/{role}', { path: { person_id: p.id, role: r } }), t('people.removed', { name: p.name, role: word('role', r) }));
  const columns: Column<Person>[] = [
    { title: t('people.name'), cell: (p) => <button type="button" class="link" onClick={() => setOpen(p.id)}>{p.name}</button>, text: (p) => p.name },
    { title: t('people.roles'), cell: (p) => p.roles.map((r) => word('role', r.role)).join(', '), text: (p) => p.roles.map((r) => r.role).join(' ') },
    { title: t('people.proposed'), cell: (p) => p.proposals.map((r) => word('role', r.role)).join(', '), text: (p) => p.proposals.map((r) => r.role).join(' ') },
    { title: t('people.state'), cell: (p) => <Pill tone={p.state}>{t(`person.${p.state}`)}</Pill>, text: (p) => p.state },
    { title: t('people.since'), cell: (p) => day(p.created_at), text: (p) => p.created_at },
  ];
  const shown = { ...list, rows: list.rows?.filter((p) => show === 'all' || p.state === show) };
  const one = list.rows?.find((p) => p.id === open);
  return (
    <Page title={t('nav.people')} lead={t(as === 'doctor' ? 'people.lead.doctor' : 'people.lead')}
      actions={<><CopyTable rows={shown.rows} columns={columns} />{proposes && <button type="button" class="button button-main" onClick={() => setOpen('new')}><Icon name="plus" />{t('people.invite')}</button>}</>}>
      {decides && waiting.length > 0 && (
        <Card title={t('people.waiting')} wide>
          <ul class="plain">
            {waiting.flatMap((p) => p.proposals.map((r) => (
              <li class="row"><Icon name="user" /><span class="grow"><span class="strong">{p.name}: {word('role', r.role)}</span><span class="small">{t('people.by', { name: named(r.proposed_by) })}</span></span>
                {r.proposed_by === me()!.id || p.id === me()!.id ? <span class="small">{t('people.other')}</span>
                  : <button type="button" class="button button-main" onClick={() => approve(p, r.role)}>{t('people.approve')}<span class="hidden"> {p.name}, {word('role', r.role)}</span></button>}
                {p.id !== me()!.id && <button type="button" class="button" onClick={() => remove(p, r.role)}>{t('people.refuse')}<span class="hidden"> {p.name}, {word('role', r.role)}</span></button>}
              </li>
            )))}
          </ul>
        </Card>
      )}
      <div class="toolbar"><Choice label={t('people.state')} value={show} options={[['all', t('list.all')], ...(['active', 'pending', 'suspended'] as const).map((s): [string, string] => [s, t(`person.${s}`)])]} onChange={setShow} /></div>
      <Table label={t('nav.people')} list={shown} columns={columns} unit={(n) => t('people.count', { n })} empty={show === 'all' ? <Empty icon="people" title={t('people.none')} text={t('people.none.more')} /> : <Empty icon="search" title={t('list.none')} />} />
      {open === 'new' && <Invite close={() => setOpen(undefined)} done={(x) => { setOpen(undefined); setInvited(x); list.reload(); }} />}
      {one && (
        <Dialog title={one.name} onClose={() => setOpen(undefined)} wide>
          <Facts of={[[t('people.state'), <Pill tone={one.state}>{t(`person.${one.state}`)}</Pill>], [t('people.subject'), one.subject], [t('people.since'), day(one.created_at)], [t('audit.objectid'), <span class="mono">{one.id}</span>]]} />
          <ul class="plain">
            {one.roles.map((r) => <li class="row"><Icon name="check" /><span class="grow"><span class="strong">{word('role', r.role)}</span><span class="small">{t('people.bytwo', { one: named(r.proposed_by), two: named(r.approved_by) })}</span></span>
              {decides && one.id !== me()!.id && <button type="button" class="button" onClick={() => remove(one, r.role)}>{t('people.end')}<span class="hidden"> {word('role', r.role)}</span></button>}</li>)}
            {one.proposals.map((r) => <li class="row"><Icon name="clock" /><span class="grow"><span class="strong">{word('role', r.role)}</span><span class="small">{t('people.by', { name: named(r.proposed_by) })}</span></span></li>)}
          </ul>
          {proposes && one.id !== me()!.id && <Propose person={one} done={() => list.reload()} />}
          {decides && one.id !== me()!.id && (
            <div class="buttons">
              {one.state === 'suspended' ? <button type="button" class="button" onClick={() => act(call('POST /api/v1/people/{person_id}/resume', { path: { person_id: one.id } }), t('people.resumed', { name: one.name }))}>{t('people.resume')}</button>
                : <button type="button" class="button button-danger" onClick={() => act(call('POST /api/v1/people/{person_id}/suspend', { path: { person_id: one.id } }), t('people.suspended', { name: one.name }))}>{t('people.suspend')}</button>}
            </div>
          )}
          <p class="muted small">{t('people.lost', { name: one.name })}</p>
        </Dialog>
      )}
      {invited && <Link of={invited} close={() => setInvited(undefined)} />}
    </Page>
  );
}
function Invite({ close, done }: { close: () => void; done: (x: Invited) => void }) {
  const form = useForm({ name: '', role: 'doctor' }, 'invite');
  const save = (): void => void form.run(async () => {
    const { data } = await call('POST /api/v1/people', { body: { name: form.values.name!.trim(), role: form.values.role as 'doctor' } });
    form.reset();
    done(data);
  }, ['name']);
  return (
    <Dialog title={t('people.invite')} onClose={close}>
      <p class="muted">{t('people.invite.more')}</p>
      <FormBox form={form} onSubmit={save} label={t('people.invite')}>
        <Field form={form} name="name" label={t('signin.name')} hint={t('people.name.hint')} wide more={{ autocomplete: 'off', autocapitalize: 'none', spellcheck: false, maxLength: 64 }} />
        <Field form={form} name="role" label={t('people.role')} wide options={options()} />
        <Buttons form={form} save={t('people.invite.go')} cancel={close} />
      </FormBox>
    </Dialog>
  );
}
function Propose({ person, done }: { person: Person; done: () => void }) {
  const form = useForm({ role: roles.find((r) => !person.roles.some((x) => x.role === r)) ?? 'doctor' });
  return (
    <FormBox form={form} label={t('people.propose')} onSubmit={() => void form.run(async () => {
      await call('POST /api/v1/people/{person_id}/roles', { path: { person_id: person.id }, body: { role: form.values.role as 'doctor' } });
      say(t('people.proposal', { name: person.name, role: word('role', form.values.role!) }));
      done();
    })}>
      <Field form={form} name="role" label={t('people.another')} wide options={options()} />
      <div class="buttons"><button class="button">{t('people.propose')}</button></div>
    </FormBox>
  );
}
function Link({ of, close }: { of: Invited; close: () => void }) {
  const link = `${location.origin}/auth#${of.invitation}`;
  return (
    <Dialog title={t('people.link', { name: of.name })} onClose={close}>
      <p>{t('people.link.more', { name: of.name, when: day(of.until) })}</p>
      <p class="mono text">{link}</p>
      <p class="muted">{t('people.link.role', { role: word('role', of.role) })}</p>
      <div class="buttons"><button type="button" class="button button-main" onClick={() => void navigator.clipboard.writeText(link).then(() => say(t('people.link.copied')))}><Icon name="copy" />{t('people.link.copy')}</button><button type="button" class="button" onClick={close}>{t('do.close')}</button></div>
    </Dialog>
  );
}
