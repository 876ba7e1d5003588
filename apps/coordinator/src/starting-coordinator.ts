import { ConcordatError } from '@concordat/protocol';
import type { AdmissionApi, CoordinatorApi, ParticipantView, Readiness, SnapshotApi } from './engine/api.js';
import type { OperatorApi } from './engine/in-doubt-api.js';
import type { LockApi } from './engine/locks-api.js';
import { STARTING_CHECK } from './http/health.controller.js';

const RETRY_AFTER_MS = 1_000;

/**
 * The coordinator as HTTP sees it from the first moment: answers `not-ready` until the real one has recovered its
 * state, then stands aside. So probes and callers get clear answers while Postgres or the decision log are waited for.
 */
export class StartingCoordinator implements CoordinatorApi {
  private coordinator: CoordinatorApi | undefined;
  private step = 'starting';

  /** What the start waits for, as readiness tells it. */
  waitsFor(step: string): void {
    this.step = step;
  }

  become(coordinator: CoordinatorApi): void {
    this.coordinator = coordinator;
  }

  readonly begin: CoordinatorApi['begin'] = async (...args) => this.real().begin(...args);
  readonly enlist: CoordinatorApi['enlist'] = async (...args) => this.real().enlist(...args);
  readonly execute: CoordinatorApi['execute'] = async (...args) => this.real().execute(...args);
  readonly commit: CoordinatorApi['commit'] = async (...args) => this.real().commit(...args);
  readonly rollback: CoordinatorApi['rollback'] = async (...args) => this.real().rollback(...args);
  readonly get: CoordinatorApi['get'] = async (...args) => this.real().get(...args);
  readonly list: CoordinatorApi['list'] = async (...args) => this.real().list(...args);
  readonly phases: CoordinatorApi['phases'] = async (...args) => this.real().phases(...args);
  readonly watch: CoordinatorApi['watch'] = async (...args) => this.real().watch(...args);

  get operators(): OperatorApi {
    return this.real().operators;
  }

  get snapshots(): SnapshotApi {
    return this.real().snapshots;
  }

  /** Until the real one is there nobody is turned away; a begin is told then that it is not ready. */
  readonly admission: AdmissionApi = { turnaway: (...args) => this.coordinator?.admission.turnaway(...args) };

  get locks(): LockApi {
    return this.real().locks;
  }

  participants(): ParticipantView[] {
    return this.real().participants();
  }

  participant(name: string): ParticipantView {
    return this.real().participant(name);
  }

  readiness(): Readiness {
    if (this.coordinator) return this.coordinator.readiness();
    return { ready: false, checks: [{ name: STARTING_CHECK, ok: false, detail: this.step }] };
  }

  private real(): CoordinatorApi {
    if (this.coordinator) return this.coordinator;
    throw new ConcordatError('not-ready', `The coordinator is ${this.step}.`, { retryAfterMs: RETRY_AFTER_MS });
  }
}
