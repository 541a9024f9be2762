import { createHash, timingSafeEqual } from 'node:crypto';
import type { Egress } from '#libs/egress';
import { DomainError, invalid } from '#libs/kernel';
import type { SkillFile } from '../skill.js';
import { MOST_ARCHIVE_BYTES, unpackSkill } from '../skill-archive.js';
import { contentChanged, skillNotFound } from '../skills.errors.js';
import { download } from './download.js';
import type { OriginOf, SkillSource } from './skill-source.js';

const MOST_ANSWER_BYTES = 8 * 1024 * 1024;
const NAME = /^(@[a-z0-9~][a-z0-9._~-]{0,99}\/)?[a-z0-9~][a-z0-9._~-]{0,99}$/;
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$/;
/** Digests that registries give, the strongest first. */
const ALGORITHMS = ['sha512', 'sha384', 'sha256'] as const;

interface Distribution {
  readonly tarball: string;
  readonly integrity?: string;
  readonly shasum?: string;
}

/** A package of an npm registry, with SKILL.md at its root. */
export class NpmSource implements SkillSource<'npm'> {
  readonly kind = 'npm';

  /**
   * @param egress for what a registry names: its files may lie anywhere
   * @param registry base URL
   */
  constructor(
    private readonly egress: Egress,
    private readonly registry: string,
  ) {}

  /**
   * Which version `name`, `name@1.2.0` or `name@tag` is now.
   * @throws DomainError `validation` for what is no name of a package, `not_found`, `upstream_failed`
   */
  async resolve(spec: string, signal: AbortSignal): Promise<OriginOf<'npm'>> {
    const at = spec.indexOf('@', 1);
    const [name, wanted] = at < 0 ? [spec, 'latest'] : [spec.slice(0, at), spec.slice(at + 1)];
    if (!NAME.test(name) || !VERSION.test(wanted)) {
      throw invalid('npm must be the name of a package, with @ and a version or tag behind it or without');
    }
    const document = await this.document(name, signal);
    const tags = record(document['dist-tags']);
    const version = typeof tags[wanted] === 'string' ? tags[wanted] : wanted;
    if (!Object.hasOwn(record(document.versions), version)) throw skillNotFound();
    return { kind: 'npm', name, version };
  }

  /** What comes is compared with the digest that the registry gives for it. */
  async fetch({ name, version }: OriginOf<'npm'>, signal: AbortSignal): Promise<readonly SkillFile[]> {
    const versions = record((await this.document(name, signal)).versions);
    if (!Object.hasOwn(versions, version)) throw skillNotFound();
    const dist = record(record(versions[version]).dist);
    if (!isDistribution(dist)) throw badAnswer('no tarball for the package');
    const limit = { maxBytes: MOST_ARCHIVE_BYTES, what: 'an archive' };
    const archive = await download(this.egress, dist.tarball, limit, signal);
    if (!isGenuine(archive, dist)) throw contentChanged();
    return unpackSkill(archive);
  }

  private async document(name: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const base = this.registry.endsWith('/') ? this.registry : `${this.registry}/`;
    const url = base + name.replace('/', '%2f');
    const limit = { maxBytes: MOST_ANSWER_BYTES, what: 'described by an answer' };
    const answer = await download(this.egress, url, limit, signal);
    try {
      return record(JSON.parse(answer.toString('utf8')));
    } catch {
      throw badAnswer('something that is no JSON');
    }
  }
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

function isDistribution(
  dist: Readonly<Record<string, unknown>>,
): dist is Readonly<Record<string, unknown>> & Distribution {
  const isText = (value: unknown): boolean => typeof value === 'string';
  return isText(dist.tarball) && (isText(dist.integrity) || isText(dist.shasum));
}

/** By the strongest digest that there is. */
function isGenuine(archive: Buffer, { integrity, shasum }: Distribution): boolean {
  const given = (integrity ?? '').split(/\s+/);
  for (const algorithm of ALGORITHMS) {
    const digests = given.filter((one) => one.startsWith(`${algorithm}-`));
    if (digests.length === 0) continue;
    const digest = createHash(algorithm).update(archive).digest();
    return digests.some((one) => isSame(digest, Buffer.from(one.slice(algorithm.length + 1), 'base64')));
  }
  return shasum !== undefined && isSame(createHash('sha1').update(archive).digest(), Buffer.from(shasum, 'hex'));
}

const isSame = (one: Buffer, other: Buffer): boolean => one.length === other.length && timingSafeEqual(one, other);

const badAnswer = (what: string): DomainError =>
  new DomainError('upstream_failed', 'skill_source_failed', `The npm registry answered with ${what}`);
