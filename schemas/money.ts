// Money is an integer of micro-units (millionths) of a currency; files write it as a decimal amount.

const DECIMALS = 6;

/** What to say to someone whose amount was refused. */
export const AMOUNT_MEND = 'write an amount of zero or more with at most 6 decimals, such as 500 or 0.0075';

/**
 * Micro-units of a decimal amount: a number, or digits with an optional fraction as text ("0.0075"; exact beyond the
 * 15 digits that a number carries). Throws RangeError with one line that says what is wrong.
 */
export function parseAmount(amount: number | string): number {
  const text = typeof amount === 'number' ? plain(amount) : amount;
  const shown = String(amount).slice(0, 40);
  if (/^-[\d.]+$/.test(text)) throw new RangeError(`${shown} is negative`);
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) throw new RangeError(`${JSON.stringify(shown)} is not an amount of money`);
  const fraction = (match[2] ?? '').replace(/0+$/, '');
  if (fraction.length > DECIMALS) throw new RangeError(`${shown} has more than ${DECIMALS} decimals`);
  const micros = BigInt((match[1] ?? '') + fraction.padEnd(DECIMALS, '0'));
  if (micros > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`${shown} is more than ${formatAmount(Number.MAX_SAFE_INTEGER)}`);
  }
  return Number(micros);
}

// String(1e-7) and String(1e21) are exponents; `toFixed` and BigInt spell them out.
function plain(amount: number): string {
  if (!Number.isFinite(amount)) return String(amount);
  const text = String(amount);
  if (!text.includes('e')) return text;
  return Number.isInteger(amount) ? String(BigInt(amount)) : amount.toFixed(20);
}

/** The shortest decimal text of micro-units ("0.0075"); `parseAmount` reads it back, unless it is negative. */
export function formatAmount(micros: number): string {
  return decimal(micros, 0);
}

/** An amount for people, with at least two decimals: "500.00 USD", "0.0075 USD". */
export function formatMicros(micros: number, currency: string): string {
  return `${decimal(micros, 2)} ${currency}`;
}

function decimal(micros: number, leastDecimals: number): string {
  if (!Number.isSafeInteger(micros)) throw new RangeError(`${micros} is not a whole number of micro-units`);
  const digits = String(Math.abs(micros)).padStart(DECIMALS + 1, '0');
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '').padEnd(leastDecimals, '0');
  return `${micros < 0 ? '-' : ''}${digits.slice(0, -DECIMALS)}${fraction === '' ? '' : `.${fraction}`}`;
}
