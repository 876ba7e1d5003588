import { AuditsController } from './audits.controller.js';
import { ClusterController } from './cluster.controller.js';
import { ConsoleController } from './console.controller.js';
import { DocumentsController } from './documents.controller.js';
import { HealthController } from './health.controller.js';
import { InDoubtController } from './in-doubt.controller.js';
import { LockEventsController } from './lock-events.controller.js';
import { LocksController } from './locks.controller.js';
import { MetricsController } from './metrics.controller.js';
import { OverviewController } from './overview.controller.js';
import { ParticipantsController } from './participants.controller.js';
import { SnapshotsController } from './snapshots.controller.js';
import { TransactionEventsController } from './transaction-events.controller.js';
import { TransactionsController } from './transactions.controller.js';

/** The module that declares them provides COORDINATOR_API, CLUSTER_API, AUDIT_API, Liveness, MetricsRegistry and EventStreams. */
export const HTTP_CONTROLLERS = [
  TransactionsController,
  TransactionEventsController,
  ParticipantsController,
  SnapshotsController,
  LocksController,
  LockEventsController,
  InDoubtController,
  AuditsController,
  ClusterController,
  HealthController,
  MetricsController,
  DocumentsController,
  OverviewController,
  ConsoleController,
];
