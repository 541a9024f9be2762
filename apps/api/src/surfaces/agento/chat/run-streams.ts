import { Inject, Injectable, type StreamableFile } from '@nestjs/common';
import { ChatService, type SendMessage } from '#libs/conversations';
import type { Caller } from '#libs/kernel';
import type { FastifyReply } from 'fastify';
import type { IdempotencySlot } from '../../../http/idempotency/idempotent.js';
import { sse } from '../../../http/sse.js';
import { chatFrames, offsetOf } from '../agento.stream.js';

/** The response a stream goes into. */
export interface StreamTarget {
  /** Fires when the client leaves. */
  readonly gone: AbortSignal;
  readonly reply: FastifyReply;
}

/** Opens the streams of runs; each is named in the header `X-Run-Id`. */
@Injectable()
export class RunStreams {
  constructor(@Inject(ChatService) private readonly chat: ChatService) {}

  /** Sends a message and streams its reply. A repeated request (`slot`) follows the run the first one made. */
  async send(
    caller: Caller,
    agentId: string,
    message: SendMessage,
    slot: IdempotencySlot | undefined,
    target: StreamTarget,
  ): Promise<StreamableFile> {
    if (slot?.replayRunId !== undefined) return this.follow(caller, agentId, slot.replayRunId, undefined, target);
    const run = await this.chat.send(caller, agentId, message, slot?.resourceId);
    await slot?.bindRun(run.runId);
    target.reply.header('x-run-id', run.runId);
    return sse(chatFrames(run.runId, run.events(target.gone)));
  }

  /** Streams a run from its beginning or from `lastEventId` on. It is looked up first, so an unknown one is refused before the stream begins. */
  async follow(
    caller: Caller,
    agentId: string,
    runId: string,
    lastEventId: string | undefined,
    { gone, reply }: StreamTarget,
  ): Promise<StreamableFile> {
    await this.chat.run(caller, agentId, runId);
    reply.header('x-run-id', runId);
    const afterOffset = offsetOf(runId, lastEventId);
    return sse(chatFrames(runId, this.chat.follow(caller, agentId, runId, { afterOffset, signal: gone })));
  }
}
