import 'reflect-metadata';
import { Inject } from '@nestjs/common';
import { ConcordatClient } from '../client.js';
import type { TransactionOptions } from '../options.js';
import { findTransaction, runInTransaction } from './transaction-context.js';

const CLIENT = Symbol('concordat.client');

type Method = (...words: unknown[]) => Promise<unknown>;

/**
 * The method runs in a transaction, which is committed when it returns and rolled back when it throws; where it is called from
 * within one, it joins that one. `currentTransaction()` finds the transaction there and in whatever it awaits.
 * The method may run several times, as the work of `ConcordatClient.transaction` may. Its class must be a provider or controller of
 * a module that can see `ConcordatModule`.
 */
export function GlobalTransaction(options: TransactionOptions = {}): MethodDecorator {
  return <T>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<T>) => {
    const method = descriptor.value as Method;
    Inject(ConcordatClient)(target, CLIENT);
    const wrapped = function (this: { [CLIENT]: ConcordatClient }, ...words: unknown[]): Promise<unknown> {
      const run = async () => method.apply(this, words);
      if (findTransaction()) return run();
      return this[CLIENT].transaction(options, (transaction) => runInTransaction(transaction, run));
    };
    // What other decorators said about the method, such as its route, is said about what stands in its place.
    for (const key of Reflect.getOwnMetadataKeys(method)) {
      Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), wrapped);
    }
    Object.defineProperty(wrapped, 'name', { value: String(name) });
    descriptor.value = wrapped as T;
  };
}
