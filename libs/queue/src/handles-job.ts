import { SetMetadata } from '@nestjs/common';
import type { JobContext, JobDefinition } from './job-definition.js';

export const HANDLES_JOB = 'rookery:handles-job';

type HandlerDecorator<P extends object> = <T extends (payload: P, context: JobContext) => Promise<void>>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<T>,
) => void;

/**
 * Marks a provider's method as the one handler of a job. It returns, throws {@link RetryLater} (or any other error) to
 * be tried again, or throws UnrecoverableError or a DomainError that trying again can't cure.
 */
export const HandlesJob = <P extends object>(job: JobDefinition<P>): HandlerDecorator<P> =>
  SetMetadata(HANDLES_JOB, job) as HandlerDecorator<P>;
