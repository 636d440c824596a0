/**
 * Two functions with rights of their own: people's API with the page, and the agents' endpoints, which may write only
 * what an agent reports and read no object but bundles. Both authenticate in the app, so their URLs are open.
 */
import {
  deleteRows,
  listObjects,
  names,
  readObjects,
  readTable,
  small,
  writeObjects,
  writeTable,
} from "./rights.ts";
import { apiTokenSha256 } from "./secrets.ts";

const agents = new sst.aws.Function("Agents", {
  ...small,
  handler: "functions/api/agent-index.handler",
  // No page of another origin has business here.
  url: { cors: false },
  // A fleet that polls must not take the account's whole concurrency.
  concurrency: { reserved: 100 },
  environment: names,
  permissions: [readTable, writeTable, readObjects("bundles"), listObjects],
});

const api = new sst.aws.Function("Api", {
  ...small,
  handler: "functions/api/index.handler",
  // No page of another origin has business here.
  url: { cors: false },
  // Looking at a source on demand fetches and unpacks a repository, as `PollSources` does.
  memory: "1024 MB",
  timeout: "2 minutes",
  concurrency: { reserved: 20 },
  environment: { ...names, FAIRLEAD_HUB_URL: agents.url, FAIRLEAD_API_TOKEN_SHA256: apiTokenSha256.value },
  permissions: [
    readTable,
    writeTable,
    deleteRows,
    readObjects("drift-audits"),
    listObjects,
    // The same look at a source keeps its tree: the one reason for writing objects.
    writeObjects("trees"),
  ],
});

export const agentsUrl = agents.url;
export const apiUrl = api.url;
