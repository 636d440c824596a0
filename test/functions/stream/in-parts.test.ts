/** One record that cannot be handled must cost neither the others nor the order of an item's own changes. */
import type { DynamoDBRecord } from "aws-lambda";
import { array, assert, asyncProperty, boolean, constantFrom, record as shape } from "fast-check";
import { describe, expect, it } from "vitest";
import { inParts, leftByEither } from "../../../functions/stream/in-parts.ts";

const record = (sequence: number, item: string = String(sequence)): DynamoDBRecord => ({
  dynamodb: { SequenceNumber: String(sequence), Keys: { pk: { S: item } } },
});
const sequenceOf = ({ dynamodb }: DynamoDBRecord): number => Number(dynamodb?.SequenceNumber);

async function handled(records: readonly DynamoDBRecord[], poison: ReadonlySet<number>) {
  const done: number[] = [];
  let calls = 0;
  const answer = await inParts(
    records,
    (given) => {
      calls++;
      const numbers = given.map(sequenceOf);
      if (numbers.some((number) => poison.has(number))) return Promise.reject(new Error("poison"));
      done.push(...numbers);
      return Promise.resolve();
    },
    () => undefined,
  );
  const left = answer.batchItemFailures.map(({ itemIdentifier }) => Number(itemIdentifier));
  return { done, left, calls };
}

describe("inParts", () => {
  it("handles a good batch in one go", async () => {
    const found = await handled([record(1), record(2)], new Set());
    expect(found).toEqual({ done: [1, 2], left: [], calls: 1 });
  });

  it("names a poison record alone among a hundred, in few calls", async () => {
    const records = Array.from({ length: 100 }, (_, index) => record(index));
    const found = await handled(records, new Set([63]));
    expect(found.left).toEqual([63]);
    expect(found.done).toHaveLength(99);
    expect(found.calls).toBeLessThan(16);
  });

  it("keeps later changes of the same item waiting behind the one that failed", async () => {
    const found = await handled(
      [record(1, "a"), record(2, "b"), record(3, "a"), record(4, "b")],
      new Set([1]),
    );
    expect(found.done).toEqual([2, 4]);
    expect(found.left.sort((a, b) => a - b)).toEqual([1, 3]);
  });

  it("gives up where everything fails: all of it comes again", async () => {
    const records = Array.from({ length: 100 }, (_, index) => record(index));
    const found = await handled(records, new Set(records.map(sequenceOf)));
    expect(found.left).toHaveLength(100);
    expect(found.calls).toBeLessThanOrEqual(32);
  });

  it("loses none and hands none over twice as handled, whatever fails", async () => {
    const batches = array(shape({ item: constantFrom("a", "b", "c"), bad: boolean() }), {
      maxLength: 20,
    });
    await assert(
      asyncProperty(batches, async (batch) => {
        const poison = new Set(batch.flatMap(({ bad }, index) => (bad ? [index] : [])));
        const { done, left } = await handled(
          batch.map(({ item }, index) => record(index, item)),
          poison,
        );
        expect([...done, ...left].sort((a, b) => a - b)).toEqual(batch.map((_, index) => index));
        for (const item of ["a", "b", "c"]) {
          const mine = (index: number): boolean => batch[index]?.item === item;
          const after = Math.min(...left.filter(mine));
          expect(done.filter(mine).every((index) => index < after)).toBe(true);
        }
      }),
    );
  });
});

describe("leftByEither", () => {
  it("names once what one of two handlers of a batch left, and nothing where neither did", () => {
    const left = (...numbers: string[]) => ({
      batchItemFailures: numbers.map((itemIdentifier) => ({ itemIdentifier })),
    });
    expect(leftByEither(left("7"), left("3", "7"))).toEqual(left("7", "3"));
    expect(leftByEither(left(), left())).toEqual(left());
  });
});
