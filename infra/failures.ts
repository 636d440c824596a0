/** What becomes of work that fails: tried again for an hour, then put aside in the dead-letter queue for a person. */
import { deadLetters } from "./bus.ts";
import { quiet } from "./rights.ts";

/**
 * A function handles of a batch what it can and names the rest, which comes again for an hour and is then put aside, so that
 * it does not hold up its shard. A batch that ends the function itself is halved. The sweep moves what it was about.
 */
export const eventSourceMapping = {
  batchSize: 100,
  functionResponseTypes: ["ReportBatchItemFailures"],
  bisectBatchOnFunctionError: true,
  maximumRecordAgeInSeconds: 3600,
  maximumRetryAttempts: 10,
  destinationConfig: { onFailure: { destinationArn: deadLetters.arn } },
};

/** What cannot be delivered for an hour has lost its meaning: state was looked at again many times since. */
export const target = {
  deadLetterConfig: { arn: deadLetters.arn },
  retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 10 },
};

/** The same for what was delivered and failed: the bus calls functions asynchronously and does not hear of it. */
export const asynchronous = {
  retries: 2,
  transform: {
    ...quiet,
    eventInvokeConfig: {
      maximumEventAgeInSeconds: 3600,
      destinationConfig: { onFailure: { destination: deadLetters.arn } },
    },
  },
};
