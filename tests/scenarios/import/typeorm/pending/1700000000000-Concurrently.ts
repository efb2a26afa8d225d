import type { MigrationInterface, QueryRunner } from "typeorm"

export default class Concurrently1700000000000 implements MigrationInterface {
  transaction = false as const

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE INDEX CONCURRENTLY "IDX_user_greeting" ON "user" (greeting)`, [])
    await queryRunner.query("INSERT INTO \"user\" (name) VALUES ('a'), ('b')")
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DELETE FROM "user"`)
    await queryRunner.query(`DROP INDEX "IDX_user_greeting"`)
  }
}
