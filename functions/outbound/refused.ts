/** What the outbound client says instead of speaking to an address. The sentence is fit for people: place and fix, no secret. */
export class OutboundRefused extends Error {
  override readonly name = "OutboundRefused";
}
