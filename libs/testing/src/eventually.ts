/** Tries until the assertion holds, or throws its last error after `withinMs`. The only way to wait in a test. */
export async function eventually<T>(assertion: () => T | Promise<T>, withinMs = 10_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (let ms = 5; ; ms = Math.min(250, ms * 1.5)) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() + ms > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
}
