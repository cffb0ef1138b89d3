/** The chart's README as it should be. */
export function readme(): string;
