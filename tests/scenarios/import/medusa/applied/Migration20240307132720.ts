import { Migration } from "@mikro-orm/migrations"

export class Migration20240307132720 extends Migration {
  override async up(): Promise<void> {
    this.addSql('create table if not exists "brand" ("id" text not null, "name" text not null, "created_at" timestamptz not null default now(), constraint "brand_pkey" primary key ("id"));')
    this.addSql(`CREATE INDEX IF NOT EXISTS "IDX_brand_name" ON "brand" (name) WHERE name <> 'it''s';`)
  }

  override async down(): Promise<void> {
    this.addSql('drop table if exists "brand" cascade;')
  }
}
