import * as fs from 'node:fs';
import { join, relative } from 'node:path';
import { bold, dim, say, step } from '../lib/console.mjs';
import { openDataFolder, readJson, takeLock, writeJson } from '../lib/data-folder.mjs';
import { embeddedDatabase, givenDatabase, mustReachRedis } from '../lib/database.mjs';
import { dataFolder, isRoot, loadEnvironment } from '../lib/environment.mjs';
import { dockerImages, mustReachDocker, stopEdgeContainer } from '../lib/docker.mjs';
import { firstAdmin } from '../lib/first-admin.mjs';
import { statusOf } from '../lib/network.mjs';
import { choosePorts } from '../lib/ports.mjs';
import { send } from '../lib/processes.mjs';
import { PROGRAMS, checkConfiguration, programEnvironment, runProgram } from '../lib/programs.mjs';
import { Services } from '../lib/services.mjs';
import { abandonCommands, buildStamp, prepared } from '../lib/toolchain.mjs';

const WORKER_STOP_MS = 45_000;
const STOP_MS = 15_000;
const API_GRACE_MS = Number(process.env.SHUTDOWN_GRACE_SECONDS || 8) * 1_000;
const ECHO_MS = 1_000;
/** A write that fails so doesn't say where. */
const DISK_FULL = ['ENOSPC', 'EDQUOT'];

/** Starts the whole of Rookery on this machine and keeps it running until a signal. */
export async function run() {
  const began = Date.now();
  loadEnvironment();
  const dir = dataFolder();
  try {
    openDataFolder(dir);
    return await runIn(dir, began);
  } catch (error) {
    if (DISK_FULL.includes(error.code)) error.path ??= dir;
    throw error;
  }
}

async function runIn(dir, began) {
  const rookery = new Installation(dir, takeLock(dir));
  const interrupted = rookery.onSignal();
  const alive = setInterval(() => undefined, 60_000);
  try {
    await rookery.start(began);
    await interrupted;
    return 0;
  } catch (error) {
    if (rookery.isStopping) return 0;
    throw error;
  } finally {
    await rookery.stop();
    clearInterval(alive);
  }
}

class Installation {
  #dir;
  #lock;
  #services;
  #database;
  #env = {};
  #stopping;

  constructor(dir, lock) {
    this.#dir = dir;
    this.#lock = lock;
  }

  /** Resolves at the first Ctrl-C, SIGTERM or hang-up. */
  onSignal() {
    return new Promise((resolve) => {
      const onSignal = () => {
        if (this.#stopping) return this.#forceEnd();
        this.#stopping = Date.now();
        this.#services?.beginStop();
        abandonCommands();
        resolve();
      };
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);
    });
  }

  /** A second signal kills what is left. npm passes on what the terminal has sent us already, so an echo doesn't count. */
  #forceEnd() {
    if (Date.now() - this.#stopping < ECHO_MS) return;
    this.#services?.killAll();
    if (this.#database) send(this.#database.pid, 'SIGQUIT');
    process.exit(1);
  }

  get isStopping() {
    return Boolean(this.#stopping);
  }

  /** A signal in the meantime ends the command that runs, and with it the start. */
  async start(began) {
    const node = await prepared();
    this.#services = new Services({ dir: this.#dir, node });
    const left = await this.#services.endLeftovers();
    if (left > 0) say(`  ended ${left} programs that a killed launcher had left; agents live on`);
    await checkConfiguration(programEnvironment({ dir: this.#dir }));
    const ownEdge = (process.env.RUNTIME?.trim() || 'process') !== 'docker';
    const ports = await choosePorts(this.#dir, { ownEdge });
    await mustReachRedis();
    if (!ownEdge) await mustReachDocker();
    const env = await this.#environment();
    await this.#migrate(node, env);
    if (this.#stopping) return;
    Object.assign(env, portVariables(ports), ownEdge ? {} : await dockerImages({ node, dir: this.#dir, env }));
    this.#env = env;
    await step('Starting', () => this.#startPrograms(env, ports, ownEdge));
    const credentials = await firstAdmin({ node, dir: this.#dir, env });
    const address = addressOf(ports);
    this.#lock.update({ address, databaseUrl: givenDatabase() === undefined ? env.DATABASE_URL : undefined });
    announce({ address, dir: this.#dir, credentials, env, tookMs: Date.now() - began });
  }

  async #environment() {
    if (givenDatabase() === undefined) {
      this.#database = await step('Starting Postgres', () => embeddedDatabase(this.#dir));
      this.#watchDatabase();
    }
    return {
      ...programEnvironment({ dir: this.#dir, databaseUrl: this.#database?.url }),
      ROOKERY_STOP_AGENTS_ON_EXIT: '1',
    };
  }

  /** The embedded database that this very build has migrated before needs no second look. */
  async #migrate(node, env) {
    const stamp = join(this.#dir, 'postgres', 'migrated.json');
    if (this.#database && readJson(stamp)?.build === buildStamp()) return;
    await step('Preparing the database', () => runProgram(node, PROGRAMS.migrate, [], env));
    if (this.#database) writeJson(stamp, { build: buildStamp() });
  }

  #watchDatabase() {
    this.#database.child.once('exit', async (code, signal) => {
      if (this.#stopping) return;
      say(
        `Postgres ended (${signal ?? `exit code ${code}`}, see ${join(this.#dir, 'postgres', 'postgres.log')}); starting it again`,
      );
      try {
        this.#database = await embeddedDatabase(this.#dir);
        this.#watchDatabase();
      } catch (error) {
        say(`${error.message}; ending`);
        process.kill(process.pid, 'SIGTERM');
      }
    });
  }

  async #startPrograms(env, ports, ownEdge) {
    const ready = async ({ saidReady }) => saidReady;
    const answers = (url) => async (state) => state.saidReady && (await statusOf(url)) === 200;
    const programs = [
      { name: 'worker', program: PROGRAMS.worker, env: { ...env, ROLE: 'host' }, ready },
      { name: 'api', program: PROGRAMS.api, env, ready: answers(`${addressOf(ports)}/readyz`) },
    ];
    if (ownEdge) programs.push({ name: 'edge', program: PROGRAMS.worker, env: { ...env, ROLE: 'edge' }, ready });
    const started = await Promise.allSettled(programs.map((program) => this.#services.start(program)));
    const failed = started.find(({ status }) => status === 'rejected');
    if (failed) throw failed.reason;
  }

  async stop() {
    this.#stopping ||= Date.now();
    const services = this.#services;
    const started = services?.anyStarted;
    if (started) say(dim('Stopping agents and worker …'));
    if (services) {
      services.beginStop();
      await services.stop('worker', WORKER_STOP_MS);
      await Promise.all([services.stop('api', API_GRACE_MS + STOP_MS), services.stop('edge', STOP_MS)]);
      if (this.#env.EDGE_IMAGE) await stopEdgeContainer(this.#env);
      services.forget();
    }
    await this.#database?.stop();
    this.#lock.release();
    if (started) say(dim('Stopped. Agents that ran will run again after the next start.'));
  }
}

const portVariables = ({ port, relay, agent }) => ({
  PORT: String(port),
  EDGE_RELAY_PORT: String(relay),
  EDGE_AGENT_PORT: String(agent),
});

function addressOf({ host, port }) {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (host.includes(':') ? `[${host}]` : host);
  return `http://${reachable}:${port}`;
}

function announce({ address, dir, credentials, env, tookMs }) {
  const file = join(dir, 'credentials');
  const shown = relative(process.cwd(), file).startsWith('..') ? file : relative(process.cwd(), file);
  say();
  say(`${bold('Rookery is ready')}: ${bold(address)} ${dim(`(${(tookMs / 1000).toFixed(1)} s)`)}`);
  say(dim(`  API documentation ${address}/docs/agento, queues ${address}/admin/queues, logs ${join(dir, 'logs')}`));
  say();
  if (credentials?.fresh) {
    say(`  Admin     ${credentials.email}  password ${credentials.password}`);
    say(`  API key   ${credentials.apiKey}`);
    say(dim(`  Shown once; kept in ${shown}, which only you can read.`));
    say();
  }
  isolation(env).forEach((line) => say(`  ${line}`));
  say();
  if (fs.existsSync(file)) tryIt(address, shown);
  say(dim('Ctrl-C stops everything.'));
}

function isolation(env) {
  if ((env.RUNTIME?.trim() || 'process') === 'docker')
    return ['Agents run in containers whose only way out is their door: to models, and to hosts approved for them.'];
  return [
    bold('Not isolated: agents are processes of this machine (RUNTIME=process).'),
    isRoot()
      ? 'Each has a user and a workspace of its own, but shares network and resources with the machine.'
      : 'They run as your user: Node keeps them to their own folders, nothing else does; network and resources are shared.',
    'They reach every host the machine reaches: config.egress.allowHosts holds only with RUNTIME=docker.',
    ...(env.OPENCLAW_DIR
      ? ["OpenClaw agents run what their model asks for, and Node's permissions can't confine that."]
      : []),
    'Good for one trusted tenant. For others set RUNTIME=docker.',
  ];
}

function tryIt(address, credentials) {
  say('Make an agent (a scripted demo model, no provider key needed) and talk to it:');
  say();
  say(`  KEY=$(sed -n 's/^API_KEY=//p' ${credentials})`);
  say(`  AGENT=$(curl -s ${address}/v1/agents -H "X-Api-Key: $KEY" -H 'Content-Type: application/json' \\`);
  say(`    -d '{"name":"Ada","secrets":{},"config":{"llmProvider":"demo"}}' \\`);
  say(`    | node -p 'JSON.parse(require("fs").readFileSync(0)).data.id')`);
  say(
    `  curl -N ${address}/v1/agents/$AGENT/chat/messages -H "X-Api-Key: $KEY" -H 'Content-Type: application/json' \\`,
  );
  say(`    -d '{"message":"Hello, who are you?"}'`);
  say();
}
