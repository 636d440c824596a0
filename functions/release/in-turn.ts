/**
 * Work on one thing at a time within a process: an event, its repeat and the sweep may all ask for the same look at this
 * moment. Side by side each would render and sign all of it, for one of them to be written; in turn the later ones find that
 * nothing is left to do. Between processes the table's conditions decide, as ever.
 */
const last = new WeakMap<object, Map<string, Promise<unknown>>>();

/** `owner` is what all that share the turn have in common. What came before may have failed: that is its caller's matter. */
export function inTurn<T>(owner: object, name: string, work: () => Promise<T>): Promise<T> {
  const turns = last.get(owner) ?? new Map<string, Promise<unknown>>();
  last.set(owner, turns);
  const before = turns.get(name) ?? Promise.resolve();
  const mine = before.then(work, work);
  turns.set(name, mine);
  const leave = (): void => {
    if (turns.get(name) === mine) turns.delete(name);
  };
  void mine.then(leave, leave);
  return mine;
}
