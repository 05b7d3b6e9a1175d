// codes.ts -- what the systems that codes are of are called.
export const system = (uri: string | undefined): string =>
  (uri === 'http://loinc.org' ? 'LOINC' : uri?.includes('snomed') ? 'SNOMED CT' : uri?.includes('icd-10-cm') ? 'ICD-10-CM' : uri?.includes('icd-10') ? 'ICD-10' : uri ?? '');
