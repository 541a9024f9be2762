import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { invalid } from '#libs/kernel';
import type { JobDefinition } from './job-definition.js';

/** An instance of the payload class. @throws DomainError `validation` naming the wrong fields. */
export function parsePayload<P extends object>(job: JobDefinition<P>, data: unknown): P {
  const payload = plainToInstance(job.payload, data ?? {});
  const errors = validateSync(payload, { whitelist: true, forbidUnknownValues: false });
  if (errors.length === 0) return payload;
  throw invalid(
    `The payload of job ${job.name} is wrong`,
    errors.map(({ property, constraints }) => ({
      path: [property],
      message: Object.values(constraints ?? {}).join('; '),
      type: Object.keys(constraints ?? {})[0] ?? 'invalid',
    })),
  );
}
