// Reads a CSV or TSV and prints what each column holds: how full it is, how many different values, range or examples.
import { readFileSync } from 'node:fs';

const text = readFileSync(0, 'utf8').replace(/^\uFEFF/, '');
const separator = [',', ';', '\t', '|'].sort((a, b) => count(b) - count(a))[0];
const [header = [], ...rows] = parse(text);

process.stdout.write(`${rows.length} rows, ${header.length} columns, separated by ${JSON.stringify(separator)}\n`);
const uneven = rows.filter((row) => row.length !== header.length).length;
if (uneven > 0) process.stdout.write(`${uneven} rows have another number of columns than the header\n`);
header.forEach((name, index) => process.stdout.write(`${name}: ${describe(rows.map((row) => row[index] ?? ''))}\n`));

function count(character) {
  return text.split('\n', 1)[0].split(character).length;
}

function parse(input) {
  const table = [[]];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < input.length; at += 1) {
    const character = input[at];
    if (quoted && character === '"' && input[at + 1] === '"') cell += input[(at += 1)];
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) table.at(-1).push(take());
    else if (!quoted && character === '\n') {
      table.at(-1).push(take());
      table.push([]);
    } else if (character !== '\r' || quoted) cell += character;
  }
  if (cell !== '' || table.at(-1).length > 0) table.at(-1).push(cell);
  return table.filter((row) => row.some((cell) => cell !== ''));

  function take() {
    const value = cell;
    cell = '';
    return value;
  }
}

function describe(values) {
  const filled = values.map((value) => value.trim()).filter((value) => value !== '');
  const different = new Set(filled);
  const numbers = filled.map(Number).filter(Number.isFinite);
  const facts = [`${filled.length} filled`, `${different.size} different`];
  if (filled.length > 0 && numbers.length === filled.length) {
    const sorted = numbers.sort((a, b) => a - b);
    const mean = sorted.reduce((sum, number) => sum + number, 0) / sorted.length;
    const median = sorted[Math.floor(sorted.length / 2)];
    facts.push(`from ${sorted[0]} to ${sorted.at(-1)}`, `median ${median}`, `mean ${mean.toFixed(2)}`);
  } else facts.push(`such as ${[...different].slice(0, 3).join(' / ')}`);
  return facts.join(', ');
}
