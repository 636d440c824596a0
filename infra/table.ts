/** The one table: the truth of the hub. Its stream is the outbox; tokens age by `expires`. */
export const table = new sst.aws.Dynamo("Table", {
  fields: { pk: "string", sk: "string" },
  primaryIndex: { hashKey: "pk", rangeKey: "sk" },
  stream: "new-and-old-images",
  ttl: "expires",
  deletionProtection: $app.stage === "production",
});
