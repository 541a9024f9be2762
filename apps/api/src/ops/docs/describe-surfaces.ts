import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { loadConfig } from '#libs/config';
import { silentLogger } from '#libs/observability';
import { ApiModule } from '../../api.module.js';
import { SURFACES } from '../../surfaces/index.js';
import type { Surface } from '../../surfaces/surface.js';

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** Nothing is read from or opened at these: in preview mode no provider is constructed. */
const ENVIRONMENT = {
  DATABASE_URL: 'postgres://preview',
  JWT_SECRET: 'preview-preview-preview-preview-1',
  MASTER_KEY: 'preview-preview-preview-preview-2',
};

/**
 * The OpenAPI document of each surface as JSON text, by its name; the same on every machine. Only the compiled program
 * knows every property: the Nest compiler plugin adds them at build time.
 */
export async function describeSurfaces(): Promise<Map<string, string>> {
  const app = await NestFactory.create<NestFastifyApplication>(
    ApiModule.forRoot(loadConfig(ENVIRONMENT), silentLogger()),
    new FastifyAdapter(),
    { preview: true, logger: false, abortOnError: false },
  );
  return new Map(SURFACES.map((surface) => [surface.name, describe(app, surface)]));
}

function describe(app: NestFastifyApplication, surface: Surface): string {
  const document = SwaggerModule.createDocument(app, settings(surface), {
    include: [surface.module, ...(surface.shared ?? [])],
    operationIdFactory: (_controller, method) => method,
  });
  refusals(document, surface);
  return `${JSON.stringify(ordered(document), null, 2)}\n`;
}

/** Whatever status a route does not describe is an error in the surface's own form. */
function refusals(document: OpenAPIObject, surface: Surface): void {
  const refused = { description: 'Refused', content: { 'application/json': { schema: surface.errorSchema ?? {} } } };
  for (const path of Object.values(document.paths)) {
    const operations = Object.values(path).filter((part: unknown): part is OperationObject => isOperation(part));
    for (const { responses } of operations) responses.default ??= refused;
  }
}

const isOperation = (part: unknown): boolean => typeof part === 'object' && part !== null && 'responses' in part;

const settings = (surface: Surface): Omit<OpenAPIObject, 'paths'> =>
  new DocumentBuilder()
    .setTitle(surface.title)
    .setDescription(surface.description)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/', 'This server')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'ak_live_ and 32 hex digits' }, 'apiKey')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearer')
    .build();

/** Paths and components by name; inside them the order of the code, which is the order to read. */
function ordered(document: OpenAPIObject): OpenAPIObject {
  const { paths, components, ...rest } = document;
  const parts = Object.entries(components ?? {}).map(([name, part]) => [name, sorted(part as object)] as const);
  return { ...rest, paths: sorted(paths), components: Object.fromEntries(parts) };
}

const sorted = <T extends object>(record: T): T =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))) as T;
