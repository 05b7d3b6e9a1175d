// chart.tsx -- a chart where people would rather look than read. What it shows stands beside it as text, so it is one picture to who hears
// the page: with a name, and a sentence that sums it up.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { usePrefs } from '../app/prefs';
import { instant, t } from '../i18n';
import type { Figure } from './plot';

const tones = ['--deed', '--bad', '--calm'] as const;
export function Chart({ of, label, children, height = 220, legend }: { of: Figure; label: string; children: ComponentChildren; height?: number; legend?: string[] }) {
  const box = useRef<HTMLDivElement>(null);
  const { theme } = usePrefs();
  const [width, setWidth] = useState(0), [dark, setDark] = useState(0), [lost, setLost] = useState(false);
  useEffect(() => {
    const sizes = new ResizeObserver(() => setWidth(Math.floor(box.current?.clientWidth ?? 0)));
    const scheme = matchMedia('(prefers-color-scheme: dark)'), turn = (): void => setDark((n) => n + 1);
    sizes.observe(box.current!);
    scheme.addEventListener('change', turn);
    return () => { sizes.disconnect(); scheme.removeEventListener('change', turn); };
  }, []);
  useEffect(() => {
    let gone = false, end: (() => void) | undefined;
    if (width > 0)
      import('./plot').then(({ draw }) => {
        /* Colours are asked of an element that has them: light-dark() is not resolved in a custom property. */
        const probe = box.current!, resolve = (name: string): string => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
        const colours = { text: resolve('--soft'), line: resolve('--line'), series: (of.kind === 'spans' ? ['--deed', '--edge'] : tones).map(resolve) };
        probe.style.color = '';
        if (!gone) end = draw(probe, of, width, height, colours, instant);
      }, () => setLost(true));
    return () => { gone = true; end?.(); };
  }, [of, width, height, theme, dark]);
  return (
    <figure class="chart">
      <div ref={box} class="chart-box" role="img" aria-label={label} style={{ minHeight: `${height}px` }} />
      {lost && <p class="muted">{t('chart.lost')}</p>}
      {legend && <ul class="legend" aria-hidden="true">{legend.map((text, i) => <li><span class={`mark mark-${i}`} />{text}</li>)}</ul>}
      <figcaption class="small">{children}</figcaption>
    </figure>
  );
}
