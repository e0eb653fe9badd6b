// Rights of users on a broker that asks for them, for tests.
import kafkajs from 'kafkajs';
import { KafkaClient } from '../client.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

export interface Right {
  readonly user: string;
  readonly on: 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID' | 'CLUSTER';
  /** `*`: of every name. */
  readonly name: string;
  readonly to: 'ALL' | 'WRITE';
}

export class Rights {
  readonly #brokers: readonly string[];

  /** `brokers`: where whoever comes may give rights. */
  constructor(brokers: readonly string[]) {
    this.#brokers = brokers;
  }

  give(...rights: readonly Right[]): Promise<void> {
    return this.#set(rights, AclPermissionTypes.ALLOW);
  }

  /** Takes precedence over what is given. */
  deny(right: Right): Promise<void> {
    return this.#set([right], AclPermissionTypes.DENY);
  }

  /** Takes back what was denied. */
  async allowAgain({ user, on, name, to }: Right): Promise<void> {
    const admin = new KafkaClient({ brokers: this.#brokers, clientId: 'rights' }).admin();
    await admin.connect();
    const filter = {
      resourceType: AclResourceTypes[on],
      resourceName: name,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: `User:${user}`,
      host: '*',
      operation: AclOperationTypes[to],
      permissionType: AclPermissionTypes.DENY,
    };
    await admin.deleteAcls({ filters: [filter] });
    await admin.disconnect();
  }

  async #set(rights: readonly Right[], permissionType: number): Promise<void> {
    const admin = new KafkaClient({ brokers: this.#brokers, clientId: 'rights' }).admin();
    await admin.connect();
    await admin.createAcls({
      acl: rights.map(({ user, on, name, to }) => ({
        resourceType: AclResourceTypes[on],
        resourceName: name,
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal: `User:${user}`,
        host: '*',
        operation: AclOperationTypes[to],
        permissionType,
      })),
    });
    await admin.disconnect();
  }
}
