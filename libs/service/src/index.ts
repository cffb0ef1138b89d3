export { Public, Roles, TokenKeys, type Caller, type Role } from './auth.js';
export { makeCredentials, signToken, type Credentials } from './credentials.js';
export { createApplication } from './edge/application.js';
export { createLogger, type Logger } from './logger.js';
export { cursorOf, placeOf, type Page } from './page.js';
export { importTokenKeys } from './platform-config.js';
export { run, type RunOptions, type Running } from './run.js';
export { migrationsOf, startService, type RunningService, type Service } from './service.js';
export { Settings } from './settings.js';
