/**
 * Which part of a hub a deployment is, from two values of its stage: all of it; the region that made table and bucket and
 * has them copied (`CopyTo`); or another region over the copies (`CopyOf`). Apart from what describes resources, so that it
 * is shown without SST.
 */
export type Place =
  | { kind: "alone" }
  | { kind: "first"; region: string; copyTo: string }
  | { kind: "second"; region: string; table: string; bucket: string };

interface Said {
  stage: string;
  /** Where the deployment goes. */
  region: string;
  copyTo: string;
  copyOf: string;
}

const REGION = /^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/;
/** What the first region's deployment prints as `copies`. */
const COPIES = /^([a-z0-9-]+)\/([\w.-]{3,255})\/([a-z0-9.-]{3,63})$/;

/** Throws where the two values fit neither each other nor the region. */
export function placeOf({ stage, region, copyTo, copyOf }: Said): Place {
  const set = (text: string): string => `npx sst secret set ${text} --stage ${stage}`;
  if (copyTo !== "" && copyOf !== "")
    throw new Error(
      `CopyTo and CopyOf are both set for stage ${stage} in ${region}: the region that made the table has CopyTo, the other one CopyOf. Take one back: npx sst secret remove CopyOf --stage ${stage}`,
    );
  if (copyTo !== "") return first(region, copyTo, set);
  return copyOf === "" ? { kind: "alone" } : second(region, copyOf, set);
}

function first(region: string, copyTo: string, set: (text: string) => string): Place {
  if (!REGION.test(copyTo))
    throw new Error(`CopyTo is "${copyTo}": it takes the name of one region: ${set("CopyTo eu-west-1")}`);
  if (copyTo === region)
    throw new Error(
      `CopyTo is ${copyTo}, where this deployment goes: it takes another region (AWS_REGION says where to deploy): ${set("CopyTo REGION")}`,
    );
  return { kind: "first", region, copyTo };
}

function second(region: string, copyOf: string, set: (text: string) => string): Place {
  const [, there, table, bucket] = COPIES.exec(copyOf) ?? [];
  if (there === undefined || table === undefined || bucket === undefined)
    throw new Error(
      `CopyOf is "${copyOf}": it takes what the first region's deployment prints as copies: ${set("CopyOf REGION/TABLE/BUCKET")}`,
    );
  if (there !== region)
    throw new Error(
      `CopyOf names the copies in ${there}, and this deployment goes to ${region}: set AWS_REGION=${there}`,
    );
  return { kind: "second", region, table, bucket };
}
