export { ingestion } from './ingestion.module.js';
