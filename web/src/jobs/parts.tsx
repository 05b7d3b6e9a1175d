// parts.tsx -- what pages about jobs share: states, values of a result, a decision explained, a job followed while it runs.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Candidate, Decision, JobEvent } from '#api';
import { moment, number, span, t, word } from '../i18n';
import { Pill } from '../ui/page';

const tones: Record<string, string> = { QUEUED: 'calm', PROCESSING: 'info', COMPLETED: 'good', FAILED: 'bad', CANCELLED: 'warn', EXPIRED: 'warn' };
export const State = ({ of }: { of: string }) => <Pill tone={tones[of] ?? 'calm'}>{word('job', of)}</Pill>;
export const moves = (state: string): boolean => state === 'QUEUED' || state === 'PROCESSING';

/** A result as its model made it, to read: objects as lists of terms, whatever they hold. */
export function Value({ of }: { of: unknown }): ComponentChildren {
  if (of === null || of === undefined) return <span class="none">{t('fact.none')}</span>;
  if (typeof of === 'boolean') return t(of ? 'value.yes' : 'value.no');
  if (typeof of === 'number') return <span class="digits">{number(of)}</span>;
  if (Array.isArray(of)) return <ul class="plain">{of.map((x) => <li><Value of={x} /></li>)}</ul>;
  if (typeof of !== 'object') return String(of);
  return <dl class="facts facts-in">{Object.entries(of).map(([k, v]) => <div><dt>{k}</dt><dd><Value of={v} /></dd></div>)}</dl>;
}

/** The states of a job as they come. The browser comes back by itself when the line was cut, and stops when the job has ended. */
export function useJob(id: string | undefined): JobEvent[] {
  const [events, set] = useState<JobEvent[]>([]);
  useEffect(() => {
    set([]);
    if (!id) return;
    const source = new EventSource(`/v1/jobs/${id}/events`);
    const take = (e: MessageEvent<string>): void => {
      const event = JSON.parse(e.data) as JobEvent;
      set((before) => (before.at(-1)?.status === event.status && before.at(-1)?.attempt === event.attempt ? [...before.slice(0, -1), event] : [...before, event]));
      if (!moves(event.status)) source.close();
    };
    source.addEventListener('job', take);
    source.addEventListener('progress', take);
    return () => source.close();
  }, [id]);
  return events;
}
export function Course({ events }: { events: JobEvent[] }) {
  const now = events.at(-1);
  return (
    <div role="status">
      <ol class="timeline">
        {events.map((e, i) => <li class={i === events.length - 1 ? 'now' : ''}><span class="strong">{word('job', e.status)}</span><span class="small">{moment(e.at)}{e.attempt > 1 && ` · ${t('job.try', { n: e.attempt })}`}</span></li>)}
      </ol>
      {now?.status === 'PROCESSING' && (now.progress === undefined ? <progress aria-label={t('job.progress')} /> : <progress value={now.progress} aria-label={t('job.progress')} />)}
    </div>
  );
}

interface Found { input: string; found?: boolean; reason?: string; from?: { ref?: string; path?: string; time?: string; age?: string; converted?: unknown } }
export function Candidates({ of, chosen }: { of: Candidate[]; chosen?: string | null | undefined }) {
  return (
    <div class="scroll" tabIndex={0}>
      <table class="plain-table stack" aria-label={t('decision.candidates')}>
        <thead><tr><th scope="col" class="right">{t('decision.rank')}</th><th scope="col">{t('model.title')}</th><th scope="col">{t('decision.ready')}</th><th scope="col">{t('decision.missing')}</th><th scope="col">{t('decision.behind')}</th></tr></thead>
        <tbody>
          {of.map((c) => (
            <tr>
              <td class="right" data-label={t('decision.rank')}>{c.rank}</td>
              <th scope="row"><span class="mono">{c.model}@{c.version}</span>{chosen === `${c.model}@${c.version}` && <> <Pill tone="good">{t('decision.chosen')}</Pill></>}</th>
              <td data-label={t('decision.ready')}>{t(c.ready ? 'value.yes' : 'value.no')}</td>
              <td data-label={t('decision.missing')}>{c.missing.length ? c.missing.join(', ') : <span class="none">{t('decision.nothing')}</span>}</td>
              <td data-label={t('decision.behind')}>{c.behind_by && word('behind', c.behind_by)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
/** Why this model ran: the candidates by rank, and from what of the Bundle each input came. */
export function Explained({ of }: { of: Decision }) {
  const ran = of.candidates.find((c) => `${c.model}@${c.version}` === of.chosen);
  const inputs = (ran?.inputs ?? []) as unknown as Found[];
  return (
    <>
      <p>{of.chosen ? t('decision.says', { model: of.chosen, when: moment(of.at) }) : t('decision.none')} {word('policy', of.policy)}</p>
      <Candidates of={of.candidates} chosen={of.chosen} />
      {inputs.length > 0 && (
        <div class="scroll" tabIndex={0}>
          <table class="plain-table stack" aria-label={t('decision.inputs')}>
            <thead><tr><th scope="col">{t('model.input')}</th><th scope="col">{t('decision.from')}</th><th scope="col">{t('decision.taken')}</th></tr></thead>
            <tbody>
              {inputs.map((x) => (
                <tr><th scope="row">{x.input}</th>
                  <td data-label={t('decision.from')}>{x.found ? x.from ? <span class="mono small">{x.from.ref ?? x.from.path}</span> : <span class="none">{t('decision.itself')}</span> : <Pill tone="warn">{word('why', x.reason ?? 'absent')}</Pill>}</td>
                  <td data-label={t('decision.taken')}>{x.from?.time && <span>{moment(x.from.time)}{x.from.age && <span class="small">{t('decision.age', { span: span(x.from.age) })}</span>}</span>}</td></tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
export function Differences({ of }: { of: { path: string; was: unknown; now: unknown }[] }) {
  if (!of.length) return <p>{t('job.same')}</p>;
  return (
    <table class="plain-table" aria-label={t('job.diff')}>
      <thead><tr><th scope="col">{t('conflict.field')}</th><th scope="col">{t('job.was')}</th><th scope="col">{t('job.now')}</th></tr></thead>
      <tbody>{of.map((d) => <tr><th scope="row" class="mono">{d.path}</th><td><Value of={d.was} /></td><td><Value of={d.now} /></td></tr>)}</tbody>
    </table>
  );
}
