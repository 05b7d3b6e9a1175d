#!/usr/bin/env node
// Every constraint of R4: a document that breaks it is told so, at the element that does, by line and column. All are judged in one
// run of `lazaret fhir validate`, as NDJSON. What each row must be told was typed by hand, from the definitions.
// timeout: 120
import test from 'node:test';
import assert from 'node:assert';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { placesOf } from './fhir_text.mjs';

const build = process.env.BUILD || 'build-test';
const UCUM = 'http://unitsofmeasure.org';
const HL7 = 'http://terminology.hl7.org/CodeSystem/';
const REF = { reference: 'Patient/1' };
const CC = { text: 'x' };
const coded = (system, code) => ({ coding: [{ system: system.includes(':') || system === 'something' ? system : HL7 + system, code }] });
const ext = (value) => ({ extension: [{ url: 'urn:x', ...value }] });
const el = (id, more = {}) => ({ id, path: id, definition: 'x', min: 0, max: '1', base: { path: id, min: 0, max: '1' }, ...more });

// KEY, WHERE it is reported, what the resource has besides its type.
const ROWS = [];
const breaks = (key, where, rest) => ROWS.push({ key, where, rest });

// Names that a program can use.
for (const [key, type] of Object.entries({
  adf: 'ActivityDefinition', cmd: 'ConceptMap', cpb: 'CapabilityStatement', cpd: 'CompartmentDefinition', csd: 'CodeSystem',
  ees: 'EffectEvidenceSynthesis', esc: 'ExampleScenario', evd: 'EventDefinition', evi: 'Evidence', evv: 'EvidenceVariable',
    gdf: 'GraphDefinition',
  ig: 'ImplementationGuide', lib: 'Library', mea: 'Measure', msd: 'MessageDefinition', nsd: 'NamingSystem', opd: 'OperationDefinition',
  pdf: 'PlanDefinition', que: 'Questionnaire', red: 'ResearchElementDefinition', rsd: 'ResearchDefinition', rvs: 'RiskEvidenceSynthesis',
  sdf: 'StructureDefinition', smp: 'StructureMap', spd: 'SearchParameter', tcp: 'TerminologyCapabilities', tst: 'TestScript',
    vsd: 'ValueSet',
})) breaks(`${key}-0`, type, { name: '123' });

// Types.
breaks('age-1', 'Condition.onsetAge', { onsetAge: { value: 3, unit: 'a' } });
breaks('att-1', 'Patient.photo[1]', { photo: [{ title: 'x' }, { data: 'QUJD' }] });
breaks('cnt-3', 'Basic.extension[0].valueCount', ext({ valueCount: { value: 1.5, code: '1', system: UCUM } }));
breaks('cpt-2', 'Patient.telecom[1]', { telecom: [{ system: 'phone', value: '1' }, { value: '1' }] });
breaks('dis-1', 'Basic.extension[0].valueDistance', ext({ valueDistance: { value: 1 } }));
breaks('drq-1', 'Library.dataRequirement[0].codeFilter[0]', { dataRequirement: [{ type: 'Patient',
  codeFilter: [{ code: [{ code: 'x' }] }] }] });
breaks('drq-2', 'Library.dataRequirement[0].dateFilter[0]', { dataRequirement: [{ type: 'Patient', dateFilter: [{ path: 'a',
  searchParam: 'b' }] }] });
breaks('drt-1', 'Basic.extension[0].valueDuration', ext({ valueDuration: { value: 1, code: 'h', system: 'urn:x' } }));
breaks('ele-1', 'Patient.maritalStatus', { maritalStatus: { id: 'x' } });
breaks('exp-1', 'PlanDefinition.action[0].condition[0].expression', { action: [{ condition: [{ kind: 'start',
  expression: { language: 'text/cql' } }] }] });
breaks('ext-1', 'Patient.extension[1]', { extension: [{ url: 'urn:x', valueCode: 'x' }, { url: 'urn:x' }] });
breaks('per-1', 'Patient.name[0].period', { name: [{ period: { start: '2020-02-01', end: '2020-01-31' } }] });
breaks('qty-3', 'Observation.valueQuantity', { valueQuantity: { value: 1, code: 'mg' } });
breaks('rat-1', 'Observation.valueRatio', { valueRatio: { numerator: { value: 1 } } });
breaks('ref-1', 'Patient.managingOrganization', { managingOrganization: { reference: '#none' } });
breaks('rng-2', 'Observation.valueRange', { valueRange: { low: { value: 10 }, high: { value: 9.9 } } });
breaks('txt-1', 'Basic.text.div', { text: { status: 'generated',
  div: '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>' } });
breaks('txt-2', 'Basic.text.div', { text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"> </div>' } });
const timing = (key, repeat) => breaks(key, 'ServiceRequest.occurrenceTiming.repeat', { occurrenceTiming: { repeat } });
timing('tim-1', { duration: 1 });
timing('tim-2', { period: 1 });
timing('tim-4', { duration: -1, durationUnit: 'h' });
timing('tim-5', { period: -1, periodUnit: 'h' });
timing('tim-6', { periodMax: 2 });
timing('tim-7', { durationMax: 2 });
timing('tim-8', { countMax: 2 });
timing('tim-9', { offset: 5 });
timing('tim-10', { timeOfDay: ['10:00:00'], when: ['MORN'] });
const trigger = (key, one) => breaks(key, 'PlanDefinition.action[0].trigger[0]', { action: [{ trigger: [one] }] });
trigger('trd-1', { type: 'data-added', data: [{ type: 'Patient' }], timingDate: '2020-01-01' });
trigger('trd-2', { type: 'periodic', timingDate: '2020-01-01', condition: { language: 'text/cql', expression: 'x' } });
trigger('trd-3', { type: 'named-event' });

// Any resource.
breaks('dom-2', 'Patient.contained[0]', { contained: [{ resourceType: 'Basic', id: 'a', code: CC, contained: [{ resourceType: 'Basic',
  id: 'b', code: CC }] }] });
breaks('dom-3', 'Patient.contained[1]', { contained: [{ resourceType: 'Basic', id: 'a', code: CC, subject: { reference: '#' } },
  { resourceType: 'Basic', id: 'b', code: CC }] });
breaks('dom-4', 'Patient.contained[0]', { contained: [{ resourceType: 'Basic', id: 'a', code: CC, meta: { versionId: '1' } }] });
breaks('dom-5', 'Patient.contained[0]', { contained: [{ resourceType: 'Basic', id: 'a', code: CC, meta: { security: [{ code: 'x' }] } }] });
breaks('dom-6', 'Patient', { active: true });

// Clinical.
breaks('ait-1', 'AllergyIntolerance', { patient: REF });
breaks('ait-2', 'AllergyIntolerance', { verificationStatus: coded('allergyintolerance-verification', 'entered-in-error'),
  clinicalStatus: coded('allergyintolerance-clinical', 'active') });
breaks('cpl-3', 'CarePlan.activity[0]', { activity: [{ reference: { reference: 'Task/1' }, detail: { status: 'scheduled' } }] });
breaks('ctm-1', 'CareTeam.participant[0]', { contained: [{ resourceType: 'Organization', id: 'o', name: 'x' }],
  participant: [{ member: { reference: '#o' }, onBehalfOf: { reference: 'Organization/1' } }] });
breaks('con-1', 'Condition.stage[0]', { stage: [{ type: CC }] });
breaks('con-2', 'Condition.evidence[0]', { evidence: [ext({ valueCode: 'x' })] });
breaks('con-3', 'Condition', { category: [coded('condition-category', 'problem-list-item')] });
breaks('con-4', 'Condition', { abatementString: 'x', clinicalStatus: coded('condition-clinical', 'active') });
breaks('con-5', 'Condition', { verificationStatus: coded('condition-ver-status', 'entered-in-error'),
  clinicalStatus: coded('condition-clinical', 'active') });
breaks('fhs-1', 'FamilyMemberHistory', { ageString: '50', bornString: '1970' });
breaks('fhs-2', 'FamilyMemberHistory', { estimatedAge: true });
breaks('gol-1', 'Goal.target[0]', { target: [{ detailString: 'x' }] });
breaks('imm-1', 'Immunization.education[0]', { education: [{ publicationDate: '2020-01-01' }] });
breaks('imr-1', 'ImmunizationRecommendation.recommendation[0]', { recommendation: [{ forecastStatus: CC }] });
breaks('mad-1', 'MedicationAdministration.dosage', { dosage: { text: 'x' } });
breaks('mdd-1', 'MedicationDispense', { whenPrepared: '2020-01-02', whenHandedOver: '2020-01-01' });
breaks('msq-3', 'MolecularSequence', { coordinateSystem: 2 });
breaks('msq-5', 'MolecularSequence.referenceSeq', { referenceSeq: { chromosome: CC, windowStart: 1 } });
breaks('msq-6', 'MolecularSequence.referenceSeq', { referenceSeq: { windowStart: 1 } });
breaks('nor-1', 'NutritionOrder', { status: 'active' });
breaks('obs-3', 'Observation.referenceRange[0]', { referenceRange: [{ type: CC }] });
breaks('obs-6', 'Observation', { valueInteger: 1, dataAbsentReason: CC });
breaks('obs-7', 'Observation.component[1]', { valueInteger: 1, code: coded('urn:x', 'c'),
  component: [{ code: coded('urn:x', 'd'), valueInteger: 1 }, { code: coded('urn:x', 'c'), valueInteger: 1 }] });
breaks('prr-1', 'ServiceRequest', { orderDetail: [CC] });
breaks('ras-1', 'RiskAssessment.prediction[0].probabilityRange', { prediction: [{ probabilityRange: { low: { value: 1, code: 'mg',
  system: UCUM } } }] });
breaks('ras-2', 'RiskAssessment.prediction[0]', { prediction: [{ probabilityDecimal: 100.5 }] });

// Administration.
breaks('app-1', 'Appointment.participant[0]', { participant: [{ status: 'accepted' }] });
breaks('app-2', 'Appointment', { status: 'proposed', start: '2020-01-01T10:00:00Z' });
breaks('app-3', 'Appointment', { status: 'booked' });
breaks('app-4', 'Appointment', { status: 'proposed', cancelationReason: CC });
breaks('apr-1', 'AppointmentResponse', { participantStatus: 'accepted' });
breaks('ces-1', 'CoverageEligibilityResponse.insurance[0].item[0]', { insurance: [{ coverage: REF, item: [{ name: 'x' }] }] });
breaks('cmp-1', 'Composition.section[0]', { section: [{ title: 'x' }] });
breaks('cmp-2', 'Composition.section[0]', { section: [{ emptyReason: CC, entry: [REF] }] });
breaks('grp-1', 'Group', { actual: false, member: [{ entity: REF }] });
breaks('ipn-1', 'InsurancePlan', { status: 'draft' });
breaks('lnk-1', 'Linkage', { item: [{ type: 'source', resource: REF }] });
breaks('lst-1', 'List', { mode: 'working', emptyReason: CC, entry: [{ item: REF }] });
breaks('lst-2', 'List', { mode: 'working', entry: [{ item: REF, deleted: true }] });
breaks('lst-3', 'List', { mode: 'snapshot', entry: [{ item: REF, date: '2020' }] });
breaks('org-1', 'Organization', { active: true });
breaks('org-2', 'Organization.address[1]', { name: 'x', address: [{ use: 'work' }, { use: 'home' }] });
breaks('org-3', 'Organization.telecom[0]', { name: 'x', telecom: [{ use: 'home' }] });
breaks('pat-1', 'Patient.contact[1]', { contact: [{ name: { text: 'x' } }, { gender: 'male' }] });
breaks('ppc-1', 'Consent', { status: 'active' });
for (const [key, code] of [['ppc-2', 'patient-privacy'], ['ppc-3', 'research'], ['ppc-4', 'adr'], ['ppc-5', 'treatment']])
  breaks(key, 'Consent', { policy: [{ uri: 'urn:x' }], scope: coded('something', code) });
breaks('sev-1', 'AuditEvent.entity[0]', { entity: [{ name: 'x', query: 'QUJD' }] });
breaks('inv-1', 'Parameters.parameter[1]', { parameter: [{ name: 'a', valueString: 'x' }, { name: 'b' }] });
breaks('inv-1', 'Task', { authoredOn: '2020-01-02', lastModified: '2020-01-01' });
breaks('rqg-1', 'RequestGroup.action[0]', { action: [{ title: 'x' }] });

// Bundles.
const PATIENT = { resourceType: 'Patient', active: true };
breaks('bdl-1', 'Bundle.total', { type: 'collection', total: 1 });
breaks('bdl-2', 'Bundle.entry[0].search', { type: 'collection', entry: [{ resource: PATIENT, search: { mode: 'match' } }] });
breaks('bdl-3', 'Bundle.entry[0]', { type: 'transaction', entry: [{ resource: PATIENT }] });
breaks('bdl-4', 'Bundle.entry[0]', { type: 'collection', entry: [{ resource: PATIENT, response: { status: '200' } }] });
breaks('bdl-5', 'Bundle.entry[1]', { type: 'collection', entry: [{ fullUrl: 'urn:a', resource: PATIENT }, { fullUrl: 'urn:b' }] });
breaks('bdl-7', 'Bundle.entry[1].fullUrl', { type: 'collection', entry: [{ fullUrl: 'urn:a', resource: PATIENT }, { fullUrl: 'urn:a',
  resource: PATIENT }] });
breaks('bdl-8', 'Bundle.entry[0]', { type: 'collection', entry: [{ fullUrl: 'http://x.org/Patient/1/_history/2', resource: PATIENT }] });
breaks('bdl-9', 'Bundle', { type: 'document', timestamp: '2020-01-01T10:00:00Z' });
breaks('bdl-10', 'Bundle', { type: 'document', identifier: { system: 'urn:x', value: 'x' } });
breaks('bdl-11', 'Bundle.entry[0]', { type: 'document', entry: [{ fullUrl: 'urn:a', resource: PATIENT }] });
breaks('bdl-12', 'Bundle.entry[0]', { type: 'message', entry: [{ fullUrl: 'urn:a', resource: PATIENT }] });

// Questionnaires.
const item = (key, one, where = 'Questionnaire.item[0]') => breaks(key, where, { item: [{ linkId: '1', type: 'string', ...one }] });
item('que-1', { type: 'group' });
breaks('que-2', 'Questionnaire', { item: [{ linkId: '1', type: 'string' }, { linkId: '1', type: 'string' }] });
item('que-3', { type: 'display', code: [{ code: 'x' }] });
item('que-4', { type: 'choice', answerOption: [{ valueString: 'x' }], answerValueSet: 'urn:x' });
item('que-5', { type: 'boolean', answerOption: [{ valueString: 'x' }] });
item('que-6', { type: 'display', required: true });
item('que-7', { enableWhen: [{ question: '2', operator: 'exists', answerString: 'x' }] }, 'Questionnaire.item[0].enableWhen[0]');
item('que-8', { type: 'group', initial: [{ valueString: 'x' }], item: [{ linkId: '2', type: 'string' }] });
item('que-9', { type: 'display', readOnly: true });
item('que-10', { type: 'date', maxLength: 3 });
item('que-11', { type: 'choice', answerOption: [{ valueString: 'x' }], initial: [{ valueString: 'x' }] });
item('que-12', { enableWhen: [{ question: '2', operator: '=', answerString: 'x' }, { question: '3', operator: '=', answerString: 'x' },
  { question: '4', operator: '=', answerString: 'x' }] });
item('que-13', { repeats: false, initial: [{ valueString: 'x' }, { valueString: 'y' }] });
breaks('qrs-1', 'QuestionnaireResponse.item[0]', { item: [{ linkId: '1', answer: [{ valueString: 'x' }], item: [{ linkId: '2' }] }] });

// Definitions.
breaks('cmd-1', 'ConceptMap.group[0].element[0].target[0]', { group: [{ element: [{ target: [{ equivalence: 'narrower' }] }] }] });
breaks('cmd-2', 'ConceptMap.group[0].unmapped', { group: [{ element: [{ code: 'x' }], unmapped: { mode: 'fixed' } }] });
breaks('cmd-3', 'ConceptMap.group[0].unmapped', { group: [{ element: [{ code: 'x' }], unmapped: { mode: 'other-map' } }] });
breaks('cpb-1', 'CapabilityStatement', { kind: 'requirements', description: 'x' });
breaks('cpb-2', 'CapabilityStatement', { kind: 'requirements' });
breaks('cpb-3', 'CapabilityStatement', { kind: 'requirements', messaging: [{ endpoint: [{ protocol: { code: 'x' },
  address: 'urn:x' }] }] });
breaks('cpb-7', 'CapabilityStatement', { document: [{ mode: 'producer', profile: 'urn:x' }, { mode: 'producer', profile: 'urn:x' }] });
breaks('cpb-9', 'CapabilityStatement.rest[0]', { rest: [{ mode: 'server', resource: [{ type: 'Patient' }, { type: 'Patient' }] }] });
breaks('cpb-12', 'CapabilityStatement.rest[0].resource[0]',
  { rest: [{ mode: 'server', resource: [{ type: 'Patient', searchParam: [{ name: 'a', type: 'string' }, { name: 'a',
    type: 'string' }] }] }] });
breaks('cpb-14', 'CapabilityStatement', { kind: 'instance' });
breaks('cpb-15', 'CapabilityStatement', { kind: 'capability' });
breaks('cpb-16', 'CapabilityStatement', { kind: 'requirements', software: { name: 'x' } });
breaks('csd-1', 'CodeSystem', { concept: [{ code: 'a' }, { code: 'b', concept: [{ code: 'a' }] }] });
breaks('ig-1', 'ImplementationGuide.definition', { definition: { grouping: [{ id: 'g', name: 'x' }], resource: [{ reference: REF,
  groupingId: 'h' }] } });
breaks('ig-2', 'ImplementationGuide', { fhirVersion: ['4.0.1'], definition: { resource: [{ reference: REF, fhirVersion: ['4.0.0'] }] } });
breaks('md-1', 'MessageDefinition.focus[0]', { focus: [{ code: 'Patient', min: 0, max: '0' }] });
breaks('mea-1', 'Measure.group[0].stratifier[1]', { group: [{ stratifier: [{ code: CC }, { code: CC,
  component: [{ criteria: { language: 'text/cql', expression: 'x' } }] }] }] });
breaks('mrp-1', 'MeasureReport', { type: 'data-collection', group: [{ code: CC }] });
breaks('mrp-2', 'MeasureReport.group[0].stratifier[0].stratum[1]',
  { group: [{ stratifier: [{ stratum: [{ value: CC }, { value: CC, component: [{ code: CC, value: CC }] }] }] }] });
breaks('nsd-1', 'NamingSystem', { kind: 'root', uniqueId: [{ type: 'uuid', value: 'x' }] });
breaks('nsd-2', 'NamingSystem', { uniqueId: [{ type: 'oid', value: '1', preferred: true }, { type: 'oid', value: '2', preferred: true }] });
const parameter = (key, one) => breaks(key, 'OperationDefinition.parameter[0]', { parameter: [{ name: 'x', use: 'in', min: 0, max: '1',
  ...one }] });
parameter('opd-1', {});
parameter('opd-2', { type: 'code', searchType: 'token' });
parameter('opd-3', { type: 'string', targetProfile: ['urn:x'] });
breaks('smp-1', 'StructureMap.group[0].rule[0].target[0]', { group: [{ rule: [{ target: [{ element: 'x' }] }] }] });
breaks('smp-2', 'StructureMap.group[0].rule[0].target[0]', { group: [{ rule: [{ target: [{ context: 'x' }] }] }] });
breaks('spd-1', 'SearchParameter', { type: 'string', xpath: 'x' });
breaks('spd-2', 'SearchParameter', { type: 'string', chain: ['x'] });
breaks('tcp-1', 'TerminologyCapabilities.codeSystem[0].version[1]', { codeSystem: [{ version: [{ code: 'a' }, { isDefault: true }] }] });
breaks('tcp-2', 'TerminologyCapabilities', { kind: 'requirements' });
breaks('tcp-3', 'TerminologyCapabilities', { kind: 'instance' });
breaks('tcp-4', 'TerminologyCapabilities', { kind: 'capability' });
breaks('tcp-5', 'TerminologyCapabilities', { kind: 'requirements', software: { name: 'x' } });
const include = (key, one) => breaks(key, 'ValueSet.compose.include[0]', { compose: { include: [one] } });
include('vsd-1', { version: '1' });
include('vsd-2', { concept: [{ code: 'x' }] });
include('vsd-3', { system: 'urn:x', concept: [{ code: 'x' }], filter: [{ property: 'p', op: '=', value: 'x' }] });
const contains = (key, one) => breaks(key, 'ValueSet.expansion.contains[0]', { expansion: { timestamp: '2020', contains: [one] } });
contains('vsd-6', { abstract: true });
contains('vsd-9', { display: 'x', abstract: false });
contains('vsd-10', { code: 'x' });

// Structure definitions and their elements.
const inSnapshot = (key, where, element, more = {}) => breaks(key, `StructureDefinition${where ? `.${where}` : ''}`,
  { kind: 'resource', type: 'Patient', abstract: false, baseDefinition: 'urn:x', derivation: 'constraint', snapshot: { element },
    ...more });
const inDifferential = (key, where, element, more = {}) => breaks(key, `StructureDefinition${where ? `.${where}` : ''}`,
  { kind: 'resource', type: 'Patient', abstract: false, baseDefinition: 'urn:x', derivation: 'constraint', differential: { element },
    ...more });
const second = (key, one, at = 'snapshot.element[1]') => inSnapshot(key, at, [el('Patient'), el('Patient.a', one)]);
second('eld-1', { slicing: { rules: 'open' } }, 'snapshot.element[1].slicing');
second('eld-2', { min: 3, max: '2' });
second('eld-3', { max: '-1' }, 'snapshot.element[1].max');
second('eld-4', { type: [{ code: 'string', aggregation: ['contained'] }] }, 'snapshot.element[1].type[0]');
second('eld-5', { contentReference: '#Patient', type: [{ code: 'string' }] });
second('eld-6', { fixedString: 'x', type: [{ code: 'string' }, { code: 'code' }] });
second('eld-7', { patternString: 'x', type: [{ code: 'string' }, { code: 'code' }] });
second('eld-8', { fixedString: 'x', patternString: 'x', type: [{ code: 'string' }] });
second('eld-12', { binding: { strength: 'required', valueSet: 'ftp://x.org/v' }, type: [{ code: 'code' }] }, 'snapshot.element[1].binding');
second('eld-13', { type: [{ code: 'string' }, { code: 'string' }] });
second('eld-14', { constraint: [1, 2].map(() => ({ key: 'a-1', severity: 'error', human: 'x', expression: 'true' })) });
second('eld-15', { defaultValueString: 'x', meaningWhenMissing: 'x' });
second('eld-16', { sliceName: 'a b' });
second('eld-17', { type: [{ code: 'string', targetProfile: ['urn:x'] }] }, 'snapshot.element[1].type[0]');
second('eld-18', { isModifier: true });
second('eld-19', { path: '...' });
second('eld-20', { path: '123' });
second('eld-21', { constraint: [{ key: 'a-1', severity: 'error', human: 'x' }] }, 'snapshot.element[1].constraint[0]');
second('eld-22', { sliceIsConstraining: true });
inSnapshot('sdf-1', '', [el('Patient'), el('Patient.a'), el('Patient.a')], { derivation: 'specialization' });
breaks('sdf-2', 'StructureDefinition.mapping[0]', { mapping: [{ identity: 'x' }] });
inSnapshot('sdf-3', 'snapshot.element[1]', [el('Patient'), el('Patient.a', { definition: undefined })]);
inDifferential('sdf-4', '', [{ id: 'Patient', path: 'Patient' }], { baseDefinition: undefined });
inDifferential('sdf-5', '', [{ id: 'Extension', path: 'Extension' }], { type: 'Extension', kind: 'complex-type' });
breaks('sdf-6', 'StructureDefinition', { kind: 'resource', type: 'Patient', abstract: true });
inSnapshot('sdf-8', 'snapshot', [el('Patient'), el('Other.a')]);
inDifferential('sdf-8a', 'differential', [{ id: 'Patient', path: 'Patient' }, { id: 'Other.a', path: 'Other.a' }]);
inSnapshot('sdf-8b', 'snapshot.element[1]', [el('Patient'), el('Patient.a', { base: undefined })]);
inDifferential('sdf-9', '', [{ id: 'Patient', path: 'Patient', label: 'x' }]);
second('sdf-10', { binding: { strength: 'example' } });
inSnapshot('sdf-11', '', [el('Observation')]);
inDifferential('sdf-14', '', [{ path: 'Patient' }]);
inSnapshot('sdf-15', '', [el('Patient', { type: [{ code: 'string' }] })]);
inDifferential('sdf-15a', '', [{ id: 'Patient', path: 'Patient', type: [{ code: 'string' }] }]);
inSnapshot('sdf-16', '', [el('Patient'), el('Patient.a'), el('Patient.b', { id: 'Patient.a' })]);
inDifferential('sdf-17', '', [{ id: 'Patient', path: 'Patient' }, { id: 'a', path: 'Patient.a' }, { id: 'a', path: 'Patient.b' }]);
inDifferential('sdf-18', '', [{ id: 'Patient', path: 'Patient' }], { contextInvariant: ['true'] });
inDifferential('sdf-19', '', [{ id: 'Patient', path: 'Patient' }, { id: 'Patient.a', path: 'Patient.a', type: [{ code: 'a-b' }] }],
  { url: 'http://hl7.org/fhir/StructureDefinition/x' });
inDifferential('sdf-20', 'differential', [{ id: 'Patient', path: 'Patient', slicing: { rules: 'open', description: 'x' } }]);
inDifferential('sdf-21', '', [{ id: 'Patient', path: 'Patient' }, { id: 'Patient.a', path: 'Patient.a', defaultValueString: 'x' }]);
inDifferential('sdf-22', '', [{ id: 'Patient', path: 'Patient' }, { id: 'Patient.a', path: 'Patient.a', defaultValueString: 'x' }],
  { url: 'http://hl7.org/fhir/StructureDefinition/x', derivation: 'specialization' });
inDifferential('sdf-23', '', [{ id: 'Patient', path: 'Patient', sliceName: 'x' }]);

// Tests of servers.
const OPERATION = { type: { system: 'urn:x', code: 'read' }, encodeRequestUrl: true, url: 'urn:x' };
const ASSERT = { warningOnly: false, expression: 'true' };
for (const [n, part] of [[1, 'setup'], [2, 'test[0]']]) {
  const where = part.replace('[0]', '');
  const script = (action) => (where === 'test' ? { test: [{ action: [action] }] } : { setup: { action: [action] } });
  breaks(`tst-${n}`, `TestScript.${part}.action[0]`, script({ operation: OPERATION, assert: ASSERT }));
  breaks(`tst-${4 + n}`, `TestScript.${part}.action[0].assert`, script({ assert: { ...ASSERT, path: 'x' } }));
  breaks(`tst-${6 + n}`, `TestScript.${part}.action[0].operation`, script({ operation: { ...OPERATION, params: 'x' } }));
  breaks(`tst-${9 + n}`, `TestScript.${part}.action[0].assert`, script({ assert: { ...ASSERT, compareToSourceId: 'x' } }));
  breaks(`tst-${11 + n}`, `TestScript.${part}.action[0].assert`, script({ assert: { warningOnly: false, response: 'okay',
    direction: 'request' } }));
  breaks(`inv-${n}`, `TestReport.${part}.action[0]`, script({ operation: { result: 'pass' }, assert: { result: 'pass' } }));
}
breaks('tst-3', 'TestScript.variable[0]', { variable: [{ name: 'x', expression: 'x', headerField: 'x', path: 'x' }] });
breaks('tst-4', 'TestScript.metadata', { metadata: { capability: [{ capabilities: 'urn:x' }] } });
breaks('tst-9', 'TestScript.teardown.action[0].operation', { teardown: { action: [{ operation: { ...OPERATION, params: 'x' } }] } });

// No document can break these, and why.
const CANNOT = {
  'eld-11': 'it asks whether an answer exists for one of the types, and a code has one, true or false',
  'cid-0': 'it asks for a name, which R4 does not give a ChargeItemDefinition: an empty answer, which is none',
};

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'invariants-'));
test.after(() => fs.rmSync(folder, { recursive: true }));

const document = (r) => ({ resourceType: /^\w+/.exec(r.where)[0], ...r.rest });
const lines = ROWS.map((r) => JSON.stringify(document(r)));
fs.writeFileSync(`${folder}/rows.ndjson`, `${lines.join('\n')}\n`);
const ran = spawnSync(`${build}/lazaret`, ['fhir', 'validate', '--best-practice', '--max', '1000', '--json', `${folder}/rows.ndjson`],
  { encoding: 'utf8', maxBuffer: 1 << 27 });
const issues = JSON.parse(ran.stdout).issues;

test('each is told of the element that breaks it, where it stands', () => {
  const wrong = [];
  ROWS.forEach((r, i) => {
    const told = issues.filter((x) => x.line === i + 1 && (x.text.startsWith(`invariant ${r.key} `) || x.text.endsWith(` (${r.key})`)));
    const column = placesOf(lines[i]).get(r.where);
    if (!told.some((x) => x.expression === r.where && x.column === column))
      wrong.push(`${r.key} at ${r.where}, column ${column}: ${told.map((x) => `${x.expression}:${x.column}`).join(', ') || 'not told'}`);
  });
  assert.deepEqual(wrong, []);
});

test('each constraint of R4 has a row, or a reason', () => {
  const keys = fs.readFileSync(`${build}/src/fhir/fhir_invariants.tsv`,
    'utf8').split('\n').slice(1).filter(Boolean).map((l) => l.split('\t')[0]);
  assert.ok(keys.length >= 239, `${keys.length} constraints`);
  const rows = new Set(ROWS.map((r) => r.key));
  assert.deepEqual([...new Set(keys)].filter((k) => !rows.has(k) && !CANNOT[k]), []);
  assert.deepEqual([...rows].filter((k) => !keys.includes(k)), []);
});
