// health.tsx -- how this server is, in sentences; what is to be done about it is done on its machine.
import type { ComponentChildren } from 'preact';
import type { SignInWays } from '#api';
import { ask, Refused } from '../app/api';
import { useLoad } from '../app/load';
import { number, t } from '../i18n';
import { readCheckpoint } from '../audit/tree';
import { Icon } from '../ui/icon';
import { Card, Facts, Page, Waiting } from '../ui/page';

interface Found { version: string; models: Refused | undefined; ways: SignInWays; entries: number | undefined }
export function Health() {
  const h = useLoad<Found>(async (signal) => {
    const health = await ask('GET /health', { signal });
    const models = await ask('GET /readyz', { signal }).then(() => undefined, (e: Refused) => e);
    const ways = (await ask('GET /auth/ways', { signal })).data;
    const r = await fetch('/audit/checkpoint', { cache: 'no-store', signal });
    return { ...health, data: { version: health.data.version, models, ways, entries: r.ok ? readCheckpoint(await r.text())?.size : undefined } };
  }, []);
  const f = h.data;
  const line = (good: boolean, text: string, more?: ComponentChildren) => <li class={`note ${good ? 'note-good' : 'note-bad'}`}><Icon name={good ? 'check' : 'alert'} /><div><p>{text}</p>{more}</div></li>;
  return (
    <Page title={t('nav.health')} lead={t('health.lead')} narrow actions={<button type="button" class="button" onClick={() => void h.reload()}>{t('health.again')}</button>}>
      <Card title={t('health.now')} wide>
        {!f ? <Waiting error={h.error} retry={() => void h.reload()} lines={5} /> : (
          <ul class="plain" role="list">
            {line(true, t('health.alive', { version: f.version }))}
            {line(!f.models, t(f.models ? 'health.models.not' : 'health.models'))}
            {line(f.entries !== undefined, f.entries === undefined ? t('health.audit.not') : t('health.audit', { n: f.entries }))}
            {line(location.protocol === 'https:' || location.hostname === 'localhost', t(location.protocol === 'https:' ? 'health.tls' : location.hostname === 'localhost' ? 'health.local' : 'health.tls.not'))}
            {line(f.ways.passkey || f.ways.provider, t(f.ways.provider ? 'health.provider' : f.ways.passkey ? 'health.passkey' : 'health.passkey.not'))}
          </ul>
        )}
      </Card>
      {f && (
        <Card title={t('health.machine')} wide>
          <p class="muted">{t('health.machine.more')}</p>
          <Facts of={[[t('health.doctor'), <span class="mono">lazaret doctor</span>], [t('health.keys'), <span class="mono">lazaret keys status</span>], [t('health.backup'), <span class="mono">lazaret db backup</span>], [t('health.verify'), <span class="mono">lazaret audit verify</span>], [t('verify.size'), f.entries === undefined ? '' : number(f.entries)]]} />
          <div class="buttons"><a class="button" href="/docs">{t('health.docs')}</a></div>
        </Card>
      )}
    </Page>
  );
}
