const ARMED = Symbol.for('yunke.fault');

/**
 * A named instant at which a fault test may stop, pause or break this process. It does nothing unless the process was
 * started with the arming module of the fault tests, which no image contains.
 */
export function fault(point: string): Promise<void> | undefined {
  return (globalThis as { [ARMED]?: (point: string) => Promise<void> | undefined })[ARMED]?.(point);
}
