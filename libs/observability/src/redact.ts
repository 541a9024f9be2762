const REDACTED = '[redacted]';
const MOST_DEPTH = 6;
const MOST_ITEMS = 100;
const MOST_NODES = 500;
const MOST_CHARS = 16_384;

const SECRET_NAME =
  /(authorization|cookie|api[-_]?key|access[-_]?key|private[-_]?key|token|jwt|password|passwd|secret|credential|ciphertext)s?$/i;

const SECRET_TEXT = new RegExp(
  [
    String.raw`\bsk-[A-Za-z0-9_-]{6,}`,
    String.raw`\b(?:ak_live|ak_test|atk)_[A-Za-z0-9_-]+`,
    String.raw`\bxox[a-z]-[A-Za-z0-9-]+`,
    String.raw`\bxapp-[A-Za-z0-9-]+`,
    String.raw`\bAIza[A-Za-z0-9_-]{20,}`,
    String.raw`\bgh[opsu]_[A-Za-z0-9]{20,}`,
    String.raw`\b\d{6,12}:[A-Za-z0-9_-]{30,}`,
    String.raw`\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`,
    String.raw`(?<=\bBearer\s)[^\s"',;]+`,
    String.raw`(?<=:\/\/[^\s/:@]*:)[^\s/@]+(?=@)`,
    String.raw`(?<=[?&](?:key|token|secret|password)=)[^\s&"']+`,
  ].join('|'),
  'gi',
);

/** Blanks whatever looks like a credential in a text, and caps its length. */
export function redactText(text: string): string {
  const capped = text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}… (${text.length} characters)` : text;
  return capped.replace(SECRET_TEXT, REDACTED);
}

/** A copy safe to print: secret fields and texts blanked, errors reduced to what explains them, size bounded. */
export const redact = (value: unknown): unknown => new Redaction().copy(value, 0);

class Redaction {
  private nodesLeft = MOST_NODES;

  copy(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return redactText(value);
    if (typeof value === 'bigint') return value.toString();
    if (typeof value === 'function' || typeof value === 'symbol') return undefined;
    if (value === null || typeof value !== 'object' || value instanceof Date) return value;
    if (Buffer.isBuffer(value) || ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    this.nodesLeft -= 1;
    if (depth >= MOST_DEPTH || this.nodesLeft < 0) return '[cut]';
    if (value instanceof Error) return this.error(value, depth);
    if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map((item) => this.copy(item, depth + 1));
    return this.fields(value, depth);
  }

  private fields(value: object, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(value).slice(0, MOST_ITEMS)) {
      copy[name] = isSecretField(name, field) ? REDACTED : this.copy(field, depth + 1);
    }
    return copy;
  }

  /** Only what explains an error: drivers hang the statement's parameters on theirs. */
  private error(error: Error, depth: number): Record<string, unknown> {
    const { code, kind } = error as { code?: unknown; kind?: unknown };
    return {
      type: error.name,
      message: redactText(error.message),
      ...(code === undefined ? {} : { code }),
      ...(kind === undefined ? {} : { kind }),
      stack: redactText(error.stack ?? ''),
      ...(error.cause === undefined ? {} : { cause: this.copy(error.cause, depth + 1) }),
    };
  }
}

const isSecretField = (name: string, field: unknown): boolean =>
  SECRET_NAME.test(name) && field !== null && field !== undefined && !['number', 'boolean'].includes(typeof field);
