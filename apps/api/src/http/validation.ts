import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { DomainError, type FieldIssue, invalid } from '#libs/kernel';

/** class-validator's constraint → the machine-readable type of an issue. */
const TYPES: Readonly<Record<string, string>> = {
  maxLength: 'string_too_long',
  minLength: 'string_too_short',
  isString: 'string_type',
  isInt: 'int_type',
  isNumber: 'float_type',
  isBoolean: 'bool_type',
  isArray: 'list_type',
  isObject: 'dict_type',
  nestedValidation: 'dict_type',
  min: 'greater_than_equal',
  max: 'less_than_equal',
  isIn: 'literal_error',
  isEnum: 'enum',
  isUuid: 'uuid_parsing',
  matches: 'string_pattern_mismatch',
  arrayMinSize: 'too_short',
  arrayMaxSize: 'too_long',
  isNotEmpty: 'string_too_short',
};

const PLACES: Readonly<Record<string, string>> = { body: 'body', query: 'query', param: 'path' };

/**
 * Checks DTOs at every HTTP door: unknown fields are dropped, wrong ones become one DomainError `validation` with an
 * issue each, whose path starts with `body`, `query` or `path`.
 */
@Injectable()
export class RequestValidation extends ValidationPipe {
  constructor() {
    super({ transform: true, whitelist: true, forbidUnknownValues: false, stopAtFirstError: false });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const place = PLACES[metadata.type] ?? 'body';
    if (place === 'body' && this.toValidate(metadata) && value !== undefined && !isPlainObject(value)) {
      throw invalid('The body must be a JSON object', [
        { path: ['body'], message: 'Input should be a valid object', type: 'dict_type' },
      ]);
    }
    try {
      return (await super.transform(value, metadata)) as unknown;
    } catch (error) {
      throw error instanceof FieldErrors ? refusal(place, error.errors) : error;
    }
  }

  override createExceptionFactory(): (errors?: ValidationError[]) => unknown {
    return (errors = []) => new FieldErrors(errors);
  }
}

class FieldErrors extends Error {
  constructor(readonly errors: readonly ValidationError[]) {
    super('validation failed');
  }
}

const isPlainObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

function refusal(place: string, errors: readonly ValidationError[]): DomainError {
  const issues = errors.flatMap((error) => issuesOf(error, [place])).slice(0, 100);
  const [first] = issues;
  return invalid(first ? `${first.path.slice(1).join('.')}: ${first.message}` : 'The request is not valid', issues);
}

function issuesOf(error: ValidationError, parents: readonly (string | number)[]): FieldIssue[] {
  const isIndex = /^\d+$/.test(error.property) && Array.isArray(error.target);
  const path = [...parents, isIndex ? Number(error.property) : error.property];
  if (error.constraints && error.value === undefined && !Array.isArray(error.target)) {
    return [{ path, message: 'Field required', type: 'missing' }];
  }
  const own = Object.entries(error.constraints ?? {}).map(([constraint, message]) => ({
    path,
    message,
    type: TYPES[constraint] ?? 'value_error',
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => issuesOf(child, path))];
}
