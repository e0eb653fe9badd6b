// Ways to break the engine without touching it: definitions, processors and contexts that differ in one place.
import type { Context, Handler, Processor, TimerHandler } from '../../processors/processor.ts';
import type { Campaign } from '../../schemas/campaign.ts';
import { Definitions, type InForce } from '../../schemas/definitions.ts';
import type { Policy } from '../../schemas/policy.ts';
import type { Topology } from '../../topologies/graph.ts';
import type { Build } from './engine.ts';

export interface Change {
  readonly policy?: (policy: Policy) => Policy;
  readonly campaign?: (campaign: Campaign) => Campaign;
}

/** The definitions as somebody would read them who changes them in this way. */
export function altered(definitions: Definitions, { policy = (p) => p, campaign = (c) => c }: Change): Definitions {
  return new (class extends Definitions {
    override policy(tenantId: string, time: number): Policy {
      return policy(definitions.policy(tenantId, time));
    }
    override campaign(tenantId: string, campaignId: string, time: number): InForce<Campaign> | undefined {
      const known = definitions.campaign(tenantId, campaignId, time);
      return known && { ...known, definition: campaign(known.definition) };
    }
    override versions(tenantId: string, campaignId: string): readonly InForce<Campaign>[] {
      return definitions.versions(tenantId, campaignId);
    }
    override knows(tenantId: string, campaignId: string): boolean {
      return definitions.knows(tenantId, campaignId);
    }
    override campaignIds(tenantId: string): readonly string[] {
      return definitions.campaignIds(tenantId);
    }
    override horizonMs(tenantId: string): number {
      return definitions.horizonMs(tenantId);
    }
    override get revision(): number {
      return definitions.revision;
    }
  })();
}

/** The topologies with one processor, by its name, in another's place. */
export function replacing(
  build: Build,
  name: string,
  by: (processor: Processor, definitions: Definitions) => Processor,
): Build {
  return (definitions) =>
    build(definitions).map((topology) => ({
      ...topology,
      processors: topology.processors.map((p) => (p.name === name ? by(p, definitions) : p)),
    }));
}

/** The topologies with the processors of each in another order. */
export function reordered(build: Build, order: (processors: Topology['processors']) => Topology['processors']): Build {
  return (definitions) => build(definitions).map((t) => ({ ...t, processors: order(t.processors) }));
}

/** The processor, seeing another context, or no record for which `keeps` is false. */
export function seeing(
  processor: Processor,
  {
    context = {},
    keeps = () => true,
  }: { readonly context?: Partial<Context>; readonly keeps?: (value: unknown) => boolean },
): Processor {
  const seen = (real: Context): Context =>
    new Proxy(real, {
      get(target, key) {
        if (Object.hasOwn(context, key)) return context[key as keyof Context];
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  return {
    ...processor,
    on: processor.on.map(
      ({ stream, handle }): Handler => ({
        stream,
        handle: (value, real) => (keeps(value) ? handle(value, seen(real)) : undefined),
      }),
    ),
    timers: (processor.timers ?? []).map(
      ({ kind, fire }): TimerHandler => ({ kind, fire: (timer, real) => fire(timer, seen(real)) }),
    ),
  };
}
