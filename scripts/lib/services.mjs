import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './console.mjs';
import { readJson, writeJson } from './data-folder.mjs';
import { ROOT } from './environment.mjs';
import { Failure } from './failure.mjs';
import { identityOf, lives, send, waitForExit } from './processes.mjs';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
const STEADY_AFTER_MS = 30_000;
/** Of three semi-spaces of 32 MB, Node's default, most lies idle here. The image sets the same (`Dockerfile`). */
const NODE_FLAGS = ['--max-semi-space-size=8'];
const LOG_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * Starts the programs, each in a process group of its own so that Ctrl-C reaches the launcher alone, with output appended
 * to `logs/<name>.log`; starts a crashed one again after a growing pause; remembers them for the next launcher.
 */
export class Services {
  #record;
  #dir;
  #node;
  #running = new Map();
  #stopping = false;
  #crashes = new EventEmitter();
  #rotation;

  constructor({ dir, node }) {
    this.#dir = dir;
    this.#node = node;
    this.#record = join(dir, 'children.json');
    fs.mkdirSync(join(dir, 'logs'), { recursive: true, mode: 0o700 });
    this.#rotation = setInterval(() => this.#rotateLogs(), 60_000).unref();
  }

  /** Ends what a launcher that was killed left behind; agents live on and are taken over by the new worker. */
  async endLeftovers() {
    const left = Object.values(readJson(this.#record) ?? {}).filter(lives);
    for (const { pid } of left) send(pid, 'SIGKILL');
    for (const { pid } of left) await waitForExit(pid, 5_000);
    return left.length;
  }

  /** Starts a program and keeps it running. `ready` is asked until it holds; a crash before that fails the start. */
  async start(service) {
    const state = { ...service, delayMs: FIRST_DELAY_MS, announced: false };
    this.#running.set(service.name, state);
    this.#spawn(state);
    await this.#untilReady(state);
    state.announced = true;
  }

  /** Asks a program to end (SIGTERM), kills it after `timeoutMs`. */
  async stop(name, timeoutMs) {
    const state = this.#running.get(name);
    if (state) state.stopping = true;
    const pid = state?.child?.pid;
    if (pid === undefined || state.ended) return;
    send(pid, 'SIGTERM');
    if (await waitForExit(pid, timeoutMs)) return;
    say(`  ${name} did not end within ${timeoutMs / 1000} s and is killed`);
    send(pid, 'SIGKILL');
    await waitForExit(pid, 3_000);
  }

  get anyStarted() {
    return this.#running.size > 0;
  }

  /** From now on nothing is started again. */
  beginStop() {
    this.#stopping = true;
    clearInterval(this.#rotation);
  }

  forget() {
    fs.rmSync(this.#record, { force: true });
  }

  killAll() {
    for (const { child, ended } of this.#running.values()) if (child?.pid && !ended) send(child.pid, 'SIGKILL');
  }

  #spawn(state) {
    const log = fs.openSync(this.#logOf(state.name), 'a', 0o600);
    state.logStart = fs.fstatSync(log).size;
    state.startedAt = Date.now();
    state.ended = false;
    state.saidReady = false;
    const child = spawn(this.#node, [...NODE_FLAGS, state.program], {
      cwd: ROOT,
      env: state.env,
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    });
    fs.closeSync(log);
    state.child = child;
    child.on('message', (message) => (state.saidReady ||= message === 'ready'));
    child.once('error', (error) => this.#onEnd(state, error.message));
    child.once('exit', (code, signal) => this.#onEnd(state, signal ? `signal ${signal}` : `exit code ${code}`));
    child.unref();
    child.channel?.unref();
    this.#remember();
  }

  #onEnd(state, how) {
    if (state.ended) return;
    state.ended = true;
    state.reason = this.#reasonOf(state) ?? how;
    this.#crashes.emit(state.name);
    if (!state.announced || this.#stopping || state.stopping) return;
    if (Date.now() - state.startedAt > STEADY_AFTER_MS) state.delayMs = FIRST_DELAY_MS;
    say(`${state.name} ended (${state.reason}); starting it again in ${state.delayMs / 1000} s`);
    setTimeout(() => {
      if (!this.#stopping && !state.stopping) this.#spawn(state);
    }, state.delayMs);
    state.delayMs = Math.min(state.delayMs * 2, LONGEST_DELAY_MS);
  }

  async #untilReady(state) {
    const until = Date.now() + (state.readyWithinMs ?? 60_000);
    while (!(await state.ready(state))) {
      if (this.#stopping) throw new Failure('interrupted');
      if (state.ended) throw new Failure(`${state.name} did not start: ${state.reason}`);
      if (Date.now() > until) throw new Failure(`${state.name} did not become ready; see ${this.#logOf(state.name)}`);
      await sleep(state.saidReady ? 100 : 20);
    }
  }

  #logOf(name) {
    return join(this.#dir, 'logs', `${name}.log`);
  }

  #remember() {
    const children = [...this.#running.values()].filter(({ child, ended }) => child?.pid && !ended);
    writeJson(this.#record, Object.fromEntries(children.map(({ name, child }) => [name, identityOf(child.pid)])));
  }

  /** The most telling of what the program wrote since it was started. */
  #reasonOf({ name, logStart }) {
    const lines = readFrom(this.#logOf(name), logStart).trim().split('\n').slice(-200);
    const entries = lines.map(parsed).filter(Boolean);
    const worst = entries.findLast(({ level }) => level === 'fatal' || level >= 60) ?? entries.findLast(isError);
    const said = lines.map((line) => /^The \w+ could not start: (.+)$/.exec(line)?.[1]).findLast(Boolean);
    return said ?? worst?.error?.message ?? worst?.msg;
  }

  #rotateLogs() {
    for (const name of this.#running.keys()) {
      const file = this.#logOf(name);
      if ((fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) < LOG_LIMIT_BYTES) continue;
      fs.copyFileSync(file, `${file}.1`);
      fs.truncateSync(file);
    }
  }
}

const isError = ({ level }) => level === 'error' || level >= 50;

function parsed(line) {
  try {
    return line.startsWith('{') ? JSON.parse(line) : undefined;
  } catch {
    return undefined;
  }
}

function readFrom(file, start) {
  const { size } = fs.statSync(file, { throwIfNoEntry: false }) ?? { size: 0 };
  const from = Math.max(start, size - 65_536);
  if (size <= from) return '';
  const handle = fs.openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(size - from);
    fs.readSync(handle, buffer, 0, buffer.length, from);
    return buffer.toString('utf8');
  } finally {
    fs.closeSync(handle);
  }
}
