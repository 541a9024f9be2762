// node workdays.mjs <start> <working days> [holiday,holiday]: the day that many working days after the start (before it, when
// negative), and with a date in the place of the number, how many working days lie between, the last one included.
const [start, amount, holidays = ''] = process.argv.slice(2);
const free = new Set(holidays.split(',').filter(Boolean));
const DAY_MS = 86_400_000;

const dayOf = (text) => {
  const at = Date.parse(`${text}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text ?? '') || Number.isNaN(at))
    throw new Error(`${text} is no date like 2026-03-02`);
  return at;
};
const isoOf = (at) => new Date(at).toISOString().slice(0, 10);
const isWorkday = (at) => ![0, 6].includes(new Date(at).getUTCDay()) && !free.has(isoOf(at));
const named = (at) => `${new Intl.DateTimeFormat('en', { weekday: 'long', timeZone: 'UTC' }).format(at)}, ${isoOf(at)}`;

let at = dayOf(start);
if (/^-?\d{1,5}$/.test(amount ?? '')) {
  const step = Number(amount) < 0 ? -DAY_MS : DAY_MS;
  for (let left = Math.abs(Number(amount)); left > 0;) if (isWorkday((at += step))) left -= 1;
  process.stdout.write(`${named(at)}\n`);
} else {
  const end = dayOf(amount);
  let days = 0;
  while (at < end) if (isWorkday((at += DAY_MS))) days += 1;
  process.stdout.write(`${days} working days from ${named(dayOf(start))} to ${named(end)}\n`);
}
