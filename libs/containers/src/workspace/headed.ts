import { Readable } from 'node:stream';

/** A stream whose first bytes are known. */
export interface Headed {
  readonly head: Buffer;
  /** All of it, with the head. */
  readonly content: Readable;
  /** Reads what nobody has read, so that what comes behind it can be. */
  drain(): Promise<void>;
}

/** Looks at the first bytes of a part of a larger stream; leaving the content early leaves the larger stream alone. */
export async function headed(source: AsyncIterable<Buffer>, bytes: number): Promise<Headed> {
  const chunks = source[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let ended = false;
  for (let have = 0; have < bytes && !ended;) {
    const next = await chunks.next();
    if (next.done) ended = true;
    else {
      first.push(next.value);
      have += next.value.length;
    }
  }
  const head = Buffer.concat(first);
  const read = async (): Promise<Buffer | undefined> => {
    const chunk = ended ? undefined : await chunks.next();
    ended ||= chunk?.done === true;
    return chunk?.done ? undefined : chunk?.value;
  };
  // whoever still reads the content and whoever drains it take turns
  let turn: Promise<Buffer | undefined> = Promise.resolve(undefined);
  const next = (): Promise<Buffer | undefined> => (turn = turn.then(read));
  async function* whole(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head;
    for (let chunk = await next(); chunk; chunk = await next()) yield chunk;
  }
  return {
    head,
    content: Readable.from(whole(), { objectMode: false }),
    drain: async () => {
      while (await next());
    },
  };
}
