import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { ChatHandler } from './chat-handler.js';
import { Compactor } from './conversation/compactor.js';
import { Conversations } from './conversation/conversations.js';
import { DoorClient } from './door/door-client.js';
import { Gateway } from './gateway.js';
import { log } from './log.js';
import { McpTools } from './mcp/mcp-tools.js';
import { ModelClient } from './model-client.js';
import { type AgentSettings, readSettings } from './settings.js';
import { Toolbox } from './tools/toolbox.js';
import { TranscriptCache } from './transcript-cache.js';

/** What is kept until the model has summarised it: four times the budget, and never less than a refill brings. */
const STORED_CHARS_PER_TOKEN = 16;
const LEAST_STORED_CHARS = 1_500_000;
const CREDENTIALS = ['ROOKERY_GATEWAY_TOKEN', 'ROOKERY_LLM_TOKEN'];

/** Starts the agent from the environment; resolves when it listens. */
export async function startAgent(): Promise<void> {
  // The SDK's warnings may quote what was sent.
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  process.on('uncaughtException', (error) => exitOn(error));
  process.on('unhandledRejection', (error) => exitOn(error));
  const settings = readSettings(process.env);
  for (const name of CREDENTIALS) Reflect.deleteProperty(process.env, name);
  const { workspace, model, doorUrl, runtime } = settings;
  const transcripts = TranscriptCache.open(join(workspace, '.state'), storedChars(model.contextTokens));
  const client = new ModelClient(model);
  const compactor = new Compactor(model.contextTokens, (...request) => client.ask(...request));
  const conversations = new Conversations(transcripts, compactor);
  const mcp = new McpTools(settings.mcpServers, { doorUrl, token: model.token, workspace }, runtime);
  const toolbox = new Toolbox(workspace, new DoorClient(doorUrl, model.token), mcp, runtime);
  const gateway = new Gateway(settings, new ChatHandler(settings, conversations, toolbox, client));
  const port = await gateway.listen();
  stopOnSignal(gateway, transcripts, mcp);
  log('info', `agent ${settings.agentId} listens on ${settings.bind}:${port}, ${describeModel(settings)}`);
}

const storedChars = (contextTokens: number): number =>
  Math.max(contextTokens * STORED_CHARS_PER_TOKEN, LEAST_STORED_CHARS);

/** Reports why the agent can't run, and ends it. */
export function exitOn(error: unknown): never {
  log('error', `agent ends: ${error instanceof Error ? `${error.name}: ${error.message}` : 'unknown error'}`);
  process.exit(1);
}

function stopOnSignal(gateway: Gateway, transcripts: TranscriptCache, mcp: McpTools): void {
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    log('info', `agent stops on ${signal}`);
    gateway
      .close()
      .then(() => mcp.close())
      .then(() => {
        transcripts.close();
        flushCompileCache();
        log('info', 'agent stopped');
        process.exit(0);
      })
      .catch(exitOn);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

const describeModel = ({ model }: AgentSettings): string => `model ${model.provider}/${model.model}`;
