#!/usr/bin/env node
// timeout: 120
// jail_verb.mjs   `lazaret jail`: a program of this machine in the jail by hand, what is told of it, and that nothing of it stays.
import fs from 'node:fs';
import path from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { build, check, done, program, same, tempFolder, test } from './lib.mjs';

const behave = path.join(build, 'tests/escape/behave');
const folder = tempFolder();
const env = { ...process.env, TMPDIR: folder };

// What the command prints and how it ends.
function jail(args, input = '') {
  const r = spawnSync(program, ['jail', ...args], { input, env, encoding: 'utf8', maxBuffer: 1 << 26 });
  same(fs.readdirSync(folder).length, 0, `folders left behind by ${args.join(' ')}`);
  return { ...r, last: () => JSON.parse(r.stdout.trimEnd().split('\n').at(-1)) };
}

await test('--help names every image there is', () => {
  const { stdout } = spawnSync(program, ['jail', '--help'], { encoding: 'utf8' });
  const images = fs.readdirSync(path.join(build, 'images'), { withFileTypes: true }).filter((d) => d.isDirectory()).map((d) => d.name);
  check(images.length >= 5, `images: ${images}`);
  for (const name of images) check(/--image.*/.exec(stdout)[0].includes(name), `it does not name ${name}:\n${stdout}`);
});

await test('every end has its name and its exit status', () => {
  const rows = [
    [['--', behave, 'exit', '0'], 'exited', 0], [['--', behave, 'exit', '7'], 'exited', 7],
    [['--', behave, 'abort'], 'crashed', 134], [['--wall-ms', '300', '--', behave, 'spin'], 'timeout', 124],
    [['--wall-ms=300', '--', behave, 'sleep'], 'timeout', 124], [['--output-kib', '64', '--', behave, 'output', '65537'], 'output_too_large', 125],
    [['--', '/bin/true'], 'start_failed', 126], [['--', '/nowhere/at/all'], 'start_failed', 126], [['--', '/etc/passwd'], 'start_failed', 126]];
  for (const [args, how, status] of rows) {
    const r = jail(['--json', ...args]);
    same(r.status, status, `exit status of ${args.join(' ')}`);
    same(r.last().how, how, `how of ${args.join(' ')}`);
    if (how === 'start_failed') same(jail(args).status, status, `exit status of ${args.join(' ')}, for eyes`);
    for (const member of ['exit_code', 'signal', 'cpu_ms', 'max_rss_kib', 'wall_ms'])
      same(typeof r.last()[member], 'number', `${member} of ${args.join(' ')}`);
  }
  same(jail(['--json', '--', behave, 'abort']).last().signal, 6, 'signal');
});

await test('stdin and stdout are passed through, byte by byte, while it runs', async () => {
  const r = jail(['--', behave, 'echo'], 'two\nlines');
  same(r.stdout.includes('two\nlines'), true, 'the input comes back');
  const p = spawn(program, ['jail', '--', behave, 'echo'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  p.stdin.write('first');
  const piece = await new Promise((go) => { p.stdout.once('data', (d) => go(String(d))); });
  same(piece.startsWith('first'), true, 'what comes back before the input has ended');
  p.stdin.end();
  same(await new Promise((go) => { p.on('exit', go); }), 0, 'exit status');
});

await test('the last line is JSON, also when the program ended without a line feed', () => {
  const r = jail(['--json', '--', behave, 'output', '5']);
  const lines = r.stdout.trimEnd().split('\n');
  same(lines.length, 2, 'lines');
  same(r.last().output, lines[0], 'output');
});

await test('a script runs in an image that has its interpreter, and finds nothing of the host', () => {
  const script = path.join(build, `jail-verb-${process.pid}.py`);
  fs.writeFileSync(script, '#!/usr/bin/python3 -IS\nimport os\nprint(sorted(os.listdir("/model")), os.path.exists("/etc/passwd"), os.getuid())\n', { mode: 0o755 });
  const r = jail(['--image', 'python3', '--memory-mib', '512', '--', script]);
  fs.unlinkSync(script);
  same(r.stdout, "['program'] False 1000\n", 'what it sees');
});

await test('--repeat runs as many fresh jails, each with the same input', () => {
  const r = jail(['--json', '--repeat', '20', '--', behave, 'echo'], 'again ');
  same(r.last().runs, 20, 'runs');
  same(JSON.stringify(r.last().ended), '{"exited":20}', 'ends');
  same(r.stdout.split('again ').length - 1, 21, 'times the input comes back, once of it in the JSON');
  check(r.last().median_us > 0 && r.last().p99_us >= r.last().median_us, 'times');
});

await test('the report for eyes goes to stderr and says what was used', () => {
  const r = jail(['--', behave, 'errors', '10']);
  for (const word of ['jail: the program ended by itself, with exit code 0.', 'processor', 'of 256', 'its stderr'])
    check(r.stderr.includes(word), `'${word}' is not in the report: ${r.stderr}`);
  const dynamic = jail(['--', '/bin/true']);
  check(dynamic.stderr.includes('loader'), `nothing is said of the loader: ${dynamic.stderr}`);
});

await test('wrong options are refused with what would be right', () => {
  for (const args of [['--wall-ms', '0'], ['--wall-ms', '600001'], ['--memory-mib', 'x'], ['--pids', '257'], ['--repeat', '-1']]) {
    const r = jail([...args, '--', behave, 'exit']);
    same(r.status, 2, `status of ${args}`);
    check(r.stderr.includes(`${args[0]} is a number from 1 to`), r.stderr);
  }
});

await test('Ctrl-C ends the program and its folder goes', async () => {
  const p = spawn(program, ['jail', '--', behave, 'sleep'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
  await new Promise((go) => { setTimeout(go, 700); });
  const ended = new Promise((go) => { p.on('exit', (code) => go(code)); });
  p.kill('SIGINT');
  same(await ended, 130, 'exit status');
  same(fs.readdirSync(folder).length, 0, 'folders left');
});

done();
