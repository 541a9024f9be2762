import { applyDecorators, Controller } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiProperty, ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';

export class ErrorDto {
  @ApiProperty({ description: 'For people: what is wrong and what to do', example: 'Agent not found' })
  detail!: string;
  @ApiProperty({ description: 'The X-Request-Id of this answer' })
  request_id!: string;
}

class WrongFieldDto {
  @ApiProperty({
    type: 'array',
    items: { oneOf: [{ type: 'string' }, { type: 'integer' }] },
    example: ['body', 'name'],
    description: 'Where the field stands',
  })
  loc!: (string | number)[];
  @ApiProperty({ example: 'Field required' })
  msg!: string;
  @ApiProperty({ example: 'missing', description: 'Stable, for programs' })
  type!: string;
}

export class WrongFieldsDto {
  @ApiProperty({ type: [WrongFieldDto] })
  detail!: WrongFieldDto[];
  @ApiProperty({ description: 'The X-Request-Id of this answer' })
  request_id!: string;
}

class SlowDownDto {
  @ApiProperty({ example: 'rate_limit_exceeded' })
  error!: string;
  @ApiProperty()
  message!: string;
  @ApiProperty({ type: 'integer', nullable: true })
  limit!: number | null;
  @ApiProperty({ type: 'integer', description: 'Seconds, as in Retry-After' })
  retry_after_seconds!: number;
}

const ERRORS: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or asks for something that does not exist',
  401: 'No credential, or one that is not valid',
  403: 'The credential, role or plan does not allow this',
  404: 'There is no such thing in your workspace',
  409: 'The thing is in another state than the request needs',
  413: 'The body is larger than 1 MiB',
  422: 'Fields are missing or wrong; the list names them',
  429: 'Too many requests; Retry-After says how long to wait',
  500: 'Something went wrong on our side',
  502: 'The agent or its provider did not answer',
  503: 'Not possible just now; Retry-After says when to try again',
};

const BODIES: Readonly<Record<number, new () => object>> = { 422: WrongFieldsDto, 429: SlowDownDto };

const errorResponse = (status: number): ClassDecorator & MethodDecorator =>
  ApiResponse({ status, description: ERRORS[status] ?? 'Refused', type: BODIES[status] ?? ErrorDto });

/** A controller of this surface: its tag, credentials (keys too, unless it is for users) and the errors every route can answer. */
export const Agent402Controller = (tag: string, path: string, isForUsers = false): ClassDecorator =>
  applyDecorators(
    Controller(path),
    ApiTags(tag),
    ...(isForUsers ? [] : [ApiSecurity('apiKey')]),
    ApiBearerAuth('bearer'),
    ...[401, 403, 429, 500, 503].map(errorResponse),
  );

/** Which further errors a route can answer. */
export const Refuses = (...statuses: number[]): MethodDecorator =>
  applyDecorators(...statuses.map((status) => errorResponse(status)));

/** A route that answers a stream of server-sent events. */
export const AnswersEvents = (description: string, example: string): MethodDecorator =>
  ApiResponse({
    status: 200,
    description,
    content: { 'text/event-stream': { schema: { type: 'string' }, example } },
  });

/** A route that makes or sends something once, however often it is called with the same key. */
export const TakesIdempotencyKey = (): MethodDecorator =>
  ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Makes repeating the request safe for 24 hours: the same key gives the first answer again',
    schema: { type: 'string', maxLength: 255 },
  });
