import { type DynamicModule, Module } from '@nestjs/common';
import { ConcordatClient } from '../client.js';
import type { ConcordatClientOptions } from '../options.js';

/** Provides one `ConcordatClient`, to inject and for `@GlobalTransaction()`. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a Nest module is a class
export class ConcordatModule {
  static forRoot(options: ConcordatClientOptions): DynamicModule {
    return {
      module: ConcordatModule,
      providers: [{ provide: ConcordatClient, useFactory: () => new ConcordatClient(options) }],
      exports: [ConcordatClient],
    };
  }
}
