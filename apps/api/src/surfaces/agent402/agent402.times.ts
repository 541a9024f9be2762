/** A moment as this surface writes it: ISO 8601 with milliseconds, UTC. */
export const isoTime = (at: Date): string => at.toISOString();

export const isoTimeOrNull = (at: Date | null | undefined): string | null => (at ? isoTime(at) : null);
