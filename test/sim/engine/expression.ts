/** DynamoDB's expressions, as far as the store uses them, parsed strictly: whatever is not known here throws. */
import { ValidationError } from "./errors.ts";

export type Path = string[];
export type Operand =
  | { kind: "path"; path: Path }
  | { kind: "value"; value: unknown }
  | { kind: "if_not_exists"; path: Path; other: Operand };
export type Condition =
  | { kind: "and" | "or"; left: Condition; right: Condition }
  | { kind: "exists" | "absent"; path: Path }
  | { kind: "begins_with"; path: Path; prefix: Operand }
  | { kind: "compare"; by: string; left: Operand; right: Operand };
export type Action =
  | { kind: "set"; path: Path; to: Operand }
  | { kind: "remove"; path: Path }
  | { kind: "add"; path: Path; by: Operand };

export interface Placeholders {
  names: Record<string, string>;
  values: Record<string, unknown>;
}

const TOKEN = /\s*([#:]?[A-Za-z_][A-Za-z0-9_]*|<>|<=|>=|[=<>(),.+-])/y;
const COMPARISONS: ReadonlySet<string> = new Set(["=", "<>", "<", "<=", ">", ">="]);

/** One expression of a request; `used` notes its placeholders, for a request must use all it brings. */
export class Parser {
  readonly #tokens: string[];
  readonly #text: string;
  readonly #holders: Placeholders;
  readonly #used: Set<string>;
  #at = 0;

  constructor(text: string, holders: Placeholders, used: Set<string>) {
    this.#text = text;
    this.#holders = holders;
    this.#used = used;
    this.#tokens = tokensOf(text);
  }

  condition(): Condition {
    const parsed = this.#or();
    this.#end();
    return parsed;
  }

  update(): Action[] {
    const actions: Action[] = [];
    while (this.#at < this.#tokens.length) {
      const clause = this.#next();
      do actions.push(this.#action(clause));
      while (this.#accept(","));
    }
    if (actions.length === 0) this.#fail("is empty");
    return actions;
  }

  #action(clause: string): Action {
    if (clause === "REMOVE") return { kind: "remove", path: this.#path() };
    if (clause === "ADD") return { kind: "add", path: this.#path(), by: this.#operand() };
    if (clause !== "SET") return this.#fail(`has a clause ${clause}`);
    const path = this.#path();
    this.#expect("=");
    return { kind: "set", path, to: this.#operand() };
  }

  #or(): Condition {
    let left = this.#and();
    while (this.#accept("OR")) left = { kind: "or", left, right: this.#and() };
    return left;
  }

  #and(): Condition {
    let left = this.#single();
    while (this.#accept("AND")) left = { kind: "and", left, right: this.#single() };
    return left;
  }

  #single(): Condition {
    if (this.#accept("(")) {
      const inner = this.#or();
      this.#expect(")");
      return inner;
    }
    const called = this.#tokens[this.#at + 1] === "(" ? this.#next() : undefined;
    if (called !== undefined) return this.#call(called);
    const left = this.#operand();
    const by = this.#next();
    if (!COMPARISONS.has(by)) this.#fail(`compares by ${by}`);
    return { kind: "compare", by, left, right: this.#operand() };
  }

  #call(name: string): Condition {
    this.#expect("(");
    const path = this.#path();
    const made = this.#called(name, path);
    this.#expect(")");
    return made;
  }

  #called(name: string, path: Path): Condition {
    if (name === "attribute_exists") return { kind: "exists", path };
    if (name === "attribute_not_exists") return { kind: "absent", path };
    if (name !== "begins_with") return this.#fail(`calls ${name}`);
    this.#expect(",");
    return { kind: "begins_with", path, prefix: this.#operand() };
  }

  #operand(): Operand {
    const token = this.#tokens[this.#at];
    if (token?.startsWith(":") === true) return { kind: "value", value: this.#value(this.#next()) };
    if (token !== "if_not_exists") return { kind: "path", path: this.#path() };
    this.#next();
    this.#expect("(");
    const path = this.#path();
    this.#expect(",");
    const other = this.#operand();
    this.#expect(")");
    return { kind: "if_not_exists", path, other };
  }

  #path(): Path {
    const path = [this.#name(this.#next())];
    while (this.#accept(".")) path.push(this.#name(this.#next()));
    return path;
  }

  #name(token: string): string {
    if (!token.startsWith("#"))
      return /^[A-Za-z]\w*$/.test(token) ? token : this.#fail(`has ${token} for a name`);
    this.#used.add(token);
    return this.#holders.names[token] ?? this.#fail(`uses ${token}, which is not given`);
  }

  #value(token: string): unknown {
    this.#used.add(token);
    if (!(token in this.#holders.values)) this.#fail(`uses ${token}, which is not given`);
    return this.#holders.values[token];
  }

  #next(): string {
    const token = this.#tokens[this.#at++];
    return token ?? this.#fail("ends too soon");
  }

  #accept(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }

  #expect(token: string): void {
    if (!this.#accept(token)) this.#fail(`lacks ${token}`);
  }

  #end(): void {
    if (this.#at < this.#tokens.length) this.#fail(`goes on with ${this.#tokens[this.#at]}`);
  }

  #fail(what: string): never {
    throw new ValidationError(`expression "${this.#text}" ${what}`);
  }
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) throw new ValidationError(`expression "${text}" cannot be read at ${at}`);
    tokens.push(token);
  }
  return tokens;
}
