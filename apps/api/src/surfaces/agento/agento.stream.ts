import type { LogLine } from '#libs/agents';
import type { ChatEvent } from '#libs/conversations';
import type { ChatEventDto } from './chat/chat.dto.js';

/**
 * A chat turn as agento streams it: one `data:` line an event and an `id:` line before each text, with which a client
 * comes back (`Last-Event-ID`). `done` and `error` carry no id, so that coming back repeats them.
 */
export async function* chatFrames(runId: string, events: AsyncIterable<ChatEvent>): AsyncGenerator<string> {
  for await (const event of events) yield chatFrame(runId, event);
}

/** One event as one frame. */
export function chatFrame(runId: string, event: ChatEvent): string {
  switch (event.kind) {
    case 'text':
      return `id: ${runId}.${event.offset}\n${data({ type: 'text', content: event.text })}`;
    case 'done':
      return data({ type: 'done' });
    case 'error':
      return data({ type: 'error', message: event.message, code: event.code });
  }
}

/** Lines of a log as raw `data:` lines, each with the id by which a client comes back. */
export async function* logFrames(lines: AsyncIterable<LogLine>): AsyncGenerator<string> {
  for await (const line of lines) yield logFrame(line);
}

/** A line break inside the text becomes a further `data:` line, so that no text can pass for a field of its own. */
export const logFrame = ({ id, line }: Pick<LogLine, 'id' | 'line'>): string =>
  `id: ${id}\n${line
    .split(/\r\n|\r|\n/)
    .map((part) => `data: ${part}`)
    .join('\n')}\n\n`;

/** The offset a client has read up to, from its `Last-Event-ID`; undefined when it names another run or nothing. */
export function offsetOf(runId: string, lastEventId: string | undefined): number | undefined {
  const [run, offset = ''] = lastEventId?.split('.') ?? [];
  return run === runId && /^\d{1,15}$/.test(offset) ? Number(offset) : undefined;
}

/** The log line a client has read up to, from its `Last-Event-ID`. */
export const lineIdOf = (lastEventId: string | undefined): number | undefined =>
  lastEventId !== undefined && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : undefined;

const data = (event: ChatEventDto): string => `data: ${JSON.stringify(event)}\n\n`;
