// POST /receipts: what became of messages.
import type { FastifyRequest } from 'fastify';
import { receipts } from '../../schemas/topics.ts';
import type { ApiContext, ApiServer } from '../http/context.ts';
import { goodResponse, problemResponses } from '../http/problem.ts';
import { type ReceiptsBody, receiptOf, receiptsBody, receiptsModel } from '../models/receipts.ts';

const LARGEST = 4 << 20;

const tenantsOfReceipts = ({ body }: FastifyRequest): readonly string[] =>
  (body as ReceiptsBody).receipts.map(({ tenantId }) => tenantId);

export function receiptRoutes(server: ApiServer, { log, serde, appender }: ApiContext): void {
  server.route({
    method: 'POST',
    url: '/receipts',
    bodyLimit: LARGEST,
    config: { role: 'receipts', needsReady: true, tenantsOf: tenantsOfReceipts },
    schema: {
      operationId: 'handInReceipts',
      tags: ['receipts'],
      summary: 'Hand in what became of messages',
      description: 'Puts receipts on the log. One that is handed in twice counts once, by its id.',
      body: receiptsBody,
      response: {
        202: goodResponse('The receipts are on the log.', receiptsModel),
        ...problemResponses(
          'bad-request',
          'unauthorized',
          'forbidden',
          'too-large',
          'unsupported-media-type',
          'too-many-requests',
          'internal-error',
          'not-ready',
        ),
      },
    },
    handler: async ({ body }, reply) => {
      const partitions = log.partitions(receipts.topic);
      await appender.append(body.receipts.map((receipt) => serde.encode(receipts, receiptOf(receipt), partitions)));
      return reply.code(202).send({ accepted: body.receipts.length });
    },
  });
}
