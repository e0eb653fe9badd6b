// Who gets which task: evenly, and as few moves as that allows. A task stays with its owner; one that moves goes to whoever
// has its state, the newest first.

export interface Member {
  readonly id: string;
  /** Tasks it owned as of its last assignment. */
  readonly owned: readonly number[];
  /** The generation of that assignment: of two that claim a task the later is right. */
  readonly generation: number;
  /** By task, when the state it has on its disk was last written (epoch ms). */
  readonly states: ReadonlyMap<number, number>;
}

/** Tasks 0 … count - 1 by member. The same for every order of the members. */
export function assign(members: readonly Member[], count: number): Map<string, number[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const assigned = new Map<string, number[]>(sorted.map(({ id }) => [id, []]));
  if (sorted.length === 0) return assigned;
  const least = Math.floor(count / sorted.length);
  let oneMore = count % sorted.length;
  const size = (member: Member): number => (assigned.get(member.id) as number[]).length;
  const hasRoom = (member: Member): boolean => size(member) < least || (size(member) === least && oneMore > 0);
  const give = (member: Member, task: number): void => {
    if (size(member) === least) oneMore--;
    (assigned.get(member.id) as number[]).push(task);
  };

  const left: number[] = [];
  for (let task = 0; task < count; task++) {
    const owner = sorted
      .filter(({ owned }) => owned.includes(task))
      .reduce<Member | undefined>((a, b) => (a === undefined || b.generation > a.generation ? b : a), undefined);
    if (owner !== undefined && hasRoom(owner)) give(owner, task);
    else left.push(task);
  }
  for (const task of left) {
    const written = (member: Member): number => member.states.get(task) ?? 0;
    const [best] = sorted
      .filter(hasRoom)
      .sort((a, b) => written(b) - written(a) || size(a) - size(b) || (a.id < b.id ? -1 : 1));
    give(best as Member, task);
  }
  for (const tasks of assigned.values()) tasks.sort((a, b) => a - b);
  return assigned;
}
