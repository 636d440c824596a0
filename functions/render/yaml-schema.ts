/**
 * How a plain scalar of a YAML file becomes a value: the way `kubectl apply -f` reads it (sigs.k8s.io/yaml), which is
 * YAML 1.1 without base-60 numbers and with timestamps left as text. So `yes`, `on` and `y` are true, `0644` is 420 and
 * `22:22` stays a string. What JSON cannot carry exactly is an error, never another value. Tags beyond YAML's own
 * scalars and collections are unknown here.
 */
import { Schema } from "yaml";
import type { ScalarTag, Tags } from "yaml";

type OnError = (message: string) => void;

const KEPT = new Set(
  ["map", "seq", "str", "null", "bool", "merge"].map((name) => `tag:yaml.org,2002:${name}`),
);

const integer: ScalarTag = {
  default: true,
  tag: "tag:yaml.org,2002:int",
  test: /^[-+]?(?:0[bB][01_]+|0[oO][0-7_]+|0[xX][0-9a-fA-F_]+|[0-9][0-9_]*)$/,
  resolve: (source: string, onError: OnError) => {
    const value = readInteger(source.replaceAll("_", ""));
    if (!Number.isSafeInteger(value))
      onError(`${source} is too large to be carried exactly: put it in quotes`);
    return value;
  },
};

const float: ScalarTag = {
  default: true,
  tag: "tag:yaml.org,2002:float",
  test: /^[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$/,
  resolve: (source: string, onError: OnError) => {
    const value = Number(source.replaceAll("_", ""));
    if (!Number.isFinite(value)) onError(`${source} is too large for a number: put it in quotes`);
    return value;
  },
};

const notFinite: ScalarTag = {
  default: true,
  tag: "tag:yaml.org,2002:float",
  test: /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
  resolve: (source: string, onError: OnError) => {
    onError(`${source} is a number that JSON does not have: put it in quotes`);
    return source;
  },
};

/** The schema for every document; a `%YAML` line in a file does not change it. */
export const kubernetesSchema = new Schema({
  schema: "yaml-1.1",
  resolveKnownTags: false,
  customTags: (tags: Tags): Tags => [
    ...tags.filter((tag) => typeof tag === "object" && KEPT.has(tag.tag)),
    integer,
    float,
    notFinite,
  ],
});

/** Digits as Go's `strconv.ParseInt` reads them with base 0; a leading zero with an 8 or 9 behind it is decimal. */
function readInteger(digits: string): number {
  const sign = digits.startsWith("-") ? -1 : 1;
  const unsigned = digits.replace(/^[-+]/, "");
  if (/^0[0-7]+$/.test(unsigned)) return sign * Number.parseInt(unsigned, 8);
  return sign * Number(unsigned);
}
