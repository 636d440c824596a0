/** The bus carries facts that the relay reads from the table's stream; nobody else may publish on it. */
export const bus = new sst.aws.Bus("Bus");

/** What a target could not handle in its retries waits here for a person; the sweep moves what it was about. */
export const deadLetters = new sst.aws.Queue("DeadLetters");
