// An application made by the coordinator's own means, with one route that parses the JSON it gets and writes JSON of the
// same length. It stands where transactions are begun: what is not in the table of routes is for nobody.
import 'reflect-metadata';
import { Controller, Module, Post, Req, Res } from '@nestjs/common';
import { COORDINATOR_API } from '../../apps/coordinator/dist/engine/api.js';
import { CLUSTER_API } from '../../apps/coordinator/dist/engine/cluster-api.js';
import { createHttpApp } from '../../apps/coordinator/dist/http/create-app.js';
import { createLogger } from '../../apps/coordinator/dist/observability/logger.js';
import { MetricsRegistry } from '../../apps/coordinator/dist/observability/metrics-registry.js';

/** @param {() => Promise<void>} [work] done before each answer */
export async function openHttpApp(work) {
  class EchoController {
    async echo(request, reply) {
      await work?.();
      void reply.code(200).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(request.body));
    }
  }
  // Decorators by hand: this is plain JavaScript.
  Controller('v1/transactions')(EchoController);
  Post()(EchoController.prototype, 'echo', Object.getOwnPropertyDescriptor(EchoController.prototype, 'echo'));
  Req()(EchoController.prototype, 'echo', 0);
  Res()(EchoController.prototype, 'echo', 1);

  class EchoModule {}
  Module({
    controllers: [EchoController],
    providers: [
      { provide: MetricsRegistry, useValue: new MetricsRegistry() },
      { provide: COORDINATOR_API, useValue: { admission: { turnaway: () => undefined } } },
      { provide: CLUSTER_API, useValue: { leads: true, leaderUrl: undefined, appliedIndex: 0 } },
    ],
  })(EchoModule);
  const app = await createHttpApp(EchoModule, createLogger('silent'));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  return { url: `http://127.0.0.1:${port}/v1/transactions`, close: () => app.close() };
}
