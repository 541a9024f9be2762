/** UTF-8 bytes that count as one token. Near what tokenizers make of English; of other scripts it errs upwards. */
const BYTES_PER_TOKEN = 4;

/**
 * About how many tokens a text has. A tokenizer's tables would take more memory than the rest of an idle agent; what the
 * estimate decides, when to compact, leaves room for its error.
 */
export const estimateTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
