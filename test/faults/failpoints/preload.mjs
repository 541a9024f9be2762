// Preloaded into a real worker (`node --import`): before and after every side effect of a lifecycle operation there is a
// failpoint; production code knows of none. The parent arms agents, each with one point. An agent that has come to its
// point has no effects any more, as if the worker were dead; once all have come to theirs the worker kills itself. So one kill proves
// as many points as there are agents.
import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { wrapDatabase, wrapEngine, wrapSystem } from './effects.mjs';

const LIBS = join(import.meta.dirname, '../../../dist/libs');
const load = (file) => import(pathToFileURL(join(LIBS, `${file}.js`)).href);
const isDocker = process.env.RUNTIME === 'docker';
const signalMyself = process.kill.bind(process, process.pid);

class ParkedError extends Error {}

/** `{agentId, step}`: for whom something happens (`*`: whoever it concerns) and in which step. */
const work = new AsyncLocalStorage();
/** By agent: its point (undefined: it is only recorded), the points it has passed, and whether it is at its own. */
const armed = new Map();
/** What ends the worker when all have come to their points. After a SIGTERM they go on from there, as far as they get. */
let ending = 'SIGKILL';
let isEnding = new Promise(() => undefined);

const current = () => armed.get(work.getStore()?.agentId);

/**
 * @param waits whoever comes by can be held there
 * @returns false when nothing more may happen for this agent; a promise of when it may
 */
function pass(what, side, waits) {
  const agent = current();
  if (agent === undefined) return true;
  if (agent.parked) return ending === 'SIGTERM';
  const name = `${work.getStore().step} ${side} ${what}`;
  agent.counts[name] = (agent.counts[name] ?? 0) + 1;
  const point = `${name} #${agent.counts[name]}`;
  agent.trace.push({ point, side, waits });
  if (point !== agent.point) return true;
  agent.parked = true;
  const waited = [...armed.values()].filter(({ point, parked }) => point !== undefined && !parked);
  if (waited.length === 0) signalMyself(ending);
  return ending === 'SIGTERM' && isEnding;
}

const stopAt = (what, side, waits = false) => {
  const passed = pass(what, side, waits);
  if (passed === false) throw new ParkedError(`${side} ${what}`);
  return passed;
};

/** An effect that consists of others is one: node:fs calls its own functions. */
let isInside = false;

function performed(effect) {
  isInside = true;
  try {
    return effect();
  } finally {
    isInside = false;
  }
}

const effects = {
  begin: (what) => stopAt(what, 'before', true),
  end: (what) => stopAt(what, 'after', true),
  around(what, effect) {
    if (isInside) return effect();
    stopAt(what, 'before');
    const result = performed(effect);
    if (typeof result?.then !== 'function') {
      stopAt(what, 'after');
      return result;
    }
    return result.then(async (value) => {
      await stopAt(what, 'after', true);
      return value;
    });
  },
};

/** What this method does it does for that agent. @param hangs for one that is parked it never ends, so that nobody begins anew */
function scope({ prototype }, method, agentOf, { hangs = true } = {}) {
  const original = prototype[method];
  if (original === undefined) throw new Error(`There is no method ${method} any more`);
  prototype[method] = function (...values) {
    return work.run({ agentId: agentOf(...values), step: method }, async () => {
      try {
        return await original.apply(this, values);
      } finally {
        if (hangs && current()?.parked && ending === 'SIGKILL') await new Promise(() => undefined);
      }
    });
  };
}

/** Gives failpoints the names of these steps. */
function nameSteps(Class) {
  for (const method of Object.getOwnPropertyNames(Class.prototype)) {
    const { value: original } = Object.getOwnPropertyDescriptor(Class.prototype, method);
    if (method === 'constructor' || !['Function', 'AsyncFunction'].includes(original?.constructor.name)) continue;
    Class.prototype[method] = function (...values) {
      const around = work.getStore();
      const run = () => original.apply(this, values);
      return around === undefined ? run() : work.run({ ...around, step: `${Class.name}.${method}` }, run);
    };
  }
}

/** Where the two ends of an effect are not in the way of whoever waits for it. */
const ignoreParked = (error) => {
  if (error instanceof ParkedError) return;
  process.stderr.write(`${error?.stack ?? error}\n`);
  process.exit(1);
};
process.on('uncaughtException', ignoreParked).on('unhandledRejection', ignoreParked);

process.on('message', ({ arm, by, report }) => {
  if (arm) {
    armed.clear();
    ending = by;
    isEnding = new Promise((resolve) => process.once('SIGTERM', resolve));
    for (const { agentId, point, held = false } of arm)
      armed.set(agentId, { point, trace: [], counts: {}, parked: held });
    process.send({ armed: arm.length });
  }
  if (report) process.send({ agents: Object.fromEntries(armed) });
});
process.channel?.unref();

wrapSystem(effects);
wrapDatabase((await load('database/src/database')).Database, effects);
if (isDocker) wrapEngine((await import('docker-modem')).default, effects);

const { AgentReconciler } = await load('agents/src/reconciler/reconciler');
const { AgentWatcher } = await load('agents/src/reconciler/agent-watcher');
const { HostAgents } = await load('agents/src/reconciler/host-agents');
const { HostEvacuation } = await load('agents/src/hosts/host-evacuation');
const { WorkspaceSync } = await load('agents/src/workspace/workspace-sync');
const { LogWriter } = await load('agents/src/logs/log-writer');
scope(AgentReconciler, 'attempt', (agentId) => agentId);
// one after the other: who hangs would keep the others from their points
scope(AgentWatcher, 'removeOrphan', (agentId) => agentId, { hangs: false });
scope(WorkspaceSync, 'sync', (agentId) => agentId, { hangs: false });
scope(HostAgents, 'stopOne', ({ id }) => id);
scope(HostEvacuation, 'run', () => '*', { hangs: false });
// lines of many agents in one statement: chat and output have suites of their own
scope(LogWriter, 'storeAll', () => undefined);

for (const [file, name] of [
  ['agents/src/reconciler/agent-claims', 'AgentClaims'],
  ['agents/src/reconciler/agent-progress', 'AgentProgress'],
  ['agents/src/reconciler/agent-moves', 'AgentMoves'],
  ['agents/src/workspace/workspaces.repository', 'WorkspacesRepository'],
  ['storage/src/folder/folder-storage', 'FolderStorage'],
  ['containers/src/process/process-runtime', 'ProcessRuntime'],
  ['containers/src/process/folder-workspaces', 'FolderWorkspaces'],
  ...(isDocker
    ? [
        ['containers/src/docker/docker-runtime', 'DockerRuntime'],
        ['containers/src/docker/volume-workspaces', 'VolumeWorkspaces'],
        ['containers/src/docker/workspace-volume', 'WorkspaceVolumes'],
        ['containers/src/docker/agent-networks', 'AgentNetworks'],
      ]
    : []),
]) {
  nameSteps((await load(file))[name]);
}
