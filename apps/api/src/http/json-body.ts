import { isUtf8 } from 'node:buffer';
import { invalid } from '#libs/kernel';

const DEEPEST = 100;

/** Keys that reach a prototype, or that class-transformer takes for the type of the object. */
const REFUSED_KEYS = new Set(['__proto__', 'constructor']);

/**
 * The value of a JSON body. Decoding wrong UTF-8 would put other characters in the place of wrong bytes, so it is refused; so
 * are keys that reach a prototype and values so deep that reading them would exhaust the stack.
 * @throws SyntaxError when it is no JSON
 * @throws DomainError `validation` for the rest
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw invalid('The body is not valid UTF-8');
  const body = JSON.parse(bytes.toString('utf8')) as unknown;
  let level = [body].filter(isContainer);
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > DEEPEST) throw refused(`The body may be at most ${DEEPEST} levels deep`, 'too_deep');
    level = level.flatMap(containersIn);
  }
  return body;
}

function containersIn(container: object): object[] {
  if (Array.isArray(container)) return container.filter(isContainer);
  const key = Object.keys(container).find((name) => REFUSED_KEYS.has(name));
  if (key !== undefined) throw refused(`The key ${key} is not allowed`, 'forbidden_key');
  return Object.values(container).filter(isContainer);
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;

const refused = (message: string, type: string): Error => invalid(message, [{ path: ['body'], message, type }]);
