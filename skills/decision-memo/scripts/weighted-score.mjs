// Reads {"weights": {"cost": 40, ...}, "options": {"A": {"cost": 3, ...}, ...}} and prints totals from 0 to 100,
// best first, and which weights the order at the top depends on.
import { readFileSync } from 'node:fs';

const { weights, options } = JSON.parse(readFileSync(0, 'utf8'));

function ranked(by) {
  const whole = Object.values(by).reduce((sum, weight) => sum + weight, 0);
  const total = (scores) =>
    Object.entries(by).reduce((sum, [criterion, weight]) => sum + weight * (scores[criterion] ?? 2), 0);
  return Object.entries(options)
    .map(([name, scores]) => ({ name, total: (total(scores) / whole / 5) * 100 }))
    .sort((a, b) => b.total - a.total);
}

const order = ranked(weights);
for (const { name, total } of order) process.stdout.write(`${total.toFixed(1).padStart(6)}  ${name}\n`);
for (const criterion of Object.keys(weights)) {
  for (const factor of [0.5, 2]) {
    const [first] = ranked({ ...weights, [criterion]: weights[criterion] * factor });
    if (first.name !== order[0].name) {
      process.stdout.write(`with ${criterion} weighted ${factor === 2 ? 'twice' : 'half'} as much: ${first.name}\n`);
    }
  }
}
