import { normalised } from './embedder.js';

const GRAM = 2;
/** Letters and signs the English model has no words for: what is neither ASCII nor a Latin letter with an accent. */
const FOREIGN = /[^\p{ASCII}\p{Script=Latin}\p{P}]/gu;
const READABLE = /[^\s\p{P}]/gu;

/** How much of a text the English model cannot read, 0 to 1. */
export function foreignShare(text: string): number {
  const all = text.match(READABLE)?.length ?? 0;
  return all === 0 ? 0 : Math.min(1, (text.match(FOREIGN)?.length ?? 0) / all);
}

/** The text's pairs of characters, hashed into a vector of length 1: near for texts that share wording. */
export function lexicalVector(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  const letters = [...text.normalize('NFKC').toLowerCase()];
  for (let at = 0; at < Math.max(1, letters.length - GRAM + 1); at += 1) {
    const hash = hashOf(letters.slice(at, at + GRAM).join(''));
    const place = hash % dimensions;
    vector[place] = (vector[place] ?? 0) + (hash & 0x80000000 ? -1 : 1);
  }
  return normalised(vector);
}

/**
 * What the model says of a text, with the text's own wording in the place of what it cannot read: to an English model
 * all Japanese texts are one.
 */
export function blended(text: string, meaning: Float32Array): Float32Array {
  const share = foreignShare(text);
  if (share === 0) return meaning;
  const wording = lexicalVector(text, meaning.length);
  return normalised(meaning.map((value, index) => value * (1 - share) + (wording[index] ?? 0) * share));
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const letter of text) {
    hash ^= letter.codePointAt(0) ?? 0;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash;
}
