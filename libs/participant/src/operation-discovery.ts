import { Injectable } from '@nestjs/common';
import { DiscoveryService, ExternalContextCreator, MetadataScanner } from '@nestjs/core';
import { OPERATION_METADATA, type OperationMetadata } from './operation.decorator.js';
import { OperationRegistrationError, OperationRegistry, type RegisteredOperation } from './operation-registry.js';

type Method = (...parameters: unknown[]) => unknown;

/** Finds the operations among the providers and controllers of a Nest application. */
@Injectable()
export class OperationDiscovery {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly contexts: ExternalContextCreator,
  ) {}

  /** Throws unless each operation name has exactly one handler. */
  discover(): OperationRegistry {
    const operations: RegisteredOperation[] = [];
    const seen = new Set<unknown>(); // one instance may be provided under several tokens
    for (const wrapper of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const { metatype } = wrapper;
      const prototype = typeof metatype === 'function' ? metatype.prototype : undefined;
      if (!prototype) continue;
      for (const methodName of this.scanner.getAllMethodNames(prototype)) {
        const metadata: OperationMetadata[] = Reflect.getMetadata(OPERATION_METADATA, prototype[methodName]) ?? [];
        if (metadata.length === 0) continue;
        const source = `${wrapper.name}.${methodName}`;
        if (!wrapper.isDependencyTreeStatic() || !wrapper.instance) {
          throw new OperationRegistrationError(`${source} is an operation of a scoped provider; make it a singleton.`);
        }
        if (seen.has(wrapper.instance)) continue;
        operations.push(...metadata.map((one) => this.#register(wrapper.instance, methodName, one, source)));
      }
      seen.add(wrapper.instance);
    }
    return new OperationRegistry(operations);
  }

  /** Guards and interceptors of the application apply; exception filters do not, since the answer is a vote. */
  #register(instance: object, methodName: string, { name, options }: OperationMetadata, source: string) {
    const method = Reflect.get(instance, methodName) as Method;
    const features = { guards: true, interceptors: true, filters: false };
    const handle = this.contexts.create(
      instance,
      method,
      methodName,
      undefined,
      undefined,
      undefined,
      undefined,
      features,
      'rpc',
    );
    return { name, options, source, handle } as RegisteredOperation;
  }
}
