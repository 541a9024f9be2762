import { Module } from '@nestjs/common';
import { Mailer } from './mailer.js';

/** {@link Mailer}. Needs ConfigModule. */
@Module({ providers: [Mailer], exports: [Mailer] })
export class MailModule {}
