/** One real message of each kind, as a running system sent it; the prepare and its vote belong together. */

const INSTANCE = 'd14431e9-21d9-416c-a8a4-953720897934';
const NONCE = 'b660d541-6f1b-44bc-bc61-37ecc56e8f23';
const toInventory = { v: 1, transactionId: 'mwqtb5wc-2-8', participant: 'inventory', horizon: 'mwqtb5wc-2-8' } as const;
const numbers = { appliedCsn: 1838376955047991, watermark: 1838376955047990 } as const;
const fromInventory = { v: 1, participant: 'inventory' } as const;

export const WIRE_EXAMPLES: Readonly<Record<string, unknown>> = {
  prepare: {
    ...toInventory,
    ...numbers,
    ...{ type: 'prepare', isolation: 'global', serializable: false, snapshot: 1838376955047990, remainingMs: 29_995 },
    operations: [{ branchId: '2', operation: 'reserve', input: { sku: 'mug', quantity: 1 } }],
  },
  execute: {
    ...{ ...toInventory, transactionId: 'mwqtb5wc-2-5', participant: 'accounts-east', horizon: 'mwqtb5wc-2-5' },
    ...{ type: 'execute', serializable: false, snapshot: 1838376955047962, remainingMs: 9_988, number: 1, nonce: null },
    call: { branchId: '1', operation: 'debit', input: { account: 'alice', amount: 5, reference: 'rent' } },
  },
  commit: { ...toInventory, ...numbers, type: 'commit', csn: 1838376955047993 },
  rollback: { ...toInventory, ...numbers, transactionId: 'mwqtb5wc-2-9', type: 'rollback', presumed: false },
  report: { ...toInventory, type: 'report', incarnation: 1_795_290_000_000, scope: 'after' },
  vote: {
    ...{ ...fromInventory, type: 'vote', transactionId: 'mwqtb5wc-2-8', vote: 'prepared' },
    results: [{ branchId: '2', result: { sku: 'mug', onHand: 5, available: 4, reserved: 1 } }],
    reason: null,
  },
  executed: {
    ...{ v: 1, type: 'executed', participant: 'accounts-east', transactionId: 'mwqtb5wc-2-5', branchId: '1' },
    ...{ number: 1, nonce: NONCE, result: { account: 'alice', balance: 99_890 }, reason: null },
  },
  done: { ...fromInventory, type: 'done', transactionId: 'mwqtb5wc-2-8', outcome: 'committed', detail: null },
  heartbeat: {
    ...{ ...fromInventory, type: 'heartbeat', instance: INSTANCE, isolation: 'local' },
    operations: [
      {
        name: 'reserve',
        readOnly: false,
        inputSchema: { type: 'object', required: ['sku', 'quantity'] },
        resultSchema: {},
      },
    ],
    ...{ preparedCount: 0, oldestPreparedMs: null, stopping: false },
  },
  branches: {
    ...{
      ...fromInventory,
      type: 'branches',
      transactionId: 'mwqtb5wc-2-8',
      incarnation: 1_795_290_000_000,
      scope: 'after',
    },
    branches: [{ transactionId: 'mwqtb5wc-2-b', state: 'prepared', csn: null }],
    ...{ complete: true, horizon: 'mwqtb5wc-2-8' },
  },
  outcome: {
    ...{ v: 1, type: 'transaction.committed', transactionId: 'mwqtb5wc-2-8', index: 57, csn: 1838376955047993 },
    ...{
      at: '2026-11-21T19:42:08.511Z',
      label: 'a mug for ada',
      participants: ['accounts-east', 'inventory'],
      reason: null,
    },
  },
  deadLetter: {
    ...{ v: 1, topic: 'concordat.commands.inventory', partition: 2, offset: '17', key: 'mwqtb5wc-2-8' },
    ...{
      valueBase64: 'eyJ2IjoxLCJ0eXBlIjoicHJlcGFyZSJ9',
      error: 'transactionId: Invalid input',
      at: '2026-11-21T19:42:08.511Z',
    },
  },
};
