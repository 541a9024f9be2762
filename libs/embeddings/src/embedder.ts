/** Turns texts into vectors: near in meaning, near in angle. */
export interface Embedder {
  /** Names the model. Vectors of different ids are never compared. */
  readonly id: string;
  /**
   * One vector of length 1 for each text, in their order, all of the same dimensions.
   * @throws DomainError `upstream_failed` or `unavailable`; what the signal was aborted with.
   */
  embed(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/** Scales to length 1, in place. A vector of zeros stays as it is. */
export function normalised(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  const length = Math.sqrt(sum);
  if (length > 0) for (let i = 0; i < vector.length; i += 1) vector[i] = (vector[i] ?? 0) / length;
  return vector;
}
