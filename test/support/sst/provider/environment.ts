/** What the deployment tells its engine and its provider by the environment. */
export function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`the environment lacks ${name}`);
  return value;
}
