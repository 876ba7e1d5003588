export { ConcordatModule } from './concordat.module.js';
export { GlobalTransaction } from './global-transaction.js';
export { currentTransaction, findTransaction } from './transaction-context.js';
