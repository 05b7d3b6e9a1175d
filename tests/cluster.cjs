// cluster.cjs -- a private PostgreSQL for tests and benchmarks: its own folder, its own port on 127.0.0.1, gone afterwards.
//
// As root it runs under the account that Debian's package makes, because PostgreSQL refuses to be root.
'use strict';
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

function programs() {
  const base = '/usr/lib/postgresql';
  const versions = fs.existsSync(base) ? fs.readdirSync(base).filter((v) => /^\d+$/.test(v)).sort((a, b) => b - a) : [];
  for (const v of versions)
    if (fs.existsSync(path.join(base, v, 'bin/initdb'))) return path.join(base, v, 'bin');
  throw new Error("PostgreSQL's programs are not below /usr/lib/postgresql: the Debian package 'postgresql' brings them");
}

const asUser = (words) => (process.getuid() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...words] : words);

function freePort() {
  return new Promise((done) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
  });
}

// A folder in memory, if there is one with room: making and dropping a database syncs all its files, which is what a run of the tests
// waits for most. PostgreSQL still does it, and says so; what it is for, the power failing, no test asks of a disk.
function memoryFolder() {
  const [shm, tmpfs, room] = ['/dev/shm', 0x1021994, 4 * 2 ** 30];
  try {
    const s = fs.statfsSync(shm);
    fs.accessSync(shm, fs.constants.W_OK);
    return s.type === tmpfs && s.bavail * s.bsize >= room ? shm : os.tmpdir();
  } catch {
    return os.tmpdir();
  }
}

class Cluster {
  static async make(folder = os.tmpdir(), settings = '') {
    const c = new Cluster();
    c.bin = programs();
    c.dir = fs.mkdtempSync(path.join(folder, 'lazaret-pg.'));
    c.port = await freePort();
    if (process.getuid() === 0) {
      const id = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
      fs.chownSync(c.dir, id('-u'), id('-g'));
    }
    const [program, ...args] = asUser([path.join(c.bin, 'initdb'), '-D', path.join(c.dir, 'data'), '-U', 'lazaret', '-A', 'trust',
      '-E', 'UTF8', '--locale=C', '--no-sync']);
    const r = spawnSync(program, args, { encoding: 'utf8', cwd: '/' });
    if (r.status !== 0) throw new Error(`initdb: ${r.stderr || r.error}`);
    fs.appendFileSync(path.join(c.dir, 'data/postgresql.conf'),
      `listen_addresses = '127.0.0.1'\nport = ${c.port}\nunix_socket_directories = '${c.dir}'\nmax_connections = 200\nlog_min_messages = fatal\n${settings}`);
    await c.start();
    return c;
  }

  get base() { return `postgres://lazaret@127.0.0.1:${this.port}`; }
  url(database) { return `${this.base}/${database}`; }

  async start() {
    const [program, ...args] = asUser([path.join(this.bin, 'postgres'), '-D', path.join(this.dir, 'data')]);
    this.process = spawn(program, args, { stdio: ['ignore', 'ignore', fs.openSync(path.join(this.dir, 'log'), 'a')], cwd: '/', detached: true });
    this.process.unref();
    this.ended = new Promise((done) => this.process.on('exit', done));
    for (let i = 0; i < 600; i++) {
      if (spawnSync(path.join(this.bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(this.port), '-q']).status === 0) return;
      if (this.process.exitCode !== null) break;
      await new Promise((r) => setTimeout(r, 50));
    }
    throw new Error(`PostgreSQL did not start: ${fs.readFileSync(path.join(this.dir, 'log'), 'utf8').slice(-1000)}`);
  }

  // The postmaster and its children, which lead sessions of their own.
  pids() {
    const root = this.process.pid;
    const parentOf = (pid) => { try { return Number(/^PPid:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]); } catch { return 0; } };
    return [root, ...fs.readdirSync('/proc').filter((d) => /^\d+$/.test(d) && parentOf(d) === root).map(Number)];
  }
  signal(name) {
    for (const pid of this.pids()) try { process.kill(pid, name); } catch { /* it is gone */ }
  }

  // All of it at once, as when the machine's power fails but for the kernel's caches.
  async kill() {
    this.signal('SIGKILL');
    await this.ended;
    fs.rmSync(path.join(this.dir, 'data/postmaster.pid'), { force: true });
  }

  pause() { this.signal('SIGSTOP'); }
  resume() { this.signal('SIGCONT'); }

  sql(database, text) {
    const r = spawnSync(path.join(this.bin, 'psql'), ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', this.url(database), '-c', text], { encoding: 'utf8' });
    if (r.status !== 0) throw new Error(`psql: ${r.stderr}`);
    return r.stdout.trim();
  }
  create(database) { this.sql('postgres', `CREATE DATABASE ${database}`); return this.url(database); }

  stop() {
    if (this.process && this.process.exitCode === null) this.signal('SIGKILL');
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

module.exports = { memoryFolder, Cluster };
