import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Controller, Get, NotFoundException, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asyncApiDocument } from './asyncapi.js';
import { errorsHtml } from './error-docs.js';
import { openApiDocument } from './openapi.js';
import { kafkaHtml } from './reference/kafka-reference.js';
import { sendJson } from './replies.js';
import { API_VERSION } from './version.js';

const SWAGGER_UI = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
/** The only files served from there, with their media types. */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const DOCS_HTML =
  '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Concordat API</title>' +
  '<link rel="stylesheet" href="/docs/assets/swagger-ui.css">' +
  '<link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png"></head><body><div id="swagger-ui"></div>' +
  '<script src="/docs/assets/swagger-ui-bundle.js"></script><script src="/docs/assets/start.js"></script></body></html>';
const START_JS = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true });";

/** Descriptions of this service, for machines and for people; nothing is loaded from elsewhere. */
@Controller()
export class DocumentsController {
  private readonly openApi = JSON.stringify(openApiDocument(API_VERSION));
  private readonly asyncApi = JSON.stringify(asyncApiDocument(API_VERSION));
  private readonly assets = new Map<string, Buffer>();

  @Get('openapi.json')
  async openApiJson(@Res() reply: FastifyReply): Promise<void> {
    sendJson(reply, 200, this.openApi);
  }

  @Get('asyncapi.json')
  async asyncApiJson(@Res() reply: FastifyReply): Promise<void> {
    sendJson(reply, 200, this.asyncApi);
  }

  @Get('docs')
  async docs(@Res() reply: FastifyReply): Promise<void> {
    sendPage(reply, DOCS_HTML);
  }

  @Get('docs/kafka')
  async kafka(@Res() reply: FastifyReply): Promise<void> {
    sendPage(reply, kafkaHtml(asyncApiDocument(API_VERSION)));
  }

  @Get('docs/errors')
  async errors(@Res() reply: FastifyReply): Promise<void> {
    sendPage(reply, errorsHtml());
  }

  @Get('docs/assets/:file')
  async asset(@Req() request: FastifyRequest<{ Params: { file: string } }>, @Res() reply: FastifyReply): Promise<void> {
    const { file } = request.params;
    if (file === 'start.js') return void reply.header('content-type', ASSETS['swagger-ui-bundle.js']).send(START_JS);
    const mediaType = Object.hasOwn(ASSETS, file) ? ASSETS[file] : undefined;
    if (mediaType === undefined) throw new NotFoundException();
    let content = this.assets.get(file);
    if (!content) {
      content = await readFile(join(SWAGGER_UI, file));
      this.assets.set(file, content);
    }
    void reply.header('content-type', mediaType).header('cache-control', 'max-age=3600').send(content);
  }
}

const sendPage = (reply: FastifyReply, html: string): void =>
  void reply
    .header('content-type', 'text/html; charset=utf-8')
    .header(
      'content-security-policy',
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
    )
    .send(html);
