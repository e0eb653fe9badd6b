import kafkajs, { type Admin } from 'kafkajs';
import { expect, test } from 'vitest';
import { TopicAdmin } from './topic-admin.ts';

/** A cluster's answers to questions for offsets, one after the other. */
function answering(...answers: readonly (Error | Awaited<ReturnType<Admin['fetchOffsets']>>)[]): TopicAdmin {
  let asked = 0;
  const fetchOffsets = async (): ReturnType<Admin['fetchOffsets']> => {
    const answer = answers[asked++];
    if (answer === undefined) throw new Error('asked once too often');
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return new TopicAdmin({ fetchOffsets } as unknown as Admin, 'app');
}

const protocolError = (type: string): Error =>
  Object.assign(new kafkajs.KafkaJSError(type), { name: 'KafkaJSProtocolError', type });

test("a new cluster is asked for a group's offsets until somebody coordinates the group", async () => {
  const found = [{ topic: 't', partitions: [{ partition: 0, offset: '3', metadata: null }] }];
  const admin = answering(
    protocolError('GROUP_COORDINATOR_NOT_AVAILABLE'),
    protocolError('NOT_COORDINATOR_FOR_GROUP'),
    found,
  );
  expect(await admin.committed('engage', ['t'])).toEqual(new Map([['t', new Map([[0, 3]])]]));
});

test("a refusal to tell a group's offsets is told at once", async () => {
  const admin = answering(protocolError('GROUP_AUTHORIZATION_FAILED'));
  await expect(admin.committed('engage', ['t'])).rejects.toThrow('GROUP_AUTHORIZATION_FAILED');
});
