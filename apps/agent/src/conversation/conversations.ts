import type { ServerResponse } from 'node:http';
import type { ChatMessage, ChatRequest } from '../chat-request.js';
import { GatewayError } from '../gateway-error.js';
import { log } from '../log.js';
import type { Transcript, TranscriptCache } from '../transcript-cache.js';
import type { Compactor } from './compactor.js';

/** Remembers sessions from turn to turn and keeps what is sent within the budget. */
export class Conversations {
  constructor(
    private readonly transcripts: TranscriptCache,
    private readonly compactor: Compactor,
  ) {}

  /**
   * What came before, after making sure that it is what the caller means.
   * @throws GatewayError 409 `history_required` when it isn't
   */
  recall(request: ChatRequest): Transcript {
    const { key, turn, earlier } = request;
    if (!key) return { count: earlier.length, summary: '', summarised: 0, messages: earlier };
    if (request.refill) this.transcripts.replace(key, earlier, Math.max(turn ?? 0, earlier.length));
    const known = this.transcripts.read(key);
    if (turn !== undefined && turn !== known.count && !request.refill) {
      throw new GatewayError(
        409,
        'history_required',
        `This agent knows ${known.count} messages of the session, not ${turn}; repeat with x-rookery-refill: 1 and the earlier messages.`,
        { messages: Math.max(0, turn - known.summarised) },
      );
    }
    return known;
  }

  /** What the model is sent, compacted where needed; the summary is kept at once, whatever becomes of the turn. @throws the signal's reason */
  async open(request: ChatRequest, known: Transcript, signal: AbortSignal): Promise<ChatMessage[]> {
    const startedAt = performance.now();
    const compacted = await this.compactor.compact(known, request.message, signal);
    if (!compacted) return this.compactor.prompt(known, request.message);
    const { summary, covered } = compacted;
    const { key } = request;
    if (key) this.transcripts.compact(key, summary, covered);
    const where = key === undefined ? 'without session' : `of session ${key.session}`;
    log('info', `${covered} messages ${where} summarised in ${Math.round(performance.now() - startedAt)} ms`);
    const messages = known.messages.slice(covered);
    return this.compactor.prompt({ summary, messages }, request.message);
  }

  /** Only a whole turn is kept: after any other the counts differ, and the caller refills from what it stored. */
  remember(request: ChatRequest, countBefore: number, reply: string, res: ServerResponse): void {
    const { key, message } = request;
    if (!key) return;
    this.transcripts.append(key, countBefore, [
      { role: 'user', text: message },
      { role: 'assistant', text: reply },
    ]);
    res.once('close', () => {
      if (!res.writableFinished) this.transcripts.takeBack(key, countBefore);
    });
  }
}
