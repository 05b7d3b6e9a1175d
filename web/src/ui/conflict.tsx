// conflict.tsx -- somebody changed it meanwhile: both versions, and a choice.
import { t } from '../i18n';
import { Dialog } from './dialog';

export type Versions = { label: string; mine: string; theirs: string }[];
export function Conflict({ versions, mine, theirs, onClose }: { versions: Versions; mine: () => void; theirs: () => void; onClose: () => void }) {
  return (
    <Dialog title={t('conflict.title')} onClose={onClose} wide>
      <p class="muted">{t('conflict.more')}</p>
      <div class="scroll">
        <table class="plain-table" aria-label={t('conflict.title')}>
          <thead><tr><th scope="col">{t('conflict.field')}</th><th scope="col">{t('conflict.mine')}</th><th scope="col">{t('conflict.theirs')}</th></tr></thead>
          <tbody>{versions.map((v) => <tr><th scope="row">{v.label}</th><td>{v.mine || <span class="none">{t('fact.none')}</span>}</td><td>{v.theirs || <span class="none">{t('fact.none')}</span>}</td></tr>)}</tbody>
        </table>
      </div>
      <div class="buttons">
        <button type="button" class="button button-main" onClick={mine}>{t('conflict.keep')}</button>
        <button type="button" class="button" onClick={theirs}>{t('conflict.take')}</button>
        <button type="button" class="button" onClick={onClose}>{t('conflict.back')}</button>
      </div>
    </Dialog>
  );
}
