// What is learned of one user, recomputed from everything that was ever heard.
import { DAY } from './common.ts';
import { tenThousandths } from './scores.ts';

/** Messages whose answers are heard: the latest ones. */
const HEARD = 32;
const HALF_LIFE = 90;
const ENOUGH = 50_000;
const WORTH: Readonly<Record<string, number>> = { delivered: 0, opened: 0.5, clicked: 0.8, replied: 1 };

interface Message {
  readonly id: string;
  readonly channel: string;
  readonly at: number;
  readonly heard: Set<string>;
}

interface Activity {
  readonly at: number;
  readonly hour: number;
  /** null: a session. */
  readonly channel: string | null;
}

export class Learned {
  readonly #messages: Message[] = [];
  readonly #activities: Activity[] = [];

  session(at: number, hour: number): void {
    this.#activities.push({ at, hour, channel: null });
  }

  sent(id: string, channel: string, at: number): void {
    this.#messages.push({ id, channel, at, heard: new Set() });
  }

  /** A receipt; one of a message that is not among the latest, or went by another channel, or that came before, is nothing new. */
  receipt(id: string, status: string, at: number, hour: number, channel?: string): void {
    const message = this.#messages.slice(-HEARD).find((one) => one.id === id);
    if (message === undefined || message.heard.has(status)) return;
    if (channel !== undefined && channel !== message.channel) return;
    message.heard.add(status);
    if (['opened', 'clicked', 'replied'].includes(status)) {
      this.#activities.push({ at, hour, channel: message.channel });
    }
  }

  /** Decayed messages and answers on the channel. */
  answered(channel: string, now: number): { readonly sends: number; readonly answers: number } {
    const counting = this.#messages.filter((one) => one.channel === channel && !one.heard.has('failed'));
    const best = (message: Message): number => Math.max(0, ...[...message.heard].map((status) => WORTH[status] ?? 0));
    return {
      sends: sum(counting.map(({ at }) => weight(at, now))),
      answers: sum(counting.map((message) => weight(message.at, now) * best(message))),
    };
  }

  /** How often messages on the channel that did not fail were sent, and got each answer or a better one. */
  counts(channel: string): Readonly<Record<'sends' | 'opened' | 'clicked' | 'replied', number>> {
    const counting = this.#messages.filter((one) => one.channel === channel && !one.heard.has('failed'));
    const having = (...statuses: string[]): number =>
      counting.filter(({ heard }) => statuses.some((status) => heard.has(status))).length;
    return {
      sends: counting.length,
      opened: having('opened', 'clicked', 'replied'),
      clicked: having('clicked', 'replied'),
      replied: having('replied'),
    };
  }

  /** Activity by local hour in ten-thousandths of the most active hour's; null: too little is known. */
  active(channel: string, now: number): readonly number[] | null {
    const own = this.#activities.filter((one) => one.channel === channel);
    return relative(own, now) ?? relative(this.#activities, now);
  }
}

function relative(activities: readonly Activity[], now: number): readonly number[] | null {
  if (tenThousandths(sum(activities.map(({ at }) => weight(at, now)))) < ENOUGH) return null;
  const share = (hour: number, other: number): number => {
    const apart = Math.abs(hour - other);
    return apart === 0 ? 1 : apart === 1 || apart === 23 ? 0.5 : 0;
  };
  const hours = Array.from({ length: 24 }, (_, hour) =>
    sum(activities.map((one) => share(hour, one.hour) * weight(one.at, now))),
  );
  return hours.map((activity) => tenThousandths(activity / Math.max(...hours)));
}

function weight(at: number, now: number): number {
  return 2 ** ((Math.floor(at / DAY) - Math.floor(now / DAY)) / HALF_LIFE);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
