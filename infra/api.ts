/**
 * Two functions with rights of their own: people's API with the page, and the agents' endpoints, which may write only
 * what an agent reports. Both authenticate in the app, so their URLs are open.
 */
import { listObjects, names, readObjects, readTable, small, writeObjects, writeTable } from "./rights.ts";
import { apiTokenSha256 } from "./secrets.ts";

const agents = new sst.aws.Function("Agents", {
  ...small,
  handler: "functions/api/agent-index.handler",
  url: true,
  // A fleet that polls must not take the account's whole concurrency.
  concurrency: { reserved: 100 },
  environment: names,
  permissions: [
    readTable,
    { actions: ["dynamodb:PutItem", "dynamodb:UpdateItem"], resources: writeTable.resources },
    readObjects,
    listObjects,
  ],
});

const api = new sst.aws.Function("Api", {
  ...small,
  handler: "functions/api/index.handler",
  url: true,
  concurrency: { reserved: 20 },
  environment: { ...names, FAIRLEAD_HUB_URL: agents.url, FAIRLEAD_API_TOKEN_SHA256: apiTokenSha256.value },
  // Looking at a source on demand keeps its tree: the one reason for writing objects.
  permissions: [readTable, writeTable, readObjects, listObjects, writeObjects],
});

export const agentsUrl = agents.url;
export const apiUrl = api.url;
