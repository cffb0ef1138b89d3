/**
 * An order's, a return's or a movement's id, with its source in front: two shops' order 1 are two orders. What the source has
 * scoped itself stays as it is, so every door calls the same order by the same name. Joined and not added: V8 puts off an addition,
 * and JSON.stringify takes half as long again where it finds one.
 */
export const scoped = (id: string, source: string): string => (id.startsWith(`${source}:`) ? id : [source, id].join(':'));
