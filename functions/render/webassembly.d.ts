/**
 * The few parts of the WebAssembly interface that the render engine's host uses. Node has them all, but their types come
 * with TypeScript's browser library only, which would put `document` and `window` in reach of every handler.
 */
declare namespace WebAssembly {
  type Module = object;
  const Module: { imports: (module: Module) => Array<{ module: string; name: string }> };
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
  class Memory {
    readonly buffer: ArrayBuffer;
    private constructor();
  }
  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>;
}
