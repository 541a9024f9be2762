import fastifyStatic from '@fastify/static';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import absolutePath from 'swagger-ui-dist/absolute-path.js';

const SERVED = new Set(['/swagger-ui.css', '/swagger-ui-bundle.js']);

/** Swagger UI's own script and style under /docs/assets. */
@Injectable()
export class DocsAssets implements OnModuleInit {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    void fastify.register(fastifyStatic, {
      root: absolutePath(),
      prefix: '/docs/assets/',
      decorateReply: false,
      index: false,
      maxAge: '1h',
      allowedPath: (path) => SERVED.has(path),
    });
  }
}
