/** Everything that is served, in one table: /openapi.json, the Allow header and the route labels of metrics come from it. */
import { auditRoutes } from './routes/audit-routes.js';
import { clusterRoutes } from './routes/cluster-routes.js';
import { inDoubtRoutes } from './routes/in-doubt-routes.js';
import { lockRoutes } from './routes/locks-routes.js';
import { operationRoutes } from './routes/operation-routes.js';
import { overviewRoutes } from './routes/overview-routes.js';
import { participantRoutes } from './routes/participant-routes.js';
import type { Route } from './routes/route.js';
import { snapshotRoutes } from './routes/snapshot-routes.js';
import { transactionRoutes } from './routes/transaction-routes.js';

export const ROUTES: readonly Route[] = [
  ...transactionRoutes,
  ...snapshotRoutes,
  ...lockRoutes,
  ...participantRoutes,
  ...clusterRoutes,
  ...inDoubtRoutes,
  ...auditRoutes,
  ...overviewRoutes,
  ...operationRoutes,
];

const patterns = ROUTES.map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{[a-z]+\}/g, '[^/]+').replaceAll('.', '\\.')}$`),
}));

/** Methods that a concrete path answers to, for the Allow header; empty where nothing is served. */
export function methodsOfPath(path: string): string[] {
  const methods = patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method as string);
  if (methods.length === 0) return [];
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
}
