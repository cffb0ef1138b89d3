import type { MigrationInterface, QueryRunner } from 'typeorm';

/** For services that hear the profiles topic: which profile a subject belongs to now; null until that is known. */
export class SubjectProfiles1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table subject_profile (
        subject text primary key,
        profile_id text,
        decision bigint not null default 0
      ) with (fillfactor = 85);
      -- Serves: the subjects of a profile.
      create index subject_profile_members on subject_profile (profile_id) where profile_id is not null;
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
