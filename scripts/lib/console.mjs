const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = (text) => paint(1, text);
export const dim = (text) => paint(2, text);

export const say = (text = '') => process.stdout.write(`${text}\n`);

/** Runs one visible step: a line when it begins, one with the time it took when it lasted. */
export async function step(title, work) {
  const began = Date.now();
  say(`${dim('…')} ${title}`);
  const waiting = setInterval(() => say(dim(`  … ${title}: ${seconds(began)} so far`)), 15_000);
  try {
    return await work();
  } finally {
    clearInterval(waiting);
    if (Date.now() - began > 1_000) say(dim(`  ${title}: ${seconds(began)}`));
  }
}

const seconds = (began) => `${((Date.now() - began) / 1000).toFixed(1)} s`;
