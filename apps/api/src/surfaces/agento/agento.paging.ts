import type { Page } from '#libs/kernel';

/** One window of a list as agento's clients read it. */
export interface AgentoPage<T> {
  data: T[];
  pagination: { total: number; limit: number; offset: number };
}

/** Encodes a page. Without `limit` the list is whole, and its limit is the number of rows it holds. */
export const agentoPage = <T, R>(
  page: Page<T>,
  map: (item: T) => R,
  window: { limit?: number | undefined; offset?: number | undefined } = {},
): AgentoPage<R> => ({
  data: page.items.map(map),
  pagination: { total: page.total, limit: window.limit ?? page.items.length, offset: window.offset ?? 0 },
});

/** The documented form of a moment: ISO 8601 with milliseconds and `Z`. */
export const isoTime = (at: Date): string => at.toISOString();

export const isoTimeOrNull = (at: Date | null | undefined): string | null => (at ? isoTime(at) : null);
