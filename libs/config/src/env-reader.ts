import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, isAbsolute } from 'node:path';
import ipaddr from 'ipaddr.js';

/** The environment is wrong: one line for every variable at fault, none with its value when it may be secret. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`Configuration is wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** Registry, name, then a tag (or all of them), a digest, or both. */
const IMAGE = /^[a-z0-9][\w./-]*(:\d+\/[\w./-]+)?(:([\w][\w.-]{0,127}|\*))?(@sha256:[0-9a-f]{64})?$/;

/** Reads variables (each also as `<NAME>_FILE`) and gathers what is wrong with them until `finish`. */
export class EnvReader {
  private readonly problems: string[] = [];

  constructor(private readonly environment: NodeJS.ProcessEnv) {}

  report(name: string, problem: string): void {
    this.problems.push(`${name} ${problem}`);
  }

  finish(): void {
    if (this.problems.length > 0) throw new ConfigError(this.problems);
  }

  optional(name: string): string | undefined {
    const file = this.environment[`${name}_FILE`];
    if (file) return this.readFile(name, file);
    const value = this.environment[name]?.trim();
    return value === '' ? undefined : value;
  }

  text(name: string, fallback: string): string {
    return this.optional(name) ?? fallback;
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    return this.number(name, fallback, least, most, /^-?\d+$/, 'a whole number');
  }

  optionalInteger(name: string, least: number, most: number): number | undefined {
    return this.optional(name) === undefined ? undefined : this.integer(name, least, least, most);
  }

  decimal(name: string, fallback: number, least: number, most: number): number {
    return this.number(name, fallback, least, most, /^-?\d+(\.\d+)?$/, 'a number');
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.optional(name);
    if (value === undefined) return fallback;
    if (/^(1|true|yes|on)$/i.test(value)) return true;
    if (!/^(0|false|no|off)$/i.test(value)) this.report(name, `must be 1 or 0, not "${value}"`);
    return false;
  }

  booleanOrText(name: string, fallback: boolean): boolean | string {
    const value = this.optional(name);
    if (value === undefined) return fallback;
    if (/^(1|true)$/i.test(value)) return true;
    return /^(0|false)$/i.test(value) ? false : value;
  }

  list(name: string): string[] {
    return this.text(name, '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }

  /** Comma-separated networks like `10.1.0.0/16`; an address stands for itself. */
  networks(name: string): string[] {
    const networks = this.list(name);
    const wrong = networks.find((text) => !ipaddr.isValidCIDR(text) && isIP(text) === 0);
    if (wrong !== undefined) this.report(name, `must be networks like 10.1.0.0/16, not "${wrong}"`);
    return networks;
  }

  /** Comma-separated images, `name:*` for every tag of one; a path is a folder (process runtime). */
  images(name: string): string[] {
    const images = this.list(name);
    const wrong = images.find((text) => !IMAGE.test(text) && !(isAbsolute(text) && !text.includes('..')));
    if (wrong !== undefined) this.report(name, `must be images like acme/agent:2.1 or acme/agent:*, not "${wrong}"`);
    return images;
  }

  oneOf<const T extends readonly string[]>(name: string, values: T, fallback: T[number]): T[number] {
    const value = this.optional(name);
    if (value === undefined) return fallback;
    if (!(values as readonly string[]).includes(value))
      this.report(name, `must be one of ${values.join(', ')}, not "${value}"`);
    return value;
  }

  url(name: string, fallback: string): string {
    return this.optionalUrl(name, ['http:', 'https:']) ?? fallback;
  }

  optionalUrl(name: string, protocols: readonly string[]): string | undefined {
    const value = this.optional(name);
    if (value === undefined) return undefined;
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
      this.report(name, `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`);
    }
    return value.replace(/\/+$/, '');
  }

  requiredUrl(name: string, protocols: readonly string[]): string {
    const value = this.optionalUrl(name, protocols);
    if (value === undefined) this.report(name, 'is missing');
    return value ?? '';
  }

  /** A secret of at least 32 characters; outside production one is made and kept in `file` (0600) when absent. */
  secret(name: string, file: string, required: boolean): string {
    const given = this.optional(name);
    if (given !== undefined) {
      if (given.length < 32) this.report(name, 'must have at least 32 characters');
      return given;
    }
    if (required) {
      this.report(name, 'is missing (required when NODE_ENV=production)');
      return '';
    }
    return this.keptSecret(name, file);
  }

  /** The same, where nobody but the one who uses it makes it: undefined when it is not given. */
  optionalSecret(name: string): string | undefined {
    const given = this.optional(name);
    if (given !== undefined && given.length < 32) this.report(name, 'must have at least 32 characters');
    return given;
  }

  private keptSecret(name: string, file: string): string {
    try {
      const kept = keptSecret(file);
      if (kept.length < 32) this.report(name, `in ${file} must have at least 32 characters`);
      return kept;
    } catch (error) {
      this.report(name, `could not be kept in ${file}: ${(error as Error).message}`);
      return '';
    }
  }

  private number(name: string, fallback: number, least: number, most: number, form: RegExp, noun: string): number {
    const value = this.optional(name);
    if (value === undefined) return fallback;
    const parsed = Number(value);
    if (!form.test(value) || parsed < least || parsed > most) {
      this.report(name, `must be ${noun} from ${least} to ${most}, not "${value}"`);
      return fallback;
    }
    return parsed;
  }

  private readFile(name: string, file: string): string | undefined {
    try {
      const value = readFileSync(file, 'utf8').trim();
      return value === '' ? undefined : value;
    } catch (error) {
      this.report(`${name}_FILE`, `names ${file}, which can't be read: ${(error as Error).message}`);
      return undefined;
    }
  }
}

/** The secret in a file, made (0600) when there is none. @throws Error of the file system. */
export function keptSecret(file: string): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (!existsSync(file)) keepNewSecret(file);
  return readFileSync(file, 'utf8').trim();
}

/** Programs that start together make one secret between them: a link appears with its whole content, and only once. */
function keepNewSecret(file: string): void {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(draft, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
