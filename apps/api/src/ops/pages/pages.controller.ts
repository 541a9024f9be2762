import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { CONFIG, type Config } from '#libs/config';
import type { FastifyReply } from 'fastify';
import { ICON_SVG, PAGES_CSS } from './assets.js';
import { PAGE_HEADERS } from './html.js';
import { indexPage } from './index.page.js';

const ONE_HOUR = 'public, max-age=3600';

@ApiExcludeController()
@Controller()
export class PagesController {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Where everything is, for somebody who opens the address in a browser. */
  @Get()
  index(@Res({ passthrough: true }) reply: FastifyReply): string {
    reply.headers(PAGE_HEADERS);
    return indexPage(this.config.http.publicUrl);
  }

  @Get('assets/pages.css')
  @Header('content-type', 'text/css; charset=utf-8')
  @Header('cache-control', ONE_HOUR)
  css(): string {
    return PAGES_CSS;
  }

  @Get('assets/icon.svg')
  @Header('content-type', 'image/svg+xml')
  @Header('cache-control', ONE_HOUR)
  icon(): string {
    return ICON_SVG;
  }
}
