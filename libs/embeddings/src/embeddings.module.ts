import { Module } from '@nestjs/common';
import { Embedders } from './embedders.js';

@Module({ providers: [Embedders], exports: [Embedders] })
export class EmbeddingsModule {}
