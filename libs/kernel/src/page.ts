/** A window on a list. */
export interface PageRequest {
  readonly limit: number;
  readonly offset: number;
}

/** One window of a list with the size of the whole. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
}
