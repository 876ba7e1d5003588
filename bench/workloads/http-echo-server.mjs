// The other end of the HTTP floor: an application made by the coordinator's own means, with one route that parses the
// JSON it gets and writes JSON of the same length.
import 'reflect-metadata';
import { Controller, Module, Post, Req, Res } from '@nestjs/common';
import { CLUSTER_API } from '../../apps/coordinator/dist/engine/cluster-api.js';
import { createHttpApp } from '../../apps/coordinator/dist/http/create-app.js';
import { createLogger } from '../../apps/coordinator/dist/observability/logger.js';
import { MetricsRegistry } from '../../apps/coordinator/dist/observability/metrics-registry.js';

class EchoController {
  echo(request, reply) {
    void reply.code(200).header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(request.body));
  }
}
// Decorators by hand: this is plain JavaScript.
Controller('echo')(EchoController);
Post()(EchoController.prototype, 'echo', Object.getOwnPropertyDescriptor(EchoController.prototype, 'echo'));
Req()(EchoController.prototype, 'echo', 0);
Res()(EchoController.prototype, 'echo', 1);

class EchoModule {}
Module({
  controllers: [EchoController],
  providers: [
    { provide: MetricsRegistry, useValue: new MetricsRegistry() },
    { provide: CLUSTER_API, useValue: { leads: true, leaderUrl: undefined, appliedIndex: 0 } },
  ],
})(EchoModule);

export async function open() {
  const app = await createHttpApp(EchoModule, createLogger('silent'));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  return { facts: { url: `http://127.0.0.1:${port}/echo` }, close: () => app.close() };
}
