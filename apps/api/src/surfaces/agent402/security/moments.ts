const FORM = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?(Z|[+\- ]\d{2}:?\d{2})?$/i;

/**
 * A time in a query: ISO 8601, UTC unless it says otherwise. A `+` that a client left unescaped arrives as a space.
 * What is no time stays as it is, for validation to refuse.
 */
export function toMoment(value: unknown): unknown {
  const match = typeof value === 'string' ? FORM.exec(value) : null;
  if (!match) return value;
  const [, day = '', time = '00:00', offset = 'Z'] = match;
  const moment = new Date(`${day}T${time}${offset.replace(' ', '+')}`);
  return isDay(day) && !Number.isNaN(moment.getTime()) ? moment : value;
}

/** JavaScript takes the 30th of February for the 2nd of March. */
const isDay = (day: string): boolean => {
  const date = new Date(`${day}T00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
};
