/** One server-sent event as a client reads it. */
export interface ServerEvent {
  readonly id?: string;
  readonly data: string;
}

/** Reads a response as server-sent events, as they come. Fails on any field but `id` and `data`. */
export async function* eventsOf(response: Response): AsyncGenerator<ServerEvent> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = parse(text.slice(0, end));
      text = text.slice(end + 2);
      if (event) yield event;
    }
  }
  if (text !== '') throw new Error(`The stream ended inside a frame: ${text}`);
}

/** All events of a stream that ends. */
export async function allEvents(response: Response): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of eventsOf(response)) events.push(event);
  return events;
}

/** What the text events of a chat say together. */
export const textOf = (events: readonly ServerEvent[]): string =>
  events
    .map(({ data }) => JSON.parse(data) as { type: string; content?: string })
    .map(({ type, content }) => (type === 'text' ? content : ''))
    .join('');

function parse(frame: string): ServerEvent | undefined {
  const lines = frame.split('\n').filter((line) => !line.startsWith(':'));
  if (lines.length === 0) return undefined;
  const data: string[] = [];
  let id: string | undefined;
  for (const line of lines) {
    if (line.startsWith('data: ')) data.push(line.slice('data: '.length));
    else if (line.startsWith('id: ')) id = line.slice('id: '.length);
    else throw new Error(`Not a data, id or comment line: ${line}`);
  }
  return { data: data.join('\n'), ...(id === undefined ? {} : { id }) };
}
