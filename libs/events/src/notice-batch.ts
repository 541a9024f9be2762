const MOST_PAYLOAD_BYTES = 7_900;
const MOST_PENDING = 10_000;

/** The key listeners get when anything may have changed: after a reconnect, or when rings were too many to name. */
export const ANY_KEY = '*';

/** One thing that changed. */
export interface Notice {
  readonly topic: string;
  readonly key: string;
}

/** Distinct notices that wait to be sent. More than 10,000 collapse to "anything" of their topics. */
export class NoticeBatch {
  private readonly byTopic = new Map<string, Set<string>>();
  private size = 0;

  get isEmpty(): boolean {
    return this.size === 0;
  }

  add({ topic, key }: Notice): void {
    const keys = this.byTopic.get(topic) ?? new Set<string>();
    this.byTopic.set(topic, keys);
    if (keys.has(key) || keys.has(ANY_KEY)) return;
    if (this.size >= MOST_PENDING || key === ANY_KEY) {
      this.size -= keys.size;
      keys.clear();
      keys.add(ANY_KEY);
    } else {
      keys.add(key);
    }
    this.size += 1;
  }

  /** Empties the batch. @returns payloads, each short enough for NOTIFY (8,000 bytes). */
  drain(): string[] {
    const entries = [...this.byTopic].flatMap(([topic, keys]) => [...keys].map((key) => [topic, key] as const));
    this.byTopic.clear();
    this.size = 0;
    const payloads: string[] = [];
    let parts: string[] = [];
    let bytes = 2;
    for (const entry of entries) {
      const part = JSON.stringify(entry);
      const length = Buffer.byteLength(part) + 1;
      if (bytes + length > MOST_PAYLOAD_BYTES) {
        payloads.push(`[${parts.join()}]`);
        parts = [];
        bytes = 2;
      }
      parts.push(part);
      bytes += length;
    }
    if (parts.length > 0) payloads.push(`[${parts.join()}]`);
    return payloads;
  }
}

/** Notices of a payload; nothing for one that this version can't read. */
export function parsePayload(payload: string): Notice[] {
  try {
    const entries = JSON.parse(payload) as unknown;
    if (!Array.isArray(entries)) return [];
    return entries.flatMap((entry: unknown) =>
      Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'string'
        ? [{ topic: entry[0], key: entry[1] }]
        : [],
    );
  } catch {
    return [];
  }
}
