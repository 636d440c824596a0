/**
 * Two functions with rights of their own: people's API with the page, and the agents' endpoints, which may write only
 * what an agent reports and read no object but bundles and lists of APIs. Both authenticate in the app, so their URLs are open.
 */
import {
  deleteRows,
  listObjects,
  names,
  readObjects,
  readSecrets,
  readTable,
  secretNames,
  small,
  writeObjects,
  writeSecrets,
  writeTable,
} from "./rights.ts";
import { callPlan, plan } from "./plan.ts";
import { people } from "./secrets.ts";

const agents = new sst.aws.Function("Agents", {
  ...small,
  handler: "functions/api/agent-index.handler",
  // No page of another origin has business here.
  url: { cors: false },
  // A fleet that polls must not take the account's whole concurrency.
  concurrency: { reserved: 100 },
  environment: names,
  permissions: [readTable, writeTable, readObjects("apis", "bundles"), writeObjects("apis"), listObjects],
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
  environment: {
    ...names,
    ...secretNames,
    FAIRLEAD_HUB_URL: agents.url,
    FAIRLEAD_PLAN_FUNCTION: plan.name,
    ...people,
  },
  permissions: [
    readTable,
    writeTable,
    deleteRows,
    readObjects("apis", "audit-log", "bundles", "drift-audits", "targets", "trees"),
    listObjects,
    // The same look at a source keeps its tree, an import the target lists of Apps, which an export reads.
    // And lists of APIs.
    writeObjects("apis", "trees", "targets"),
    callPlan,
    readSecrets,
    writeSecrets,
  ],
});

export const agentsUrl = agents.url;
export const apiUrl = api.url;
