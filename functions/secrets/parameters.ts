/**
 * The secret store on AWS: SecureStrings of the Parameter Store, encrypted by the account's own key, under a prefix that
 * belongs to one hub (`/fairlead/<stage>/<project>/<name>`).
 */
import {
  DeleteParameterCommand,
  GetParameterCommand,
  ParameterNotFound,
  PutParameterCommand,
  type SSMClient,
} from "@aws-sdk/client-ssm";
import { checkSecret, checkSecretName } from "./check.ts";
import type { SecretStore } from "./port.ts";

/** `prefix` begins with a slash and ends without one. */
export function createParameterSecrets(options: { client: SSMClient; prefix: string }): SecretStore {
  const { client, prefix } = options;
  const nameOf = (project: string, name: string): string => `${prefix}/${project}/${name}`;
  return {
    put: async (project, name, value) => {
      checkSecret(project, name, value);
      const input = { Name: nameOf(project, name), Value: encode(value) };
      await client.send(new PutParameterCommand({ ...input, Type: "SecureString", Overwrite: true }));
    },
    get: async (project, name) => {
      checkSecretName(project, name);
      const Name = nameOf(project, name);
      const answer = await absent(client.send(new GetParameterCommand({ Name, WithDecryption: true })));
      const value = answer?.Parameter?.Value;
      return value === undefined ? undefined : decode(value);
    },
    delete: async (project, name) => {
      checkSecretName(project, name);
      await absent(client.send(new DeleteParameterCommand({ Name: nameOf(project, name) })));
    },
  };
}

/** The service refuses values with `{{`, which it takes for a reference to another parameter. */
function encode(value: string): string {
  return value.replaceAll("~", "~0").replaceAll(/\{(?=\{)/g, "{~1");
}

function decode(value: string): string {
  return value.replaceAll("~1", "").replaceAll("~0", "~");
}

/** Undefined where there is no such parameter. */
async function absent<T>(sent: Promise<T>): Promise<T | undefined> {
  try {
    return await sent;
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw error;
  }
}
