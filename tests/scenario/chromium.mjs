// chromium.mjs -- the browser of the tests: Debian's Chromium without a window, where it is there the shell made for that, which has the
// same engine and costs half of the processor. Not a scenario itself, so not executable.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { top } from './lib.mjs';

const program = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((f) => fs.existsSync(f));
export const isThere = Boolean(program);

export const launch = () => createRequire(path.join(top, 'tests/tools/package.json'))('playwright-core').chromium
  .launch({ executablePath: process.env.LAZARET_CHROMIUM ?? program, args: ['--disable-dev-shm-usage', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])] });
