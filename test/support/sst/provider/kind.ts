/** What the provider knows of one type of resource: how AWS's own API makes, changes and removes it. */

export type Inputs = Readonly<Record<string, unknown>>;
export interface Made {
  id: string;
  /** What AWS made up: ARNs, addresses. */
  outs: Record<string, unknown>;
}

export interface Kind {
  /** Inputs that name the thing: with another value it is another thing. */
  names: readonly string[];
  create: (inputs: Inputs, name: string) => Promise<Made>;
  /** Absent: whatever changes, it is made anew. What it answers is added to what creation told. */
  update?: (id: string, inputs: Inputs, before: Inputs) => Promise<Record<string, unknown>>;
  remove: (id: string, state: Inputs) => Promise<void>;
}

/** A kind whose inputs have a type of their own: the SDK of Pulumi has checked them, as SST is written in TypeScript. */
export function kind<T extends object>(own: {
  names: readonly (keyof T & string)[];
  create(inputs: T, name: string): Promise<Made>;
  update?(id: string, inputs: T, before: T): Promise<Record<string, unknown>>;
  remove(id: string, state: T): Promise<void>;
}): Kind {
  const update = own.update?.bind(own);
  return {
    names: own.names,
    create: (inputs, name) => own.create(inputs as T, name),
    ...(update === undefined
      ? {}
      : { update: (id: string, inputs: Inputs, before: Inputs) => update(id, inputs as T, before as T) }),
    remove: (id, state) => own.remove(id, state as T),
  };
}

/** Pulumi's names of fields as AWS's: `maximumRetryAttempts` is `MaximumRetryAttempts`. */
export function awsNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(awsNames);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name.charAt(0).toUpperCase() + name.slice(1),
      awsNames(part),
    ]),
  );
}

/** What is gone already needs no removal. */
export async function gone(work: Promise<unknown>, ...names: string[]): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Error) || !names.includes(error.name)) throw error;
  }
}
