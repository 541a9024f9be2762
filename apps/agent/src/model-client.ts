import type { LanguageModel, LanguageModelUsage, ModelMessage, ToolSet } from 'ai';
import { brokerFetch } from './broker-fetch.js';
import type { ChatMessage } from './chat-request.js';
import { trimOutputs } from './conversation/trim-outputs.js';
import { GatewayError } from './gateway-error.js';
import { log } from './log.js';
import { isToolRefusal, toGatewayError } from './provider-errors.js';
import type { ModelSettings } from './settings.js';
import { SilenceTimer } from './silence-timer.js';
import { StepTexts } from './step-texts.js';
import type { AgentTool, ToolInput } from './tools/agent-tool.js';
import { ToolCalls } from './tools/tool-limits.js';

/** What the model is asked for one reply, which may take several calls of tools. */
export interface ModelTurn {
  readonly instructions: string;
  /** Alternating, the user's first and last. */
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly AgentTool[];
}

export type FinishReason = 'stop' | 'length' | 'content_filter';

/** Tokens of all steps of a reply together. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the input, what the provider had in its cache; undefined when it does not say. */
  readonly cachedTokens: number | undefined;
}

export type ModelEvent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'end'; readonly finishReason: FinishReason; readonly usage: TokenUsage };

/** The last step has to be an answer. */
const MAX_STEPS = 24;
const TOOLS_AT_ONCE = 4;

type Sdk = typeof import('./sdk/ai.js');

/** Talks to the configured provider. The SDK is loaded by the first turn, so an idle agent stays small. */
export class ModelClient {
  private loaded: Promise<{ sdk: Sdk; model: LanguageModel }> | undefined;
  private takesTools = true;

  constructor(private readonly settings: ModelSettings) {}

  /**
   * Streams one reply, the texts of all its steps; ends with exactly one `end` event. Aborting closes the connection to the
   * provider and ends running tools.
   * @throws GatewayError with a `provider_…` code or `budget_exceeded`, or the signal's reason when aborted
   */
  async *reply(turn: ModelTurn, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const silence = new SilenceTimer(this.settings.silenceTimeoutMs, signal);
    try {
      yield* this.callOrWithoutTools(turn, silence);
    } catch (error) {
      if (silence.signal.aborted) throw silence.signal.reason;
      throw toGatewayError(error, [this.settings.token]);
    } finally {
      silence.stop();
    }
  }

  /** A whole text without tools. @throws as `reply` */
  async ask(instructions: string, message: string, signal: AbortSignal): Promise<string> {
    let text = '';
    const messages = [{ role: 'user' as const, text: message }];
    for await (const event of this.reply({ instructions, messages, tools: [] }, signal)) {
      if (event.kind === 'text') text += event.text;
    }
    return text;
  }

  /** Some models know no tools and refuse a request that offers them. */
  private async *callOrWithoutTools(turn: ModelTurn, silence: SilenceTimer): AsyncGenerator<ModelEvent> {
    if (!this.takesTools || turn.tools.length === 0) return yield* this.call({ ...turn, tools: [] }, silence);
    let began = false;
    try {
      for await (const event of this.call(turn, silence)) {
        began = true;
        yield event;
      }
    } catch (error) {
      if (began || !isToolRefusal(error)) throw error;
      log('warn', `the model ${this.settings.model} takes no tools; it goes on without`);
      this.takesTools = false;
      yield* this.call({ ...turn, tools: [] }, silence);
    }
  }

  private async *call(turn: ModelTurn, silence: SilenceTimer): AsyncGenerator<ModelEvent> {
    const { sdk, model } = await (this.loaded ??= this.load());
    const { stream } = sdk.streamText({
      model,
      instructions: turn.instructions,
      messages: turn.messages.map(({ role, text }) => ({ role, content: text })),
      temperature: this.settings.temperature,
      maxOutputTokens: this.settings.maxTokens,
      maxRetries: this.settings.retries,
      abortSignal: silence.signal,
      ...(turn.tools.length === 0 ? {} : this.toolOptions(sdk, turn.tools, silence)),
      // The default handler prints the error, and with it the conversation.
      onError: () => undefined,
    });
    const texts = new StepTexts();
    for await (const part of stream) {
      silence.refresh();
      if (part.type === 'text-delta' && part.text !== '') yield { kind: 'text', text: texts.next(part.text) };
      else if (part.type === 'error') throw part.error;
      else if (part.type === 'abort') silence.signal.throwIfAborted();
      else if (part.type === 'finish-step') {
        texts.endStep();
        checkEnded(part.rawFinishReason);
      } else if (part.type === 'finish') yield finish(part.finishReason, part.totalUsage);
    }
  }

  private toolOptions(sdk: Sdk, tools: readonly AgentTool[], silence: SilenceTimer): object {
    const calls = new ToolCalls(silence.signal);
    return {
      tools: toToolSet(sdk, tools, (tool, input) =>
        silence.pausedDuring(() => calls.run(tool.name, (signal) => tool.run(input, signal))),
      ),
      stopWhen: sdk.stepCountIs(MAX_STEPS),
      toolCallConcurrency: TOOLS_AT_ONCE,
      prepareStep: ({ stepNumber, messages }: { stepNumber: number; messages: ModelMessage[] }) => ({
        messages: trimOutputs(messages, this.settings.contextTokens),
        ...(stepNumber >= MAX_STEPS - 1 ? { toolChoice: 'none' as const } : {}),
      }),
    };
  }

  private async load(): Promise<{ sdk: Sdk; model: LanguageModel }> {
    try {
      const [sdk, model] = await Promise.all([import('./sdk/ai.js'), loadLanguageModel(this.settings)]);
      return { sdk, model };
    } catch (error) {
      this.loaded = undefined;
      throw error;
    }
  }
}

async function loadLanguageModel(settings: ModelSettings): Promise<LanguageModel> {
  const options = { baseURL: settings.baseUrl, apiKey: settings.token, fetch: brokerFetch };
  switch (settings.provider) {
    case 'anthropic':
      return (await import('./sdk/anthropic.js')).createAnthropic(options)(settings.model);
    case 'google':
      return (await import('./sdk/google.js')).createGoogle(options)(settings.model);
    case 'openai':
    case 'demo':
      // Chat completions, not responses: it is what compatible servers speak.
      return (await import('./sdk/openai.js')).createOpenAI(options).chat(settings.model);
  }
}

/** No reason at all means that the stream ended before the provider said it was done. */
function checkEnded(rawReason: string | undefined): void {
  if (rawReason !== undefined) return;
  throw new GatewayError(502, 'provider_error', 'The AI provider ended its answer too early.');
}

function finish(reason: string, usage: LanguageModelUsage): ModelEvent {
  return {
    kind: 'end',
    finishReason: reason === 'length' ? 'length' : reason === 'content-filter' ? 'content_filter' : 'stop',
    usage: {
      inputTokens: usage.inputTokens ?? 0,
      outputTokens: usage.outputTokens ?? 0,
      cachedTokens: usage.inputTokenDetails.cacheReadTokens,
    },
  };
}

type RunTool = (tool: AgentTool, input: ToolInput) => Promise<string>;

const toToolSet = (sdk: Sdk, tools: readonly AgentTool[], run: RunTool): ToolSet =>
  Object.fromEntries(
    tools.map((tool) => [
      tool.name,
      {
        description: tool.description,
        inputSchema: sdk.jsonSchema<ToolInput>(tool.inputSchema),
        execute: (input: ToolInput) => run(tool, input),
      },
    ]),
  );
