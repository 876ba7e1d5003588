import type { OpenAccess } from '../security/open-access.js';
import type { MetricsRegistry } from './metrics-registry.js';

/** How fresh the credentials are that callers are held to. */
export function exposeAccess(registry: MetricsRegistry, { apiKeys, fetches }: OpenAccess): void {
  registry.gauge('concordat_api_keys', 'API keys in force.', () => apiKeys?.count() ?? 0);
  registry.counterFrom(
    'concordat_api_keys_reloads_total',
    'New files of API keys taken.',
    () => apiKeys?.reloads.taken ?? 0,
  );
  registry.counterFrom(
    'concordat_api_keys_reloads_refused_total',
    'New files of API keys that could not be used; the last good one stays in force.',
    () => apiKeys?.reloads.refused ?? 0,
  );
  registry.counterFrom(
    'concordat_jwks_fetches_total',
    'Key sets got from the identity provider; 0 where there is none.',
    () => fetches?.good ?? 0,
  );
  registry.counterFrom('concordat_jwks_failures_total', 'Key sets asked for in vain.', () => fetches?.bad ?? 0);
}
