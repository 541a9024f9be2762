import { Controller, Get, Header, Inject, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { OpenApiDocuments } from './openapi-documents.js';
import { DOCS_CSS } from '../pages/assets.js';
import { DOCS_HEADERS, DOCS_SCRIPT, docsPage } from './docs.page.js';

@ApiExcludeController()
@Controller()
export class DocsController {
  constructor(@Inject(OpenApiDocuments) private readonly documents: OpenApiDocuments) {}

  @Get('docs/start.js')
  @Header('content-type', 'text/javascript; charset=utf-8')
  @Header('cache-control', 'public, max-age=3600')
  script(): string {
    return DOCS_SCRIPT;
  }

  @Get('docs/bar.css')
  @Header('content-type', 'text/css; charset=utf-8')
  @Header('cache-control', 'public, max-age=3600')
  style(): string {
    return DOCS_CSS;
  }

  /** Swagger UI of a surface. */
  @Get('docs/:surface')
  page(@Param('surface') surface: string, @Res({ passthrough: true }) reply: FastifyReply): string {
    const { name, title } = this.documents.surface(surface);
    reply.headers(DOCS_HEADERS);
    return docsPage({ name, title, all: this.documents.all() });
  }

  /** The OpenAPI document of a surface: `/openapi/agento.json`. */
  @Get('openapi/:file')
  @Header('content-type', 'application/json; charset=utf-8')
  @Header('access-control-allow-origin', '*')
  document(@Param('file') file: string): Promise<string> {
    return this.documents.read(file.replace(/\.json$/, ''));
  }
}
