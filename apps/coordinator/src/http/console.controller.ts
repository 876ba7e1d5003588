import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConcordatError } from '@concordat/protocol';
import { Controller, Get, NotFoundException, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Where `npm run build` leaves the console; the same from src/ and from dist/. */
const BUILT = fileURLToPath(new URL('../../../console/dist/', import.meta.url));
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** Stands in the built page where each answer has its own. */
const NONCE_PLACE = '__CSP_NONCE__';
const NOT_BUILT = 'The console is not built here: npm run build makes it.';

/** The web console: one page, and the files that it loads, whose names change with their content. */
@Controller('console')
export class ConsoleController {
  /** Read once each; only what lies in the folder of assets gets in here. */
  private readonly assets = new Map<string, Promise<Buffer>>();

  @Get('assets/:file')
  async asset(@Req() request: FastifyRequest<{ Params: { file: string } }>, @Res() reply: FastifyReply): Promise<void> {
    const { file } = request.params;
    const content = await this.contentOf(file);
    const mediaType = MEDIA_TYPES[extname(file)];
    if (!content || mediaType === undefined) throw new NotFoundException();
    void reply
      .header('content-type', mediaType)
      .header('cache-control', 'public, max-age=31536000, immutable')
      .header('x-content-type-options', 'nosniff')
      .send(content);
  }

  /** Every path is the same page: it finds its way itself. */
  @Get(['', '*'])
  async page(@Res() reply: FastifyReply): Promise<void> {
    const html = await readPage(BUILT);
    const nonce = randomBytes(16).toString('base64');
    void reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('cache-control', 'no-cache')
      .header('content-security-policy', policyWith(nonce))
      .header('referrer-policy', 'no-referrer')
      .header('x-content-type-options', 'nosniff')
      .send(html.replaceAll(NONCE_PLACE, nonce));
  }

  /** A name is looked up among those that are there, and never made a path of before. */
  private async contentOf(file: string): Promise<Buffer | undefined> {
    const directory = join(BUILT, 'assets');
    if (!this.assets.has(file)) {
      const names = await readdir(directory).catch((): string[] => []);
      if (!names.includes(file)) return undefined;
      const reading = readFile(join(directory, file));
      reading.catch(() => this.assets.delete(file));
      this.assets.set(file, reading);
    }
    return this.assets.get(file);
  }
}

/** @throws ConcordatError route-not-found with a hint, where the console is not built: everything else works without it */
export async function readPage(directory: string): Promise<string> {
  try {
    return await readFile(join(directory, 'index.html'), 'utf8');
  } catch (cause) {
    throw new ConcordatError('route-not-found', NOT_BUILT, {}, { cause });
  }
}

/** Scripts from here only; styles from here, and those that the component library makes and marks with the nonce. */
const policyWith = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
