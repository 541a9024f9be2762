import type { LanguageModel } from 'ai';
import type { ChatMessage } from './chat-request.js';
import { GatewayError } from './gateway-error.js';
import { toGatewayError } from './provider-errors.js';
import type { ModelSettings } from './settings.js';

/** One call of the model. */
export interface ModelTurn {
  readonly instructions: string;
  /** Alternating, the user's first and last. */
  readonly messages: readonly ChatMessage[];
}

export type FinishReason = 'stop' | 'length' | 'content_filter';

export type ModelEvent =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'end';
      readonly finishReason: FinishReason;
      readonly inputTokens: number;
      readonly outputTokens: number;
    };

type Sdk = typeof import('./sdk/ai.js');

/** Talks to the configured provider. The SDK is loaded by the first turn, so an idle agent stays small. */
export class ModelClient {
  private loaded: Promise<{ sdk: Sdk; model: LanguageModel }> | undefined;

  constructor(private readonly settings: ModelSettings) {}

  /**
   * Streams one reply; ends with exactly one `end` event. Aborting closes the connection to the provider.
   * @throws GatewayError with a `provider_…` code, or the signal's reason when aborted
   */
  async *reply(turn: ModelTurn, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const silence = new SilenceTimer(this.settings.silenceTimeoutMs, signal);
    try {
      yield* this.call(turn, silence);
    } catch (error) {
      if (silence.signal.aborted) throw silence.signal.reason;
      throw toGatewayError(error, [this.settings.token]);
    } finally {
      silence.stop();
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
      // The default handler prints the error, and with it the conversation.
      onError: () => undefined,
    });
    for await (const part of stream) {
      silence.refresh();
      if (part.type === 'text-delta' && part.text !== '') yield { kind: 'text', text: part.text };
      else if (part.type === 'error') throw part.error;
      else if (part.type === 'abort') silence.signal.throwIfAborted();
      else if (part.type === 'finish') yield finish(part.rawFinishReason, part.finishReason, part.totalUsage);
    }
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
  const options = { baseURL: settings.baseUrl, apiKey: settings.token };
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

function finish(
  rawReason: string | undefined,
  reason: string,
  usage: { readonly inputTokens: number | undefined; readonly outputTokens: number | undefined },
): ModelEvent {
  // No reason at all means that the stream ended before the provider said it was done.
  if (rawReason === undefined) {
    throw new GatewayError(502, 'provider_error', 'The AI provider ended its answer too early.');
  }
  return {
    kind: 'end',
    finishReason: reason === 'length' ? 'length' : reason === 'content-filter' ? 'content_filter' : 'stop',
    inputTokens: usage.inputTokens ?? 0,
    outputTokens: usage.outputTokens ?? 0,
  };
}

/** Aborts with the caller's signal, or when `refresh` was not called for too long. */
class SilenceTimer {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private readonly onAbort: () => void;

  constructor(
    timeoutMs: number,
    private readonly outer: AbortSignal,
  ) {
    this.onAbort = (): void => this.controller.abort(outer.reason);
    this.timer = setTimeout(() => this.controller.abort(timeout(timeoutMs)), timeoutMs);
    outer.addEventListener('abort', this.onAbort, { once: true });
    if (outer.aborted) this.onAbort();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  refresh(): void {
    this.timer.refresh();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.outer.removeEventListener('abort', this.onAbort);
  }
}

const timeout = (ms: number): GatewayError =>
  new GatewayError(504, 'provider_timeout', `The AI provider was silent for ${Math.round(ms / 1000)} s.`);
