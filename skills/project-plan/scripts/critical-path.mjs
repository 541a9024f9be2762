// Reads [{"id": "a", "days": [1, 2, 4], "needs": ["b"]}, ...] (good, likely, bad; or one number) and prints the longest chain
// with its expected length, and how many days every other task may slip.
import { readFileSync } from 'node:fs';

const tasks = new Map(JSON.parse(readFileSync(0, 'utf8')).map((task) => [task.id, task]));
const ends = new Map();
const expected = ({ days }) => (Array.isArray(days) ? (days[0] + 4 * days[1] + days[2]) / 6 : days);

function endOf(id, above = []) {
  if (above.includes(id)) throw new Error(`These need each other: ${[...above, id].join(' > ')}`);
  if (ends.has(id)) return ends.get(id);
  const task = tasks.get(id);
  if (!task) throw new Error(`No task is called ${id}, but ${above.at(-1)} needs it`);
  const begin = Math.max(0, ...(task.needs ?? []).map((need) => endOf(need, [...above, id])));
  ends.set(id, begin + expected(task));
  return ends.get(id);
}

for (const id of tasks.keys()) endOf(id);
const whole = Math.max(...ends.values());
const slack = new Map();
for (const id of [...tasks.keys()].sort((a, b) => ends.get(b) - ends.get(a))) {
  const followers = [...tasks.values()].filter((task) => task.needs?.includes(id));
  const latest = Math.min(whole, ...followers.map((task) => ends.get(task.id) + slack.get(task.id) - expected(task)));
  slack.set(id, latest - ends.get(id));
}
const path = [...tasks.keys()].filter((id) => slack.get(id) < 0.001).sort((a, b) => ends.get(a) - ends.get(b));
process.stdout.write(`${whole.toFixed(1)} days: ${path.join(' > ')}\n`);
for (const [id, days] of slack) if (days >= 0.001) process.stdout.write(`${id} may slip ${days.toFixed(1)} days\n`);
