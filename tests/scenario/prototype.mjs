#!/usr/bin/env node
// stores: sqlite postgres
// timeout: 180
// prototype.mjs   every route of the prototype, asked by each of its roles with tokens as Keycloak makes them, in the order its pages ask in: who is answered,
// with which members, and who is refused. Its clients know no version, no header of ours and no cookie, and send members of their own that count for nothing here.
import { settings, token } from './issuer.mjs';
import { Server, check, done, opening, same, test } from './lib.mjs';

const server = new Server();
await server.start(settings());
// The prototype's realm: its roles, its client, and what Keycloak adds.
const roles = { dottore: 'dottore', iit: 'iit', imt: 'imt', unimi: 'unimi', admin: 'admin' };
const people = Object.fromEntries(Object.keys(roles).map((r) => [r, token(`kc-${r}`, ['default-roles-serenade', 'offline_access', 'uma_authorization', r], { azp: 'dottori-fe', aud: ['lazaret', 'account'], typ: 'Bearer', sid: 'b2c4',
  session_state: 'b2c4', acr: '1', 'allowed-origins': ['*'], scope: 'openid profile email', email_verified: true, preferred_username: r, resource_access: { account: { roles: ['manage-account', 'view-profile'] } } })]));
const ask = async (as, method, at, body, headers = {}) => {
  const r = await server.request({ method, path: `/api/v1${at}`, body: body === undefined ? undefined : Buffer.isBuffer(body) ? body : JSON.stringify(body),
    headers: { Authorization: `Bearer ${people[as]}`, ...(body === undefined || headers['Content-Type'] ? {} : { 'Content-Type': 'application/json' }), ...headers } });
  return { ...r, json: /json/.test(r.headers['content-type'] ?? '') && r.text ? JSON.parse(r.text) : undefined };
};
const form = (name, bytes) => [Buffer.from(`--x\r\nContent-Disposition: form-data; name="file_type"\r\n\r\nplanimetria\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: application/pdf\r\n\r\n${bytes}\r\n--x--\r\n`),
  { 'Content-Type': 'multipart/form-data; boundary=x' }];
const person = { first_name: 'Annunziata', last_name: 'Quarantotti', codice_fiscale: 'STP8123456789012', neuro_diag: 'MCI', age_class: '70-79', home_address: 'Via dei Glicini 7', phone: '+39 06 5550199',
  medical_notes: 'Zephyrine', date_join: '2026-03-01T00:00:00.000Z', date_exit: null, contacts: [{ alias: 'Ermenegildo', phone_no: '+39 333 5550177', email: null }] };
const list = async (as) => (await ask(as, 'GET', '/tickets')).json;
const [made, fresh] = await opening(['dottore', 'iit', 'imt'], list, () => ask('dottore', 'POST', '/patients', person));
const patient = made.json.patient_id, contact = made.json.contacts[0].id;
const home = { dottore: patient, iit: fresh.iit.patient_id, imt: fresh.imt.patient_id }, ticket = { dottore: fresh.dottore.ticket_id, iit: fresh.iit.ticket_id, imt: fresh.imt.ticket_id };
const document = {};

// The prototype's routes in the order of its pages. Who is not named is refused: 403, or 404 where they have no number for it. Members: of whoever is answered.
// Its page of an installer wrote in the ticket before it showed the home: with that, here, the home is theirs.
const all = ['patient_id', 'hue', 'status'];
const rows = [
  ['GET', '/patients', { dottore: 200 }, null, [...all, 'first_name', 'last_name', 'neuro_diag', 'date_join']],
  ['GET', '/patients/PATIENT', { dottore: 200 }, null, ['patient_id', 'first_name', 'last_name', 'codice_fiscale', 'home_address', 'phone', 'medical_notes', 'neuro_diag', 'age_class', 'date_join', 'contacts']],
  ['PUT', '/patients/PATIENT', { dottore: 200 }, { neuro_diag: 'AD', phone: '+39 06 5550198' }, ['neuro_diag', 'phone']],
  ['GET', '/patients/PATIENT/contacts', { dottore: 200 }, null, ['id', 'alias', 'phone_no']],
  ['POST', '/patients/PATIENT/contacts', { dottore: 201 }, { alias: 'Dr. Verdi', phone_no: null, email: 'verdi@posta.example' }, ['id', 'alias', 'email']],
  ['GET', '/contacts/CONTACT', { dottore: 200 }, null, ['id', 'alias']],
  ['PUT', '/contacts/CONTACT', { dottore: 200 }, { phone_no: '+39 1' }, ['id', 'phone_no']],
  ['GET', '/tickets', { dottore: 200, iit: 200, imt: 200 }, null, ['ticket_id', 'patient_id', 'hue', 'status', 'category', 'ts', 'date_delta', 'last_sender', 'last_message']],
  ['GET', '/tickets/TICKET', { dottore: 200, iit: 200, imt: 200 }, null, ['ticket_id', 'patient_id', 'status', 'category']],
  ['GET', '/tickets/TICKET/messages', { dottore: 200, iit: 200, imt: 200 }, null, ['sender', 'body', 'ts']],
  ['POST', '/tickets/TICKET/messages', { iit: 201, imt: 201 }, { sender: 'somebody else', body: 'Ci vado domani.' }, ['sender', 'body', 'ts']],
  ['GET', '/installations', { dottore: 200, iit: 200, imt: 200 }, null, [...all, 'date_delta']],
  ['POST', '/installations/HOME', { iit: 201 }, { apartment_type: 'bilocale', internet_type: 'fibra', pets: 'gatto' }, ['patient_id', 'apartment_type', 'pets']],
  ['GET', '/installations/HOME', { dottore: 200, iit: 200, imt: 200 }, null, [...all, 'internet_type']],
  ['PUT', '/installations/HOME', { iit: 200, imt: 200 }, { internet_type: 'adsl' }, ['internet_type']],
  ['GET', '/installations/HOME/info', { dottore: 200, iit: 200 }, null, ['last_name', 'home_address', 'phone']],
  ['POST', '/installations/HOME/tickets', { iit: 201, imt: 201 }, { message: { sender: 'imt', body: 'Un sensore tace.' }, category: 'maintenance' }, ['ticket_id', 'status', 'category']],
  ['GET', '/installations/HOME/tickets', { dottore: 200, iit: 200, imt: 200 }, null, ['ticket_id', 'status', 'category']],
  ['POST', '/installations/HOME/documents', { iit: 201 }, 'FILE', ['id', 'file_name', 'file_type', 'size', 'created_at']],
  ['GET', '/installations/HOME/documents', { dottore: 200, iit: 200, imt: 200 }, null, ['documents', 'total']],
  ['GET', '/documents/DOCUMENT', { dottore: 200, iit: 200 }, null, null],
  ['POST', '/tickets/TICKET/close', { iit: 200, imt: 409 }, null, ['ticket_id', 'status']],
  ['DELETE', '/documents/DOCUMENT', { iit: 204 }, null, null],
  ['DELETE', '/contacts/CONTACT', { dottore: 200 }, null, ['id', 'alias']],
];
const fill = (at, as) => at.replace('PATIENT', patient).replace('CONTACT', contact).replace('HOME', home[as] ?? home.iit).replace('TICKET', ticket[as] ?? ticket.iit).replace('DOCUMENT', document[as] ?? document.iit ?? 7);
for (const [method, at, may, body, members] of rows) {
  await test(`${method} ${at}: ${Object.keys(may).join(', ')}, and nobody else`, async () => {
    const [sent, headers] = body === 'FILE' ? form('piano.pdf', '%PDF-1.4\n%%EOF\n') : [body ?? undefined, {}];
    for (const as of Object.keys(roles).filter((r) => !may[r])) { /* first, so that what is refused is seen to have done nothing */
      const r = await ask(as, method, fill(at, as), sent, headers);
      /* a monitor writes what sensors need, and no word of the household */
      check([403, 404].includes(r.status) || (as === 'imt' && r.status === 422 && /not a field of your role/.test(r.text)), `${as}: ${r.status} ${r.text}`);
      same(Object.keys(r.json).sort(), ['detail', 'request_id'], `${as}: ${r.text}`);
    }
    for (const [as, status] of Object.entries(may)) {
      const r = await ask(as, method, fill(at, as), sent, headers);
      same(r.status, status, `${as}: ${r.text}`);
      if (body === 'FILE') document[as] = r.json.id;
      if (at.endsWith('/documents') && method === 'GET') document[as] = r.json.documents[0].id;
      const one = Array.isArray(r.json) ? r.json[0] : r.json;
      if (members && status < 400) same(members.filter((m) => !(m in one)), [], `${as}: members that are missing in ${r.text.slice(0, 600)}`);
      if (/messages$/.test(at) && method === 'POST') same(one.sender, as === 'iit' ? 'installer' : 'monitor', `${as}: the sender`);
    }
  });
}
await test('the end', async () => same((await server.stop()).code, 0, `exit\n${server.log.slice(-2000)}`));
done();
