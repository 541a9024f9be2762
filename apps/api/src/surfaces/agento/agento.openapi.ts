import { applyDecorators, Controller, type Type } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiExtraModels,
  ApiHeader,
  ApiProperty,
  ApiResponse,
  ApiSecurity,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';

class ErrorBodyDto {
  @ApiProperty({ example: 'unauthorized', description: 'Stable, for programs' })
  code!: string;
  @ApiProperty({ example: 'Invalid or missing API key', description: 'For people: what is wrong and what to do' })
  message!: string;
}

export class ErrorDto {
  @ApiProperty({ type: ErrorBodyDto })
  error!: ErrorBodyDto;
}

export class PaginationDto {
  @ApiProperty({ type: 'integer', example: 1, description: 'Size of the whole list' })
  total!: number;
  @ApiProperty({ type: 'integer', example: 1 })
  limit!: number;
  @ApiProperty({ type: 'integer', example: 0 })
  offset!: number;
}

const rateLimitHeaders = {
  'X-RateLimit-Limit': { description: 'Requests a window may hold', schema: { type: 'integer' as const } },
  'X-RateLimit-Remaining': { description: 'Requests left in this window', schema: { type: 'integer' as const } },
  'X-RateLimit-Reset': {
    description: 'Unix seconds at which the window is free again',
    schema: { type: 'integer' as const },
  },
};

const ERRORS: Record<number, string> = {
  400: 'A field is missing or wrong; the message names it',
  401: 'No credential, or one that is not valid',
  403: 'The credential lacks the scope, or the plan the room',
  404: 'There is no such thing in your organisation',
  409: 'The agent is in another state than the request needs',
  413: 'The body is larger than 1 MiB',
  422: 'The Idempotency-Key was used with another body',
  429: 'Too many requests; Retry-After says how long to wait',
  500: 'Something went wrong on our side',
  502: 'The agent or its provider did not answer',
  503: 'Not possible just now; Retry-After says when to try again',
};

const errorResponse = (status: number): ClassDecorator & MethodDecorator =>
  ApiResponse({ status, description: ERRORS[status] ?? 'Refused', type: ErrorDto });

/** A controller of this surface: its tag, credentials and the errors every route can answer. */
export const AgentoController = (tag: string, path: string): ClassDecorator =>
  applyDecorators(
    Controller(path),
    ApiTags(tag),
    ApiSecurity('apiKey'),
    ApiBearerAuth('bearer'),
    ...[401, 403, 429, 500, 503].map(errorResponse),
  );

/** Which further errors a route can answer. */
export const Refuses = (...statuses: number[]): MethodDecorator =>
  applyDecorators(...statuses.map((status) => errorResponse(status)));

/** A route that answers `{data}`. */
export const AnswersData = (model: Type, description: string, status = 200): MethodDecorator =>
  applyDecorators(
    ApiExtraModels(model),
    ApiResponse({
      status,
      description,
      headers: rateLimitHeaders,
      schema: { type: 'object', required: ['data'], properties: { data: { $ref: getSchemaPath(model) } } },
    }),
  );

/** A route that answers `{data: []}`, whole. */
export const AnswersList = (model: Type, description: string): MethodDecorator =>
  applyDecorators(
    ApiExtraModels(model),
    ApiResponse({
      status: 200,
      description,
      headers: rateLimitHeaders,
      schema: {
        type: 'object',
        required: ['data'],
        properties: { data: { type: 'array', items: { $ref: getSchemaPath(model) } } },
      },
    }),
  );

/** A route that answers `{data: [], pagination}`, whose pagination is a cursor. */
export const AnswersCursorPage = (model: Type, cursor: Type, description: string): MethodDecorator =>
  applyDecorators(
    ApiExtraModels(model, cursor),
    ApiResponse({
      status: 200,
      description,
      headers: rateLimitHeaders,
      schema: {
        type: 'object',
        required: ['data', 'pagination'],
        properties: {
          data: { type: 'array', items: { $ref: getSchemaPath(model) } },
          pagination: { $ref: getSchemaPath(cursor) },
        },
      },
    }),
  );

/** A route that answers `{data: [], pagination}`. */
export const AnswersPage = (model: Type, description: string): MethodDecorator =>
  AnswersCursorPage(model, PaginationDto, description);

/** A route that answers a stream of server-sent events whose data is raw text. */
export const AnswersLines = (description: string, example: string): MethodDecorator =>
  ApiResponse({
    status: 200,
    description,
    headers: rateLimitHeaders,
    content: { 'text/event-stream': { schema: { type: 'string' }, example } },
  });

/** A route that answers a stream of server-sent events whose data is JSON: one of these models, told apart by `type`. */
export const AnswersEvents = (
  models: Readonly<Record<string, Type>>,
  description: string,
  example: string,
): MethodDecorator =>
  applyDecorators(
    ApiExtraModels(...Object.values(models)),
    ApiResponse({
      status: 200,
      description,
      headers: rateLimitHeaders,
      content: {
        'text/event-stream': {
          schema: {
            oneOf: Object.values(models).map((model) => ({ $ref: getSchemaPath(model) })),
            discriminator: {
              propertyName: 'type',
              mapping: Object.fromEntries(Object.entries(models).map(([type, model]) => [type, getSchemaPath(model)])),
            },
          },
          example,
        },
      },
    }),
  );

/** A route that makes or sends something once, however often it is called with the same key. */
export const TakesIdempotencyKey = (): MethodDecorator =>
  ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Makes repeating the request safe for 24 hours: the same key gives the first answer again',
    schema: { type: 'string', maxLength: 255 },
  });

/** A stream that goes on where the client had read up to. */
export const TakesLastEventId = (): MethodDecorator =>
  ApiHeader({
    name: 'last-event-id',
    required: false,
    description: 'The id of the last event that was read; the stream goes on after it',
    schema: { type: 'string' },
  });
