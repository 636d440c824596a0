/** What the engine throws besides the SDK's own exceptions: a request that DynamoDB would refuse, or that is not known here. */
export class ValidationError extends Error {
  override readonly name = "ValidationException";
}
