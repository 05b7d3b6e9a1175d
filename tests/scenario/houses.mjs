// houses.mjs -- installations, for tests of what lies there: what a study's installer does when a house is equipped. Not a scenario itself, so not
// executable.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { build } from './lib.mjs';

// Every house of the server's store gets its numbers, and everybody who has signed in so far visits it: { doctor, installer, monitor } of each, the
// doctor's number being the person's.
export function installations(server) {
  const key = [`${server.dir}.key`, path.join(server.dir, 'root.key')].find((f) => fs.existsSync(f));
  const store = server.url ?? path.join(server.dir, 'lazaret.db');
  return execFileSync(path.join(build, 'tests/home/give_home'), [store, key], { encoding: 'utf8', env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } })
    .split('\n').filter(Boolean).map((line) => JSON.parse(line));
}
