import { DocumentsController } from './documents.controller.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { ParticipantsController } from './participants.controller.js';
import { TransactionEventsController } from './transaction-events.controller.js';
import { TransactionsController } from './transactions.controller.js';

/** The module that declares them provides COORDINATOR_API, MetricsRegistry and EventStreams. */
export const HTTP_CONTROLLERS = [
  TransactionsController,
  TransactionEventsController,
  ParticipantsController,
  HealthController,
  MetricsController,
  DocumentsController,
];
