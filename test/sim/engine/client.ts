/** The engine as the SDK's document client, as far as `createDb` asks for one. */
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { Engine } from "./engine.ts";

type Send = DynamoDBDocumentClient["send"];

/** `through` stands between a command and the engine: it may wait, and run it or not. */
export function clientOf(
  engine: Engine,
  through: (command: object, run: () => object) => Promise<object> = async (_, run) => run(),
): { send: Send } {
  const send = (command: object): Promise<object> => through(command, () => engine.execute(command));
  return { send };
}
