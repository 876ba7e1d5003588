import { describe, expect, it } from '@jest/globals';
import { classifyDatabaseError, sqlStateOf } from './sql-state.js';

const fromPostgres = (code: string) => Object.assign(new Error('whatever it says'), { code, severity: 'ERROR' });

describe('the meaning of database errors', () => {
  it.each([
    ['40001', 'serialization'],
    ['40P01', 'serialization'],
    ['55P03', 'lock-timeout'],
    ['57014', 'cancelled'],
    ['53200', 'prepare-capacity'],
    ['08006', 'connection'],
    ['57P01', 'connection'],
    ['23505', 'other'],
  ])('SQLSTATE %s is %s', (state, failure) => {
    expect(classifyDatabaseError(fromPostgres(state))).toBe(failure);
  });

  it('is found behind what TypeORM and others wrap around it', () => {
    const wrapped = new Error('outer', {
      cause: Object.assign(new Error('query failed'), { driverError: fromPostgres('40001') }),
    });
    expect(sqlStateOf(wrapped)).toBe('40001');
    expect(classifyDatabaseError(wrapped)).toBe('serialization');
  });

  it('is a broken connection without an SQLSTATE too', () => {
    expect(classifyDatabaseError(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))).toBe('connection');
    expect(classifyDatabaseError(new AggregateError([Object.assign(new Error('x'), { code: 'ECONNRESET' })]))).toBe(
      'connection',
    );
    expect(classifyDatabaseError(new Error('Connection terminated unexpectedly'))).toBe('connection');
    expect(classifyDatabaseError(new Error('Query read timeout'))).toBe('connection');
    expect(classifyDatabaseError(new Error('anything else'))).toBe('other');
    expect(classifyDatabaseError(undefined)).toBe('other');
  });
});
