import { MigrationInterface, QueryRunner } from "typeorm"

/* Several classes in a file; only those that are exported are run, in the order of their numbers. */

class Seed1690000000003 implements MigrationInterface {
  async up(queryRunner: QueryRunner) {
    await queryRunner.query('INSERT INTO "user" ("name") VALUES (\'it\\\'s no migration\')')
  }
  async down(queryRunner: QueryRunner) {}
}

export class AddNotes1690000000002 implements MigrationInterface {
  async up(_queryRunner: QueryRunner) {}
  async down(queryRunner: QueryRunner): Promise<any> {
    return
  }
}

export class AddFunction1690000000001 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<any> {
    const body = `
      CREATE FUNCTION greet(name text) RETURNS text LANGUAGE plpgsql AS $$
      BEGIN
        -- a backquote \` and a dollar \${name}; kept
        RETURN 'Hello; ' || name;
      END;
      $$
    `
    await queryRunner.query(body)
    await queryRunner.query(
      'ALTER TABLE "user" ' +
        "ADD COLUMN greeting text DEFAULT greet('\u00e9\\\\') -- behind\n",
    )
  }

  public async down(queryRunner: QueryRunner): Promise<any> {
    await queryRunner.query(`ALTER TABLE "user" DROP COLUMN greeting; DROP FUNCTION greet(text);`, undefined)
  }
}
