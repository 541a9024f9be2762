import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { notFound } from '#libs/kernel';
import { SURFACES_TOKEN } from '../../http/tokens.js';
import type { Surface } from '../../surfaces/surface.js';

/** Where the committed documents are: every program of Rookery starts in the project's root. */
const FOLDER = 'openapi';

type Described = Pick<Surface, 'name' | 'title'>;

/** The committed OpenAPI documents. They equal what the code gives, or the tests fail. */
@Injectable()
export class OpenApiDocuments {
  private readonly texts = new Map<string, string>();

  constructor(@Inject(SURFACES_TOKEN) private readonly surfaces: readonly Surface[]) {}

  all(): readonly Described[] {
    return this.surfaces;
  }

  /** @throws DomainError `not_found`. */
  surface(name: string): Described {
    const found = this.surfaces.find((surface) => surface.name === name);
    if (!found) throw notFound('Document');
    return found;
  }

  /** @throws DomainError `not_found`. */
  async read(name: string): Promise<string> {
    const file = resolve(FOLDER, `${this.surface(name).name}.json`);
    const text = this.texts.get(name) ?? (await readFile(file, 'utf8').catch(missing));
    this.texts.set(name, text);
    return text;
  }
}

/** An installation without the folder has no documents; that is no reason to call the server broken. */
const missing = (): never => {
  throw notFound('Document');
};
