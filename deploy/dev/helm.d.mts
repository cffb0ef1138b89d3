export function findHelm(): { readonly helm: string; readonly missing?: undefined } | { readonly helm?: undefined; readonly missing: string };
