import { Module } from '@nestjs/common';
import { SwarmsRepository } from './swarms.repository.js';
import { SwarmsService } from './swarms.service.js';

@Module({ providers: [SwarmsRepository, SwarmsService], exports: [SwarmsService] })
export class SwarmsModule {}
