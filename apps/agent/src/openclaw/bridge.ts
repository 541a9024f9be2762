import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Gateway } from '../gateway.js';
import { log } from '../log.js';
import { SettingsError } from '../settings.js';
import { ActiveTurns } from './active-turns.js';
import { ModelDoor } from './model-door.js';
import { OpenclawChat } from './openclaw-chat.js';
import { OpenclawClient } from './openclaw-client.js';
import { openclawConfig } from './openclaw-config.js';
import { OpenclawProcess } from './openclaw-process.js';
import { type OpenclawSettings, readOpenclawSettings } from './openclaw-settings.js';
import { SessionBook } from './session-book.js';
import { WorkspaceFiles } from './workspace-files.js';

/** What the shell and OpenClaw say for a wrong configuration. */
const EXIT_CONFIG = 78;

/** Stands in front of OpenClaw and gives it the gateway of the house runtime. */
class Bridge {
  private readonly turns = new ActiveTurns();
  private readonly door: ModelDoor;
  private openclaw: OpenclawProcess | undefined;
  private stopping = false;

  constructor(private readonly settings: OpenclawSettings) {
    this.door = new ModelDoor(settings.model, this.turns);
  }

  async run(): Promise<void> {
    const { settings } = this;
    const [port, modelDoorPort] = [await freePort(), await this.door.listen()];
    const token = randomBytes(24).toString('base64url');
    const stateDir = join(settings.workspace, '.openclaw');
    const files = new WorkspaceFiles(settings.workspace, join(stateDir, 'peers'));
    files.sync();
    const chat = new OpenclawChat({
      settings,
      client: new OpenclawClient(port, token),
      sessions: new SessionBook(join(settings.workspace, '.state', 'openclaw-sessions.json')),
      files,
      turns: this.turns,
    });
    const gateway = new Gateway(settings, chat, { isReady: () => chat.isReady, servesPeers: settings.servesPeers });
    await gateway.listen();
    this.stopOnSignal(gateway);
    const startedAt = performance.now();
    const { workspace, packageDir, sharedMode, model } = settings;
    const logFile = join(stateDir, 'gateway.log');
    this.openclaw = await OpenclawProcess.start({
      packageDir,
      stateDir,
      workspace,
      port,
      config: openclawConfig({
        model,
        modelDoorPort,
        workspace,
        peersWorkspace: files.peersWorkspace,
        logFile,
        sharedMode,
      }),
      secrets: { OPENCLAW_GATEWAY_TOKEN: token, ROOKERY_MODEL_DOOR_KEY: this.door.key },
    });
    this.endWith(this.openclaw);
    if (!(await this.openclaw.ready(settings.readyTimeoutMs))) return this.giveUp();
    log('info', `OpenClaw ${settings.version} listens after ${Math.round(performance.now() - startedAt)} ms`);
    this.openclaw.spoken = true;
    await chat.warmUp();
  }

  /** OpenClaw that ends by itself ends the agent, with its exit code. */
  private endWith(openclaw: OpenclawProcess): void {
    void openclaw.ended.then((code) => {
      if (this.stopping) return;
      log('error', `OpenClaw ended with exit code ${code}`);
      process.exit(code === 0 ? 1 : code);
    });
  }

  private async giveUp(): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    log('error', 'OpenClaw did not get ready in time');
    await this.openclaw?.stop();
    process.exit(1);
  }

  private stopOnSignal(gateway: Gateway): void {
    const stop = async (signal: string): Promise<void> => {
      if (this.stopping) return;
      this.stopping = true;
      log('info', `agent stops on ${signal}`);
      await gateway.close();
      await this.openclaw?.stop();
      this.door.close();
      log('info', 'agent stopped');
      process.exit(0);
    };
    process.on('SIGTERM', (signal) => void stop(signal));
    process.on('SIGINT', (signal) => void stop(signal));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function exitOn(error: unknown): never {
  log('error', `agent ends: ${error instanceof Error ? `${error.name}: ${error.message}` : 'unknown error'}`);
  process.exit(error instanceof SettingsError ? EXIT_CONFIG : 1);
}

process.on('uncaughtException', exitOn);
process.on('unhandledRejection', exitOn);
const settings = readOpenclawSettings(process.env);
for (const name of ['ROOKERY_GATEWAY_TOKEN', 'ROOKERY_LLM_TOKEN']) Reflect.deleteProperty(process.env, name);
await new Bridge(settings).run();
