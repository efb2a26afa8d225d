import { MigrationInterface, QueryRunner } from "typeorm"

const migrations = [
  class implements MigrationInterface {
    name = "Named1700000000001"
    async up(queryRunner: QueryRunner) {
      return queryRunner.query(`CREATE VIEW named AS SELECT name FROM "user"`)
    }
    async down(queryRunner: QueryRunner) {
      return await queryRunner.query(`DROP VIEW named`)
    }
  },
]
export { migrations }
