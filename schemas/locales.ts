// Which of the locales that a message is written in serves a user.

/** Chains that were made: users have few locales, and each message asks for one. */
const chains = new Map<string, readonly string[]>();
const CHAINS_KEPT = 1024;

/** The chain of BCP 47 tags from a locale to its language: "zh-Hant-TW", "zh-Hant", "zh". In small letters. */
export function parentsOf(locale: string): readonly string[] {
  let chain = chains.get(locale);
  if (chain === undefined) {
    chain = chainOf(locale);
    if (chains.size >= CHAINS_KEPT) chains.clear();
    chains.set(locale, chain);
  }
  return chain;
}

function chainOf(locale: string): readonly string[] {
  // Android writes sw_KE.
  const parts = locale.toLowerCase().replaceAll('_', '-').split('-');
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('-'));
}

/** The user's locale, else its nearest parent tag, else the first. Case is of no meaning in tags. */
export function localeFor(locales: readonly string[], wanted: string | null | undefined): string {
  const [first = ''] = locales;
  if (wanted === null || wanted === undefined) return first;
  for (const tag of parentsOf(wanted)) {
    const found = locales.find((locale) => locale.toLowerCase() === tag);
    if (found !== undefined) return found;
  }
  return first;
}
