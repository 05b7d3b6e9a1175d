// pages.ts -- the pages: address, for which roles, and whether they stand in the navigation. The server decides what is shown; this
// only spares people what it would refuse.
import type { ComponentType } from 'preact';
import { Account } from '../account/account';
import { AuditLog } from '../audit/log';
import { AuditVerify } from '../audit/verify';
import { GlassList } from '../glass/list';
import { GlassRead } from '../glass/read';
import { InstallationDetail } from '../installations/detail';
import { InstallationList } from '../installations/list';
import type { Key } from '../i18n';
import { JobDetail } from '../jobs/detail';
import { JobList } from '../jobs/list';
import { ModelDetail } from '../models/detail';
import { ModelList } from '../models/list';
import { PatientDetail } from '../patients/detail';
import { PatientList } from '../patients/list';
import { PatientNew } from '../patients/new';
import { PeopleList } from '../people/list';
import { Playground } from '../playground/playground';
import { ProjectDetail } from '../projects/detail';
import { ProjectList } from '../projects/list';
import { ScreeningList } from '../screenings/list';
import { TicketDetail } from '../tickets/detail';
import { TicketList } from '../tickets/list';
import { Health } from '../system/health';
import type { IconName } from '../ui/icon';
import type { Role } from './session';

export interface PageRow { path: string; roles: Role[]; view: ComponentType<Record<string, string>>; nav?: Key; icon?: IconName }
const all: Role[] = ['doctor', 'installer', 'monitor', 'researcher', 'auditor', 'admin', 'participant'];
const view = (v: unknown): ComponentType<Record<string, string>> => v as ComponentType<Record<string, string>>;

/* The first of a role in the navigation is where it begins. */
export const pages: PageRow[] = [
  { path: '/app/patients', roles: ['doctor'], view: view(PatientList), nav: 'nav.patients', icon: 'people' },
  { path: '/app/patients/new', roles: ['doctor'], view: view(PatientNew) },
  { path: '/app/patients/:id', roles: ['doctor'], view: view(PatientDetail) },
  { path: '/app/tickets', roles: ['installer', 'monitor', 'doctor'], view: view(TicketList), nav: 'nav.tickets', icon: 'ticket' },
  { path: '/app/tickets/:id', roles: ['installer', 'monitor', 'doctor'], view: view(TicketDetail) },
  { path: '/app/homes', roles: ['installer', 'monitor', 'doctor'], view: view(InstallationList), nav: 'nav.homes', icon: 'home' },
  { path: '/app/homes/:id', roles: ['installer', 'monitor', 'doctor'], view: view(InstallationDetail) },
  { path: '/app/screenings', roles: ['monitor'], view: view(ScreeningList), nav: 'nav.screenings', icon: 'list' },
  { path: '/app/audit', roles: ['auditor'], view: view(AuditLog), nav: 'nav.audit', icon: 'list' },
  { path: '/app/audit/verify', roles: ['auditor'], view: view(AuditVerify), nav: 'nav.verify', icon: 'shield' },
  { path: '/app/projects', roles: ['researcher', 'auditor'], view: view(ProjectList), nav: 'nav.projects', icon: 'chart' },
  { path: '/app/projects/:id', roles: ['researcher', 'auditor'], view: view(ProjectDetail) },
  { path: '/app/people', roles: ['admin', 'auditor', 'doctor'], view: view(PeopleList), nav: 'nav.people', icon: 'user' },
  { path: '/app/emergency', roles: ['doctor', 'monitor', 'auditor'], view: view(GlassList), nav: 'nav.glass', icon: 'glass' },
  { path: '/app/playground', roles: ['doctor'], view: view(Playground), nav: 'nav.playground', icon: 'play' },
  { path: '/app/jobs', roles: ['doctor', 'admin'], view: view(JobList), nav: 'nav.jobs', icon: 'clock' },
  { path: '/app/jobs/:id', roles: ['doctor', 'admin'], view: view(JobDetail) },
  { path: '/app/models', roles: ['doctor', 'admin', 'auditor'], view: view(ModelList), nav: 'nav.models', icon: 'box' },
  { path: '/app/models/:key_/:version', roles: ['doctor', 'admin', 'auditor'], view: view(ModelDetail) },
  { path: '/app/health', roles: ['admin'], view: view(Health), nav: 'nav.health', icon: 'heart' },
  { path: '/app/emergency/:glass/:subject', roles: ['doctor', 'monitor'], view: view(GlassRead) },
  { path: '/app/account', roles: all, view: view(Account) },
];
export const start = (as: Role): string => pages.find((p) => p.nav && p.roles.includes(as))?.path ?? '/app/account';
