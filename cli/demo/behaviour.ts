// What the people of the demo do in a session, by kind.
import type { UserEvent } from '../../schemas/types.ts';
import type { Random } from './random.ts';

export type Kind = 'saver' | 'farmer' | 'shopper';

/** The events of a session, each some time after the one before. */
export type Steps = readonly Step[];

interface Step {
  /** ms, whole. */
  readonly afterMs: number;
  readonly type: string;
  readonly properties: UserEvent['properties'];
}

/** Of what a session is made besides its first event, with how likely each is. */
const HABITS = {
  saver: { balance_check: 5, savings_goal_view: 2, savings_deposit: 1, tip_read: 2 },
  farmer: { price_check: 6, weather_check: 4, tip_read: 2, input_order: 0.5 },
} as const;

const CATEGORIES = ['phones', 'shoes', 'kitchen', 'seeds', 'solar', 'books'];
const MEAN_EVENTS = 5;
const MEAN_STEP = 50_000;

export function sessionSteps(kind: Kind, random: Random): Steps {
  const steps: Step[] = [{ afterMs: 0, type: 'app_open', properties: {} }];
  const step = (type: string, properties: Step['properties']): void => {
    steps.push({ afterMs: 1000 + Math.floor(random.exponential(MEAN_STEP)), type, properties });
  };
  if (kind === 'shopper') shop(step, random);
  else {
    for (let left = random.geometric(MEAN_EVENTS); left > 0; left--) {
      const type = drawn(HABITS[kind], random);
      const isPaid = type === 'savings_deposit' || type === 'input_order';
      step(type, isPaid ? { amount: 50 * (1 + random.below(20)) } : {});
    }
  }
  return steps;
}

/** Looks at products, puts some into the cart, and pays for less than half of the carts. */
function shop(step: (type: string, properties: Step['properties']) => void, random: Random): void {
  let inCart = 0;
  for (let left = random.geometric(MEAN_EVENTS); left > 0; left--) {
    const price = (100 + random.below(9900)) / 100;
    const product = { productId: `p-${random.below(400)}`, category: random.pick(CATEGORIES), price };
    step('product_view', product);
    if (!random.chance(0.12)) continue;
    step('add_to_cart', product);
    inCart += price;
  }
  if (inCart > 0 && random.chance(0.4)) step('purchase', { amount: Math.round(inCart * 100) / 100, currency: 'USD' });
}

function drawn(weights: Readonly<Record<string, number>>, random: Random): string {
  return Object.keys(weights)[random.weighted(Object.values(weights))] as string;
}
