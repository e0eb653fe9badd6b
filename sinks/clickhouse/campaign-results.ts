// What ClickHouse has counted of a campaign: its messages, what came of them, and what came without them in the holdout.
import { type ClickHouseOptions, connect } from './clickhouse.ts';
import { asSinkError } from './errors.ts';

export interface CampaignResults {
  readonly messages: number;
  /** As counted at sending. */
  readonly costMicros: number;
  /** Users with a message. */
  readonly users: number;
  readonly conversions: number;
  /** Sum of the conversions' values; null: none has one. */
  readonly value: number | null;
  readonly convertedUsers: number;
  readonly holdoutUsers: number;
  readonly holdoutConversions: number;
  readonly holdoutConvertedUsers: number;
}

export interface CampaignResultsReader {
  /** Of one of which nothing is known, zeroes. Throws when ClickHouse can't be asked. */
  of(tenantId: string, campaignId: string): Promise<CampaignResults>;
  close(): Promise<void>;
}

const NUMBERS = {
  messages: 'messages',
  costMicros: 'cost_micros',
  users: 'users',
  conversions: 'conversions',
  convertedUsers: 'converted_users',
  holdoutUsers: 'holdout_users',
  holdoutConversions: 'holdout_conversions',
  holdoutConvertedUsers: 'holdout_converted_users',
} as const;

/** Reads what a sink with the same options has written. */
export function campaignResultsReader(options: ClickHouseOptions): CampaignResultsReader {
  const client = connect(options, options.database ?? 'beckon');
  return {
    async of(tenantId, campaignId) {
      try {
        const found = await client.query({
          query:
            'SELECT * FROM campaign_results WHERE tenant_id = {tenantId: String} AND campaign_id = {campaignId: String}',
          query_params: { tenantId, campaignId },
          format: 'JSONEachRow',
        });
        const [row = {}] = await found.json<Readonly<Record<string, unknown>>>();
        const numbers = Object.entries(NUMBERS).map(([name, column]) => [name, Number(row[column] ?? 0)] as const);
        const value = row.value === null || row.value === undefined ? null : Number(row.value);
        return { ...(Object.fromEntries(numbers) as Record<keyof typeof NUMBERS, number>), value };
      } catch (error) {
        throw asSinkError(error, 'read the results of a campaign', new URL(options.url).origin);
      }
    },
    close: () => client.close(),
  };
}
