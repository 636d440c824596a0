/** This deployment's place among the regions of its hub. It decides what is described, so it is known before anything is. */
import { placeOf } from "./place.ts";

/** Values of the stage, kept with its state: a deployment that forgot them would take the copies away. */
function said(name: string): Promise<string> {
  const value = $util.unsecret(new sst.Secret(name, "").value);
  return new Promise((resolve) => {
    value.apply(resolve);
  });
}

const { region } = await aws.getRegion({});
export const place = placeOf({
  stage: $app.stage,
  region,
  copyTo: await said("CopyTo"),
  copyOf: await said("CopyOf"),
});
