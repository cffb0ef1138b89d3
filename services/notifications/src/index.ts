export { notifications } from './notifications.module.js';
