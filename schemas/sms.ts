// How many segments an SMS takes. Source: 3GPP TS 23.038 (alphabets) and TS 23.040 (concatenation: a header of six octets in
// each segment leaves 153 septets or 67 UCS-2 units of 160 and 70). National language shift tables are not used.

const BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
/** Each takes an escape before it, so two septets. */
const EXTENDED = '\f^{}\\[~]|€';

const septets = new Map<string, number>([
  ...[...BASIC].map((char): [string, number] => [char, 1]),
  ...[...EXTENDED].map((char): [string, number] => [char, 2]),
]);

const LIMITS = { 'GSM-7': { single: 160, part: 153 }, 'UCS-2': { single: 70, part: 67 } } as const;

export interface SmsSize {
  readonly encoding: keyof typeof LIMITS;
  /** Septets (GSM-7) or 16-bit units (UCS-2). */
  readonly units: number;
  readonly segments: number;
  /** The first character that GSM-7 lacks; null: none. */
  readonly stranger: string | null;
}

/** The size of a text as one message. An escape and what it escapes, or two halves of a character, are never parted. */
export function smsSize(text: string): SmsSize {
  const chars = [...text];
  const stranger = chars.find((char) => !septets.has(char)) ?? null;
  const encoding = stranger === null ? 'GSM-7' : 'UCS-2';
  const sizeOf = (char: string): number => (stranger === null ? (septets.get(char) as number) : char.length);
  const { single, part } = LIMITS[encoding];
  const units = chars.reduce((sum, char) => sum + sizeOf(char), 0);
  if (units <= single) return { encoding, units, segments: 1, stranger };
  let segments = 1;
  let filled = 0;
  for (const char of chars) {
    const size = sizeOf(char);
    if (filled + size > part) {
      segments++;
      filled = 0;
    }
    filled += size;
  }
  return { encoding, units, segments, stranger };
}
