// session.ts -- who is signed in, in which role; and asking them again where the session has ended or a deed needs a fresh proof.
import { useEffect, useState } from 'preact/hooks';
import type { Session } from '#api';
import { ask, gate, Refused } from './api';
import { keepPrefs } from './prefs';

export type Role = 'doctor' | 'installer' | 'monitor' | 'researcher' | 'auditor' | 'admin' | 'participant';
export type State = { is: 'loading' } | { is: 'out'; expired?: boolean } | { is: 'in'; who: Session } | { is: 'failed'; error: Refused };
let state: State = { is: 'loading' };
const watchers = new Set<() => void>();
/* What pages keep in memory between two visits is of whoever works here, in a role: it is forgotten when that is somebody else, and
 * when they sign out; not when a session ends and they come back. */
const kept: (() => void)[] = [];
export const forgetWith = (forget: () => void): void => { kept.push(forget); };
let owner: string | undefined;
function belongsTo(next: string | undefined): void {
  if (owner !== undefined && next !== owner) for (const forget of kept) forget();
  owner = next;
}
export function set(next: State): void {
  if (next.is === 'in' && next.who.role) belongsTo(`${next.who.id} ${next.who.role}`);
  state = next;
  for (const w of watchers) w();
}
export function useSession(): State {
  const [, again] = useState(0);
  useEffect(() => {
    const w = (): void => again((n) => n + 1);
    watchers.add(w);
    return () => { watchers.delete(w); };
  }, []);
  return state;
}
export const me = (): Session | undefined => (state.is === 'in' ? state.who : undefined);
export const role = (): Role => (me()?.role ?? 'participant') as Role;

export async function look(): Promise<void> {
  try {
    set({ is: 'in', who: (await ask('GET /auth/session', {})).data });
  } catch (e) {
    const error = e as Refused;
    set(error.status === 401 ? { is: 'out' } : { is: 'failed', error });
  }
}
export async function actAs(name: string): Promise<void> {
  set({ is: 'in', who: (await ask('POST /auth/role', { body: { role: name } })).data });
}
export async function signOut(everywhere = false): Promise<void> {
  const { data } = await ask('POST /auth/logout', { query: everywhere ? { all: '1' } : {} });
  keepPrefs();
  belongsTo(undefined);
  if (data.url.startsWith('/')) {
    history.replaceState(null, '', '/auth');
    set({ is: 'out' });
    dispatchEvent(new PopStateEvent('popstate'));
  } else location.assign(data.url);
}

// ---- asking again: one dialog at a time, for all calls that wait for it

export type Asked = { why: 'expired' | 'step-up'; done: (again: boolean) => void };
let asked: (Asked & { promise: Promise<boolean> }) | undefined;
function open(why: Asked['why']): Promise<boolean> {
  if (!asked) {
    let done!: (again: boolean) => void;
    const promise = new Promise<boolean>((end) => { done = end; });
    asked = { why, promise, done: (again) => { asked = undefined; done(again); for (const w of watchers) w(); } };
    for (const w of watchers) w();
  }
  return asked.promise;
}
export const pending = (): Asked | undefined => asked;
gate.signIn = () => (state.is === 'in' ? open('expired') : Promise.resolve(false));
gate.stepUp = () => (state.is === 'in' ? open('step-up') : Promise.resolve(false));
