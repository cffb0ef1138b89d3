export { segmentation } from './segmentation.module.js';
