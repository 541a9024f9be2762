const LONGEST = 160;
const BEFORE = 40;
const LONGEST_SECRET = 600;

const SECRETS: readonly RegExp[] = [
  /\b(?:sk|rk|pk|ghp|gho|ghu|ghs|ghr|xoxb|xoxa|xoxp|glpat|npm|hf|rk_live|sk_live)[-_][A-Za-z0-9_-]{10,200}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bAIza[0-9A-Za-z_-]{30,60}/g,
  /\beyJ[A-Za-z0-9_-]{10,500}(?:\.[A-Za-z0-9_-]{4,500}){0,2}/g,
  /(?<=:\/\/)[^\s:/@]{1,100}:[^\s:/@]{1,200}(?=@)/g,
  /(?<=(?:password|passwd|secret|token|api_?key)["']?\s{0,3}[:=]\s{0,3}["'])[^"'\s]{6,200}/gi,
  /\b(?=[A-Za-z+/_-]{0,60}\d)[A-Za-z0-9+/_-]{48,2000}={0,2}/g,
];

/** Stands for each character of a secret that is taken out, so that places stay what they are; no text holds it. */
const BLANK = '\0';

/** The surroundings of a match, fit to be shown: short, one line, without secrets or characters nobody sees. */
export function excerptOf(text: string, at: number): string {
  const from = Math.max(0, at - LONGEST_SECRET);
  const wide = text.slice(from, at + LONGEST_SECRET);
  const blanked = SECRETS.reduce(
    (rest, secret) => rest.replace(secret, (found) => found.slice(0, 4).padEnd(found.length, BLANK)),
    wide,
  );
  const start = Math.max(0, at - from - BEFORE);
  const shown = visible(blanked.slice(start, start + LONGEST * 2)).trim();
  const cut = [...shown].slice(0, LONGEST - 2).join('');
  return `${from + start > 0 ? '…' : ''}${cut}${cut.length < shown.length ? '…' : ''}`;
}

const visible = (text: string): string =>
  text
    .replace(/\0{1,2000}/g, '…')
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029\u{fe00}-\u{fe0f}\u{e0000}-\u{e01ef}]/gu, (character) =>
      character === '\t' ? ' ' : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
    );

/** Where a secret stands in a text; -1 without one. Only the forms that are surely one. */
export function secretAt(text: string): number {
  return text.search(
    /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\b(?:ghp|gho|ghs)_[A-Za-z0-9]{30,60}\b|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,200}|\bxox[bap]-[A-Za-z0-9-]{20,100}|-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY-----/,
  );
}
