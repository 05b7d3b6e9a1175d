// names.ts -- who an id is, for those who read the list of people.
import { call } from '../app/api';
import { useLoad } from '../app/load';

export function useNames(): (id: string) => string {
  const people = useLoad((signal) => call('GET /api/v1/people', { signal }), []).data?.people;
  return (id) => people?.find((p) => p.id === id)?.name ?? id;
}
