export default async function teardown() {
  await globalThis.__yunkePostgres?.stop();
}
