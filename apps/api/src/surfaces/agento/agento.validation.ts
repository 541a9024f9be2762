import { ValidateIf } from 'class-validator';

/** May be left out, but not null: `@IsOptional()` would let null through. */
export const IfPresent = (): PropertyDecorator => ValidateIf((_body: object, value: unknown) => value !== undefined);
