import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Local isolation: the largest fencing token that was seen at each resource. */
export class Fence1735689600003 implements MigrationInterface {
  readonly name = 'Fence1735689600003';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE concordat_fence (
        participant text COLLATE "C" NOT NULL,
        resource text COLLATE "C" NOT NULL,
        token bigint NOT NULL,
        PRIMARY KEY (participant, resource)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE concordat_fence');
  }
}
