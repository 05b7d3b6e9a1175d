// questions.tsx -- the form that is made of a Questionnaire: a field for each question, in the units that count.
import { prefs } from '../app/prefs';
import { number, t } from '../i18n';
import { system } from '../models/codes';
import { Buttons, Field, type Form, FormBox } from '../ui/form';
import { numeral, type Question, type Questionnaire, range, units } from './bundle';

/* "1,200" is twelve hundred to who reads English and one and a fifth to who reads Italian, "1.200" the other way round: it is asked again. */
const twofold = (text: string): boolean => (prefs.lang === 'it' ? /^[+-]?[1-9]\d{0,2}\.\d{3}$/ : /^[+-]?[1-9]\d{0,2},\d{3}$/).test(text);
/** What is wrong with what was filled in, question by question. */
export function wrongAnswers(asked: Questionnaire, values: Record<string, string>): [name: string, text: string][] {
  return asked.item.flatMap((q): [string, string][] => {
    const value = values[q.linkId]?.trim() ?? '', r = range(q), unit = values[`${q.linkId} unit`] || units(q)[0]?.code;
    if (!value) return q.required ? [[q.linkId, t('form.required')]] : [];
    if (q.type !== 'quantity' && q.type !== 'decimal') return [];
    const n = numeral(value);
    if (n === undefined || twofold(value)) return [[q.linkId, t('ask.number')]];
    return r && r.unit === unit && (n < r.low || n > r.high) ? [[q.linkId, t('ask.range', { low: number(r.low), high: number(r.high), unit: r.unit })]] : [];
  });
}
function Ask({ form, of: q }: { form: Form; of: Question }) {
  const options = units(q), r = range(q), code = q.code?.[0];
  const hint = [r && t('ask.between', { low: number(r.low), high: number(r.high), unit: r.unit }), code && `${system(code.system)} ${code.code}`.trim()].filter(Boolean).join(' · ') || undefined;
  const common = { form, name: q.linkId, label: q.text, hint, required: !!q.required };
  const none: [string, string] = ['', t('ask.choose')];
  if (q.type === 'choice') return <Field {...common} options={[none, ...(q.answerOption ?? []).map((o, i): [string, string] => [String(i), o.valueCoding.display ?? o.valueCoding.code])]} />;
  if (q.type === 'boolean') return <Field {...common} options={[none, ['yes', t('value.yes')], ['no', t('value.no')]]} />;
  if (q.type === 'date') return <Field {...common} type="date" />;
  const value = <Field {...common} label={options.length === 1 ? `${q.text} (${options[0]!.code})` : q.text} more={{ inputmode: 'decimal', autocomplete: 'off' }} />;
  if (options.length < 2) return value;
  return <div class="pair">{value}<Field form={form} name={`${q.linkId} unit`} label={t('ask.unit')} more={{ 'aria-label': t('ask.unit.of', { what: q.text }) }} options={options.map((u): [string, string] => [u.code, u.display ?? u.code])} /></div>;
}
export function Questions({ form, of, send }: { form: Form; of: Questionnaire; send: () => void }) {
  return (
    <FormBox form={form} label={t('ask.title')} onSubmit={send}>
      <div class="fields">{of.item.map((q) => <Ask form={form} of={q} />)}</div>
      <Buttons form={form} save={t('ask.send')} />
    </FormBox>
  );
}
