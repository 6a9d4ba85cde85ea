// The real hub and the real agent as children of the test. Each is ended by its own process id only.
import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const startDeadlineMs = 60_000;

class Child {
  process = null;
  constructor(program, folder) {
    this.program = program;
    this.folder = folder;
    this.log = join(folder, 'log');
    mkdirSync(folder, { recursive: true });
  }
  spawn(args, stdout) {
    const log = openSync(this.log, 'a');
    this.process = spawn(this.program, args, { stdio: ['ignore', stdout ? 'pipe' : log, log] });
    closeSync(log);
    const child = this.process;
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
    return child;
  }
  async end(signal) {
    const child = this.process;
    this.process = null;
    if (!child) return undefined;
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return this.ended;
  }
  kill() {
    return this.end('SIGKILL');
  }
  stop() {
    return this.end('SIGTERM');
  }
  logTail() {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8').slice(-3000) : '';
  }
}

export class Hub extends Child {
  port = 0;
  constructor(bin, folder, serveArgs) {
    super(join(bin, 'telemetry-hub'), folder);
    this.data = join(folder, 'data');
    this.serveArgs = serveArgs;
  }
  get url() {
    return `https://localhost:${this.port}`;
  }
  /** Ready when it says so; the port stays the same over restarts. */
  async start() {
    const child = this.spawn(['serve', '--port', String(this.port), '--data-dir', this.data, ...this.serveArgs], true);
    const lines = createInterface({ input: child.stdout });
    const ready = new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const match = /^ready https:\/\/\S+:(\d+)\s*$/.exec(line);
        if (match) resolve(Number(match[1]));
      });
      child.once('exit', (code) => reject(new Error(`the hub ended with ${code} before it was ready\n${this.logTail()}`)));
      setTimeout(() => reject(new Error(`the hub was not ready in time\n${this.logTail()}`)), startDeadlineMs).unref();
    });
    this.port = await ready;
  }
  /** The set-up link as the hub printed it, at the address used here. */
  setupUrl() {
    const printed = new URL(readFileSync(join(this.data, 'setup-url'), 'utf8').trim());
    return `${this.url}${printed.pathname}${printed.search}${printed.hash}`;
  }
}

export class Agent extends Child {
  constructor(bin, folder) {
    super(join(bin, 'device-agent'), folder);
    this.state = join(folder, 'state');
  }
  /** Runs the command line that the dashboard gave out, at the hub's address here. */
  async enrol(commandLine, hubUrl) {
    const words = [...commandLine.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2]);
    if (words[0] !== 'device-agent' || words[1] !== 'enroll') throw new Error(`not an enrolment command: ${commandLine}`);
    const args = words.slice(1).map((word) => (/^https:\/\//.test(word) ? hubUrl : word));
    await promisify(execFile)(this.program, [...args, '--state-dir', this.state], { timeout: startDeadlineMs });
  }
  start() {
    this.spawn(['run', '--state-dir', this.state], false);
  }
}
