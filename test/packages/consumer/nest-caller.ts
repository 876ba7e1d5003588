// A Nest application that calls the coordinator by the decorator of @concordat/client/nest. Prints what became of two calls.
import 'reflect-metadata';
import { TransactionAbortedError } from '@concordat/client';
import { ConcordatModule, currentTransaction, GlobalTransaction } from '@concordat/client/nest';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

@Injectable()
class Tickets {
  @GlobalTransaction({ timeoutMs: 20_000 })
  async buy(seat: string): Promise<void> {
    await currentTransaction().enlist('seats', 'book', { seat });
  }
}

@Module({ imports: [ConcordatModule.forRoot({ urls: [process.env.CONCORDAT_URL as string] })], providers: [Tickets] })
class TicketsModule {}

const app = await NestFactory.createApplicationContext(TicketsModule, { logger: ['error', 'fatal'] });
const tickets = app.get(Tickets);
for (const attempt of [1, 2]) {
  try {
    await tickets.buy('12A');
    console.log(`${attempt}: booked`);
  } catch (error) {
    if (!(error instanceof TransactionAbortedError)) throw error;
    console.log(`${attempt}: ${error.reason.code}`);
  }
}
await app.close();
