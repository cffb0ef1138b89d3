export { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded.js';
export { Db, Tx, type DbOptions, type MigrationClass } from './db.js';
export { codeOf, isTransient } from './errors.js';
export { requireInserted } from './inserted.js';
export { migrate, requireMigrated } from './migrate.js';
export { tlsOf } from './tls.js';
export { byKey, columnsOf, packed, packedColumn, packedTexts, sorted } from './rows.js';
