/** What a stage says of its hub's regions, and what is refused: a wrong word here would move a hub away from its table. */
import { describe, expect, it } from "vitest";
import { placeOf } from "../../infra/place.ts";

const here = { stage: "production", region: "eu-central-1", copyTo: "", copyOf: "" };

describe("placeOf", () => {
  it("is alone where nothing is said, the first where it copies, another one over what was copied", () => {
    expect(placeOf(here)).toEqual({ kind: "alone" });
    expect(placeOf({ ...here, copyTo: "eu-west-1" })).toEqual({
      kind: "first",
      region: "eu-central-1",
      copyTo: "eu-west-1",
    });
    const copyOf = "eu-west-1/fairlead-production-TableTable-bdcfhk/fairlead-production-objectscopybucket-b";
    expect(placeOf({ ...here, region: "eu-west-1", copyOf })).toEqual({
      kind: "second",
      region: "eu-west-1",
      table: "fairlead-production-TableTable-bdcfhk",
      bucket: "fairlead-production-objectscopybucket-b",
    });
  });

  it("refuses a copy to what is no region, to two, and to itself, with the command", () => {
    for (const copyTo of ["Europe", "eu-west-1,eu-west-2", "eu-west", " eu-west-1"])
      expect(() => placeOf({ ...here, copyTo })).toThrow(
        `CopyTo is "${copyTo}": it takes the name of one region: npx sst secret set CopyTo eu-west-1 --stage production`,
      );
    expect(() => placeOf({ ...here, copyTo: "eu-central-1" })).toThrow("where this deployment goes");
  });

  it("refuses copies that are named half, and says where the name comes from", () => {
    for (const copyOf of ["table", "eu-central-1/table", "eu-central-1/table/", "eu-central-1/ta ble/bucket"])
      expect(() => placeOf({ ...here, copyOf })).toThrow(
        "what the first region's deployment prints as copies",
      );
  });

  // What would break: the deployment that has the table takes itself for one that has none, and removes it.
  it("refuses copies in another region than the deployment's, and both at once", () => {
    const copyOf = "eu-west-1/table/bucket";
    expect(() => placeOf({ ...here, copyOf })).toThrow("set AWS_REGION=eu-west-1");
    expect(() => placeOf({ ...here, copyTo: "eu-west-1", copyOf })).toThrow("both set for stage production");
  });
});
