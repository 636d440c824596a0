/**
 * What this release may find in the table, and what it leaves there. Each reader takes the items of this format and of the one
 * before, as a release runs over the other's items while it is rolled out. A field that readers of before ignore, and
 * lose nothing by, changes no format. One that they would refuse, or drop when they write the item back, makes the next one:
 * from then on a release of before refuses to run, instead of forgetting what it does not know.
 *
 * | format | what came with it                                                                                      |
 * |--------|--------------------------------------------------------------------------------------------------------|
 * | 1      | rollouts of one stage, whose released ranks are all between `settled` and `released`                   |
 * | 2      | rollouts of many stages: which ranks are out, failed or left behind is packed into texts; more states  |
 *
 * Format 2 is that of 0.1.0, the first release: what its rollouts can be (`withheld` too, which came after its golden file was
 * written) was known to every release that writes it. From 0.1.0 on another state of a rollout is a format of its own, since a
 * release of before cannot read the App's rollouts at all; the test holds the list.
 *
 * `test/functions/store/golden` holds items as each format's releases wrote them.
 */
export const FORMAT = 2;
