// bundle.ts -- a Bundle that somebody pasted, and the answers to what is asked about it: a QuestionnaireResponse is one more entry, and
// counts there like a measurement of the input's code, in the unit that was chosen.
export interface Bundle { resourceType: string; entry?: { fullUrl?: string; resource?: { resourceType?: string; id?: string } }[]; [more: string]: unknown }
interface Coding { system?: string; code: string; display?: string }
export interface Question {
  linkId: string; text: string; type: 'quantity' | 'choice' | 'boolean' | 'date' | 'decimal'; required?: boolean; code?: Coding[];
  answerOption?: { valueCoding: Coding }[]; extension?: { url: string; valueCoding?: Coding; valueQuantity?: { value: number; unit: string } }[];
}
export interface Questionnaire { url: string; version: string; item: Question[] }

/** The Bundle, or what is wrong with the text: "json", "bundle". */
export function readBundle(text: string): Bundle | 'json' | 'bundle' {
  let json: unknown;
  try { json = JSON.parse(text); } catch { return 'json'; }
  const b = json as Bundle;
  return b && typeof b === 'object' && b.resourceType === 'Bundle' ? b : 'bundle';
}
export const units = (q: Question): Coding[] => (q.extension ?? []).flatMap((x) => (x.url.endsWith('questionnaire-unitOption') && x.valueCoding ? [x.valueCoding] : []));
const bound = (q: Question, end: string): { value: number; unit: string } | undefined => q.extension?.find((x) => x.url.endsWith(end))?.valueQuantity;
export const range = (q: Question): { low: number; high: number; unit: string } | undefined => {
  const low = bound(q, 'minQuantity'), high = bound(q, 'maxQuantity');
  return low && high && { low: low.value, high: high.value, unit: low.unit };
};
/** A number as people write it, in either language; undefined: it is none. */
export const numeral = (text: string): number | undefined => (/^[+-]?\d+([.,]\d+)?$/.test(text.trim()) ? Number(text.trim().replace(',', '.')) : undefined);

function answer(q: Question, value: string, unit: string): unknown {
  if (q.type === 'quantity') {
    const chosen = units(q).find((u) => u.code === unit) ?? units(q)[0];
    return { valueQuantity: { value: numeral(value), ...(chosen ? { unit: chosen.display ?? chosen.code, system: chosen.system, code: chosen.code } : {}) } };
  }
  if (q.type === 'decimal') return { valueDecimal: numeral(value) };
  if (q.type === 'boolean') return { valueBoolean: value === 'yes' };
  if (q.type === 'date') return { valueDate: value };
  return { valueCoding: q.answerOption?.[Number(value)]?.valueCoding };
}
/** The Bundle and one more entry: what was filled in, taken now, about its patient. */
export function answered(b: Bundle, asked: Questionnaire, values: Record<string, string>): Bundle {
  const patient = b.entry?.find((e) => e.resource?.resourceType === 'Patient');
  const reference = patient?.fullUrl ?? (patient?.resource?.id ? `Patient/${patient.resource.id}` : undefined);
  const item = asked.item.filter((q) => values[q.linkId]?.trim()).map((q) => ({ linkId: q.linkId, text: q.text, answer: [answer(q, values[q.linkId]!, values[`${q.linkId} unit`] ?? '')] }));
  const resource = { resourceType: 'QuestionnaireResponse', status: 'completed', questionnaire: `${asked.url}|${asked.version}`, authored: new Date().toISOString(), ...(reference ? { subject: { reference } } : {}), item };
  return { ...b, entry: [...(b.entry ?? []), { fullUrl: `urn:uuid:${crypto.randomUUID()}`, resource }] };
}
