/** What this host lacks to build the image, in words for a person; undefined when nothing is missing. */
export function imageMissing(): string | undefined;
/** Builds and writes docker-archives, by their name: `{ 'localhost/yunke:dev': 'a.tar' }`. Returns the size of the unpacked image in MB (10^6 bytes). */
export function buildImage(archives: Readonly<Record<string, string>>, onLog?: (line: string) => void): number;
