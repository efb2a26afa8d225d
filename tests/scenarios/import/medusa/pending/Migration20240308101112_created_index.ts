import { Migration } from "@mikro-orm/migrations"

export class Migration20240308101112_created_index extends Migration {
  override async up(): Promise<void> {
    this.addSql(`create index concurrently "IDX_brand_created" on "brand" (created_at);`)
  }

  override async down(): Promise<void> {
    this.addSql(`drop index "IDX_brand_created";`)
  }

  isTransactional(): boolean {
    return false
  }
}
