/** What functions of the emulator call this machine (see `private-network.ts`). */
export const PRIVATE_ADDRESS = "10.99.0.1";
