import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, Module, SetMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { FakeReplica, json, transaction } from '../../test/fake-replica.js';
import { ConcordatModule, currentTransaction, findTransaction, GlobalTransaction } from './index.js';

@Injectable()
class Ledger {
  async post(participant: string): Promise<unknown> {
    await new Promise((resolve) => setTimeout(resolve, 1)); // the transaction is found beyond an await
    return currentTransaction().call(participant, 'post', {});
  }

  @GlobalTransaction()
  async postOnItsOwn(participant: string): Promise<string> {
    await this.post(participant);
    return currentTransaction().id;
  }
}

@Injectable()
class Transfers {
  constructor(@Inject(Ledger) private readonly ledger: Ledger) {}

  @GlobalTransaction({ label: 'transfer' })
  @SetMetadata('route', '/transfers')
  async transfer(from: string, to: string): Promise<string[]> {
    await this.ledger.post(from);
    return [currentTransaction().id, await this.ledger.postOnItsOwn(to)];
  }
}

describe('@GlobalTransaction()', () => {
  let server: FakeReplica;
  let begun = 0;
  let close: () => Promise<void>;
  let transfers: Transfers;
  let ledger: Ledger;

  beforeEach(async () => {
    begun = 0;
    server = await new FakeReplica(({ path }, response) => {
      if (path === '/v1/transactions') begun += 1;
      const id = path.split('/')[3] ?? `1-1-${begun}`;
      json(response, 200, transaction({ id, status: path === '/v1/transactions' ? 'active' : 'committed', result: 1 }));
    }).start();
    @Module({ imports: [ConcordatModule.forRoot({ urls: [server.url] })], providers: [Ledger, Transfers] })
    class Bank {}
    const module = await Test.createTestingModule({ imports: [Bank] }).compile();
    transfers = module.get(Transfers);
    ledger = module.get(Ledger);
    close = () => module.close();
  });
  afterEach(async () => {
    await close();
    await server.die();
  });

  const ends = () => server.heard.map(({ path }) => path.split('/').slice(3).join('/'));

  it('commits when the method returns; what it calls joins its transaction', async () => {
    expect(await transfers.transfer('east', 'west')).toEqual(['1-1-1', '1-1-1']);
    expect(ends()).toEqual(['', '1-1-1/branches?execute=now', '1-1-1/branches?execute=now', '1-1-1/commit']);
    expect(server.heard[0]?.body).toMatchObject({ label: 'transfer' });
  });

  it('keeps transactions apart that run at the same time', async () => {
    const ids = await Promise.all(['a', 'b', 'c'].map((name) => ledger.postOnItsOwn(name)));
    expect(ids.sort()).toEqual(['1-1-1', '1-1-2', '1-1-3']);
  });

  it('rolls back when the method throws', async () => {
    const ledgerPost = ledger.post.bind(ledger);
    ledger.post = async (name) => {
      await ledgerPost(name);
      throw new Error('no');
    };
    await expect(ledger.postOnItsOwn('east')).rejects.toThrow('no');
    expect(ends().at(-1)).toBe('1-1-1/rollback');
  });

  it('leaves no transaction behind, and keeps what other decorators said about the method', async () => {
    await ledger.postOnItsOwn('east');
    expect(findTransaction()).toBeUndefined();
    expect(() => currentTransaction()).toThrow('@GlobalTransaction()');
    expect(Reflect.getMetadata('route', Transfers.prototype.transfer)).toBe('/transfers');
    expect(Transfers.prototype.transfer.name).toBe('transfer');
  });
});
