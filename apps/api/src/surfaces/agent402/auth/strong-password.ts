import { ValidateBy, type ValidationArguments } from 'class-validator';
import { passwordWeakness } from '#libs/identity';

/** At least 8 characters with an upper-case letter, a lower-case letter and a digit. */
export const StrongPassword = (): PropertyDecorator =>
  ValidateBy({
    name: 'strongPassword',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && passwordWeakness(value) === undefined,
      defaultMessage: (problem?: ValidationArguments) =>
        (typeof problem?.value === 'string' ? passwordWeakness(problem.value) : undefined) ?? 'Password is too weak',
    },
  });
