import type { ChatMessage } from '../chat-request.js';
import { alternating, newestTurns, wholeTurns } from '../history.js';
import { log } from '../log.js';
import { estimateTokens } from './tokens.js';
import { pieces, summaryRequest, withSummary } from './summary-prompt.js';

/** What is known of a conversation before its new message. */
export interface Remembered {
  /** Of what came before `messages`; empty when nothing did. */
  readonly summary: string;
  readonly messages: readonly ChatMessage[];
}

/** Asks the model for a text. @throws GatewayError, or the signal's reason */
export type AskModel = (instructions: string, message: string, signal: AbortSignal) => Promise<string>;

export interface Compacted {
  readonly summary: string;
  /** How many of the oldest messages the summary now stands for. */
  readonly covered: number;
}

/** Share of the budget that recent turns keep when the older ones are summarised. */
const KEPT_SHARE = 0.5;
const SUMMARY_SHARE = 1 / 4;
const MAX_SUMMARY_TOKENS = 4000;
const PIECE_SHARE = 0.75;
const MAX_PIECES = 16;
/** A long new message leaves at least this share to what came before. */
const LEAST_SHARE = 0.25;

/** Keeps what is sent to the model within a budget: older turns become a running summary, recent ones stay as they were. */
export class Compactor {
  /** @param budgetTokens of the conversation; the system prompt and the tools come on top */
  constructor(
    private readonly budgetTokens: number,
    private readonly ask: AskModel,
  ) {}

  /**
   * Summarises older turns when the conversation has outgrown the budget.
   * @returns undefined when nothing had to be done, or when the model could not do it (which is logged)
   * @throws the signal's reason when aborted
   */
  async compact(known: Remembered, message: string, signal: AbortSignal): Promise<Compacted | undefined> {
    if (tokensOf(known.messages) + estimateTokens(known.summary) <= this.roomBeside(message)) return undefined;
    const turns = wholeTurns(known.messages);
    const recent = newestTurns(turns, Math.floor(this.budgetTokens * KEPT_SHARE), tokensOf);
    const covered = known.messages.length - recent.length;
    if (covered === 0) return undefined;
    try {
      return { summary: await this.summarise(known.summary, known.messages.slice(0, covered), signal), covered };
    } catch (error) {
      signal.throwIfAborted();
      log('warn', `older messages are left out, they could not be summarised: ${nameOf(error)}`);
      return undefined;
    }
  }

  /** The summary, the newest whole turns that fit beside it, and the new message, which always goes in full. */
  prompt(known: Remembered, message: string): ChatMessage[] {
    const room = this.roomBeside(message) - estimateTokens(known.summary);
    const turns = newestTurns(wholeTurns(known.messages), room, tokensOf);
    return alternating([...withSummary(known.summary), ...turns, { role: 'user', text: message }]);
  }

  private roomBeside(message: string): number {
    return Math.max(this.budgetTokens - estimateTokens(message), this.budgetTokens * LEAST_SHARE);
  }

  private async summarise(former: string, messages: readonly ChatMessage[], signal: AbortSignal): Promise<string> {
    const most = Math.min(MAX_SUMMARY_TOKENS, Math.ceil(this.budgetTokens * SUMMARY_SHARE));
    const pieceTokens = Math.max(this.budgetTokens * PIECE_SHARE, tokensOf(messages) / (MAX_PIECES - 1));
    let summary = former;
    for (const piece of pieces(messages, pieceTokens)) {
      const { instructions, text } = summaryRequest(summary, piece, most);
      summary = (await this.ask(instructions, text, signal)).trim();
      if (summary === '') throw new Error('empty summary');
      if (estimateTokens(summary) > most * 2) summary = `${firstBytes(summary, most * 8)} […]`;
    }
    return summary;
  }
}

const tokensOf = (messages: readonly ChatMessage[]): number =>
  messages.reduce((sum, { text }) => sum + estimateTokens(text), 0);

const firstBytes = (text: string, bytes: number): string =>
  Buffer.from(text)
    .subarray(0, bytes)
    .toString('utf8')
    .replace(/\uFFFD$/, '');

const nameOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message.slice(0, 100);
};
