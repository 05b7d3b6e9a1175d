// dialog.tsx -- a native modal dialog: focus goes in and comes back, Escape closes, the rest of the page is inert.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { Icon } from './icon';
import { Toasts } from './toast';

export function Dialog({ title, onClose, children, wide }: { title: string; onClose?: (() => void) | undefined; children: ComponentChildren; wide?: boolean }) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const d = box.current!, before = document.activeElement as HTMLElement | null;
    d.showModal();
    d.querySelector<HTMLElement>('input:not([hidden]), select, textarea')?.focus();
    return () => {
      d.close();
      setTimeout(() => { if (before?.isConnected && document.activeElement === document.body) before.focus(); }, 0);
    };
  }, []);
  return (
    <dialog ref={box} class={wide ? 'wide' : ''} aria-labelledby={id} onCancel={(e) => { e.preventDefault(); onClose?.(); }}>
      <div class="dialog-head">
        <h2 id={id} tabIndex={-1}>{title}</h2>
        {onClose && <button type="button" class="button-quiet" aria-label={t('do.close')} onClick={onClose}><Icon name="close" /></button>}
      </div>
      {children}
      <Toasts />
    </dialog>
  );
}
