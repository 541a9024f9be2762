import type { FastifyInstance, FastifyRequest } from 'fastify';

const LARGEST_FORM_BYTES = 8 * 1024;

/** A request with the fields of a form. */
export type FormRequest = FastifyRequest<{ Body: Record<string, string> | undefined }>;

/** Lets the routes of a scope take what browsers send of a form; elsewhere only JSON is read. */
export function readForms(scope: FastifyInstance): void {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: LARGEST_FORM_BYTES },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body as string))),
  );
}
