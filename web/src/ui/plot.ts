// plot.ts -- the chart library's own chunk, loaded when the first chart is drawn (chart.tsx). Knows nothing of sentences.
import uPlot from 'uplot';

export interface Colours { text: string; line: string; series: string[] }
export interface Points { kind: 'points'; x: number[]; series: (number | null)[][]; value: (n: number) => string }
/** Rows of time, one above the other: seconds since 1970, `until` null: it still goes on. */
export interface Spans { kind: 'spans'; rows: { label: string; since: number; until: number | null }[]; now: number }
export type Figure = Points | Spans;
/** How an instant is written, where two of them on the axis are `apart` seconds. */
export type Instant = (seconds: number, apart: number) => string;

const axis = (c: Colours): Partial<uPlot.Axis> => ({ stroke: c.text, font: '12px system-ui, sans-serif', grid: { stroke: c.line, width: 1 }, ticks: { stroke: c.line, width: 1 } });
const base = (width: number, height: number, c: Colours, instant: Instant): Omit<uPlot.Options, 'series'> => ({
  width, height, legend: { show: false }, cursor: { show: false }, select: { show: false, left: 0, top: 0, width: 0, height: 0 },
  axes: [{ ...axis(c), space: 80, values: (_, splits, __, ___, apart) => splits.map((s) => instant(s, apart)) }] });

function points(f: Points, o: Omit<uPlot.Options, 'series'>, c: Colours): [uPlot.Options, uPlot.AlignedData] {
  const series: uPlot.Series[] = f.series.map((_, i) => ({ stroke: c.series[i]!, paths: () => null, points: { show: true, size: i ? 9 : 6, fill: i ? 'transparent' : c.series[i]!, width: 2 } }));
  return [{ ...o, scales: { x: { range: (_, low, high) => [Math.min(low, (low + high) / 2 - 60), Math.max(high, (low + high) / 2 + 60)] }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } }, series: [{}, ...series], axes: [...o.axes!, { ...axis(c), size: 72, values: (_, splits) => splits.map(f.value) }] }, [f.x, ...f.series]];
}
function spans(f: Spans, o: Omit<uPlot.Options, 'series'>, c: Colours): [uPlot.Options, uPlot.AlignedData] {
  const ends = f.rows.map((r) => [r.since, Math.max(r.until ?? f.now, r.since + 1)] as const), x = [...new Set(ends.flat())].sort((a, b) => a - b);
  const at = (i: number): number => f.rows.length - 1 - i; /* the first is on top */
  const series: uPlot.Series[] = f.rows.map((r) => ({ stroke: c.series[r.until === null ? 0 : 1]!, width: 8, spanGaps: true, points: { show: false } }));
  const data = ends.map(([since, until], i) => x.map((t) => (t === since || t === until ? at(i) : null)));
  const named = (n: number): string => (Number.isInteger(n) ? f.rows[at(n)]?.label ?? '' : '');
  return [{ ...o, scales: { x: { range: (_, low, high) => [low, Math.max(high, low + 3600)] }, y: { range: () => [-0.7, f.rows.length - 0.3] } }, series: [{}, ...series],
    axes: [...o.axes!, { ...axis(c), size: Math.min(130, o.width / 3), grid: { show: false }, ticks: { show: false }, splits: () => f.rows.map((_, i) => i), values: (_, splits) => splits.map(named) }] }, [x, ...data]];
}
export function draw(node: HTMLElement, figure: Figure, width: number, height: number, colours: Colours, instant: Instant): () => void {
  const o = base(width, height, colours, instant);
  const [options, data] = figure.kind === 'points' ? points(figure, o, colours) : spans(figure, o, colours);
  const u = new uPlot(options, data, node);
  return () => u.destroy();
}
