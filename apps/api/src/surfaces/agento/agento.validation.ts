import { ValidateBy, ValidateIf } from 'class-validator';

/** May be left out, but not null: `@IsOptional()` would let null through. */
export const IfPresent = (): PropertyDecorator => ValidateIf((_body: object, value: unknown) => value !== undefined);

const MOST_USD = 1_000_000_000;

/** US dollars from 0 on, to the millionth. (`@IsNumber` with `maxDecimalPlaces` fails on 1e-7 instead of refusing it.) */
export const IsUsd = (): PropertyDecorator =>
  ValidateBy({
    name: 'isUsd',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'number' && value >= 0 && value <= MOST_USD && isWhole(value * 1_000_000),
      defaultMessage: () => `$property must be an amount of US dollars from 0 to ${MOST_USD} with at most 6 decimals`,
    },
  });

const isWhole = (value: number): boolean => Math.abs(value - Math.round(value)) < 0.001;
